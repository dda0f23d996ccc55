/** Whether two files hold the same bytes, read beside each other. */
import { closeSync } from "node:fs";
import { openSource } from "../compressor/files.ts";
import { readAt } from "../io/files.ts";

const CHUNK_BYTES = 256 * 1024;

/** No link is followed. @throws RolloutError when one cannot be read. */
export function haveEqualBytes(path: string, other: string): boolean {
  const [a, b] = [openSource(path), openSource(other)];
  try {
    if (a.look.sizeBytes !== b.look.sizeBytes) return false;
    const [left, right] = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)];
    for (let offset = 0; offset < a.look.sizeBytes; offset += CHUNK_BYTES) {
      const count = readAt(a.fd, left, offset, path);
      const twin = readAt(b.fd, right, offset, other);
      if (count !== twin || !left.subarray(0, count).equals(right.subarray(0, twin))) return false;
      if (count === 0) break;
    }
    return true;
  } finally {
    closeSync(a.fd);
    closeSync(b.fd);
  }
}
