/**
 * Files from place to place, by their names alone where both are in one file system, else by a copy that is on the disk before the
 * first one goes. Nothing here takes the place of a file that it was not told of.
 */
import * as fs from "node:fs";
import { basename, dirname } from "node:path";
import { inherit, isSameFile, lookAt, lookAtPath, nameWithoutClobber, openSource } from "../compressor/files.ts";
import { errnoOf, RolloutError } from "../errors.ts";
import { copyBytes, createTemporary, fileError, fsyncFolder, lstatOrUndefined, removeIfThere } from "../io/files.ts";

/** A second name for a file, or a copy with its mode, owner and time (to the microsecond) where there can be none. */
export function keepAs(path: string, target: string): void {
  try {
    fs.linkSync(path, target);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") {
      if (isSameFile(lookAtPath(path), lookAtPath(target))) return;
      // Of a run that was killed: as long as the file has its own name, what is here is a copy of it, or not even that.
      removeIfThere(target);
    }
    copyAs(path, target);
  }
  fsyncFolder(dirname(target));
}

/** To a name that nobody has. @throws RolloutError `mismatch` when something has it. */
export function moveTo(path: string, target: string): void {
  try {
    if (!nameWithoutClobber(path, target)) throw nameTaken(target);
  } catch (error) {
    if (!isOtherDisk(error)) throw error;
    copyAs(path, target);
  }
  removeIfThere(path);
  fsyncFolder(dirname(target));
  fsyncFolder(dirname(path));
}

/** In the place of what has the name. */
export function moveOver(path: string, target: string): void {
  try {
    fs.renameSync(path, target);
  } catch (error) {
    if (errnoOf(error) !== "EXDEV") throw fileError(error, "write", target);
    const beside = copyBeside(path, target);
    fs.renameSync(beside, target);
    removeIfThere(path);
  }
  fsyncFolder(dirname(target));
  if (dirname(path) !== dirname(target)) fsyncFolder(dirname(path));
}

function copyAs(path: string, target: string): void {
  const beside = copyBeside(path, target);
  const isNamed = nameWithoutClobber(beside, target);
  removeIfThere(beside);
  if (!isNamed) throw nameTaken(target);
}

/** In the name of a copy that is not whole yet, behind that of its target. */
export const COPYING = ".copying";

function copyBeside(path: string, target: string): string {
  const source = openSource(path);
  const temporary = createTemporary(target + COPYING);
  try {
    copyBytes(source, { fd: temporary.fd, path: target });
    inherit(temporary.fd, lookAt(source.fd), target);
    return temporary.path;
  } catch (error) {
    removeIfThere(temporary.path);
    throw error;
  } finally {
    fs.closeSync(temporary.fd);
    fs.closeSync(source.fd);
  }
}

/** `fileError` keeps the system's own error as the cause. */
function isOtherDisk(error: unknown): boolean {
  return errnoOf(error) === "EXDEV" || (error instanceof RolloutError && errnoOf(error.cause) === "EXDEV");
}

function nameTaken(path: string): RolloutError {
  return new RolloutError("mismatch", `another file has the name ${basename(path)} by now`, {
    path,
    hint: "run again; nothing was changed",
  });
}

/** Folders on the way to `path` that are not there, from the outermost on. */
export function missingFolders(path: string): readonly string[] {
  const missing: string[] = [];
  for (let folder = dirname(path); lstatOrUndefined(folder) === undefined; folder = dirname(folder)) {
    missing.unshift(folder);
  }
  return missing;
}

export function makeFolders(folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      fs.mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw fileError(error, "write", folder);
    }
    fsyncFolder(dirname(folder));
  }
}

/** Those of the folders that hold nothing, the innermost first. */
export function removeEmptyFolders(folders: readonly string[]): void {
  for (const folder of folders.toReversed()) {
    try {
      fs.rmdirSync(folder);
    } catch {
      // Somebody uses it by now, or it was never made.
    }
  }
}
