/**
 * The run: every check over a home, or over some of its rollouts. Writes nothing, and goes on whatever it finds.
 *
 *     each file, one pass ─► lines, ordinals, calls, turns ─┐
 *     what the passes told ─► places, chains, pairs ────────┼─► findings
 *     databases, names, locks, leftovers ───────────────────┘
 */
import { RolloutError } from "../errors.ts";
import { type PairState, lookAtPair } from "../compressor/pairs.ts";
import { isThreadBusy } from "../compressor/thread-lock.ts";
import { plainPath } from "../format/names.ts";
import type { Discovery, Home, RolloutFile } from "../readers/home.ts";
import { checkChains, type FindSource, sourcesOf } from "./chains.ts";
import type { Severity } from "./check.ts";
import { checkOf, FINDING_CODES, type FindingCode } from "./checks.ts";
import { checkNeighbours, checkStateDatabase } from "./databases.ts";
import { checkExpectedRows } from "./expected-rows.ts";
import { checkDocument, checkFile, type FileFacts } from "./file-check.ts";
import { type Finding, Findings, type Omitted } from "./findings.ts";
import { checkLeftovers } from "./leftovers.ts";
import { checkLocks } from "./locks.ts";
import { checkNames } from "./names.ts";
import { costOf, passOver } from "./pass.ts";
import { checkCopies, checkProblems } from "./places.ts";
import { checkProjection } from "./projection.ts";
import { checkRows, rolloutsOf } from "./rows.ts";

export interface VerifyOptions {
  /** Look for these alone. Default: all. */
  readonly only?: ReadonlySet<FindingCode> | undefined;
  /** Which share of the archives is decoded, by bytes, from 0 to 1. Plain files are always read whole. */
  readonly readData: number;
  /** Findings of one code in one file that are kept; the others are counted. Default 20. */
  readonly keep?: number | undefined;
  /** Longer lines are not decoded. Default: what fits into one string. */
  readonly maxLineBytes?: number | undefined;
  /** Threads to use; undefined: as the machine allows. */
  readonly jobs?: number | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** From 0 to 1, for the choice of archives. Default: by chance. */
  readonly random?: (() => number) | undefined;
  readonly progress?: ((label: string, totalBytes: number) => Bar) | undefined;
  /** The caller keeps every other run of maintenance away from the home: what one leaves behind is told. Default false. */
  readonly holdsHome?: boolean | undefined;
}

interface Bar {
  advance(bytes: number): void;
  end(): void;
}

export interface VerifyReport {
  readonly codexHome: string | undefined;
  readonly scope: "home" | "files";
  readonly findings: readonly Finding[];
  readonly omitted: readonly Omitted[];
  readonly counts: Readonly<Record<Severity, number>>;
  /** Codes that were met, in the order of the table, with how often. */
  readonly codes: Readonly<Partial<Record<FindingCode, number>>>;
  readonly files: {
    readonly rollouts: number;
    readonly documents: number;
    readonly archives: number;
    readonly archivesDecoded: number;
    readonly pairs: number;
  };
  /** Taken from the disk for the lines of rollouts. */
  readonly bytesRead: number;
  readonly durationMs: number;
}

/** Some rollouts, and how to find what they continue. */
export interface VerifyTarget {
  readonly codexHome: string | undefined;
  readonly files: readonly RolloutFile[];
  readonly documents: readonly string[];
  readonly problems: Discovery["problems"];
  /** All rollouts of the home, among which sources are looked for. */
  readonly others: readonly RolloutFile[];
}

/** Checks a whole home. @throws RolloutError `unreadable` when a root of it cannot be listed. */
export function verifyHome(home: Home, discovery: Discovery, options: VerifyOptions): VerifyReport {
  const startedMs = options.now();
  const findings = new Findings(options.only, options.keep);
  const { tell } = findings;
  const { codexHome, sqliteHome } = home;
  const isBusy = busyThreads(codexHome);
  const pass = readAll({ codexHome, ...discovery, others: [] }, findings, options);
  const { facts } = pass;
  const find = sourcesOf(facts);
  checkCopies(facts, tell);
  checkChains(facts, find, tell);
  const hidesThreads = discovery.problems.some(({ hidesThreads: hides }) => hides);
  const rollouts = rolloutsOf(facts, hidesThreads);
  const state = checkStateDatabase(sqliteHome, facts.length > 0, options.now(), tell);
  checkNeighbours(sqliteHome, tell);
  if (state !== undefined) {
    checkRows(home, state, rollouts, tell);
    if (findings.wants(["row-differs"])) {
      checkExpectedRows({ home, discovery, files: facts, find, isBusy, nowMs: options.now() }, tell);
    }
  }
  checkProjection(sqliteHome, find, tell);
  checkNames(codexHome, hidesThreads ? undefined : rollouts.threads, tell);
  const { holdsHome = false } = options;
  checkLeftovers(home, holdsHome, tell);
  checkLocks(codexHome, options.now(), holdsHome, tell);
  return report(
    { codexHome, scope: "home", startedMs, documents: discovery.documents.length },
    findings,
    pass,
    options,
  );
}

/** Checks some rollouts by themselves: all but databases, names, locks and leftovers of their home. */
export function verifyFiles(target: VerifyTarget, options: VerifyOptions): VerifyReport {
  const startedMs = options.now();
  const findings = new Findings(options.only, options.keep);
  const { codexHome } = target;
  const pass = readAll(target, findings, options);
  checkCopies(pass.facts, findings.tell);
  // Without a home nobody knows what else there is.
  if (codexHome !== undefined) checkChains(pass.facts, sourcesAmong(pass.facts, target.others), findings.tell);
  return report({ codexHome, scope: "files", startedMs, documents: target.documents.length }, findings, pass, options);
}

/** Sources that are no targets themselves are looked at when they are first asked for, their heads only. */
function sourcesAmong(facts: readonly FileFacts[], others: readonly RolloutFile[]): FindSource {
  const known = sourcesOf(facts);
  const looked = new Map<string, FileFacts>();
  const byId = new Map<string, RolloutFile>();
  for (const file of others) {
    const id = file.name?.rolloutId;
    if (id !== undefined && (!file.archived || !byId.has(id))) byId.set(id, file);
  }
  return (id) => {
    const found = known(id) ?? looked.get(id);
    const file = byId.get(id);
    if (found !== undefined || file === undefined) return found;
    const silent = { tell: () => undefined, isBusy: () => false, advance: () => undefined, decodes: false };
    const source = checkFile(file, silent);
    looked.set(id, source);
    return source;
  };
}

function busyThreads(codexHome: string): (threadId: string) => boolean {
  const known = new Map<string, boolean>();
  return (threadId) => {
    const found = known.get(threadId) ?? isThreadBusy(codexHome, threadId);
    known.set(threadId, found);
    return found;
  };
}

interface Pass {
  readonly facts: readonly FileFacts[];
  readonly archives: number;
  readonly archivesDecoded: number;
  readonly pairs: number;
}

function readAll(target: VerifyTarget, findings: Findings, options: VerifyOptions): Pass {
  const { tell } = findings;
  const { only, keep, maxLineBytes, jobs } = options;
  const archives = target.files.filter(({ path, logicalPath }) => path !== logicalPath);
  const decoded = chosenArchives(archives, options.readData, options.random ?? Math.random);
  const files = target.files.map((file) => ({ file, decodes: decoded.has(file) }));
  const bar = options.progress?.(
    "checking rollouts",
    files.reduce((sum, file) => sum + costOf(file), 0),
  );
  const advance = (bytes: number): void => bar?.advance(bytes);
  const facts = passOver(files, findings, { codexHome: target.codexHome, only, keep, maxLineBytes, jobs, advance });
  const pairs = target.files.filter(({ hasCompressedTwin }) => hasCompressedTwin);
  if (findings.wants(PAIR_CODES)) for (const file of pairs) checkPair(file, target.codexHome, findings);
  for (const path of target.documents) checkDocument(path, { tell, advance });
  checkProblems(target.problems, tell);
  bar?.end();
  return { facts, archives: archives.length, archivesDecoded: decoded.size, pairs: pairs.length };
}

/** By chance, so that one run after the other sees all of them in the end; at least as many bytes as were asked for. */
function chosenArchives(
  archives: readonly RolloutFile[],
  share: number,
  random: () => number,
): ReadonlySet<RolloutFile> {
  const wanted = share * archives.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const chosen = new Set<RolloutFile>();
  if (share <= 0) return chosen;
  const drawn = archives.map((file) => ({ file, rank: random() })).toSorted((a, b) => a.rank - b.rank);
  let bytes = 0;
  for (const { file } of drawn) {
    if (share < 1 && bytes >= wanted) break;
    chosen.add(file);
    bytes += file.sizeBytes;
  }
  return chosen;
}

const PAIRS: Readonly<Record<PairState, FindingCode>> = {
  equal: "pair-equal",
  plain_longer: "pair-plain-longer",
  archive_longer: "pair-archive-longer",
  different: "pair-different",
  archive_damaged: "pair-archive-damaged",
};
const PAIR_CODES = Object.values(PAIRS);

function checkPair({ path, sizeBytes }: RolloutFile, codexHome: string | undefined, { tell }: Findings): void {
  try {
    const candidate = { plainPath: plainPath(path), hasPlain: true, hasArchive: true, sizeBytes, codexHome };
    const { state, offset, message } = lookAtPair(candidate);
    tell(PAIRS[state], { path, offset }, message);
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    tell("file-unreadable", { path: error.place.path ?? path }, error.message);
  }
}

function report(
  head: Pick<VerifyReport, "codexHome" | "scope"> & { readonly startedMs: number; readonly documents: number },
  findings: Findings,
  pass: Pass,
  options: VerifyOptions,
): VerifyReport {
  const counts = { error: 0, warning: 0, note: 0 };
  const codes: Partial<Record<FindingCode, number>> = {};
  for (const code of FINDING_CODES) {
    const count = findings.counts.get(code);
    if (count === undefined) continue;
    codes[code] = count;
    counts[checkOf(code).severity] += count;
  }
  const { facts, archives, archivesDecoded, pairs } = pass;
  return {
    codexHome: head.codexHome,
    scope: head.scope,
    findings: findings.kept,
    omitted: findings.omitted(),
    counts,
    codes,
    files: { rollouts: facts.length, documents: head.documents, archives, archivesDecoded, pairs },
    bytesRead: facts.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    durationMs: options.now() - head.startedMs,
  };
}
