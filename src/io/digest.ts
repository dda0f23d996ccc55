/** Digests for telling whether bytes have changed. */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

/** Eight hexadecimal digits, not for security. A cryptographic digest of a few kilobytes costs more than reading the file they come from. */
export function shortDigest(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, "0");
}

/** SHA-256 of all chunks together, hexadecimal. */
export function sha256Of(chunks: Iterable<Uint8Array>): string {
  const hash = createHash("sha256");
  for (const bytes of chunks) hash.update(bytes);
  return hash.digest("hex");
}
