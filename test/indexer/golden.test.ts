/**
 * The reference cases of state-and-compression §2.15 (`fixtures/index/case-NN`), whose rows real releases made
 * (`test/interop/index-cases.test.ts` keeps them honest). `--rules codex` has to give exactly these; what `--rules best`
 * changes in them is written down beside them, and written anew with `ROLLOUT_TOOL_RECORD=1`.
 */
import { describe, expect, test } from "vitest";
import type { SqlRow } from "../../src/io/sqlite.ts";
import { type ExpectedRow, expectedForm, listCases, readExpected, record, unpackCase } from "../support/cases.ts";
import { readTable, runReindex, temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();

const LEVELS = { "0.169.0": 62, "0.142.3": 39 } as const;

/**
 * After its backfill the server of 0.142.3 goes over the paths once more, and of two files of one thread it then names
 * the older one in a row made of the newer. No release of its time wrote such files, and the backfill itself does not.
 */
const REPAIRED_LATER: Readonly<Record<string, readonly string[]>> = {
  "11 0.142.3": ["rollout_path"],
};

function indexOf(home: string): { threads: ExpectedRow[]; edges: ExpectedRow[] } {
  const form = (row: SqlRow) => expectedForm(row, folder.path);
  return {
    threads: readTable(home).map(form),
    edges: readTable(home, "thread_spawn_edges", "child_thread_id").map(form),
  };
}

test("all cases of the reference are here", () => {
  const numbers = listCases().map(({ number }) => Number(number));
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
  expect(numbers).toEqual([...range(1, 7), ...range(9, 19), 21, 22, 23, ...range(26, 31), 34, 36]);
});

describe.each(listCases())("case $number: $title", (found) => {
  test.each(["0.169.0", "0.142.3"] as const)("as Codex %s indexes it", (release) => {
    const home = unpackCase(found, folder.path);
    runReindex(home, { rules: "codex", level: LEVELS[release] });
    const expected = readExpected(found)[release];
    const actual = indexOf(home);
    const ignored = REPAIRED_LATER[`${found.number} ${release}`] ?? [];
    const judged = (rows: readonly ExpectedRow[]) => rows.map((row) => without(row, ignored));
    expect(judged(actual.threads)).toEqual(judged(expected.threads));
    expect(actual.edges).toEqual(expected.edges);
  });

  test("by the rules best", () => {
    const home = unpackCase(found, folder.path);
    runReindex(home);
    const expected = readExpected(found);
    const { threads, edges } = indexOf(home);
    const codex = new Map(expected["0.169.0"].threads.map((row) => [row.id, row]));
    const changed = threads.map((row) => [String(row.id), difference(codex.get(row.id) ?? {}, row)] as const);
    const best = Object.fromEntries(changed.filter(([, row]) => Object.keys(row).length > 0));
    if (process.env["ROLLOUT_TOOL_RECORD"] === "1") record(found, { best });
    else expect(best).toEqual(expected.best);
    expect(edges).toEqual(expected["0.169.0"].edges);
  });
});

function without(row: ExpectedRow, columns: readonly string[]): ExpectedRow {
  return Object.fromEntries(Object.entries(row).filter(([column]) => !columns.includes(column)));
}

/** Columns of `row` that are not so in `base`; null where only `base` has one. */
function difference(base: ExpectedRow, row: ExpectedRow): ExpectedRow {
  const columns = new Set([...Object.keys(base), ...Object.keys(row)]);
  const changed = [...columns].filter((column) => base[column] !== row[column]);
  return Object.fromEntries(changed.map((column) => [column, row[column] ?? null]));
}
