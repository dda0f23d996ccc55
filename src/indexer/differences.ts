/** Old index against desired index: what an update has to write, and what `--check` reports. Pure. */
import type { SqlRow } from "../io/sqlite.ts";
import type { SpawnEdge } from "./assemble.ts";
import { type Difference, rowDifferences } from "./compare.ts";
import type { DesiredIndex } from "./desired.ts";
import { type OldIndex, threadRows } from "./old-index.ts";
import type { ThreadRow } from "./row.ts";
import { threadColumns } from "./schema.ts";
import type { ThreadPatch } from "./state-update.ts";

export interface Differences {
  readonly columns: readonly Difference[];
  /** Threads without a row. */
  readonly missing: readonly ThreadRow[];
  readonly missingEdges: readonly SpawnEdge[];
  readonly patches: readonly ThreadPatch[];
  readonly isEmpty: boolean;
}

export function findDifferences(old: OldIndex, desired: DesiredIndex, update: boolean): Differences {
  const rows = threadRows(old);
  const names = threadColumns(desired.level);
  const missing = desired.threads.filter(({ id }) => !rows.has(id));
  const columns = desired.threads.flatMap((thread) => {
    const row = rows.get(thread.id);
    return row === undefined ? [] : rowDifferences(row, thread, names, !desired.rules.best);
  });
  const edgeChildren = new Set((old.tables.get("thread_spawn_edges") ?? []).map((edge) => edge.child_thread_id));
  const missingEdges = desired.edges.filter(({ child_thread_id: child }) => !edgeChildren.has(child));
  const patches = update ? [...patchesFor(columns, desired.threads), ...newNames(desired, rows, names)] : [];
  const isEmpty = columns.length + missing.length + missingEdges.length + patches.length === 0;
  return { columns, missing, missingEdges, patches, isEmpty };
}

/** Seconds and milliseconds of a time go together, or a trigger would derive one from the other. */
const PAIRS: Readonly<Record<string, readonly (keyof ThreadRow)[]>> = {
  created_at: ["created_at", "created_at_ms"],
  created_at_ms: ["created_at", "created_at_ms"],
  updated_at: ["updated_at", "updated_at_ms"],
  updated_at_ms: ["updated_at", "updated_at_ms"],
  recency_at: ["recency_at", "recency_at_ms"],
  recency_at_ms: ["recency_at", "recency_at_ms"],
};

function patchesFor(columns: readonly Difference[], threads: readonly ThreadRow[]): readonly ThreadPatch[] {
  const byId = new Map(threads.map((thread) => [thread.id, thread]));
  const values = new Map<string, Record<string, ThreadRow[keyof ThreadRow]>>();
  for (const { id, column } of columns) {
    const thread = byId.get(id);
    if (thread === undefined) continue;
    const patch = values.get(id) ?? {};
    for (const name of PAIRS[column] ?? [column]) patch[name] = thread[name];
    values.set(id, patch);
  }
  return [...values].map(([id, patch]) => ({ id, values: patch }));
}

/** Names given since, of threads whose rollouts did not change. */
function newNames(
  desired: DesiredIndex,
  rows: ReadonlyMap<string, SqlRow>,
  columns: readonly string[],
): readonly ThreadPatch[] {
  return [...desired.names].flatMap(([id, name]): readonly ThreadPatch[] => {
    const row = rows.get(id);
    if (row === undefined || !desired.untouched.has(id)) return [];
    if (row.history_mode === "paginated") {
      return columns.includes("name") && row.name === null ? [{ id, values: { name } }] : [];
    }
    return row.title === name ? [] : [{ id, values: { title: name } }];
  });
}
