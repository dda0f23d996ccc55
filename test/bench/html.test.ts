import { describe, expect, it } from "vitest";
import { compareReports } from "../../src/bench/baseline.ts";
import { judgeCriteria, parseCriterion } from "../../src/bench/criteria.ts";
import { htmlOf } from "../../src/bench/html.ts";
import { benchReport, resumeReport } from "../support/bench-reports.ts";

const base = resumeReport();
const slower = resumeReport(1.2, 2);
const page = htmlOf({
  report: slower,
  baseline: { report: base, comparison: compareReports(slower, base, 1) },
  judgements: judgeCriteria([parseCriterion("rollout-tool.median>1.10")], slower, base),
});

function count(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length;
}

/** Elements that are opened and not closed, or the other way round. */
function unbalanced(text: string): string[] {
  const open: string[] = [];
  for (const [, slash, name = "", close] of text.matchAll(/<(\/?)([a-z][a-z0-9]*)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (["meta", "wbr"].includes(name) || close === "/") continue;
    if (slash === "") open.push(name);
    else if (open.pop() !== name) return [`</${name}>`];
  }
  return open;
}

describe("the page", () => {
  it("is whole and well nested", () => {
    expect(page.startsWith('<!doctype html>\n<html lang="en">')).toBe(true);
    expect(unbalanced(page.replace(/<style>.*<\/style>/s, ""))).toEqual([]);
  });

  it("asks for nothing and runs nothing", () => {
    expect(page).toContain(
      `content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"`,
    );
    expect(page).not.toMatch(
      /<(script|link|img|iframe|object|embed|form|a|use|image)\b|url\(|@import|\bon[a-z]+=|href=|src=|https?:/i,
    );
  });

  it("has every section, a strip of every case and a ratio of every comparison", () => {
    expect([...page.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title)).toEqual([
      "Criteria",
      "Times",
      "Ratios within this run",
      "Against the baseline",
      "Cases",
      "Setting",
      "How to read this",
    ]);
    expect(count(page, /<svg class="row"/g)).toBe(12 + slower.comparisons.length + 12);
    expect(count(page, /<svg class="axis"/g)).toBe(4);
    expect(count(page, /<figure>/g)).toBe(4);
    expect(count(page, /<title>round \d+: /g)).toBe(12 * 15);
    expect(count(page, /<title>baseline, round \d+: /g)).toBe(12 * 15);
    expect(count(page, /<line class="bound"/g)).toBe(4);
  });

  it("tells those who do not see it what a plot shows", () => {
    const labels = [...page.matchAll(/<svg class="row" height="\d+" role="img" aria-label="(.*?)"/g)].map(
      ([, label = ""]) => label,
    );
    expect(labels).toHaveLength(count(page, /<svg class="row"/g));
    expect(labels[0]).toMatch(/^plain · rollout-tool: median [\d.]+ ms, 15 samples from [\d.]+ ms to [\d.]+ ms$/);
    expect(labels.at(-1)).toMatch(/^ratio [\d.]+, 95 % interval [\d.]+ – [\d.]+: (same|unclear)$/);
  });

  it("keeps every place within the plot", () => {
    const places = [...page.matchAll(/ c?x[12]?="(-?[\d.]+)%"/g)].map(([, place]) => Number(place));
    expect(Math.min(...places)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...places)).toBeLessThanOrEqual(100);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("of a run without baseline, pairs and criteria has none of these", () => {
    const plain = htmlOf({ report: benchReport({ cases: [{ labels: ["parse"], medianMs: 0.002, rounds: 1 }] }) });
    expect([...plain.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title)).toEqual([
      "Times",
      "Cases",
      "Setting",
      "How to read this",
    ]);
    expect(plain).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("says where an axis is logarithmic, or does not begin at 0", () => {
    const of = (...medians: number[]) =>
      htmlOf({
        report: benchReport({
          cases: medians.map((medianMs, index) => ({ labels: ["a", "b", `c${index}`], medianMs })),
        }),
      });
    expect(of(1, 100)).toContain("logarithmic axis");
    expect(of(1, 2)).not.toMatch(/logarithmic axis|does not begin/);
    expect(of(100, 101)).toContain("axis does not begin at 0");
  });

  it("draws at most a few hundred dots of a case", () => {
    const many = htmlOf({ report: benchReport({ cases: [{ labels: ["a"], medianMs: 1, rounds: 20_000, noise: 0 }] }) });
    expect(count(many, /<circle/g)).toBeLessThanOrEqual(300);
  });
});

describe("hostile text", () => {
  it("is shown, not obeyed, wherever it stands", () => {
    const evil = `</style></svg><script>alert(1)</script>"'&\u001b[2J\u202e`;
    const shape = htmlOf({
      report: benchReport({ cases: [{ labels: ["a", "b", "c"], medianMs: 1 }], pairs: [[0, 0]] }),
    });
    const report = benchReport({ cases: [{ labels: [evil, evil, evil], medianMs: 1 }], pairs: [[0, 0]] });
    const setting = { ...report.setting, cpu: evil, tool_version: evil, created_at: evil, node: evil, platform: evil };
    const hostile = htmlOf({
      report: { ...report, setting, benchmark: evil, notes: [evil], failures: [{ case: evil, message: evil }] },
    });
    expect(hostile).not.toContain("<script");
    expect(hostile).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(unbalanced(hostile.replace(/<style>.*?<\/style>/s, ""))).toEqual([]);
    expect(count(hostile, /<svg /g)).toBe(count(shape, /<svg /g));
    expect(count(hostile, /<style>/g)).toBe(1);
  });
});
