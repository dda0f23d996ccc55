/** Rows that name the place of a home, or folders that have moved, brought up to date (state-and-compression §7 #47002, observed §4). */
import { join } from "node:path";
import { STATE_DB } from "../indexer/database-files.ts";
import type { SqlRow } from "../io/sqlite.ts";
import type { RowChange, Step } from "../journal/types.ts";
import type { Home } from "../readers/home.ts";
import type { FolderMap } from "./cwd-map.ts";
import { DatabaseView, keyOf } from "./rows.ts";

export interface RowMaps {
  /** New path of a rollout; undefined where it stays. */
  readonly rollout: (path: string) => string | undefined;
  readonly cwd: FolderMap;
}

export interface HomeRows {
  readonly steps: readonly Step[];
  /** Rows that change, by table. */
  readonly counts: Readonly<Record<string, number>>;
  /** Threads with a path that nothing was known of: neither below the old home nor in this one. */
  readonly elsewhere: number;
}

interface Place {
  readonly table: string;
  readonly column: string;
  readonly holds: keyof RowMaps;
}

const PLACES: readonly Place[] = [
  { table: "threads", column: "rollout_path", holds: "rollout" },
  { table: "threads", column: "cwd", holds: "cwd" },
  { table: "project_roots", column: "path", holds: "cwd" },
  { table: "rollout_migration_skipped_rollouts", column: "rollout_path", holds: "rollout" },
];

/** What has to change in the state database. Nothing where there is none. */
export function homeRows(home: Home, maps: RowMaps): HomeRows {
  const database = join(home.sqliteHome, STATE_DB);
  const view = DatabaseView.read(database);
  if (view === undefined) return { steps: [], counts: {}, elsewhere: 0 };
  try {
    const changes = [...new Set(PLACES.map(({ table }) => table))].flatMap((table) => changesIn(view, table, maps));
    const counts: Record<string, number> = {};
    for (const { table, after } of changes) if (after !== null) counts[table] = (counts[table] ?? 0) + 1;
    const elsewhere = view.has("threads")
      ? view.all("select rollout_path as path from threads").filter(isElsewhere(home, maps)).length
      : 0;
    return { steps: changes.length === 0 ? [] : [{ kind: "rows", database, changes }], counts, elsewhere };
  } finally {
    view.close();
  }
}

function isElsewhere({ codexHome }: Home, { rollout }: RowMaps): (row: SqlRow) => boolean {
  return ({ path }) => typeof path === "string" && !path.startsWith(codexHome) && rollout(path) === undefined;
}

function changesIn(view: DatabaseView, table: string, maps: RowMaps): readonly RowChange[] {
  const columns = view.columns(table);
  const keys = columns.filter(({ isKey }) => isKey).map(({ name }) => name);
  const places = PLACES.filter((place) => place.table === table && columns.some(({ name }) => name === place.column));
  if (places.length === 0) return [];
  return view
    .all(`select * from "${table}"`)
    .flatMap((row) => changeOf(table, row, { keys, after: movedColumns(row, places, maps) }));
}

function movedColumns(row: SqlRow, places: readonly Place[], maps: RowMaps): SqlRow {
  const moved: Record<string, string> = {};
  for (const { column, holds } of places) {
    const value = row[column];
    const target = typeof value === "string" ? maps[holds](value) : undefined;
    if (target !== undefined && target !== value) moved[column] = target;
  }
  return moved;
}

function changeOf(
  table: string,
  row: SqlRow,
  { keys, after }: { readonly keys: readonly string[]; readonly after: SqlRow },
): readonly RowChange[] {
  const names = Object.keys(after);
  if (names.length === 0) return [];
  const key = keyOf(row, keys);
  if (!names.some((name) => keys.includes(name))) {
    const before = Object.fromEntries(names.map((name) => [name, row[name] ?? null]));
    return [{ table, key, before, after }];
  }
  // Of a row that is known by its path another one takes the place.
  const moved = { ...row, ...after };
  return [
    { table, key, before: row, after: null },
    { table, key: keyOf(moved, keys), before: null, after: moved },
  ];
}
