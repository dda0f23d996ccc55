import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import type { SqlDatabase, SqlValue } from "../../src/export/duckdb.ts";
import type { Row } from "../../src/export/format.ts";
import { parquetWriter } from "../../src/export/parquet.ts";
import { attachData, planQuery, queryColumns, type QueryPlan, runQuery } from "../../src/export/query.ts";
import { type Column, EDGES, type TableName, TABLES } from "../../src/export/schema.ts";
import { temporaryFolder } from "../support/homes.ts";
import { describeDuckDb, withDatabase } from "./query-duckdb.ts";

const folder = temporaryFolder();

function plan(sql: string): Promise<QueryPlan> {
  return withDatabase(folder.path, (database) => planQuery(database, sql));
}

async function failure(sql: string): Promise<Partial<RolloutError>> {
  try {
    await plan(sql);
  } catch (error) {
    if (error instanceof RolloutError) return { code: error.code, message: error.message, place: error.place };
    throw error;
  }
  return {};
}

async function rowsOf(database: SqlDatabase, asked: QueryPlan): Promise<readonly (readonly SqlValue[])[]> {
  const rows: (readonly SqlValue[])[] = [];
  for await (const batch of (await runQuery(database, asked)).batches()) rows.push(...batch.rows());
  return rows;
}

/** A file below `data`, of these columns. */
function parquet(path: string, columns: readonly Column[], rows: readonly Row[]): string {
  const parts: Buffer[] = [];
  const writer = parquetWriter({ table: "t", columns, about: {} }, (bytes) => void parts.push(Buffer.from(bytes)));
  for (const row of rows) writer.add(row);
  writer.finish();
  const file = join(folder.path, "data", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, Buffer.concat(parts));
  return file;
}

function dataOf(files: Partial<Record<TableName, readonly string[]>>) {
  return { files: (table: TableName) => files[table] ?? [], content: true, gaps: [] };
}

describeDuckDb("a plan", () => {
  it.each<readonly [sql: string, tables: readonly string[], content: boolean]>([
    ["select 1", [], false],
    ["from TURNS", ["turns"], true],
    ["from main.turns t join Usage using (thread_id)", ["turns", "usage"], true],
    ["select count(*) from turns where model in (select model from threads)", ["threads", "turns"], false],
    ["with turns as (select 1 as x) select x from turns", [], false],
    ["select 'turns', items from turns", ["turns"], false],
    ["from query_table('edges')", ["edges"], false],
    ["summarize items", ["items"], true],
    ["describe items", [], false],
    ["show tables", [], false],
    ["explain select kind from edges", ["edges"], false],
    ["from usage", ["usage"], false],
    ["select (select max(bytes) from bytes), w.cause from windows w", ["bytes", "windows"], false],
  ])("%s", async (sql, tables, content) => {
    const made = await plan(sql);
    expect([[...made.tables].toSorted(), made.content]).toEqual([tables, content]);
  });

  it("has all tables, with the columns of the schema and the month", async () => {
    const rows = await withDatabase(folder.path, async (database) =>
      rowsOf(
        database,
        await planQuery(
          database,
          "select table_name, column_name from duckdb_columns() where schema_name = 'main' and not internal order by table_name, column_index",
        ),
      ),
    );
    const expected = (Object.keys(TABLES) as TableName[])
      .toSorted()
      .flatMap((table) => [...TABLES[table].map(({ name }) => name), "month"].map((name) => [table, name]));
    expect(rows).toEqual(expected);
    expect(queryColumns("edges").at(-1)?.name).toBe("month");
  });

  it("fails at what is wrong before anything was read", async () => {
    expect(await failure("from turn")).toMatchObject({ code: "usage", message: 'there is no table "turn"' });
    expect(await failure("select 1\nfrom turns\nwhere foo = 1")).toMatchObject({
      code: "usage",
      message: expect.stringMatching(
        /^Binder Error: Referenced column "foo" not found in FROM clause! .* \(at "foo = 1"\)$/,
      ),
      place: { line: 3 },
    });
    expect(await failure("select 1\nfrm x y")).toMatchObject({
      message: 'Parser Error: syntax error at or near "x" (at "x y")',
      place: { line: 2 },
    });
    expect(await failure("select $1")).toMatchObject({
      message: "the statement has parameters, which nothing gives values",
    });
    expect(await failure("select 1 -- \0")).toMatchObject({ message: "the statement has a NUL in it" });
    expect(await failure("select model + 1 from turns")).toMatchObject({ code: "usage" });
    expect(await failure("from 'data.parquet'")).toMatchObject({
      message: expect.stringContaining("Permission Error"),
    });
    expect(await failure(`select ${"not ".repeat(5000)}true`)).toMatchObject({ code: "usage" });
  });
});

const [SOURCE, TARGET, KIND] = EDGES;

describeDuckDb("data", () => {
  it("of several months and parts is one table, with all types", async () => {
    const row = { source_thread_id: "a", target_thread_id: "it's", kind: "fork" };
    const files = [
      parquet("edges/month=2025-12/part [1]*.parquet", EDGES, [row]),
      parquet("edges/month=unknown/part-b.parquet", EDGES, [{ ...row, target_thread_id: "c" }]),
    ];
    const usage = Object.fromEntries(
      TABLES.usage.map(({ name, type }) => [
        name,
        type === "string" ? name : type === "boolean" ? false : 1_795_222_669_261_000,
      ]),
    );
    const told = [parquet("usage/month=2026-11/part-a.parquet", TABLES.usage, [usage])];
    const sql = `select target_thread_id, e.month, "at", input_tokens, echo from edges e, usage order by all`;
    const rows = await withDatabase(folder.path, async (database) => {
      const asked = await planQuery(database, sql);
      await attachData(database, asked, dataOf({ edges: files, usage: told }));
      return rowsOf(database, asked);
    });
    const cells = ["2026-11-21T00:57:49.261Z", 1_795_222_669_261_000n, false];
    expect(rows).toEqual([
      ["c", "unknown", ...cells],
      ["it's", "2025-12", ...cells],
    ]);
  });

  it("from before a column was added has NULL in it; columns that are not known here are left out", async () => {
    const later: Column = { name: "later", type: "string", nullable: true, describe: "" };
    const files = [
      parquet("edges/month=2025-12/a.parquet", [SOURCE, TARGET], [{ source_thread_id: "a", target_thread_id: "b" }]),
      parquet(
        "edges/month=2025-12/b.parquet",
        [KIND, TARGET, SOURCE, later],
        [{ kind: "fork", target_thread_id: "d", source_thread_id: "c", later: "x" }],
      ),
    ];
    const rows = await withDatabase(folder.path, async (database) => {
      const asked = await planQuery(database, "from edges order by all");
      await attachData(database, asked, dataOf({ edges: files }));
      return rowsOf(database, asked);
    });
    expect(rows).toEqual([
      ["a", "b", null, "2025-12"],
      ["c", "d", "fork", "2025-12"],
    ]);
  });

  it("that is none is an error that names the file", async () => {
    const file = join(folder.path, "data", "broken.parquet");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, "no parquet");
    const attempt = withDatabase(folder.path, async (database) => {
      await attachData(database, await planQuery(database, "from edges"), dataOf({ edges: [file] }));
    });
    await expect(attempt).rejects.toMatchObject({ message: expect.stringContaining("broken.parquet") });
  });
});
