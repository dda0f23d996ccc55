/** A unit as it stands in the manifest, and whether all of it stays within the home, whoever wrote it. */
import { dirname, join, relative, sep } from "node:path";
import { RolloutError } from "../errors.ts";
import { requireRealFolder } from "../io/files.ts";
import type { Home } from "../readers/home.ts";
import type { Step } from "./types.ts";

/** A step as it stands in the manifest: with the names that its old file gets, and the folders that are made for it. */
export interface PlannedStep {
  readonly step: Step;
  /** Absolute path in the folder of the run that the old file goes to; undefined for steps without one. */
  readonly backup: string | undefined;
  /** Absolute paths of folders that have to be made, from the outermost on. */
  readonly folders: readonly string[];
}

export interface PlannedUnit {
  readonly number: number;
  readonly title: string;
  readonly threadIds: readonly string[];
  readonly steps: readonly PlannedStep[];
  readonly notes: unknown;
}

/** What a thread may be called where its name becomes that of a lock file. */
const THREAD_ID = /^[0-9A-Za-z][\w.-]{0,127}$/;

/** `folder`: that of the run. @throws RolloutError `unsupported` when something of the unit lies elsewhere, or behind a link. */
export function requireOwnUnit(home: Home, folder: string, { steps, threadIds }: PlannedUnit): void {
  const kept = join(folder, "backup");
  requireOwnFolders(home, join(kept, "file"));
  for (const { step, backup, folders } of steps) {
    for (const path of [...pathsOf(step), ...folders]) requireOwnFolders(home, path);
    if (backup !== undefined && dirname(backup) !== kept) throw leadsOut(backup);
  }
  const odd = threadIds.find((id) => !THREAD_ID.test(id));
  if (odd !== undefined) throw leadsOut(odd);
}

function pathsOf(step: Step): readonly string[] {
  if (step.kind === "rows" || step.kind === "forget") return [step.database];
  const staged = "staged" in step ? [step.staged.temporary] : [];
  return step.kind === "move" ? [step.path, step.target] : [step.path, ...staged];
}

function leadsOut(path: string): RolloutError {
  return new RolloutError("unsupported", "a path leads out of the home, where nothing is written", { path });
}

/** The home's own folders may be links, such as `sessions` to a larger disk; below them nothing is followed. */
export function requireOwnFolders({ codexHome, sqliteHome }: Home, path: string): void {
  const root = [codexHome, sqliteHome].find((home) => path.startsWith(home + sep));
  if (root === undefined) throw leadsOut(path);
  const parts = relative(root, dirname(path)).split(sep);
  for (let count = 2; count <= parts.length; count += 1) {
    requireRealFolder(join(root, ...parts.slice(0, count)));
  }
}
