import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli } from "../../src/cli.ts";
import { runQuery } from "../../src/commands/query-run.ts";
import { loadDuckDb } from "../../src/export/duckdb.ts";
import { T1, T2, T3, T4, writeExportHome } from "../export/export-home.ts";
import { describeDuckDb } from "../export/query-duckdb.ts";
import { cli, type CliRun } from "../support/cli.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { memoryHost } from "../support/host.ts";
import { meta, rolloutText, sessionPath, userMessage } from "../support/lines.ts";
import { readText, ROOT } from "../support/sources.ts";

const folder = temporaryFolder();
const tmpdir = process.env["TMPDIR"];
let home = "";
let scratch = "";
beforeEach(() => {
  home = writeExportHome(join(folder.path, "home"));
  scratch = join(folder.path, "tmp");
  mkdirSync(scratch);
  process.env["TMPDIR"] = scratch;
});
afterEach(() => {
  // However a query ends.
  expect(readdirSync(scratch)).toEqual([]);
  if (tmpdir === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = tmpdir;
});

function run(...argv: readonly string[]): Promise<CliRun> {
  return cli(home, ["query", ...argv]);
}

async function lines(...argv: readonly string[]): Promise<readonly string[]> {
  const { code, out, err } = await run(...argv);
  expect([code, err]).toEqual([0, ""]);
  return out.trimEnd().split("\n");
}

async function objects(...argv: readonly string[]): Promise<readonly unknown[]> {
  return (await lines(...argv, "--json")).map((line) => JSON.parse(line) as unknown);
}

describeDuckDb("a home", () => {
  it("answers, and stays as it is", async () => {
    const before = snapshot(home);
    expect(await lines("select kind, count(*) as n from threads group by kind order by kind")).toEqual([
      "kind   n",
      "agent  1",
      "fork   1",
      "main   2",
    ]);
    expect(snapshot(home)).toEqual(before);
  });

  it("as objects, one a line", async () => {
    const sql = `select thread_id, created_at, archived, turns, name, month from threads order by thread_id desc`;
    expect(await objects(sql)).toEqual([
      {
        thread_id: T1,
        created_at: "2025-11-01T10:00:00.123Z",
        archived: false,
        turns: 1,
        name: "the first",
        month: "2025-11",
      },
      {
        thread_id: T2,
        created_at: "2025-11-01T10:00:00.123Z",
        archived: false,
        turns: 1,
        name: null,
        month: "2025-11",
      },
      { thread_id: T3, created_at: "2025-11-01T10:00:00.123Z", archived: true, turns: 1, name: null, month: "2025-11" },
      {
        thread_id: T4,
        created_at: "2025-12-01T10:00:00.000Z",
        archived: false,
        turns: 2,
        name: null,
        month: "2025-12",
      },
    ]);
  });

  it("has content where a question may be about it", async () => {
    expect(await objects("select text, output from items where exit_code = 0")).toEqual([
      { text: "ls -l", output: "total 0\n" },
    ]);
    expect(await objects("select count(distinct i) as n from items i where inherited")).toEqual([{ n: 1 }]);
  });

  it("counts what more there is", async () => {
    const sql = "select line from items order by line";
    const { code, out, err } = await run(sql, "--limit", "2");
    expect([code, out.split("\n").length, err]).toEqual([0, 4, "… and 5 more rows; --limit 0 shows all\n"]);
    expect((await run(sql, "--limit", "0")).out.split("\n")).toHaveLength(9);
    expect(await objects(sql, "--limit", "3")).toHaveLength(3);
    const many = await run("from range(1101)");
    expect([many.out.split("\n").length, many.err]).toEqual([102, "… and 1,001 more rows; --limit 0 shows all\n"]);
  });

  it("without rollouts has all tables, without rows", async () => {
    rmSync(home, { recursive: true });
    mkdirSync(home);
    expect(await objects("select (select count(*) from threads) + (select count(*) from bytes) as n")).toEqual([
      { n: 0 },
    ]);
    expect(await run("from turns")).toEqual({ code: 0, out: "", err: "no rows\n" });
    expect(await run("from turns", "--json")).toEqual({ code: 0, out: "", err: "no rows\n" });
  });

  it("that is none is told, unless nothing is asked of it", async () => {
    rmSync(home, { recursive: true });
    expect(await run("from threads")).toMatchObject({ code: 2, err: expect.stringContaining("does not exist") });
    expect(await lines("select 1 as one")).toEqual(["one", "  1"]);
    expect((await lines("describe edges"))[1]).toMatch(/^source_thread_id +VARCHAR /);
  });

  it("of which not all can be read answers with the rest", async () => {
    writeFileSync(join(home, `${sessionPath(5)}.zst`), "no archive");
    const { code, out, err } = await run("select count(*) as n from threads");
    expect([code, out]).toEqual([1, "n\n4\n"]);
    expect(err).toMatch(/^not read, or only in part {2}.*\.jsonl: not valid Zstandard data/);
  });

  it("takes its question from a file or from stdin too", async () => {
    const file = join(folder.path, "q.sql");
    writeFileSync(file, "-- a comment\nselect count(*) as n\nfrom threads;\n");
    expect(await lines("--file", file)).toEqual(["n", "4"]);
    const host = memoryHost();
    const call = { sql: "-", tables: false, file: undefined, from: undefined, limit: undefined, memory: undefined };
    const global = { codexHome: home, sqliteHome: undefined, json: false, quiet: false, jobs: 1 };
    const progress = () => ({ advance: () => undefined, finish: () => undefined });
    const context = { ...host, paint: paintless(), commands: [], progress } as unknown as Parameters<
      typeof runQuery
    >[1];
    const world = { load: loadDuckDb, readStdin: () => "select 7 as seven" };
    expect([await runQuery({ ...call, ...global }, context, world), host.out()]).toEqual([0, "seven\n    7\n"]);
  });
});

function paintless(): unknown {
  return new Proxy({}, { get: () => (text: string) => text });
}

describe("without DuckDB", () => {
  it("says so, and leaves nothing behind", async () => {
    const call = {
      sql: "select 1",
      tables: false,
      file: undefined,
      from: undefined,
      limit: undefined,
      memory: undefined,
    };
    const global = { codexHome: home, sqliteHome: undefined, json: false, quiet: false, jobs: undefined };
    const load = () => Promise.reject(new Error("Cannot find package '@duckdb/node-api'"));
    const context = memoryHost() as unknown as Parameters<typeof runQuery>[1];
    await expect(runQuery({ ...call, ...global }, context, { load, readStdin: () => "" })).rejects.toMatchObject({
      code: "unsupported",
      message: "query needs DuckDB, which is not installed",
    });
  });

  it("lists the tables all the same", async () => {
    const text = (await run("--tables")).out;
    expect(text).toMatch(
      /^threads {2}one row for each thread\n {2}column +type +what it is\n {2}thread_id +VARCHAR +id of the thread/,
    );
    expect(text).toContain(
      "  duration_ms       DOUBLE       as recorded, else from the times of those lines; or NULL\n",
    );
    const answer = JSON.parse((await run("--tables", "--json")).out) as { tables: readonly { table: string }[] };
    expect(answer.tables.map(({ table }) => table)).toEqual([
      "threads",
      "turns",
      "items",
      "usage",
      "windows",
      "edges",
      "bytes",
    ]);
  });
});

describe("a wrong call", () => {
  it.each([
    [[], "there is no question"],
    [[" "], "there is no question"],
    [["select 1", "--file", "x.sql"], "--file and SQL exclude each other"],
    [["select 1", "--tables"], "--tables asks nothing"],
    [["--tables", "--from", "x"], "--tables and --from exclude each other"],
    [["select 1", "--memory", "1"], "--memory takes a whole number of at least 64"],
    [["--file", "/nowhere/q.sql"], "/nowhere/q.sql"],
  ])("%j", async (argv, message) => {
    const { code, out, err } = await run(...argv);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(message);
  });
});

describeDuckDb("SQL that is wrong", () => {
  it("is told with its place, in one line", async () => {
    expect(await run("select cwd2\nfrom threads")).toEqual({
      code: 2,
      out: "",
      err: expect.stringMatching(
        /^rollout-tool: Binder Error: Referenced column "cwd2" not found in FROM clause! Candidate bindings: .* \(at "cwd2"\) \(line 1\)\n$/,
      ) as string,
    });
    expect(await run("from turn")).toEqual({
      code: 2,
      out: "",
      err: 'rollout-tool: there is no table "turn" (line 1)\nhint: they are threads, turns, items, usage, windows, edges, bytes; query --tables has their columns\n',
    });
  });

  it("cannot put anything on a terminal by an error", async () => {
    const { err } = await run("select error(chr(27) || '[2J')");
    expect(err).toBe("rollout-tool: Invalid Input Error: \\x1b[2J\n");
  });

  it("fails in the middle too, after the rows before it", async () => {
    const { code, err } = await run(
      "select case when range = 9999 then error('here') else range end from range(10000)",
      "--json",
    );
    expect(code).toBe(2);
    expect(JSON.parse(err)).toMatchObject({ error: { code: "usage", message: "Invalid Input Error: here" } });
  });

  it.each([
    "copy threads to '$/evil.csv'",
    "copy (from threads) to '$/evil.parquet'",
    "attach '$/evil.db'",
    "export database '$/evil'",
    "install httpfs",
    "set memory_limit = '100GB'",
    "from enable_logging(storage = 'file', storage_path = '$/evil')",
    "from read_text('/etc/passwd')",
    "from '$/secret.csv'",
    "from 'https://example.invalid/x.parquet'",
    "explain analyze copy threads to '$/evil.csv'",
  ])("reaches nothing: %s", async (sql) => {
    writeFileSync(join(folder.path, "secret.csv"), "a,b\n1,2\n");
    const before = readdirSync(folder.path);
    const { code, out, err } = await run(sql.replace("$", folder.path));
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/^rollout-tool: .*\n(hint: .*\n)?$/);
    expect(readdirSync(folder.path)).toEqual(before);
  });
});

describeDuckDb("an export", () => {
  let data = "";
  beforeEach(() => {
    data = join(folder.path, "data [1]* it's");
  });

  it("answers as its home does, in one part or in shards", async () => {
    const sql = "select * from turns order by thread_id, turn_index";
    const expected = await objects(sql);
    expect(expected).toHaveLength(5);
    for (const shard of ["0/3", "2/3"]) await cli(home, ["export", "-o", data, "--shard", shard]);
    const { err } = await run(sql, "--from", data);
    expect(err).toMatch(/^not whole: of part-[0-9a-f]{12} there are 2 of 3 shards\n$/);
    await cli(home, ["export", "-o", data, "--shard", "1/3"]);
    rmSync(home, { recursive: true });
    expect(await objects(sql, "--from", data)).toEqual(expected);
  });

  it("without content says so", async () => {
    await cli(home, ["export", "-o", data, "--no-content"]);
    expect(await run("select user_message from turns limit 1", "--from", data)).toEqual({
      code: 0,
      out: "user_message\nNULL\n",
      err: "the export has no content: what people, models and tools said is NULL\n",
    });
    expect(await lines("select count(*) as n from turns", "--from", data)).toEqual(["n", "5"]);
  });

  it("of some tables has the others not", async () => {
    await cli(home, ["export", "-o", data, "--table", "edges"]);
    expect((await lines("select kind from edges order by 1", "--from", data)).slice(1)).toEqual(["fork", "spawn"]);
    expect((await run("from turns", "--from", data)).err).toContain("the export has no table turns");
  });

  it("of nothing has empty tables, and a folder that is none is told", async () => {
    rmSync(home, { recursive: true });
    mkdirSync(home);
    await cli(home, ["export", "-o", data]);
    expect(await lines("select count(*) as n from turns", "--from", data)).toEqual(["n", "0"]);
    expect((await run("select 1", "--from", folder.path)).err).toContain("the folder is no export of tables");
  });

  it("is not written to", async () => {
    await cli(home, ["export", "-o", data]);
    const before = snapshot(data);
    const path = data.replaceAll("'", "''");
    await lines("from turns", "--from", data, "--json");
    for (const sql of [
      `copy turns to '${path}/x.csv'`,
      `from enable_logging(storage = 'file', storage_path = '${path}')`,
    ]) {
      expect((await run(sql, "--from", data)).code).toBe(2);
    }
    expect(snapshot(data)).toEqual(before);
  });
});

describeDuckDb("text", () => {
  async function wide(columns: number | undefined, sql: string): Promise<string> {
    const host = memoryHost({ columns, env: {} });
    expect(await runCli(["query", sql, "--codex-home", home], host)).toBe(0);
    return host.out();
  }

  it("is a table, numbers on the right, cut to the terminal", async () => {
    const sql = "select 'a long text that does not fit' as said, 7 as n, null as nothing, 'x' as x";
    expect(await wide(undefined, sql)).toBe(
      "said                           n  nothing  x\na long text that does not fit  7     NULL  x\n",
    );
    expect(await wide(32, sql)).toBe("said               n  nothing  x\na long text that…  7     NULL  x\n");
  });

  it("goes down the page where the terminal is too narrow for a table", async () => {
    const sql =
      "select turn_id, status, items, user_message, agent_message, model, duration_ms from turns where thread_id like '%2'";
    expect(await wide(40, `${sql} union all select 'b', null, 1, 'w', 'x', 'y', 2 order by 1 desc`)).toBe(
      [
        "row 1",
        "turn_id        t1",
        "status         completed",
        "items          3",
        "user_message   list",
        "agent_message  done",
        "model          gpt-5.1-codex",
        "duration_ms    9000",
        "",
        "row 2",
        "turn_id        b",
        "status         NULL",
        "items          1",
        "user_message   w",
        "agent_message  x",
        "model          y",
        "duration_ms    2",
        "",
      ].join("\n"),
    );
  });

  it("is never obeyed, neither cells nor titles", async () => {
    writeHome(home, { [sessionPath(6)]: rolloutText([meta(6), userMessage("\u001b[2Jred\nline \u202e")]) });
    const sql = `select user_message as "a\u001b[2Jb" from turns where user_message like '%red%'`;
    expect(await wide(undefined, sql)).toBe("a\\x1b[2Jb\n\\x1b[2Jred\\nline \\u202e\n");
    expect((await run(sql, "--json")).out).toBe('{"a\\u001b[2Jb":"\\u001b[2Jred\\nline \\u202e"}\n');
  });

  it("is cut where a cell is endless, and JSON is not", async () => {
    const sql = "select repeat('🦀', 5000) as x";
    const [, cell = ""] = await lines(sql);
    expect(cell).toBe(`${"🦀".repeat(500)}…`);
    expect(await objects(sql)).toEqual([{ x: "🦀".repeat(5000) }]);
  });

  it("of a plan is as it is drawn", async () => {
    expect((await run("explain select 1")).out).toMatch(/^┌─+┐\n│ +PROJECTION +│\n/);
  });
});

describeDuckDb("docs/query.md", () => {
  const questions = [...readText("docs/query.md").matchAll(/^```sql\n(.*?)\n```$/gms)].map(([, sql = ""]) => sql);

  it("asks which threads take most room", async () => {
    const [first = ""] = questions;
    const rows = (await objects(first)) as readonly {
      thread_id: string;
      name: string | null;
      bytes: number;
      copied: number;
    }[];
    const size = (path: string) => readFileSync(join(home, path)).length;
    const fork = size(sessionPath(4, { stamp: "2025-12-01T12-00-00" }));
    expect(rows[0]).toMatchObject({ thread_id: T4, name: null, bytes: fork });
    expect(rows[0]?.copied).toBeGreaterThan(0);
    expect(rows.slice(1).map(({ thread_id: id, copied }) => [id, copied])).toEqual([
      [T2, 0],
      [T1, 0],
      [T3, 0],
    ]);
    expect(rows.find(({ thread_id: id }) => id === T1)).toEqual({
      thread_id: T1,
      name: "the first",
      bytes: size(sessionPath(1)),
      copied: 0,
    });
  });

  it("asks for the cached share by day", async () => {
    expect(await objects(questions[1] ?? "")).toEqual([
      { day: "2025-11-01", responses: 1, input: 100, cached_percent: 0 },
    ]);
  });

  it("asks for the slowest turns", async () => {
    const rows = await objects(questions[2] ?? "");
    expect(rows).toMatchObject([
      { thread_id: T2, turn_index: 0, seconds: 9, tool_calls: 1, user_message: "list" },
      { thread_id: T4, turn_index: 1, seconds: 4, user_message: "again" },
      { thread_id: T1, turn_index: 0, seconds: 4, user_message: "hello" },
      { thread_id: T3, turn_index: 0, seconds: 0, user_message: "look" },
    ]);
  });

  it("asks nothing that is not answered, here and in the demonstration home", async () => {
    expect(questions).toHaveLength(8);
    for (const sql of questions) {
      expect([sql, (await run(sql)).code]).toEqual([sql, 0]);
      const demo = await cli(join(ROOT, "fixtures", "homes", "demo"), ["query", sql]);
      expect([sql, demo.code, demo.err]).toEqual([sql, 0, demo.out === "" ? "no rows\n" : ""]);
    }
  });
});
