/**
 * What a damaged state database still gives, table by table and row by row, without SQLite's help: for values that no
 * rollout holds (state-and-compression §2.13). `old-index.ts` lays them over the rows that rollouts give.
 *
 * A table whose tree reads to the end is taken as it is. For the others, rows are looked for in order of trust: the
 * tree as far as it reads; present pages that no tree leads to; the indexes, which repeat some columns of `threads` and
 * all of `thread_spawn_edges`; pages given up; older copies of pages, mostly in the `-wal`.
 */
import { AGES, type Age, type PageRow, PageReader } from "../io/sqlite-pages.ts";
import { readRemains, type ReadImageOptions, type SqliteImage } from "../io/sqlite-image.ts";
import type { SqlRow, SqlValue } from "../io/sqlite.ts";
import { KNOWN_LEVEL } from "./levels.ts";
import {
  type Column,
  type Flavour,
  leastLevelWith,
  migrationRow,
  type MigrationState,
  readMigrationState,
  schemaAt,
} from "./schema.ts";
import { fits, SCHEMA_SHAPE, SHAPES } from "./shapes.ts";

export interface SalvagedRow {
  /** By column name. A column whose value is lost is not there at all. */
  readonly row: SqlRow;
  /** `reachable`: where SQLite would look for it. `orphan`: from elsewhere, and possibly not the latest. */
  readonly origin: "reachable" | "orphan";
}

export interface Salvage {
  /** Rows by table, under the names of the newest level; one row per primary key. Tables without rows are left out. */
  readonly tables: Readonly<Record<string, readonly SalvagedRow[]>>;
  readonly rowsByTable: Readonly<Record<string, number>>;
  readonly migrations: MigrationState;
  /** From the migration rows, else the lowest level that has all columns and objects found; undefined without either. */
  readonly level: number | undefined;
  /** Undefined when unknown or mixed. */
  readonly flavour: Flavour | undefined;
  readonly pages: number;
  readonly unreadablePages: number;
}

/**
 * Reads a database file and its `-wal`, whatever state they are in.
 *
 * @throws RolloutError as `readImage` does; never for what the bytes say.
 */
export function salvage(path: string, options: ReadImageOptions = {}): Salvage {
  return salvageImage(readRemains(path, options));
}

export function salvageImage(image: SqliteImage): Salvage {
  const reader = new PageReader(image);
  const objects = readObjects(reader);
  const tables = readTrees(reader, objects);
  const names = [...tables.keys()];
  const gaps = new Set(names.filter((name) => tables.get(name)?.isComplete !== true));
  // Past a break in the log a tree may read to the end and still have lost a page that was new.
  const suspects = reader.isBroken ? new Set(names) : gaps;
  addLooseRows(reader, tables, suspects, "present");
  // Before anything outdated: an index that reads is as present as the table.
  for (const name of suspects) addIndexedRows(reader, objects, tables.get(name));
  addLooseRows(reader, tables, gaps, "freed");
  addLooseRows(reader, tables, gaps, "older");
  return summary(reader, objects, tables);
}

/** Rows of one table while they are gathered, by primary key. */
interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rows: Map<string, Found>;
  isComplete: boolean;
}

interface Found {
  readonly values: Readonly<Record<string, SqlValue>>;
  readonly origin: "reachable" | "orphan";
  /** Columns whose value is lost. */
  readonly lost: readonly string[];
  /** Columns of the stored row; 0 for one put together from indexes. */
  readonly width: number;
}

interface Objects {
  readonly roots: ReadonlyMap<string, number>;
  readonly isComplete: boolean;
}

/** Root pages by name of table or index, from SQLite's own list, which begins on page 1. */
function readObjects(reader: PageReader): Objects {
  const { rows, isComplete } = reader.readTable(1);
  const roots = new Map<string, number>();
  const add = ({ values }: PageRow) => {
    const [type, name, , root] = values;
    const wanted = (type === "table" || type === "index") && typeof name === "string" && typeof root === "number";
    if (wanted && fits(values, SCHEMA_SHAPE) && !roots.has(name)) roots.set(name, root);
  };
  rows.forEach(add);
  if (!isComplete) for (const age of AGES) for (const leaf of reader.looseLeaves(age)) leaf.forEach(add);
  return { roots, isComplete: isComplete && rows.length > 0 };
}

/** Names under which tables of the newest level once stood (§1.10, step 55). */
const FORMER_NAMES: Readonly<Record<string, string>> = { thread_attachments: "thread_artifacts" };

function readTrees(reader: PageReader, objects: Objects): Map<string, Table> {
  const tables = new Map<string, Table>();
  for (const [name, columns] of schemaAt(KNOWN_LEVEL).tables) {
    const shape = SHAPES[name];
    if (shape === undefined) continue;
    const root = objects.roots.get(name) ?? objects.roots.get(FORMER_NAMES[name] ?? "");
    const tree = root === undefined ? { rows: [], isComplete: objects.isComplete } : reader.readTable(root);
    const table: Table = { name, columns, rows: new Map(), isComplete: tree.isComplete };
    for (const row of tree.rows) {
      if (fits(row.values, shape)) addRow(table, row, row.age === "present" ? "reachable" : "orphan");
      else table.isComplete = false;
    }
    tables.set(name, table);
  }
  return tables;
}

/** Rows of pages that no tree leads to. All rows of a page are of one table: the one that most of them fit. */
function addLooseRows(
  reader: PageReader,
  tables: ReadonlyMap<string, Table>,
  gaps: ReadonlySet<string>,
  age: Age,
): void {
  if (gaps.size === 0) return;
  for (const leaf of reader.looseLeaves(age)) {
    const name = tableOf(leaf);
    const table = name === undefined || !gaps.has(name) ? undefined : tables.get(name);
    const shape = SHAPES[name ?? ""];
    if (table === undefined || shape === undefined) continue;
    for (const row of leaf) if (fits(row.values, shape)) addRow(table, row, "orphan");
  }
}

function tableOf(leaf: readonly PageRow[]): string | undefined {
  let best: string | undefined;
  let most = 0;
  for (const [name, shape] of Object.entries(SHAPES)) {
    const count = leaf.filter((row) => fits(row.values, shape)).length;
    if (count > most) [best, most] = [name, count];
  }
  return best;
}

/** Keeps the first row of each key, which is the most trusted one; later ones only fill what it has lost. */
function addRow(table: Table, row: PageRow, origin: Found["origin"]): void {
  addFound(table, foundOf(table.columns, row, origin));
}

function addFound(table: Table, found: Found): void {
  const key = keyOf(table.columns, found.values);
  if (key === undefined) return;
  const known = table.rows.get(key);
  if (known === undefined) table.rows.set(key, found);
  else if (known.lost.length > 0) table.rows.set(key, merged(known, found));
}

function merged(known: Found, other: Found): Found {
  const filled = known.lost.filter((name) => other.values[name] !== undefined);
  const values = { ...known.values, ...Object.fromEntries(filled.map((name) => [name, other.values[name] ?? null])) };
  return { ...known, values, lost: known.lost.filter((name) => !filled.includes(name)) };
}

function foundOf(columns: readonly Column[], { rowid, values }: PageRow, origin: Found["origin"]): Found {
  const named: Record<string, SqlValue> = {};
  const lost: string[] = [];
  for (const [index, { name, type, key }] of columns.entries()) {
    if (index >= values.length) break;
    const value = values[index];
    // SQLite keeps an integer primary key as the row's number and stores nothing in its place.
    if (value === null && key === 1 && type === "INTEGER") named[name] = rowid;
    else if (value === undefined) lost.push(name);
    else named[name] = value;
  }
  return { values: named, origin, lost, width: Math.min(values.length, columns.length) };
}

/** Undefined when a part of the key is lost. */
function keyOf(columns: readonly Column[], values: Found["values"]): string | undefined {
  const parts = columns.filter((column) => column.key > 0).map((column) => values[column.name]);
  return parts.includes(undefined) ? undefined : JSON.stringify(parts.map(String));
}

/** Puts rows together from the entries of a table's indexes, which name each row by its number. */
function addIndexedRows(reader: PageReader, objects: Objects, table: Table | undefined): void {
  if (table === undefined) return;
  const byRow = new Map<number, Record<string, SqlValue>>();
  for (const { name, columns } of schemaAt(KNOWN_LEVEL).indexes.get(table.name) ?? []) {
    const root = objects.roots.get(name);
    if (root === undefined) continue;
    for (const { values } of reader.readIndex(root)) {
      const rowid = values.at(-1);
      if (values.length !== columns.length + 1 || typeof rowid !== "number") continue;
      const known = byRow.get(rowid) ?? {};
      for (const [index, column] of columns.entries()) known[column] ??= values[index] ?? null;
      byRow.set(rowid, known);
    }
  }
  for (const values of byRow.values()) {
    const lost = table.columns.filter((column) => values[column.name] === undefined).map((column) => column.name);
    addFound(table, { values, origin: "orphan", lost, width: 0 });
  }
}

function summary(reader: PageReader, objects: Objects, tables: ReadonlyMap<string, Table>): Salvage {
  const stored = [...(tables.get("_sqlx_migrations")?.rows.values() ?? [])].map(({ values }) => migrationRow(values));
  const migrations = readMigrationState(stored.toSorted((a, b) => a.version - b.version));
  const width = [...(tables.get("threads")?.rows.values() ?? [])].reduce((most, row) => Math.max(most, row.width), 0);
  const trusted = tables.get("_sqlx_migrations")?.isComplete === true && migrations.level > 0;
  const level = trusted ? migrations.level : Math.max(migrations.level, leastLevelWith(objects.roots.keys(), width));
  const kept = [...tables.values()]
    .map((table) => [table.name, rowsOf(table, level)] as const)
    .filter(([, rows]) => rows.length > 0);
  return {
    tables: Object.fromEntries(kept),
    rowsByTable: Object.fromEntries(kept.map(([name, rows]) => [name, rows.length])),
    migrations,
    level: level === 0 ? undefined : level,
    flavour: migrations.flavour === "mixed" ? undefined : migrations.flavour,
    ...reader.countPages(),
  };
}

function rowsOf({ name, columns, rows }: Table, level: number): readonly SalvagedRow[] {
  const needed = columns.filter((column) => column.notNull && column.byDefault === null);
  const width = level === 0 ? 0 : (schemaAt(level).tables.get(name)?.length ?? 0);
  return [...rows.values()].flatMap((found) => {
    // A thread is worth having in part, since its rollout gives the rest; elsewhere a row without what it must have is not.
    if (name !== "threads" && needed.some((column) => found.values[column.name] === undefined)) return [];
    const added = found.width === 0 ? [] : columns.slice(found.width, width);
    const row = { ...found.values, ...Object.fromEntries(added.map((column) => [column.name, column.byDefault])) };
    return [{ row, origin: found.origin }];
  });
}
