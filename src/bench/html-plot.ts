/**
 * The plots of the report page, as SVG without any script. Each row of a plot is an SVG of its own whose places are per
 * cent of its width: so it is as wide as the page, on a phone too, while dots and letters keep their size.
 */
import { escapeHtml } from "../export/report/text.ts";
import type { Comparison } from "./results.ts";
import { quantile } from "./statistics.ts";
import { formatInterval, formatMs, formatRatio } from "./text.ts";

/** From a value to its place, in per cent of the width. */
export interface Scale {
  readonly isLog: boolean;
  readonly place: (value: number) => number;
  readonly ticks: readonly number[];
}

/** From here on, smallest to largest, short times would be one heap on a linear axis. */
const LOG_FROM = 30;
/** Free room at either end, in per cent: dots are not to be cut. */
const EDGE = 3;
const TICKS = 6;

/** For values above 0. A linear axis begins at 0 unless all values lie close together. */
export function timeScale(values: readonly number[]): Scale {
  const [low, high] = range(values);
  if (high / low > LOG_FROM) return logScale(low, high);
  const from = high / low > 1.5 ? 0 : low;
  const width = high - from || high * 0.1;
  const start = Math.max(0, from - (from === 0 ? 0 : width * 0.05));
  const step = roundStep((high - start || high) / TICKS);
  return {
    isLog: false,
    place: (value) => EDGE + ((value - start) / (high - start || high)) * (100 - 2 * EDGE),
    ticks: multiples(start, high, step),
  };
}

/** For ratios: 1 is on it, and half as much is as far from it as twice as much. */
export function ratioScale(values: readonly number[]): Scale {
  const reach = Math.max(1.1, ...values.filter(isPlottable).map((value) => Math.max(value, 1 / value)));
  const [low, high] = range([...values.filter(isPlottable), 1]);
  // Where all is on one side of 1, the other side is only hinted at.
  const hint = reach ** 0.15;
  return logScale(Math.min(low, 1 / hint), Math.max(high, hint));
}

function isPlottable(value: number): boolean {
  return value > 0 && Number.isFinite(value);
}

function range(values: readonly number[]): readonly [low: number, high: number] {
  const sorted = values.filter(isPlottable).toSorted((one, other) => one - other);
  return [sorted[0] ?? 1, sorted.at(-1) ?? 1];
}

function logScale(low: number, high: number): Scale {
  const [from, to] = [Math.log(low), Math.log(high)];
  const width = to - from || 1;
  return {
    isLog: true,
    place: (value) => EDGE + ((Math.log(value) - from) / width) * (100 - 2 * EDGE),
    ticks: logTicks(low, high),
  };
}

/** Powers of ten, with 2 and 5 where there is room, or even steps within less than a factor of three. */
function logTicks(low: number, high: number): readonly number[] {
  const decades = Math.log10(high / low);
  if (decades < 0.5) return multiples(low, high, roundStep((high - low) / TICKS));
  const digits = decades <= 1.3 ? [1, 2, 3, 5] : decades <= 2.4 ? [1, 2, 5] : decades <= 3.5 ? [1, 3] : [1];
  const first = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.ceil(decades) + 2 }, (_unused, index) => first + index);
  const ticks = powers.flatMap((power) => digits.map((digit) => Number(`${digit}e${power}`)));
  return ticks.filter((tick) => tick >= low && tick <= high);
}

/** 1, 2 or 5 times a power of ten. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const digit = [1, 2, 5, 10].find((candidate) => candidate * power >= rough) ?? 10;
  return digit * power;
}

function multiples(low: number, high: number, step: number): readonly number[] {
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.max(0, Math.floor(high / step + 1e-9) - first + 1);
  return Array.from({ length: Math.min(count, 50) }, (_unused, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
}

const AXIS_HEIGHT = 26;

/** The axis below the rows. Every second tick may go where it gets narrow (`class="second"`). */
export function axisPlot(scale: Scale, word: (value: number) => string): string {
  const ticks = scale.ticks.map((tick, index) => {
    const x = scale.place(tick);
    const anchor = x < 8 ? "start" : x > 92 ? "end" : "middle";
    const hidden = index % 2 === 1 && scale.ticks.length > 3 ? ' class="second"' : "";
    return `<line x1="${at(x)}" x2="${at(x)}" y1="0" y2="5"/><text x="${at(x)}" y="19" text-anchor="${anchor}"${hidden}>${escapeHtml(word(tick))}</text>`;
  });
  return `<svg class="axis" height="${AXIS_HEIGHT}" aria-hidden="true">${ticks.join("")}</svg>`;
}

/** Ticks of an axis share a unit, and have no more digits than they need: `0`, `50 ms`, `1.5 s`. */
export function tickMs(ms: number): string {
  if (ms === 0) return "0";
  const [value, unit] = ms < 1 ? [ms * 1000, "µs"] : ms < 1000 ? [ms, "ms"] : [ms / 1000, "s"];
  return `${Number(value.toPrecision(4))} ${unit}`;
}

export function tickRatio(ratio: number): string {
  return String(Number(ratio.toPrecision(3)));
}

export interface Strip {
  readonly samples: readonly number[];
  /** Of an earlier run, drawn below in grey. */
  readonly before?: readonly number[] | undefined;
  /** Which colour, from 0. */
  readonly color: number;
  /** For those who do not see it. */
  readonly title: string;
}

const LANE_HEIGHT = 40;
const BEFORE_HEIGHT = 30;
const COLORS = 6;

/** One case: every sample a dot, and below them the box from quartile to quartile with the median and whiskers. */
export function stripPlot(strip: Strip, scale: Scale): string {
  const { samples, before, color, title } = strip;
  const height = LANE_HEIGHT + (before === undefined ? 0 : BEFORE_HEIGHT);
  const lanes = [
    lane(samples, scale, { top: 4, height: LANE_HEIGHT - 8, css: `now c${color % COLORS}`, word: "round" }),
    before === undefined
      ? ""
      : lane(before, scale, {
          top: LANE_HEIGHT + 3,
          height: BEFORE_HEIGHT - 10,
          css: "before",
          word: "baseline, round",
        }),
  ];
  return `<svg class="row" height="${height}" role="img" aria-label="${escapeHtml(title)}">${grid(scale)}${lanes.join("")}</svg>`;
}

function grid(scale: Scale): string {
  const lines = scale.ticks.map(
    (tick) => `<line x1="${at(scale.place(tick))}" x2="${at(scale.place(tick))}" y1="0" y2="100%"/>`,
  );
  return `<g class="grid">${lines.join("")}</g>`;
}

interface Lane {
  readonly top: number;
  readonly height: number;
  readonly css: string;
  readonly word: string;
}

/** A page of tens of thousands of dots would be slow, and a heap is a heap. */
const SHOWN_DOTS = 300;

function lane(samples: readonly number[], scale: Scale, { top, height, css, word }: Lane): string {
  const sorted = samples.toSorted((one, other) => one - other);
  const [lower, median, upper] = [quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)];
  const reach = 1.5 * (upper - lower);
  const within = sorted.filter((sample) => sample >= lower - reach && sample <= upper + reach);
  const [first = lower, last = upper] = [within[0], within.at(-1)];
  const middle = top + height / 2;
  const x = (value: number): string => at(scale.place(value));
  const step = Math.ceil(samples.length / SHOWN_DOTS);
  const dots = samples.map((sample, index) => {
    const isOutlier = sample < lower - reach || sample > upper + reach;
    if (index % step !== 0 && !isOutlier) return "";
    const y = (middle + sway(index) * (height / 2 - 3)).toFixed(1);
    const hint = `<title>${word} ${index + 1}: ${formatMs(sample)}</title>`;
    return `<circle cx="${x(sample)}" cy="${y}" r="3"${isOutlier ? ' class="outlier"' : ""}>${hint}</circle>`;
  });
  return (
    `<g class="${css}">` +
    `<line class="whisker" x1="${x(first)}" x2="${x(last)}" y1="${middle}" y2="${middle}"/>` +
    `<rect class="box" x="${x(lower)}" width="${at(scale.place(upper) - scale.place(lower))}" y="${top}" height="${height}" rx="3"/>` +
    dots.join("") +
    `<line class="median" x1="${x(median)}" x2="${x(median)}" y1="${top - 2}" y2="${top + height + 2}"/></g>`
  );
}

/** −1 … 1, neighbours far apart, and the same each time: multiples of the golden ratio. */
function sway(index: number): number {
  return 2 * ((index * 0.618033988749895 + 0.5) % 1) - 1;
}

const RATIO_HEIGHT = 32;

/** One comparison: the interval as a bar, the ratio on it, and the line of 1. `bounds` of criteria are dashed. */
export function ratioPlot(pair: Comparison, scale: Scale, bounds: readonly number[] = []): string {
  const [low, high] = pair.interval;
  const middle = RATIO_HEIGHT / 2;
  const x = (value: number): string => at(scale.place(value));
  const label = `ratio ${formatRatio(pair.ratio)}, 95 % interval ${formatInterval(pair.interval)}: ${pair.verdict}`;
  const ends = [low, high].map((end) => `<line x1="${x(end)}" x2="${x(end)}" y1="${middle - 5}" y2="${middle + 5}"/>`);
  const dashes = bounds.map(
    (bound) => `<line class="bound" x1="${x(bound)}" x2="${x(bound)}" y1="3" y2="${RATIO_HEIGHT - 3}"/>`,
  );
  return (
    `<svg class="row" height="${RATIO_HEIGHT}" role="img" aria-label="${escapeHtml(label)}">${grid(scale)}` +
    `<line class="one" x1="${x(1)}" x2="${x(1)}" y1="0" y2="100%"/>${dashes.join("")}` +
    `<g class="interval ${pair.verdict}"><title>${escapeHtml(label)}</title>` +
    `<line class="reach" x1="${x(low)}" x2="${x(high)}" y1="${middle}" y2="${middle}"/>${ends.join("")}` +
    `<circle cx="${x(pair.ratio)}" cy="${middle}" r="5"/></g></svg>`
  );
}

function at(percent: number): string {
  return `${Number(percent.toFixed(3))}%`;
}
