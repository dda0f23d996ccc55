/**
 * What compressing a file would save, without writing: a short one is compressed as a whole, of a longer one two stretches, in
 * memory; and of that goes the part which repeats what lies too far away for a stretch to show (`far-repeats.ts`).
 */
import { closeSync } from "node:fs";
import { readAt } from "../io/files.ts";
import { ZstdEncoder } from "../io/zstd.ts";
import { farRepeats } from "./far-repeats.ts";
import { openSource } from "./files.ts";
import { frameEncoder } from "./frames.ts";

const STRETCH_BYTES = 8 * 1024 * 1024;
const STRETCHES = 2;

/** Predicted size of the archive. @throws RolloutError when the file cannot be read. */
export function estimateBytes(path: string, level: number): number {
  const source = openSource(path);
  try {
    const { sizeBytes } = source.look;
    const isWhole = sizeBytes <= STRETCHES * STRETCH_BYTES;
    const stretches = stretchesOf(sizeBytes, isWhole);
    const buffer = Buffer.allocUnsafe(Math.min(STRETCH_BYTES, Math.max(1, sizeBytes)));
    const encoder = isWhole ? frameEncoder(sizeBytes, level) : new ZstdEncoder({ level, checksum: true });
    let [sampledBytes, packedBytes] = [0, 0];
    const count = ({ length }: Buffer): void => void (packedBytes += length);
    for (const { offset, length } of stretches) {
      const bytes = buffer.subarray(0, readAt(source.fd, buffer.subarray(0, length), offset, path));
      sampledBytes += bytes.length;
      encoder.writeTo(bytes, count);
    }
    encoder.endFrameTo(count);
    encoder.release();
    if (isWhole || sampledBytes === 0) return packedBytes;
    const newBytes = sizeBytes * (1 - farRepeats(source.fd, sizeBytes));
    return Math.ceil((packedBytes / sampledBytes) * newBytes);
  } finally {
    closeSync(source.fd);
  }
}

/** Evenly spread from the start to the end; the whole of a file that is no longer than they are together. */
function stretchesOf(
  sizeBytes: number,
  isWhole: boolean,
): readonly { readonly offset: number; readonly length: number }[] {
  const count = Math.min(STRETCHES, Math.max(1, Math.ceil(sizeBytes / STRETCH_BYTES)));
  const step = isWhole ? STRETCH_BYTES : (sizeBytes - STRETCH_BYTES) / (count - 1);
  return Array.from({ length: count }, (_unused, index) => {
    const offset = Math.floor(index * step);
    return { offset, length: Math.max(0, Math.min(STRETCH_BYTES, sizeBytes - offset)) };
  });
}
