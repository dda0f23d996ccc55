/**
 * A whole folder to another file system: copied, read again and compared, and only then named; the old one goes file by file, each
 * only if it is still what was copied. A note in the new folder says how far that is, so that a run that is killed can be gone on with.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  inherit,
  isSameFile,
  type Look,
  lookAtPath,
  nameWithoutClobber,
  openSource,
  rename,
} from "../compressor/files.ts";
import { RolloutError } from "../errors.ts";
import { looksLikeRollout } from "../format/names.ts";
import { sha256Of } from "../io/digest.ts";
import {
  chunksOf,
  fileError,
  fsyncFolder,
  listFolder,
  lstatOrUndefined,
  readWholeFile,
  removeIfThere,
  writeFileAtomic,
  writeFully,
} from "../io/files.ts";
import { heldForWriting } from "../io/holders.ts";
import { tryLock } from "../io/locks.ts";
import { ROLLOUT_ROOTS } from "../readers/home.ts";

const NOTE = join("rollout-tool", "moved-from.json");

/** One thing below the folder that was copied, by its path relative to it. */
interface CopiedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Nanoseconds, as text: JSON has no room for them. */
  readonly mtimeNs: string;
}

interface Note {
  readonly from: string;
  readonly files: readonly CopiedFile[];
  /** Relative to `from`; also those without a file. */
  readonly folders: readonly string[];
}

export interface CopyReport {
  readonly files: number;
  readonly bytes: number;
  /** Sockets, pipes and devices, which have no bytes to copy. */
  readonly special: readonly string[];
}

function stagingOf(target: string): string {
  return join(dirname(target), `.${basename(target)}.rollout-tool-moving`);
}

/** @throws RolloutError `disk-full`, `unwritable`, `mismatch`: there is no new folder then, and the old one is untouched. */
export function copyTree(source: string, target: string): CopyReport {
  const staging = stagingOf(target);
  const lock = tryLock(`${staging}.lock`);
  if (lock === undefined) {
    throw new RolloutError("busy", "another run is copying a home to this place", {
      path: target,
      hint: "wait until it has finished and run again; nothing was changed",
    });
  }
  try {
    return copyInto(source, staging, target);
  } finally {
    removeIfThere(lock.path);
    lock.release();
  }
}

function copyInto(source: string, staging: string, target: string): CopyReport {
  // What a killed run has left is of no use: it was not compared.
  fs.rmSync(staging, { recursive: true, force: true });
  try {
    const walk: Walk = { files: [], folders: [], special: [], bytes: 0 };
    copyFolders(source, staging, walk);
    requireUnchanged(source, walk.files);
    requireWhole(staging, walk.files);
    fs.mkdirSync(dirname(join(staging, NOTE)), { recursive: true, mode: 0o700 });
    fsyncFolder(staging);
    const note: Note = { from: source, files: walk.files, folders: walk.folders };
    writeFileAtomic(join(staging, NOTE), JSON.stringify(note), { mode: 0o600 });
    if (lstatOrUndefined(target) !== undefined) fs.rmdirSync(target);
    fs.renameSync(staging, target);
    fsyncFolder(dirname(target));
    return { files: walk.files.length, bytes: walk.bytes, special: walk.special };
  } catch (error) {
    fs.rmSync(staging, { recursive: true, force: true });
    throw fileError(error, "write", target);
  }
}

interface Walk {
  readonly files: CopiedFile[];
  readonly folders: string[];
  readonly special: string[];
  bytes: number;
}

function copyFolders(source: string, target: string, walk: Walk): void {
  fs.mkdirSync(target, { recursive: true, mode: 0o700 });
  const pending = [""];
  for (const folder of pending) {
    const [from, to] = [join(source, folder), join(target, folder)];
    for (const entry of listFolder(from)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        // Before the folder that it is in is brought to the disk.
        fs.mkdirSync(join(target, path), { mode: 0o700 });
        pending.push(path);
        walk.folders.push(path);
      } else if (entry.isFile()) copyFile(source, target, path, walk);
      else if (entry.isSymbolicLink()) copyLink(source, target, path, walk);
      else walk.special.push(path);
    }
    fs.chmodSync(to, (lstatOrUndefined(from)?.mode ?? 0o700) & 0o7777);
    fsyncFolder(to);
  }
}

function copyFile(source: string, target: string, path: string, walk: Walk): void {
  const from = openSource(join(source, path));
  const to = join(target, path);
  const fd = fs.openSync(to, "wx+", 0o600);
  try {
    const read = copyDigested(from.fd, fd, to);
    inherit(fd, from.look, to);
    if (sha256Of(chunksOf(fd, to)) !== read) {
      throw new RolloutError("mismatch", "the copy of a file has other bytes than the file", { path: from.path });
    }
    walk.files.push(copiedFile(path, from.look));
    walk.bytes += from.look.sizeBytes;
  } finally {
    fs.closeSync(fd);
    fs.closeSync(from.fd);
  }
}

function copiedFile(path: string, { sizeBytes, mtimeNs }: Look): CopiedFile {
  return { path, sizeBytes, mtimeNs: mtimeNs.toString() };
}

/** Copies all of it; returns the digest of what was read. */
function copyDigested(source: number, target: number, path: string): string {
  const hash = createHash("sha256");
  for (const bytes of chunksOf(source, path)) {
    hash.update(bytes);
    writeFully(target, bytes, null, path);
  }
  return hash.digest("hex");
}

function copyLink(source: string, target: string, path: string, walk: Walk): void {
  const look = lookAtPath(join(source, path));
  fs.symlinkSync(fs.readlinkSync(join(source, path)), join(target, path));
  if (look !== undefined) walk.files.push(copiedFile(path, look));
}

function requireUnchanged(source: string, files: readonly CopiedFile[]): void {
  const changed = files.find((file) => !isStill(source, file));
  if (changed === undefined) return;
  throw new RolloutError("busy", "a file has changed while the home was copied", {
    path: join(source, changed.path),
    hint: "quit what writes to it and run again; nothing was changed",
  });
}

/** Nobody may have swept away what was copied first. */
function requireWhole(staging: string, files: readonly CopiedFile[]): void {
  const gone = files.find(({ path, sizeBytes }) => lookAtPath(join(staging, path))?.sizeBytes !== sizeBytes);
  if (gone === undefined) return;
  throw new RolloutError("mismatch", "a file that was copied is not there any more", {
    path: join(staging, gone.path),
    hint: "run again; nothing was changed",
  });
}

function isStill(source: string, { path, sizeBytes, mtimeNs }: CopiedFile, there = join(source, path)): boolean {
  const look = lookAtPath(there);
  return look !== undefined && look.sizeBytes === sizeBytes && look.mtimeNs.toString() === mtimeNs;
}

/** The folder that this one is a finished copy of, as long as that one has not been taken away. */
export function copiedFrom(target: string): string | undefined {
  return noteIn(target)?.from;
}

/**
 * Before a copy that was cut off is gone on with: is the old folder still what was copied, but for what was taken away since?
 * @throws RolloutError `mismatch` when a file has changed there, or a rollout has come.
 */
export function requireAsCopied(target: string): void {
  const note = noteIn(target);
  if (note === undefined || lstatOrUndefined(note.from) === undefined) return;
  const names = new Set(note.files.map(({ path }) => path));
  const path =
    note.files.find((file) => isChanged(note.from, file))?.path ??
    rolloutsIn(note.from).find((rollout) => !names.has(rollout));
  if (path === undefined) return;
  const isWhole = note.files.every((file) => lookAtPath(join(note.from, file.path)) !== undefined);
  throw new RolloutError("mismatch", "the old home has been worked in since it was copied to the new place", {
    path: join(note.from, path),
    hint: isWhole
      ? "move the folder at the new place elsewhere and run again, so that the home is copied anew; nothing was changed"
      : "other files have already been taken away there, so only the new place is whole: move this one elsewhere and run again; nothing was changed",
  });
}

/** Locks are taken on files, and hold nothing. */
function isChanged(source: string, file: CopiedFile, path = join(source, file.path)): boolean {
  const look = lookAtPath(path);
  return look !== undefined && !isStill(source, file, path) && !(file.sizeBytes === 0 && look.sizeBytes === 0);
}

/** Links are not followed: what they lead to was not copied. */
function rolloutsIn(folder: string): readonly string[] {
  return ROLLOUT_ROOTS.flatMap((root) =>
    lstatOrUndefined(join(folder, root))?.isDirectory() === true
      ? restOf(join(folder, root)).map((path) => join(root, path))
      : [],
  ).filter((path) => looksLikeRollout(basename(path)));
}

/**
 * Takes the old folder away, but for what has changed or come since and what a process has open for writing; returns the paths of
 * that, relative to it. `ownLock`: the absolute path of the lock that the caller holds there, which goes last.
 */
export function removeCopied(target: string, ownLock?: string): readonly string[] {
  const note = noteIn(target);
  if (note === undefined) return [];
  const isOther = !isSameFile(lookAtPath(note.from), lookAtPath(target));
  const left = isOther && lstatOrUndefined(note.from)?.isDirectory() === true ? removeNoted(note, ownLock) : [];
  fs.rmSync(join(target, NOTE), { force: true });
  fsyncFolder(dirname(join(target, NOTE)));
  return left;
}

/** Looking through all open files of the system takes as long as removing some. */
const BATCH = 64;
/** What a file is called between having had its name and being removed. */
const GONE = ".rollout-tool-gone";

interface OldFile {
  readonly file: CopiedFile;
  readonly path: string;
  readonly id: string;
}

function removeNoted(note: Note, ownLock: string | undefined): readonly string[] {
  const folders = realFolders(note);
  const there = note.files.flatMap((file) => (folders.has(dirname(file.path)) ? oldFile(note.from, file) : []));
  const others = there.filter(({ path }) => path !== ownLock);
  const left: string[] = [];
  // Asked anew for every few of them: somebody may come to the old home at any time.
  for (let at = 0; at < others.length; at += BATCH) left.push(...removeBatch(note.from, others.slice(at, at + BATCH)));
  for (const { path } of there.filter((one) => one.path === ownLock)) fs.rmSync(path, { force: true });
  for (const folder of [...folders].toReversed()) {
    try {
      fs.rmdirSync(join(note.from, folder));
    } catch {
      // Something is left in it.
    }
  }
  return [...new Set([...left, ...restOf(note.from)])];
}

function oldFile(source: string, file: CopiedFile): readonly OldFile[] {
  const path = join(source, file.path);
  // Of a run that was killed.
  if (lookAtPath(path) === undefined && lookAtPath(path + GONE) !== undefined) giveBack(path);
  const look = lookAtPath(path);
  return look === undefined ? [] : [{ file, path, id: look.id }];
}

/** Without its name nobody can open a file any more, and who has opened it before is seen. Returns what stays. */
function removeBatch(source: string, batch: readonly OldFile[]): readonly string[] {
  const changed = batch.filter(({ file }) => isChanged(source, file));
  const unnamed = batch.filter((one) => !changed.includes(one));
  for (const { path } of unnamed) rename(path, path + GONE);
  const held = heldForWriting(new Set(unnamed.map(({ id }) => id)));
  const kept = unnamed.filter(({ file, path, id }) => {
    const stays = held?.has(id) === true || isChanged(source, file, path + GONE);
    if (stays) giveBack(path);
    else fs.rmSync(path + GONE, { force: true });
    return stays;
  });
  return [...changed, ...kept].map(({ file }) => file.path);
}

/** Unless somebody has made a new file of that name: then the old one stays under its passing name, and is told of as what is left. */
function giveBack(path: string): void {
  if (nameWithoutClobber(path + GONE, path)) fs.rmSync(path + GONE, { force: true });
}

/** Those that the note names, each behind the one that it is in; none that a link leads to by now. `.` is the old folder itself. */
function realFolders({ from, files, folders }: Note): ReadonlySet<string> {
  const named = new Set(["."]);
  for (const path of [...folders, ...files.map((file) => dirname(file.path))]) {
    for (let folder = path; !named.has(folder); folder = dirname(folder)) named.add(folder);
  }
  const real = new Set<string>();
  for (const folder of [...named].toSorted((a, b) => a.length - b.length)) {
    if (folder !== "." && !real.has(dirname(folder))) continue;
    if (lstatOrUndefined(join(from, folder))?.isDirectory() === true) real.add(folder);
  }
  return real;
}

function restOf(folder: string): readonly string[] {
  if (lstatOrUndefined(folder) === undefined) return [];
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true, encoding: "utf8" });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

function noteIn(target: string): Note | undefined {
  const path = join(target, NOTE);
  if (lstatOrUndefined(path)?.isFile() !== true) return undefined;
  try {
    const { from, files, folders = [] } = JSON.parse(readWholeFile(path).toString("utf8")) as Partial<Note>;
    if (typeof from !== "string" || !Array.isArray(files) || !Array.isArray(folders)) return undefined;
    return [...files.map((file: CopiedFile) => file.path), ...folders].every(isWithin)
      ? { from, files, folders }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Names that lead out of the old folder were not written by this. */
function isWithin(path: unknown): boolean {
  return typeof path === "string" && path !== "" && !/(?:^|[/\\])\.\.(?:[/\\]|$)|^[/\\]/.test(path);
}
