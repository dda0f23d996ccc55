/** The file of a thread's document. */
import { createHash } from "node:crypto";
import { parseUuid } from "../format/names.ts";

/** `<id>.json`; ids of rollouts without metadata are paths, which are not fit for a name, and go by a digest. */
export function documentName(threadId: string): string {
  const name = parseUuid(threadId) ?? `thread-${createHash("sha256").update(threadId).digest("hex").slice(0, 32)}`;
  return `${name}.json`;
}
