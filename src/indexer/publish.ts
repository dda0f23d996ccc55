/**
 * A finished database into the place of the old one, and what a killed run left of that (see `io/swap.ts` for the order).
 *
 * A small note beside the databases says that a swap has begun. Whoever finds the note finishes the swap, unless the old
 * file has meanwhile been replaced by somebody else: then the unfinished one is dropped.
 */
import { join } from "node:path";
import { listFolder, lstatOrUndefined, readWholeFile, removeIfThere, writeFileAtomic } from "../io/files.ts";
import { isCorruption, removeDatabase, SqliteDatabase } from "../io/sqlite.ts";
import { ensureFolder, keepDatabase, replaceDatabase } from "../io/swap.ts";
import { STATE_DB } from "./database-files.ts";

const UNFINISHED = `.${STATE_DB}.rollout-tool-`;

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
  const note = { finished, oldInode: lstatOrUndefined(path)?.ino ?? null };
  writeFileAtomic(notePath(sqliteHome), JSON.stringify(note), { mode: 0o600 });
  replaceDatabase(finished, path);
  removeIfThere(notePath(sqliteHome));
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
}

function finishSwap(sqliteHome: string): void {
  const note = readNote(notePath(sqliteHome));
  if (note === undefined) return;
  const path = join(sqliteHome, STATE_DB);
  const inode = lstatOrUndefined(path)?.ino ?? null;
  const expected = note.finished.startsWith(join(sqliteHome, UNFINISHED));
  if (expected && inode === note.oldInode && lstatOrUndefined(note.finished)?.isFile() === true) {
    replaceDatabase(note.finished, path);
  }
  removeIfThere(notePath(sqliteHome));
}

function readNote(path: string): { readonly finished: string; readonly oldInode: number | null } | undefined {
  if (lstatOrUndefined(path)?.isFile() !== true) return undefined;
  try {
    const { finished, oldInode } = JSON.parse(readWholeFile(path).toString("utf8")) as Record<string, unknown>;
    if (typeof finished !== "string" || !(oldInode === null || typeof oldInode === "number")) return undefined;
    return { finished, oldInode };
  } catch {
    return undefined;
  }
}
