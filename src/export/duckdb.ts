/**
 * DuckDB for `query`: an empty database in memory that reaches nothing but the folders it is given, and answers as plain data. The only
 * file that knows @duckdb/node-api, which is an optional dependency and loaded when a query is run.
 *
 * What a statement may be is not decided here, but in `query-shape.ts`: DuckDB's own settings keep it from the network, from extensions and
 * from all other folders, not from writing into the ones that it may read.
 */
import type * as DuckDb from "@duckdb/node-api";
import { type ErrorCode, RolloutError } from "../errors.ts";
import { errorPlace } from "./query-errors.ts";

export interface SqlLimits {
  /** What DuckDB may hold in memory before it goes to the disk. */
  readonly memoryBytes: number;
  readonly threads: number;
  /** Absolute paths. All that statements can reach of the file system. */
  readonly folders: readonly string[];
  /** Absolute path of a folder for what does not fit into memory. */
  readonly temporary: string;
}

/** Numbers that a double cannot hold are bigint, or text with all their digits; times are text in UTC. */
export type SqlValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly SqlValue[]
  | { readonly [name: string]: SqlValue };

export interface SqlColumn {
  /** Unique in its answer. */
  readonly name: string;
  /** As DuckDB calls it. */
  readonly type: string;
  readonly isNumber: boolean;
}

/** Some rows of an answer. Values are made when they are asked for. */
export interface SqlBatch {
  readonly count: number;
  readonly rows: () => readonly (readonly SqlValue[])[];
}

export interface SqlAnswer {
  readonly columns: readonly SqlColumn[];
  readonly batches: () => AsyncIterable<SqlBatch>;
}

/** What came of looking at a statement without running it: a table that is not there, with the error, or how many values it lacks. */
export type Inspection = { readonly missing: string; readonly error: RolloutError } | { readonly parameters: number };

export type DuckDbModule = typeof DuckDb;

/** The package. @throws whatever Node throws when it is not there or does not load */
export function loadDuckDb(): Promise<DuckDbModule> {
  return import("@duckdb/node-api");
}

const PACKAGE = "@duckdb/node-api@1.5.5-r.5";

/**
 * Opens a database, and locks it.
 * @throws RolloutError `unsupported` when the package is not there, or does not run on this machine.
 */
export async function openDuckDb(limits: SqlLimits, load: typeof loadDuckDb = loadDuckDb): Promise<SqlDatabase> {
  const { DuckDBInstance } = await load().catch((error: unknown) => {
    throw unloadable(error);
  });
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: `${limits.memoryBytes}B`,
    threads: String(limits.threads),
    temp_directory: limits.temporary,
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    allow_community_extensions: "false",
    allow_persistent_secrets: "false",
  });
  const database = new SqlDatabase(instance, await instance.connect());
  try {
    await database.execute(`SET TimeZone = 'UTC'`);
    await database.execute(`SET allowed_directories = [${limits.folders.map(sqlText).join(", ")}]`);
    await database.execute("SET enable_external_access = false");
    await database.execute("SET lock_configuration = true");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function unloadable(error: unknown): RolloutError {
  const message = error instanceof Error ? error.message : String(error);
  const isAbsent = /Cannot find (?:package|module) '@duckdb\/node-api'/.test(message);
  return new RolloutError(
    "unsupported",
    isAbsent ? "query needs DuckDB, which is not installed" : `DuckDB does not load on this machine: ${message}`,
    {
      hint: `npm install ${PACKAGE} where rollout-tool is installed; or rollout-tool export, and read the files with another program`,
      cause: error,
    },
  );
}

/** A text as SQL has it. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export class SqlDatabase {
  readonly #instance: DuckDb.DuckDBInstance;
  readonly #connection: DuckDb.DuckDBConnection;

  constructor(instance: DuckDb.DuckDBInstance, connection: DuckDb.DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  /** Runs a statement of our own. */
  async execute(sql: string): Promise<void> {
    await guard(this.#connection.run(sql));
  }

  /** The tree of what was asked, as DuckDB's parser gives it in JSON; nothing is looked up or run. */
  async parse(sql: string): Promise<string> {
    const reader = await guard(this.#connection.runAndReadAll(`SELECT json_serialize_sql(${sqlText(sql)})`));
    return String(reader.getRows()[0]?.[0]);
  }

  /** Looks names and types of one statement up, without running it. @throws RolloutError `usage` for what is wrong with it */
  async inspect(sql: string): Promise<Inspection> {
    try {
      const statement = await this.#connection.prepare(sql);
      const { parameterCount: parameters } = statement;
      statement.destroySync();
      return { parameters };
    } catch (error) {
      const [, missing] = /^Catalog Error: Table with name (\S+) does not exist!/.exec(messageOf(error)) ?? [];
      if (missing !== undefined) return { missing, error: sqlError(error) };
      throw sqlError(error);
    }
  }

  /** Begins to run a statement; rows come as they are made. @throws RolloutError, also while they are read */
  async query(sql: string): Promise<SqlAnswer> {
    const result = await guard(this.#connection.stream(sql));
    const types = result.columnTypes();
    const columns = result.deduplicatedColumnNames().map((name, index) => {
      const type = types[index];
      return { name, type: String(type), isNumber: type !== undefined && NUMBERS.has(type.typeId) };
    });
    return { columns, batches: () => batchesOf(result) };
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}

async function* batchesOf(result: DuckDb.DuckDBResult): AsyncGenerator<SqlBatch> {
  for (;;) {
    const chunk = await guard(result.fetchChunk());
    if (chunk === null || chunk.rowCount === 0) return;
    yield { count: chunk.rowCount, rows: () => chunk.getRows().map((row) => row.map(plain)) };
  }
}

async function guard<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw sqlError(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const CODES: readonly (readonly [beginning: RegExp, code: ErrorCode, hint?: string])[] = [
  [/^Out of Memory Error/, "unsupported", "give it more with --memory, or ask for less at a time"],
  [/^(?:IO|Corrupt\w*|Serialization) Error/, "unreadable"],
  [/^(?:INTERNAL|FATAL) Error/, "unsupported"],
  [/^Permission Error/, "usage", "a query reaches its tables, and nothing else on this machine or beyond it"],
];

/** What DuckDB says, in one line and without its drawing of the place. */
function sqlError(error: unknown): RolloutError {
  const text = messageOf(error);
  const { message, line } = errorPlace(text);
  const [, code, hint] = CODES.find(([beginning]) => beginning.test(text)) ?? [undefined, "usage" as const];
  return new RolloutError(code, message, { line, hint, cause: error });
}

/** `DuckDBTypeId` of integers, floats and decimals. Literals, since the package is not loaded here. */
const NUMBERS: ReadonlySet<number> = new Set([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 32, 19, 35]);

/** As plain data. The classes are told by their members, for the same reason. */
function plain(value: DuckDb.DuckDBValue): SqlValue {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint") return value;
  if ("scale" in value) return decimal(String(value));
  if ("items" in value) return value.items.map(plain);
  if ("tag" in value) return { [value.tag]: plain(value.value) };
  if ("entries" in value) return Array.isArray(value.entries) ? value.entries.map(entry) : struct(value.entries);
  return isTime(value) ? time(value) : String(value);
}

function entry({ key, value }: { key: DuckDb.DuckDBValue; value: DuckDb.DuckDBValue }): SqlValue {
  return { key: plain(key), value: plain(value) };
}

function struct(entries: Readonly<Record<string, DuckDb.DuckDBValue>>): SqlValue {
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, plain(value)]));
}

/** A number where that has the same digits. */
function decimal(text: string): SqlValue {
  const number = Number(text);
  const shortest = text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  return String(number) === shortest ? number : text;
}

type Time = DuckDb.DuckDBTimestampTZValue | DuckDb.DuckDBTimestampValue;

function isTime(value: object): value is Time {
  return "micros" in value && "isFinite" in value;
}

const THOUSAND = 1000n;
/** What a Date can hold. */
const MAX_MS = 8_640_000_000_000_000n;

/** ISO 8601; with `Z` where the value is a point in time, without where it is a day and an hour of nowhere. */
function time(value: Time): string {
  const rest = ((value.micros % THOUSAND) + THOUSAND) % THOUSAND;
  const ms = (value.micros - rest) / THOUSAND;
  if (ms > MAX_MS || ms < -MAX_MS) return String(value);
  const [day = ""] = new Date(Number(ms)).toISOString().split("Z");
  const digits = rest === 0n ? "" : String(rest).padStart(3, "0");
  return `${day}${digits}${value.constructor.name === "DuckDBTimestampTZValue" ? "Z" : ""}`;
}
