/**
 * `npm run bench -- verdicts`: whether the verdicts of this suite can be trusted. A case is compared with itself, where any
 * difference found is a false alarm, and with itself doing 15 % more of the same work, which has to be found.
 *
 * The work is real (a rollout read and decoded, twenty times a sample, twenty-three times when slowed), disturbed by
 * whatever else the machine does; the contenders take turns in random order as in any other benchmark.
 */
import { join } from "node:path";

import { readRollout } from "../readers/rollout.ts";
import type { BenchContext } from "./context.ts";
import { type Contender, formatMs, runRounds } from "./measure.ts";
import type { Comparison, Verdict } from "./results.ts";
import { Rng } from "./rng.ts";
import { compareSamples, statisticsOf } from "./statistics.ts";
import { writeSyntheticRollout } from "./synth.ts";

/** A sample then takes two or three milliseconds: long enough to time, and most end before the system takes the core away. */
const FILE_BYTES = 16_000;
const CALLS = 20;
const SLOWED_CALLS = 23;

const COMPARISONS = { small: 5, full: 50 } as const;
/** Samples of each case in a comparison; `--rounds` is for benchmarks whose samples take longer. */
const ROUNDS = 60;
const WARMUP_ROUNDS = 50;

/** Shares of the comparisons. */
const AT_MOST_FALSE = 0.1;
const AT_LEAST_FOUND = 0.9;

const NAMES = ["one", "again", "slowed"] as const;
type Name = (typeof NAMES)[number];
/** Times of one comparison in milliseconds, in the order of the rounds. */
type Times = Readonly<Record<Name, readonly number[]>>;

export async function benchVerdicts(context: BenchContext): Promise<void> {
  const folder = join(context.scratch, "verdicts");
  const rollout = writeSyntheticRollout(folder, { seed: context.seed, shape: "small", bytes: FILE_BYTES });
  const path = join(folder, rollout.path);
  const contenders = NAMES.map((name) => ({
    name,
    run: () => timeCalls(path, name === "slowed" ? SLOWED_CALLS : CALLS),
  }));
  const comparisons = COMPARISONS[context.scale];
  const rng = new Rng(context.seed);
  await runRounds(contenders, WARMUP_ROUNDS, rng, () => undefined);
  context.tell(`comparing a case with itself, ${String(comparisons)} times`);
  const runs = await collectTimes(contenders, { comparisons, rounds: ROUNDS, rng });
  const { median, coefficient_of_variation: variation } = statisticsOf(runs.flatMap(({ one }) => one));
  const noise = `a sample takes ${formatMs(median)}, coefficient of variation ${(100 * variation).toFixed(0)} %`;
  context.print(`\n## verdicts, ${String(comparisons)} comparisons of ${String(ROUNDS)} rounds; ${noise}\n`);
  for (const line of verdictTable(runs, context.seed)) context.print(line);
}

function timeCalls(path: string, calls: number): { readonly wallMs: number } {
  const started = performance.now();
  for (let call = 0; call < calls; call++) for (const _ of readRollout(path));
  return { wallMs: performance.now() - started };
}

/**
 * The first round of every comparison, then the second of every one, and so on: each stretches over the whole run, as the
 * rounds of slower cases do, so that a minute of noise costs every comparison a few rounds and none of them all.
 */
export async function collectTimes(
  contenders: readonly Contender[],
  { comparisons, rounds, rng }: { readonly comparisons: number; readonly rounds: number; readonly rng: Rng },
): Promise<readonly Times[]> {
  const runs = Array.from({ length: comparisons }, () => ({
    one: [] as number[],
    again: [] as number[],
    slowed: [] as number[],
  }));
  for (let round = 0; round < rounds; round++) {
    for (const times of runs) {
      const samples = await runRounds(contenders, 1, rng, () => undefined);
      for (const name of NAMES) for (const { wallMs } of samples.get(name) ?? []) times[name].push(wallMs);
    }
  }
  return runs;
}

/**
 * Goals are set for pairs. Against a baseline the machine itself may have changed meanwhile: how often that is taken for a
 * change of the case is shown beside, by the second half of the rounds against the first.
 */
export function verdictTable(runs: readonly Times[], seed: number): readonly string[] {
  const paired = (name: Name): readonly Comparison[] =>
    runs.map((run) => compareSamples({ ...titles(name), kind: "paired", one: run[name], other: run.one, seed }));
  const unpaired = (name: Name): readonly Comparison[] =>
    runs.map((run) => {
      const half = run.one.length >> 1;
      const [one, other] = [run[name].slice(half), run.one.slice(0, half)];
      return compareSamples({ ...titles(name), kind: "unpaired", one, other, seed });
    });
  const rows = [
    { title: "with itself, paired", found: paired("again"), goal: isQuiet },
    { title: "with 15 % more work, paired", found: paired("slowed"), goal: isAlert },
    { title: "with itself earlier, unpaired", found: unpaired("again") },
    { title: "with 15 % more work than earlier, unpaired", found: unpaired("slowed") },
  ];
  return [
    "| a case | n | ratio, median | interval width, median | faster | slower | same | unclear | goal |",
    "|---|---|---|---|---|---|---|---|---|",
    ...rows.map(({ title, found, goal }) => {
      const ratio = statisticsOf(found.map((comparison) => comparison.ratio)).median;
      const width = statisticsOf(found.map(({ interval: [low, high] }) => high - low)).median;
      const counts = (["faster", "slower", "same", "unclear"] as const).map((verdict) =>
        String(howMany(found, verdict)),
      );
      const cells = [title, String(found.length), ratio.toFixed(3), width.toFixed(3), ...counts, goal?.(found) ?? ""];
      return `| ${cells.join(" | ")} |`;
    }),
  ];
}

function titles(name: Name): { readonly case: string; readonly against: string } {
  return { case: name, against: "one" };
}

function isQuiet(found: readonly Comparison[]): string {
  const limit = Math.ceil(found.length * AT_MOST_FALSE);
  const isMet = howMany(found, "faster") + howMany(found, "slower") <= limit;
  return `≤ ${String(limit)} faster or slower: ${isMet ? "met" : "missed"}`;
}

function isAlert(found: readonly Comparison[]): string {
  const limit = Math.floor(found.length * AT_LEAST_FOUND);
  return `≥ ${String(limit)} slower: ${howMany(found, "slower") >= limit ? "met" : "missed"}`;
}

function howMany(found: readonly Comparison[], verdict: Verdict): number {
  return found.filter((comparison) => comparison.verdict === verdict).length;
}
