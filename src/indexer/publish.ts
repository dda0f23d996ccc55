/**
 * A finished database into the place of the old one, and what a killed run left of that (see `io/swap.ts` for the order).
 *
 * A small note beside the databases says that a swap has begun. Whoever finds the note finishes the swap, unless the old
 * file has meanwhile been written to or replaced by somebody else: then the unfinished one is dropped.
 */
import { basename, join } from "node:path";
import { listFolder, lstatOrUndefined, readWholeFile, removeIfThere, writeFileAtomic } from "../io/files.ts";
import { isCorruption, removeDatabase, SqliteDatabase } from "../io/sqlite.ts";
import { ensureFolder, keepDatabase, replaceDatabase } from "../io/swap.ts";
import { STATE_DB, UNFINISHED } from "./database-files.ts";

/** A name for the new file, in the folder of the old one so that one rename can publish it. */
export function unfinishedPath(sqliteHome: string, unique: string): string {
  return join(sqliteHome, UNFINISHED + unique);
}

function notePath(sqliteHome: string): string {
  return join(sqliteHome, "rollout-tool", "pending-swap.json");
}

export interface Publication {
  readonly sqliteHome: string;
  /** Complete and closed, from `unfinishedPath`. */
  readonly finished: string;
  /** SQLite reads the old file, so its `-wal` can be taken into it first. */
  readonly oldIsReadable: boolean;
  /** An existing folder for the old files. */
  readonly backup: string;
}

/** Keeps the old files in `backup` and renames the finished one into their place. */
export function publish({ sqliteHome, finished, oldIsReadable, backup }: Publication): void {
  const path = join(sqliteHome, STATE_DB);
  if (oldIsReadable) takeLogIn(path);
  keepDatabase(path, backup);
  ensureFolder(join(sqliteHome, "rollout-tool"));
  const note: Note = { finished: basename(finished), old: markOf(path) };
  writeFileAtomic(notePath(sqliteHome), JSON.stringify(note), { mode: 0o600 });
  replaceDatabase(finished, path);
  removeIfThere(notePath(sqliteHome));
}

interface Note {
  /** Name of the new file; without a folder, so that a note from elsewhere leads nowhere. */
  readonly finished: string;
  /** Which file it is to replace, as it was; null when there was none. */
  readonly old: string | null;
}

/** Changes with every write to the file. */
function markOf(path: string): string | null {
  const stat = lstatOrUndefined(path);
  return stat === undefined ? null : `${stat.size}:${stat.mtimeMs}:${stat.ino}`;
}

/** Best effort: a file that turns out damaged, or that a forced run shares with somebody, keeps its log until it goes. */
function takeLogIn(path: string): void {
  let db: SqliteDatabase | undefined;
  try {
    db = SqliteDatabase.open(path, { timeoutMs: 500 });
    db.checkpoint();
  } catch (error) {
    if (!isCorruption(error) && !isBusy(error)) throw error;
  } finally {
    db?.close();
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "busy";
}

/** Finishes or drops what a killed run left. To be called only while no other run can be at work on this home. */
export function clearUnfinished(sqliteHome: string): void {
  finishSwap(sqliteHome);
  for (const { name } of listFolder(sqliteHome)) {
    if (name.startsWith(UNFINISHED) && !/-(?:wal|shm|journal)$/.test(name)) removeDatabase(join(sqliteHome, name));
  }
  const own = join(sqliteHome, "rollout-tool");
  if (lstatOrUndefined(own)?.isDirectory() !== true) return;
  for (const { name } of listFolder(own)) if (/^\..*\.partial$/.test(name)) removeIfThere(join(own, name));
}

function finishSwap(sqliteHome: string): void {
  const note = readNote(notePath(sqliteHome));
  if (note === undefined) return;
  const path = join(sqliteHome, STATE_DB);
  const finished = join(sqliteHome, note.finished);
  const isOurs = note.finished === basename(note.finished) && note.finished.startsWith(UNFINISHED);
  if (isOurs && markOf(path) === note.old && lstatOrUndefined(finished)?.isFile() === true)
    replaceDatabase(finished, path);
  removeIfThere(notePath(sqliteHome));
}

function readNote(path: string): Note | undefined {
  if (lstatOrUndefined(path)?.isFile() !== true) return undefined;
  try {
    const { finished, old } = JSON.parse(readWholeFile(path).toString("utf8")) as Record<string, unknown>;
    return typeof finished === "string" && (old === null || typeof old === "string") ? { finished, old } : undefined;
  } catch {
    return undefined;
  }
}
