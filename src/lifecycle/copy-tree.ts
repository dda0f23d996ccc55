/**
 * A whole folder to another file system: copied, read again and compared, and only then named; the old one goes file by file, each
 * only if it is still what was copied. A note in the new folder says how far that is, so that a run that is killed can be gone on with.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { inherit, type Look, lookAtPath, openSource } from "../compressor/files.ts";
import { RolloutError } from "../errors.ts";
import {
  fileError,
  fsyncFolder,
  listFolder,
  lstatOrUndefined,
  readAt,
  readWholeFile,
  writeFileAtomic,
  writeFully,
} from "../io/files.ts";

const NOTE = join("rollout-tool", "moved-from.json");
const CHUNK_BYTES = 1024 * 1024;

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
  // What a killed run has left is of no use: it was not compared.
  fs.rmSync(staging, { recursive: true, force: true });
  try {
    const walk: Walk = { files: [], special: [], bytes: 0 };
    copyFolder(source, staging, "", walk);
    requireUnchanged(source, walk.files);
    fs.mkdirSync(dirname(join(staging, NOTE)), { recursive: true, mode: 0o700 });
    const note: Note = { from: source, files: walk.files };
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
  readonly special: string[];
  bytes: number;
}

function copyFolder(source: string, target: string, at: string, walk: Walk): void {
  const pending = [at];
  for (let folder = pending.shift(); folder !== undefined; folder = pending.shift()) {
    const [from, to] = [join(source, folder), join(target, folder)];
    fs.mkdirSync(to, { recursive: true, mode: 0o700 });
    for (const entry of listFolder(from)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) pending.push(path);
      else if (entry.isFile()) copyFile(source, target, path, walk);
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
    const read = copyBytes(from.fd, fd, to);
    inherit(fd, from.look, to);
    if (digestOf(fd, to) !== read) {
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

function copyBytes(source: number, target: number, path: string): string {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let offset = 0; ;) {
    const count = readAt(source, buffer, offset, path);
    if (count === 0) return hash.digest("hex");
    hash.update(buffer.subarray(0, count));
    writeFully(target, buffer.subarray(0, count), null, path);
    offset += count;
  }
}

function digestOf(fd: number, path: string): string {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let offset = 0; ;) {
    const count = readAt(fd, buffer, offset, path);
    if (count === 0) return hash.digest("hex");
    hash.update(buffer.subarray(0, count));
    offset += count;
  }
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

function isStill(source: string, { path, sizeBytes, mtimeNs }: CopiedFile): boolean {
  const look = lookAtPath(join(source, path));
  return look !== undefined && look.sizeBytes === sizeBytes && look.mtimeNs.toString() === mtimeNs;
}

/** The folder that this one is a finished copy of, as long as that one has not been taken away. */
export function copiedFrom(target: string): string | undefined {
  return noteIn(target)?.from;
}

/** Takes the old folder away, but for what has changed or come since; returns the paths of that, relative to it. */
export function removeCopied(target: string): readonly string[] {
  const note = noteIn(target);
  if (note === undefined) return [];
  const left: string[] = [];
  for (const file of note.files) {
    const path = join(note.from, file.path);
    const look = lookAtPath(path);
    if (look === undefined) continue;
    // Locks are taken on files, and hold nothing.
    if (isStill(note.from, file) || (file.sizeBytes === 0 && look.sizeBytes === 0)) fs.unlinkSync(path);
    else left.push(file.path);
  }
  removeEmpty(note.from);
  fs.rmSync(join(target, NOTE), { force: true });
  fsyncFolder(dirname(join(target, NOTE)));
  return [...new Set([...left, ...restOf(note.from)])];
}

/** The innermost first. */
function removeEmpty(folder: string): void {
  const found = [folder];
  for (const path of found) {
    if (lstatOrUndefined(path)?.isDirectory() !== true) continue;
    for (const entry of listFolder(path)) if (entry.isDirectory()) found.push(join(path, entry.name));
  }
  for (const path of found.toReversed()) {
    try {
      fs.rmdirSync(path);
    } catch {
      // Something is left in it.
    }
  }
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
    const { from, files } = JSON.parse(readWholeFile(path).toString("utf8")) as Partial<Note>;
    if (typeof from !== "string" || !Array.isArray(files)) return undefined;
    // Names that lead out of the old folder were not written by this.
    return files.every((file) => !/(?:^|[/\\])\.\.(?:[/\\]|$)|^[/\\]/.test(file.path)) ? { from, files } : undefined;
  } catch {
    return undefined;
  }
}
