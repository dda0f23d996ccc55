/**
 * What `rollout-tool query` does once its options are known; loaded only then. The tables that the question asks for are first written as
 * Parquet into a temporary folder, which is removed however the run ends; of an export its own files are read.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import type { UnreadableFile } from "../analysis/inherited.ts";
import { sweepStale, withScratch } from "../bench/scratch.ts";
import {
  loadDuckDb,
  openDuckDb,
  type SqlAnswer,
  type SqlBatch,
  type SqlDatabase,
  type SqlValue,
} from "../export/duckdb.ts";
import { PARQUET } from "../export/parquet.ts";
import { attachData, planQuery, type QueryPlan, runQuery as runPlan } from "../export/query.ts";
import { openDataSet } from "../export/query-data.ts";
import { exportToFolder } from "../export/run.ts";
import { EXPORT_VERSION } from "../export/schema.ts";
import { WHOLE } from "../export/shard.ts";
import { readWholeFile } from "../io/files.ts";
import { openHome } from "../readers/home.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { usageError } from "./options.ts";
import { printTables } from "./query-tables.ts";
import { type Printed, queryMessages, renderPlan, renderRows } from "./query-text.ts";
import { toJson } from "./render.ts";
import { wholeHome } from "./stats-target.ts";

export interface QueryCall extends GlobalOptions {
  readonly sql: string | undefined;
  readonly tables: boolean;
  readonly file: string | undefined;
  readonly from: string | undefined;
  readonly limit: number | undefined;
  readonly memory: number | undefined;
}

/** What a test puts others in the place of. */
export interface QueryWorld {
  readonly load: typeof loadDuckDb;
  readonly readStdin: () => string;
}

const STDIN = 0;
const WORLD: QueryWorld = { load: loadDuckDb, readStdin: () => readFileSync(STDIN, "utf8") };

const TEXT_LIMIT = 100;
const DEFAULT_MEMORY_MB = 1024;

/** 1 when something of the home could not be read, or only in part. */
export async function runQuery(call: QueryCall, context: CommandContext, world = WORLD): Promise<ExitCode> {
  if (call.tables) {
    if (call.sql !== undefined) throw usageError("--tables asks nothing", "call it without SQL");
    printTables(call.json, context);
    return 0;
  }
  const sql = sqlOf(call, context, world);
  sweepStale();
  return withScratch(async (scratch) => {
    const folder = call.from === undefined ? join(scratch, "tables") : resolve(context.cwd, call.from);
    const limits = {
      memoryBytes: (call.memory ?? DEFAULT_MEMORY_MB) * 1024 * 1024,
      threads: call.jobs ?? availableParallelism(),
      folders: [folder],
      temporary: join(scratch, "spill"),
    };
    const database = await openDuckDb(limits, world.load);
    try {
      return await answer(database, await planQuery(database, sql), { call, context, folder });
    } finally {
      database.close();
    }
  });
}

function sqlOf({ sql, file }: QueryCall, { cwd }: CommandContext, { readStdin }: QueryWorld): string {
  if (sql !== undefined && file !== undefined) throw usageError("--file and SQL exclude each other");
  const text =
    file === undefined
      ? sql
      : readWholeFile(resolve(cwd, file))
          .toString("utf8")
          .replace(/^\ufeff/, "");
  const question = text === "-" ? readStdin() : text;
  if (question === undefined || question.trim() === "") {
    throw usageError(
      "there is no question",
      'as in: rollout-tool query "select count(*) from threads"; --tables lists what there is',
    );
  }
  return question;
}

interface Run {
  readonly call: QueryCall;
  readonly context: CommandContext;
  /** Of the export that exists, or where one is made. */
  readonly folder: string;
}

async function answer(database: SqlDatabase, plan: QueryPlan, run: Run): Promise<ExitCode> {
  const { call, context, folder } = run;
  const unreadable = call.from === undefined && plan.tables.size > 0 ? await makeTables(plan, run) : [];
  const data = call.from === undefined && plan.tables.size === 0 ? undefined : openDataSet(folder, plan.tables);
  if (data !== undefined) await attachData(database, plan, data);
  const rows = await print(await runPlan(database, plan), plan, run);
  // Messages belong below the rows, also where both go to one terminal.
  context.stdout.flush();
  for (const message of queryMessages({ ...rows, plan, data, unreadable })) context.stderr.write(message);
  return unreadable.length > 0 ? 1 : 0;
}

/** Writes the tables that are asked for into the folder. */
async function makeTables(
  { tables, content }: QueryPlan,
  { call, context, folder }: Run,
): Promise<readonly UnreadableFile[]> {
  const { codexHome, sqliteHome } = openHome({
    codexHome: call.codexHome,
    sqliteHome: call.sqliteHome,
    sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"],
  });
  const { files, documents, problems } = wholeHome(codexHome);
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const progress = context.progress("reading", total, "bytes");
  const source = { codexHome, sqliteHome, files, documents, others: undefined };
  const names = [...tables];
  const { unreadable } = await exportToFolder(
    { source, shard: WHOLE, tables: names, content, advance: (bytes) => progress.advance(bytes) },
    {
      out: folder,
      owner: { home: codexHome, host: "", installation: null },
      name: "home",
      shard: WHOLE,
      settings: { format: "parquet", schema: EXPORT_VERSION, tables: names, content: true, redacted: false },
      extension: PARQUET.extension,
    },
    { format: PARQUET, about: {}, crew: { jobs: call.jobs, format: "parquet", rawCsv: false, redacts: false } },
  );
  // DuckDB's own time is not in it.
  progress.end();
  return [...problems, ...unreadable];
}

function print(rows: SqlAnswer, plan: QueryPlan, { call, context }: Run): Promise<Printed> {
  const limit = call.limit ?? (call.json ? 0 : TEXT_LIMIT);
  const most = limit === 0 ? Infinity : limit;
  return call.json ? printJson(rows, most, context) : printText(rows, plan, most, context);
}

/** An object a line, as they come. */
async function printJson({ columns, batches }: SqlAnswer, most: number, { stdout }: CommandContext): Promise<Printed> {
  let shown = 0;
  for await (const batch of batches()) {
    for (const row of upTo(batch, most - shown)) {
      stdout.write(`${toJson(Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])))}\n`);
      shown += 1;
    }
    if (shown >= most) break;
  }
  return { shown, count: shown };
}

async function printText(
  { columns, batches }: SqlAnswer,
  { isExplain }: QueryPlan,
  most: number,
  context: CommandContext,
): Promise<Printed> {
  const rows: (readonly SqlValue[])[] = [];
  let count = 0;
  for await (const batch of batches()) {
    if (rows.length < most) for (const row of upTo(batch, most - rows.length)) rows.push(row);
    count += batch.count;
  }
  context.stdout.write(isExplain ? renderPlan(rows) : renderRows(columns, rows, context));
  return { shown: rows.length, count };
}

function upTo(batch: SqlBatch, most: number): readonly (readonly SqlValue[])[] {
  const rows = batch.rows();
  return rows.length > most ? rows.slice(0, most) : rows;
}
