/**
 * Who else is at work on the files of a unit. A writer that takes no lock, as those before 0.148, is still seen by the file that it has
 * open, where the system tells; a connection to a database by SQLite's own lock; and one that has gone by the log that it has left.
 */
import { isSameFile, lookAtPath } from "../compressor/files.ts";
import { RolloutError } from "../errors.ts";
import { isDatabaseInUse } from "../indexer/guard.ts";
import { heldForWriting } from "../io/holders.ts";
import type { PlannedStep } from "./planned.ts";
import { isApplied, isCopy, retiredBy, type StepState } from "./steps.ts";

/**
 * Whatever has the paths of a unit now may go either way: nobody may be writing to it, which nothing can force.
 * @throws RolloutError `busy`.
 */
export function requireUnused(steps: readonly PlannedStep[]): void {
  const there = steps.flatMap(({ step }) => {
    if (!("path" in step) || step.kind === "move") return [];
    const look = lookAtPath(step.path);
    return look === undefined ? [] : [{ path: step.path, id: look.id }];
  });
  if (there.length === 0) return;
  const held = heldForWriting(new Set(there.map(({ id }) => id)));
  const used = there.find(({ path, id }) => held?.has(id) === true || (isDatabase(path) && isDatabaseInUse(path)));
  if (used !== undefined) throw busy(used.path);
}

/** Of a file that was copied to where it is kept the number may be another's by now. @throws RolloutError `busy`. */
export function requireAsideUnheld(steps: readonly PlannedStep[]): void {
  const aside = steps.flatMap((planned) => {
    const look = retiredBy(planned);
    const isThere = planned.backup !== undefined && isSameFile(lookAtPath(planned.backup), look);
    return look !== undefined && isThere && "path" in planned.step ? [{ path: planned.step.path, id: look.id }] : [];
  });
  if (aside.length === 0) return;
  const held = heldForWriting(new Set(aside.map(({ id }) => id)));
  const used = aside.find(({ id }) => held?.has(id) === true);
  if (used !== undefined) throw busy(used.path);
}

function busy(path: string): RolloutError {
  return new RolloutError("busy", "another process has the file open for writing", {
    path,
    hint: "close it there and run again",
  });
}

/** The database of a unit that was cut off, if somebody has written to it since: neither an old log nor an old file fits it now. */
export function databaseWrittenTo(
  states: readonly { readonly planned: PlannedStep; readonly state: StepState }[],
): PlannedStep | undefined {
  const mains = states.filter(({ planned: { step } }) => "path" in step && isDatabase(step.path));
  const pending = states.flatMap(({ planned, state }) => (state.startsWith("pending") ? [planned] : []));
  const written = mains.find(({ planned }) => pending.includes(planned) && hasForeignLog(planned, pending));
  if (written !== undefined) return written.planned;
  if (!states.some(({ planned, state }) => isLog(planned) && isApplied(state))) return undefined;
  return mains.find(({ planned, state }) => state.endsWith("-changed") && !isAsItWas(planned))?.planned;
}

/** Whether there are commits to a database that no step takes away: they belong to nothing but the file as it is now. */
export function hasForeignLog({ step }: PlannedStep, steps: readonly PlannedStep[]): boolean {
  if (!("path" in step) || !isDatabase(step.path)) return false;
  const removed = new Set(steps.flatMap((other) => (other.step.kind === "remove" ? [other.step.path] : [])));
  return ["-wal", "-journal"].some((suffix) => {
    const path = step.path + suffix;
    return !removed.has(path) && (lookAtPath(path)?.sizeBytes ?? 0) > 0;
  });
}

/** Taken back already, by a run that was killed before it came to the log. */
function isAsItWas({ step }: PlannedStep): boolean {
  if (!("look" in step)) return false;
  return isCopy(lookAtPath(step.path), step.look);
}

function isDatabase(path: string): boolean {
  return path.endsWith(".sqlite");
}

function isLog({ step }: PlannedStep): boolean {
  return step.kind === "remove" && /-(?:wal|shm|journal)$/.test(step.path);
}
