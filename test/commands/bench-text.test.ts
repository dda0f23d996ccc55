import { describe, expect, it } from "vitest";
import { compareReports } from "../../src/bench/baseline.ts";
import { judgeCriteria, parseCriterion } from "../../src/bench/criteria.ts";
import type { BenchOutcome } from "../../src/bench/text.ts";
import { renderBench } from "../../src/commands/bench-text.ts";
import { createPaint } from "../../src/io/console.ts";
import { textWidth } from "../../src/io/text.ts";
import { benchReport, resumeReport } from "../support/bench-reports.ts";

const base = resumeReport();
const slower = resumeReport(1.2, 2);
const OUTCOME: BenchOutcome = {
  report: { ...slower, failures: [{ case: "resume.x", message: "hung" }], notes: ["two prewarm requests"] },
  baseline: { report: base, comparison: compareReports(slower, base, 1) },
  judgements: judgeCriteria([parseCriterion("plain.rollout-tool.median>1.10")], slower, base),
};

function render(outcome: BenchOutcome, columns?: number): string {
  return renderBench(outcome, { paint: createPaint(false), columns });
}

describe("a report in the terminal", () => {
  const text = render(OUTCOME);

  it("has a table of cases, with memory and bytes", () => {
    const [, heading = "", first = ""] = /^Cases\n(.*)\n(.*)$/m.exec(text) ?? [];
    expect(heading.split(/\s+/)).toEqual([
      "case",
      "n",
      "mean",
      "median",
      "p95",
      "CV",
      "outliers",
      "peak",
      "read",
      "written",
    ]);
    expect(first).toMatch(
      /^resume · legacy:20MB · plain · rollout-tool +15 +13\.1 ms +13\.0 ms .* 65\.2 MB +1\.3 MB +0 B$/,
    );
  });

  it("leaves out columns that nothing is known of", () => {
    const { peak_bytes: _peak, read_bytes: _read, written_bytes: _written, ...bare } = base.cases[0]!;
    expect(render({ report: { ...base, cases: [bare] } })).not.toMatch(/^case .*(peak|read|written)/m);
  });

  it("has the pairs with interval, p and verdict", () => {
    expect(text).toMatch(
      /^resume · legacy:20MB · plain +rollout-tool ÷ codex-0\.142\.3 +15 +0\.0\d\d +0\.0\d\d – 0\.0\d\d +< 0\.001 +faster$/m,
    );
  });

  it("says page cache, warm-up, notes, failures and criteria, and the outcome last", () => {
    expect(text).toContain("page cache  warm");
    expect(text).toContain("after 1 to warm up");
    expect(text).toContain("Notes\n  two prewarm requests\n");
    expect(text).toContain("Failed\n  resume.x: hung\n");
    expect(text).toMatch(
      /^ {2}violated resume\.legacy:20MB\.plain\.rollout-tool: 1\.\d+ \(1\.\d+ – 1\.\d+\) \[plain\.rollout-tool\.median>1\.10\]$/m,
    );
    expect(text.trimEnd().split("\n").at(-1)).toBe(
      "2 cases beyond the bound of plain.rollout-tool.median>1.10, 1 case failed",
    );
  });

  it("fits its tables to the terminal", () => {
    const tables = render(OUTCOME, 100)
      .split("\n")
      .filter((line) => / ms |÷/.test(line) && !line.startsWith("  "));
    expect(tables.length).toBeGreaterThan(20);
    expect(Math.max(...tables.map(textWidth))).toBeLessThanOrEqual(100);
  });

  it("escapes what others wrote", () => {
    const evil = "\u001b[2J\n\u202e";
    const report = benchReport({ cases: [{ labels: [evil, "a"], medianMs: 1 }], pairs: [[0, 0]] });
    const hostile = render({ report: { ...report, notes: [evil], failures: [{ case: evil, message: evil }] } });
    expect(hostile).not.toMatch(/[\u001b\u202e]/);
    expect(hostile).toContain("  \\x1b[2J\\n\\u202e: \\x1b[2J\\n\\u202e\n");
  });
});
