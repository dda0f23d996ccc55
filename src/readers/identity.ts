/**
 * Whose rollout a file is: its first `session_meta`, which alone counts, whatever the name says (rollout-format §3.1,
 * §1.2). A file without one belongs to the thread in its name, as for Codex's rebuild (state-and-compression §2.3).
 */
import { RolloutError } from "../errors.ts";
import { parseUuid } from "../format/names.ts";
import type { SessionMeta } from "../format/record.ts";
import { openRollout, readRollout } from "./rollout.ts";

export interface Identity {
  /** The file that was there when it was opened: either form. */
  readonly path: string;
  /** Lower case; undefined when the file has no usable metadata. */
  readonly id: string | undefined;
  readonly meta: SessionMeta | undefined;
  /** Why the file could not be read. */
  readonly problem: RolloutError | undefined;
}

const META: ReadonlySet<string> = new Set(["session_meta"]);
/** Read at a time: the first record of most files has no more than a few of these. */
const HEAD_BYTES = 8 * 1024;

/**
 * Reads up to the first metadata of a rollout of any generation. Undefined when there is no such file, under neither of
 * its two names (`x.jsonl`, `x.jsonl.zst`), also after waiting for one to become the other.
 */
export function readIdentity(path: string): Identity | undefined {
  let physical = path;
  try {
    const reader = openRollout(path, { chunkBytes: HEAD_BYTES });
    physical = reader.path;
    reader.close();
    for (const entry of readRollout(physical, { kinds: META, chunkBytes: HEAD_BYTES })) {
      if (!entry.ok || entry.record.type !== "session_meta") continue;
      const meta = entry.record.payload;
      return { path: physical, id: parseUuid(meta.id) ?? meta.id.toLowerCase(), meta, problem: undefined };
    }
    return { path: physical, id: undefined, meta: undefined, problem: undefined };
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    if (error.code === "not-found") return undefined;
    return { path: physical, id: undefined, meta: undefined, problem: error };
  }
}
