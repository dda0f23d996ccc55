/** Short digests for telling whether bytes have changed. Not for security. */
import { crc32 } from "node:zlib";

/** Eight hexadecimal digits. A cryptographic digest of a few kilobytes costs more than reading the file they come from. */
export function shortDigest(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, "0");
}
