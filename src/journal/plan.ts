/** A unit as it goes into the manifest: where its old files go, which folders it needs, and whether all of it stays in the home. */
import { basename, join } from "node:path";
import type { Home } from "../readers/home.ts";
import { missingFolders } from "./place.ts";
import { type PlannedStep, type PlannedUnit, requireOwnUnit } from "./planned.ts";
import type { Unit } from "./types.ts";

/** @throws RolloutError `unsupported` when a folder on the way is a link. */
export function planUnit(home: Home, folder: string, number: number, unit: Unit): PlannedUnit {
  const { title, threadIds, notes } = unit;
  const steps = unit.steps.map((step, index): PlannedStep => {
    // Of a new file too: by the time that an undo takes it away it may be the only copy.
    const hasBackup = step.kind === "replace" || step.kind === "remove" || step.kind === "create";
    const backup = hasBackup ? join(folder, "backup", `${number}-${index}-${basename(step.path)}`) : undefined;
    const made = step.kind === "create" ? step.path : step.kind === "move" ? step.target : undefined;
    return { step, backup, folders: made === undefined ? [] : missingFolders(made) };
  });
  const planned = { number, title, threadIds: [...new Set(threadIds)].toSorted(), steps, notes };
  requireOwnUnit(home, folder, planned);
  return planned;
}
