/**
 * One archive back to its plain file, as Codex does it before it appends (state-and-compression §4.7): decoded beside it,
 * given mode and time, brought to the disk, and named without taking the place of anything. The archive goes last.
 */
import { closeSync } from "node:fs";
import { basename, dirname } from "node:path";
import { RolloutError } from "../errors.ts";
import { compressedPath, parseRolloutName } from "../format/names.ts";
import { createTemporary, freeBytesAt, readAt, removeIfThere, writeFully } from "../io/files.ts";
import type { HeldLock } from "../io/locks.ts";
import { formatBytes } from "../io/text.ts";
import { decodeZstd } from "../io/zstd.ts";
import { zstdFrames } from "../io/zstd-frames.ts";
import type { Candidate } from "./discover.ts";
import { readFirstMeta } from "./eligibility.ts";
import {
  hasSameContent,
  inherit,
  isSameFile,
  lookAtPath,
  nameWithoutClobber,
  openSource,
  type OpenSource,
} from "./files.ts";
import { temporaryBase } from "./names.ts";
import { lockThread } from "./thread-lock.ts";
import { fileChunks } from "./verify.ts";

/** The first four are Codex's own names (state-and-compression §4.9). */
export type UnpackOutcome =
  | "decompressed"
  | "plain_exists"
  | "missing"
  | "failed"
  | "skipped_busy"
  | "skipped_changed"
  | "skipped_other_owner"
  | "skipped_not_a_file";

export interface Unpacked {
  readonly outcome: UnpackOutcome;
  readonly sourceBytes: number;
  readonly plainBytes: number;
  /** Of an archive that breaks, at this many plain bytes. */
  readonly message?: string;
}

/** @throws RolloutError; nothing is changed then. */
export function unpackFile(candidate: Candidate, advance: ((bytes: number) => void) | undefined): Unpacked {
  const archive = openSource(compressedPath(candidate.plainPath));
  try {
    return unpackSource(archive, candidate, advance);
  } finally {
    closeSync(archive.fd);
  }
}

function unpackSource(
  archive: OpenSource,
  candidate: Candidate,
  advance: ((bytes: number) => void) | undefined,
): Unpacked {
  const sourceBytes = archive.look.sizeBytes;
  const path = candidate.plainPath;
  requireRoom(archive, path);
  const temporary = createTemporary(temporaryBase(path, "unpacking"));
  let lock: HeldLock | undefined;
  try {
    const { plainBytes, message } = decodeTo(archive, temporary, advance);
    const answer = (outcome: UnpackOutcome): Unpacked => ({ outcome, sourceBytes, plainBytes });
    if (message !== undefined) return { ...answer("failed"), message };
    if (!inherit(temporary.fd, archive.look, temporary.path)) return answer("skipped_other_owner");
    const threadId = threadOf(archive.path, path);
    if (candidate.codexHome !== undefined && threadId !== undefined) {
      lock = lockThread(candidate.codexHome, threadId);
      if (lock === undefined) return answer("skipped_busy");
    }
    if (!isStill(archive)) return answer("skipped_changed");
    if (!nameWithoutClobber(temporary.path, path)) return answer("plain_exists");
    if (isStill(archive)) removeIfThere(archive.path);
    return answer("decompressed");
  } finally {
    closeSync(temporary.fd);
    removeIfThere(temporary.path);
    lock?.release();
  }
}

/** A block of 128 KiB in four bytes (RFC 8878 §3.1.1.2). */
const MOST_PACKED = 2 ** 15;

/**
 * Says beforehand what the sizes in the frames' headers tell. They are claims: whatever is not claimed is noticed when it is written.
 * @throws RolloutError `disk-full`
 */
function requireRoom(archive: OpenSource, path: string): void {
  const read = (offset: number, length: number): Buffer => {
    const bytes = Buffer.allocUnsafe(length);
    return bytes.subarray(0, readAt(archive.fd, bytes, offset, archive.path));
  };
  let claimedBytes = 0;
  for (const { contentBytes = 0 } of zstdFrames(read, archive.look.sizeBytes)) claimedBytes += contentBytes;
  // No block can hold more; what is claimed beyond that is found out where the frame is decoded.
  if (claimedBytes > archive.look.sizeBytes * MOST_PACKED) return;
  const freeBytes = freeBytesAt(dirname(path));
  if (freeBytes === undefined || claimedBytes <= freeBytes) return;
  const message = `the plain file takes ${formatBytes(claimedBytes)}, and ${formatBytes(freeBytes)} are free`;
  throw new RolloutError("disk-full", message, { path, hint: "nothing was written; the archive is unchanged" });
}

function isStill(archive: OpenSource): boolean {
  const now = lookAtPath(archive.path);
  return now !== undefined && isSameFile(now, archive.look) && hasSameContent(now, archive.look);
}

/** The id by which the thread is locked: of the first metadata or, where there is none, of the name. */
export function threadOf(readable: string, plainPath: string): string | undefined {
  const meta = readFirstMeta(readable);
  return typeof meta === "object" ? meta.threadId : parseRolloutName(basename(plainPath))?.threadId;
}

function decodeTo(
  archive: OpenSource,
  target: { readonly fd: number; readonly path: string },
  advance: ((bytes: number) => void) | undefined,
): { readonly plainBytes: number; readonly message?: string } {
  const stream = decodeZstd(countedChunks(archive, advance), { keepWindow: true });
  let plainBytes = 0;
  for (let next = stream.next(); ; next = stream.next()) {
    if (next.done === true) return next.value.ok ? { plainBytes } : { plainBytes, message: next.value.message };
    writeFully(target.fd, next.value, null, target.path);
    plainBytes += next.value.length;
  }
}

/** Progress counts what is read: how much it decodes to is known at the end only. */
export function* countedChunks(archive: OpenSource, advance: ((bytes: number) => void) | undefined): Generator<Buffer> {
  for (const chunk of fileChunks(archive)) {
    yield chunk;
    advance?.(chunk.length);
  }
}
