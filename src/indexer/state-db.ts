/**
 * Writing `state_5.sqlite`: a whole new file from rows (`buildStateDb`), or changes to a healthy one (`updateStateDb`).
 * Rows are plain objects by column name; where they come from (rollouts, salvage) is not known here.
 *
 * A built file is complete, checked, closed and on the disk, without `-wal` beside it, and ready to be renamed into
 * place (state-and-compression §1.14).
 */
import { RolloutError } from "../errors.ts";
import {
  quoteName,
  removeDatabase,
  SqliteDatabase,
  type SqlRow,
  type SqlStatement,
  type SqlValue,
} from "../io/sqlite.ts";
import {
  type Column,
  columnsOf,
  type Flavour,
  type MigrationRow,
  migrationRows,
  type Schema,
  schemaAt,
} from "./schema.ts";

/** The single row of `backfill_state` (§3.1); times in seconds since 1970. */
export interface BackfillState {
  readonly status: "complete" | "pending";
  /** Last processed rollout, relative to the Codex home, with `/` between names. */
  readonly lastWatermark: string | null;
  readonly lastSuccessAt: number | null;
  readonly updatedAt: number;
}

/** Rows by table name. What a row does not name gets the column's default; columns unknown at the level are ignored. */
export type RowsByTable = Readonly<Record<string, Iterable<SqlRow>>>;

export interface BuildOptions {
  readonly level: number;
  readonly flavour: Flavour;
  readonly rows: RowsByTable;
  readonly backfill: BackfillState;
  /** `full` (the default) also compares every index entry with its row; `quick` only walks the file's structure. */
  readonly check?: "full" | "quick";
}

/** A row, or a reference in one, that could not be stored as it was given. */
export interface Rejection {
  readonly table: string;
  /** Primary key as given, parts joined by a space; not safe to print raw. */
  readonly key: string;
  readonly reason: RejectionReason;
}

export type RejectionReason =
  /** The table does not exist at this level. */
  | "no-such-table"
  /** A rule of the schema refused the row: a missing value, a key used twice, a check. */
  | "constraint"
  /** It belonged to a thread, section or project that is not there; the row was left out. */
  | "orphan"
  /** It named a section or project that is not there; the row is stored without the name, or no listing would work (§2.16). */
  | "dangling-reference";

export interface BuildReport {
  /** Rows in the finished file, by table; tables without rows are left out. */
  readonly rowsByTable: Readonly<Record<string, number>>;
  readonly rejections: readonly Rejection[];
}

/**
 * Writes a new database file at `path`, which must not exist. On any error the unfinished file is removed.
 * Throws `disk-full`, `unwritable`, or `damaged` when the finished file does not pass SQLite's own checks.
 */
export function buildStateDb(path: string, options: BuildOptions): BuildReport {
  const schema = schemaAt(options.level);
  const db = SqliteDatabase.create(path);
  try {
    const rejections: Rejection[] = [];
    try {
      prepareFile(db);
      db.transaction(() => fill(db, schema, options, rejections));
    } finally {
      db.close();
    }
    return { rowsByTable: finish(path, schema, options.check ?? "full"), rejections };
  } catch (error) {
    removeDatabase(path);
    throw error;
  }
}

/** Nobody sees the file before it is finished, so a journal would only cost time; a crash leaves rubbish under a temporary name. */
function prepareFile(db: SqliteDatabase): void {
  db.exec(`
    pragma journal_mode = off;
    pragma synchronous = off;
    pragma locking_mode = exclusive;
    pragma foreign_keys = off;
    pragma temp_store = memory;
    pragma cache_size = -16384;
    pragma page_size = 4096;
    pragma auto_vacuum = incremental;`);
}

/** Indexes come after the rows: sorting once is several times faster than keeping 24 trees in order row by row. */
function fill(db: SqliteDatabase, schema: Schema, options: BuildOptions, rejections: Rejection[]): void {
  createObjects(db, schema, "table");
  const given = tablesToFill(options);
  for (const [table, rows] of Object.entries(given)) {
    const columns = schema.tables.get(table);
    if (columns === undefined) rejectAll(table, rows, rejections);
    else insertRows(db, { table, columns, rows, rejections });
  }
  for (const [table, rows] of schema.seeds) {
    for (const row of rows) insertStatement(db, "insert or ignore", table, Object.keys(row)).run(Object.values(row));
  }
  createObjects(db, schema, "index");
  createObjects(db, schema, "trigger");
  restoreOrder(db, schema);
  mendReferences(db, rejections);
}

function tablesToFill(options: BuildOptions): RowsByTable {
  return {
    ...options.rows,
    _sqlx_migrations: migrationRows(options.level, options.flavour).map(storedMigration),
    backfill_state: [storedBackfill(options.backfill)],
  };
}

function storedMigration(row: MigrationRow): SqlRow {
  return { version: row.version, description: row.description, success: 1, checksum: row.checksum, execution_time: 0 };
}

export function storedBackfill(state: BackfillState): SqlRow {
  return {
    id: 1,
    status: state.status,
    last_watermark: state.lastWatermark,
    last_success_at: state.lastSuccessAt,
    updated_at: state.updatedAt,
  };
}

function createObjects(db: SqliteDatabase, schema: Schema, type: "table" | "index" | "trigger"): void {
  for (const object of schema.objects) {
    if (object.type !== type) continue;
    if (object.sql !== undefined) db.exec(object.sql);
    // Codex's file has this table from a log table dropped long ago; only SQLite itself can create it.
    else if (object.name === "sqlite_sequence")
      db.exec("create table t (id INTEGER primary key autoincrement); drop table t");
  }
}

/**
 * Puts the entries of `sqlite_schema` into the order of Codex's file. SQLite reads indexes in that order, and between
 * equally good ones takes the first: with another order, queries without a full `order by` could answer differently.
 */
function restoreOrder(db: SqliteDatabase, schema: Schema): void {
  db.withWritableSchema(() => {
    db.exec("update sqlite_schema set rowid = rowid + 1000000");
    const place = db.prepare("update sqlite_schema set rowid = ? where type = ? and name = ?");
    for (const [index, object] of schema.objects.entries()) place.run([index + 1, object.type, object.name]);
  });
}

interface Insertion {
  readonly table: string;
  readonly columns: readonly Column[];
  readonly rows: Iterable<SqlRow>;
  readonly rejections: Rejection[];
}

function insertRows(db: SqliteDatabase, { table, columns, rows, rejections }: Insertion): void {
  const statement = insertStatement(
    db,
    "insert",
    table,
    columns.map((column) => column.name),
  );
  const complete = table === "threads" ? withTimes : (row: SqlRow) => row;
  for (const row of rows) {
    if (!runRow(statement, valuesOf(complete(row), columns))) {
      rejections.push({ table, key: keyText(row, columns), reason: "constraint" });
    }
  }
}

function insertStatement(db: SqliteDatabase, verb: string, table: string, names: readonly string[]): SqlStatement {
  const marks = names.map(() => "?").join(", ");
  return db.prepare(`${verb} into ${quoteName(table)} (${names.map(quoteName).join(", ")}) values (${marks})`);
}

/** False when the schema refuses the row; any other failure is thrown. */
function runRow(statement: SqlStatement, values: readonly SqlValue[]): boolean {
  try {
    statement.run(values);
    return true;
  } catch (error) {
    if (error instanceof RolloutError && error.code === "mismatch") return false;
    throw error;
  }
}

/** Defaults are filled in here, as one statement with all columns is prepared once; NULL stays where it may stand. */
export function valuesOf(row: SqlRow, columns: readonly Column[]): SqlValue[] {
  return columns.map(({ name, notNull, byDefault }) => {
    const value = row[name];
    return value === undefined || (value === null && notNull) ? byDefault : value;
  });
}

/**
 * What Codex's triggers would do after an insert (§1.8), done before: the finer time stamps follow from the coarser
 * ones, and recency from the last change. With the triggers in place the insert takes a third longer.
 */
export function withTimes(row: SqlRow): SqlRow {
  const recent = Number(row["recency_at_ms"] ?? 0) !== 0;
  if (recent && row["created_at_ms"] != null && row["updated_at_ms"] != null) return row;
  const created = row["created_at_ms"] ?? milliseconds(row["created_at"]);
  const updated = row["updated_at_ms"] ?? milliseconds(row["updated_at"]);
  const times = { ...row, created_at_ms: created, updated_at_ms: updated };
  return recent ? times : { ...times, recency_at: row["updated_at"] ?? 0, recency_at_ms: updated };
}

function milliseconds(seconds: SqlValue | undefined): SqlValue {
  return typeof seconds === "number" || typeof seconds === "bigint" ? Number(seconds) * 1000 : null;
}

function keyText(row: SqlRow, columns: readonly Column[]): string {
  const parts = columns.filter((column) => column.key > 0).map((column) => String(row[column.name] ?? "?"));
  return parts.join(" ");
}

function rejectAll(table: string, rows: Iterable<SqlRow>, rejections: Rejection[]): void {
  for (const row of rows) {
    rejections.push({ table, key: String(row["id"] ?? Object.values(row)[0] ?? "?"), reason: "no-such-table" });
  }
}

/**
 * Foreign keys were off while rows went in, so that their order does not matter. What still points nowhere is treated
 * as if the row it names had just been deleted: the reference is emptied, or the row goes, as the key says.
 */
function mendReferences(db: SqliteDatabase, rejections: Rejection[]): void {
  for (const broken of db.brokenReferences()) {
    const table = quoteName(broken.table);
    const key = db
      .all(`pragma foreign_key_list(${table})`)
      .find((candidate) => candidate["id"] === broken.key && candidate["seq"] === 0);
    const row = db.get(`select * from ${table} where rowid = ?`, [broken.rowid]);
    if (key === undefined || row === undefined) continue;
    const empties = key["on_delete"] === "SET NULL";
    const change = empties ? `update ${table} set ${quoteName(String(key["from"]))} = null` : `delete from ${table}`;
    db.prepare(`${change} where rowid = ?`).run([broken.rowid]);
    const reason = empties ? "dangling-reference" : "orphan";
    rejections.push({ table: broken.table, key: keyText(row, columnsOf(db, broken.table)), reason });
  }
}

/** Looks at the file as it is on the disk, sets WAL mode as Codex leaves it, and closes it for good. */
function finish(path: string, schema: Schema, check: "full" | "quick"): Record<string, number> {
  const db = SqliteDatabase.open(path);
  try {
    const problems = db.integrityProblems(check);
    const [broken] = db.brokenReferences();
    if (problems.length > 0 || broken !== undefined) {
      const what = problems[0] ?? `foreign key of ${broken?.table ?? "?"}`;
      throw new RolloutError("damaged", `the new database does not pass its check: ${what}`, { path });
    }
    const counts = [...schema.tables.keys()].map((name) => {
      return [name, Number(db.get(`select count(*) as n from ${quoteName(name)}`)?.["n"] ?? 0)] as const;
    });
    db.exec("pragma journal_mode = wal");
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  } finally {
    db.close({ sync: true });
  }
}
