/**
 * A whole run of `decompress`: brings plain files back from their archives, or only looks whether that could be done, or takes
 * away what there is twice. One file after the other: what costs time here is writing.
 */
import { closeSync } from "node:fs";
import { RolloutError } from "../errors.ts";
import { compressedPath } from "../format/names.ts";
import { lstatOrUndefined } from "../io/files.ts";
import { blockerOf, claimAll, releaseAll } from "./claim.ts";
import { type Candidate, discoverHome, discoverPaths, type Found, homeOf, homesOf, type Scope } from "./discover.ts";
import { openSource } from "./files.ts";
import { lookAtPair, type PairOutcome, type PairState, resolvePair } from "./pairs.ts";
import { recover } from "./recover.ts";
import type { Recovery } from "./report.ts";
import { countedChunks, unpackFile, type UnpackOutcome } from "./unpack.ts";
import { checkArchive } from "./verify.ts";

export interface DecompressRun {
  readonly what: { readonly codexHome: string; readonly scope: Scope } | { readonly paths: readonly string[] };
  readonly mode: "write" | "dry-run" | "verify" | "pairs" | "pairs-dry-run";
  readonly now: () => number;
  readonly progress?: (label: string, totalBytes: number) => { advance(bytes: number): void; end(): void };
}

export interface UnpackReport {
  /** The plain name. */
  readonly path: string;
  readonly outcome: UnpackOutcome | PairOutcome | "would_decompress" | "sound" | "damaged" | "pair";
  readonly pair?: PairState;
  /** Of the archive. */
  readonly compressed_bytes: number;
  readonly plain_bytes?: number;
  /** Plain bytes before the place where an archive breaks, or where both forms part. */
  readonly offset?: number;
  readonly message?: string;
}

export interface DecompressReport {
  readonly action: "decompressed" | "would_decompress" | "verified" | "resolved" | "would_resolve";
  readonly status: "completed" | "skipped_maintenance";
  readonly recovered: readonly Recovery[];
  readonly problems: Found["problems"];
  readonly files: readonly UnpackReport[];
  readonly outcomes: Readonly<Record<string, number>>;
  readonly duration_ms: number;
}

const ACTIONS = {
  write: "decompressed",
  "dry-run": "would_decompress",
  verify: "verified",
  pairs: "resolved",
  "pairs-dry-run": "would_resolve",
} as const satisfies Readonly<Record<DecompressRun["mode"], DecompressReport["action"]>>;

/** @throws RolloutError when a path is not there, or a home cannot be written to. Single files that fail are in the report. */
export function decompressRun(run: DecompressRun): DecompressReport {
  const startMs = run.now();
  const find = (): Found =>
    "paths" in run.what ? discoverPaths(run.what.paths) : discoverHome(run.what.codexHome, run.what.scope);
  const found = find();
  const isWriting = run.mode === "write" || run.mode === "pairs";
  const homes = isWriting ? homesOf(found, []) : [];
  const claims = claimAll(homes, { nowMs: startMs, marker: false, force: false });
  try {
    if (blockerOf(claims) !== undefined) return answer(run, startMs, "skipped_maintenance", [], [], found.problems);
    const recovered = isWriting ? recover(found.passing, (path) => claims.has(homeOf(path) ?? ""), startMs) : [];
    const { candidates } = recovered.length === 0 ? found : find();
    const files = candidates.filter(wants(run));
    const bar = run.progress?.(
      run.mode === "write" ? "Decompressing" : "Comparing",
      files.reduce((sum, candidate) => sum + archiveBytes(candidate), 0),
    );
    const reports = files.map((candidate) => guarded(candidate, run, (bytes) => bar?.advance(bytes)));
    bar?.end();
    return answer(run, startMs, "completed", reports, recovered, found.problems);
  } finally {
    releaseAll(claims, true);
  }
}

function answer(
  run: DecompressRun,
  startMs: number,
  status: DecompressReport["status"],
  files: readonly UnpackReport[],
  recovered: readonly Recovery[],
  problems: Found["problems"],
): DecompressReport {
  const outcomes: Record<string, number> = {};
  for (const { outcome } of files) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return { action: ACTIONS[run.mode], status, recovered, problems, files, outcomes, duration_ms: run.now() - startMs };
}

/** Plain files alone are nobody's business, unless they were named. */
function wants({ mode, what }: DecompressRun): (candidate: Candidate) => boolean {
  if (mode === "pairs" || mode === "pairs-dry-run") return ({ hasPlain, hasArchive }) => hasPlain && hasArchive;
  return "paths" in what ? () => true : ({ hasArchive }) => hasArchive;
}

function archiveBytes({ plainPath }: Candidate): number {
  return lstatOrUndefined(compressedPath(plainPath))?.size ?? 0;
}

type Advance = (bytes: number) => void;

function guarded(candidate: Candidate, run: DecompressRun, advance: Advance): UnpackReport {
  const base = { path: candidate.plainPath, compressed_bytes: archiveBytes(candidate) };
  try {
    return { ...base, ...handle(candidate, run, advance) };
  } catch (error) {
    if (!(error instanceof RolloutError)) throw error;
    if (error.code === "not-a-file") return { ...base, outcome: "skipped_not_a_file" };
    return { ...base, outcome: error.code === "not-found" ? "missing" : "failed", message: error.message };
  }
}

type Answer = Omit<UnpackReport, "path" | "compressed_bytes">;

function handle(candidate: Candidate, run: DecompressRun, advance: Advance): Answer {
  const { mode } = run;
  const isPair = candidate.hasPlain && candidate.hasArchive;
  if (mode === "pairs") return resolved(candidate, run);
  if (isPair && mode !== "write") return pairAnswer(candidate);
  if (!candidate.hasArchive || (isPair && mode === "write")) return { outcome: "plain_exists" };
  if (mode === "verify") return verified(candidate, advance);
  if (mode === "dry-run") return { outcome: "would_decompress" };
  const { outcome, plainBytes, message } = unpackFile(candidate, advance);
  return message === undefined ? { outcome, plain_bytes: plainBytes } : { outcome, message, offset: plainBytes };
}

function resolved(candidate: Candidate, run: DecompressRun): Answer {
  const { outcome, pair } = resolvePair(candidate, run.now());
  return { ...ofPair(pair), outcome };
}

function pairAnswer(candidate: Candidate): Answer {
  const pair = lookAtPair(candidate);
  return { ...ofPair(pair), outcome: "pair" };
}

function ofPair({ state, plainBytes, offset, message }: ReturnType<typeof lookAtPair>): Omit<Answer, "outcome"> {
  return {
    pair: state,
    plain_bytes: plainBytes,
    ...(offset === undefined ? {} : { offset }),
    ...(message === undefined ? {} : { message }),
  };
}

function verified(candidate: Candidate, advance: Advance): Answer {
  const archive = openSource(compressedPath(candidate.plainPath));
  try {
    const { plainBytes, message } = checkArchive(countedChunks(archive, advance));
    if (message === undefined) return { outcome: "sound", plain_bytes: plainBytes };
    return { outcome: "damaged", offset: plainBytes, message };
  } finally {
    closeSync(archive.fd);
  }
}
