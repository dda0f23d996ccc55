import { describe, expect, it } from "vitest";
import { compareReports } from "../../src/bench/baseline.ts";
import { judgeCriteria, parseCriterion } from "../../src/bench/criteria.ts";
import {
  baselineNotes,
  byUrgency,
  formatInterval,
  formatMs,
  formatP,
  formatRatio,
  groupCases,
  headlineOf,
  labelsByName,
  pairWords,
  settingFields,
} from "../../src/bench/text.ts";
import { benchReport, resumeReport } from "../support/bench-reports.ts";

const base = resumeReport();
const slower = resumeReport(1.2, 2);

describe("figures", () => {
  it.each([
    [0.0004, "0.40 µs"],
    [0.85, "850 µs"],
    [0.9994, "999 µs"],
    [0.9996, "1.00 ms"],
    [9.994, "9.99 ms"],
    [9.996, "10.0 ms"],
    [99.96, "100 ms"],
    [999.4, "999 ms"],
    [999.6, "1.00 s"],
    [123_456, "123 s"],
  ])("%f ms is %s", (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });

  it("have three decimals where percents matter", () => {
    expect([0.0834, 1.1, 9.9994, 9.9996, 123.4, Infinity].map(formatRatio)).toEqual([
      "0.083",
      "1.100",
      "9.999",
      "10.0",
      "123",
      "∞",
    ]);
    expect(formatInterval([0.9, 1.05])).toBe("0.900 – 1.050");
    expect([0.00099, 0.001, 0.25].map(formatP)).toEqual(["< 0.001", "0.001", "0.250"]);
  });
});

describe("a pair", () => {
  it("is told by what is common and what differs", () => {
    expect(pairWords(labelsByName(base), base.comparisons[0]!)).toEqual({
      shared: "resume · legacy:20MB · plain",
      one: "rollout-tool",
      other: "codex-0.142.3",
    });
  });

  it("of unknown cases, or of labels of other number, is told in full", () => {
    const pair = { ...base.comparisons[0]!, case: "a.b", against: "c" };
    expect(pairWords(new Map(), pair)).toEqual({ shared: "", one: "a.b", other: "c" });
    const labels = new Map([
      ["a.b", ["a", "b"]],
      ["c", ["c", "b", "d"]],
    ]);
    expect(pairWords(labels, pair)).toEqual({ shared: "", one: "a · b", other: "c · b · d" });
  });
});

describe("groups", () => {
  it("are the inputs, which share an axis", () => {
    expect(groupCases(base).map(({ title, cases }) => [title, cases.length, cases[0]?.title])).toEqual([
      ["resume · legacy:20MB", 6, "plain · rollout-tool"],
      ["resume · paginated-late:120MB", 6, "plain · rollout-tool"],
    ]);
  });

  it("of short labels leave each case a title", () => {
    const report = benchReport({
      cases: [["help"], ["version"], ["start", "cold"], ["start", "warm"]].map((labels) => ({ labels, medianMs: 1 })),
    });
    expect(groupCases(report).map(({ title, cases }) => [title, cases.map((found) => found.title)])).toEqual([
      ["", ["help", "version"]],
      ["start", ["cold", "warm"]],
    ]);
  });
});

describe("the headline", () => {
  const judgements = (text: string) => judgeCriteria([parseCriterion(text)], slower, base);
  const failures = [{ case: "x", message: "hung" }];

  it.each([
    ["measured", { report: base }, "neutral", "12 cases measured"],
    ["failed", { report: { ...base, failures } }, "bad", "1 case failed"],
    [
      "violated",
      { report: { ...slower, failures }, judgements: judgements("legacy:20MB.rollout-tool.median>1.1") },
      "bad",
      "2 cases beyond the bound of legacy:20MB.rollout-tool.median>1.1, 1 case failed",
    ],
    ["kept", { report: slower, judgements: judgements("median>2") }, "good", "All criteria kept in 12 cases"],
    [
      "open",
      { report: slower, judgements: judgements("legacy:20MB.plain.rollout-tool.median>1.195") },
      "unclear",
      "No criterion violated, 1 case without a clear verdict",
    ],
    [
      "compared",
      {
        report: base,
        baseline: { report: base, comparison: { comparisons: [], onlyNow: [], onlyBase: [], warnings: [] } },
      },
      "unclear",
      "Against the baseline: 0 slower, 0 faster, 0 the same, 0 unclear",
    ],
  ] as const)("%s", (_name, outcome, gravity, text) => {
    expect(headlineOf(outcome)).toEqual({ gravity, text });
  });

  it("lists violated criteria first", () => {
    const both = judgeCriteria(["median>2", "rollout-tool.median>1.1"].map(parseCriterion), slower, base);
    expect(
      byUrgency(both)
        .slice(0, 5)
        .map(({ verdict }) => verdict),
    ).toEqual(["violated", "violated", "violated", "violated", "kept"]);
  });
});

describe("notes", () => {
  it("name cases that only one report has, ten at most", () => {
    const many = benchReport({
      cases: Array.from({ length: 12 }, (_unused, index) => ({ labels: [`c${index}`], medianMs: 1 })),
    });
    expect(baselineNotes({ report: base, comparison: compareReports(many, base, 1) })).toEqual([
      "no case is in both reports: their inputs or subjects differ",
      "not in the baseline: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 2 more",
      expect.stringMatching(/^only in the baseline: resume\.legacy:20MB\.plain\.rollout-tool, .* and 2 more$/),
    ]);
  });

  it("state page cache and warm-up", () => {
    const fields = new Map(settingFields(base));
    expect(fields.get("page cache")).toContain("warm");
    expect(fields.get("samples")).toBe("15 a case, after 1 to warm up, which do not count");
  });
});
