/** Another home that threads are going to: what it has of them already, and which of their rows find a place there. */
import { basename, join } from "node:path";
import { RolloutError } from "../errors.ts";
import { STATE_DB } from "../indexer/database-files.ts";
import { quoteName, type SqlRow } from "../io/sqlite.ts";
import type { RowChange, Step } from "../journal/types.ts";
import { keyOf, DatabaseView, type FoundRows } from "./rows.ts";
import type { FolderMap } from "./cwd-map.ts";
import { References } from "./references.ts";
import type { HomeSurvey } from "./survey.ts";
import { OWNED_TABLES, PROJECTED_TABLES } from "./tables.ts";

export interface IncomingRows {
  readonly steps: readonly Step[];
  readonly counts: Readonly<Record<string, number>>;
  /** One clause each: what has no place there. */
  readonly notes: readonly string[];
}

/** Rows by table of the old home, those of `threads` with their new paths; ones that are there already stay as they are. */
export function incomingRows(
  {
    here,
    there,
    folders,
  }: { readonly here: HomeSurvey; readonly there: HomeSurvey; readonly folders: FolderMap | undefined },
  found: readonly FoundRows[],
  isMember: (id: string) => boolean,
): IncomingRows {
  const counts: Record<string, number> = {};
  const notes: string[] = [];
  const references = new References(here.home.sqliteHome, folders);
  const movable = [...OWNED_TABLES.filter((one) => one.movable), ...PROJECTED_TABLES];
  const steps = [...new Set(movable.map(({ file }) => file))].flatMap((file): readonly Step[] => {
    // Rows that others refer to come first.
    const tables = movable.filter((one) => one.file === file).toReversed();
    const rows = tables.flatMap(({ table }) =>
      found.filter((one) => one.table === table && basename(one.database) === file),
    );
    if (rows.length === 0) return [];
    const database = join(there.home.sqliteHome, file);
    const view = file === STATE_DB && there.index.state !== "sound" ? undefined : DatabaseView.read(database);
    try {
      const own = rows.flatMap((one) => insertions(view, one, { isMember, notes, references }));
      const changes = file === STATE_DB ? [...references.added, ...own] : own;
      for (const { table } of changes) counts[table] = (counts[table] ?? 0) + 1;
      return changes.length === 0 ? [] : [{ kind: "rows", database, changes }];
    } finally {
      view?.close();
    }
  });
  return { steps, counts, notes };
}

const UNSHOWN =
  "the other home has no list of turns yet: Codex shows those of a paginated thread once it has been resumed there";

interface Surroundings {
  readonly isMember: (id: string) => boolean;
  readonly notes: string[];
  readonly references: References;
}

function insertions(
  view: DatabaseView | undefined,
  { table, rows }: FoundRows,
  { isMember, notes, references }: Surroundings,
): readonly RowChange[] {
  const columns = view?.columns(table) ?? [];
  if (view === undefined || columns.length === 0) {
    const isShown = PROJECTED_TABLES.some((one) => one.table === table);
    if (!isShown) notes.push(`the other home has no table ${table}: ${rows.length} rows stay behind`);
    else if (!notes.includes(UNSHOWN)) notes.push(UNSHOWN);
    return [];
  }
  const keys = columns.filter(({ isKey }) => isKey).map(({ name }) => name);
  return rows.flatMap((row) => {
    // An edge goes with the agent, whatever becomes of the one that spawned it.
    if (table === "thread_spawn_edges" && !isMember(String(row["child_thread_id"]))) return [];
    const kept = table === "threads" ? references.settled(view, row) : row;
    const after = Object.fromEntries(
      columns.filter(({ name }) => Object.hasOwn(kept, name)).map(({ name }) => [name, kept[name] ?? null]),
    );
    const key = keyOf(after, keys);
    return isThere(view, table, key) ? [] : [{ table, key, before: null, after }];
  });
}

function isThere(view: DatabaseView, table: string, key: SqlRow): boolean {
  const where = Object.keys(key)
    .map((name) => `${quoteName(name)} is ?`)
    .join(" and ");
  return view.all(`select 1 from ${quoteName(table)} where ${where}`, Object.values(key)).length > 0;
}

/** @throws RolloutError `mismatch` when the other home has another thread of this id, or only a part of this one. */
export function requireNoOther(target: HomeSurvey, id: string, expected: ReadonlySet<string>): void {
  const others = (target.owned.get(id) ?? []).flatMap(({ forms }) => forms).filter((path) => !expected.has(path));
  const [path] = others;
  const hasOnlyRow = target.rows.has(id) && (target.owned.get(id) ?? []).length === 0;
  if (path === undefined && !hasOnlyRow) return;
  throw new RolloutError("mismatch", `the other home has a thread ${id} already`, {
    path: path ?? target.index.path,
    hint: "delete it there first, if it is not wanted; nothing was changed",
  });
}
