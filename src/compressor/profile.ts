/**
 * How an archive is divided into frames: a choice of the user as data, and the sizes that follow from it for one file.
 * First step of compressing; `frames.ts` writes what is planned here.
 */
import { RolloutError } from "../errors.ts";
import { findCheckpoint } from "./checkpoint.ts";

/**
 * `checkpoint`: one frame up to the newest compaction, one from there on, so that a resume decodes only the second.
 * `single`: one frame. `seekable`: frames of equal plain size, which find no repeats in each other.
 */
export type FrameProfile =
  | { readonly kind: "checkpoint" | "single" }
  | { readonly kind: "seekable"; readonly frameBytes: number };

const MIB = 1024 * 1024;
/** Readers begin at no frame that comes sooner than this behind another (`readers/bytes.ts`). */
const MIN_FRAME_BYTES = MIB;
/** The frame of a checkpoint has to save a reader at least this part of the file, or it is not worth its bytes. */
const MIN_SAVED_PART = 0.25;

/** `checkpoint`, `single` or `seekable=<MiB>`. @throws RolloutError `usage` */
export function parseProfile(text: string): FrameProfile {
  if (text === "checkpoint" || text === "single") return { kind: text };
  const [, mib] = /^seekable=(\d{1,4})$/.exec(text) ?? [];
  const frameBytes = Number(mib) * MIB;
  if (frameBytes >= MIN_FRAME_BYTES && frameBytes <= 1024 * MIB) return { kind: "seekable", frameBytes };
  throw new RolloutError("usage", "--frames takes checkpoint, single or seekable=<MiB>, with 1 to 1024 MiB", {
    hint: "checkpoint is the default; seekable=4 lets readers begin at every 4 MiB, and compresses less",
  });
}

/** Plain sizes of the frames of the file open as `fd`, in their order; their sum is `sizeBytes`. */
export function planFrames(fd: number, sizeBytes: number, profile: FrameProfile): readonly number[] {
  if (profile.kind === "seekable") return equalFrames(sizeBytes, profile.frameBytes);
  if (profile.kind === "single" || sizeBytes < 2 * MIN_FRAME_BYTES) return [sizeBytes];
  const cut = findCheckpoint(fd, sizeBytes) ?? 0;
  return cut < Math.max(MIN_FRAME_BYTES, sizeBytes * MIN_SAVED_PART) ? [sizeBytes] : [cut, sizeBytes - cut];
}

function equalFrames(sizeBytes: number, frameBytes: number): readonly number[] {
  const count = Math.max(1, Math.ceil(sizeBytes / frameBytes));
  return Array.from({ length: count }, (_unused, index) => Math.min(frameBytes, sizeBytes - index * frameBytes));
}
