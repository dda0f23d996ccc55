/**
 * `npm run bench -- export`: how long a whole home takes to become a data set, and in how much memory, by one job and by two, beside
 * JSON.parse of every line of the same home.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";

import { readLines } from "../readers/rollout.ts";
import { rolloutsBelow } from "./case-home.ts";
import type { BenchContext } from "./context.ts";
import {
  type Contender,
  formatMiB,
  formatMs,
  pairRatios,
  runNode,
  runRounds,
  type Sample,
  summarize,
} from "./measure.ts";
import { Rng } from "./rng.ts";
import { writeSyntheticHome } from "./synth.ts";

const HOME = { shape: "legacy", rollouts: 2_000, totalBytes: 2e9 } as const;

/** Times of JSON.parse, and bytes of memory, at most; with as many jobs as the program takes by itself. */
const GOALS = { ratio: 2.5, peakBytes: 250 * 1024 * 1024 } as const;
const USUAL = "export";
const PARSE = "JSON.parse of every line";

export async function benchExport(context: BenchContext): Promise<void> {
  const { scale, seed, rounds, scratch, tell, print } = context;
  const home = join(scratch, "export");
  const out = join(scratch, "export-out");
  tell("writing the home");
  const factor = scale === "small" ? 0.1 : 1;
  const { shape, rollouts, totalBytes } = HOME;
  writeSyntheticHome(home, { seed, shape, rollouts: rollouts * factor, totalBytes: totalBytes * factor });
  const contenders: readonly Contender[] = [
    { name: PARSE, run: () => parseHome(home) },
    { name: "export --jobs 1", prepare: () => clear(out), run: () => exportHome(context, home, out, ["--jobs", "1"]) },
    { name: USUAL, prepare: () => clear(out), run: () => exportHome(context, home, out, []) },
  ];
  // For the page cache.
  parseHome(home);
  const samples = await runRounds(contenders, rounds, new Rng(seed), tell);
  rmSync(home, { recursive: true, force: true });
  clear(out);
  print(`\n## export, ${((totalBytes * factor) / 1e6).toFixed(0)} MB in ${String(rollouts * factor)} rollouts\n`);
  for (const line of table(samples)) print(line);
}

/** Read, split and parsed in one thread, nothing kept: the plainest way there is. */
function parseHome(home: string): Sample {
  const started = performance.now();
  for (const path of rolloutsBelow(home)) {
    for (const { bytes } of readLines(join(home, path), { skipEmpty: true })) JSON.parse(bytes.toString("utf8"));
  }
  return { wallMs: performance.now() - started };
}

function exportHome({ node, program }: BenchContext, home: string, out: string, options: readonly string[]): Sample {
  return runNode(node, [program, "export", "--quiet", "--codex-home", home, "--out", out, ...options]);
}

function clear(out: string): void {
  rmSync(out, { recursive: true, force: true });
}

function table(samples: ReadonlyMap<string, readonly Sample[]>): readonly string[] {
  const parse = samples.get(PARSE) ?? [];
  const lines = ["| what | median | × JSON.parse | memory at most | goal |", "|---|---|---|---|---|"];
  for (const [name, own] of samples) {
    const median = summarize(own.map(({ wallMs }) => wallMs)).median;
    const ratio = summarize(pairRatios(own, parse)).median;
    const peak = Math.max(...own.map(({ peakBytes = 0 }) => peakBytes));
    const isMet = ratio <= GOALS.ratio && peak <= GOALS.peakBytes;
    const goal =
      name === USUAL ? `≤ ${String(GOALS.ratio)}, ≤ ${formatMiB(GOALS.peakBytes)}: ${isMet ? "met" : "missed"}` : "";
    lines.push(
      `| ${[name, formatMs(median), ratio.toFixed(2), peak === 0 ? "" : formatMiB(peak), goal].join(" | ")} |`,
    );
  }
  return lines;
}
