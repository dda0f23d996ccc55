/**
 * `bench resume` and `bench fork` beside both real releases, at a small size: all cases that there must be, none that fails, and
 * threads of a real home, which stay as they are.
 */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { parseReport } from "../../src/bench/report-file.ts";
import type { BenchReport } from "../../src/bench/results.ts";
import { processesOf, leftIn, runBench } from "../support/bench-world.ts";
import { snapshot } from "../support/homes.ts";
import { codexRelease, describeWithCodex } from "./codex.ts";
import { corpusFolder, unpackCorpus } from "./corpus.ts";
import { removeScratch, scratchFolder } from "./scratch.ts";

const older = codexRelease("0.142.3");
const newer = codexRelease("0.169.0");
const ROUNDS = 2;
const INPUTS = ["legacy:2MB", "paginated-late:3MB"] as const;
const synthetic = INPUTS.flatMap((name) => ["--synthetic", name]);
const QUICK = ["--rounds", String(ROUNDS), "--warmup", "1", "--timeout", "1m", "--json"];

async function report(args: readonly string[]): Promise<BenchReport> {
  const folder = scratchFolder("bench");
  const run = await runBench(folder, args);
  expect(run.code, run.out + run.err).toBe(0);
  expect(leftIn(folder)).toEqual([]);
  if (process.platform === "linux") expect(processesOf(folder)).toEqual([]);
  removeScratch(folder);
  return parseReport(run.out, "stdout");
}

/** Names without what all of a benchmark have in front. */
function shortNames({ cases }: BenchReport, input: string): readonly string[] {
  return cases.filter(({ labels }) => labels[1] === input).map(({ labels }) => labels.slice(2).join(" "));
}

function expectWhole({ cases, comparisons, failures }: BenchReport): void {
  expect(failures).toEqual([]);
  for (const { name, samples_ms, warmup_ms, statistics } of cases) {
    expect([name, samples_ms.length, warmup_ms.length, statistics.median > 0]).toEqual([name, ROUNDS, 1, true]);
  }
  for (const { count, kind, ratio, interval, verdict } of comparisons) {
    expect([count, kind]).toEqual([ROUNDS, "paired"]);
    expect(interval[0]).toBeLessThanOrEqual(ratio);
    expect(interval[1]).toBeGreaterThanOrEqual(ratio);
    expect(["faster", "slower", "same", "unclear"]).toContain(verdict);
  }
  if (process.platform !== "linux") return;
  for (const { name, labels, ...figures } of cases.filter((found) => found.labels[3]?.startsWith("codex") === true)) {
    expect([name, (figures.peak_bytes ?? 0) > 10e6, (figures.read_bytes ?? 0) > 0]).toEqual([name, true, true]);
    expect(labels[0]).toMatch(/^(?:resume|fork)$/);
  }
}

const pairsIn = ({ comparisons }: BenchReport): readonly string[] =>
  comparisons.map((pair) => `${pair.case} ÷ ${pair.against}`);

describe.skipIf(older === undefined || newer === undefined)("both releases beside this tool", () => {
  const binaries = ["--codex", older?.path ?? "", "--codex", newer?.path ?? ""];

  it("resume", async () => {
    const found = await report(["resume", ...synthetic, ...binaries, ...QUICK]);
    expectWhole(found);
    const own = ["fast", "full", "process"].map((way) => `rollout-tool ${way}`);
    const codex = (version: string, ways: readonly string[]) => ways.map((way) => `codex-${version} ${way}`);
    const all = [...codex("0.142.3", ["cold", "warm", "turns"]), ...codex("0.169.0", ["cold", "warm", "turns"])];
    const known = [...codex("0.142.3", ["cold"]), ...codex("0.169.0", ["cold", "warm", "turns"])];
    const forms = (ways: readonly string[]) => ["plain", "zst"].flatMap((form) => ways.map((way) => `${form} ${way}`));
    expect(shortNames(found, "legacy:2MB")).toEqual(forms([...own, ...all]));
    expect(shortNames(found, "paginated-late:3MB")).toEqual(forms([...own, ...known]));
    expect(pairsIn(found)).toContain(
      "resume.paginated-late:3MB.zst.codex-0.169.0.cold ÷ resume.paginated-late:3MB.zst.codex-0.142.3.cold",
    );
    expect(pairsIn(found)).toContain(
      "resume.legacy:2MB.plain.codex-0.142.3.warm ÷ resume.legacy:2MB.plain.rollout-tool.fast",
    );
    expect(pairsIn(found)).toContain(
      "resume.legacy:2MB.zst.codex-0.169.0.cold ÷ resume.legacy:2MB.plain.codex-0.169.0.cold",
    );
    const [foreign, ...leftOut] = found.notes;
    expect(foreign).toMatch(/^codex-0\.142\.3 answers for paginated-late:3MB as if it were a legacy thread/);
    expect(leftOut).toHaveLength(4);
    for (const note of leftOut)
      expect(note).toMatch(/codex-0\.142\.3\.(?:warm|turns) is left out: Codex 0\.142\.3 knows no/);
  });

  it("fork", async () => {
    const found = await report(["fork", ...synthetic, ...binaries, ...QUICK]);
    expectWhole(found);
    const codex = (form: string, ways: readonly string[]) =>
      ["0.142.3", "0.169.0"].flatMap((version) => ways.map((way) => `${form} codex-${version} ${way}`));
    const plain = codex("plain", ["cold", "warm"]);
    const zst = ["zst rollout-tool copy", ...codex("zst", ["cold"])];
    expect(shortNames(found, "legacy:2MB")).toEqual(["plain rollout-tool copy", ...plain, ...zst]);
    expect(shortNames(found, "paginated-late:3MB")).toEqual([
      "plain rollout-tool copy",
      "plain rollout-tool reference",
      ...plain,
      ...zst,
    ]);
  });
});

describeWithCodex("0.169.0", "threads of a real home", (binary) => {
  it.skipIf(corpusFolder() === undefined)(
    "archived, forked and reverted ones are measured, and stay as they are",
    async () => {
      const corpus = unpackCorpus("0.169.0");
      const home = join(scratchFolder("bench-home"), "my home");
      cpSync(corpus.home, home, { recursive: true, preserveTimestamps: true });
      const before = snapshot(home);
      const labels = ["arch-1", "fork-of-fork", "revert", "compact-legacy"];
      const ids = labels.map((label) => corpus.threads.get(label) ?? label);
      for (const what of ["resume", "fork"]) {
        const args = [
          what,
          ...ids,
          "--codex-home",
          home,
          "--codex",
          binary.path,
          "--rounds",
          "1",
          "--warmup",
          "0",
          "--json",
        ];
        const found = await report(args);
        expect(found.failures).toEqual([]);
        expect(new Set(found.cases.map((item) => item.labels[1]))).toEqual(new Set(ids.map((id) => id.slice(-12))));
        expect(found.notes.map((note) => note.replace(/,.*/s, ""))).toEqual(
          ids.map((id) => `${id.slice(-12)}: thread ${id}`),
        );
      }
      const home2 = await report(["reindex", home, "--codex", binary.path, "--rounds", "1", "--warmup", "0", "--json"]);
      expect(home2.cases.map(({ name }) => name)).toEqual([
        "reindex.my-home.plain.rollout-tool.first",
        "reindex.my-home.plain.rollout-tool.again",
        "reindex.my-home.plain.codex-0.169.0.first",
      ]);
      expect(snapshot(home)).toEqual(before);
      corpus.remove();
    },
  );
});
