/** Rows of single threads in the databases of a home, as changes for the journal. Databases are read as bytes, and never opened here. */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { lstatOrUndefined } from "../io/files.ts";
import { readImage } from "../io/sqlite-image.ts";
import { quoteName, SqliteDatabase, type SqlRow, type SqlValue } from "../io/sqlite.ts";
import type { RowChange, Step } from "../journal/types.ts";
import { LOGS, OWNED_TABLES, PROJECTED_TABLES } from "./tables.ts";

/** Rows of one table, with the columns by which one is known. */
export interface FoundRows {
  readonly database: string;
  readonly table: string;
  readonly keys: readonly string[];
  readonly rows: readonly SqlRow[];
}

/** A database as it was when it was read. */
export class DatabaseView {
  readonly path: string;
  readonly #db: SqliteDatabase;
  readonly #tables: ReadonlySet<string>;

  private constructor(path: string, db: SqliteDatabase) {
    this.path = path;
    this.#db = db;
    this.#tables = new Set(
      db.all("select name from sqlite_schema where type = 'table'").map(({ name }) => String(name)),
    );
  }

  /** Undefined when there is none. @throws RolloutError `damaged` when SQLite cannot read it. */
  static read(path: string): DatabaseView | undefined {
    if (lstatOrUndefined(path)?.isFile() !== true) return undefined;
    const bytes = readImage(path).toBuffer();
    return bytes.length === 0 ? undefined : new DatabaseView(path, SqliteDatabase.fromImage(bytes, path));
  }

  columns(table: string): readonly { readonly name: string; readonly isKey: boolean }[] {
    if (!this.#tables.has(table)) return [];
    const columns = this.#db.all(`pragma table_info(${quoteName(table)})`);
    return columns.map(({ name, pk }) => ({ name: String(name), isKey: Number(pk) > 0 }));
  }

  has(table: string): boolean {
    return this.#tables.has(table);
  }

  /** Rows with one of the values in one of the columns; each once, whichever column has it. */
  rows(table: string, columns: readonly string[], values: readonly string[]): FoundRows {
    const known = this.columns(table);
    const keys = known.filter(({ isKey }) => isKey).map(({ name }) => name);
    const asked = columns.filter((column) => known.some(({ name }) => name === column));
    const found = new Map<string, SqlRow>();
    for (const column of asked) {
      for (const value of values) {
        const sql = `select * from ${quoteName(table)} where ${quoteName(column)} = ?`;
        for (const row of this.#db.rows(sql, [value])) found.set(keyText(row, keys), row);
      }
    }
    return { database: this.path, table, keys, rows: [...found.values()] };
  }

  count(table: string, column: string, values: readonly string[]): number {
    if (!this.columns(table).some(({ name }) => name === column)) return 0;
    const sql = `select count(*) as count from ${quoteName(table)} where ${quoteName(column)} = ?`;
    return values.reduce((sum, value) => sum + Number(this.#db.get(sql, [value])?.["count"] ?? 0), 0);
  }

  all(sql: string, values: readonly SqlValue[] = []): readonly SqlRow[] {
    return this.#db.all(sql, values);
  }

  close(): void {
    this.#db.close();
  }
}

function keyText(row: SqlRow, keys: readonly string[]): string {
  return JSON.stringify((keys.length === 0 ? Object.keys(row) : keys).map((key) => String(row[key])));
}

export function keyOf(row: SqlRow, keys: readonly string[]): SqlRow {
  const names = keys.length === 0 ? Object.keys(row) : keys;
  return Object.fromEntries(names.map((name) => [name, row[name] ?? null]));
}

/** Changes that take these rows away. */
export function removals({ table, keys, rows }: FoundRows): readonly RowChange[] {
  return rows.map((row) => ({ table, key: keyOf(row, keys), before: row, after: null }));
}

/** What threads own in the databases of a home, found and counted. */
export interface OwnedRows {
  /** Rows that go and can come back, children before the rows of `threads`. */
  readonly found: readonly FoundRows[];
  /** Rows that go, and are not written down before. */
  readonly forgotten: readonly Step[];
  /** Of both, by table. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface RowOwners {
  readonly threads: readonly string[];
  readonly rollouts: readonly string[];
}

/**
 * Looks for all rows of the threads and of their rollouts. `projections`: whether what clients are shown is written down too.
 * @throws RolloutError `damaged` when one of the databases is.
 */
export function ownedRows(sqliteHome: string, owners: RowOwners, projections: "keep" | "forget"): OwnedRows {
  const found: FoundRows[] = [];
  const forgotten: Step[] = [];
  const counts: Record<string, number> = {};
  for (const file of new Set(OWNED_TABLES.map((one) => one.file))) {
    for (const rows of threadRows(join(sqliteHome, file), file, owners.threads)) {
      counts[rows.table] = (counts[rows.table] ?? 0) + rows.rows.length;
      found.push(rows);
    }
  }
  for (const { rows, step, table, count } of [
    ...projectedRows(sqliteHome, owners.rollouts, projections),
    ...logRows(sqliteHome, owners.threads),
  ]) {
    if (count > 0) counts[table] = (counts[table] ?? 0) + count;
    // A projection goes before the rows that clients find it by.
    if (rows !== undefined) found.unshift(rows);
    if (step !== undefined) forgotten.push(step);
  }
  return { found, forgotten, counts };
}

function threadRows(path: string, file: string, ids: readonly string[]): readonly FoundRows[] {
  const view = DatabaseView.read(path);
  if (view === undefined) return [];
  try {
    const tables = OWNED_TABLES.filter((one) => one.file === file);
    return tables.map(({ table, columns }) => view.rows(table, columns, ids)).filter(({ rows }) => rows.length > 0);
  } finally {
    view.close();
  }
}

interface Going {
  readonly table: string;
  readonly count: number;
  readonly rows?: FoundRows;
  readonly step?: Step;
}

/** More text than this is not written down: Codex can make it anew. */
const MAX_KEPT_CHARACTERS = 64 * 1024 * 1024;

function projectedRows(sqliteHome: string, ids: readonly string[], projections: "keep" | "forget"): readonly Going[] {
  return PROJECTED_TABLES.toReversed().flatMap(({ file, table }) =>
    withLargeDatabase(join(sqliteHome, file), (view, database): readonly Going[] => {
      if (view === undefined) return ids.map((id) => ({ table, count: 0, step: forget(database, table, id) }));
      if (projections === "keep" && textIn(view, ids) <= MAX_KEPT_CHARACTERS) {
        const rows = view.rows(table, ["thread_id"], ids);
        return rows.rows.length === 0 ? [] : [{ table, count: rows.rows.length, rows }];
      }
      return forgettable(view, table, ids);
    }),
  );
}

function logRows(sqliteHome: string, ids: readonly string[]): readonly Going[] {
  const { file, table } = LOGS;
  return withLargeDatabase(join(sqliteHome, file), (view, database): readonly Going[] =>
    view === undefined
      ? ids.map((id) => ({ table, count: 0, step: forget(database, table, id) }))
      : forgettable(view, table, ids),
  );
}

function forgettable(view: DatabaseView, table: string, ids: readonly string[]): readonly Going[] {
  return ids.flatMap((id): readonly Going[] => {
    const count = view.count(table, "thread_id", [id]);
    return count === 0 ? [] : [{ table, count, step: forget(view.path, table, id) }];
  });
}

function forget(database: string, table: string, id: string): Step {
  return { kind: "forget", database, table, where: { thread_id: id } };
}

function textIn(view: DatabaseView, ids: readonly string[]): number {
  if (!view.has("thread_items")) return 0;
  return ids.reduce((sum, id) => {
    const [row] = view.all("select sum(length(item_json)) as characters from thread_items where thread_id = ?", [id]);
    return sum + Number(row?.["characters"] ?? 0);
  }, 0);
}

/** `view` is undefined for a database that is too large to be looked at; nothing is done where there is none. */
function withLargeDatabase<T>(
  path: string,
  work: (view: DatabaseView | undefined, path: string) => readonly T[],
): readonly T[] {
  let view: DatabaseView | undefined;
  try {
    view = DatabaseView.read(path);
    if (view === undefined) return [];
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code !== "unsupported") throw error;
  }
  try {
    return work(view, path);
  } finally {
    view?.close();
  }
}

/** Changes of columns that count bytes of rollouts, whose bytes have moved. `shift`: by how much, at an offset in that rollout. */
export function shiftedProjection(
  sqliteHome: string,
  rollouts: readonly { readonly id: string; readonly shift: (offset: number) => number }[],
): readonly Step[] {
  return PROJECTED_TABLES.filter(({ offsets }) => offsets.length > 0).flatMap(({ file, table, offsets }) =>
    withLargeDatabase(join(sqliteHome, file), (view, database): readonly Step[] => {
      if (view === undefined) return rollouts.map(({ id }) => forget(database, table, id));
      const changes = rollouts.flatMap(({ id, shift }) =>
        shiftedRows(view.rows(table, ["thread_id"], [id]), offsets, shift),
      );
      return changes.length === 0 ? [] : [{ kind: "rows", database, changes }];
    }),
  );
}

function shiftedRows(
  { table, keys, rows }: FoundRows,
  offsets: readonly string[],
  shift: (offset: number) => number,
): readonly RowChange[] {
  return rows.flatMap((row): readonly RowChange[] => {
    const after = withShift(row, offsets, shift);
    const names = offsets.filter((name) => after[name] !== row[name]);
    if (names.length === 0) return [];
    const only = (from: SqlRow): SqlRow => Object.fromEntries(names.map((name) => [name, from[name] ?? null]));
    return [{ table, key: keyOf(row, keys), before: only(row), after: only(after) }];
  });
}

/** The row with its offsets moved. */
export function withShift(row: SqlRow, offsets: readonly string[], shift: (offset: number) => number): SqlRow {
  const moved = offsets.flatMap((name) => {
    const value = row[name];
    return typeof value === "number" ? [[name, value + shift(value)] as const] : [];
  });
  return { ...row, ...Object.fromEntries(moved) };
}

/** One step for each database, the state database last: as long as the row is there, so is the thread. */
export function removalSteps(found: readonly FoundRows[], stateDb: string): readonly Step[] {
  const databases = [...new Set(found.map(({ database }) => database))];
  const ordered = [...databases.filter((path) => path !== stateDb), ...databases.filter((path) => path === stateDb)];
  return ordered.map((database) => ({
    kind: "rows",
    database,
    changes: found.filter((one) => one.database === database).flatMap(removals),
  }));
}
