/**
 * Many rollouts, one after the other, and what came of each. Files that are published wait together for the moment in which
 * their plain forms go (`retire.ts`). `run.ts` divides the work among threads; each of them comes here.
 */
import { closeSync } from "node:fs";
import { RolloutError } from "../errors.ts";
import { lstatOrUndefined } from "../io/files.ts";
import type { Candidate } from "./discover.ts";
import { type EligibilityRules, judge, type Outcome } from "./eligibility.ts";
import { hasArchiveNow, type PackOptions, packFile, type PackResult } from "./pack.ts";
import type { FileReport } from "./report.ts";
import { type Retirement, settle, type Waiting, withdraw } from "./retire.ts";

export interface CompressOptions extends EligibilityRules, PackOptions {
  /** Milliseconds, for durations only. */
  readonly clock: () => number;
}

/** After so many files, or so much time, waiting ones are settled. */
const MAX_WAITING = 32;
const MAX_WAITING_MS = 200;

type PublishedResult = Extract<PackResult, { kind: "published" }>;

interface Pending {
  readonly index: number;
  readonly result: PublishedResult;
  readonly durationMs: number;
}

/** Takes indexes of `candidates`, gives a report for each, with its index, sooner or later. */
export function* compressFiles(
  candidates: readonly Candidate[],
  indexes: Iterable<number>,
  options: CompressOptions,
): Generator<readonly [index: number, report: FileReport]> {
  let pending: Pending[] = [];
  let settledMs = options.clock();
  const settleAll = (): (readonly [number, FileReport])[] => {
    const reports = settlePending(pending);
    pending = [];
    settledMs = options.clock();
    return reports;
  };
  try {
    for (const index of indexes) {
      const candidate = candidates[index];
      if (candidate === undefined) continue;
      const startMs = options.clock();
      let result = compressOne(candidate, options);
      // Of a thread with several files, as after a revert, the one that waits has the lock.
      if ("path" in result && result.outcome === "skipped_busy" && pending.length > 0) {
        yield* settleAll();
        result = compressOne(candidate, options);
      }
      const durationMs = options.clock() - startMs;
      if ("path" in result) yield [index, { ...result, duration_ms: durationMs }];
      else pending.push({ index, result, durationMs });
      if (pending.length >= MAX_WAITING || options.clock() - settledMs >= MAX_WAITING_MS) yield* settleAll();
    }
  } finally {
    // Also when the caller stops: nothing is left waiting.
    if (pending.length > 0) yield* settleAll();
  }
}

function compressOne(candidate: Candidate, options: CompressOptions): FileReport | PublishedResult {
  const path = candidate.plainPath;
  const skipped = (outcome: Outcome, sourceBytes = candidate.sizeBytes): FileReport => ({
    path,
    outcome,
    source_bytes: sourceBytes,
  });
  try {
    const verdict = judge({ ...candidate, hasArchive: hasArchiveNow(candidate) }, options);
    if (verdict.kind === "skip") {
      const { outcome, reason } = verdict;
      return reason === undefined ? skipped(outcome) : { ...skipped(outcome), reason };
    }
    const result = packFile(candidate, verdict.threadId, options);
    if (result.kind === "published") return result;
    if (result.kind === "skipped") return skipped(result.outcome, result.sourceBytes);
    const { sourceBytes, compressedBytes, frames } = result;
    return { path, outcome: "compressed", source_bytes: sourceBytes, compressed_bytes: compressedBytes, frames };
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    if (error.code === "not-found" && lstatOrUndefined(path) === undefined) return skipped("skipped_vanished");
    if (error.code === "not-a-file") return skipped("skipped_not_a_file");
    return { ...skipped("failed"), message: error.message };
  }
}

function settlePending(pending: readonly Pending[]): (readonly [number, FileReport])[] {
  try {
    const withdrawn = withdraw(pending.map(({ result }) => result.published));
    const waiting = withdrawn.filter(isWaiting);
    const answers = new Map(settle(waiting).map((answer, at) => [waiting[at], answer]));
    return pending.map((one, at) => {
      const state = withdrawn[at];
      const answer = state === undefined || state instanceof RolloutError ? state : answers.get(state);
      return [one.index, settledReport(one, answer ?? { kind: "changed" })];
    });
  } finally {
    for (const { result } of pending) {
      closeSync(result.published.source.fd);
      result.lock?.release();
    }
  }
}

function isWaiting(one: Waiting | RolloutError | undefined): one is Waiting {
  return one !== undefined && !(one instanceof RolloutError);
}

function settledReport({ result, durationMs }: Pending, answer: Retirement | RolloutError): FileReport {
  const { published, sourceBytes, compressedBytes, frames } = result;
  const base = { path: published.source.path, source_bytes: sourceBytes, duration_ms: durationMs };
  if (answer instanceof RolloutError) return { ...base, outcome: "failed", message: answer.message };
  if (answer.kind === "gone") {
    return { ...base, outcome: "compressed", compressed_bytes: compressedBytes, frames };
  }
  if (answer.kind === "conflict") {
    const message = "another file of this name appeared meanwhile, and both were written to";
    return { ...base, outcome: "failed", message, kept: answer.kept };
  }
  return { ...base, outcome: answer.kind === "held" ? "skipped_busy" : "skipped_changed" };
}
