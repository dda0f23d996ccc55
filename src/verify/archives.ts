/**
 * A compressed rollout as a file: what its frames claim, told without decoding them, and what broke when they were decoded
 * (state-and-compression §4.4, §4.8).
 */
import { closeFile, openRegularFile, readAt } from "../io/files.ts";
import { frameInfo, isZstd, MAX_WINDOW_LOG } from "../io/zstd.ts";
import { zstdFrames } from "../io/zstd-frames.ts";
import type { Tell } from "./findings.ts";

export interface ArchiveLook {
  /** Sum of what all frames claim; undefined where one does not, as those of Codex before 0.160. */
  readonly plainBytes: number | undefined;
  /** Codex's decoder would refuse it, and so would ours. */
  readonly isRefused: boolean;
  /** The first frame has no end, or none that makes sense. */
  readonly isCut: boolean;
}

const HEAD_BYTES = 64 * 1024;

/** Reads headers of frames and blocks only. @throws RolloutError when the file cannot be read. */
export function lookAtArchive(path: string, tell: Tell): ArchiveLook {
  const { fd, stat } = openRegularFile(path);
  try {
    const read = (offset: number, length: number): Buffer => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, stat.size - offset)));
      return buffer.subarray(0, readAt(fd, buffer, offset, path));
    };
    const head = read(0, HEAD_BYTES);
    const info = frameInfo(head);
    if (!isZstd(head) || info === undefined) return { plainBytes: undefined, isRefused: false, isCut: true };
    const isRefused = info.windowBytes > 2 ** MAX_WINDOW_LOG;
    if (isRefused) tell("archive-window", { path }, `it asks for a window of ${info.windowBytes} bytes`);
    if (!info.checksum) tell("archive-no-checksum", { path });
    let plainBytes: number | undefined = 0;
    let frames = 0;
    for (const { contentBytes } of zstdFrames(read, stat.size)) {
      frames += 1;
      plainBytes = plainBytes === undefined || contentBytes === undefined ? undefined : plainBytes + contentBytes;
    }
    return { plainBytes: frames === 0 ? undefined : plainBytes, isRefused, isCut: frames === 0 };
  } finally {
    closeFile(fd);
  }
}

/** Tells a stream that broke; `claimedBytes` are what the whole frames claim. */
export function tellBroken(
  path: string,
  failure: { readonly message: string; readonly offset: number },
  claimedBytes: number | undefined,
  tell: Tell,
): void {
  const { message, offset } = failure;
  const isAllThere = offset > 0 && offset === claimedBytes;
  tell(isAllThere ? "archive-trailing" : "archive-broken", { path, offset }, isAllThere ? undefined : message);
}
