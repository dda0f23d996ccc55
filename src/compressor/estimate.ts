/**
 * What compressing a file would save, without writing: a short one as a whole, of a longer one two stretches, in
 * memory. Repeats that lie farther apart are not seen that way, so that the archive of a long file mostly comes out smaller.
 */
import { closeSync } from "node:fs";
import { readAt } from "../io/files.ts";
import { ZstdEncoder } from "../io/zstd.ts";
import { openSource } from "./files.ts";
import { LONG_DISTANCE_BYTES } from "./frames.ts";

/** Long enough to hold a compaction, and what it repeats. */
const STRETCH_BYTES = 8 * 1024 * 1024;
const STRETCHES = 2;

/** Predicted size of the archive. @throws RolloutError when the file cannot be read. */
export function estimateBytes(path: string, level: number): number {
  const source = openSource(path);
  try {
    const { sizeBytes } = source.look;
    const stretches = stretchesOf(sizeBytes);
    const buffer = Buffer.allocUnsafe(Math.min(STRETCH_BYTES, Math.max(1, sizeBytes)));
    // One frame over all of them: what repeats from one to the next is found, as it would be in the file.
    const encoder = new ZstdEncoder({ level, checksum: true, longDistance: sizeBytes > LONG_DISTANCE_BYTES });
    let [sampledBytes, packedBytes] = [0, 0];
    const count = ({ length }: Buffer): void => void (packedBytes += length);
    for (const { offset, length } of stretches) {
      const bytes = buffer.subarray(0, readAt(source.fd, buffer.subarray(0, length), offset, path));
      sampledBytes += bytes.length;
      encoder.writeTo(bytes, count);
    }
    encoder.endFrameTo(count);
    encoder.release();
    return sampledBytes === 0 ? packedBytes : Math.ceil((packedBytes / sampledBytes) * sizeBytes);
  } finally {
    closeSync(source.fd);
  }
}

/** Evenly spread from the start to the end; the whole of a file that is no longer than they are together. */
function stretchesOf(sizeBytes: number): readonly { readonly offset: number; readonly length: number }[] {
  const count = Math.min(STRETCHES, Math.max(1, Math.ceil(sizeBytes / STRETCH_BYTES)));
  const isWhole = sizeBytes <= STRETCHES * STRETCH_BYTES;
  const step = isWhole ? STRETCH_BYTES : (sizeBytes - STRETCH_BYTES) / (count - 1);
  return Array.from({ length: count }, (_unused, index) => {
    const offset = Math.floor(index * step);
    return { offset, length: Math.max(0, Math.min(STRETCH_BYTES, sizeBytes - offset)) };
  });
}
