/**
 * `--fail-if`: conditions on ratios that make a run fail, their grammar, and the judgement. A criterion is violated only where
 * the figures exclude its bound, so that noise alone does not turn a build red. Pure.
 *
 *     [pattern[/pattern].]metric(> | >= | < | <=)bound        resume.plain.median>1.10    zst/plain.median>3
 *
 * One pattern: each matching case against the same case of the baseline. Two: within the run, each case that matches the
 * first against the one that matches the second and is otherwise labelled alike.
 */
import { RolloutError } from "../errors.ts";
import { isSingleFigure, type Metric, METRICS, metricRatio, neededSamples } from "./metrics.ts";
import type { BenchReport, CaseResult } from "./results.ts";

type Operator = ">" | ">=" | "<" | "<=";

export interface Criterion {
  /** As it was given. */
  readonly text: string;
  /** Labels that a case must have, in this order; empty: every case. */
  readonly pattern: readonly string[];
  /** Labels of the other case of the run; undefined: against the baseline. */
  readonly otherPattern: readonly string[] | undefined;
  readonly metric: Metric;
  readonly operator: Operator;
  readonly bound: number;
}

/**
 * `violated`: the interval excludes the bound. `unclear`: the ratio is beyond it, but not all of the interval, or there is
 * none. `unmeasured`: a case failed, is missing in the baseline, or does not have the figure.
 */
export type JudgementVerdict = "violated" | "kept" | "unclear" | "unmeasured";

export interface Judgement {
  readonly criterion: Criterion;
  readonly case: string;
  /** The other case; with a baseline the same name. */
  readonly against: string;
  readonly ratio: number | undefined;
  readonly interval: readonly [low: number, high: number] | undefined;
  readonly verdict: JudgementVerdict;
  readonly isViolated: boolean;
  /** Why there is no clear verdict. */
  readonly reason: string | undefined;
}

const EXAMPLE = "such as 'resume.plain.median>1.10', or 'zst/plain.median>3' for two cases of one run";

/** @throws RolloutError `usage` for what is no criterion. */
export function parseCriterion(text: string): Criterion {
  const [, left = "", operator, right = ""] = /^(.*?)(>=|<=|>|<)(.*)$/s.exec(text) ?? [];
  if (operator === undefined) throw wrong(text, "it has none of > >= < <=");
  const bound = /^\s*(?:\d+\.?\d*|\.\d+)\s*$/.test(right) ? Number(right) : 0;
  if (!(bound > 0 && Number.isFinite(bound))) throw wrong(text, `"${right}" is not a ratio above 0`);
  const path = left.trim();
  const name = path.slice(path.lastIndexOf(".") + 1);
  const metric = METRICS.find((known) => known === name);
  if (metric === undefined) throw wrong(text, `"${name}" is none of ${METRICS.join(", ")}`);
  const patterns = path === metric ? [""] : path.slice(0, -metric.length - 1).split("/");
  const [pattern = "", otherPattern, ...more] = patterns;
  if (more.length > 0) throw wrong(text, "it has more than two patterns");
  return {
    text,
    pattern: partsOf(pattern),
    otherPattern: otherPattern === undefined ? undefined : partsOf(otherPattern),
    metric,
    operator: operator as Operator,
    bound,
  };
}

function wrong(text: string, why: string): RolloutError {
  return new RolloutError("usage", `not a criterion: ${text}: ${why}`, { hint: EXAMPLE });
}

function partsOf(pattern: string): readonly string[] {
  return pattern === "" ? [] : pattern.split(".");
}

/**
 * Says before anything is measured what could never be judged.
 *
 * @throws RolloutError `usage` where a baseline is missing, or `rounds` are too few for the figure.
 */
export function checkCriteria(
  criteria: readonly Criterion[],
  run: { readonly rounds: number; readonly hasBaseline: boolean },
): void {
  for (const { text, metric, otherPattern } of criteria) {
    if (otherPattern === undefined && !run.hasBaseline) throw needsBaseline(text);
    const needed = neededSamples(metric);
    if (run.rounds >= needed) continue;
    throw new RolloutError("usage", `--fail-if ${text} cannot be judged by ${run.rounds} rounds`, {
      hint: `${metric} needs ${needed} rounds or more (--rounds)`,
    });
  }
}

function needsBaseline(text: string): RolloutError {
  return new RolloutError("usage", `--fail-if ${text} needs a baseline to compare with`, {
    hint: "give --baseline <report.json>, or two patterns, such as 'zst/plain.median>3'",
  });
}

/**
 * All criteria over all cases that they match, in the order given.
 *
 * @throws RolloutError `usage` for a criterion that needs a baseline where none is, or that judges no case at all.
 */
export function judgeCriteria(
  criteria: readonly Criterion[],
  report: BenchReport,
  base?: BenchReport,
): readonly Judgement[] {
  return criteria.flatMap((criterion) => {
    if (criterion.otherPattern !== undefined) return judgeWithin(criterion, criterion.otherPattern, report);
    if (base === undefined) throw needsBaseline(criterion.text);
    return judgeAgainst(criterion, report, base);
  });
}

function judgeAgainst(criterion: Criterion, report: BenchReport, base: BenchReport): readonly Judgement[] {
  const now = report.cases.filter(({ labels }) => restOf(criterion.pattern, labels) !== undefined);
  const old = new Map(base.cases.map((found) => [found.name, found]));
  const failed = failedCases(criterion.pattern, report, old);
  if (failed.length === 0 && !now.some(({ name }) => old.has(name))) {
    const [where, names] =
      now.length === 0 ? ["", report.cases.map(({ name }) => name)] : [" of the baseline", [...old.keys()]];
    throw matchesNothing(criterion, where, names);
  }
  const judged = now.map((found) => {
    const other = old.get(found.name);
    if (other === undefined) return unmeasured(criterion, found.name, found.name, "not in the baseline");
    return judge(criterion, found, other, { paired: false, seed: report.setting.seed });
  });
  return [...judged, ...failed.map(({ name, message }) => unmeasured(criterion, name, name, message))];
}

/** Failed cases that the pattern means. They have no labels; the baseline may know them. */
function failedCases(
  pattern: readonly string[],
  { failures }: BenchReport,
  old: ReadonlyMap<string, CaseResult>,
): readonly { readonly name: string; readonly message: string }[] {
  return failures
    .filter(({ case: name }) => restOf(pattern, old.get(name)?.labels ?? name.split(".")) !== undefined)
    .map(({ case: name, message }) => ({ name, message: `failed: ${message}` }));
}

function judgeWithin(criterion: Criterion, otherPattern: readonly string[], report: BenchReport): readonly Judgement[] {
  const others = new Map(
    report.cases.flatMap((found) => {
      const rest = restOf(otherPattern, found.labels);
      return rest === undefined ? [] : [[JSON.stringify(rest), found] as const];
    }),
  );
  const pairs = report.cases.flatMap((one) => {
    const rest = restOf(criterion.pattern, one.labels);
    const other = rest === undefined ? undefined : others.get(JSON.stringify(rest));
    return other === undefined || other === one ? [] : [{ one, other }];
  });
  const failed = [criterion.pattern, otherPattern].flatMap((pattern) => failedCases(pattern, report, new Map()));
  if (pairs.length === 0 && failed.length === 0) {
    const names = report.cases.map(({ name }) => name);
    throw matchesNothing(criterion, "", names);
  }
  const judged = pairs.map(({ one, other }) =>
    judge(criterion, one, other, { paired: true, seed: report.setting.seed }),
  );
  return [...judged, ...failed.map(({ name, message }) => unmeasured(criterion, name, "", message))];
}

/**
 * The labels beside those of the pattern, whose parts must occur in order; undefined where they do not. A label may hold
 * dots itself (`codex-0.169.0`) and then takes as many parts, all or none.
 */
function restOf(pattern: readonly string[], labels: readonly string[]): readonly string[] | undefined {
  // By number of parts that are matched so far: the labels passed by. All ways are followed at once.
  let reached = new Map<number, readonly string[]>([[0, []]]);
  for (const label of labels) {
    const own = label.split(".");
    const next = new Map<number, readonly string[]>();
    const keep = (count: number, rest: readonly string[]): void => {
      if (!next.has(count)) next.set(count, rest);
    };
    for (const [count, rest] of reached) {
      if (own.every((part, index) => pattern[count + index] === part)) keep(count + own.length, rest);
      keep(count, [...rest, label]);
    }
    reached = next;
  }
  return reached.get(pattern.length);
}

const SHOWN_NAMES = 20;

function matchesNothing(criterion: Criterion, where: string, names: readonly string[]): RolloutError {
  const more = names.length > SHOWN_NAMES ? ` and ${names.length - SHOWN_NAMES} more` : "";
  const list = names.length === 0 ? "none" : `${names.slice(0, SHOWN_NAMES).join(", ")}${more}`;
  const what = criterion.otherPattern === undefined ? "no case" : "no pair of cases";
  return new RolloutError("usage", `--fail-if ${criterion.text} matches ${what}${where}`, { hint: `cases: ${list}` });
}

function unmeasured(criterion: Criterion, name: string, against: string, reason: string): Judgement {
  const figures = { ratio: undefined, interval: undefined, reason };
  return { criterion, case: name, against, ...figures, verdict: "unmeasured", isViolated: false };
}

function judge(
  criterion: Criterion,
  one: CaseResult,
  other: CaseResult,
  options: { readonly paired: boolean; readonly seed: number },
): Judgement {
  const { metric, operator, bound } = criterion;
  const { ratio, interval } = metricRatio(metric, one, other, options);
  if (ratio === undefined) return unmeasured(criterion, one.name, other.name, `no figure of ${metric}`);
  const [low, high] = interval ?? (isSingleFigure(metric) ? [ratio, ratio] : [0, Infinity]);
  const isViolated = COMPARE[operator](operator.startsWith(">") ? low : high, bound);
  const verdict = isViolated ? "violated" : COMPARE[operator](ratio, bound) ? "unclear" : "kept";
  const few = `fewer than ${neededSamples(metric)} samples`;
  const reason = interval === undefined && !isSingleFigure(metric) ? few : undefined;
  return { criterion, case: one.name, against: other.name, ratio, interval, verdict, isViolated, reason };
}

const COMPARE: Readonly<Record<Operator, (value: number, bound: number) => boolean>> = {
  ">": (value, bound) => value > bound,
  ">=": (value, bound) => value >= bound,
  "<": (value, bound) => value < bound,
  "<=": (value, bound) => value <= bound,
};
