/**
 * Files that have to be made beside the place that they are for, since the folder of the run lies on another disk. A process may be killed
 * while it writes one: each is found again by a note in the folder of the run, or by the place that it was to be copied to.
 */
import { mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { RolloutError } from "../errors.ts";
import { fileError, listFolder, lstatOrUndefined, readWholeFile, removeIfThere, temporaryPath } from "../io/files.ts";
import type { Home } from "../readers/home.ts";
import { COPYING, removeEmptyFolders } from "./place.ts";
import { type PlannedStep, requireOwnFolders } from "./planned.ts";

interface Opened {
  readonly fd: number;
  readonly path: string;
}

const STAGED = "staged";
const NOTE = ".beside";
const NAME = /^\..+\.[0-9a-f]{12}\.partial$/;

/** A new file in the folder of the run. `number`: which of its files it is. */
export function openStaged(run: string, number: number, name: string): Opened {
  const path = join(run, STAGED, String(number), name);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return { fd: openSync(path, "wx+", 0o600), path };
  } catch (error) {
    throw fileError(error, "write", dirname(path));
  }
}

/** One beside `path`, noted before it is there. */
export function openBeside({ codexHome }: Home, run: string, number: number, path: string): Opened {
  const beside = temporaryPath(path);
  try {
    mkdirSync(join(run, STAGED), { recursive: true, mode: 0o700 });
    // Relative, as in the manifest: the home may have moved by then.
    writeFileSync(join(run, STAGED, `${number}${NOTE}`), relative(codexHome, beside), { mode: 0o600 });
    return { fd: openSync(beside, "wx+", 0o600), path: beside };
  } catch (error) {
    throw fileError(error, "write", path);
  }
}

/** What a run does not need once it is over: files that were never committed, and folders that hold nothing. */
export function tidyRun(home: Home, run: string): void {
  const staged = join(run, STAGED);
  if (lstatOrUndefined(staged)?.isDirectory() === true) {
    for (const entry of listFolder(staged)) {
      if (entry.isFile() && entry.name.endsWith(NOTE)) dropNoted(home, join(staged, entry.name));
    }
  }
  try {
    rmSync(staged, { recursive: true, force: true });
  } catch (error) {
    throw fileError(error, "remove", run);
  }
  removeEmptyFolders([run, join(run, "backup")]);
}

/** With what was made of it, whose name begins alike. A note that was cut off names nothing, and its file was never made. */
function dropNoted(home: Home, note: string): void {
  const text = readWholeFile(note).toString("utf8");
  const path = join(home.codexHome, text);
  if (text.includes("\0") || !NAME.test(basename(path)) || !isOwn(home, path)) return;
  dropFiles(dirname(path), (name) => name.startsWith(basename(path)));
}

function isOwn(home: Home, path: string): boolean {
  try {
    requireOwnFolders(home, path);
    return true;
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return false;
  }
}

/** Copies that were on their way to one of the places of a unit when it was cut off. Under its locks. */
export function dropCopies(steps: readonly PlannedStep[]): void {
  const names = new Map<string, Set<string>>();
  for (const { step, backup } of steps) {
    if (step.kind === "rows" || step.kind === "forget") continue;
    for (const path of [step.path, step.kind === "move" ? step.target : backup]) {
      if (path === undefined) continue;
      const own = names.get(dirname(path)) ?? new Set();
      names.set(dirname(path), own.add(basename(path)));
    }
  }
  for (const [folder, own] of names) {
    dropFiles(folder, (name) => {
      const at = name.lastIndexOf(COPYING);
      return (
        NAME.test(name) &&
        own.has(name.slice(1, at)) &&
        /^\.[0-9a-f]{12}\.partial$/.test(name.slice(at + COPYING.length))
      );
    });
  }
}

function dropFiles(folder: string, isLeft: (name: string) => boolean): void {
  if (lstatOrUndefined(folder)?.isDirectory() !== true) return;
  for (const entry of listFolder(folder))
    if (entry.isFile() && isLeft(entry.name)) removeIfThere(join(folder, entry.name));
}
