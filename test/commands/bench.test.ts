/** The command as it is called: what it refuses, where it writes, how it ends. Real measuring is in test/faults/bench.test.ts. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { parseReport, serializeReport } from "../../src/bench/report-file.ts";
import { runCli } from "../../src/cli.ts";
import { benchReport } from "../support/bench-reports.ts";
import { temporaryFolder } from "../support/homes.ts";
import { memoryHost } from "../support/host.ts";

const folder = temporaryFolder();
let temporary = "";
beforeEach(() => {
  temporary = join(folder.path, "tmp");
  mkdirSync(temporary);
  vi.stubEnv("TMPDIR", temporary);
  const sketch = { labels: ["parse", "small:20kB", "plain", "rollout-tool", "read"], medianMs: 10 };
  const write = (name: string, medianMs: number): void =>
    writeFileSync(join(folder.path, name), serializeReport(benchReport({ cases: [{ ...sketch, medianMs }] })));
  write("a.json", 10);
  write("b.json", 20);
});
afterEach(() => void vi.unstubAllEnvs());

async function bench(...args: readonly string[]) {
  const host = memoryHost({ cwd: folder.path, now: Date.now });
  const code = await runCli(["bench", ...args], host);
  return { code, out: host.out(), err: host.err() };
}

const QUICK = ["--synthetic", "small:20kB", "--rounds", "2", "--warmup", "0"];
const read = (name: string): string => readFileSync(join(folder.path, name), "utf8");

describe("bench", () => {
  it("prints a table, and one document with --json", async () => {
    const text = await bench("parse", ...QUICK);
    expect([text.code, text.err]).toEqual([0, ""]);
    expect(text.out).toContain("parse · small:20kB · plain · rollout-tool · decode");
    const { code, out, err } = await bench("parse", ...QUICK, "--json");
    expect([code, err]).toEqual([0, ""]);
    const report = parseReport(out, "stdout");
    expect([report.benchmark, report.cases.length, report.comparisons.length, report.failures]).toEqual([
      "parse",
      4,
      3,
      [],
    ]);
    expect(report.setting).toMatchObject({ tool_version: "9.8.7", rounds: 2, warmup_rounds: 0, seed: 1 });
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("writes its report to files too, and prints nothing with --quiet", async () => {
    const run = await bench("parse", ...QUICK, "--quiet", "--markdown", "out.md", "--html", "out.html");
    expect(run).toEqual({ code: 0, out: "", err: "" });
    expect(read("out.md")).toContain("small:20kB");
    expect(read("out.html")).toMatch(/^<!doctype html>/);
  });

  it("takes a baseline from a file, and ends with 1 only where a criterion is violated", async () => {
    const seven = ["--synthetic", "small:20kB", "--rounds", "7", "--warmup", "0", "--json"];
    const { out } = await bench("parse", ...seven);
    const report = parseReport(out, "stdout");
    // The same machine, a thousand times slower and faster: no noise comes near.
    const scaled = (factor: number) => ({
      ...report,
      cases: report.cases.map((found) => ({ ...found, samples_ms: found.samples_ms.map((ms) => ms * factor) })),
    });
    writeFileSync(join(folder.path, "slow.json"), serializeReport(scaled(1000)));
    writeFileSync(join(folder.path, "fast.json"), serializeReport(scaled(0.001)));
    const judged = (base: string) =>
      bench("parse", ...seven.slice(0, -1), "--baseline", base, "--fail-if", "decode.median>10");
    const faster = await judged("slow.json");
    expect([faster.code, faster.out.includes("Against the baseline")]).toEqual([0, true]);
    const slower = await judged("fast.json");
    expect(slower.code).toBe(1);
    expect(slower.out).toContain("violated parse.small:20kB.plain.rollout-tool.decode");
    expect((await bench("compare", "fast.json", "slow.json", "--fail-if", "read.median>10")).code).toBe(1);
  });
});

describe("bench compare", () => {
  it("sets two reports beside each other", async () => {
    const { code, out } = await bench("compare", "a.json", "b.json");
    expect([code, out.includes("Against the baseline")]).toEqual([0, true]);
    expect((await bench("compare", "a.json", "b.json", "--fail-if", "median>1.1")).code).toBe(1);
    expect((await bench("compare", "b.json", "a.json", "--fail-if", "median>1.1")).code).toBe(0);
  });
});

describe("what cannot be done", () => {
  it.each([
    [["compare", "a.json"], "bench compare takes two reports"],
    [["compare", "a.json", "b.json", "a.json"], "bench compare takes two reports"],
    [["compare", "a.json", "missing.json"], "no such file or folder"],
    [["compare", "a.json", "tmp"], "folder"],
    [["compare", "a.json", "b.json", "--baseline", "a.json"], "bench compare measures nothing: it takes no --baseline"],
    [["compare", "a.json", "b.json", "--codex", "x"], "it takes no --codex"],
    [["compare", "a.json", "b.json", "--synthetic", "legacy:1MB"], "it takes no --synthetic"],
    [["compare", "a.json", "b.json", "--fail-if", "nothing.median>1"], "matches no case"],
    [["parse", "--rounds", "0"], "--rounds takes a whole number of at least 1"],
    [["resume", "--timeout", "0"], "--timeout takes more than no time"],
    [["resume", "--timeout", "soon"], "--timeout takes a length of time"],
    [["parse", "--baseline", "missing.json"], "no such file or folder"],
    [["parse", "--baseline", "tmp/../a.json", "--fail-if", "median"], "not a criterion"],
    [["parse", "--fail-if", "median>1"], "needs a baseline"],
    [["parse", ...QUICK, "--fail-if", "read/split.p95>1"], "cannot be judged by 2 rounds"],
    [["parse", "--synthetic", "small:20kB", "--fail-if", "raed/split.median>1"], "matches no pair of cases"],
    [["parse", "--markdown", "nowhere/out.md"], "no such file or folder"],
    [["parse", "--html", "tmp"], "it is a folder"],
    [["parse", "--markdown", "out", "--html", "./out"], "the same file"],
    [["sleep"], "<what> is one of resume"],
  ])("%j is told at once", async (args, message) => {
    const { code, out, err } = await bench(...args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(message);
    expect(readdirSync(temporary)).toEqual([]);
    expect(existsSync(join(folder.path, "out"))).toBe(false);
  });
});
