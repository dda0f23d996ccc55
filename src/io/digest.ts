/** Short digests for telling whether bytes have changed. Not for security. */
import { createHash } from "node:crypto";

/** 16 hexadecimal digits. */
export function shortDigest(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("hex").slice(0, 16);
}
