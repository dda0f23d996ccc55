/**
 * The report of a benchmark as a file: written for `--json`, read back as a baseline. What is read may come from anywhere,
 * so every member is checked; what a newer tool may have added is passed by. `docs/bench-report.schema.json` says the same.
 */
import { RolloutError } from "../errors.ts";
import { isJsonObject, ownValue } from "../format/json.ts";
import type { Judgement } from "./criteria.ts";
import {
  type BenchReport,
  type BenchSetting,
  type BenchStatistics,
  type CaseFailure,
  type CaseResult,
  type Comparison,
  REPORT_VERSION,
} from "./results.ts";
import type { BenchOutcome } from "./text.ts";

const FORMAT = "rollout-tool-bench";
const HINT = "bench <what> … --json > report.json makes one";

/**
 * The report, and what was made of it, as JSON with a line end. `baseline` and `judgements` are there only where something was
 * compared or judged; who reads the report back makes them anew.
 */
export function serializeOutcome({ report, baseline, judgements = [] }: BenchOutcome): string {
  return serializeReport({
    ...report,
    ...(baseline === undefined ? {} : { baseline: baselineMember(baseline) }),
    ...(judgements.length === 0 ? {} : { judgements: judgements.map(judgementMember) }),
  });
}

function baselineMember({ report, comparison }: NonNullable<BenchOutcome["baseline"]>) {
  const { comparisons, onlyNow: only_now, onlyBase: only_base, warnings } = comparison;
  return { created_at: report.setting.created_at, comparisons, only_now, only_base, warnings };
}

function judgementMember({ criterion, case: name, against, ratio, interval, verdict, reason }: Judgement) {
  const told = { ratio: ratio ?? null, interval: interval ?? null, reason: reason ?? null };
  return { criterion: criterion.text, case: name, against, verdict, ...told };
}

/** All of it ASCII: it is shown in terminals too, and labels come from file names. */
export function serializeReport(report: BenchReport): string {
  const text = JSON.stringify(report, undefined, 2).replace(
    /[^\n\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${text}\n`;
}

/**
 * A report from its JSON. `path` is only for messages.
 *
 * @throws RolloutError `damaged` for what is no report, with the place inside it; `unsupported` for one of a newer tool.
 */
export function parseReport(text: string, path: string): BenchReport {
  const root: Spot = { value: parseJson(text, path), at: "", path };
  const format = member(root, "format");
  if (format.value !== FORMAT) fail(format, `is not "${FORMAT}"`);
  const version = member(root, "version");
  if (number(version, { isWhole: true, min: 1 }) > REPORT_VERSION) {
    throw new RolloutError(
      "unsupported",
      `the report has version ${String(version.value)}; known is ${REPORT_VERSION}`,
      {
        path,
        hint: "it was made by a newer rollout-tool, which can read it",
      },
    );
  }
  const cases = list(member(root, "cases"), readCase);
  checkNames(root, cases);
  return {
    format: FORMAT,
    version: REPORT_VERSION,
    benchmark: words(member(root, "benchmark")),
    setting: readSetting(member(root, "setting")),
    cases,
    comparisons: list(member(root, "comparisons"), readComparison),
    failures: list(member(root, "failures"), readFailure),
    notes: list(member(root, "notes"), words),
  };
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (cause) {
    throw new RolloutError("damaged", "this is not the JSON of a benchmark's report", { path, hint: HINT, cause });
  }
}

function checkNames(root: Spot, cases: readonly CaseResult[]): void {
  const seen = new Set<string>();
  for (const [index, { name }] of cases.entries()) {
    if (seen.has(name)) fail({ ...root, at: `cases[${index}].name` }, "is the name of an earlier case too");
    seen.add(name);
  }
}

function readSetting(spot: Spot): BenchSetting {
  const whole = (name: string): number => number(member(spot, name), { isWhole: true, min: 0 });
  return {
    tool_version: words(member(spot, "tool_version")),
    created_at: words(member(spot, "created_at")),
    node: words(member(spot, "node")),
    platform: words(member(spot, "platform")),
    arch: words(member(spot, "arch")),
    cpu: words(member(spot, "cpu")),
    cpus: whole("cpus"),
    memory_bytes: whole("memory_bytes"),
    seed: number(member(spot, "seed"), { isWhole: true }),
    rounds: whole("rounds"),
    warmup_rounds: whole("warmup_rounds"),
    page_cache: oneOf(member(spot, "page_cache"), ["warm", "unknown"]),
  };
}

function readCase(spot: Spot): CaseResult {
  const labels = list(member(spot, "labels"), words);
  const name = member(spot, "name");
  if (labels.length === 0 || name.value !== labels.join(".")) fail(name, "is not the labels joined by dots");
  const samples = list(member(spot, "samples_ms"), time);
  if (samples.length === 0) fail(member(spot, "samples_ms"), "is empty");
  const statistics = member(spot, "statistics");
  const figures = readStatistics(statistics);
  if (figures.count !== samples.length) fail(member(statistics, "count"), "is not the number of samples");
  return {
    name: words(name),
    labels,
    samples_ms: samples,
    warmup_ms: list(member(spot, "warmup_ms"), time),
    statistics: figures,
    ...optionalBytes(spot, "peak_bytes"),
    ...optionalBytes(spot, "read_bytes"),
    ...optionalBytes(spot, "written_bytes"),
  };
}

/** Times are above 0: ratios and logarithms are made of them. */
function time(spot: Spot): number {
  const value = number(spot, { min: 0 });
  return value > 0 ? value : fail(spot, "is not above 0");
}

function optionalBytes<Name extends string>(spot: Spot, name: Name): { readonly [Key in Name]?: number } {
  const found = member(spot, name);
  if (found.value === undefined) return {};
  return { [name]: number(found, { min: 0 }) } as { readonly [Key in Name]?: number };
}

function readStatistics(spot: Spot): BenchStatistics {
  const figure = (name: string): number => number(member(spot, name), { min: 0 });
  const count = (name: string): number => number(member(spot, name), { isWhole: true, min: 0 });
  return {
    count: count("count"),
    mean: figure("mean"),
    median: figure("median"),
    p95: figure("p95"),
    min: figure("min"),
    max: figure("max"),
    coefficient_of_variation: figure("coefficient_of_variation"),
    outliers: count("outliers"),
  };
}

function readComparison(spot: Spot): Comparison {
  const interval = list(member(spot, "interval"), (end) => number(end, { min: 0 }));
  const [low, high] = interval;
  if (interval.length !== 2 || low === undefined || high === undefined)
    return fail(member(spot, "interval"), "is not a pair of numbers");
  return {
    case: words(member(spot, "case")),
    against: words(member(spot, "against")),
    kind: oneOf(member(spot, "kind"), ["paired", "unpaired"]),
    count: number(member(spot, "count"), { isWhole: true, min: 0 }),
    ratio: number(member(spot, "ratio"), { min: 0 }),
    interval: [low, high],
    p_value: number(member(spot, "p_value"), { min: 0, max: 1 }),
    verdict: oneOf(member(spot, "verdict"), ["faster", "slower", "same", "unclear"]),
  };
}

function readFailure(spot: Spot): CaseFailure {
  return { case: words(member(spot, "case")), message: words(member(spot, "message")) };
}

/** A value and where it stands: `cases[3].statistics.mean`. */
interface Spot {
  readonly value: unknown;
  readonly at: string;
  readonly path: string;
}

function fail(spot: Spot, what: string): never {
  const place = spot.at === "" ? "the document" : spot.at;
  throw new RolloutError("damaged", `not a report of bench: ${place} ${what}`, { path: spot.path, hint: HINT });
}

function member(spot: Spot, name: string): Spot {
  if (!isJsonObject(spot.value)) return fail(spot, "is not an object");
  return { value: ownValue(spot.value, name), at: spot.at === "" ? name : `${spot.at}.${name}`, path: spot.path };
}

function words(spot: Spot): string {
  return typeof spot.value === "string" ? spot.value : fail(spot, "is not a text");
}

interface Bounds {
  readonly min?: number;
  readonly max?: number;
  readonly isWhole?: boolean;
}

function number(spot: Spot, { min = -Infinity, max = Infinity, isWhole = false }: Bounds): number {
  const { value } = spot;
  // JSON may spell a number that is none: 1e999.
  if (typeof value !== "number" || !Number.isFinite(value)) return fail(spot, "is not a number");
  if (isWhole && !Number.isSafeInteger(value)) fail(spot, "is not a whole number");
  if (value < min) fail(spot, `is below ${min}`);
  if (value > max) fail(spot, `is above ${max}`);
  return value;
}

function oneOf<const Choice extends string>(spot: Spot, choices: readonly Choice[]): Choice {
  return choices.find((choice) => choice === spot.value) ?? fail(spot, `is none of ${choices.join(", ")}`);
}

function list<Item>(spot: Spot, read: (item: Spot) => Item): readonly Item[] {
  if (!Array.isArray(spot.value)) return fail(spot, "is not an array");
  return spot.value.map((value, index) => read({ value, at: `${spot.at}[${index}]`, path: spot.path }));
}
