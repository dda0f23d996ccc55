/**
 * One plain rollout to one published archive (state-and-compression §4.5): written beside it, read back and compared byte by
 * byte, given mode and time, brought to the disk, and named without taking the place of anything. Until then the plain file
 * has not been touched; how it goes is `retire.ts`.
 */
import { closeSync } from "node:fs";
import { RolloutError } from "../errors.ts";
import { compressedPath } from "../format/names.ts";
import { createTemporary, removeIfThere } from "../io/files.ts";
import type { HeldLock } from "../io/locks.ts";
import type { Candidate } from "./discover.ts";
import type { Outcome } from "./eligibility.ts";
import { inherit, isThere, isUnchanged, nameWithoutClobber, openSource, type OpenSource } from "./files.ts";
import { startFollower } from "./follow.ts";
import { encodeFrames } from "./frames.ts";
import { temporaryBase } from "./names.ts";
import { type FrameProfile, planFrames } from "./profile.ts";
import type { Published } from "./retire.ts";
import { lockThread } from "./thread-lock.ts";
import { compareArchive } from "./verify.ts";

export interface PackOptions {
  readonly profile: FrameProfile;
  readonly level: number;
  /** Leave the plain file beside its archive. */
  readonly keep: boolean;
  /** Compare large files on a second thread while they are written. */
  readonly follow: boolean;
  /** Told plain bytes as they are read for writing; half of the work, the other half is the comparison. */
  readonly advance?: ((bytes: number) => void) | undefined;
}

export interface Packed {
  readonly sourceBytes: number;
  readonly compressedBytes: number;
  readonly frames: number;
}

export type PackResult =
  | { readonly kind: "skipped"; readonly outcome: Outcome; readonly sourceBytes: number }
  | (Packed & { readonly kind: "kept" })
  /** The plain file waits for `withdraw` and `settle`. The caller then closes the source and releases the lock. */
  | (Packed & { readonly kind: "published"; readonly published: Published; readonly lock: HeldLock | undefined });

/** Smaller ones are done before another thread has started. */
const FOLLOWED_BYTES = 16 * 1024 * 1024;

/** @throws RolloutError; nothing is changed then. */
export function packFile(candidate: Candidate, threadId: string, options: PackOptions): PackResult {
  const source = openSource(candidate.plainPath);
  let isPublished = false;
  try {
    const result = packSource(source, candidate, threadId, options);
    isPublished = result.kind === "published";
    return result;
  } finally {
    if (!isPublished) closeSync(source.fd);
  }
}

function packSource(source: OpenSource, candidate: Candidate, threadId: string, options: PackOptions): PackResult {
  const sourceBytes = source.look.sizeBytes;
  const skipped = (outcome: Outcome): PackResult => ({ kind: "skipped", outcome, sourceBytes });
  const temporary = createTemporary(temporaryBase(source.path, "packing"));
  let lock: HeldLock | undefined;
  let isPublished = false;
  try {
    const written = writeArchive(source, temporary, options);
    if (written === undefined) return skipped("skipped_changed");
    if (!inherit(temporary.fd, source.look, temporary.path)) return skipped("skipped_other_owner");
    if (candidate.codexHome !== undefined) {
      lock = lockThread(candidate.codexHome, threadId);
      if (lock === undefined) return skipped("skipped_busy");
    }
    if (!isUnchanged(source)) return skipped("skipped_changed");
    const packed = { sourceBytes, ...written };
    const archive = compressedPath(source.path);
    if (!nameWithoutClobber(temporary.path, archive, options.keep ? "sync" : "later"))
      return skipped("skipped_already_compressed");
    if (options.keep) return { kind: "kept", ...packed };
    isPublished = true;
    return { kind: "published", ...packed, published: { source, archive, temporary: temporary.path }, lock };
  } finally {
    closeSync(temporary.fd);
    if (!isPublished) {
      removeIfThere(temporary.path);
      lock?.release();
    }
  }
}

interface Temporary {
  readonly fd: number;
  readonly path: string;
}

/** Undefined when the source changes meanwhile. */
function writeArchive(
  source: OpenSource,
  temporary: Temporary,
  options: PackOptions,
): Omit<Packed, "sourceBytes"> | undefined {
  const { level, advance } = options;
  const plan = planFrames(source.fd, source.look.sizeBytes, options.profile);
  const follower =
    options.follow && source.look.sizeBytes >= FOLLOWED_BYTES ? startFollower(temporary, source) : undefined;
  const wrote = (bytes: number): void => follower?.wrote(bytes);
  let compressedBytes: number;
  try {
    compressedBytes = encodeFrames(source, temporary, plan, { level, advance, wrote });
  } catch (error) {
    follower?.abandon();
    if (error instanceof RolloutError && error.code === "mismatch") return undefined;
    throw error;
  }
  const comparison = follower === undefined ? compareArchive(temporary, source, advance) : follower.finish();
  if (follower !== undefined) advance?.(source.look.sizeBytes);
  if (!isUnchanged(source)) return undefined;
  if (comparison.kind === "equal") return { compressedBytes, frames: plan.length };
  throw new RolloutError("mismatch", `the archive does not hold the bytes of its source (${comparison.kind})`, {
    path: source.path,
    hint: "the plain file is unchanged; check memory and disk of this machine",
  });
}

/** Whether a compressed sibling appeared since the folder was read. */
export function hasArchiveNow(candidate: Candidate): boolean {
  return isThere(compressedPath(candidate.plainPath));
}
