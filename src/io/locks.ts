/**
 * Advisory locks as Codex takes them, and a look at who else has a file open. The only importer of the flock binding.
 * Codex uses whole-file `flock` locks; a POSIX record lock does not conflict with those (state-and-compression §4.6),
 * while SQLite's own locks are POSIX record locks: each needs its own probe.
 */
import { closeSync, constants, lstatSync, mkdirSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { errnoOf } from "../errors.ts";
import { fileError, lstatOrUndefined } from "./files.ts";

interface FlockBinding {
  flockSync(fd: number, operation: "exnb" | "shnb" | "un"): void;
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

/** Bytes of a database file that SQLite's locks are on, whatever the size of the file. */
const SQLITE_LOCKS = { first: 0x4000_0000, last: 0x4000_01ff } as const;

/**
 * True when another process has a SQLite connection on this database: every connection in WAL mode keeps a shared POSIX
 * lock on the main file (observed §2). Told by the kernel's list of locks, since Node cannot try such a lock and trying
 * one would drop those of this process. Undefined where there is no such list, which is elsewhere than on Linux.
 */
export function hasSqliteConnection(path: string): boolean | undefined {
  let inode: bigint;
  let self: string;
  let list: string;
  try {
    self = readlinkSync("/proc/self");
    inode = lstatSync(path, { bigint: true }).ino;
    list = readFileSync("/proc/locks", "utf8");
  } catch {
    return lstatOrUndefined("/proc/locks") === undefined ? undefined : false;
  }
  return list.split("\n").some((line) => {
    // 1: POSIX  ADVISORY  READ 4711 fe:00:131 1073741826 1073742335
    const [, kind, , , pid, place = "", first] = line.split(/\s+/);
    // The device is not compared: some file systems give another one here than to stat.
    const isHere = kind === "POSIX" && place.endsWith(`:${inode}`) && pid !== self;
    return isHere && Number(first) >= SQLITE_LOCKS.first && Number(first) <= SQLITE_LOCKS.last;
  });
}
