/**
 * A question over the tables of an export: first looked at against tables that are there and empty, so that what is wrong with it is
 * told before anything is read, and only the tables that it asks for need to be made; then run over Parquet files.
 */
import { RolloutError } from "../errors.ts";
import type { DataSet } from "./query-data.ts";
import { type SqlAnswer, type SqlDatabase, sqlText } from "./duckdb.ts";
import { isUnparsed, questionIn, shapeOf } from "./query-shape.ts";
import { type Column, type ColumnType, type TableName, TABLES } from "./schema.ts";

export interface QueryPlan {
  readonly sql: string;
  readonly isExplain: boolean;
  /** The tables whose rows it asks for. */
  readonly tables: ReadonlySet<TableName>;
  /** Whether columns of type `text` may matter to it. */
  readonly content: boolean;
}

/** In DuckDB. */
const TYPES: { readonly [T in ColumnType]: string } = {
  string: "VARCHAR",
  text: "VARCHAR",
  boolean: "BOOLEAN",
  int32: "INTEGER",
  int64: "BIGINT",
  double: "DOUBLE",
  timestamp: "TIMESTAMP WITH TIME ZONE",
};

const MONTH: Column = {
  name: "month",
  type: "string",
  nullable: false,
  describe: "in which its thread was begun, as in 2026-11; unknown where nothing tells",
};

/** A table's columns in a query: those of an export, and the month that its folders are named by. */
export function queryColumns(table: TableName): readonly Column[] {
  return [...TABLES[table], MONTH];
}

export function sqlType(type: ColumnType): string {
  return TYPES[type];
}

const ALL_TABLES = Object.keys(TABLES) as readonly TableName[];

/**
 * Looks at a statement, and makes all tables, empty ones.
 * @throws RolloutError `usage` for what is no question, and for what names nothing that is there
 */
export async function planQuery(database: SqlDatabase, sql: string): Promise<QueryPlan> {
  // DuckDB takes it for the end: what is looked at and what is run must be the same.
  if (sql.includes("\0")) throw new RolloutError("usage", "the statement has a NUL in it");
  const { question, isExplain } = questionIn(sql);
  const tree = await database.parse(question);
  if (isUnparsed(tree)) await database.inspect(sql);
  const { rows, content } = shapeOf(tree, question);
  const found = await tablesOf(database, sql);
  // Now that no name of the statement is open, they change nothing but what it may tell of the tables themselves.
  for (const table of ALL_TABLES) if (!found.has(table)) await createEmpty(database, table);
  const tables = rows ? found : new Set<TableName>();
  return { sql, isExplain, tables, content: content && [...tables].some(hasText) };
}

function hasText(table: TableName): boolean {
  return TABLES[table].some(({ type }) => type === "text");
}

/** What the statement takes from the tables is known by what it lacks without them. */
async function tablesOf(database: SqlDatabase, sql: string): Promise<ReadonlySet<TableName>> {
  const found = new Set<TableName>();
  for (;;) {
    const seen = await database.inspect(sql);
    if ("parameters" in seen) {
      if (seen.parameters > 0)
        throw new RolloutError("usage", "the statement has parameters, which nothing gives values");
      return found;
    }
    const table = ALL_TABLES.find((name) => name === seen.missing.toLowerCase());
    if (table === undefined || found.has(table)) throw noSuchTable(seen);
    found.add(table);
    await createEmpty(database, table);
  }
}

function noSuchTable({ missing, error }: { readonly missing: string; readonly error: RolloutError }): RolloutError {
  return new RolloutError("usage", `there is no table ${JSON.stringify(missing)}`, {
    line: error.place.line,
    hint: `they are ${ALL_TABLES.join(", ")}; query --tables has their columns`,
  });
}

async function createEmpty(database: SqlDatabase, table: TableName): Promise<void> {
  const columns = queryColumns(table).map(({ name, type }) => `"${name}" ${TYPES[type]}`);
  await database.execute(`CREATE TABLE "${table}" (${columns.join(", ")})`);
}

/** Puts the files of an export behind the tables that are asked for. @throws RolloutError for files that are no tables */
export async function attachData(database: SqlDatabase, plan: QueryPlan, data: DataSet): Promise<void> {
  for (const table of plan.tables) {
    const files = data.files(table);
    // Without any the empty table is the right one.
    if (files.length === 0) continue;
    await database.execute(`DROP TABLE "${table}"`);
    await database.execute(
      `CREATE VIEW "${table}" AS SELECT ${await projection(database, table, files)} FROM ${source(files)}`,
    );
  }
}

function source(files: readonly string[]): string {
  const options = "hive_partitioning = true, hive_types = {'month': VARCHAR}, union_by_name = true";
  return `read_parquet([${files.map(sqlText).join(", ")}], ${options})`;
}

/** A column that came later is not in files from before. */
async function projection(database: SqlDatabase, table: TableName, files: readonly string[]): Promise<string> {
  const { columns } = await database.query(`SELECT * FROM ${source(files)} LIMIT 0`);
  const there = new Set(columns.map(({ name }) => name));
  const cells = queryColumns(table).map(({ name, type }) => {
    return `CAST(${there.has(name) ? `"${name}"` : "NULL"} AS ${TYPES[type]}) AS "${name}"`;
  });
  return cells.join(", ");
}

export function runQuery(database: SqlDatabase, plan: QueryPlan): Promise<SqlAnswer> {
  return database.query(plan.sql);
}
