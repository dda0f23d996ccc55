import { expect, it } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { isUnparsed, questionIn, type QueryShape, shapeOf } from "../../src/export/query-shape.ts";
import { temporaryFolder } from "../support/homes.ts";
import { describeDuckDb, withDatabase } from "./query-duckdb.ts";

const folder = temporaryFolder();

async function shape(sql: string): Promise<QueryShape> {
  const { question } = questionIn(sql);
  return shapeOf(await withDatabase(folder.path, (database) => database.parse(question)), question);
}

async function refusal(sql: string): Promise<string> {
  try {
    await shape(sql);
  } catch (error) {
    if (error instanceof RolloutError && error.code === "usage") return error.message;
    throw error;
  }
  return "";
}

describeDuckDb("what is refused", () => {
  it.each([
    ["copy turns to 'x.csv'", "COPY is not run here"],
    ["explain analyze copy turns to 'x.csv'", "COPY is not run here"],
    ["explain (analyze) select 1", "ANALYZE is not run here"],
    ["attach 'x.db'", "ATTACH is not run here"],
    ["install httpfs", "INSTALL is not run here"],
    ["load httpfs", "LOAD is not run here"],
    ["export database 'x'", "EXPORT is not run here"],
    ["import database 'x'", "IMPORT is not run here"],
    ["set memory_limit = '1GB'", "SET is not run here"],
    ["reset memory_limit", "RESET is not run here"],
    ["pragma enable_profiling", "PRAGMA is not run here"],
    ["call enable_logging()", "CALL is not run here"],
    ["create table t as select 1", "CREATE is not run here"],
    ["create secret (type s3)", "CREATE is not run here"],
    ["insert into turns values (1)", "INSERT is not run here"],
    ["delete from turns", "DELETE is not run here"],
    ["update extensions", "UPDATE is not run here"],
    ["prepare p as select 1", "PREPARE is not run here"],
    ["checkpoint", "CHECKPOINT is not run here"],
    ["begin", "BEGIN is not run here"],
    ["select 1; select 2", "there are 2 statements, and one can be run"],
    ["", "there are 0 statements, and one can be run"],
    ["pivot turns on status using count(*)", "a pivot has to name its values"],
    ["from read_text('/etc/passwd')", "read_text(…) cannot stand behind from here"],
    ["from read_csv('x')", "read_csv(…) cannot stand behind from here"],
    ["from enable_logging(storage_path = 'x')", "enable_logging(…) cannot stand behind from here"],
    ["from arrow_scan(1, 2, 3)", "arrow_scan(…) cannot stand behind from here"],
    ["from json_execute_serialized_sql('x')", "json_execute_serialized_sql(…) cannot stand behind from here"],
    ["from query('from glob(''*'')')", "query(…) cannot stand behind from here"],
    ["select (select count(*) from Glob('/etc/*'))", "glob(…) cannot stand behind from here"],
    ["with a as (select * from turns, lateral (from glob(model))) from a", "glob(…) cannot stand behind from here"],
    ["select 1 union all (select 2 from glob('*'))", "glob(…) cannot stand behind from here"],
    ["select 1 where 1 in (select 1 from glob('*'))", "glob(…) cannot stand behind from here"],
    ["pivot (from glob('*')) on file in ('a') using count(*)", "glob(…) cannot stand behind from here"],
    ["summarize from glob('*')", "glob(…) cannot stand behind from here"],
    ["describe from glob('*')", "glob(…) cannot stand behind from here"],
    ["values ((select file from glob('*') limit 1))", "glob(…) cannot stand behind from here"],
    ["select sum(1) over (order by (select 1 from glob('*')))", "glob(…) cannot stand behind from here"],
    ["select 1 order by (select 1 from glob('*'))", "glob(…) cannot stand behind from here"],
    ["select 1 limit (select 1 from glob('*'))", "glob(…) cannot stand behind from here"],
    [
      "with recursive r as (select 1 union all select 2 from glob('*')) from r",
      "glob(…) cannot stand behind from here",
    ],
    ["select list_transform([1], lambda x: (select x from glob('*')))", "glob(…) cannot stand behind from here"],
  ])("%s", async (sql, message) => {
    expect(await refusal(sql)).toBe(message);
  });

  it("is told apart from what is not SQL", async () => {
    const parsed = (sql: string) =>
      withDatabase(folder.path, async (database) => isUnparsed(await database.parse(sql)));
    expect(await parsed("select 1 frm x y")).toBe(true);
    expect(await parsed("select 1")).toBe(false);
    expect(await parsed("copy turns to 'x'")).toBe(false);
  });
});

describeDuckDb("what a question needs", () => {
  it.each([
    ["describe turns", false],
    ["show tables", false],
    ["summarize turns", true],
    ["explain select 1", true],
    ["select 1", true],
  ])("rows: %s", async (sql, rows) => {
    expect((await shape(sql)).rows).toBe(rows);
  });

  it.each([
    "select count(*) from turns",
    "select model, sum(items) filter (not inherited) from turns group by all having sum(items) > 1 order by 2 limit 3",
    "select t.model from turns t left join usage u on t.thread_id = u.thread_id and u.at > t.started_at",
    "select thread_id from turns join items using (thread_id) where type in ('a', 'text')",
    "with x as (select thread_id, max(duration_ms) m from turns group by 1) select m from x union select 1",
    "select rank() over (partition by model order by duration_ms) from turns",
    "explain select type from items where exists (select 1 from turns)",
  ])("no content: %s", async (sql) => {
    expect((await shape(sql)).content).toBe(false);
  });

  it.each([
    "select * from turns",
    "from turns",
    "select t.* from turns t",
    "select columns('mod.*') from turns",
    "select user_message from turns",
    "select Output from items",
    'select i."TEXT" from items i',
    "select count(distinct i) from items i",
    "select to_json(items) from items",
    "select main.items from main.items",
    "select a from items as i(a)",
    "select 1 from turns natural join items",
    "select 1 from items a join items b using (text)",
    "select 1 from turns positional join items",
    "select 1 from turns order by #16",
    "select #16 from turns",
    "summarize turns",
    "from query_table('turns')",
    "pivot turns on status in ('a') using count(*)",
    "unpivot turns on model",
    "with x as (from items) select 1 from x",
    "select (select max(output) from items)",
    "select list_transform([1], lambda x: x)",
  ])("content: %s", async (sql) => {
    expect((await shape(sql)).content).toBe(true);
  });
});

it("explain stands in front of a question", () => {
  expect(questionIn(" EXPLAIN ANALYZE select 1")).toEqual({ question: "select 1", isExplain: true });
  expect(questionIn("explain (format json) from x")).toEqual({ question: "from x", isExplain: true });
  expect(questionIn("explain (select 1)")).toEqual({ question: "(select 1)", isExplain: true });
  expect(questionIn("select 'explain '")).toEqual({ question: "select 'explain '", isExplain: false });
});
