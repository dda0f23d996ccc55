/** A planned unit carried out, gone on with, or undone, under the locks of what it changes. All of it or nothing. */
import { join } from "node:path";
import { hasSameContent, isSameFile, lookAtPath } from "../compressor/files.ts";
import { lockNames, lockThread } from "../compressor/thread-lock.ts";
import { RolloutError } from "../errors.ts";
import { removeIfThere } from "../io/files.ts";
import type { HeldLock } from "../io/locks.ts";
import { type Home, SESSION_INDEX } from "../readers/home.ts";
import type { ManifestWriter, UnitState } from "./manifest.ts";
import { databaseWrittenTo, hasForeignLog, requireAsideUnheld, requireUnused } from "./in-use.ts";
import { dropCopies } from "./passing.ts";
import { dropPlaceholders } from "./placeholders.ts";
import type { PlannedStep, PlannedUnit } from "./planned.ts";
import { applyStep, dropLeftovers, isApplied, pathOf, revertStep, stateOf, type StepState } from "./steps.ts";

/**
 * Under the locks that Codex takes itself: those of the threads, and that of the list of names for a unit that changes it.
 * @throws RolloutError `busy` when a living writer has one of them.
 */
export function withLocks<T>({ codexHome }: Home, { threadIds, steps }: LockedUnit, work: () => T): T {
  const locks: HeldLock[] = [];
  const take = (lock: HeldLock | undefined, what: string): void => {
    if (lock === undefined) {
      throw new RolloutError("busy", `Codex has ${what} open`, {
        hint: "close it there and run again",
      });
    }
    locks.push(lock);
  };
  try {
    for (const id of threadIds) take(lockThread(codexHome, id), `the thread ${id}`);
    const names = join(codexHome, SESSION_INDEX);
    if (steps.some((planned) => pathOf(planned) === names)) take(lockNames(names), "the list of names");
    return work();
  } finally {
    for (const lock of locks.toReversed()) lock.release();
  }
}

type LockedUnit = Pick<PlannedUnit, "threadIds" | "steps">;

/** @throws RolloutError `mismatch` or `busy` before anything is written to the manifest. */
export function requirePending({ steps }: PlannedUnit): void {
  requireUnused(steps);
  for (const planned of steps) {
    if (stateOf(planned) === "pending" && !hasForeignLog(planned, steps)) continue;
    throw new RolloutError("mismatch", "the home has changed since the plan was made", {
      path: pathOf(planned),
      hint: "run again",
    });
  }
}

/** Writes the plan, carries it out, and writes that it is done; or brings everything back, and throws why. */
export function carryOut(unit: PlannedUnit, writer: ManifestWriter): void {
  writer.plan(unit);
  let applied = 0;
  try {
    for (const planned of unit.steps) {
      applied += 1;
      applyStep(planned);
    }
    // Who opened a file between the look and the change writes into what is put aside.
    requireAsideUnheld(unit.steps);
    requireKept(unit.steps);
    writer.mark(unit.number, "done");
  } catch (error) {
    const left = takeBack(unit.steps.slice(0, applied));
    if (left !== undefined) throw new HalfDone(left, error);
    for (const planned of unit.steps) dropLeftovers(planned);
    markUndone(unit, writer);
    throw error;
  }
  purge(unit);
  dropSecondNames(unit);
}

/** On a disk that is full, or gone, the next run sees as much by the files. */
function markUndone({ number }: PlannedUnit, writer: ManifestWriter): void {
  try {
    writer.mark(number, "undone");
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
  }
}

/** A unit that could be neither finished nor taken back. What is left of it stays, for the next run to try again. */
export class HalfDone extends RolloutError {
  constructor(left: PlannedStep, cause: unknown) {
    super("mismatch", "a change was cut off, and could not be taken back as a whole", {
      path: pathOf(left),
      hint: "what was there before is kept below rollout-tool/changes; the next run tries again",
      cause,
    });
  }
}

/** Somebody may have opened a file, written, and closed it again meanwhile: its second name shows that. */
function requireKept(steps: readonly PlannedStep[]): void {
  for (const { step, backup } of steps) {
    if ((step.kind !== "replace" && step.kind !== "remove") || backup === undefined) continue;
    const kept = lookAtPath(backup);
    if (kept === undefined || !isSameFile(kept, step.look) || hasSameContent(kept, step.look)) continue;
    throw new RolloutError("mismatch", "the file has changed while it was put aside", {
      path: step.path,
      hint: "run again; nothing was changed",
    });
  }
}

/** All steps that can be; returns the first of those that could not without losing something. */
function takeBack(steps: readonly PlannedStep[]): PlannedStep | undefined {
  let left: PlannedStep | undefined;
  for (const planned of steps.toReversed()) {
    try {
      if (!canBeTakenBack(planned)) left ??= planned;
    } catch (error) {
      if (!(error instanceof RolloutError) || error.code === "internal") throw error;
      left ??= planned;
    }
  }
  return left;
}

/** Takes it back, unless it has what nobody else has. */
function canBeTakenBack(planned: PlannedStep): boolean {
  const { step } = planned;
  const state = stateOf(planned);
  if (step.kind === "forget" || step.kind === "rows" ? state !== "foreign" : state === "applied") revertStep(planned);
  if (state !== "applied-changed" && state !== "foreign") return true;
  if (step.kind === "rows" || step.kind === "forget") return true;
  return state === "foreign" && "look" in step && isSameFile(lookAtPath(step.path), step.look);
}

/** What was cut off, to one of its ends. */
export function settleUnit(
  unit: PlannedUnit,
  was: UnitState,
  writer: ManifestWriter,
): { readonly outcome: "undone" | "finished" } | Stuck {
  dropPlaceholders(unit.steps);
  dropCopies(unit.steps);
  requireUnused(unit.steps);
  const states = unit.steps.map((planned) => ({ planned, state: stateOf(planned) }));
  const used = databaseWrittenTo(states);
  if (used !== undefined) return { outcome: "stuck", path: pathOf(used) };
  if (states.every(({ planned, state }) => canBeUndone(planned, state))) {
    const left = takeBack(unit.steps);
    if (left !== undefined) return { outcome: "stuck", path: pathOf(left) };
    for (const planned of unit.steps) dropLeftovers(planned, was === "undoing");
    writer.mark(unit.number, "undone");
    return { outcome: "undone" };
  }
  if (states.every(({ state }) => state === "pending" || isApplied(state))) {
    for (const { planned, state } of states) if (state === "pending") applyStep(planned);
    writer.mark(unit.number, "done");
    purge(unit);
    dropSecondNames(unit);
    return { outcome: "finished" };
  }
  const inTheWay = states.find(({ planned, state }) => !canBeUndone(planned, state));
  return { outcome: "stuck", path: inTheWay === undefined ? undefined : pathOf(inTheWay.planned) };
}

interface Stuck {
  readonly outcome: "stuck";
  readonly path: string | undefined;
}

/** Everything of a unit that is done. The caller has seen that it can be. @throws HalfDone when it could not. */
export function undoUnit(unit: PlannedUnit, writer: ManifestWriter): void {
  requireUnused(unit.steps);
  writer.mark(unit.number, "undoing");
  const left = takeBack(unit.steps);
  if (left !== undefined) throw new HalfDone(left, undefined);
  writer.mark(unit.number, "undone");
}

/** The first step that undoing would lose something by; undefined when there is none. */
export function obstacle({ steps }: PlannedUnit): PlannedStep | undefined {
  return steps.find((planned) => {
    const { kind } = planned.step;
    if (kind === "forget") return false;
    const state = stateOf(planned);
    // Of one that is done, what is not there any more has gone on elsewhere.
    return !canBeUndone(planned, state) || (kind === "create" && state !== "applied");
  });
}

function canBeUndone({ step }: PlannedStep, state: StepState): boolean {
  // Rows that have changed since keep what they have; lists may then be older than the files, which reindex mends.
  if (step.kind === "rows") return state !== "foreign";
  return state === "pending" || state === "pending-changed" || state === "applied";
}

function dropSecondNames({ steps }: PlannedUnit): void {
  for (const { step } of steps) if (step.kind === "create") removeIfThere(step.staged.temporary);
}

/** What was removed for good, once nothing can fail any more. */
export function purge({ steps }: PlannedUnit): void {
  for (const { step, backup } of steps) {
    if (step.kind === "remove" && step.forGood === true && backup !== undefined) removeIfThere(backup);
  }
}
