/** What `rollout-tool stats` does once its options are known; loaded only then. */
import { resolve } from "node:path";
import { countBytes } from "../analysis/bytes.ts";
import { gatherLatencies } from "../analysis/latency.ts";
import type { UnreadableFile } from "../analysis/inherited.ts";
import { parsePrices, type PriceTable } from "../analysis/tokens-prices.ts";
import { countTokens, type TokenGroup } from "../analysis/tokens.ts";
import { readWholeFile } from "../io/files.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { usageError } from "./options.ts";
import { printAnswer } from "./render.ts";
import type { BytesAnswer, StatsScope, TokensAnswer } from "./stats-answer.ts";
import { renderBytes } from "./stats-bytes-text.ts";
import { compareLatencies, type LatencyAnswer, summarize } from "./stats-latency.ts";
import { renderLatency } from "./stats-latency-text.ts";
import { type StatsTarget, targetOf, wholeHome } from "./stats-target.ts";
import { renderTokens } from "./stats-tokens-text.ts";

export interface StatsCall extends GlobalOptions {
  readonly what: "bytes" | "tokens" | "latency";
  readonly threads: readonly string[];
  readonly top: number;
  readonly by: TokenGroup | undefined;
  readonly explain: boolean;
  readonly prices: string | undefined;
  readonly compare: string | undefined;
}

/** 1 when something could not be read. */
export function runStats(call: StatsCall, context: CommandContext): ExitCode {
  refuseForeignOptions(call);
  if (call.what === "tokens") return runTokens(call, context);
  const target = targetOf(call, context);
  return call.what === "bytes" ? runBytes(call, target, context) : runLatency(call, target, context);
}

function refuseForeignOptions({ what, by, explain, prices, compare }: StatsCall): void {
  const given = { by: by !== undefined, explain, prices: prices !== undefined };
  for (const [name, isGiven] of Object.entries(given)) {
    if (isGiven && what !== "tokens") throw usageError(`--${name} means nothing for ${what}`, "it is for stats tokens");
  }
  if (compare !== undefined && what !== "latency") {
    throw usageError(`--compare means nothing for ${what}`, "it is for stats latency");
  }
}

function scopeOf({ scope, codexHome, problems }: StatsTarget, unreadable: readonly UnreadableFile[]): StatsScope {
  return { scope, codexHome: codexHome ?? null, unreadable: [...problems, ...unreadable] };
}

function exitCode({ unreadable }: StatsScope): ExitCode {
  return unreadable.length > 0 ? 1 : 0;
}

/** Told how many bytes of all there are to read. */
function progressOf({ files }: StatsTarget, context: CommandContext): (bytes: number) => void {
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const progress = context.progress("reading", total, "bytes");
  return (bytes) => progress.advance(bytes);
}

function runBytes(call: StatsCall, target: StatsTarget, context: CommandContext): ExitCode {
  const { files, others, documents } = target;
  const advance = progressOf(target, context);
  const report = countBytes(files, { top: call.top, nowMs: context.now(), others, documents, advance });
  const answer: BytesAnswer = { ...report, ...scopeOf(target, report.unreadable) };
  printAnswer(context.stdout, call.json, answer, () => renderBytes(answer, context));
  return exitCode(answer);
}

function runTokens(call: StatsCall, context: CommandContext): ExitCode {
  const prices = call.prices === undefined ? undefined : pricesIn(resolve(context.cwd, call.prices));
  const target = targetOf(call, context);
  const { others } = target;
  const advance = progressOf(target, context);
  const { files, ...report } = countTokens(target.files, { by: call.by ?? "model", prices, others, advance });
  const scope = scopeOf(target, report.unreadable);
  const counted = { ...report, ...scope, files: files.length };
  const answer: TokensAnswer = call.explain ? { ...counted, explain: files } : counted;
  printAnswer(context.stdout, call.json, answer, () => renderTokens(answer, { ...context, top: call.top }));
  return exitCode(scope);
}

/** @throws RolloutError when there is no such file, or it is no price table. */
function pricesIn(path: string): PriceTable {
  return parsePrices(readWholeFile(path).toString("utf8"), path);
}

function runLatency(call: StatsCall, target: StatsTarget, context: CommandContext): ExitCode {
  // A wrong folder is told before anything is read.
  const other = call.compare === undefined ? undefined : wholeHome(resolve(context.cwd, call.compare));
  const gathered = gatherLatencies(target.files, { others: target.others, advance: progressOf(target, context) });
  const scope = scopeOf(target, gathered.unreadable);
  const summary = { ...summarize(gathered, call.top), ...scope };
  const answer: LatencyAnswer = other === undefined ? summary : { ...summary, ...compared(other) };
  printAnswer(context.stdout, call.json, answer, () => renderLatency(answer, context));
  return exitCode(answer);

  function compared(home: StatsTarget): Pick<LatencyAnswer, "against" | "comparisons"> {
    const found = gatherLatencies(home.files, { advance: progressOf(home, context) });
    const against = { ...scopeOf(home, found.unreadable), files: found.files };
    return { against, comparisons: compareLatencies(gathered, found) };
  }
}
