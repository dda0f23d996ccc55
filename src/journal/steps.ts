/**
 * How each kind of step is judged, carried out and undone. All three can be repeated: a process may be killed between any two changes
 * of the file system, and the next one goes by what it finds.
 */
import { hasSameContent, isSameFile, isThere, type Look, lookAtPath, nameWithoutClobber } from "../compressor/files.ts";
import { assert, RolloutError } from "../errors.ts";
import { lstatOrUndefined, removeIfThere } from "../io/files.ts";
import type { PlannedStep } from "./planned.ts";
import { keepAs, makeFolders, missingFolders, moveOver, moveTo, removeEmptyFolders } from "./place.ts";
import { applyRows, forgetRows, revertRows, rowsState } from "./rows.ts";
import type { Step } from "./types.ts";

/**
 * `pending`: not carried out, and can be. `applied`: carried out, and can be undone. `pending-changed`, `applied-changed`: what it
 * found or made has been changed since, or what it was to put there is gone, so that it can only stay as it is. `foreign`: neither, so that nothing can be said.
 */
export type StepState = "pending" | "applied" | "pending-changed" | "applied-changed" | "foreign";

interface Handling<S extends Step> {
  state(step: S, planned: PlannedStep): StepState;
  apply(step: S, planned: PlannedStep): void;
  revert(step: S, planned: PlannedStep): void;
}

type Handlings = { readonly [K in Step["kind"]]: Handling<Extract<Step, { kind: K }>> };

const HANDLINGS: Handlings = {
  replace: {
    state({ path, look, staged }, { backup }) {
      const there = lookAtPath(path);
      const which = whichOf(there, look, staged.look);
      if (which === undefined) return "foreign";
      if (which === "old") return isThere(staged.temporary) ? keptState("pending", there, look) : "pending-changed";
      // Without the old file, or beside commits that belong to the new one, it can only stay.
      if (!isThere(backupOf(backup)) || hasLog(path)) return "applied-changed";
      return keptState("applied", there, staged.look);
    },
    apply({ path, staged }, { backup }) {
      keepAs(path, backupOf(backup));
      moveOver(staged.temporary, path);
    },
    revert({ path }, { backup }) {
      moveOver(backupOf(backup), path);
    },
  },
  create: {
    state({ path, staged }) {
      const there = lookAtPath(path);
      if (there === undefined) return isThere(staged.temporary) ? "pending" : "pending-changed";
      if (!isSameFile(there, staged.look) && !isCopy(there, staged.look)) return "foreign";
      return hasLog(path) ? "applied-changed" : keptState("applied", there, staged.look);
    },
    apply({ path, staged }, { folders }) {
      makeFolders(folders);
      if (!nameWithoutClobber(staged.temporary, path)) throw taken(path);
      removeIfThere(staged.temporary);
    },
    revert({ path }, { folders, backup }) {
      const kept = backupOf(backup);
      // It has its second name already when a run was killed between the two.
      if (isSameFile(lookAtPath(path), lookAtPath(kept))) removeIfThere(path);
      else if (isThere(path)) {
        // The folder goes with a run that has put nothing aside; a copy that a killed run has made is of the file that is still there.
        makeFolders(missingFolders(kept));
        removeIfThere(kept);
        moveTo(path, kept);
      }
      removeEmptyFolders(folders);
    },
  },
  remove: {
    state({ path, look }, { backup }) {
      const there = lookAtPath(path);
      if (isSameFile(there, look) || isCopy(there, look)) return keptState("pending", there, look);
      if (!isThere(backupOf(backup))) return "foreign";
      return there === undefined ? "applied" : "applied-changed";
    },
    apply({ path }, { backup }) {
      makeFolders(missingFolders(backupOf(backup)));
      // A name that a killed run gave it, or half of a copy.
      removeIfThere(backupOf(backup));
      moveTo(path, backupOf(backup));
    },
    revert({ path }, { backup }) {
      makeFolders(missingFolders(path));
      moveTo(backupOf(backup), path);
    },
  },
  move: {
    state({ path, target, look }) {
      const [there, moved] = [lookAtPath(path), lookAtPath(target)];
      const isMoved = isSameFile(moved, look) || isCopy(moved, look);
      if (isSameFile(there, look) || isCopy(there, look)) return moved === undefined || isMoved ? "pending" : "foreign";
      return isMoved && there === undefined ? "applied" : "foreign";
    },
    apply({ path, target, look }, { folders }) {
      makeFolders(folders);
      const moved = lookAtPath(target);
      // The second name, or the whole copy, is there already when a run was killed between the two.
      if (isSameFile(lookAtPath(path), moved) || isCopy(moved, look)) removeIfThere(path);
      else moveTo(path, target);
    },
    revert({ path, target }, { folders }) {
      makeFolders(missingFolders(path));
      moveTo(target, path);
      removeEmptyFolders(folders);
    },
  },
  rows: {
    state: ({ database, changes }) => {
      if (lstatOrUndefined(database) === undefined) return "foreign";
      const state = rowsState(database, changes);
      if (state === "other") return "applied-changed";
      return state === "after" ? "applied" : "pending";
    },
    apply: ({ database, changes }) => applyRows(database, changes),
    revert: ({ database, changes }) => void revertRows(database, changes),
  },
  forget: {
    // Nothing is lost either way: who needs these rows makes them.
    state: () => "pending",
    apply: ({ database, table, where }) => forgetRows(database, table, where),
    // By then there may be rows of the new file, which are wrong for the old one.
    revert({ database, table, where }) {
      if (isThere(database)) forgetRows(database, table, where);
    },
  },
};

export function stateOf(planned: PlannedStep): StepState {
  return handlingOf(planned.step).state(planned.step, planned);
}

export function applyStep(planned: PlannedStep): void {
  handlingOf(planned.step).apply(planned.step, planned);
}

export function revertStep(planned: PlannedStep): void {
  handlingOf(planned.step).revert(planned.step, planned);
}

/** Files whose bytes a step takes out of reach. */
export function retiredBy({ step }: PlannedStep): Look | undefined {
  return step.kind === "replace" || step.kind === "remove" ? step.look : undefined;
}

/** What is left of a step that was not carried out: files that were made for it. */
export function dropLeftovers({ step, backup }: PlannedStep, wasDone = false): void {
  // Taken back before anybody could go on with it; of one that was done it may be the only copy by now.
  if (step.kind === "create" && backup !== undefined && !wasDone) removeIfThere(backup);
  if (step.kind === "replace" || step.kind === "create") removeIfThere(step.staged.temporary);
  // Of one that was killed when its file had a second name already, and its first one still.
  const hasPath = step.kind === "replace" || step.kind === "remove";
  if (hasPath && backup !== undefined && isSameFile(lookAtPath(backup), lookAtPath(step.path))) removeIfThere(backup);
  if (step.kind === "move" && isTwice(step)) removeIfThere(step.target);
}

/** Under a second name, or copied to another disk, by a run that was killed before the first one went. */
function isTwice({ path, target, look }: Extract<Step, { kind: "move" }>): boolean {
  const [there, moved] = [lookAtPath(path), lookAtPath(target)];
  return isSameFile(there, moved) || ((isSameFile(there, look) || isCopy(there, look)) && isCopy(moved, look));
}

function handlingOf(step: Step): Handling<Step> {
  // Each handling takes the kind of step that it is filed under.
  return HANDLINGS[step.kind];
}

/** Whether the old or the new file has the name; undefined for any other, and where that cannot be told. */
function whichOf(there: Look | undefined, old: Look, made: Look): "old" | "new" | undefined {
  if (isSameFile(there, made)) return "new";
  if (isSameFile(there, old)) return "old";
  const [isNew, isOld] = [isCopy(there, made), isCopy(there, old)];
  if (isNew === isOld) return undefined;
  return isNew ? "new" : "old";
}

/**
 * A file that was brought over from another disk, or is known by other numbers after a restart: by its length and its time, which
 * copies have to the microsecond. A copy gets its name only when it is whole.
 */
export function isCopy(there: Look | undefined, look: Look): boolean {
  return there !== undefined && there.sizeBytes === look.sizeBytes && there.mtimeNs / 1000n === look.mtimeNs / 1000n;
}

/** Commits that the main file of a database does not have yet. */
function hasLog(path: string): boolean {
  const isLog = (suffix: string): boolean => (lookAtPath(path + suffix)?.sizeBytes ?? 0) > 0;
  return path.endsWith(".sqlite") && (isLog("-wal") || isLog("-journal"));
}

function keptState(state: "pending" | "applied", there: Look | undefined, wanted: Look): StepState {
  const isKept = there !== undefined && (hasSameContent(there, wanted) || isCopy(there, wanted));
  return isKept ? state : `${state}-changed`;
}

function backupOf(path: string | undefined): string {
  assert(path !== undefined, "a step that replaces or removes has a place for the old file");
  return path;
}

function taken(path: string): RolloutError {
  return new RolloutError("mismatch", "another file has this name by now", { path, hint: "run again" });
}

/** What a step is about: a file, or a database. */
export function pathOf({ step }: PlannedStep): string | undefined {
  return step.kind === "rows" || step.kind === "forget" ? step.database : step.path;
}

export function isApplied(state: StepState): boolean {
  return state === "applied" || state === "applied-changed";
}
