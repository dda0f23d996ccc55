/**
 * Before anything is written: is Codex at work on this home, and is another run of this tool? (state-and-compression §8.1)
 * Codex holds a lock per loaded thread from 0.148 on; every release keeps a connection to its databases.
 */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { listFolder, lstatOrUndefined, requireRealFolder } from "../io/files.ts";
import { type HeldLock, hasSqliteConnection, isLocked, tryLock } from "../io/locks.ts";
import { hasOtherConnection } from "../io/sqlite.ts";
import type { Home } from "../readers/home.ts";

/** Files whose open connections tell that Codex runs. */
const WATCHED = ["state_5.sqlite", "thread_history_1.sqlite"] as const;

/** What somebody else holds, in words for a message; empty when the home is free. */
export function holdersOf(home: Home): readonly string[] {
  return [...openThreads(home), ...openDatabases(home)];
}

function openThreads(home: Home): readonly string[] {
  const locks = join(home.codexHome, "thread-writer-locks");
  if (lstatOrUndefined(locks)?.isDirectory() === true) {
    const held = listFolder(locks).filter((entry) => entry.isFile() && isLocked(join(locks, entry.name)));
    if (held.length > 0) return [`${held.length} open ${held.length === 1 ? "thread" : "threads"}`];
  }
  return [];
}

function openDatabases(home: Home): readonly string[] {
  return WATCHED.filter((name) => isDatabaseInUse(join(home.sqliteHome, name)));
}

/** Whether another process has a connection to the database: as the system tells, or else as SQLite finds out. */
export function isDatabaseInUse(path: string): boolean {
  return hasSqliteConnection(path) ?? hasOtherConnection(path);
}

export interface GuardOptions {
  /** Go on although somebody uses the home. */
  readonly force: boolean;
  /** `leave`: the caller looks after the lock of each thread that it touches. Default `refuse`. */
  readonly openThreads?: "refuse" | "leave" | undefined;
}

/** Folders that a run writes into. A link there would lead its writes out of the home. */
function requireOwnFolders(home: Home): void {
  const folders = [
    join(home.codexHome, ".tmp"),
    join(home.sqliteHome, "db-backups"),
    join(home.sqliteHome, "rollout-tool"),
  ];
  for (const path of folders) requireRealFolder(path);
}

/**
 * Refuses while another process uses the home, and keeps other maintenance (Codex's compression and migration, another
 * reindex) out until released.
 * @throws RolloutError `busy`, or `unwritable` on a read-only home.
 */
export function claimHome(home: Home, options: GuardOptions): HeldLock {
  requireOwnFolders(home);
  const holders = options.force ? [] : options.openThreads === "leave" ? openDatabases(home) : holdersOf(home);
  if (holders.length > 0) {
    throw new RolloutError("busy", `another process is using this home (${holders.join(", ")})`, {
      path: home.codexHome,
      hint: "quit Codex (terminal, editor and desktop app) and run again, or pass --force if you are sure that none runs",
    });
  }
  const lock = tryLock(join(home.codexHome, ".tmp", "rollout-maintenance.lock"));
  if (lock === undefined) {
    throw new RolloutError("busy", "another maintenance run is at work on this home", {
      path: home.codexHome,
      hint: "wait until it has finished and run again",
    });
  }
  return lock;
}
