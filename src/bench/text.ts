/**
 * The words and figures that all forms of a report share, terminal, Markdown and HTML: they are to tell one story. Plain
 * text; each form escapes it in its own way, since labels and messages come from file names and other programs.
 */
import { formatBytes } from "../io/text.ts";
import type { BaselineComparison } from "./baseline.ts";
import type { Judgement } from "./criteria.ts";
import type { BenchReport, BenchSetting, CaseResult, Comparison } from "./results.ts";

/** A report and what was made of it. */
export interface BenchOutcome {
  readonly report: BenchReport;
  /** The earlier run, and what it was compared to. */
  readonly baseline?: { readonly report: BenchReport; readonly comparison: BaselineComparison } | undefined;
  readonly judgements?: readonly Judgement[] | undefined;
}

/** A length of time with three digits: `850 µs`, `12.3 ms`, `1.23 s`, `123 s`. */
export function formatMs(ms: number): string {
  if (ms < 0.9995) return `${threeDigits(ms * 1000)} µs`;
  return ms < 999.5 ? `${threeDigits(ms)} ms` : `${threeDigits(ms / 1000)} s`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/** Three decimals where a few percent matter, three digits beyond. */
export function formatRatio(ratio: number): string {
  if (!Number.isFinite(ratio)) return "∞";
  return ratio < 9.9995 ? ratio.toFixed(3) : threeDigits(ratio);
}

export function formatInterval([low, high]: readonly [number, number]): string {
  return `${formatRatio(low)} – ${formatRatio(high)}`;
}

export function formatP(pValue: number): string {
  return pValue < 0.001 ? "< 0.001" : pValue.toFixed(3);
}

export function formatPercent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

export function bytesOrNothing(bytes: number | undefined): string {
  return bytes === undefined ? "" : formatBytes(Math.round(bytes));
}

/** What two compared cases have in common, and what each is besides. */
export interface PairWords {
  readonly shared: string;
  readonly one: string;
  readonly other: string;
}

const SEPARATOR = " · ";

export function joinLabels(labels: readonly string[]): string {
  return labels.join(SEPARATOR);
}

/** Labels by the name of their case; a name that no case has stands for itself. */
export function labelsByName(report: BenchReport): ReadonlyMap<string, readonly string[]> {
  return new Map(report.cases.map(({ name, labels }) => [name, labels]));
}

export function pairWords(labels: ReadonlyMap<string, readonly string[]>, pair: Comparison): PairWords {
  const one = labels.get(pair.case) ?? [pair.case];
  const other = labels.get(pair.against) ?? [pair.against];
  if (pair.kind === "unpaired") return { shared: joinLabels(one), one: "now", other: "baseline" };
  const isShared = (label: string, index: number): boolean => one.length === other.length && other[index] === label;
  return {
    shared: joinLabels(one.filter(isShared)),
    one: joinLabels(one.filter((label, index) => !isShared(label, index))),
    other: joinLabels(other.filter((label, index) => one.length !== other.length || one[index] !== label)),
  };
}

/** Cases of one input, which share an axis: `resume · legacy:20MB`. */
export interface CaseGroup {
  readonly title: string;
  readonly cases: readonly { readonly found: CaseResult; readonly title: string }[];
}

const GROUP_LABELS = 2;

/** In the order of the report. With one or two labels there is nothing but the first to group by. */
export function groupCases({ cases }: BenchReport): readonly CaseGroup[] {
  const groups = new Map<string, { found: CaseResult; title: string }[]>();
  for (const found of cases) {
    const depth = found.labels.length > GROUP_LABELS ? GROUP_LABELS : found.labels.length - 1;
    const key = joinLabels(found.labels.slice(0, depth));
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push({ found, title: joinLabels(found.labels.slice(depth)) });
  }
  return [...groups].map(([title, members]) => ({ title, cases: members }));
}

/** Where and how it was measured, as named values. */
export function settingFields({ setting }: BenchReport): readonly (readonly [label: string, value: string])[] {
  return [
    ["made", `${setting.created_at} by rollout-tool ${setting.tool_version}`],
    ["machine", machineOf(setting)],
    ["samples", `${setting.rounds} a case, after ${setting.warmup_rounds} to warm up, which do not count`],
    ["order", `drawn anew each round, from seed ${setting.seed}`],
    ["page cache", PAGE_CACHE[setting.page_cache]],
  ];
}

function machineOf({ cpu, cpus, memory_bytes: bytes, platform, arch, node }: BenchSetting): string {
  return `${cpus} × ${cpu}, ${formatBytes(bytes)}, ${platform} ${arch}, Node ${node.replace(/^v/, "")}`;
}

const PAGE_CACHE: Readonly<Record<BenchSetting["page_cache"], string>> = {
  warm: "warm: the files were read just before each sample, so no disk is measured",
  unknown: "not known: a sample may have read from the disk or not",
};

/** How much a reader has to do about it. */
export type Gravity = "good" | "bad" | "unclear" | "neutral";

export interface Headline {
  readonly gravity: Gravity;
  readonly text: string;
}

/** The whole outcome in one line: criteria, else failures, else how the baseline compares, else what was measured. */
export function headlineOf({ report, baseline, judgements = [] }: BenchOutcome): Headline {
  const violated = judgements.filter(({ isViolated }) => isViolated);
  const failed = report.failures.length === 0 ? "" : `, ${counted(report.failures.length, "case")} failed`;
  if (violated.length > 0) {
    const names = [...new Set(violated.map(({ criterion }) => criterion.text))];
    return {
      gravity: "bad",
      text: `${counted(violated.length, "case")} beyond the bound of ${names.join(", ")}${failed}`,
    };
  }
  if (failed !== "") return { gravity: "bad", text: failed.slice(2) };
  const open = judgements.filter(({ verdict }) => verdict !== "kept").length;
  if (open > 0)
    return { gravity: "unclear", text: `No criterion violated, ${counted(open, "case")} without a clear verdict` };
  if (judgements.length > 0)
    return { gravity: "good", text: `All criteria kept in ${counted(judgements.length, "case")}` };
  if (baseline !== undefined) return sinceBaseline(baseline.comparison);
  return { gravity: "neutral", text: `${counted(report.cases.length, "case")} measured` };
}

function sinceBaseline({ comparisons }: BaselineComparison): Headline {
  const count = (wanted: Comparison["verdict"]): number =>
    comparisons.filter(({ verdict }) => verdict === wanted).length;
  const [slower, faster, same, unclear] = [count("slower"), count("faster"), count("same"), count("unclear")];
  const gravity = slower > 0 ? "bad" : faster > 0 || same > 0 ? "good" : "unclear";
  return {
    gravity,
    text: `Against the baseline: ${slower} slower, ${faster} faster, ${same} the same, ${unclear} unclear`,
  };
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Violated ones first, then those without a clear verdict: a list is read from its top. */
export function byUrgency(judgements: readonly Judgement[]): readonly Judgement[] {
  const rank = ({ verdict }: Judgement): number => URGENCY.indexOf(verdict);
  return judgements.toSorted((one, other) => rank(one) - rank(other));
}

const URGENCY: readonly Judgement["verdict"][] = ["violated", "unmeasured", "unclear", "kept"];

/** Of a judgement, in one line without the case: `1.234 (1.180 – 1.290), bound > 1.10`. */
export function judgementFigures({ ratio, interval, reason, criterion }: Judgement): string {
  const figures = ratio === undefined ? "" : formatRatio(ratio);
  const range = interval === undefined ? "" : ` (${formatInterval(interval)})`;
  const why = reason === undefined ? "" : `${figures === "" ? "" : ", "}${reason}`;
  return `${figures}${range}${why} [${criterion.text}]`;
}

/** Sentences on the comparison with the baseline that every form shows. */
export function baselineNotes({ comparison }: NonNullable<BenchOutcome["baseline"]>): readonly string[] {
  const { warnings, onlyNow, onlyBase } = comparison;
  return [
    ...warnings,
    ...(onlyNow.length === 0 ? [] : [`not in the baseline: ${shortList(onlyNow)}`]),
    ...(onlyBase.length === 0 ? [] : [`only in the baseline: ${shortList(onlyBase)}`]),
  ];
}

const SHOWN_NAMES = 10;

function shortList(names: readonly string[]): string {
  const more = names.length - SHOWN_NAMES;
  return `${names.slice(0, SHOWN_NAMES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** For those who read a verdict for the first time. */
export const READING: readonly string[] = [
  "A ratio is the median of the first case divided by the median of the second: below 1, the first is faster.",
  "The interval holds the true ratio with 95 % confidence. A verdict of faster or slower needs an interval that excludes 1 and a p below 0.05; same, an interval within 5 % of 1. Otherwise the figures carry no verdict (unclear): more rounds or a quieter machine may.",
  "CV is the standard deviation divided by the mean; above 5 % or so the machine was busy with something else. Outliers lie more than 1.5 times the distance of the quartiles outside of them.",
];
