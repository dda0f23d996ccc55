/**
 * The identity of a context window: its number and its three ids, as a compaction or the metadata tells them
 * (rollout-format §3.4, §5.2 steps 0 and 4). `scan.ts` finds the current one, `windows.ts` lists them all.
 */
import type { Compacted, SessionMeta } from "../format/record.ts";

/** Ids are UUIDs of version 7 in lower case with hyphens, or undefined where the rollout has none that counts. */
export interface WindowIdentity {
  /** 0 for the window that the thread began with. */
  readonly number: number;
  readonly id: string | undefined;
  /** The id of window 0; this window's own where the record does not say. */
  readonly firstId: string | undefined;
  readonly previousId: string | undefined;
}

/** The window that a compaction begins; undefined when the record does not number it. */
export function windowOfCompaction(compacted: Compacted): WindowIdentity | undefined {
  const legacy = typeof compacted.window_id === "number" ? compacted.window_id : undefined;
  const number = compacted.window_number ?? legacy;
  if (number === undefined) return undefined;
  const id = typeof compacted.window_id === "string" ? uuidV7(compacted.window_id) : undefined;
  const firstId = uuidV7(compacted.first_window_id) ?? id;
  return { number, id, firstId, previousId: uuidV7(compacted.previous_window_id) };
}

/** The window that a thread begins with, if its metadata names it. */
export function windowOfMeta(meta: SessionMeta): WindowIdentity | undefined {
  const id = uuidV7(meta.context_window?.window_id);
  return id === undefined ? undefined : { number: 0, id, firstId: id, previousId: undefined };
}

/** The usual spelling of a UUID of version 7, whichever way it is written; undefined for all else. */
export function uuidV7(text: string | null | undefined): string | undefined {
  if (text == null) return undefined;
  const bare = text
    .toLowerCase()
    .replace(/^urn:uuid:/, "")
    .replace(/^\{(.*)\}$/, "$1");
  const digits = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.test(bare)
    ? bare.replaceAll("-", "")
    : "";
  if (digits[12] !== "7") return undefined;
  return [0, 8, 12, 16, 20].map((start, at, starts) => digits.slice(start, starts[at + 1])).join("-");
}
