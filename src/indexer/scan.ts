/**
 * All rollouts of a home to candidates for rows: discovery, extraction, and what could not be used, with its reason.
 * Files that are known unchanged since an earlier run are passed over (see `manifest.ts`).
 */
import { RolloutError } from "../errors.ts";
import type { Discovery, RolloutFile } from "../readers/home.ts";
import type { Candidate } from "./assemble.ts";
import { extractFacts } from "./extract.ts";
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
  /** Called after each file with its size. */
  readonly advance?: ((bytes: number) => void) | undefined;
}

/** Reads the given files, in the given order. Never throws for what is wrong with one of them. */
export function scanRollouts(files: readonly RolloutFile[], options: ScanOptions): Scan {
  const candidates: Candidate[] = [];
  const heads = new Map<string, string>();
  const rejected: Rejected[] = [];
  let bytesRead = 0;
  for (const file of files) {
    const outcome = scanOne(file, options);
    bytesRead += outcome.bytesRead;
    options.advance?.(file.sizeBytes);
    if (outcome.head !== undefined) heads.set(file.relativePath, outcome.head);
    if (outcome.candidate !== undefined) candidates.push(outcome.candidate);
    if (outcome.rejected !== undefined) rejected.push(outcome.rejected);
  }
  return { candidates, heads, rejected, bytesRead, filesRead: files.length };
}

interface Outcome {
  readonly candidate?: Candidate;
  readonly rejected?: Rejected;
  readonly head?: string;
  readonly bytesRead: number;
}

function scanOne(file: RolloutFile, { rules, thorough }: ScanOptions): Outcome {
  const path = file.logicalPath;
  if (file.sizeBytes === 0) return { rejected: { path, reason: "it is empty", indexed: false }, bytesRead: 0 };
  try {
    const { result, lastLineMs, broken, head, bytesRead } = extractFacts(file, rules, { thorough });
    if (!result.ok) {
      const reason = broken === undefined ? result.reason : broken.message;
      return { rejected: { path, reason, offset: broken?.offset, indexed: false }, head, bytesRead };
    }
    if (broken === undefined) return { candidate: { file, facts: result.facts, lastLineMs }, head, bytesRead };
    // Codex gives up on a compressed file that does not decode to its end; what precedes the break is better than nothing.
    const reject = { path, reason: broken.message, offset: broken.offset, indexed: rules.best };
    if (!rules.best) return { rejected: reject, head, bytesRead };
    return { candidate: { file, facts: result.facts, lastLineMs }, rejected: reject, head, bytesRead };
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return { rejected: { path, reason: error.message, offset: error.place.offset, indexed: false }, bytesRead: 0 };
  }
}

/** What discovery itself had to say about things that are no rollouts. */
export function rejectedByDiscovery(discovery: Discovery): readonly Rejected[] {
  return discovery.problems.map(({ path, message }) => ({ path, reason: message, indexed: false }));
}
