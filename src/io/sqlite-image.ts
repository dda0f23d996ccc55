/**
 * A SQLite database as bytes, taken without SQLite: the main file with the committed pages of its `-wal` laid over it.
 *
 * This is how `list`, `show` and every check read: nothing is locked, created or changed, so it works beside a running
 * Codex and in a read-only folder. `SqliteDatabase.fromImage(image.toBuffer(), path)` then answers queries. A file that
 * SQLite cannot read goes to `sqlite-pages.ts`.
 */
import { RolloutError } from "../errors.ts";
import { closeFile, openRegularFile, readAt, statOrUndefined } from "./files.ts";
import { isCorruption, SqliteDatabase } from "./sqlite.ts";
import { isPageSize, readWal, type Wal } from "./sqlite-wal.ts";

export interface ReadImageOptions {
  /** Main file and log together; larger ones are `unsupported`. The default is 512 MiB. */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 512 * 1024 * 1024;
const WAL_HEADER_BYTES = 32;
const ATTEMPTS = 6;
const PAUSE_MS = 40;
const MAGIC = "SQLite format 3\0";
/** The page size of every database that Codex makes (state-and-compression §1.4), for files that no longer tell. */
const USUAL_PAGE_SIZE = 4096;

export class SqliteImage {
  readonly path: string;
  /** The main file as it is on the disk; empty when there is none. */
  readonly main: Buffer;
  readonly wal: Wal;
  readonly pageSize: number;
  /** Size of the database in pages after the last commit. */
  readonly pageCount: number;
  /** Whether the log holds anything that SQLite would read. */
  readonly usesWal: boolean;

  constructor(path: string, main: Buffer, wal: Wal) {
    this.path = path;
    this.main = main;
    this.wal = wal;
    // With an empty main file SQLite throws the log away.
    this.usesWal = main.length > 0 && wal.frames.some((frame) => frame.state === "committed");
    const ownSize = pageSizeOf(main) ?? (wal.pageSize || USUAL_PAGE_SIZE);
    this.pageSize = this.usesWal ? wal.pageSize : ownSize;
    const lastCommit = wal.frames.findLast((frame) => frame.state === "committed" && frame.commitPages > 0);
    this.pageCount = this.usesWal ? (lastCommit?.commitPages ?? 0) : Math.ceil(main.length / this.pageSize);
  }

  /** The whole database as one file that needs no log. */
  toBuffer(): Buffer {
    const { main, wal, pageSize } = this;
    const size = this.usesWal ? this.pageCount * pageSize : main.length;
    const bytes = Buffer.alloc(size);
    main.copy(bytes, 0, 0, Math.min(size, main.length));
    for (const frame of this.usesWal ? wal.frames : []) {
      const at = (frame.page - 1) * pageSize;
      if (frame.state !== "committed" || at + pageSize > size) continue;
      wal.bytes.copy(bytes, at, frame.offset, frame.offset + pageSize);
    }
    // Read and write version 1: SQLite opens bytes in memory only when they do not ask for a log.
    if (size >= 20) bytes.fill(1, 18, 20);
    return bytes;
  }
}

function pageSizeOf(main: Buffer): number | undefined {
  if (main.length < 18 || !hasMagic(main)) return undefined;
  const stored = main.readUInt16BE(16);
  const size = stored === 1 ? 65_536 : stored;
  return isPageSize(size) ? size : undefined;
}

/**
 * Takes an image of a database and of the log beside it. Where another process changes the files meanwhile, it is taken
 * again; `busy` when that does not end. Not to be called while this process has the file open as a `SqliteDatabase`:
 * closing a file drops the locks that the process holds on it.
 *
 * @throws RolloutError `not-found`, `not-a-file`, `unreadable`, `unsupported` (too large), `busy`.
 */
export function readImage(path: string, options: ReadImageOptions = {}): SqliteImage {
  return takeImage(path, options, readWithin);
}

/** As `readImage`, but a log whose main file is gone is an image too: only for salvage, since SQLite ignores such a log. */
export function readRemains(path: string, options: ReadImageOptions = {}): SqliteImage {
  if (statOrUndefined(path) !== undefined || statOrUndefined(walOf(path)) === undefined)
    return readImage(path, options);
  return takeImage(path, options, () => EMPTY);
}

function takeImage(
  path: string,
  options: ReadImageOptions,
  readMain: (path: string, maxBytes: number) => Buffer,
): SqliteImage {
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const before = fingerprint(path);
    const main = readMain(path, maxBytes);
    const wal =
      statOrUndefined(walOf(path))?.isFile() === true ? readWithin(walOf(path), maxBytes - main.length) : EMPTY;
    if (fingerprint(path) === before) return new SqliteImage(path, main, readWal(wal));
    pause(PAUSE_MS);
  }
  throw new RolloutError("busy", "the database changes faster than it can be read", {
    path,
    hint: "Quit Codex and run again.",
  });
}

const EMPTY = Buffer.alloc(0);

function walOf(path: string): string {
  return `${path}-wal`;
}

/**
 * What must be the same before and after reading. While a log stays as it was started (its header has the salts),
 * whatever a checkpoint moves into the main file is still in the log too, and frames added meanwhile carry their own
 * proof. Without a log the main file itself must not change.
 */
function fingerprint(path: string): string {
  const wal = statOrUndefined(walOf(path));
  if (wal?.isFile() === true && wal.size >= WAL_HEADER_BYTES)
    return readStart(walOf(path), WAL_HEADER_BYTES).toString("hex");
  const main = statOrUndefined(path);
  return main === undefined ? "" : `${main.ino} ${main.size} ${main.mtimeMs}`;
}

function readStart(path: string, length: number): Buffer {
  const { fd } = openRegularFile(path);
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readAt(fd, bytes, 0, path));
  } finally {
    closeFile(fd);
  }
}

function readWithin(path: string, maxBytes: number): Buffer {
  const { fd, stat } = openRegularFile(path);
  try {
    if (stat.size > maxBytes) {
      throw new RolloutError("unsupported", `the database is too large to be read whole (${stat.size} bytes)`, {
        path,
      });
    }
    const bytes = Buffer.alloc(stat.size);
    return bytes.subarray(0, readAt(fd, bytes, 0, path));
  } finally {
    closeFile(fd);
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export type HealthStatus =
  | "missing"
  /** Zero bytes: Codex fills it as new. */
  | "empty"
  | "ok"
  /** No SQLite header, or one that SQLite refuses. */
  | "not-a-database"
  | "corrupt"
  /** Too large to be read whole; its header is sound. */
  | "unchecked";

export interface Health {
  readonly status: HealthStatus;
  /** SQLite's own words, for `corrupt` and `not-a-database`; may quote the file, so not safe to print raw. */
  readonly problems: readonly string[];
}

/** Checks an image with SQLite's integrity check, in memory. `quick` leaves out comparing indexes with their tables. */
export function checkHealth(image: SqliteImage, check: "full" | "quick" = "full"): Health {
  const bytes = image.toBuffer();
  if (bytes.length === 0) return { status: "empty", problems: [] };
  try {
    const db = SqliteDatabase.fromImage(bytes, image.path);
    try {
      const problems = db.integrityProblems(check);
      return { status: problems.length === 0 ? "ok" : "corrupt", problems };
    } finally {
      db.close();
    }
  } catch (error) {
    if (!isCorruption(error)) throw error;
    return { status: hasMagic(bytes) ? "corrupt" : "not-a-database", problems: [messageOf(error)] };
  }
}

/** The health of a database file, by its header alone where it is too large for more. Errors of the file system are thrown. */
export function checkFile(path: string, options: ReadImageOptions = {}): Health {
  if (statOrUndefined(path) === undefined) return { status: "missing", problems: [] };
  try {
    return checkHealth(readImage(path, options));
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code !== "unsupported") throw error;
    return checkHeader(path);
  }
}

function checkHeader(path: string): Health {
  const header = readStart(path, 100);
  if (pageSizeOf(header) !== undefined) return { status: "unchecked", problems: [] };
  return { status: "not-a-database", problems: ["the file does not begin with a SQLite header"] };
}

/** Whether bytes begin as every SQLite file does. */
export function hasMagic(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, MAGIC.length) === MAGIC;
}

function messageOf(error: unknown): string {
  const cause = error instanceof RolloutError ? error.cause : error;
  return cause instanceof Error ? cause.message : String(error);
}
