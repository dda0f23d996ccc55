/**
 * The database that is there before a run, as far as it can be read: its state, its level, and its rows by table.
 * Reading leaves no trace; of a damaged file, whatever still reads is taken page by page (`salvage.ts`).
 */
import { lstatOrUndefined } from "../io/files.ts";
import { isCorruption, quoteName, SqliteDatabase, type SqlRow } from "../io/sqlite.ts";
import { checkHealth, readImage, type SqliteImage } from "../io/sqlite-image.ts";
import { KNOWN_LEVEL } from "./levels.ts";
import type { DatabaseState } from "./report.ts";
import { salvage } from "./salvage.ts";
import {
  columnsOf,
  type Flavour,
  leastLevelWith,
  type MigrationProblem,
  migrationRow,
  readMigrationState,
  threadColumns,
} from "./schema.ts";

export interface OldIndex {
  readonly state: DatabaseState;
  /** Highest migration that is known to have run; undefined when nothing tells. */
  readonly level: number | undefined;
  readonly flavour: Flavour | undefined;
  readonly problems: readonly string[];
  /** Rows of every table that could be read, `threads` included, without those that a run writes itself. */
  readonly tables: ReadonlyMap<string, readonly SqlRow[]>;
  /** The single row of `backfill_state`, if any. */
  readonly backfill: SqlRow | undefined;
  readonly pages: number;
  readonly unreadablePages: number;
}

const NOTHING = { level: undefined, flavour: undefined, problems: [], tables: new Map(), backfill: undefined };
const NO_PAGES = { pages: 0, unreadablePages: 0 };

/** @throws RolloutError only when the file cannot be read at all (no permission). */
export function readOldIndex(path: string): OldIndex {
  const sizeBytes = lstatOrUndefined(path)?.size;
  const walBytes = lstatOrUndefined(`${path}-wal`)?.size ?? 0;
  if ((sizeBytes ?? 0) + walBytes === 0) {
    return { state: sizeBytes === undefined ? "absent" : "empty", ...NOTHING, ...NO_PAGES };
  }
  // A log without its main file is no database, but it may hold nearly all of one.
  if (sizeBytes === undefined) return readDamaged(path, ["its main file is gone; only the log is left"]);
  const healthy = readHealthy(path);
  return healthy.ok ? healthy.index : readDamaged(path, healthy.problems);
}

type Attempt =
  | { readonly ok: true; readonly index: OldIndex }
  | { readonly ok: false; readonly problems: readonly string[] };

function readHealthy(path: string): Attempt {
  try {
    const image = readImage(path);
    const health = checkHealth(image);
    if (health.status === "empty") return { ok: true, index: { state: "empty", ...NOTHING, ...NO_PAGES } };
    if (health.status !== "ok") return { ok: false, problems: health.problems };
    return { ok: true, index: indexOf(image, path) };
  } catch (error) {
    if (isCorruption(error)) return { ok: false, problems: [error instanceof Error ? error.message : String(error)] };
    throw error;
  }
}

function indexOf(image: SqliteImage, path: string): OldIndex {
  const db = SqliteDatabase.fromImage(image.toBuffer(), path);
  try {
    const names = db.all("select name from sqlite_schema where type = 'table'").map(({ name }) => String(name));
    if (!names.includes("threads")) {
      return { state: "damaged", ...NOTHING, problems: ["it has no table of threads"], ...NO_PAGES };
    }
    const migrations = names.includes("_sqlx_migrations") ? db.all("select * from _sqlx_migrations") : [];
    const found = migrationState(migrations, levelOfSchema(db));
    const tables = new Map(
      names
        .filter((name) => !OWN_TABLES.has(name))
        .map((name) => [name, [...db.rows(`select * from ${quoteName(name)}`)]]),
    );
    const backfill = names.includes("backfill_state") ? db.get("select * from backfill_state") : undefined;
    return { ...found, tables, backfill, pages: image.pageCount, unreadablePages: 0 };
  } finally {
    db.close();
  }
}

/** Written anew by every build. */
const OWN_TABLES = new Set(["_sqlx_migrations", "backfill_state", "sqlite_sequence"]);

function readDamaged(path: string, problems: readonly string[]): OldIndex {
  const found = salvage(path);
  const tables = new Map(
    Object.entries(found.tables)
      .filter(([name]) => !OWN_TABLES.has(name))
      .map(([name, rows]) => [name, rows.map(({ row }) => row)] as const),
  );
  return {
    state: "damaged",
    level: found.level,
    flavour: found.flavour,
    problems,
    tables,
    backfill: undefined,
    pages: found.pages,
    unreadablePages: found.unreadablePages,
  };
}

/** The level that the objects of a file show, whatever its migration rows say. */
function levelOfSchema(db: SqliteDatabase): number {
  const names = db
    .all("select name from sqlite_schema where type in ('table', 'index')")
    .map(({ name }) => String(name));
  const known = new Set(threadColumns(KNOWN_LEVEL));
  return leastLevelWith(names, columnsOf(db, "threads").filter(({ name }) => known.has(name)).length);
}

function migrationState(
  rows: readonly SqlRow[],
  schemaLevel: number,
): Pick<OldIndex, "state" | "level" | "flavour" | "problems"> {
  const { level: rowLevel, flavour, problems } = readMigrationState(rows.map(migrationRow));
  const fatal = problems.filter(({ kind }) => kind !== "unknown");
  // Codex would run steps again whose effect is there already, and fail (state-and-compression §1.6).
  const behind = rowLevel < schemaLevel;
  const level = Math.max(rowLevel, schemaLevel);
  const told = problems.map(({ kind, version }) => PROBLEMS[kind](version));
  return {
    state: fatal.length === 0 && !behind && rowLevel > 0 ? "healthy" : "refused",
    level: level === 0 ? undefined : level,
    flavour: flavour === "mixed" ? undefined : flavour,
    problems: behind
      ? [...told, `its tables are of level ${schemaLevel}, its migration rows end at ${rowLevel}`]
      : told,
  };
}

const PROBLEMS: Readonly<Record<MigrationProblem["kind"], (version: number | undefined) => string>> = {
  checksum: (version) => `migration ${version} has another checksum than any release of Codex`,
  unfinished: (version) => `migration ${version} did not finish`,
  missing: (version) => `migration ${version} is missing although later ones have run`,
  unknown: (version) => `migration ${version} is not known to this version`,
  "recency-collision": () => "migration 38 is the recency step that later became 39",
  mixed: () => "its migrations come from Windows and from other builds",
};

/** Rows of `threads` by id; of several rows of one id the first. */
export function threadRows(index: OldIndex): ReadonlyMap<string, SqlRow> {
  const rows = new Map<string, SqlRow>();
  for (const row of index.tables.get("threads") ?? []) {
    if (typeof row.id === "string" && !rows.has(row.id)) rows.set(row.id, row);
  }
  return rows;
}
