/** The table over made-up times, and the order of taking turns; what a machine really measures is for the benchmark itself. */
import { describe, expect, it } from "vitest";

import { Rng } from "../../src/bench/rng.ts";
import { collectTimes, verdictTable } from "../../src/bench/verdicts.ts";

/** Times around 10 ms with 2 % of noise; so many comparisons of 40 rounds. */
function makeRuns(comparisons: number, slowed: number) {
  const rng = new Rng(5);
  const times = (factor: number) => Array.from({ length: 40 }, () => 10 * factor * (0.98 + 0.04 * rng.unit()));
  return Array.from({ length: comparisons }, () => ({ one: times(1), again: times(1), slowed: times(slowed) }));
}

describe("collectTimes", () => {
  it("gives every comparison its rounds in turn, each contender once a round", async () => {
    const log: string[] = [];
    const contenders = ["one", "again", "slowed"].map((name) => ({
      name,
      run: () => ({ wallMs: log.push(name) }),
    }));
    const runs = await collectTimes(contenders, { comparisons: 4, rounds: 5, rng: new Rng(1) });
    expect(runs.map((run) => [run.one.length, run.again.length, run.slowed.length])).toEqual(
      Array.from({ length: 4 }, () => [5, 5, 5]),
    );
    // Turn t (from 1) is of round t / 12 and of comparison (t / 3) mod 4.
    for (const [comparison, { one, again, slowed }] of runs.entries()) {
      for (const times of [one, again, slowed]) {
        expect(times.map((turn) => Math.floor((turn - 1) / 3))).toEqual([0, 4, 8, 12, 16].map((at) => at + comparison));
      }
    }
    expect(new Set(log.filter((_, turn) => turn % 3 === 0)).size).toBe(3);
  });
});

describe("verdictTable", () => {
  const cellsOf = (lines: readonly string[], row: number) =>
    lines[row + 2]
      ?.split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());

  it("says how often a difference was found that is not there, and one that is", () => {
    const table = verdictTable(makeRuns(10, 1.15), 1);
    expect(table).toHaveLength(6);
    const verdicts = [0, 1, 2, 3].map((row) => cellsOf(table, row)?.slice(4, 8));
    expect(verdicts).toEqual([
      ["0", "0", "10", "0"],
      ["0", "10", "0", "0"],
      ["0", "0", "10", "0"],
      ["0", "10", "0", "0"],
    ]);
    expect(cellsOf(table, 0)?.[0]).toBe("with itself, paired");
    expect([0, 1, 2, 3].map((row) => cellsOf(table, row)?.[8])).toEqual([
      "≤ 1 faster or slower: met",
      "≥ 9 slower: met",
      "",
      "",
    ]);
  });

  it("says when a goal is missed", () => {
    const runs = makeRuns(10, 1.01).map((run, index) =>
      index < 2 ? { ...run, again: run.again.map((ms) => ms * 2) } : run,
    );
    const table = verdictTable(runs, 1);
    expect(cellsOf(table, 0)?.slice(4)).toEqual(["0", "2", "8", "0", "≤ 1 faster or slower: missed"]);
    expect(cellsOf(table, 1)?.slice(4)).toEqual(["0", "0", "10", "0", "≥ 9 slower: missed"]);
  });
});
