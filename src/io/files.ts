/**
 * Files and folders, knowing no format: opening what can be read at all, reading whole ranges, replacing a file so that
 * a crash leaves either the old or the new one, and turning errno into errors a person can act on.
 */
import type Crypto from "node:crypto";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { RolloutError, errnoOf } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";

export interface OpenFile {
  readonly fd: number;
  readonly stat: fs.Stats;
}

/**
 * Opens a regular file for reading. Never blocks: what is not a regular file is told apart before it is opened, and
 * opening does not wait for a FIFO's writer should the path change in between.
 *
 * @throws RolloutError `not-found`, `not-a-file` (folder, FIFO, device, socket; a symbolic link with `followLinks`
 * false) or `unreadable`.
 */
export function openRegularFile(path: string, options: { readonly followLinks?: boolean } = {}): OpenFile {
  const followLinks = options.followLinks ?? true;
  let fd: number | undefined;
  try {
    requireRegular(followLinks ? fs.statSync(path) : fs.lstatSync(path), path);
    fd = fs.openSync(path, readFlags(followLinks));
    const stat = fs.fstatSync(fd);
    requireRegular(stat, path);
    return { fd, stat };
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd);
    throw fileError(error, "read", path);
  }
}

/** Reads until `buffer` is full or the file ends; returns the number of bytes read. */
export function readAt(fd: number, buffer: Buffer, position: number, path?: string): number {
  let filled = 0;
  try {
    while (filled < buffer.length) {
      const count = fs.readSync(fd, buffer, filled, buffer.length - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
  } catch (error) {
    throw fileError(error, "read", path);
  }
  return filled;
}

const CHUNK_BYTES = 1024 * 1024;

/**
 * Chunks of an open file from `from` to its end, as that is when it is met, or to `end`: each valid until the next one is asked for.
 * Offsets in bytes.
 */
export function* chunksOf(fd: number, path?: string, { from = 0, end = Infinity } = {}): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(1, end - from)));
  for (let offset = from; offset < end;) {
    const count = readAt(fd, buffer.subarray(0, Math.min(buffer.length, end - offset)), offset, path);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    offset += count;
  }
}

/** An open file, and what it is called in errors. */
interface NamedFile {
  readonly fd: number;
  readonly path?: string | undefined;
}

/** Puts them behind what another open file has; returns how many bytes they were. */
export function copyBytes(source: NamedFile, target: NamedFile, range: { from?: number; end?: number } = {}): number {
  let copied = 0;
  for (const bytes of chunksOf(source.fd, source.path, range)) {
    writeFully(target.fd, bytes, null, target.path);
    copied += bytes.length;
  }
  return copied;
}

/** A folder that is to be written to may be absent, and must not lead elsewhere. @throws RolloutError `unsupported` */
export function requireRealFolder(path: string): void {
  const stat = lstatOrUndefined(path);
  if (stat === undefined || stat.isDirectory()) return;
  throw new RolloutError(
    "unsupported",
    "a folder that has to be written to is a link or a file, which is not followed",
    {
      path,
      hint: "move it away and run again; nothing was changed",
    },
  );
}

/** The whole of a regular file that is known to be small (up to 2 GiB; memory is its size). */
export function readWholeFile(path: string): Buffer {
  const { fd, stat } = openRegularFile(path);
  try {
    const buffer = Buffer.allocUnsafeSlow(stat.size);
    return buffer.subarray(0, readAt(fd, buffer, 0, path));
  } finally {
    fs.closeSync(fd);
  }
}

/** Writes all of `data`, at `position` or at the descriptor's own place. */
export function writeFully(fd: number, data: Uint8Array, position: number | null = null, path?: string): void {
  let done = 0;
  try {
    while (done < data.length) {
      done += fs.writeSync(fd, data, done, data.length - done, position === null ? null : position + done);
    }
  } catch (error) {
    throw fileError(error, "write", path);
  }
}

export function closeFile(fd: number): void {
  fs.closeSync(fd);
}

/** The file's status, links followed; undefined when nothing is there. */
export function statOrUndefined(path: string): fs.Stats | undefined {
  return orUndefinedWhenMissing(path, () => fs.statSync(path));
}

/** The status of the path itself, a symbolic link not followed; undefined when nothing is there. */
export function lstatOrUndefined(path: string): fs.Stats | undefined {
  return orUndefinedWhenMissing(path, () => fs.lstatSync(path));
}

/** Entries of a folder in a stable order: by name, compared by code units. A missing folder is an error (`not-found`). */
export function listFolder(path: string): fs.Dirent[] {
  try {
    return fs.readdirSync(path, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw fileError(error, "list", path);
  }
}

/** What gives a file its bytes: the bytes, chunks of them, or a function writing to the open descriptor. */
export type FileContent = Uint8Array | string | Iterable<Uint8Array> | ((fd: number) => void);

export interface WriteOptions {
  /** Permission bits. Default: those of the file being replaced, else 0600 (rollouts are private). */
  readonly mode?: number | undefined;
  /**
   * Modification time in milliseconds since 1970, fractions allowed; access time becomes the same. Default: now.
   * Node sets times to the microsecond; what is finer is cut off.
   */
  readonly mtimeMs?: number | undefined;
  /** Refuse (`mismatch`) to replace a file that exists, without a gap in which one could appear. Default false. */
  readonly exclusive?: boolean | undefined;
}

/**
 * Replaces or makes a file in one step: a temporary one beside it, fsync, rename, fsync of the folder. On any error the
 * temporary file is removed and the old one is untouched. Its name never ends in `.tmp`, since Codex sweeps such files
 * away (state-and-compression §4.3).
 *
 * @throws RolloutError `disk-full`, `unwritable`, `not-found` (the folder), `mismatch` (`exclusive`); what the writer throws.
 */
export function writeFileAtomic(path: string, content: FileContent, options: WriteOptions = {}): void {
  const mode = options.mode ?? (lstatOrUndefined(path)?.mode ?? 0o600) & 0o7777;
  const temporary = createTemporary(path);
  try {
    try {
      writeContent(temporary.fd, content, path);
      finishFile(temporary.fd, { mode, mtimeMs: options.mtimeMs }, path);
    } finally {
      fs.closeSync(temporary.fd);
    }
    publishFile(temporary.path, path, options.exclusive ?? false);
  } catch (error) {
    removeIfThere(temporary.path);
    throw fileError(error, "write", path);
  }
}

/** A name not used before beside `path`, for what is to become it. */
export function temporaryPath(path: string): string {
  // Loaded for who writes: it takes longer than the whole rest of this file.
  const { randomBytes } = createRequire(import.meta.url)("node:crypto") as typeof Crypto;
  return join(dirname(path), `.${basename(path).slice(0, 200)}.${randomBytes(6).toString("hex")}.partial`);
}

/** Opens a new, empty file of a name not used before in the folder of `path`, readable by its owner alone. */
export function createTemporary(path: string): { readonly fd: number; readonly path: string } {
  const temporary = temporaryPath(path);
  try {
    return { fd: fs.openSync(temporary, "wx+", 0o600), path: temporary };
  } catch (error) {
    throw fileError(error, "write", path);
  }
}

/** Gives an open file its mode and time and brings it to the disk. */
export function finishFile(fd: number, options: Pick<WriteOptions, "mode" | "mtimeMs">, path?: string): void {
  try {
    if (options.mode !== undefined) fs.fchmodSync(fd, options.mode);
    if (options.mtimeMs !== undefined) fs.futimesSync(fd, options.mtimeMs / 1000, options.mtimeMs / 1000);
    fs.fsyncSync(fd);
  } catch (error) {
    throw fileError(error, "write", path);
  }
}

/** Moves a finished temporary file to its name and brings the folder to the disk. */
export function publishFile(temporary: string, path: string, exclusive: boolean): void {
  try {
    if (exclusive) {
      fs.linkSync(temporary, path);
      fs.unlinkSync(temporary);
    } else {
      fs.renameSync(temporary, path);
    }
  } catch (error) {
    throw fileError(error, "write", path);
  }
  fsyncFolder(dirname(path));
}

/** Brings a folder's entries to the disk. Where the system cannot sync a folder (Windows), nothing is done. */
export function fsyncFolder(path: string): void {
  let fd: number | undefined;
  try {
    fd = fs.openSync(path, "r");
    fs.fsyncSync(fd);
  } catch (error) {
    if (!["EPERM", "EISDIR", "EINVAL", "ENOTSUP"].includes(errnoOf(error) ?? "")) throw fileError(error, "write", path);
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

/** What is free for the user on the disk that holds a folder; undefined where that is not told. */
export function freeBytesAt(folder: string): number | undefined {
  try {
    const { bavail, bsize } = fs.statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** Removes a file; true when there was one. */
export function removeIfThere(path: string): boolean {
  return orUndefinedWhenMissing(path, () => (fs.unlinkSync(path), true)) ?? false;
}

/** What was being done to a path when it failed. */
export type FileAction = "read" | "write" | "list" | "remove";

/** The tool's error for an errno error of `node:fs`; any other error, and one already turned, comes back as it is. */
export function fileError(error: unknown, action: FileAction, path: string | undefined): unknown {
  const errno = errnoOf(error);
  if (error instanceof RolloutError || errno === undefined || !/^E[A-Z0-9]+$/.test(errno)) return error;
  const cause = CAUSES[errno];
  const isWrite = action === "write" || action === "remove";
  const code = cause?.code ?? (isWrite ? "unwritable" : "unreadable");
  const message = `cannot ${action === "list" ? "list the folder" : `${action} the file`}: ${cause?.clause ?? errno}`;
  return new RolloutError(code === "unreadable" && isWrite ? "unwritable" : code, message, {
    path,
    hint: cause?.hint,
    cause: error,
  });
}

const CAUSES: Readonly<Record<string, { readonly code: ErrorCode; readonly clause: string; readonly hint?: string }>> =
  {
    ENOENT: { code: "not-found", clause: "there is no such file or folder", hint: "Check the path." },
    ENOTDIR: { code: "not-found", clause: "a part of the path is not a folder", hint: "Check the path." },
    ENAMETOOLONG: { code: "not-found", clause: "the name is too long", hint: "Check the path." },
    ELOOP: { code: "not-a-file", clause: "it is a symbolic link that is not followed or leads in a circle" },
    EISDIR: { code: "not-a-file", clause: "it is a folder", hint: "Name a file inside it." },
    ENXIO: { code: "not-a-file", clause: "it is a device, pipe or socket" },
    EEXIST: { code: "mismatch", clause: "a file of this name exists already" },
    EACCES: {
      code: "unreadable",
      clause: "permission denied",
      hint: "Check the owner and the permissions of the file and its folders.",
    },
    EPERM: {
      code: "unreadable",
      clause: "operation not permitted",
      hint: "Check the owner and the permissions of the file and its folders.",
    },
    EROFS: {
      code: "unwritable",
      clause: "the file system is read-only",
      hint: "Mount it for writing, or write elsewhere.",
    },
    ENOSPC: {
      code: "disk-full",
      clause: "no space is left on the disk",
      hint: "Free some space and run again; the file there before is unchanged.",
    },
    EDQUOT: {
      code: "disk-full",
      clause: "the disk quota is used up",
      hint: "Free some space and run again; the file there before is unchanged.",
    },
    EFBIG: { code: "disk-full", clause: "the file would become larger than the file system allows" },
    EMFILE: {
      code: "busy",
      clause: "too many files are open",
      hint: "Run with fewer jobs, or raise the limit of open files.",
    },
    ENFILE: { code: "busy", clause: "too many files are open on this machine" },
    EBUSY: { code: "busy", clause: "it is in use", hint: "Run again when nothing uses it." },
  };

function readFlags(followLinks: boolean): number {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
  // Windows has neither of the two; undefined there, whatever the types say.
  return (
    O_RDONLY | ((O_NONBLOCK as number | undefined) ?? 0) | (followLinks ? 0 : ((O_NOFOLLOW as number | undefined) ?? 0))
  );
}

function requireRegular(stat: fs.Stats, path: string): void {
  if (stat.isFile()) return;
  const what = kindOf(stat);
  throw new RolloutError("not-a-file", `cannot read the file: it is ${what}`, { path, hint: "Name a regular file." });
}

function kindOf(stat: fs.Stats): string {
  if (stat.isDirectory()) return "a folder";
  if (stat.isFIFO()) return "a named pipe";
  if (stat.isSocket()) return "a socket";
  return stat.isSymbolicLink() ? "a symbolic link" : "a device";
}

function orUndefinedWhenMissing<T>(path: string, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
    throw fileError(error, "read", path);
  }
}

function writeContent(fd: number, content: FileContent, path: string): void {
  if (typeof content === "function") content(fd);
  else if (typeof content === "string") writeFully(fd, Buffer.from(content), null, path);
  else if (content instanceof Uint8Array) writeFully(fd, content, null, path);
  else for (const chunk of content) writeFully(fd, chunk, null, path);
}
