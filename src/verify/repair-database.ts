/**
 * A database changed beside itself: a copy of it, its log taken in, is changed by SQL, checked, and put into its place with the
 * companions removed, as one unit of the journal, so that an undo brings back every byte of all of them.
 */
import { closeSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { lookAtPath, openSource } from "../compressor/files.ts";
import { RolloutError } from "../errors.ts";
import { isDatabaseInUse } from "../indexer/guard.ts";
import { copyBytes, fileError } from "../io/files.ts";
import { removeDatabase, SqliteDatabase } from "../io/sqlite.ts";
import { readImage } from "../io/sqlite-image.ts";
import type { Journal } from "../journal/journal.ts";
import type { Step, Unit } from "../journal/types.ts";
import type { PlannedRepair } from "./repairs.ts";

/** Companions go before the main file changes: a log beside another file would be damage. */
const COMPANIONS = ["-shm", "-wal", "-journal"] as const;
/** Changes a copy at that path; false when there is nothing to change. */
export type ChangeCopy = (copy: string) => boolean;

/** A copy of the database that needs no log. */
export function copyDatabase(path: string, copy: string, maxBytes?: number): void {
  const options = maxBytes === undefined ? {} : { maxBytes };
  const bytes = readImage(path, options).toBuffer();
  try {
    writeFileSync(copy, bytes, { flag: "wx", mode: 0o600 });
  } catch (error) {
    throw fileError(error, "write", copy);
  }
}

/**
 * The unit that puts what `make` leaves at a passing path into the place of the database; undefined when it leaves nothing.
 * @throws RolloutError `damaged` when the new one does not pass SQLite's check.
 */
export function databaseUnit({ path, codes }: PlannedRepair, journal: Journal, make: ChangeCopy): Unit | undefined {
  // First of all: where the system does not tell, finding out brings a log that was left into the main file.
  requireUnused(path);
  const look = lookAtPath(path);
  // From before the copy: what is committed from here on must make the plan fail.
  const companions = companionSteps(path);
  // Where the journal has its own passing files, and sweeps them when a run was killed.
  const place = journal.stage(path, () => undefined);
  const copy = `${place.temporary}-copy`;
  try {
    if (!make(copy)) return undefined;
    requireSound(copy, path);
    const staged = journal.stage(path, (fd) => copyTo(copy, fd), look);
    const main: Step = look === undefined ? { kind: "create", path, staged } : { kind: "replace", path, look, staged };
    return { title: `mend ${basename(path)}`, threadIds: [], steps: [...companions, main], notes: { codes } };
  } finally {
    removeDatabase(copy);
    journal.discard(place);
  }
}

/** The database and its companions go, and nothing comes. */
export function removeDatabaseUnit({ path, codes }: PlannedRepair): Unit | undefined {
  requireUnused(path);
  const look = lookAtPath(path);
  if (look === undefined) return undefined;
  const steps: readonly Step[] = [...companionSteps(path), { kind: "remove", path, look }];
  return { title: `remove ${basename(path)}`, threadIds: [], steps, notes: { codes } };
}

/** Whatever a connection writes after its file is gone is lost: that cannot be forced. */
function requireUnused(path: string): void {
  if (!isDatabaseInUse(path)) return;
  throw new RolloutError("busy", "another process has the database open", { path, hint: "quit Codex and run again" });
}

function companionSteps(path: string): readonly Step[] {
  return COMPANIONS.flatMap((suffix): readonly Step[] => {
    const look = lookAtPath(path + suffix);
    return look === undefined ? [] : [{ kind: "remove", path: path + suffix, look }];
  });
}

function requireSound(copy: string, path: string): void {
  const db = SqliteDatabase.open(copy);
  try {
    const [problem] = db.integrityProblems("full", 1);
    if (problem !== undefined) {
      throw new RolloutError("damaged", `the mended database does not pass its check: ${problem}`, { path });
    }
    // As Codex leaves it (state-and-compression §1.4); the log is empty, and goes when it is closed.
    db.exec("pragma journal_mode = wal");
  } finally {
    db.close({ sync: true });
  }
}

function copyTo(path: string, target: number): void {
  const source = openSource(path);
  try {
    copyBytes(source, { fd: target });
  } finally {
    closeSync(source.fd);
  }
}
