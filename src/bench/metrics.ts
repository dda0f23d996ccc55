/**
 * The ratio of one figure of two cases, and how far it can be trusted: what a criterion (`criteria.ts`) is judged by. Pure.
 *
 * | figure | interval |
 * |---|---|
 * | median | bootstrap, as in every comparison (`statistics.ts`); from six samples on |
 * | mean | bootstrap of the same kind; from six samples on |
 * | p95 | order statistics of either case, which need many samples |
 * | peak, read, written | none: a run has only one figure of each |
 */
import type { CaseResult } from "./results.ts";
import { Rng } from "./rng.ts";
import { quantile, ratioInterval } from "./statistics.ts";

export const METRICS = ["median", "mean", "p95", "peak", "read", "written"] as const;
export type Metric = (typeof METRICS)[number];

export interface MetricRatio {
  /** Undefined where one of the cases does not have the figure. Infinite where it rose from nothing. */
  readonly ratio: number | undefined;
  /** 95 %; undefined where the samples do not give one, or the figure is a single one. */
  readonly interval: readonly [low: number, high: number] | undefined;
}

export interface MetricOptions {
  /** The n-th samples of both are of one round. */
  readonly paired: boolean;
  readonly seed: number;
}

/** `one` ÷ `other`. */
export function metricRatio(metric: Metric, one: CaseResult, other: CaseResult, options: MetricOptions): MetricRatio {
  if (metric === "median" || metric === "mean" || metric === "p95") return ofTimes(metric, one, other, options);
  const member = BYTES[metric];
  return single(one[member], other[member]);
}

const BYTES = { peak: "peak_bytes", read: "read_bytes", written: "written_bytes" } as const;

/** Whether it is a figure that repeats exactly or not at all, so that it is judged as it stands. */
export function isSingleFigure(metric: Metric): boolean {
  return Object.hasOwn(BYTES, metric);
}

/** Samples that a case needs for an interval of the figure. */
export function neededSamples(metric: Metric): number {
  if (isSingleFigure(metric)) return 1;
  return metric === "p95" ? P95_FROM : RESAMPLING_FROM;
}

function single(one: number | undefined, other: number | undefined): MetricRatio {
  if (one === undefined || other === undefined) return { ratio: undefined, interval: undefined };
  return { ratio: one === other ? 1 : one / other, interval: undefined };
}

/** With fewer samples resampled intervals are too narrow (`ratioInterval`). */
const RESAMPLING_FROM = 6;

function ofTimes(
  metric: "median" | "mean" | "p95",
  one: CaseResult,
  other: CaseResult,
  options: MetricOptions,
): MetricRatio {
  const ratio = one.statistics[metric] / other.statistics[metric];
  const count = Math.min(one.samples_ms.length, other.samples_ms.length);
  if (count < neededSamples(metric)) return { ratio, interval: undefined };
  const isPaired = options.paired && one.samples_ms.length === other.samples_ms.length;
  const setting = { paired: isPaired, seed: options.seed };
  const interval = INTERVALS[metric](one.samples_ms, other.samples_ms, setting);
  return { ratio, interval };
}

type Interval = (
  one: readonly number[],
  other: readonly number[],
  options: MetricOptions,
) => readonly [low: number, high: number];

const INTERVALS: Readonly<Record<"median" | "mean" | "p95", Interval>> = {
  median: ratioInterval,
  mean: meanInterval,
  p95: p95Interval,
};

const RESAMPLES = 4_000;
const TAIL = 0.025;

/** Percentile bootstrap of the ratio of means. */
function meanInterval(
  one: readonly number[],
  other: readonly number[],
  { paired, seed }: MetricOptions,
): readonly [low: number, high: number] {
  const rng = new Rng(seed);
  const ratios = new Float64Array(RESAMPLES);
  for (let turn = 0; turn < RESAMPLES; turn++) {
    let [above, below] = [0, 0];
    for (let drawn = 0; drawn < one.length; drawn++) {
      const index = rng.between(0, one.length - 1);
      above += one[index] ?? 0;
      if (paired) below += other[index] ?? 0;
    }
    if (!paired)
      for (let drawn = 0; drawn < other.length; drawn++) below += other[rng.between(0, other.length - 1)] ?? 0;
    ratios[turn] = above / one.length / (below / other.length);
  }
  ratios.sort();
  return [quantile(ratios, TAIL), quantile(ratios, 1 - TAIL)];
}

const P95 = 0.95;
/** Each of two ends of each of two cases may be missed so often, that all four hold in 95 % of the runs (Bonferroni). */
const P95_TAIL = 0.0125;
/** The least n with 0.95^n ≤ 0.0125: with fewer samples even the largest may lie below the true 95th percentile. */
const P95_FROM = 86;

/** From the ends of either case's interval, without an assumption on how times are distributed. */
function p95Interval(one: readonly number[], other: readonly number[]): readonly [low: number, high: number] {
  const [above, below] = [p95Ends(one), p95Ends(other)];
  return [above[0] / below[1], above[1] / below[0]];
}

/**
 * Two samples between which the true 95th percentile lies: how many of n samples lie below it is binomial (Conover,
 * "Practical Nonparametric Statistics", 1999, section 3.2).
 */
function p95Ends(samples: readonly number[]): readonly [low: number, high: number] {
  const sorted = samples.toSorted((one, other) => one - other);
  const [low, high] = p95Ranks(sorted.length);
  return [sorted[low] ?? Number.NaN, sorted[high] ?? Number.NaN];
}

/** Ranks from 0. Only for counts from `P95_FROM` on. */
export function p95Ranks(count: number): readonly [low: number, high: number] {
  // chance[k]: that exactly k samples lie below. Kept as logarithms, since 0.05^n leaves the range of numbers.
  const chances = Array.from({ length: count + 1 }, () => 0);
  let logarithm = count * Math.log(1 - P95);
  for (let below = 0; below <= count; below++) {
    chances[below] = Math.exp(logarithm);
    logarithm += Math.log((count - below) / (below + 1)) + Math.log(P95 / (1 - P95));
  }
  let [low, missedBelow] = [0, chances[0] ?? 0];
  while (missedBelow + (chances[low + 1] ?? 0) <= P95_TAIL) missedBelow += chances[++low] ?? 0;
  let [high, missedAbove] = [count - 1, chances[count] ?? 0];
  while (missedAbove + (chances[high] ?? 0) <= P95_TAIL) missedAbove += chances[high--] ?? 0;
  return [low, high];
}
