import { describe, expect, it } from "vitest";

import type { BenchCase, BenchSample } from "../../src/bench/results.ts";
import { foreseenReport, LeftOut, runSuite, type SuiteOptions } from "../../src/bench/suite.ts";

const OPTIONS: SuiteOptions = {
  toolVersion: "9.8.7",
  node: "v20.19.0",
  now: () => Date.parse("2026-11-21T08:00:00.000Z"),
  seed: 1,
  rounds: 3,
  warmupRounds: 1,
  pageCache: "warm",
};

/** Samples of 1, 2, 3 … ms; `log` hears of every step. */
function caseOf(name: string, log: string[], changes: Partial<BenchCase> = {}): BenchCase {
  let count = 0;
  return {
    labels: ["test", name],
    prepare: () => void log.push(`prepare ${name}`),
    run: () => {
      count += 1;
      log.push(`run ${name}`);
      return { wallMs: count, peakBytes: count * 10, readBytes: count * 100 };
    },
    release: () => void log.push(`release ${name}`),
    ...changes,
  };
}

const plan = (...cases: readonly BenchCase[]) => ({ benchmark: "test", cases, pairs: [] });

describe("runSuite", () => {
  it("runs every case once per round, prepared each time, and releases each once at the end", async () => {
    const log: string[] = [];
    const names = ["a", "b", "c", "d"];
    let advanced = 0;
    const options = { ...OPTIONS, advance: () => (advanced += 1) };
    const report = await runSuite(plan(...names.map((name) => caseOf(name, log))), options);
    const rounds = Array.from({ length: 4 }, (_, round) => log.slice(round * 8, round * 8 + 8));
    for (const round of rounds) {
      const ran = round.filter((line) => line.startsWith("run")).map((line) => line.slice(4));
      expect(round).toEqual(ran.flatMap((name) => [`prepare ${name}`, `run ${name}`]));
      expect(ran.toSorted()).toEqual(names);
    }
    expect(new Set(rounds.map(String)).size).toBeGreaterThan(1);
    expect(log.slice(32)).toEqual(names.map((name) => `release ${name}`));
    expect(advanced).toBe(16);
    const [first] = report.cases;
    expect(first).toMatchObject({
      name: "test.a",
      labels: ["test", "a"],
      samples_ms: [2, 3, 4],
      warmup_ms: [1],
      statistics: { count: 3, median: 3 },
      peak_bytes: 40,
      read_bytes: 300,
    });
    expect(first).not.toHaveProperty("written_bytes");
    expect(report.setting).toMatchObject({ seed: 1, rounds: 3, warmup_rounds: 1, tool_version: "9.8.7" });
  });

  it("takes the same order for the same seed", async () => {
    const orderOf = async (seed: number): Promise<string> => {
      const log: string[] = [];
      await runSuite(plan(...["a", "b", "c", "d", "e"].map((name) => caseOf(name, log))), { ...OPTIONS, seed });
      return log.join();
    };
    expect(await orderOf(5)).toBe(await orderOf(5));
    expect(await orderOf(5)).not.toBe(await orderOf(6));
  });

  it("reports a case that fails by its name, does not run it again, frees its room at once, and goes on", async () => {
    const log: string[] = [];
    let runs = 0;
    const failing = caseOf("b", log, {
      run: () => {
        runs += 1;
        if (runs === 2) throw new Error("it broke");
        return { wallMs: 1 };
      },
    });
    const report = await runSuite(
      { ...plan(caseOf("a", log), failing), pairs: [{ case: "test.a", against: "test.b" }] },
      OPTIONS,
    );
    expect(runs).toBe(2);
    expect(report.failures).toEqual([{ case: "test.b", message: "it broke" }]);
    expect(report.cases.map(({ name }) => name)).toEqual(["test.a"]);
    expect(report.comparisons).toEqual([]);
    expect(log.filter((line) => line === "release b")).toEqual(["release b"]);
    expect(log.indexOf("release b")).toBeLessThan(log.lastIndexOf("run a"));
  });

  it("tells what cannot be brought about, what throws no error, and what fails in the end", async () => {
    const refuse = (what: unknown) => () => {
      throw what as Error;
    };
    const report = await runSuite(
      plan(
        caseOf("a", [], { prepare: refuse(new Error("no room")) }),
        caseOf("b", [], { run: refuse("a word") }),
        caseOf("c", [], { release: refuse(new Error("it stays")) }),
      ),
      OPTIONS,
    );
    expect(report.failures).toEqual([
      { case: "test.a", message: "no room" },
      { case: "test.b", message: "a word" },
      { case: "test.c", message: "it stays" },
    ]);
    expect(report.cases.map(({ name }) => name)).toEqual(["test.c"]);
  });

  it("notes what is left out, which is no failure, behind the notes of the plan", async () => {
    const leftOut = caseOf("b", [], {
      prepare: () => {
        throw new LeftOut("it knows no such thing");
      },
    });
    const report = await runSuite({ ...plan(caseOf("a", []), leftOut), notes: () => ["a note"] }, OPTIONS);
    expect([report.failures, report.cases.length]).toEqual([[], 1]);
    expect(report.notes).toEqual(["a note", "test.b is left out: it knows no such thing"]);
  });

  it("keeps of a sample what it needs: there are many, and some carry whole answers", async () => {
    const sample: BenchSample & { readonly stdout: string } = { wallMs: 1, stdout: "long" };
    const report = await runSuite(plan(caseOf("a", [], { run: () => sample })), OPTIONS);
    expect(JSON.stringify(report)).not.toContain("long");
  });

  it("compares cases of a run by pairs, and takes one round and none to warm up", async () => {
    const pairs = [{ case: "test.b", against: "test.a" }];
    const report = await runSuite(
      { ...plan(caseOf("a", []), caseOf("b", [])), pairs },
      { ...OPTIONS, rounds: 1, warmupRounds: 0 },
    );
    expect(report.cases.map(({ samples_ms, warmup_ms }) => [samples_ms, warmup_ms])).toEqual([
      [[1], []],
      [[1], []],
    ]);
    expect(report.comparisons).toMatchObject([{ case: "test.b", against: "test.a", count: 1, verdict: "unclear" }]);
  });

  it("refuses two cases of one name: nobody could tell their figures apart", async () => {
    await expect(runSuite(plan(caseOf("a", []), caseOf("a", [])), OPTIONS)).rejects.toThrow("two cases have one name");
  });
});

it("foresees the names of all cases without running any", () => {
  const log: string[] = [];
  const report = foreseenReport(plan(caseOf("a", log), caseOf("b", log)), OPTIONS);
  expect(report.cases.map(({ name, labels }) => [name, labels])).toEqual([
    ["test.a", ["test", "a"]],
    ["test.b", ["test", "b"]],
  ]);
  expect(log).toEqual([]);
});
