/** Which differences between a stored row and a derived one mean something. */
import { describe, expect, test } from "vitest";
import { rowDifferences, storedTimeMs } from "../../src/indexer/compare.ts";
import type { ThreadRow } from "../../src/indexer/row.ts";
import type { SqlRow } from "../../src/io/sqlite.ts";
import { FILE_MS, threadId } from "../support/lines.ts";
import { sampleRow } from "../support/rows.ts";

const EXPECTED = sampleRow(1);
const COLUMNS = Object.keys(EXPECTED);

function differing(
  changes: SqlRow,
  { exact = false, expected = EXPECTED }: { exact?: boolean; expected?: ThreadRow } = {},
) {
  return rowDifferences({ ...EXPECTED, ...changes }, expected, COLUMNS, exact).map(({ column }) => column);
}

test("equal rows differ in nothing, unequal ones in what is unequal", () => {
  expect(differing({})).toEqual([]);
  expect(differing({ title: "other", tokens_used: 8, git_sha: "abc" })).toEqual(["title", "tokens_used", "git_sha"]);
  expect(rowDifferences({ ...EXPECTED, title: "other" }, EXPECTED, COLUMNS, false)).toEqual([
    { id: threadId(1), column: "title", found: "other", expected: "hello" },
  ]);
});

test("only columns of the level are looked at, and those that a row can have", () => {
  expect(
    rowDifferences({ ...EXPECTED, title: "x", name: "n" }, EXPECTED, ["title", "future_column"], false),
  ).toHaveLength(1);
});

test("a column that an older database lacks counts as NULL", () => {
  const { originator: _, ...stored } = EXPECTED;
  expect(rowDifferences(stored, EXPECTED, COLUMNS, false).map(({ found, expected }) => [found, expected])).toEqual([
    [null, "codex_cli_rs"],
  ]);
});

describe("what a live database writes in another way", () => {
  const moved = (timeMs: number) => ({ updated_at: Math.floor(timeMs / 1000), updated_at_ms: timeMs });
  const entry = (path: string, access: string) => ({ path: { type: "path", path }, access });
  const policy = (...entries: readonly unknown[]) =>
    JSON.stringify({ type: "managed", file_system: { type: "restricted", entries }, network: "restricted" });

  test.each<[string, SqlRow, readonly string[]]>([
    ["times up to two seconds off", moved(FILE_MS + 2000), []],
    ["times farther off", moved(FILE_MS + 2001), ["updated_at", "updated_at_ms"]],
    ["milliseconds that were never filled in", { updated_at_ms: null, recency_at_ms: 0 }, []],
    [
      "seconds and milliseconds that were never filled in",
      { updated_at: null, updated_at_ms: null },
      ["updated_at", "updated_at_ms"],
    ],
    ["the compressed form of the path", { rollout_path: `${EXPECTED.rollout_path}.zst` }, []],
    ["another path", { rollout_path: "/elsewhere/rollout-x.jsonl" }, ["rollout_path"]],
    ["a policy text that is no JSON", { sandbox_policy: "{" }, ["sandbox_policy"]],
  ])("%s", (_, stored, columns) => {
    expect(differing(stored)).toEqual(columns);
  });

  test("the verbatim prefix of Windows", () => {
    const expected = { ...EXPECTED, rollout_path: "C:\\h\\rollout-x.jsonl" };
    expect(differing({ rollout_path: "\\\\?\\C:\\h\\rollout-x.jsonl" }, { expected })).toEqual([]);
  });

  test("protected folders, which depend on the machine, but not what may be written", () => {
    const expected = { ...EXPECTED, sandbox_policy: policy(entry("/p/.git", "read"), entry("/w", "write")) };
    expect(differing({ sandbox_policy: policy(entry("/w", "write")) }, { expected })).toEqual([]);
    expect(differing({ sandbox_policy: policy(entry("/p/.git", "read")) }, { expected })).toEqual(["sandbox_policy"]);
  });

  test("counts all the same when rows are to be exactly Codex's", () => {
    expect(differing({ ...moved(FILE_MS + 1), rollout_path: `${EXPECTED.rollout_path}.zst` }, { exact: true })).toEqual(
      ["rollout_path", "updated_at_ms"],
    );
  });
});

test.each<[SqlRow, number]>([
  [{ created_at: 5, created_at_ms: 5123 }, 5123],
  [{ created_at: 5, created_at_ms: null }, 5000],
  [{ created_at: 5, created_at_ms: 0 }, 5000],
  [{ created_at: "x" }, Number.NaN],
])("the time in %j", (stored, timeMs) => {
  expect(storedTimeMs(stored, "created_at")).toBe(timeMs);
});
