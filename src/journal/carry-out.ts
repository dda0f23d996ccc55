/** A planned unit carried out, gone on with, or undone, under the locks of its threads. All of it or nothing. */
import { lockThread } from "../compressor/thread-lock.ts";
import { RolloutError } from "../errors.ts";
import { removeIfThere } from "../io/files.ts";
import { heldForWriting } from "../io/holders.ts";
import type { HeldLock } from "../io/locks.ts";
import type { ManifestWriter, PlannedStep, PlannedUnit } from "./manifest.ts";
import { applyStep, dropLeftovers, retiredBy, revertStep, stateOf, type StepState } from "./steps.ts";

/** @throws RolloutError `busy` when a living writer has one of them. */
export function withThreads<T>(codexHome: string, threadIds: readonly string[], work: () => T): T {
  const locks: HeldLock[] = [];
  try {
    for (const id of threadIds) {
      const lock = lockThread(codexHome, id);
      if (lock === undefined) {
        throw new RolloutError("busy", `Codex has the thread ${id} open`, {
          hint: "close it there and run again; nothing was changed",
        });
      }
      locks.push(lock);
    }
    return work();
  } finally {
    for (const lock of locks.toReversed()) lock.release();
  }
}

/** @throws RolloutError `mismatch` or `busy` before anything is written to the manifest. */
export function requirePending({ steps }: PlannedUnit): void {
  for (const planned of steps) {
    if (stateOf(planned) === "pending") continue;
    throw new RolloutError("mismatch", "the home has changed since the plan was made", {
      path: pathOf(planned),
      hint: "run again; nothing was changed",
    });
  }
  requireUnheld(steps);
}

/** A writer that takes no lock, as those before 0.148, is still seen by its open file, where the system tells. */
function requireUnheld(steps: readonly PlannedStep[]): void {
  const looks = steps.flatMap((planned) => retiredBy(planned) ?? []);
  if (looks.length === 0) return;
  const held = heldForWriting(new Set(looks.map(({ id }) => id)));
  const step = steps.find((planned) => held?.has(retiredBy(planned)?.id ?? "") === true);
  if (step === undefined) return;
  throw new RolloutError("busy", "another process has the file open for writing", {
    path: pathOf(step),
    hint: "close it there and run again; nothing was changed",
  });
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
    requireUnheld(unit.steps);
  } catch (error) {
    takeBack(unit.steps.slice(0, applied));
    for (const planned of unit.steps) dropLeftovers(planned);
    writer.mark(unit.number, "undone");
    throw error;
  }
  finish(unit, writer);
}

function takeBack(steps: readonly PlannedStep[]): void {
  for (const planned of steps.toReversed()) {
    if (planned.step.kind === "forget" || isApplied(stateOf(planned))) revertStep(planned);
  }
}

/** What was cut off, to one of its ends. */
export function settleUnit(
  unit: PlannedUnit,
  writer: ManifestWriter,
): { readonly outcome: "undone" | "finished" } | Stuck {
  const states = unit.steps.map((planned) => ({ planned, state: stateOf(planned) }));
  if (states.every(({ planned, state }) => canBeUndone(planned, state))) {
    takeBack(unit.steps);
    for (const planned of unit.steps) dropLeftovers(planned);
    writer.mark(unit.number, "undone");
    return { outcome: "undone" };
  }
  if (states.every(({ state }) => state === "pending" || isApplied(state))) {
    for (const { planned, state } of states) if (state === "pending") applyStep(planned);
    finish(unit, writer);
    return { outcome: "finished" };
  }
  const inTheWay = states.find(({ planned, state }) => !canBeUndone(planned, state));
  return { outcome: "stuck", path: inTheWay === undefined ? undefined : pathOf(inTheWay.planned) };
}

interface Stuck {
  readonly outcome: "stuck";
  readonly path: string | undefined;
}

/** Everything of a unit that is done. The caller has seen that it can be. */
export function undoUnit(unit: PlannedUnit, writer: ManifestWriter): void {
  writer.mark(unit.number, "undoing");
  takeBack(unit.steps);
  writer.mark(unit.number, "undone");
}

/** The first step that undoing would lose something by; undefined when there is none. */
export function obstacle({ steps }: PlannedUnit): PlannedStep | undefined {
  return steps.find((planned) => planned.step.kind !== "forget" && !canBeUndone(planned, stateOf(planned)));
}

function canBeUndone({ step }: PlannedStep, state: StepState): boolean {
  // Rows that have changed since keep what they have; lists may then be older than the files, which reindex mends.
  if (step.kind === "rows") return state !== "foreign";
  return state === "pending" || state === "pending-changed" || state === "applied";
}

function isApplied(state: StepState): boolean {
  return state === "applied" || state === "applied-changed";
}

function finish(unit: PlannedUnit, writer: ManifestWriter): void {
  writer.mark(unit.number, "done");
  purge(unit);
  for (const { step } of unit.steps) if (step.kind === "create") removeIfThere(step.staged.temporary);
}

/** What was removed for good, once nothing can fail any more. */
export function purge({ steps }: PlannedUnit): void {
  for (const { step, backup } of steps) {
    if (step.kind === "remove" && step.forGood === true && backup !== undefined) removeIfThere(backup);
  }
}

function pathOf({ step }: PlannedStep): string | undefined {
  return step.kind === "rows" || step.kind === "forget" ? step.database : step.path;
}
