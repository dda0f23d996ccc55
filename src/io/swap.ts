/**
 * Putting a finished database file in the place of another, and keeping what was there. Knows SQLite's companions
 * (`-wal`, `-shm`, `-journal`), nothing of their content.
 *
 * Order decides what a killed process leaves behind: first the old files get a second name in the backup folder, then
 * the old companions go, then one rename puts the new file in place. A left-over `-wal` beside a new main file would be
 * corruption, so it has to go before; the old file is therefore checkpointed first wherever that is possible, and a
 * companion that goes then holds nothing any more.
 */
import { constants, copyFileSync, linkSync, mkdirSync, renameSync, rmdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoOf } from "../errors.ts";
import { fileError, fsyncFolder, lstatOrUndefined, removeIfThere } from "./files.ts";

const COMPANIONS = ["-wal", "-shm", "-journal"] as const;

/**
 * Creates `<root>/sqlite-<seconds>-<n>/`, where Codex itself keeps damaged databases (state-and-compression §3.4).
 * @returns its path.
 */
export function createBackupFolder(root: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    for (let n = 0; ; n++) {
      const folder = join(root, `sqlite-${seconds}-${n}`);
      try {
        mkdirSync(folder, { mode: 0o700 });
        return folder;
      } catch (error) {
        if (errnoOf(error) !== "EEXIST") throw error;
      }
    }
  } catch (error) {
    throw fileError(error, "write", root);
  }
}

/** Removes the folder again when nothing was put into it. */
export function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Something is in it, or it is gone already: both are as they should be.
  }
}

/** Gives a database and its companions a second name in `folder`; copies them where links are not possible. */
export function keepDatabase(path: string, folder: string): void {
  for (const suffix of ["", ...COMPANIONS]) keepFile(path + suffix, join(folder, basename(path) + suffix));
  fsyncFolder(folder);
}

function keepFile(source: string, target: string): void {
  if (lstatOrUndefined(source)?.isFile() !== true) return;
  try {
    linkSync(source, target);
  } catch {
    try {
      copyFileSync(source, target, constants.COPYFILE_EXCL);
    } catch (error) {
      throw fileError(error, "write", target);
    }
  }
}

/** Moves a database and its companions into `folder`, the main file last. */
export function moveDatabase(path: string, folder: string): void {
  for (const suffix of [...COMPANIONS, ""]) {
    if (lstatOrUndefined(path + suffix) === undefined) continue;
    try {
      renameSync(path + suffix, join(folder, basename(path) + suffix));
    } catch (error) {
      throw fileError(error, "write", path + suffix);
    }
  }
  fsyncFolder(folder);
  fsyncFolder(dirname(path));
}

/** Removes the companions of `path`, then renames the finished file to it. Both are brought to the disk. */
export function replaceDatabase(finished: string, path: string): void {
  removeIfThere(`${path}-shm`);
  removeIfThere(`${path}-wal`);
  removeIfThere(`${path}-journal`);
  try {
    renameSync(finished, path);
  } catch (error) {
    throw fileError(error, "write", path);
  }
  fsyncFolder(dirname(path));
}

/** Makes a folder and its parents. */
export function ensureFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileError(error, "write", path);
  }
}
