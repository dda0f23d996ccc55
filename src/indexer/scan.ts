/**
 * All rollouts of a home to candidates for rows: discovery, extraction, and what could not be used, with its reason.
 * Files that are known unchanged since an earlier run are passed over (see `manifest.ts`).
 */
import { RolloutError } from "../errors.ts";
import { type Helper, helperCount, startHelper, Tickets } from "../io/workers.ts";
import type { Discovery, RolloutFile } from "../readers/home.ts";
import type { Candidate } from "./assemble.ts";
import { extractFacts } from "./extract.ts";
import type { FileFacts } from "./facts.ts";
import type { Rules } from "./rules.ts";

/** A file under the session folders that gives no row, or gives one although it is damaged. */
export interface Rejected {
  /** Logical path. */
  readonly path: string;
  readonly reason: string;
  /** Byte offset of the plain text where that matters. */
  readonly offset?: number | undefined;
  /** The thread is in the index all the same, from what could be read. */
  readonly indexed: boolean;
}

export interface Scan {
  readonly candidates: readonly Candidate[];
  /** Digest of each file's first bytes, by relative path; files that could not be opened have none. */
  readonly heads: ReadonlyMap<string, string>;
  readonly rejected: readonly Rejected[];
  readonly bytesRead: number;
  readonly filesRead: number;
}

export interface ScanOptions {
  readonly rules: Rules;
  readonly thorough: boolean;
  /** Threads to use, this one included; undefined: as the machine allows. */
  readonly jobs?: number | undefined;
  /** Called after each file with its size. */
  readonly advance?: ((bytes: number) => void) | undefined;
}

/** Reads the given files. Never throws for what is wrong with one of them. The outcome stands in the order of the files. */
export function scanRollouts(files: readonly RolloutFile[], options: ScanOptions): Scan {
  const outcomes = scanTogether(files, options);
  const candidates: Candidate[] = [];
  const rejected: Rejected[] = [];
  const heads = new Map<string, string>();
  let bytesRead = 0;
  for (const [index, file] of files.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) continue;
    const { facts, lastLineMs, head } = outcome;
    bytesRead += outcome.bytesRead;
    if (head !== undefined) heads.set(file.relativePath, head);
    if (facts !== undefined) candidates.push({ file, facts, lastLineMs });
    if (outcome.rejected !== undefined) rejected.push(outcome.rejected);
  }
  return { candidates, heads, rejected, bytesRead, filesRead: files.length };
}

/** What became of one file. Plain data without the file, so that it can come from another thread as JSON. */
interface Outcome {
  readonly facts?: FileFacts;
  readonly lastLineMs?: number | undefined;
  readonly rejected?: Rejected;
  readonly head?: string;
  readonly bytesRead: number;
}

/** What a helper thread is given. */
export interface ScanAssignment {
  readonly files: readonly RolloutFile[];
  readonly rules: Rules;
  readonly thorough: boolean;
  readonly tickets: SharedArrayBuffer;
}

/** Below this a helper costs more than it brings. */
const MIN_FILES_FOR_HELPERS = 200;
const MIN_BYTES_FOR_HELPERS = 64 * 1024 * 1024;

function scanTogether(files: readonly RolloutFile[], options: ScanOptions): readonly (Outcome | undefined)[] {
  const outcomes: (Outcome | undefined)[] = Array.from({ length: files.length });
  const tickets = new Tickets(files.length);
  const { rules, thorough } = options;
  const helpers = startHelpers(files, { files, rules, thorough, tickets: tickets.memory }, options.jobs);
  const receive = (texts: readonly string[]): void => {
    for (const text of texts) {
      for (const [index, outcome] of JSON.parse(text) as Share) {
        outcomes[index] = outcome;
        options.advance?.(files[index]?.sizeBytes ?? 0);
      }
    }
  };
  for (const index of tickets.take()) {
    const file = files[index];
    if (file === undefined) continue;
    outcomes[index] = scanOne(file, options);
    options.advance?.(file.sizeBytes);
    for (const helper of helpers) receive(helper.collect());
  }
  for (const helper of helpers) receive(helper.finish());
  // What a helper took and did not bring back is done here.
  for (const [index, file] of files.entries()) outcomes[index] ??= scanOne(file, options);
  return outcomes;
}

function startHelpers(
  files: readonly RolloutFile[],
  assignment: ScanAssignment,
  jobs: number | undefined,
): readonly Helper[] {
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (files.length < MIN_FILES_FOR_HELPERS || bytes < MIN_BYTES_FOR_HELPERS) return [];
  const module = new URL("scan-worker.js", import.meta.url);
  return Array.from({ length: helperCount(jobs) }, () => startHelper(module, assignment));
}

/** Pairs of file index and outcome. */
type Share = readonly (readonly [number, Outcome])[];
const SHARE_FILES = 64;

/** A helper's part of the work, in pieces small enough to be sent on at once. */
export function* scanShare({ files, rules, thorough, tickets }: ScanAssignment): Generator<Share> {
  let share: (readonly [number, Outcome])[] = [];
  for (const index of new Tickets(files.length, tickets).take()) {
    const file = files[index];
    if (file !== undefined) share.push([index, scanOne(file, { rules, thorough })]);
    if (share.length < SHARE_FILES) continue;
    yield share;
    share = [];
  }
  yield share;
}

function scanOne(file: RolloutFile, { rules, thorough }: Pick<ScanOptions, "rules" | "thorough">): Outcome {
  const path = file.logicalPath;
  if (file.sizeBytes === 0) return { rejected: { path, reason: "it is empty", indexed: false }, bytesRead: 0 };
  try {
    const { result, lastLineMs, broken, head, bytesRead } = extractFacts(file, rules, { thorough });
    if (!result.ok) {
      const reason = broken === undefined ? result.reason : broken.message;
      return { rejected: { path, reason, offset: broken?.offset, indexed: false }, head, bytesRead };
    }
    if (broken === undefined) return { facts: result.facts, lastLineMs, head, bytesRead };
    // Codex gives up on a compressed file that does not decode to its end; what precedes the break is better than nothing.
    const reject = { path, reason: broken.message, offset: broken.offset, indexed: rules.best };
    if (!rules.best) return { rejected: reject, head, bytesRead };
    return { facts: result.facts, lastLineMs, rejected: reject, head, bytesRead };
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return { rejected: { path, reason: error.message, offset: error.place.offset, indexed: false }, bytesRead: 0 };
  }
}

/** What discovery itself had to say about things that are no rollouts. */
export function rejectedByDiscovery(discovery: Discovery): readonly Rejected[] {
  return discovery.problems.map(({ path, message }) => ({ path, reason: message, indexed: false }));
}
