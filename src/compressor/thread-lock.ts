/**
 * The locks under which Codex writes a thread (state-and-compression §4.6) and the list of names (§5.4): taken for the moment in which
 * a file changes.
 */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { lstatOrUndefined, removeIfThere } from "../io/files.ts";
import { type HeldLock, isLocked, tryLock } from "../io/locks.ts";

const FOLDER = "thread-writer-locks";
/** Codex holds it for moments only. */
const TRIES = 100;
const PAUSE_MS = 10;

/** @throws RolloutError `unsupported` when the folder of locks is a link or a file. */
export function requireLockFolder(codexHome: string): void {
  const path = join(codexHome, FOLDER);
  const stat = lstatOrUndefined(path);
  if (stat === undefined || stat.isDirectory()) return;
  throw new RolloutError("unsupported", "the folder of writer locks is a link or a file, which is not followed", {
    path,
    hint: "move it away and run again; nothing was changed",
  });
}

/** Whether a live writer has the thread. A look only: nothing is made. */
export function isThreadBusy(codexHome: string, threadId: string): boolean {
  return isLocked(join(codexHome, FOLDER, `${threadId}.lock`));
}

/** Takes a thread's lock without waiting for its writer; undefined when there is one. */
export function lockThread(codexHome: string, threadId: string): HeldLock | undefined {
  const coordination = coordinate(codexHome);
  if (coordination === undefined) return undefined;
  try {
    const path = join(codexHome, FOLDER, `${threadId}.lock`);
    const isNew = lstatOrUndefined(path) === undefined;
    const lock = tryLock(path);
    if (lock === undefined) return undefined;
    return { path, release: () => releaseThread(codexHome, lock, isNew) };
  } finally {
    coordination.release();
  }
}

/** What was made is removed again, as Codex does at a clean exit (observed §2); within the coordination, as taking it. */
function releaseThread(codexHome: string, lock: HeldLock, isNew: boolean): void {
  const coordination = isNew ? coordinate(codexHome) : undefined;
  if (coordination !== undefined) removeIfThere(lock.path);
  lock.release();
  coordination?.release();
}

function coordinate(codexHome: string): HeldLock | undefined {
  return lockSoon(join(codexHome, FOLDER, ".coordination.lock"));
}

/**
 * The lock beside `session_index.jsonl`, which is left behind, as by Codex: who removes it may remove one that somebody waits for.
 * @returns undefined when its holder does not let go of it within a second.
 */
export function lockNames(path: string): HeldLock | undefined {
  return lockSoon(`${path}.lock`);
}

function lockSoon(path: string): HeldLock | undefined {
  for (let attempt = 1; ; attempt += 1) {
    const lock = tryLock(path);
    if (lock !== undefined || attempt === TRIES) return lock;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
}
