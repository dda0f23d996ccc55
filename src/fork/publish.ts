/** A new file in the sessions of a home: written beside its place, on the disk, and then named, or nothing at all. */
import { closeSync, mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { nameWithoutClobber } from "../compressor/files.ts";
import { RolloutError } from "../errors.ts";
import {
  createTemporary,
  fileError,
  finishFile,
  fsyncFolder,
  lstatOrUndefined,
  removeIfThere,
  requireRealFolder,
} from "../io/files.ts";
import type { NewThread } from "./identity.ts";

/**
 * `write` fills the open file, and `check` reads it by its temporary path, once it is on the disk. Whatever fails, nothing stays
 * behind: neither the file nor a folder made for it.
 *
 * @throws RolloutError `unsupported` where a folder on the way is a link; `unwritable`, `disk-full`; what the two throw.
 */
export function publishRollout(
  codexHome: string,
  thread: NewThread,
  { write, check }: { readonly write: (fd: number) => void; readonly check: (path: string) => void },
): void {
  const made = makeFolders(codexHome, thread);
  let temporary: string | undefined;
  try {
    const file = createTemporary(thread.path);
    temporary = file.path;
    try {
      write(file.fd);
      finishFile(file.fd, { mode: 0o600 }, thread.path);
    } finally {
      closeSync(file.fd);
    }
    check(temporary);
    if (!nameWithoutClobber(temporary, thread.path)) {
      throw new RolloutError("mismatch", "a file of this name exists already", { path: thread.path });
    }
    removeIfThere(temporary);
  } catch (error) {
    if (temporary !== undefined) removeIfThere(temporary);
    for (const folder of made.toReversed()) removeIfEmpty(folder);
    throw fileError(error, "write", thread.path);
  }
}

/** Those that were not there. */
function makeFolders(codexHome: string, { folder }: NewThread): readonly string[] {
  const made: string[] = [];
  let path = codexHome;
  for (const name of folder.slice(codexHome.length + 1).split(/[/\\]/)) {
    const parent = path;
    path = join(path, name);
    requireRealFolder(path);
    if (lstatOrUndefined(path) !== undefined) continue;
    try {
      mkdirSync(path, { mode: 0o700 });
      fsyncFolder(parent);
    } catch (error) {
      throw fileError(error, "write", path);
    }
    made.push(path);
  }
  return made;
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Somebody else uses it by now.
  }
}
