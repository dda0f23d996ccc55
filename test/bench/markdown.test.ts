import { describe, expect, it } from "vitest";
import { compareReports } from "../../src/bench/baseline.ts";
import { judgeCriteria, parseCriterion } from "../../src/bench/criteria.ts";
import { markdownOf } from "../../src/bench/markdown.ts";
import { benchReport, resumeReport } from "../support/bench-reports.ts";

const base = resumeReport();
const slower = resumeReport(1.2, 2);
const judgements = judgeCriteria([parseCriterion("rollout-tool.median>1.10")], slower, base);

describe("the summary of a job", () => {
  const text = markdownOf({
    report: slower,
    baseline: { report: base, comparison: compareReports(slower, base, 1) },
    judgements,
  });

  it("says first which criterion was violated", () => {
    expect(text.split("\n")[0]).toBe(
      "## ❌ Benchmark resume: 4 cases beyond the bound of rollout-tool.median&#62;1.10",
    );
    expect(text).toMatch(
      /^\| ❌ \*\*violated\*\* \| <code>rollout-tool\.median&#62;1\.10<\/code> \| <code>resume\.legacy:20MB\.plain\.rollout-tool<\/code> \| 1\.\d+ \| 1\.\d+ – 1\.\d+ \|  \|$/m,
    );
  });

  it("has the sections in the order of their weight", () => {
    expect([...text.matchAll(/^### (.*)$/gm)].map(([, title]) => title)).toEqual([
      "Criteria",
      "Against the baseline",
      "Within this run",
      "Cases",
    ]);
  });

  it("has as many cells in each row of a table", () => {
    for (const block of text.split("\n\n").filter((part) => part.startsWith("|"))) {
      expect(new Set(block.split("\n").map((line) => line.split("|").length)).size).toBe(1);
    }
  });

  it("says that nothing failed by leaving it out, and everything else when it did", () => {
    const failures = [{ case: "resume.x", message: "timed out after 60 s" }];
    expect(text).not.toContain("### Failed");
    const failed = markdownOf({ report: { ...base, failures, notes: ["two prewarm requests"] } });
    expect(failed).toContain("### Failed\n\n- <code>resume.x</code>: timed out after 60 s\n");
    expect(failed).toContain("### Notes\n\n- two prewarm requests\n");
  });
});

describe("hostile text", () => {
  const evil =
    "<img src=x onerror=alert(1)>|`*_~ @team #1 $x$ [a](b) https://x.example www.x.example\u001b[2J\u202e\n# x";
  const report = benchReport({ cases: [{ labels: [evil, "b", "c"], medianMs: 1 }] });
  const text = markdownOf({
    report: { ...report, benchmark: evil, failures: [{ case: evil, message: evil }], notes: [evil] },
  });

  it("leaves nothing that GitHub would act on", () => {
    const ours = text
      .replace(/<\/?(code|details|summary)>/g, "")
      .replace(/&#\d+;/g, "")
      .replace(/\*\*[a-z ]+:\*\*/g, "");
    const texts = ours
      .split("\n")
      .map((line) => line.replace(/^(## |### |- )/, "").replace(/^\|.*\|$/, (row) => row.replaceAll("|", "")));
    expect(texts.filter((line) => /[<>|`*_~@#$[\]\\]|:\/\/|www\./.test(line))).toEqual([]);
    expect(/[\u0000-\u0009\u000b-\u001f\u202e]/.test(text)).toBe(false);
  });

  it("is cut, and rows are counted", () => {
    const long = markdownOf({ report: { ...report, notes: ["x".repeat(10_000)] } });
    expect(long).toContain(`- ${"x".repeat(400)}…\n`);
    const cases = Array.from({ length: 205 }, (_unused, index) => ({ labels: [`c${index}`], medianMs: 1, rounds: 2 }));
    expect(markdownOf({ report: benchReport({ cases }) })).toContain("… and 5 more rows, in the JSON");
  });
});
