import { describe, expect, it } from "vitest";
import { compareReports } from "../../src/bench/baseline.ts";
import { benchReport, resumeReport } from "../support/bench-reports.ts";

const base = resumeReport();

describe("two reports", () => {
  it("are compared case by case, unpaired, by name", () => {
    const { comparisons, onlyNow, onlyBase, warnings } = compareReports(resumeReport(1.2, 2), base, 1);
    expect(comparisons.map(({ kind, verdict, case: name, against }) => [kind, verdict, name === against])).toEqual(
      Array.from({ length: 12 }, (_unused, index) => [
        "unpaired",
        index % 3 === 0 ? "slower" : expect.any(String),
        true,
      ]),
    );
    expect([onlyNow, onlyBase, warnings]).toEqual([[], [], []]);
  });

  it("of one run with itself differ nowhere", () => {
    const { comparisons } = compareReports(base, base, 1);
    expect(new Set(comparisons.map(({ ratio }) => ratio))).toEqual(new Set([1]));
    expect(comparisons.filter(({ verdict }) => verdict === "faster" || verdict === "slower")).toEqual([]);
  });

  it("say which cases only one of them has, whatever their order", () => {
    const one = benchReport({
      cases: [
        { labels: ["a"], medianMs: 1 },
        { labels: ["b"], medianMs: 1 },
      ],
    });
    const other = benchReport({
      cases: [
        { labels: ["c"], medianMs: 1 },
        { labels: ["a"], medianMs: 1 },
      ],
    });
    const { comparisons, onlyNow, onlyBase } = compareReports(one, other, 1);
    expect([comparisons.map(({ case: name }) => name), onlyNow, onlyBase]).toEqual([["a"], ["b"], ["c"]]);
  });

  it("of different machines, nodes, seeds and benchmarks come with warnings", () => {
    const setting = { ...base.setting, cpu: "Other CPU", cpus: 2, memory_bytes: 8e9, node: "22.0.0", seed: 7 };
    expect(compareReports({ ...base, setting, benchmark: "fork", cases: [] }, base, 1).warnings).toEqual([
      "figures of different machines are not comparable: cpu Example CPU @ 2.00GHz → Other CPU, cpus 4 → 2, memory_bytes 16000000000 → 8000000000",
      "the runs differ in more than what is measured: node 20.19.0 → 22.0.0, seed 1 → 7",
      "the baseline is of another benchmark: resume → fork",
      "no case is in both reports: their inputs or subjects differ",
    ]);
  });

  it("of machines that count their memory a little differently come without", () => {
    const setting = { ...base.setting, memory_bytes: base.setting.memory_bytes * 1.02 };
    expect(compareReports({ ...base, setting }, base, 1).warnings).toEqual([]);
  });
});
