/**
 * SQLite for the rest of the tool: open, run, check, close, with errors told apart. The only file that imports
 * better-sqlite3.
 *
 * It knows nothing of Codex's tables. A database that Codex may be using is never opened here just to be read: that is
 * `sqlite-image.ts`, which takes the bytes and leaves no trace; `SqliteDatabase.fromImage` then reads those bytes.
 */
import { closeSync, fsyncSync, openSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import type Database from "better-sqlite3";
import { type ErrorCode, RolloutError } from "../errors.ts";
import { fileError, statOrUndefined } from "./files.ts";

export type SqlValue = null | number | bigint | string | Uint8Array;

/** A row by column name. Integers beyond 2^53 come as bigint only from a reader that asks for it. */
export type SqlRow = Readonly<Record<string, SqlValue>>;

export interface SqlStatement {
  /** Runs a writing statement; returns the number of rows changed. */
  run(values?: readonly SqlValue[]): number;
  all(values?: readonly SqlValue[]): readonly SqlRow[];
  get(values?: readonly SqlValue[]): SqlRow | undefined;
}

/** One broken reference, as `PRAGMA foreign_key_check` reports it. */
export interface BrokenReference {
  readonly table: string;
  readonly rowid: number;
  readonly parent: string;
  /** Which of the table's foreign keys, by the numbers of `PRAGMA foreign_key_list`. */
  readonly key: number;
}

/** How long a statement waits for another process's lock before it fails with `busy`. Codex itself waits 5 s (§1.4). */
const DEFAULT_TIMEOUT_MS = 5000;

let loaded: typeof Database | undefined;

/** The native module, loaded with the first database: many commands need none. */
function database(): typeof Database {
  loaded ??= createRequire(import.meta.url)("better-sqlite3") as typeof Database;
  return loaded;
}

const COMPANIONS = ["", "-wal", "-shm", "-journal"] as const;

export class SqliteDatabase {
  readonly path: string;
  readonly #db: Database.Database;

  private constructor(path: string, db: Database.Database) {
    this.path = path;
    this.#db = db;
  }

  /** A new, empty file. Throws `mismatch` when something of that name exists. */
  static create(path: string): SqliteDatabase {
    guard(path, () => closeSync(openSync(path, "wx")));
    return new SqliteDatabase(
      path,
      guard(path, () => new (database())(path)),
    );
  }

  /** An existing file, for writing. SQLite reads it, its `-wal` included, only with the first statement. */
  static open(path: string, options: { readonly timeoutMs?: number } = {}): SqliteDatabase {
    // Only a stat: closing any descriptor of the file would drop the locks of this process's other connections to it.
    const stat = statOrUndefined(path);
    if (stat === undefined)
      throw new RolloutError("not-found", "there is no such database", { path, hint: "Check the path." });
    if (!stat.isFile()) throw new RolloutError("not-a-file", "the database is not a regular file", { path });
    const timeout = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    return new SqliteDatabase(
      path,
      guard(path, () => new (database())(path, { fileMustExist: true, timeout })),
    );
  }

  /** A database held in memory: the bytes of a file (see `SqliteImage.toBuffer`), or nothing. `path` is for messages. */
  static fromImage(bytes: Buffer | undefined, path = ":memory:"): SqliteDatabase {
    return new SqliteDatabase(
      path,
      guard(path, () => (bytes === undefined ? new (database())(":memory:") : new (database())(bytes))),
    );
  }

  /** Runs statements without values or results. */
  exec(sql: string): void {
    guard(this.path, () => this.#db.exec(sql));
  }

  prepare(sql: string): SqlStatement {
    const { path } = this;
    const statement = guard(path, () => this.#db.prepare<unknown[], SqlRow>(sql));
    return {
      run: (values = []) => guard(path, () => statement.run(...values).changes),
      all: (values = []) => guard(path, () => statement.all(...values)),
      get: (values = []) => guard(path, () => statement.get(...values)),
    };
  }

  all(sql: string, values: readonly SqlValue[] = []): readonly SqlRow[] {
    return this.prepare(sql).all(values);
  }

  get(sql: string, values: readonly SqlValue[] = []): SqlRow | undefined {
    return this.prepare(sql).get(values);
  }

  /** Rows one by one, for tables that should not be held whole. Integers beyond 2^53 come as bigint, others as number. */
  *rows(sql: string, values: readonly SqlValue[] = []): Generator<SqlRow> {
    const { path } = this;
    const statement = guard(path, () => this.#db.prepare<unknown[], Record<string, SqlValue>>(sql).safeIntegers());
    const cursor = guard(path, () => statement.iterate(...values));
    try {
      for (;;) {
        const next = guard(path, () => cursor.next());
        if (next.done === true) return;
        yield narrowed(next.value);
      }
    } finally {
      cursor.return?.();
    }
  }

  /** One transaction around `body`: committed when it returns, rolled back when it throws. */
  transaction<T>(body: () => T): T {
    this.exec("begin immediate");
    try {
      const result = body();
      this.exec("commit");
      return result;
    } catch (error) {
      // A full disk or a broken file may have ended the transaction already; the first error is the one to tell.
      if (this.#db.inTransaction) this.#db.exec("rollback");
      throw error;
    }
  }

  /** Lets `body` change `sqlite_schema` itself, which SQLite otherwise refuses. */
  withWritableSchema(body: () => void): void {
    guard(this.path, () => this.#db.unsafeMode(true).pragma("writable_schema = on"));
    try {
      body();
    } finally {
      this.#db.pragma("writable_schema = off");
      this.#db.unsafeMode(false);
    }
  }

  /**
   * What SQLite finds wrong with the file, at most `limit` messages; none means sound. `full` is its integrity_check;
   * `quick` its quick_check, which does not compare indexes with their tables.
   */
  integrityProblems(check: "full" | "quick" = "full", limit = 20): readonly string[] {
    const pragma = check === "full" ? "integrity_check" : "quick_check";
    const found = this.all(`pragma ${pragma}(${limit})`).flatMap((row) => Object.values(row).map(String));
    return found.filter((message) => message !== "ok");
  }

  brokenReferences(): readonly BrokenReference[] {
    return this.all("pragma foreign_key_check").map((row) => ({
      table: String(row["table"]),
      rowid: Number(row["rowid"]),
      parent: String(row["parent"]),
      key: Number(row["fkid"]),
    }));
  }

  /** Moves the whole `-wal` into the main file and empties it; false when somebody else still reads from it. */
  checkpoint(): boolean {
    return this.get("pragma wal_checkpoint(truncate)")?.["busy"] === 0;
  }

  /** Closes the file; with `sync`, what was written is then on the disk. */
  close(options: { readonly sync?: boolean } = {}): void {
    guard(this.path, () => this.#db.close());
    if (options.sync === true) guard(this.path, () => syncFile(this.path));
  }
}

/** Deletes a database file and whatever SQLite put beside it. Only for files that this program made. */
export function removeDatabase(path: string): void {
  for (const suffix of COMPANIONS) rmSync(path + suffix, { force: true });
}

/**
 * Whether another connection has the database open, found out by trying to have it alone: in WAL mode each connection shares a lock on
 * the main file for as long as it lives. Of a log that a killed process left, SQLite brings the commits into the main file meanwhile.
 */
export function hasOtherConnection(path: string): boolean {
  if (!["-wal", "-shm"].some((suffix) => statOrUndefined(path + suffix)?.isFile())) return false;
  try {
    const db = SqliteDatabase.open(path, { timeoutMs: 0 });
    try {
      db.exec("pragma locking_mode = exclusive");
      db.exec("begin immediate; rollback");
    } finally {
      db.close();
    }
    return false;
  } catch (error) {
    // What is damaged, or no database at all, is for others to judge.
    return error instanceof RolloutError && error.code === "busy";
  }
}

/** An identifier for use inside SQL text. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

const CORRUPTION_TEXTS = [
  "disk image is malformed",
  "schema is malformed",
  "malformed database schema",
  "is corrupt",
  "not a database",
  "sqlite_corrupt",
  "sqlite_notadb",
  "(code: 11)",
  "(code: 26)",
] as const;

/**
 * Whether an error says that a database file is damaged, by SQLite's result codes 11 and 26 or by its words
 * (state-and-compression §3.3). Locks, a full disk and missing rights are not damage.
 */
export function isCorruption(error: unknown): boolean {
  if (error instanceof RolloutError) return error.code === "damaged" || isCorruption(error.cause);
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB") return true;
  const message = error.message.toLowerCase();
  return CORRUPTION_TEXTS.some((text) => message.includes(text));
}

/** SQLite result names by what they mean for a run; the first that begins the name counts. */
const CODES: readonly (readonly [start: string, code: ErrorCode])[] = [
  ["SQLITE_BUSY", "busy"],
  ["SQLITE_LOCKED", "busy"],
  ["SQLITE_PROTOCOL", "busy"],
  ["SQLITE_FULL", "disk-full"],
  ["SQLITE_READONLY", "unwritable"],
  // The index of the log cannot grow: on a full disk that is noticed before anything is written.
  ["SQLITE_IOERR_SHMSIZE", "disk-full"],
  ["SQLITE_IOERR_READ", "unreadable"],
  ["SQLITE_IOERR_SHORT_READ", "unreadable"],
  ["SQLITE_IOERR", "unwritable"],
  ["SQLITE_PERM", "unwritable"],
  ["SQLITE_AUTH", "unwritable"],
  ["SQLITE_CANTOPEN", "unreadable"],
  ["SQLITE_TOOBIG", "unsupported"],
  ["SQLITE_CONSTRAINT", "mismatch"],
];

const WORDS: Partial<Record<ErrorCode, readonly [message: string, hint: string | undefined]>> = {
  damaged: ["the database is damaged", "Run `rollout-tool reindex` to rebuild it from the rollouts."],
  busy: [
    "the database is in use by another process",
    "Quit Codex (terminal, desktop app, editor extension) and run again.",
  ],
  "disk-full": ["no space is left on the disk", "Free some space and run again; the file there before is unchanged."],
  unwritable: ["the database cannot be written", "Check the permissions of the file and of its folder."],
  unreadable: ["the database cannot be read", "Check the permissions of the file and of its folder."],
  mismatch: ["a row breaks a rule of the schema", undefined],
};

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

function guard<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw translated(error, path);
  }
}

function translated(error: unknown, path: string): unknown {
  if (error instanceof RolloutError || !(error instanceof Error)) return error;
  if (isCorruption(error)) return failure("damaged", path, error);
  const asFileError = fileError(error, "write", path);
  if (asFileError instanceof RolloutError) return asFileError;
  const name = codeOf(error);
  const code = CODES.find(([start]) => name.startsWith(start))?.[1];
  if (code !== undefined) return failure(code, path, error);
  return failure("internal", path, error);
}

function failure(code: ErrorCode, path: string, cause: Error): RolloutError {
  const [message, hint] = WORDS[code] ?? ["a database statement failed", undefined];
  return new RolloutError(code, `${message} (${cause.message})`, { path, hint, cause });
}

function syncFile(path: string): void {
  const file = openSync(path, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

const SAFE_LIMIT = BigInt(Number.MAX_SAFE_INTEGER);

function narrowed(row: Record<string, SqlValue>): SqlRow {
  for (const [name, value] of Object.entries(row)) {
    if (typeof value === "bigint" && value <= SAFE_LIMIT && value >= -SAFE_LIMIT) row[name] = Number(value);
  }
  return row;
}
