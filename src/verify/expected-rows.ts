/**
 * Rows of the state database against what `reindex` would write: the same machinery, with what it finds told by thread. Archives
 * that are not decoded in this run, and whatever continues one of them, are left out.
 */
import { join } from "node:path";
import { STATE_DB } from "../indexer/database-files.ts";
import { desiredIndex } from "../indexer/desired.ts";
import { findDifferences } from "../indexer/differences.ts";
import { readOldIndex } from "../indexer/old-index.ts";
import { checkOptions } from "../indexer/options.ts";
import type { Discovery, Home } from "../readers/home.ts";
import type { FindSource } from "./chains.ts";
import { parseUuid } from "../format/names.ts";
import type { FileFacts } from "./file-check.ts";
import type { Tell } from "./findings.ts";

export interface ExpectedRowsInput {
  readonly home: Home;
  readonly discovery: Discovery;
  readonly files: readonly FileFacts[];
  readonly find: FindSource;
  readonly isBusy: (threadId: string) => boolean;
  readonly nowMs: number;
}

/** Columns that checks of their own tell of. */
const TOLD_ELSEWHERE = new Set(["rollout_path", "archived", "archived_at", "history_mode", "thread_section_id"]);

export function checkExpectedRows(input: ExpectedRowsInput, tell: Tell): void {
  const path = join(input.home.sqliteHome, STATE_DB);
  const old = readOldIndex(path);
  if (old.state !== "healthy" && old.state !== "refused") return;
  const whole = input.files.filter((facts) => isKnown(facts, input.find));
  const paths = new Set(whole.map(({ file }) => file.path));
  const discovery = { ...input.discovery, files: input.discovery.files.filter(({ path: at }) => paths.has(at)) };
  const desired = desiredIndex({
    home: input.home,
    options: checkOptions({ now: () => input.nowMs }),
    discovery,
    old,
    manifest: undefined,
  });
  const columns = new Map<string, string[]>();
  for (const { id, column } of findDifferences(old, desired, false).columns) {
    if (TOLD_ELSEWHERE.has(column)) continue;
    const found = columns.get(id);
    if (found === undefined) columns.set(id, [column]);
    else found.push(column);
  }
  for (const [threadId, names] of columns) {
    if (!input.isBusy(threadId)) tell("row-differs", { path, threadId }, `${names.join(", ")}: not as in the rollout`);
  }
}

/** Its lines have been looked at, and those of what it continues. */
function isKnown(facts: FileFacts, find: FindSource): boolean {
  const met = new Set<FileFacts>();
  for (let at: FileFacts | undefined = facts; at !== undefined && !met.has(at);) {
    if (!at.wasRead) return false;
    met.add(at);
    const base: string | undefined = at.base?.thread_id;
    at = base === undefined ? undefined : find(parseUuid(base) ?? base);
  }
  return true;
}
