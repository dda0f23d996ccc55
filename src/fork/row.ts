/** The new thread's row in `threads`, and the edge of an agent: what `reindex` would write, written at once. */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { assemble, baseName } from "../indexer/assemble.ts";
import { requireOwnDatabase, STATE_DB } from "../indexer/database-files.ts";
import { KNOWN_LEVEL } from "../indexer/levels.ts";
import { readOldIndex } from "../indexer/old-index.ts";
import { rulesFor } from "../indexer/rules.ts";
import { scanRollouts } from "../indexer/scan.ts";
import { updateStateDb } from "../indexer/state-update.ts";
import { pathExists, resolveFolder } from "../io/paths.ts";
import { discoverRollouts, type Home } from "../readers/home.ts";
import type { NewThread } from "./identity.ts";
import type { ForkRow } from "./types.ts";

/**
 * Only a sound database of a level that is known gets the row; otherwise Codex finds the file when it lists, and so does
 * `reindex`. `bases` are the logical paths of the files that the new one continues, which its preview comes from.
 * Never throws for what keeps the row from being written: the thread is there without it.
 */
export function writeRow(home: Home, thread: NewThread, bases: readonly string[]): ForkRow {
  try {
    const index = indexOf(home);
    return "why" in index ? left(index.why) : insert(home, index.level, { thread, bases });
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return left(error.message);
  }
}

/** What `writeRow` would come to, as far as can be told beforehand. */
export function foreseeRow(home: Home): ForkRow {
  try {
    const index = indexOf(home);
    return "why" in index ? left(index.why) : { state: "not-yet", reason: undefined, edge: false };
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return left(error.message);
  }
}

function left(reason: string): ForkRow {
  return { state: "left", reason, edge: false };
}

function indexOf(home: Home): { readonly level: number } | { readonly why: string } {
  requireOwnDatabase(home.sqliteHome);
  const { state, level } = readOldIndex(join(home.sqliteHome, STATE_DB));
  if (state === "absent" || state === "empty") return { why: "there is no index in this home" };
  if (state !== "healthy" || level === undefined) return { why: "the index is damaged" };
  return level > KNOWN_LEVEL ? { why: "the index is of a newer release" } : { level };
}

function insert(
  home: Home,
  level: number,
  { thread, bases }: { readonly thread: NewThread; readonly bases: readonly string[] },
): ForkRow {
  const rules = rulesFor("best", level);
  const wanted = new Set([thread.path, ...bases]);
  const files = discoverRollouts(home.codexHome).files.filter(({ logicalPath }) => wanted.has(logicalPath));
  const { candidates } = scanRollouts(files, { rules, thorough: false, jobs: 1 });
  const { rows, edges } = assemble({
    candidates,
    rules,
    context: { defaultProvider: home.defaultProvider, resolveFolder, exists: pathExists },
    names: new Map(),
    selected: new Map([[thread.id, baseName(thread.path)]]),
  });
  const { inserted, edgesInserted } = updateStateDb(join(home.sqliteHome, STATE_DB), {
    threads: rows.filter(({ id }) => id === thread.id),
    edges: edges.filter(({ child_thread_id: child }) => child === thread.id).map((edge) => ({ ...edge })),
  });
  if (inserted === 0) return left("the new file gives no row");
  return { state: "written", reason: undefined, edge: edgesInserted > 0 };
}
