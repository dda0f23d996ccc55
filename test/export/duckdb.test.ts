import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { type DuckDbModule, openDuckDb, type SqlDatabase, type SqlValue, sqlText } from "../../src/export/duckdb.ts";
import { temporaryFolder } from "../support/homes.ts";
import { readText } from "../support/sources.ts";
import { describeDuckDb, withDatabase } from "./query-duckdb.ts";

const folder = temporaryFolder();

async function failure(work: Promise<unknown>): Promise<Partial<RolloutError>> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RolloutError) return { code: error.code, message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error("nothing was thrown");
}

async function rowsOf(database: SqlDatabase, sql: string): Promise<readonly (readonly SqlValue[])[]> {
  const rows: (readonly SqlValue[])[] = [];
  for await (const batch of (await database.query(sql)).batches()) rows.push(...batch.rows());
  return rows;
}

describe("without the package", () => {
  const LIMITS = { memoryBytes: 1e8, threads: 1, folders: [], temporary: "/nowhere" };
  const open = (message: string) => failure(openDuckDb(LIMITS, () => Promise.reject<DuckDbModule>(new Error(message))));
  const { optionalDependencies } = JSON.parse(readText("package.json")) as {
    optionalDependencies: Record<string, string>;
  };
  const hint = `npm install @duckdb/node-api@${optionalDependencies["@duckdb/node-api"]} where rollout-tool is installed; or rollout-tool export, and read the files with another program`;

  it("says what is missing, and how to get it", async () => {
    expect(await open("Cannot find package '@duckdb/node-api' imported from /x/duckdb.js")).toEqual({
      code: "unsupported",
      message: "query needs DuckDB, which is not installed",
      hint,
    });
  });

  it("says why a package that is there does not load", async () => {
    expect(await open("Cannot find module '@duckdb/node-bindings-linux-x64/duckdb.node'")).toEqual({
      code: "unsupported",
      message: "DuckDB does not load on this machine: Cannot find module '@duckdb/node-bindings-linux-x64/duckdb.node'",
      hint,
    });
  });
});

describeDuckDb("values", () => {
  it.each<readonly [sql: string, value: SqlValue]>([
    ["null", null],
    ["true", true],
    ["7", 7],
    ["9007199254740993", 9007199254740993n],
    ["170141183460469231731687303715884105727::hugeint", 170141183460469231731687303715884105727n],
    ["0.1::double", 0.1],
    ["'nan'::double", "NaN"],
    ["'-inf'::double", "-Infinity"],
    ["1.50::decimal(5, 2)", 1.5],
    ["100.00::decimal(5, 2)", 100],
    ["100::decimal(5, 0)", 100],
    ["-0.07::decimal(5, 2)", -0.07],
    ["12345678901234567890.12::decimal(30, 2)", "12345678901234567890.12"],
    ["'Ünï\u202e\u001b'", "Ünï\u202e\u001b"],
    ["'2026-11-21 02:00:00.5+02'::timestamptz", "2026-11-21T00:00:00.500Z"],
    ["'2026-11-21 00:00:00.123456Z'::timestamptz", "2026-11-21T00:00:00.123456Z"],
    ["'1969-12-31 23:59:59.999999Z'::timestamptz", "1969-12-31T23:59:59.999999Z"],
    ["'infinity'::timestamptz", "infinity"],
    ["'2026-11-21 00:00:00'::timestamp", "2026-11-21T00:00:00.000"],
    ["'2026-11-21 00:00:00'::timestamp_s", "2026-11-21 00:00:00"],
    ["'2026-11-21'::date", "2026-11-21"],
    ["'01:02:03.5'::time", "01:02:03.5"],
    ["interval 3 day + interval 1 hour", "3 days 01:00:00"],
    ["'01a1fb9b-c0ad-7e90-b655-f5b7c29304d6'::uuid", "01a1fb9b-c0ad-7e90-b655-f5b7c29304d6"],
    ["'a\\x00b'::blob", "a\\x00b"],
    ["'x'::enum('x', 'y')", "x"],
    ["[1, null, 3]", [1, null, 3]],
    ["array_value(1, 2)", [1, 2]],
    ["{'a': 1, 'b': [{'c': 'd'}]}", { a: 1, b: [{ c: "d" }] }],
    ["map {'x': 1}", [{ key: "x", value: 1 }]],
    ["union_value(n := 2)", { n: 2 }],
  ])("%s", async (sql, value) => {
    expect(await withDatabase(folder.path, (database) => rowsOf(database, `SELECT ${sql}`))).toEqual([[value]]);
  });

  it("come with the names and types of their columns", async () => {
    const { columns } = await withDatabase(folder.path, (database) =>
      database.query("SELECT 1 AS a, 'x' AS a, sum(2) AS n, 1.5 AS d, now() AS t"),
    );
    expect(columns).toEqual([
      { name: "a", type: "INTEGER", isNumber: true },
      { name: "a:1", type: "VARCHAR", isNumber: false },
      { name: "n", type: "HUGEINT", isNumber: true },
      { name: "d", type: "DECIMAL(2,1)", isNumber: true },
      { name: "t", type: "TIMESTAMP WITH TIME ZONE", isNumber: false },
    ]);
  });

  it("come in batches, of which nobody has to take all", async () => {
    const counts = await withDatabase(folder.path, async (database) => {
      const seen: number[] = [];
      for await (const { count } of (await database.query("FROM range(5000)")).batches()) seen.push(count);
      return seen;
    });
    expect(counts).toEqual([2048, 2048, 904]);
  });

  it("take any text as a text of SQL", async () => {
    const text = "it's ''; drop table x -- \\";
    expect(await withDatabase(folder.path, (database) => rowsOf(database, `SELECT ${sqlText(text)}`))).toEqual([
      [text],
    ]);
  });
});

describeDuckDb("a database", () => {
  const sql = (text: string) => failure(withDatabase(folder.path, (database) => database.execute(text)));

  it("reaches the folders that it was given, and nothing else", async () => {
    mkdirSync(join(folder.path, "data"));
    writeFileSync(join(folder.path, "data", "a.txt"), "hello");
    writeFileSync(join(folder.path, "secret.txt"), "secret");
    const read = (name: string) => `SELECT content FROM read_text('${join(folder.path, name)}')`;
    const rows = await withDatabase(folder.path, (database) => rowsOf(database, read("data/a.txt")));
    expect(rows).toEqual([["hello"]]);
    mkdirSync(join(folder.path, "data2"));
    writeFileSync(join(folder.path, "data2", "a.txt"), "secret");
    for (const name of ["secret.txt", "data/../secret.txt", "data2/a.txt"]) {
      expect(await sql(read(name))).toMatchObject({
        code: "usage",
        message: expect.stringMatching(/^Permission Error: Cannot access file/),
        hint: "a query reaches its tables, and nothing else on this machine or beyond it",
      });
    }
  });

  it.each([
    [`COPY (SELECT 1) TO '../evil.csv'`, "Cannot access file"],
    [`ATTACH '../evil.db'`, "Cannot access file"],
    ["INSTALL httpfs", "disabled by configuration"],
    ["LOAD httpfs", "disabled through configuration"],
    ["FROM read_csv('https://example.invalid/x.csv')", "disabled by configuration"],
    ["SET enable_external_access = true", "Cannot"],
    ["SET memory_limit = '100GB'", "configuration has been locked"],
    ["RESET memory_limit", "configuration has been locked"],
    ["SET allowed_directories = ['/']", "Cannot"],
  ])("refuses %s", async (text, message) => {
    expect((await sql(text)).message).toContain(message);
    expect(existsSync(join(folder.path, "..", "evil.csv"))).toBe(false);
  });

  it("puts what does not fit into memory into its folder, and takes it away", async () => {
    const rows = await withDatabase(folder.path, (database) =>
      rowsOf(
        database,
        "SELECT count(*), max(s)[:4] FROM (SELECT i, repeat(md5(i::varchar), 20) AS s FROM range(800000) t(i) ORDER BY s, i)",
      ),
    );
    expect(rows).toEqual([[800_000n, "ffff"]]);
    expect(
      existsSync(join(folder.path, "spill")) &&
        existsSync(join(folder.path, "spill", "duckdb_temp_storage_DEFAULT-0.tmp")),
    ).toBe(false);
  });

  it("says when its memory is too small", async () => {
    const limits = { memoryBytes: 2e7, threads: 1, folders: [], temporary: join(folder.path, "spill") };
    const database = await openDuckDb(limits);
    const told = await failure(
      rowsOf(database, "SELECT length(string_agg(repeat('x', 1000), '')) FROM range(1000000)"),
    );
    database.close();
    expect(told).toMatchObject({ code: "unsupported", hint: "give it more with --memory, or ask for less at a time" });
    expect(told.message).toMatch(/^Out of Memory Error: [^\n]*$/);
    expect(told.message).not.toContain("solutions");
  });

  it("tells a table that is not there from everything else", async () => {
    await withDatabase(folder.path, async (database) => {
      await database.execute("CREATE TABLE turns (model VARCHAR)");
      expect(await database.inspect("SELECT * FROM turns")).toEqual({ parameters: 0 });
      expect(await database.inspect("SELECT * FROM turns WHERE model = $1")).toEqual({ parameters: 1 });
      expect(await database.inspect("FROM query_table('Items')")).toMatchObject({ missing: "Items" });
      expect(await failure(database.inspect("SELECT mode FROM turns"))).toMatchObject({
        code: "usage",
        message:
          'Binder Error: Referenced column "mode" not found in FROM clause! Candidate bindings: "model" (at "mode FROM turns")',
      });
    });
  });
});
