/**
 * `npm run bench -- replay`: a full replay of a long legacy rollout beside `JSON.parse` over its lines, in time and in
 * memory. Two rollouts: one compacted as often as a long thread is, and one never compacted, whose history is all of it.
 */
import { join } from "node:path";

import type { BenchContext } from "./context.ts";
import { formatMiB, formatMs, pairRatios, runNode, runProgram, runRounds, summarize, type Sample } from "./measure.ts";
import { CONTENDERS, type ContenderName, type ContenderReport, runContender } from "./replay-contenders.ts";
import { Rng } from "./rng.ts";
import type { SynthCheckpoints } from "./synth-shapes.ts";
import { writeSyntheticRollout } from "./synth.ts";

const FILE_BYTES = { small: 12_000_000, full: 120_000_000 } as const;
/** After what fits into a window of 258,400 tokens; a tenth of it is carried over. */
const EVERY_MEGABYTE: SynthCheckpoints = { due: { everyBytes: 1_000_000 }, keptBytes: 100_000 };
const BASELINE: ContenderName = "JSON.parse, streaming";
const GOAL = 1.3;
/** Peak memory above bare Node and what the result holds. */
const AT_MOST_EXTRA_BYTES = 64 * 1024 * 1024;

interface ReplaySample extends Sample {
  readonly retainedBytes: number;
}

export async function benchReplay(context: BenchContext): Promise<void> {
  const { node, seed, scratch } = context;
  const bytes = FILE_BYTES[context.scale];
  const bareBytes = summarize(Array.from({ length: 3 }, () => runNode(node, ["-e", "0"]).peakBytes ?? 0)).median;
  const inputs = {
    "compacted every 1 MB": (folder: string) =>
      writeSyntheticRollout(folder, { seed, shape: "legacy", bytes, checkpoints: EVERY_MEGABYTE }),
    "never compacted": (folder: string) => writeSyntheticRollout(folder, { seed, shape: "legacy", bytes }),
  };
  for (const [title, write] of Object.entries(inputs)) {
    context.tell(`writing the rollout that is ${title}`);
    const folder = join(scratch, `replay-${title.replaceAll(" ", "-")}`);
    const rollout = write(folder);
    runProgram("sync", []);
    const path = join(folder, rollout.path);
    const names = Object.keys(CONTENDERS) as readonly ContenderName[];
    const contenders = names.map((name) => ({ name, run: () => measure(node, name, path) }));
    const samples = await runRounds(contenders, context.rounds, new Rng(seed), context.tell);
    context.print(`\n## replay, a legacy rollout of ${(rollout.bytes / 1e6).toFixed(0)} MB, ${title}\n`);
    for (const line of report(samples as ReadonlyMap<string, readonly ReplaySample[]>, bareBytes)) context.print(line);
  }
}

/** By URL, since the module is loaded by a script that has no place of its own. */
const SCRIPT = `import(${JSON.stringify(new URL("replay-contenders.js", import.meta.url).href)}).then((module) => module.${runContender.name}(process.argv[1], process.argv[2]))`;

function measure(node: string, name: ContenderName, path: string): ReplaySample {
  const { stdout, peakBytes } = runNode(node, ["--expose-gc", "-e", SCRIPT, name, path]);
  return { ...(JSON.parse(stdout) as ContenderReport), peakBytes };
}

export function report(samples: ReadonlyMap<string, readonly ReplaySample[]>, bareBytes: number): readonly string[] {
  const lines = [
    "| contender | n | median | min | × streaming parse, median | best ÷ best | kept | peak above Node and kept |",
    "|---|---|---|---|---|---|---|---|",
  ];
  const floor = samples.get(BASELINE) ?? [];
  for (const [name, list] of samples) {
    const { count, median, min } = summarize(list.map(({ wallMs }) => wallMs));
    const ratio = summarize(pairRatios(list, floor)).median;
    const best = min / Math.min(...floor.map(({ wallMs }) => wallMs));
    const kept = Math.max(0, ...list.map(({ retainedBytes }) => retainedBytes));
    const extra = Math.max(...list.map(({ peakBytes = 0 }) => peakBytes)) - bareBytes - kept;
    const isOurs = !name.startsWith("JSON.parse");
    const time = isOurs ? `; goal ≤ ${String(GOAL)}: ${verdict(ratio <= GOAL)}` : "";
    const memory = isOurs ? `; goal ≤ 64 MiB: ${verdict(extra <= AT_MOST_EXTRA_BYTES)}` : "";
    const cells = [
      name,
      String(count),
      formatMs(median),
      formatMs(min),
      `${ratio.toFixed(2)}${time}`,
      best.toFixed(2),
      formatMiB(kept),
      `${formatMiB(extra)}${memory}`,
    ];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  return lines;
}

function verdict(isMet: boolean): string {
  return isMet ? "met" : "missed";
}
