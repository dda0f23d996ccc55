/** What `rollout-tool bench` does once its options are known: reads what it has to, measures, judges and writes; loaded only then. */
import { accessSync, constants, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

import { compareReports } from "../bench/baseline.ts";
import { checkCriteria, type Criterion, judgeCriteria, parseCriterion } from "../bench/criteria.ts";
import { htmlOf } from "../bench/html.ts";
import { markdownOf } from "../bench/markdown.ts";
import { measure } from "../bench/measurement.ts";
import { parseReport, serializeOutcome } from "../bench/report-file.ts";
import type { BenchReport } from "../bench/results.ts";
import type { BenchOutcome } from "../bench/text.ts";
import { assert, RolloutError } from "../errors.ts";
import { fileError, statOrUndefined } from "../io/files.ts";
import { renderBench } from "./bench-text.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { parseDuration } from "./duration.ts";
import { openFor } from "./history-open.ts";
import { usageError } from "./options.ts";

export interface BenchCall extends GlobalOptions {
  readonly what: "resume" | "fork" | "start" | "reindex" | "compress" | "parse" | "compare";
  readonly inputs: readonly string[];
  readonly synthetic: readonly string[];
  readonly codex: readonly string[];
  readonly rounds: number;
  readonly warmup: number;
  readonly seed: number;
  readonly timeout: string;
  readonly baseline: string | undefined;
  readonly failIf: readonly string[];
  readonly markdown: string | undefined;
  readonly html: string | undefined;
}

export async function runBench(call: BenchCall, context: CommandContext): Promise<ExitCode> {
  const criteria = call.failIf.map(parseCriterion);
  const files = outputs(call, context.cwd);
  for (const { path } of files) requireWritable(path);
  const measured = call.what === "compare" ? compare(call, criteria, context) : await run(call, criteria, context);
  const { outcome, problem } = judged(measured, criteria);
  // First of all: what was measured is not lost with what goes wrong now.
  if (call.json) context.stdout.write(serializeOutcome(outcome));
  else if (!call.quiet) context.stdout.write(renderBench(outcome, context));
  for (const { path, textOf } of files) write(path, textOf(outcome));
  if (problem !== undefined) throw problem;
  return exitCode(outcome);
}

interface Output {
  readonly path: string;
  readonly textOf: (outcome: BenchOutcome) => string;
}

function outputs({ markdown, html }: BenchCall, cwd: string): readonly Output[] {
  const wanted = [
    { path: markdown, textOf: markdownOf },
    { path: html, textOf: htmlOf },
  ];
  const files = wanted.flatMap(({ path, textOf }) =>
    path === undefined ? [] : [{ path: resolve(cwd, path), textOf }],
  );
  if (files.length === 2 && files[0]?.path === files[1]?.path)
    throw usageError("--markdown and --html are to be written to the same file");
  return files;
}

/** Said before anything is measured. */
function requireWritable(path: string): void {
  const stat = statOrUndefined(path);
  if (stat?.isDirectory() === true) {
    throw new RolloutError("not-a-file", "cannot write the report: it is a folder", { path, hint: "Name a file." });
  }
  try {
    accessSync(stat === undefined ? dirname(path) : path, constants.W_OK);
  } catch (error) {
    throw fileError(error, "write", path);
  }
}

/** 1 where a criterion is violated, or something could not be measured. */
function exitCode({ report, judgements = [] }: BenchOutcome): ExitCode {
  return report.failures.length > 0 || judgements.some(({ isViolated }) => isViolated) ? 1 : 0;
}

/** What there is to judge. */
interface Measured {
  readonly report: BenchReport;
  readonly base: BenchReport | undefined;
  readonly seed: number;
}

function compare(call: BenchCall, criteria: readonly Criterion[], context: CommandContext): Measured {
  const { synthetic, codex, baseline, inputs, seed } = call;
  const surplus = [
    synthetic.length > 0 && "--synthetic",
    codex.length > 0 && "--codex",
    baseline !== undefined && "--baseline",
  ].find((option) => option !== false);
  if (surplus !== undefined) throw usageError(`bench compare measures nothing: it takes no ${surplus}`);
  if (inputs.length !== 2) throw usageError("bench compare takes two reports: the earlier one and the later one");
  const [base, report] = inputs.map((path) => read(resolve(context.cwd, path)));
  assert(base !== undefined && report !== undefined, "two reports were read");
  judgeCriteria(criteria, report, base);
  return { report, base, seed };
}

async function run(call: BenchCall, criteria: readonly Criterion[], context: CommandContext): Promise<Measured> {
  const { what, rounds, seed } = call;
  if (what === "compare") throw usageError("two reports are compared, not measured");
  // What cannot be judged, and a baseline that is none, is said before anything is measured.
  checkCriteria(criteria, { rounds, hasBaseline: call.baseline !== undefined });
  const base = call.baseline === undefined ? undefined : read(resolve(context.cwd, call.baseline));
  const report = await measure({
    what,
    inputs: call.inputs,
    synthetic: call.synthetic,
    codex: call.codex,
    codexHome: call.codexHome,
    openThread: (thread) => openFor({ ...call, thread }, context),
    cwd: context.cwd,
    env: context.env,
    node: context.node,
    toolVersion: context.version,
    rounds,
    warmupRounds: call.warmup,
    seed,
    timeoutMs: timeoutOf(call.timeout),
    now: context.now,
    tell: (line) => context.stderr.write(`${line}\n`),
    // A criterion that means no case at all, before all of them have been measured.
    foreseen: (cases) => void judgeCriteria(criteria, cases, base),
    progress: (label, total) => context.progress(label, total),
  });
  return { report, base, seed };
}

/** What a timer can be set to. */
const MOST_MS = 2 ** 31 - 1;

function timeoutOf(text: string): number {
  const timeoutMs = parseDuration("--timeout", text);
  if (timeoutMs <= 0) throw usageError("--timeout takes more than no time");
  return Math.min(timeoutMs, MOST_MS);
}

/** Cases may be missing that a criterion meant: the report is then told all the same, and the problem behind it. */
function judged(
  { report, base, seed }: Measured,
  criteria: readonly Criterion[],
): { readonly outcome: BenchOutcome; readonly problem: Error | undefined } {
  const baseline = base && { report: base, comparison: compareReports(report, base, seed) };
  try {
    return { outcome: { report, baseline, judgements: judgeCriteria(criteria, report, base) }, problem: undefined };
  } catch (problem) {
    if (!(problem instanceof RolloutError)) throw problem;
    return { outcome: { report, baseline, judgements: [] }, problem };
  }
}

function read(path: string): BenchReport {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(error, "read", path);
  }
  return parseReport(text, path);
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw fileError(error, "write", path);
  }
}
