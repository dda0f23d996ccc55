/**
 * Advisory locks as Codex takes them, and a look at who else has a file open. The only importer of the flock binding.
 * Codex uses whole-file `flock` locks; a POSIX record lock does not conflict with those (state-and-compression §4.6),
 * while SQLite's own locks are POSIX record locks: each needs its own probe.
 */
import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { errnoOf } from "../errors.ts";
import { fileError } from "./files.ts";

interface FlockBinding {
  flockSync(fd: number, operation: "exnb" | "shnb" | "un"): void;
  fcntlSync(fd: number, command: "setlk", type: number): number;
  readonly constants: { readonly F_WRLCK?: number; readonly F_RDLCK?: number; readonly F_UNLCK?: number };
}

let loaded: FlockBinding | undefined;

/** Loaded on first use: reading commands never need it. */
function flockBinding(): FlockBinding {
  loaded ??= createRequire(import.meta.url)("fs-ext") as FlockBinding;
  return loaded;
}

export interface HeldLock {
  readonly path: string;
  release(): void;
}

/**
 * Takes an exclusive lock without waiting. The file is created when it is absent and left behind afterwards, as Codex does.
 * @returns undefined when another process holds the lock.
 * @throws RolloutError `unwritable` when the lock file cannot be made.
 */
export function tryLock(path: string): HeldLock | undefined {
  let fd: number;
  try {
    mkdirSync(dirname(path), { recursive: true });
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (cause) {
    throw fileError(cause, "write", path);
  }
  if (!flockOrClose(fd)) return undefined;
  return { path, release: () => closeSync(fd) };
}

/** True when some process holds an exclusive `flock` on the file. An absent or unreadable file is not locked. */
export function isLocked(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  if (!flockOrClose(fd)) return true;
  closeSync(fd);
  return false;
}

function flockOrClose(fd: number): boolean {
  try {
    flockBinding().flockSync(fd, "exnb");
    return true;
  } catch (error) {
    closeSync(fd);
    const errno = errnoOf(error);
    if (errno === "EAGAIN" || errno === "EWOULDBLOCK" || errno === "EACCES") return false;
    throw error;
  }
}

/**
 * True when another process has a SQLite connection on this database: every connection in WAL mode keeps a shared POSIX
 * lock on the main file, so an exclusive one on the whole file is refused (observed §2). Call it only while this process
 * has no connection of its own: closing any descriptor drops all POSIX locks that the process holds on the file.
 */
export function hasSqliteConnection(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    const binding = flockBinding();
    binding.fcntlSync(fd, "setlk", binding.constants.F_WRLCK ?? 1);
    binding.fcntlSync(fd, "setlk", binding.constants.F_UNLCK ?? 2);
    return false;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EAGAIN" || errno === "EACCES") return true;
    return false;
  } finally {
    closeSync(fd);
  }
}
