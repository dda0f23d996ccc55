/**
 * The few steps on files that compressing and decompressing share: opening what may be replaced, telling whether it has
 * changed, and giving a finished file its name without ever taking the place of another.
 */
import * as fs from "node:fs";
import { dirname } from "node:path";
import { errnoOf } from "../errors.ts";
import { fileError, finishFile, fsyncFolder, lstatOrUndefined, openRegularFile, removeIfThere } from "../io/files.ts";
import { fileId } from "../io/holders.ts";

/** What a file was when it was looked at. Times are in nanoseconds, sizes in bytes. */
export interface Look {
  /** Tells the file apart from all others, whatever it is called. */
  readonly id: string;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly mode: number;
  readonly links: number;
  readonly isFile: boolean;
  readonly owner: string;
}

export interface OpenSource {
  readonly path: string;
  readonly fd: number;
  readonly look: Look;
}

/** Opens a regular file that may be replaced: no link is followed. @throws RolloutError as `openRegularFile` does. */
export function openSource(path: string): OpenSource {
  const { fd } = openRegularFile(path, { followLinks: false });
  return { path, fd, look: lookAt(fd) };
}

/** Opens two files for as long as the work on them takes. @throws RolloutError as `openSource` does. */
export function withSources<T>(a: string, b: string, work: (a: OpenSource, b: OpenSource) => T): T {
  const first = openSource(a);
  try {
    const second = openSource(b);
    try {
      return work(first, second);
    } finally {
      fs.closeSync(second.fd);
    }
  } finally {
    fs.closeSync(first.fd);
  }
}

export function lookAt(fd: number): Look {
  return lookOf(fs.fstatSync(fd, { bigint: true }));
}

function lookOf(stat: fs.BigIntStats): Look {
  return {
    id: fileId(stat),
    sizeBytes: Number(stat.size),
    mtimeNs: stat.mtimeNs,
    mode: Number(stat.mode) & 0o7777,
    links: Number(stat.nlink),
    isFile: stat.isFile(),
    owner: `${stat.uid}:${stat.gid}`,
  };
}

/** The path's own look, no link followed; undefined when nothing is there. */
export function lookAtPath(path: string): Look | undefined {
  try {
    return lookOf(fs.lstatSync(path, { bigint: true }));
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw fileError(error, "read", path);
  }
}

export function isSameFile(a: Look | undefined, b: Look | undefined): boolean {
  return a !== undefined && b !== undefined && a.id === b.id;
}

/** Length, time, permissions: what Codex looks at again before it publishes (state-and-compression §4.2). */
export function isUnchanged(source: OpenSource): boolean {
  const [now, there] = [lookAt(source.fd), lookAtPath(source.path)];
  return isSameFile(there, source.look) && hasSameContent(now, source.look) && now.mode === source.look.mode;
}

/** As far as length and time tell. */
export function hasSameContent(now: Look, before: Look): boolean {
  return now.sizeBytes === before.sizeBytes && now.mtimeNs === before.mtimeNs;
}

/**
 * Gives a finished temporary file owner, mode and time of the one that it stands for, and brings it to the disk.
 * @returns false when the owner cannot be given; all else is done then, too.
 */
export function inherit(fd: number, look: Look, path: string): boolean {
  let isOwned = true;
  if (lookAt(fd).owner !== look.owner) {
    const [user = "", group = ""] = look.owner.split(":");
    try {
      fs.fchownSync(fd, Number(user), Number(group));
    } catch {
      isOwned = false;
    }
  }
  // Times travel as floating seconds and are cut to microseconds: from the middle of one nothing slips into the one before.
  finishFile(fd, { mode: look.mode, mtimeMs: (Number(look.mtimeNs / 1000n) + 0.5) / 1000 }, path);
  return isOwned;
}

/**
 * A second name for a file; false when that name is taken. Where the file system knows no second names the first one goes.
 * The folder is brought to the disk, unless the caller does that, for several files at once.
 */
export function nameWithoutClobber(from: string, to: string, sync: "sync" | "later" = "sync"): boolean {
  try {
    fs.linkSync(from, to);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "ENOSYS"].includes(errnoOf(error) ?? "")) {
      throw fileError(error, "write", to);
    }
    return moveWithoutClobber(from, to);
  }
  if (sync === "sync") fsyncFolder(dirname(to));
  return true;
}

/** The name is taken first, by an empty file, which the rename then replaces: nobody else can have put anything there. */
function moveWithoutClobber(from: string, to: string): boolean {
  try {
    fs.closeSync(fs.openSync(to, "wx", 0o600));
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw fileError(error, "write", to);
  }
  try {
    fs.renameSync(from, to);
  } catch (error) {
    removeIfThere(to);
    throw fileError(error, "write", to);
  }
  fsyncFolder(dirname(to));
  return true;
}

/** The caller brings the folder to the disk. */
export function rename(from: string, to: string): void {
  try {
    fs.renameSync(from, to);
  } catch (error) {
    throw fileError(error, "write", from);
  }
}

/** Adds bytes at the end of a file, as a writer of its own would. */
export function openForAppend(path: string): number {
  try {
    return fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_APPEND);
  } catch (error) {
    throw fileError(error, "write", path);
  }
}

export function isThere(path: string): boolean {
  return lstatOrUndefined(path) !== undefined;
}
