/**
 * The pass over all rollouts of a run: each file once (`file-check.ts`), by this thread and helpers that take their work from a
 * shared counter, the largest first. What a helper finds comes back as text; the outcome stands in the order of the files.
 */
import { isThreadBusy } from "../compressor/thread-lock.ts";
import { type Helper, helperCount, startHelper, Tickets } from "../io/workers.ts";
import type { RolloutFile } from "../readers/home.ts";
import type { FindingCode } from "./checks.ts";
import { checkFile, type FileFacts } from "./file-check.ts";
import { Findings, type FindingsShare } from "./findings.ts";
import { checkPlace } from "./places.ts";

export interface PassSettings {
  /** Its locks tell which threads are open. */
  readonly codexHome: string | undefined;
  readonly only: ReadonlySet<FindingCode> | undefined;
  readonly keep: number | undefined;
  readonly maxLineBytes: number | undefined;
}

export interface PassFile {
  readonly file: RolloutFile;
  /** Whether its lines are looked at, if it is compressed. */
  readonly decodes: boolean;
}

/** What became of one file. Plain data without the file, so that it can come from another thread as JSON. */
interface Outcome {
  readonly facts: Omit<FileFacts, "file">;
  readonly share: FindingsShare;
}

/** What a helper thread is given. */
export interface PassAssignment {
  readonly files: readonly PassFile[];
  readonly settings: PassSettings;
  readonly tickets: SharedArrayBuffer;
}

export interface PassOptions extends PassSettings {
  /** Threads to use, this one included; undefined: as the machine allows. */
  readonly jobs: number | undefined;
  readonly advance: (bytes: number) => void;
}

/** Below this a helper costs more than it brings. */
const MIN_BYTES_FOR_HELPERS = 32 * 1024 * 1024;

/** Checks all files; facts come in the order of the files. Never throws for what is wrong with one of them. */
export function passOver(files: readonly PassFile[], findings: Findings, options: PassOptions): readonly FileFacts[] {
  const { codexHome, only, keep, maxLineBytes, jobs, advance } = options;
  const settings = { codexHome, only, keep, maxLineBytes };
  const sorted = files.toSorted((a, b) => costOf(b) - costOf(a));
  const outcomes = new Map<RolloutFile, Outcome>();
  const tickets = new Tickets(sorted.length, undefined, 1);
  const helpers = startHelpers({ files: sorted, settings, tickets: tickets.memory }, jobs);
  const receive = (texts: readonly string[]): void => {
    for (const text of texts) {
      const [index, outcome] = JSON.parse(text) as Answer;
      const found = sorted[index];
      if (found === undefined) continue;
      outcomes.set(found.file, outcome);
      advance(costOf(found));
    }
  };
  for (const index of tickets.take()) {
    const found = sorted[index];
    if (found !== undefined) outcomes.set(found.file, checkOne(found, settings, advance));
    for (const helper of helpers) receive(helper.collect());
  }
  for (const helper of helpers) receive(helper.finish());
  return files.map((found) => {
    // What a helper took and did not bring back is done here.
    const { facts, share } = outcomes.get(found.file) ?? checkOne(found, settings, advance);
    findings.absorb(share);
    return { ...facts, file: found.file };
  });
}

/** Bytes that are read of a file. */
export function costOf({ file, decodes }: PassFile): number {
  return decodes || file.path === file.logicalPath ? file.sizeBytes : 0;
}

function startHelpers(assignment: PassAssignment, jobs: number | undefined): readonly Helper[] {
  const bytes = assignment.files.reduce((sum, found) => sum + costOf(found), 0);
  if (assignment.files.length < 2 || bytes < MIN_BYTES_FOR_HELPERS) return [];
  const module = new URL("pass-worker.js", import.meta.url);
  return Array.from({ length: helperCount(jobs) }, () => startHelper(module, assignment));
}

/** File index and outcome. */
type Answer = readonly [number, Outcome];

/** A helper's part of the work, answer by answer. */
export function* passShare({ files, settings, tickets }: PassAssignment): Generator<Answer> {
  for (const index of new Tickets(files.length, tickets, 1).take()) {
    const found = files[index];
    if (found !== undefined) yield [index, checkOne(found, settings, () => undefined)];
  }
}

function checkOne({ file, decodes }: PassFile, settings: PassSettings, advance: (bytes: number) => void): Outcome {
  const { codexHome, only, keep, maxLineBytes } = settings;
  const findings = new Findings(only, keep);
  const { tell } = findings;
  const isBusy = (threadId: string): boolean => codexHome !== undefined && isThreadBusy(codexHome, threadId);
  const facts = checkFile(file, { tell, isBusy, decodes, advance, maxLineBytes });
  checkPlace(facts, codexHome !== undefined, tell);
  return { facts, share: findings.share() };
}
