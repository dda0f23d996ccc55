/**
 * `session_index.jsonl`: the names that users gave to threads (rollout-format §1.6, state-and-compression §5.4).
 * Append-only; the last line of an id counts, whatever its time says; an empty name means that the name was taken away.
 */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { parseUuid } from "../format/names.ts";
import { openBytes } from "./bytes.ts";
import { SESSION_INDEX } from "./home.ts";
import { splitLines } from "./lines.ts";

export interface SessionNames {
  /** Thread id to its current name; cleared names are absent. */
  readonly byId: ReadonlyMap<string, string>;
  /** Lines that are no index entry; Codex skips them too. */
  readonly malformedLines: number;
}

/** Longer lines cannot be names; they are counted as malformed. */
const MAX_NAME_LINE_BYTES = 1024 * 1024;

/** An absent index is an empty one. @throws RolloutError when it exists and cannot be read. */
export function readSessionNames(codexHome: string): SessionNames {
  const byId = new Map<string, string>();
  let malformedLines = 0;
  for (const entry of indexLines(join(codexHome, SESSION_INDEX))) {
    if (entry === undefined) malformedLines++;
    else if (entry.name === "") byId.delete(entry.id);
    else byId.set(entry.id, entry.name);
  }
  return { byId, malformedLines };
}

function* indexLines(path: string): Generator<{ readonly id: string; readonly name: string } | undefined> {
  let reader: ReturnType<typeof openBytes>;
  try {
    reader = openBytes(path);
  } catch (error) {
    if (error instanceof RolloutError && error.code === "not-found") return;
    throw error;
  }
  try {
    for (const line of splitLines(reader.forward(), { maxLineBytes: MAX_NAME_LINE_BYTES })) {
      if (line.tooLong === true) yield undefined;
      else if (line.bytes.length > 0) yield parseEntry(line.bytes.toString("utf8"));
    }
  } finally {
    reader.close();
  }
}

function parseEntry(text: string): { readonly id: string; readonly name: string } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("id" in value) || !("thread_name" in value)) return undefined;
    const id = typeof value.id === "string" ? parseUuid(value.id) : undefined;
    if (id === undefined || typeof value.thread_name !== "string") return undefined;
    return { id, name: value.thread_name.trim() };
  } catch {
    return undefined;
  }
}
