/** What the threads that a search has found are called. Loaded only when there are any. */
import type { SqlRow } from "../io/sqlite.ts";
import type { Home } from "../readers/home.ts";
import { readSessionNames } from "../readers/session-index.ts";
import { readThreadIndex, shownName } from "../readers/thread-index.ts";

/** By id: the name, else the title, else the first message, as the index has it. */
export function threadNames(home: Home, ids: Iterable<string>): ReadonlyMap<string, string> {
  const rows = new Map(readThreadIndex(home.sqliteHome).threads.map((row) => [row["id"], row]));
  const names = readSessionNames(home.codexHome).byId;
  const found = new Map<string, string>();
  for (const id of ids) {
    const name = nameOf(rows.get(id), names.get(id));
    if (name !== undefined) found.set(id, name);
  }
  return found;
}

function nameOf(row: SqlRow | undefined, indexName: string | undefined): string | undefined {
  const shown = row === undefined ? indexName : shownName(row, indexName);
  return [shown, row?.["title"], row?.["preview"], row?.["first_user_message"]].find(isTelling);
}

function isTelling(text: unknown): text is string {
  return typeof text === "string" && text.trim() !== "";
}
