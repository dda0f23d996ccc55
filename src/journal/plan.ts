/** A unit as it goes into the manifest: where its old files go, which folders it needs, and whether all of it stays in the home. */
import { basename, dirname, join, relative, sep } from "node:path";
import { RolloutError } from "../errors.ts";
import { lstatOrUndefined } from "../io/files.ts";
import type { Home } from "../readers/home.ts";
import type { PlannedStep, PlannedUnit } from "./manifest.ts";
import { missingFolders } from "./place.ts";
import type { Step, Unit } from "./types.ts";

/** @throws RolloutError `unsupported` when a folder on the way is a link. */
export function planUnit(home: Home, folder: string, number: number, unit: Unit): PlannedUnit {
  const { title, threadIds, notes } = unit;
  const steps = unit.steps.map((step, index): PlannedStep => {
    for (const path of pathsOf(step)) requireOwnFolders(home, path);
    const hasBackup = step.kind === "replace" || step.kind === "remove";
    const backup = hasBackup ? join(folder, "backup", `${number}-${index}-${basename(step.path)}`) : undefined;
    const made = step.kind === "create" ? step.path : step.kind === "move" ? step.target : undefined;
    return { step, backup, folders: made === undefined ? [] : missingFolders(made) };
  });
  return { number, title, threadIds: [...new Set(threadIds)].toSorted(), steps, notes };
}

function pathsOf(step: Step): readonly string[] {
  if (step.kind === "rows" || step.kind === "forget") return [];
  return step.kind === "move" ? [step.path, step.target] : [step.path];
}

/** The home's own folders may be links, such as `sessions` to a larger disk; below them nothing is followed. */
export function requireOwnFolders({ codexHome, sqliteHome }: Home, path: string): void {
  const root = [codexHome, sqliteHome].find((home) => path.startsWith(home + sep));
  if (root === undefined)
    throw new RolloutError("unsupported", "a path leads out of the home, where nothing is written", { path });
  const parts = relative(root, dirname(path)).split(sep);
  for (let count = 2; count <= parts.length; count += 1) {
    const folder = join(root, ...parts.slice(0, count));
    const stat = lstatOrUndefined(folder);
    if (stat === undefined || stat.isDirectory()) continue;
    throw new RolloutError(
      "unsupported",
      "a folder that has to be written to is a link or a file, which is not followed",
      {
        path: folder,
        hint: "move it away and run again; nothing was changed",
      },
    );
  }
}
