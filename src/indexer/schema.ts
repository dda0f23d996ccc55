/**
 * The schema of Codex's state database at any level: its objects, its columns, and the rows of `_sqlx_migrations` that
 * go with it. A level is the number of the last migration applied (state-and-compression §1.3, §1.10). The steps
 * themselves are data in `migrations.ts`; `state-db.ts` builds files from what this one says.
 */
import { RolloutError } from "../errors.ts";
import { quoteName, SqliteDatabase, type SqlRow, type SqlValue } from "../io/sqlite.ts";
import { KNOWN_LEVEL } from "./levels.ts";
import { type Migration, MIGRATIONS } from "./migrations.ts";

/** Line ends of the SQL text a Codex build was compiled from; they decide every checksum (§1.7). */
export type Flavour = "lf" | "crlf";

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  /** What an insert without this column stores. */
  readonly byDefault: SqlValue;
  /** Place in the primary key from 1; 0 when not part of it. */
  readonly key: number;
}

export interface SchemaObject {
  readonly type: "table" | "index" | "trigger";
  readonly name: string;
  readonly table: string;
  /** Undefined for what SQLite makes by itself: automatic indexes and `sqlite_sequence`. */
  readonly sql: string | undefined;
}

export interface IndexColumns {
  readonly name: string;
  readonly columns: readonly string[];
}

export interface Schema {
  readonly level: number;
  /** In the order in which Codex's file lists them. */
  readonly objects: readonly SchemaObject[];
  /** Columns by table, in physical order. */
  readonly tables: ReadonlyMap<string, readonly Column[]>;
  /** Indexes by table, automatic ones included, with the columns they sort by. */
  readonly indexes: ReadonlyMap<string, readonly IndexColumns[]>;
  /** Rows that the migrations themselves put in, by table. */
  readonly seeds: ReadonlyMap<string, readonly SqlRow[]>;
}

/** sqlx's own table (§1.6), which stands before everything else in the file. */
const MIGRATIONS_TABLE = `
  create table _sqlx_migrations (
    version BIGINT primary key, description TEXT not null, installed_on TIMESTAMP not null default CURRENT_TIMESTAMP,
    success BOOLEAN not null, checksum BLOB not null, execution_time BIGINT not null
  );`;

const schemas = new Map<number, Schema>();

/** The schema at a level from 1 to `KNOWN_LEVEL`; throws `unsupported` for any other. */
export function schemaAt(level: number): Schema {
  const known = schemas.get(level);
  if (known !== undefined) return known;
  const schema = readSchema(level);
  schemas.set(level, schema);
  return schema;
}

/** Names of the columns of `threads` at a level, in physical order. */
export function threadColumns(level: number): readonly string[] {
  return (schemaAt(level).tables.get("threads") ?? []).map((column) => column.name);
}

/** Applies the steps to an empty database in memory and asks SQLite what came out. */
function readSchema(level: number): Schema {
  const steps = MIGRATIONS.slice(0, level);
  if (steps.length !== level || level < 1) {
    throw new RolloutError("unsupported", `no schema of level ${level}`, {
      hint: `levels 1 to ${KNOWN_LEVEL} are known`,
    });
  }
  const db = SqliteDatabase.fromImage(undefined);
  try {
    db.exec(MIGRATIONS_TABLE + steps.map((step) => step.sql).join("\n"));
    const objects = db.all("select type, name, tbl_name, sql from sqlite_schema order by rowid").map(schemaObject);
    const names = objects.filter((object) => object.type === "table").map((object) => object.name);
    const tables = new Map(names.map((name) => [name, columnsOf(db, name)]));
    const indexes = new Map(names.map((name) => [name, indexesOf(db, name)]));
    const filled = names.map((name) => [name, db.all(`select * from ${quoteName(name)}`)] as const);
    return { level, objects, tables, indexes, seeds: new Map(filled.filter(([, rows]) => rows.length > 0)) };
  } finally {
    db.close();
  }
}

function schemaObject(row: SqlRow): SchemaObject {
  const { type, name, tbl_name: table, sql } = row;
  return {
    type: type as SchemaObject["type"],
    name: String(name),
    table: String(table),
    sql: typeof sql === "string" && name !== "sqlite_sequence" ? sql : undefined,
  };
}

function indexesOf(db: SqliteDatabase, table: string): readonly IndexColumns[] {
  return db.all(`pragma index_list(${quoteName(table)})`).map((index) => {
    const name = String(index["name"]);
    return { name, columns: db.all(`pragma index_info(${quoteName(name)})`).map((row) => String(row["name"])) };
  });
}

/** The columns of a table of an open database, with what their defaults evaluate to. */
export function columnsOf(db: SqliteDatabase, table: string): readonly Column[] {
  return db.all(`pragma table_info(${quoteName(table)})`).map((row) => ({
    name: String(row["name"]),
    type: String(row["type"]),
    notNull: row["notnull"] === 1,
    byDefault: row["dflt_value"] === null ? null : (db.get(`select ${String(row["dflt_value"])} as v`)?.["v"] ?? null),
    key: Number(row["pk"]),
  }));
}

/**
 * The lowest level that has every known one among these tables and indexes, and at least so many columns in `threads`:
 * the best guess for a file whose migration rows are lost. 0 when nothing is known of it.
 */
export function leastLevelWith(names: Iterable<string>, columns: number): number {
  const mentions = firstMentions();
  const known = [...names].map((name) => mentions.get(name) ?? 0);
  let width = 0;
  const wideEnough = MIGRATIONS.find((step) => (width += addedColumns(step)) >= columns && columns > 0);
  return [wideEnough?.version ?? (columns > 0 ? KNOWN_LEVEL : 0), ...known].reduce((a, b) => Math.max(a, b), 0);
}

/** Words of the steps' SQL, names of objects among them, by the first step that has them. */
function firstMentions(): ReadonlyMap<string, number> {
  const words = MIGRATIONS.flatMap((step) => step.sql.split(/\W+/).map((word) => [word, step.version] as const));
  return new Map(words.toReversed());
}

function addedColumns(step: Migration): number {
  if (step.version === 1) return threadColumns(1).length;
  return step.sql.split("alter table threads add column").length - 1;
}

/** A row of `_sqlx_migrations` as far as Codex looks at it (§1.6). */
export interface MigrationRow {
  readonly version: number;
  readonly description: string;
  readonly success: boolean;
  readonly checksum: Uint8Array;
}

/** The rows that Codex of that level, from that kind of build, would have written. */
export function migrationRows(level: number, flavour: Flavour): readonly MigrationRow[] {
  return MIGRATIONS.slice(0, level).map((step) => ({
    version: step.version,
    description: step.description,
    success: true,
    checksum: Buffer.from(step[flavour], "hex"),
  }));
}

/** The rows of `_sqlx_migrations` in an open database, by version. */
export function storedMigrationRows(db: SqliteDatabase): readonly MigrationRow[] {
  return db
    .all("select version, description, success, checksum from _sqlx_migrations order by version")
    .map(migrationRow);
}

/** One such row out of whatever a database or its remains held. */
export function migrationRow(row: SqlRow): MigrationRow {
  const { version, description, success, checksum } = row;
  return {
    version: Number(version),
    description: String(description),
    success: Number(success) !== 0,
    checksum: checksum instanceof Uint8Array ? checksum : new Uint8Array(),
  };
}

export type MigrationProblemKind =
  /** Neither of the known checksums: Codex refuses to start. */
  | "checksum"
  /** `success` is 0: Codex refuses to start. */
  | "unfinished"
  /** No row for a step below the highest one: Codex runs it again and fails. */
  | "missing"
  /** A number this tool does not know (a newer release, or a private build); Codex accepts it. */
  | "unknown"
  /** Row 38 is really today's 39 (§1.11); Codex repairs this itself. */
  | "recency-collision"
  /** Some checksums are those of Windows builds, some are not: whichever build opens the file refuses it. */
  | "mixed";

export interface MigrationProblem {
  readonly kind: MigrationProblemKind;
  /** The row concerned; undefined for `mixed`. */
  readonly version: number | undefined;
}

export interface MigrationState {
  /** The highest known step with a row; 0 without any. */
  readonly level: number;
  /** Which builds the checksums come from; undefined when none of them is known. */
  readonly flavour: Flavour | "mixed" | undefined;
  readonly problems: readonly MigrationProblem[];
}

/** The step whose row was once written under number 38, before that number went to another one (§1.11). */
const RECENCY_STEP = 39;

/** What the rows of `_sqlx_migrations` say: level, kind of build, and everything that would keep Codex from starting. */
export function readMigrationState(rows: readonly MigrationRow[]): MigrationState {
  const problems: MigrationProblem[] = [];
  const flavours = new Set<Flavour>();
  const seen = new Set<number>();
  const taken = new Set(rows.map((row) => row.version));
  for (const row of rows) {
    const recency = MIGRATIONS[RECENCY_STEP - 1];
    const collides =
      row.version === RECENCY_STEP - 1 &&
      !taken.has(RECENCY_STEP) &&
      recency !== undefined &&
      flavourOf(row, recency) !== undefined;
    if (collides) problems.push({ kind: "recency-collision", version: row.version });
    const step = collides ? recency : MIGRATIONS[row.version - 1];
    if (!row.success) problems.push({ kind: "unfinished", version: row.version });
    if (step === undefined) {
      problems.push({ kind: "unknown", version: row.version });
      continue;
    }
    seen.add(step.version);
    const flavour = flavourOf(row, step);
    if (flavour === undefined) problems.push({ kind: "checksum", version: row.version });
    else flavours.add(flavour);
  }
  const level = Math.max(0, ...seen);
  for (let version = 1; version < level; version += 1) {
    // After Codex's own repair of the collision, step 38 is missing and runs normally: nothing more to tell.
    const excused = version === RECENCY_STEP - 1 && taken.has(version);
    if (!seen.has(version) && !excused) problems.push({ kind: "missing", version });
  }
  if (flavours.size > 1) problems.push({ kind: "mixed", version: undefined });
  const [first] = flavours;
  return { level, flavour: flavours.size > 1 ? "mixed" : first, problems };
}

function flavourOf(row: MigrationRow, step: Migration): Flavour | undefined {
  const hex = Buffer.from(row.checksum).toString("hex");
  if (hex === step.lf) return "lf";
  return hex === step.crlf ? "crlf" : undefined;
}
