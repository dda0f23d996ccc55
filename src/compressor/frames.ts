/**
 * Plain bytes to frames: each with its content size and a checksum, a window that Codex's decoder accepts, and behind several
 * of them a seek table, in the form of the Zstandard seekable format, inside a skippable frame. Knows no rollout.
 */
import { RolloutError } from "../errors.ts";
import { readAt, writeFully } from "../io/files.ts";
import { MAX_WINDOW_LOG, ZstdEncoder } from "../io/zstd.ts";
import { SEEK_FOOTER_MAGIC, SEEK_TABLE_MAGIC } from "../io/zstd-frames.ts";

export interface FrameOptions {
  /** Zstandard's level; Codex's is 3 (state-and-compression §4.4). */
  readonly level: number;
  /** Plain bytes, as they are taken in. */
  readonly advance?: ((bytes: number) => void) | undefined;
  /** Bytes of the archive, once they are in the file. */
  readonly wrote?: ((bytes: number) => void) | undefined;
}

interface WrittenFrame {
  readonly packedBytes: number;
  readonly plainBytes: number;
}

const CHUNK_BYTES = 256 * 1024;
/** Files of less are within the reach of the level's own search, which then needs no second one for far repeats. */
const LONG_DISTANCE_BYTES = 1024 * 1024;
const MAX_UINT32 = 0xffff_ffff;

/**
 * Compresses the file open as `source` into the one open as `target`, frame by frame as planned; returns the bytes written.
 * @throws RolloutError `mismatch` when the source ends before the plan does; those of writing.
 */
export function encodeFrames(
  source: { readonly fd: number; readonly path: string },
  target: { readonly fd: number; readonly path: string },
  plan: readonly number[],
  options: FrameOptions,
): number {
  const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, Math.max(1, ...plan)));
  const frames: WrittenFrame[] = [];
  let offset = 0;
  for (const plainBytes of plan) {
    let packedBytes = 0;
    const write = (bytes: Buffer): void => {
      writeFully(target.fd, bytes, null, target.path);
      packedBytes += bytes.length;
      options.wrote?.(bytes.length);
    };
    const encoder = frameEncoder(plainBytes, options.level);
    try {
      for (const end = offset + plainBytes; offset < end;) {
        const wanted = buffer.subarray(0, Math.min(buffer.length, end - offset));
        const count = readAt(source.fd, wanted, offset, source.path);
        if (count < wanted.length) throw new RolloutError("mismatch", "the file became shorter", { path: source.path });
        encoder.writeTo(wanted, write);
        offset += count;
        options.advance?.(count);
      }
      encoder.endFrameTo(write);
    } finally {
      encoder.release();
    }
    frames.push({ packedBytes, plainBytes });
  }
  const table = seekTable(frames);
  writeFully(target.fd, table, null, target.path);
  options.wrote?.(table.length);
  return frames.reduce((sum, frame) => sum + frame.packedBytes, table.length);
}

/** For one frame of that size. */
export function frameEncoder(plainBytes: number, level: number): ZstdEncoder {
  return new ZstdEncoder({
    level,
    checksum: true,
    longDistance: plainBytes > LONG_DISTANCE_BYTES,
    windowLog: windowLog(plainBytes),
    pledgedBytes: plainBytes,
  });
}

/** As large as the frame, since a window takes memory of whoever reads it; never more than Codex accepts. */
function windowLog(plainBytes: number): number {
  return Math.min(MAX_WINDOW_LOG, Math.max(10, Math.ceil(Math.log2(Math.max(1, plainBytes)))));
}

/** Empty for one frame, which there is nothing to seek in, and for frames whose size the format cannot tell. */
function seekTable(frames: readonly WrittenFrame[]): Buffer {
  const isTooLarge = frames.some(({ packedBytes, plainBytes }) => Math.max(packedBytes, plainBytes) > MAX_UINT32);
  if (frames.length < 2 || isTooLarge) return Buffer.alloc(0);
  const contentBytes = frames.length * 8 + 9;
  const table = Buffer.alloc(8 + contentBytes);
  table.writeUInt32LE(SEEK_TABLE_MAGIC, 0);
  table.writeUInt32LE(contentBytes, 4);
  for (const [index, { packedBytes, plainBytes }] of frames.entries()) {
    table.writeUInt32LE(packedBytes, 8 + index * 8);
    table.writeUInt32LE(plainBytes, 12 + index * 8);
  }
  table.writeUInt32LE(frames.length, table.length - 9);
  // Without checksums of its own: the frames have theirs.
  table.writeUInt8(0, table.length - 5);
  table.writeUInt32LE(SEEK_FOOTER_MAGIC, table.length - 4);
  return table;
}
