/** Work on a whole home beside JSON.parse of every line of it: the plainest way to read it, and the table. */
import { join } from "node:path";
import { readLines } from "../readers/rollout.ts";
import { rolloutsBelow } from "./case-home.ts";
import { formatMiB, formatMs, pairRatios, type Sample, summarize } from "./measure.ts";

export const PARSE = "JSON.parse of every line";

/** Times of JSON.parse, and bytes of memory, at most. */
export interface Goals {
  readonly ratio: number;
  readonly peakBytes?: number;
}

/** Read, split and parsed in one thread, nothing kept. Archives are decoded on the way. */
export function parseHome(home: string): Sample {
  const started = performance.now();
  for (const path of rolloutsBelow(home)) {
    for (const { bytes } of readLines(join(home, path), { skipEmpty: true })) JSON.parse(bytes.toString("utf8"));
  }
  return { wallMs: performance.now() - started };
}

/** `goals` by the names of contenders. */
export function ratioTable(
  samples: ReadonlyMap<string, readonly Sample[]>,
  goals: Readonly<Record<string, Goals>>,
): readonly string[] {
  const parse = samples.get(PARSE) ?? [];
  const lines = ["| what | median | × JSON.parse | memory at most | goal |", "|---|---|---|---|---|"];
  for (const [name, own] of samples) {
    const median = summarize(own.map(({ wallMs }) => wallMs)).median;
    const ratio = summarize(pairRatios(own, parse)).median;
    const peak = Math.max(...own.map(({ peakBytes = 0 }) => peakBytes));
    const memory = peak === 0 ? "" : formatMiB(peak);
    lines.push(
      `| ${[name, formatMs(median), ratio.toFixed(2), memory, goalText(goals[name], ratio, peak)].join(" | ")} |`,
    );
  }
  return lines;
}

function goalText(goals: Goals | undefined, ratio: number, peak: number): string {
  if (goals === undefined) return "";
  const isMet = ratio <= goals.ratio && peak <= (goals.peakBytes ?? Infinity);
  const memory = goals.peakBytes === undefined ? "" : `, ≤ ${formatMiB(goals.peakBytes)}`;
  return `≤ ${String(goals.ratio)}${memory}: ${isMet ? "met" : "missed"}`;
}
