import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkCriteria, judgeCriteria, parseCriterion } from "../../src/bench/criteria.ts";
import type { BenchReport } from "../../src/bench/results.ts";
import { benchReport, resumeReport } from "../support/bench-reports.ts";

const base = resumeReport();
const slower = resumeReport(1.2, 2);

function judge(text: string, report: BenchReport, baseline?: BenchReport) {
  return judgeCriteria([parseCriterion(text)], report, baseline);
}

function casesOf(text: string, report: BenchReport): string[] {
  return judge(text, report, report).map(({ case: name }) => name);
}

describe("a criterion", () => {
  it.each([
    ["resume.plain.median>1.10", ["resume", "plain"], undefined, "median", ">", 1.1],
    ["codex-0.169.0.mean >= 2", ["codex-0", "169", "0"], undefined, "mean", ">=", 2],
    ["median<.5", [], undefined, "median", "<", 0.5],
    ["zst/plain.p95<=3.", ["zst"], ["plain"], "p95", "<=", 3],
  ])("%s is read", (text, pattern, otherPattern, metric, operator, bound) => {
    expect(parseCriterion(text)).toEqual({ text, pattern, otherPattern, metric, operator, bound });
  });

  it.each([
    ["resume.median", "it has none of > >= < <="],
    ["resume.speed>1", '"speed" is none of median, mean, p95, peak, read, written'],
    ["resume.median>", '"" is not a ratio above 0'],
    ["resume.median>-1", '"-1" is not a ratio above 0'],
    ["resume.median>0", '"0" is not a ratio above 0'],
    ["resume.median>1e3", '"1e3" is not a ratio above 0'],
    ["resume.median>>1", '">1" is not a ratio above 0'],
    ["a/b/c.median>1", "it has more than two patterns"],
    ["", "it has none of > >= < <="],
  ])("%s is refused", (text, why) => {
    expect(() => parseCriterion(text)).toThrow(`not a criterion: ${text}: ${why}`);
  });
});

describe("a pattern", () => {
  const report = benchReport({
    cases: [
      { labels: ["resume", "legacy:20MB", "plain", "codex-0.169.0"], medianMs: 1 },
      { labels: ["resume", "legacy:20MB", "plain", "codex-0.142.3"], medianMs: 1 },
      { labels: ["resume", "a", "a.b", "plain"], medianMs: 1 },
    ],
  });

  it.each([
    ["median>1", 3],
    ["resume.median>1", 3],
    ["codex-0.169.0.median>1", 1],
    ["resume.plain.codex-0.142.3.median>1", 1],
    ["legacy:20MB.median>1", 2],
    ["a.b.median>1", 1],
    ["a.a.b.plain.median>1", 1],
  ])("%s means %i cases", (text, count) => {
    expect(casesOf(text, report)).toHaveLength(count);
  });

  it.each([
    "plain.resume.median>1",
    "codex-0.169.median>1",
    "codex-0.median>1",
    "resume.resume.median>1",
    "resum.median>1",
  ])("%s means none, and the cases are named", (text) => {
    const hint = `cases: ${report.cases.map(({ name }) => name).join(", ")}`;
    expect(() => casesOf(text, report)).toThrow(
      expect.objectContaining({ code: "usage", message: `--fail-if ${text} matches no case`, hint }),
    );
  });

  it("means every case whose labels it is made of, dots in labels or not", () => {
    const label = fc.stringMatching(/^[a-c](\.[a-c])?$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(label, fc.boolean()), { minLength: 1, maxLength: 6 }), (labels) => {
        const found = benchReport({ cases: [{ labels: labels.map(([name]) => name), medianMs: 1, rounds: 2 }] });
        const parts = labels.filter(([, isChosen]) => isChosen).map(([name]) => name);
        expect(casesOf([...parts, "peak>1"].join("."), found)).toHaveLength(1);
      }),
      { numRuns: 300 },
    );
  });
});

describe("against a baseline", () => {
  it("a case slowed by a fifth violates a bound of a tenth, and its neighbours do not", () => {
    const judged = judge("resume.plain.median>1.10", slower, base);
    expect(judged.map(({ case: name, verdict }) => [name, verdict])).toEqual([
      ["resume.legacy:20MB.plain.rollout-tool", "violated"],
      ["resume.legacy:20MB.plain.codex-0.142.3", "kept"],
      ["resume.legacy:20MB.plain.codex-0.169.0", "kept"],
      ["resume.paginated-late:120MB.plain.rollout-tool", "violated"],
      ["resume.paginated-late:120MB.plain.codex-0.142.3", "kept"],
      ["resume.paginated-late:120MB.plain.codex-0.169.0", "kept"],
    ]);
  });

  it.each(["median", "mean"])("only an interval beyond the bound violates it: %s", (metric) => {
    const [judgement] = judge(`legacy:20MB.plain.rollout-tool.${metric}>1.2`, slower, base);
    const [low, high] = judgement!.interval!;
    expect(low < 1.2 && 1.2 < high).toBe(true);
    expect(judgement).toMatchObject({ isViolated: false });
    expect(judge(`legacy:20MB.plain.rollout-tool.${metric}>${low * 0.999}`, slower, base)[0]?.verdict).toBe("violated");
    expect(judge(`legacy:20MB.plain.rollout-tool.${metric}<${high * 1.001}`, slower, base)[0]?.verdict).toBe(
      "violated",
    );
    expect(judge(`legacy:20MB.plain.rollout-tool.${metric}>${low}`, slower, base)[0]?.isViolated).toBe(false);
    expect(judge(`legacy:20MB.plain.rollout-tool.${metric}>=${low}`, slower, base)[0]?.isViolated).toBe(true);
  });

  it("few samples carry no verdict", () => {
    const few = (medianMs: number) => benchReport({ cases: [{ labels: ["parse"], medianMs, rounds: 5 }] });
    expect(judge("median>1.1", few(20), few(10))).toMatchObject([
      { verdict: "unclear", isViolated: false, interval: undefined, reason: "fewer than 6 samples" },
    ]);
    expect(judge("median>1.1", few(10), few(10))).toMatchObject([{ verdict: "kept" }]);
  });

  it("single figures are judged as they stand", () => {
    const change = (read: number) => ({ ...base, cases: base.cases.map((one) => ({ ...one, read_bytes: read })) });
    expect(judge("legacy:20MB.plain.codex-0.169.0.read>1.5", change(300), change(100))).toMatchObject([
      { ratio: 3, interval: undefined, verdict: "violated", isViolated: true },
    ]);
    expect(judge("legacy:20MB.plain.codex-0.169.0.read>1.5", change(0), change(0))[0]).toMatchObject({ ratio: 1 });
    expect(judge("legacy:20MB.plain.codex-0.169.0.read>1.5", change(5), change(0))[0]).toMatchObject({
      ratio: Infinity,
    });
  });

  it("what was not measured is said, not judged", () => {
    const { peak_bytes: _peak, ...first } = base.cases[0]!;
    const report = { ...base, cases: [first], failures: [{ case: base.cases[1]!.name, message: "timed out" }] };
    expect(judge("legacy:20MB.plain.peak>1", report, base)).toMatchObject([
      { case: first.name, verdict: "unmeasured", reason: "no figure of peak" },
      { case: base.cases[1]!.name, verdict: "unmeasured", reason: "failed: timed out", isViolated: false },
    ]);
    expect(judge("plain.median>1", base, report).map(({ reason }) => reason)).toContain("not in the baseline");
  });

  it("needs one, and one that has the case", () => {
    expect(() => judge("median>1.1", base)).toThrow(expect.objectContaining({ code: "usage" }));
    const other = benchReport({ cases: [{ labels: ["fork"], medianMs: 1 }] });
    expect(() => judge("median>1.1", base, other)).toThrow("--fail-if median>1.1 matches no case of the baseline");
  });
});

describe("within a run", () => {
  it("two cases with otherwise the same labels are compared", () => {
    const judged = judge("zst/plain.median<0.9", base);
    expect(judged.map(({ case: one, against }) => [one, against])).toEqual(
      base.cases.filter(({ name }) => name.includes("zst")).map(({ name }) => [name, name.replace("zst", "plain")]),
    );
    expect(judge("rollout-tool/codex-0.169.0.median>0.5", base).every(({ verdict }) => verdict === "kept")).toBe(true);
    expect(judge("codex-0.142.3/rollout-tool.mean>2", base).every(({ isViolated }) => isViolated)).toBe(true);
  });

  it("no pair is an error", () => {
    expect(() => judge("zst/other.median>1", base)).toThrow("--fail-if zst/other.median>1 matches no pair of cases");
    expect(() => judge("zst/zst.median>1", base)).toThrow("matches no pair");
  });
});

describe("before anything is measured", () => {
  it("a missing baseline and too few rounds are said", () => {
    const check = (text: string, rounds: number, hasBaseline: boolean) => () =>
      checkCriteria([parseCriterion(text)], { rounds, hasBaseline });
    expect(check("median>1.1", 20, true)).not.toThrow();
    expect(check("zst/plain.median>1.1", 20, false)).not.toThrow();
    expect(check("peak>1.1", 1, true)).not.toThrow();
    expect(check("median>1.1", 20, false)).toThrow("needs a baseline");
    expect(check("median>1.1", 5, true)).toThrow("--fail-if median>1.1 cannot be judged by 5 rounds");
    expect(check("p95>1.1", 85, true)).toThrow("cannot be judged by 85 rounds");
  });
});
