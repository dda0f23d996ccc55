/** The figures of `stats latency`: samples summed up, and two homes set beside each other by the statistics of `bench`. */
import type { Latency, LatencySource, Measure } from "../analysis/latency-file.ts";
import type { LatencyReport, LatencySeries } from "../analysis/latency.ts";
import type { Verdict } from "../bench/results.ts";
import { compareSamples, quantile, statisticsOf } from "../bench/statistics.ts";
import type { LatencyFigures } from "../export/report/model.ts";
import type { StatsScope } from "./stats-answer.ts";

export interface LatencyRow extends LatencyFigures {
  readonly measure: Measure;
  readonly source: LatencySource;
  readonly origin: Latency["origin"];
}

export interface ToolRow extends LatencyFigures {
  readonly tool: string;
  readonly origin: Latency["origin"];
  readonly totalMs: number;
}

/** This home against the other: a ratio above 1 means that this one takes longer. */
export interface LatencyComparison {
  readonly measure: Measure;
  readonly source: LatencySource;
  /** `mixed` where one home wrote what can only be derived of the other. */
  readonly origin: Latency["origin"] | "mixed";
  readonly count: number;
  readonly otherCount: number;
  readonly medianMs: number;
  readonly otherMedianMs: number;
  /** Of the medians, and the 95 % interval of it. */
  readonly ratio: number;
  readonly interval: readonly [low: number, high: number];
  readonly pValue: number;
  readonly verdict: Verdict;
}

export interface LatencySummary {
  readonly rows: readonly LatencyRow[];
  /** Those that took most time. */
  readonly tools: readonly ToolRow[];
  readonly toolCount: number;
  readonly files: number;
}

export type LatencyAnswer = LatencySummary &
  StatsScope & {
    readonly against?: StatsScope & { readonly files: number };
    readonly comparisons?: readonly LatencyComparison[];
  };

export function summarize({ series, tools, files }: LatencyReport, top: number): LatencySummary {
  return {
    rows: series.map(({ measure, source, origin, ...rest }) => ({ measure, source, origin, ...figuresOf(rest) })),
    tools: tools.slice(0, top).map(({ tool, origin, totalMs, ...rest }) => {
      return { tool, origin, totalMs, ...figuresOf(rest) };
    }),
    toolCount: tools.length,
    files,
  };
}

function figuresOf({ count, samples }: Pick<LatencySeries, "count" | "samples">): LatencyFigures {
  const { mean, median, p95, max } = statisticsOf(samples);
  return { count, meanMs: mean, medianMs: median, p95Ms: p95, maxMs: max };
}

/** What was made up for chance is the same in every run. */
const SEED = 1;
/** Time for an interval grows with the samples; more of them do not make it much narrower. */
const MAX_COMPARED = 2000;
/** Times are written in whole milliseconds, and a ratio needs something above 0. */
const LEAST_MS = 0.5;

/** What both homes have of one measure and source, in the order of the first. Times of the same origin where both have them. */
export function compareLatencies(here: LatencyReport, there: LatencyReport): readonly LatencyComparison[] {
  const others = grouped(there.series);
  return [...grouped(here.series)].flatMap(([key, ours]) => {
    const theirs = others.get(key);
    return theirs === undefined ? [] : pairsOf(ours, theirs).map((pair) => comparisonOf(...pair));
  });
}

type Group = readonly LatencySeries[];
type Pair = readonly [ours: Group, theirs: Group, origin: LatencyComparison["origin"]];

function grouped(series: readonly LatencySeries[]): ReadonlyMap<string, Group> {
  const groups = new Map<string, LatencySeries[]>();
  for (const one of series) {
    const key = `${one.measure}/${one.source}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}

function pairsOf(ours: Group, theirs: Group): readonly Pair[] {
  const alike = ours.flatMap((one): readonly Pair[] => {
    const other = theirs.find(({ origin }) => origin === one.origin);
    return other === undefined ? [] : [[[one], [other], one.origin]];
  });
  return alike.length > 0 ? alike : [[ours, theirs, "mixed"]];
}

function comparisonOf(ours: Group, theirs: Group, origin: LatencyComparison["origin"]): LatencyComparison {
  const { measure, source } = ours[0] as LatencySeries;
  const [one, other] = [samplesOf(ours), samplesOf(theirs)];
  const names = { case: "this", against: "other", kind: "unpaired" } as const;
  const { ratio, interval, p_value: pValue, verdict } = compareSamples({ ...names, one, other, seed: SEED });
  return {
    measure,
    source,
    origin,
    count: countOf(ours),
    otherCount: countOf(theirs),
    medianMs: medianOf(one),
    otherMedianMs: medianOf(other),
    ratio,
    interval,
    pValue,
    verdict,
  };
}

/** Every k-th, so that no part of the time is preferred. */
function samplesOf(group: Group): readonly number[] {
  const samples = group.flatMap((series) => series.samples);
  const step = Math.ceil(samples.length / MAX_COMPARED);
  return samples.filter((_sample, index) => index % step === 0).map((ms) => Math.max(ms, LEAST_MS));
}

function countOf(group: Group): number {
  return group.reduce((sum, { count }) => sum + count, 0);
}

function medianOf(samples: readonly number[]): number {
  return quantile(
    samples.toSorted((a, b) => a - b),
    0.5,
  );
}
