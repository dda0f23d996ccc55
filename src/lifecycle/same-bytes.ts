/** Whether two files hold the same bytes, read beside each other. */
import { withSources } from "../compressor/files.ts";
import { beginsWith } from "../compressor/verify.ts";

/** No link is followed. @throws RolloutError when one cannot be read. */
export function haveEqualBytes(path: string, other: string): boolean {
  return withSources(path, other, (a, b) => a.look.sizeBytes === b.look.sizeBytes && beginsWith(a, b));
}
