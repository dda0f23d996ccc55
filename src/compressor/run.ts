/**
 * A whole run of `compress`: finds the rollouts, claims their homes, ends what an earlier run left, divides the files among
 * threads, and reports. The public door of this room, beside `decompress.ts`.
 */
import { basename } from "node:path";
import { RolloutError } from "../errors.ts";
import { parseRolloutName } from "../format/names.ts";
import { type Helper, helperCount, startHelper, Tickets } from "../io/workers.ts";
import { blockerOf, claimAll, releaseAll } from "./claim.ts";
import { compressFiles, type CompressOptions } from "./compress.ts";
import { type Candidate, discoverHome, discoverPaths, type Found, homeOf, homesOf, type Scope } from "./discover.ts";
import { judge } from "./eligibility.ts";
import { estimateBytes } from "./estimate.ts";
import type { FrameProfile } from "./profile.ts";
import { recover } from "./recover.ts";
import { type CompressReport, type FileReport, totalsOf } from "./report.ts";

export interface CompressRun {
  /** A home and which of its rollouts, or paths. */
  readonly what: { readonly codexHome: string; readonly scope: Scope } | { readonly paths: readonly string[] };
  readonly mode: "write" | "dry-run" | "estimate";
  readonly profile: FrameProfile;
  readonly level: number;
  readonly keep: boolean;
  readonly olderThanMs: number;
  /** Go on in spite of a run within the last six hours. */
  readonly force: boolean;
  readonly jobs: number | undefined;
  readonly now: () => number;
  /** Told that a piece of work of so many bytes begins; what it returns is told of each part done. */
  readonly progress?: (label: string, totalBytes: number) => { advance(bytes: number): void; end(): void };
}

/** @throws RolloutError when a path is not there, or a home cannot be written to. Single files that fail are in the report. */
export function compressRun(run: CompressRun): CompressReport {
  const startMs = run.now();
  const found = "paths" in run.what ? discoverPaths(run.what.paths) : discoverHome(run.what.codexHome, run.what.scope);
  if (run.mode !== "write") return { ...lookOnly(found, run, startMs), problems: found.problems };
  const homes = homesOf(found, "codexHome" in run.what ? [run.what.codexHome] : []);
  const claims = claimAll(homes, { nowMs: startMs, marker: "codexHome" in run.what, force: run.force });
  const blocked = blockerOf(claims);
  if (blocked !== undefined) {
    releaseAll(claims, false);
    return answer("compressed", blocked, [], run, startMs);
  }
  let hasSucceeded = false;
  try {
    const recovered = recover(found.passing, (path) => claims.has(homeOf(path) ?? ""), startMs);
    // What was brought back, and pairs that are none any more, are looked at anew.
    const { candidates } = recovered.length === 0 ? found : rediscover(run);
    const files = compressAll(candidates.filter(isPlain(run)), run, startMs);
    hasSucceeded = true;
    return { ...answer("compressed", "completed", files, run, startMs), recovered, problems: found.problems };
  } finally {
    releaseAll(claims, hasSucceeded);
  }
}

function rediscover({ what }: CompressRun): Found {
  return "paths" in what ? discoverPaths(what.paths) : discoverHome(what.codexHome, what.scope);
}

/** Archives alone are nobody's business, unless they were named. */
function isPlain(run: CompressRun): (candidate: Candidate) => boolean {
  return "paths" in run.what ? () => true : ({ hasPlain }) => hasPlain;
}

function answer(
  action: CompressReport["action"],
  status: CompressReport["status"],
  files: readonly FileReport[],
  run: CompressRun,
  startMs: number,
): CompressReport {
  return { action, status, recovered: [], problems: [], files, totals: totalsOf(files, run.now() - startMs) };
}

function lookOnly(found: Found, run: CompressRun, startMs: number): CompressReport {
  const isEstimate = run.mode === "estimate";
  const candidates = found.candidates.filter(isPlain(run));
  const bar = run.progress?.(
    "Looking",
    candidates.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  );
  const files = candidates.map((candidate): FileReport => {
    const report = lookAtOne(candidate, run, startMs);
    bar?.advance(candidate.sizeBytes);
    return report;
  });
  bar?.end();
  return answer(isEstimate ? "estimated" : "would_compress", "completed", files, run, startMs);
}

function lookAtOne(candidate: Candidate, run: CompressRun, nowMs: number): FileReport {
  const base = { path: candidate.plainPath, source_bytes: candidate.sizeBytes };
  try {
    const verdict = judge(candidate, { nowMs, olderThanMs: run.olderThanMs });
    if (verdict.kind === "skip") {
      const { outcome, reason } = verdict;
      return reason === undefined ? { ...base, outcome } : { ...base, outcome, reason };
    }
    if (run.mode === "dry-run") return { ...base, outcome: "would_compress" };
    return { ...base, outcome: "would_compress", compressed_bytes: estimateBytes(candidate.plainPath, run.level) };
  } catch (error) {
    if (!(error instanceof RolloutError)) throw error;
    return { ...base, outcome: "failed", message: error.message };
  }
}

/** Helpers start when there is work for them; each costs the start of an engine. */
const MIN_BYTES_FOR_HELPERS = 8 * 1024 * 1024;
/**
 * Larger files come first, one at a time: their windows take memory, on the way there and on the way back. A second thread
 * compares what this one writes. After them, the others are shared.
 */
const MAX_SHARED_BYTES = 32 * 1024 * 1024;

/** What a helper is given: plain data. */
export interface Assignment {
  readonly candidates: readonly Candidate[];
  readonly tickets: SharedArrayBuffer;
  readonly options: Omit<CompressOptions, "clock" | "advance">;
}

/** What a helper answers, as JSON. */
export type Message = { readonly bytes: number } | { readonly index: number; readonly report: FileReport };

function compressAll(candidates: readonly Candidate[], run: CompressRun, nowMs: number): readonly FileReport[] {
  const totalBytes = candidates.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const bar = run.progress?.("Compressing", totalBytes);
  const { profile, level, keep, olderThanMs } = run;
  const options = { profile, level, keep, olderThanMs, nowMs, follow: false };
  const reports: (FileReport | undefined)[] = Array.from({ length: candidates.length });
  const small = candidates.filter(({ sizeBytes }) => sizeBytes <= MAX_SHARED_BYTES);
  const places = new Map(candidates.map((candidate, place) => [candidate, place]));
  const tickets = new Tickets(small.length, undefined, 1);
  let helpers: readonly Helper[] = [];
  const put = (candidate: Candidate | undefined, report: FileReport): void => {
    const place = candidate === undefined ? undefined : places.get(candidate);
    if (place !== undefined) reports[place] = report;
  };
  // Read twice, once to compress and once to compare: half a byte done each time.
  const advance = (bytes: number): void => bar?.advance(bytes / 2);
  const receive = (texts: readonly string[]): void => {
    for (const text of texts) {
      const message = JSON.parse(text) as Message;
      if ("bytes" in message) advance(message.bytes);
      else put(small[message.index], message.report);
    }
  };
  const own: CompressOptions = {
    ...options,
    clock: run.now,
    advance: (bytes) => {
      advance(bytes);
      for (const helper of helpers) receive(helper.collect());
    },
  };
  const large = candidates.filter(({ sizeBytes }) => sizeBytes > MAX_SHARED_BYTES);
  const follow = helperCount(run.jobs) > 0;
  for (const [index, report] of compressFiles(large, large.keys(), { ...own, follow })) put(large[index], report);
  helpers = startHelpers(small, { candidates: small, tickets: tickets.memory, options }, run.jobs);
  for (const [index, report] of compressFiles(small, tickets.take(), own)) put(small[index], report);
  for (const helper of helpers) receive(helper.finish());
  // What a helper took and did not bring back is looked at here, and what two of them had kept from each other.
  const twins = sharedThreads(candidates);
  const missing = [...reports.keys()].filter((index) => {
    const report = reports[index];
    return report === undefined || (report.outcome === "skipped_busy" && twins.has(threadIdOf(candidates[index])));
  });
  for (const [index, report] of compressFiles(candidates, missing, own)) reports[index] = report;
  bar?.end();
  return reports.filter((report) => report !== undefined);
}

function threadIdOf(candidate: Candidate | undefined): string | undefined {
  return candidate === undefined ? undefined : parseRolloutName(basename(candidate.plainPath))?.threadId;
}

/** Ids of threads with more than one file: after a revert. */
function sharedThreads(candidates: readonly Candidate[]): ReadonlySet<string | undefined> {
  const [once, often] = [new Set<string>(), new Set<string | undefined>()];
  for (const candidate of candidates) {
    const id = threadIdOf(candidate);
    if (id === undefined) continue;
    if (once.has(id)) often.add(id);
    once.add(id);
  }
  return often;
}

function startHelpers(
  files: readonly Candidate[],
  assignment: Assignment,
  jobs: number | undefined,
): readonly Helper[] {
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (files.length < 2 || bytes < MIN_BYTES_FOR_HELPERS) return [];
  const module = new URL("worker.js", import.meta.url);
  return Array.from({ length: Math.min(helperCount(jobs), files.length - 1) }, () => startHelper(module, assignment));
}
