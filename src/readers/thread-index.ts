/**
 * The rows of the state database as they are stored: what `list`, `show` and looking up a thread need of it, and no more.
 * Nothing is locked, created or changed (see `io/sqlite-image.ts`), and nothing about the database is an error here: a
 * caller that can do without it goes on with the rollouts (state-and-compression §1.8, §2.14).
 */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { isCorruption, SqliteDatabase, type SqlRow } from "../io/sqlite.ts";
import { readImage } from "../io/sqlite-image.ts";

export interface ThreadIndex {
  /** Absolute path of the database, whether it is there or not. */
  readonly path: string;
  /** `unreadable`: no permission, no regular file, or too large to be read whole. */
  readonly state: "sound" | "absent" | "empty" | "damaged" | "unreadable";
  /** Why it is not sound, in words safe to print. */
  readonly problem: string | undefined;
  /** Highest migration that has run; undefined when the database does not say. */
  readonly level: number | undefined;
  /** All columns that the file has, by name. Values may be of any type: the file may have been written by anyone. */
  readonly threads: readonly SqlRow[];
  readonly edges: readonly SpawnLink[];
  readonly sections: readonly ThreadSection[];
}

/** Which agent spawned which (state-and-compression §2.11). Neither thread need exist. */
export interface SpawnLink {
  readonly parentId: string;
  readonly childId: string;
  /** `open` or `closed`. */
  readonly status: string;
}

export interface ThreadSection {
  readonly id: string;
  readonly name: string;
}

const STATE_DB = "state_5.sqlite";

/** Reads the state database of a home. Never throws for what is wrong with the file. */
export function readThreadIndex(sqliteHome: string): ThreadIndex {
  const path = join(sqliteHome, STATE_DB);
  try {
    const bytes = readImage(path).toBuffer();
    return bytes.length === 0 ? unusable(path, "empty", "it is empty") : readBytes(bytes, path);
  } catch (error) {
    if (isCorruption(error)) return unusable(path, "damaged", "SQLite cannot read it");
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return error.code === "not-found"
      ? unusable(path, "absent", "there is none")
      : unusable(path, "unreadable", error.message);
  }
}

function readBytes(bytes: Buffer, path: string): ThreadIndex {
  const db = SqliteDatabase.fromImage(bytes, path);
  try {
    // Without this, a broken page could pass for a table with fewer rows.
    if (db.integrityProblems("quick", 1).length > 0) return unusable(path, "damaged", "SQLite finds it damaged");
    const tables = new Set(db.all("select name from sqlite_schema where type = 'table'").map(({ name }) => name));
    if (!tables.has("threads")) return unusable(path, "damaged", "it has no table of threads");
    const all = (table: string): readonly SqlRow[] => (tables.has(table) ? [...db.rows(`select * from ${table}`)] : []);
    return {
      path,
      state: "sound",
      problem: undefined,
      level: tables.has("_sqlx_migrations") ? levelOf(db) : undefined,
      threads: all("threads"),
      edges: all("thread_spawn_edges").flatMap(linkOf),
      sections: all("thread_sections").flatMap(sectionOf),
    };
  } finally {
    db.close();
  }
}

function levelOf(db: SqliteDatabase): number | undefined {
  const level = db.get("select max(version) as level from _sqlx_migrations where success")?.["level"];
  return typeof level === "number" ? level : undefined;
}

function unusable(path: string, state: ThreadIndex["state"], problem: string): ThreadIndex {
  return { path, state, problem, level: undefined, threads: [], edges: [], sections: [] };
}

function linkOf(row: SqlRow): readonly SpawnLink[] {
  const { parent_thread_id: parentId, child_thread_id: childId, status } = row;
  if (typeof parentId !== "string" || typeof childId !== "string" || typeof status !== "string") return [];
  return [{ parentId, childId, status }];
}

function sectionOf({ id, name }: SqlRow): readonly ThreadSection[] {
  return typeof id === "string" && typeof name === "string" ? [{ id, name }] : [];
}

/**
 * The name that Codex shows for a thread, or undefined where it shows none (state-and-compression §2.14): of a paginated
 * thread the column `name`; of a legacy one a title that is not just its first message, else its name in the session index.
 */
export function shownName(row: SqlRow, indexName: string | undefined): string | undefined {
  if (row.history_mode === "paginated") return nonEmpty(row.name);
  const title = nonEmpty(row.title);
  return title !== undefined && title !== nonEmpty(row.first_user_message) ? title : indexName;
}

function nonEmpty(value: unknown): string | undefined {
  const text = typeof value === "string" ? value.trim() : "";
  return text === "" ? undefined : text;
}
