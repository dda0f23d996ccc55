/**
 * A new thread from an old one: the same history up to a cut, in a file of its own (rollout-format §7). Legacy threads are
 * copied; paginated ones are continued where they lie, or copied where their files may not stay.
 *
 *     source ──► cut ──► copy or reference ──► written, proven, named ──► its row in the index
 *
 * The source is never written to. What is new is on the disk and proven to give the history that it should before it has a
 * name, so that a run that fails leaves nothing, or a whole thread without a row, which Codex finds by itself.
 */
import { isThreadBusy, lockThread, requireLockFolder } from "../compressor/thread-lock.ts";
import { RolloutError } from "../errors.ts";
import type { HeldLock } from "../io/locks.ts";
import type { Home } from "../readers/home.ts";
import { type ProofSummary, summaryOf } from "../proof/proof.ts";
import { type BodyOptions, bodyLines } from "./body.ts";
import { type KeptPart, keptPart } from "./cut.ts";
import { type NewThread, newThread } from "./identity.ts";
import { type AgentVersion, inheritance } from "./inherit.ts";
import { agentVersion, closingRecords, type Draft, newMeta, settingsRecord } from "./meta.ts";
import { expectation, prove, proveReference } from "./proof.ts";
import { publishRollout } from "./publish.ts";
import { planReference } from "./reference.ts";
import { foreseeRow, writeRow } from "./row.ts";
import type { SourceScan } from "./scan.ts";
import { type ForkSource, openSource, scanSource } from "./source.ts";
import type { ForkBase, ForkKind, ForkOptions, ForkReport, ForkRow } from "./types.ts";
import { RolloutWriter } from "./write.ts";

/**
 * Forks the thread that the text finds, as `openThread` would.
 *
 * @throws RolloutError as `findThread`; `unsupported` for what cannot be forked, or not by reference; `not-found` for a turn
 * that is not there; `busy` when the new thread's lock cannot be taken; `mismatch` when the new history would be another one.
 */
export function forkThread(home: Home, text: string, options: ForkOptions = {}): ForkReport {
  const source = openSource(home, text, options);
  const scan = scanSource(source, options);
  const plan = planOf(source, scan, options);
  const thread = newThread(home.codexHome, options.nowMs ?? Date.now());
  const sourceIsOpen = isThreadBusy(home.codexHome, source.id);
  const job: Job = { source, scan, plan, thread };
  if (options.dryRun === true) return reportOf(job, { sourceIsOpen, ...dryRun(job) });
  const locks = takeLocks(home, thread, source, sourceIsOpen);
  try {
    const written = write(job);
    const row = writeRow(home, thread, plan.base === undefined ? [] : basesOf(source));
    return reportOf(job, { sourceIsOpen, row, ...written });
  } finally {
    for (const lock of locks) lock.release();
  }
}

interface Plan {
  readonly kind: ForkKind;
  readonly whyCopy: string | undefined;
  readonly base: ForkBase | undefined;
  readonly part: KeptPart;
  readonly agent: AgentVersion | undefined;
  readonly body: BodyOptions;
}

interface Job {
  readonly source: ForkSource;
  readonly scan: SourceScan;
  readonly plan: Plan;
  readonly thread: NewThread;
}

interface Written {
  readonly proof: ProofSummary | undefined;
  readonly linesCopied: number;
  readonly linesLeftOut: number;
  readonly bytesWritten: number;
}

/** @throws RolloutError `unsupported` when a reference is asked for and cannot be. */
function planOf(source: ForkSource, scan: SourceScan, options: ForkOptions): Plan {
  const kept = keptPart(options, scan, source.mode);
  const agent = options.asSubagent === true ? agentVersion(source, scan) : undefined;
  const part = agent === undefined ? kept : { ...kept, tellsModel: false };
  const inherits = agent === undefined ? undefined : inheritance(agent, source.mode);
  const rest = { part, agent, body: { inherits, withoutContext: part.start !== undefined } };
  const reference =
    agent === undefined
      ? planReference(source, part)
      : ({ ok: false, why: "what an agent inherits is always copied", isOrdinary: false } as const);
  if (options.kind === "copy") return { kind: "copy", whyCopy: undefined, base: undefined, ...rest };
  if (reference.ok) return { kind: "reference", whyCopy: undefined, base: reference.base, ...rest };
  if (options.kind === "reference") {
    throw new RolloutError("unsupported", `the fork cannot be a reference: ${reference.why}`, {
      path: source.found.logicalPath,
      hint: "leave --reference out to copy instead",
    });
  }
  return { kind: "copy", whyCopy: reference.isOrdinary ? undefined : reference.why, base: undefined, ...rest };
}

/**
 * The new thread's, as a live writer of it would hold it. The source's as well, so that nobody moves or compresses its files
 * meanwhile; a process that has it loaded only appends, and the fork ends before that.
 */
function takeLocks(home: Home, thread: NewThread, source: ForkSource, sourceIsOpen: boolean): readonly HeldLock[] {
  requireLockFolder(home.codexHome);
  const own = lockThread(home.codexHome, thread.id);
  if (own === undefined) {
    throw new RolloutError("busy", "the new thread's writer lock cannot be taken", {
      path: home.codexHome,
      hint: "another process holds the locks of this home; run again",
    });
  }
  const other = sourceIsOpen ? undefined : lockThread(home.codexHome, source.id);
  return other === undefined ? [own] : [other, own];
}

function basesOf({ chain }: ForkSource): readonly string[] {
  return chain.segments.map(({ logicalPath }) => logicalPath);
}

function write(job: Job): Written {
  const { source, thread, plan } = job;
  const own = ownRecords(job);
  const isCopy = plan.kind === "copy";
  const expected = isCopy ? expectation(source, plan.part, { thread, ...own, options: plan.body }) : undefined;
  const counts = { linesCopied: 0, linesLeftOut: 0, bytesWritten: 0 };
  publishRollout(source.home.codexHome, thread, {
    write: (fd) => {
      const writer = new RolloutWriter(fd, thread, firstOrdinal(source, plan.base));
      writer.record(own.first);
      if (isCopy) copyBody(job, writer, counts);
      for (const draft of own.last) writer.record(draft);
      writer.flush();
      counts.bytesWritten = writer.bytesWritten;
    },
    check: (path) => {
      if (expected === undefined) proveReference(source, path, plan.base);
      else prove(source, path, expected);
    },
  });
  return { proof: expected && summaryOf(expected), ...counts };
}

function firstOrdinal({ mode }: ForkSource, base: ForkBase | undefined): number | undefined {
  return mode === "legacy" ? undefined : (base?.endOrdinalExclusive ?? 0);
}

function copyBody(
  { source, plan }: Job,
  writer: RolloutWriter,
  counts: { linesCopied: number; linesLeftOut: number },
): void {
  for (const { bytes, kept } of bodyLines(source, plan.part, plan.body)) {
    if (kept && writer.copy(bytes)) counts.linesCopied += 1;
    else counts.linesLeftOut += 1;
  }
}

/** The records that only the new file has: in front of what is kept, and behind it. */
function ownRecords({ source, scan, plan, thread }: Job): { readonly first: Draft; readonly last: readonly Draft[] } {
  const { part, base, agent } = plan;
  const closing = part.open === undefined ? [] : closingRecords(part.open, part.tellsModel, thread);
  const settings = settingsRecord(scan, thread) ?? [];
  // An agent's own records begin with its settings; the interruption is still the parent's. A fork is closed by its own hand.
  const last = agent === undefined && source.mode === "paginated" ? [settings, closing] : [closing, settings];
  const startOrdinal =
    agent === undefined || source.mode === "legacy" ? undefined : 1 + inheritedLines(source, plan) + closing.length;
  const payload = newMeta({ source, scan, thread, base, agent: agent && { version: agent, startOrdinal } });
  return { first: { type: "session_meta", payload }, last: last.flat() };
}

function inheritedLines(source: ForkSource, { part, body }: Plan): number {
  let lines = 0;
  for (const { kept } of bodyLines(source, part, body)) if (kept) lines += 1;
  return lines;
}

/** Everything but the writing. */
function dryRun(job: Job): Written & { readonly row: ForkRow } {
  const { source, plan } = job;
  const counts = { linesCopied: 0, linesLeftOut: 0, bytesWritten: 0 };
  const row = foreseeRow(source.home);
  if (plan.kind === "reference") return { proof: undefined, ...counts, row };
  for (const { kept } of bodyLines(source, plan.part, plan.body)) counts[kept ? "linesCopied" : "linesLeftOut"] += 1;
  const expected = expectation(source, plan.part, { thread: job.thread, ...ownRecords(job), options: plan.body });
  return { proof: summaryOf(expected), ...counts, row };
}

function reportOf(
  { source, plan, thread }: Job,
  written: Written & { readonly sourceIsOpen: boolean; readonly row: ForkRow },
): ForkReport {
  const { proof, row, sourceIsOpen, linesCopied, linesLeftOut, bytesWritten } = written;
  const isWritten = bytesWritten > 0;
  return {
    source: { id: source.id, path: source.found.logicalPath, historyMode: source.mode },
    sourceIsOpen,
    dryRun: !isWritten,
    id: isWritten ? thread.id : undefined,
    path: isWritten ? thread.path : undefined,
    kind: plan.kind,
    whyCopy: plan.whyCopy,
    base: plan.base,
    turns: plan.part.turns,
    historyItems: proof?.history.items,
    proof,
    interruptedTurn: plan.part.open === undefined ? undefined : (plan.part.open.started?.turn_id ?? null),
    linesCopied,
    linesLeftOut,
    bytesWritten,
    row,
  };
}
