/**
 * The SQLite files of a home: sound or not, and whether Codex would start on the state database (state-and-compression §1.6,
 * §1.7, §3.1, §3.4). They are read as bytes: nothing is opened, locked or changed. `rows.ts` judges what the rows say.
 */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { STATE_DB } from "../indexer/database-files.ts";
import { KNOWN_LEVEL } from "../indexer/levels.ts";
import { inspectNeighbours } from "../indexer/neighbours.ts";
import {
  columnsOf,
  leastLevelWith,
  type MigrationProblemKind,
  readMigrationState,
  schemaAt,
  storedMigrationRows,
  threadColumns,
} from "../indexer/schema.ts";
import { listFolder, lstatOrUndefined } from "../io/files.ts";
import { isWindows } from "../io/paths.ts";
import { SqliteDatabase, type SqlRow } from "../io/sqlite.ts";
import { checkHealth, readImage } from "../io/sqlite-image.ts";
import type { FindingCode } from "./checks.ts";
import type { Tell } from "./findings.ts";

/** What the state database holds, where SQLite can read it. */
export interface StateRows {
  readonly path: string;
  readonly level: number;
  readonly threads: readonly SqlRow[];
  readonly edges: readonly SqlRow[];
  /** Ids; undefined in a database of before sections. */
  readonly sections: ReadonlySet<string> | undefined;
}

/** Undefined where there is none, or none that can be read. */
export function checkStateDatabase(
  sqliteHome: string,
  hasRollouts: boolean,
  nowMs: number,
  tell: Tell,
): StateRows | undefined {
  const path = join(sqliteHome, STATE_DB);
  const newer = filesOf(sqliteHome).find(({ name }) => Number(/^state_(\d+)\.sqlite$/.exec(name)?.[1] ?? 0) > 5);
  if (newer !== undefined) tell("database-newer", { path: join(sqliteHome, newer.name) });
  try {
    const image = readImage(path);
    const { status, problems } = checkHealth(image);
    if (status === "empty") {
      tell("database-absent", { path }, "it is empty");
      return undefined;
    }
    if (status !== "ok") {
      tell("database-damaged", { path }, problems[0]);
      return undefined;
    }
    const db = SqliteDatabase.fromImage(image.toBuffer(), path);
    try {
      return readState(db, path, nowMs, tell);
    } finally {
      db.close();
    }
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    if (error.code === "not-found") {
      if (hasRollouts) tell("database-absent", { path });
    } else tell(error.code === "damaged" ? "database-damaged" : "database-unreadable", { path }, error.message);
    return undefined;
  }
}

/** A folder for databases that is configured and not there is an empty one. */
function filesOf(sqliteHome: string): ReturnType<typeof listFolder> {
  return lstatOrUndefined(sqliteHome) === undefined ? [] : listFolder(sqliteHome);
}

function readState(db: SqliteDatabase, path: string, nowMs: number, tell: Tell): StateRows | undefined {
  const objects = db.all("select type, name from sqlite_schema").map(({ type, name }) => [type, String(name)] as const);
  const tables = new Set(objects.filter(([type]) => type === "table").map(([, name]) => name));
  if (!tables.has("threads")) {
    tell("database-damaged", { path }, "it has no table of threads");
    return undefined;
  }
  const names = new Set(objects.map(([, name]) => name));
  const level = checkMigrations(db, path, { tables, names }, tell);
  const references = db.brokenReferences();
  if (references.length > 0) {
    const [first] = references;
    tell("database-reference", { path }, `${references.length} rows, the first in ${first?.table ?? "a table"}`);
  }
  if (tables.has("backfill_state")) checkBackfill(db.get("select * from backfill_state"), path, nowMs, tell);
  const all = (table: string): readonly SqlRow[] => (tables.has(table) ? [...db.rows(`select * from ${table}`)] : []);
  const sections = tables.has("thread_sections")
    ? new Set(all("thread_sections").map(({ id }) => String(id)))
    : undefined;
  return { path, level, threads: all("threads"), edges: all("thread_spawn_edges"), sections };
}

const MIGRATION_CODES: Readonly<Record<MigrationProblemKind, FindingCode>> = {
  checksum: "migration-checksum",
  unfinished: "migration-unfinished",
  missing: "migration-missing",
  unknown: "migration-unknown",
  "recency-collision": "migration-recency",
  mixed: "migration-mixed",
};

interface Objects {
  readonly tables: ReadonlySet<string>;
  /** Of tables, indexes and triggers. */
  readonly names: ReadonlySet<string>;
}

/** Returns the level that rows and tables show. */
function checkMigrations(db: SqliteDatabase, path: string, objects: Objects, tell: Tell): number {
  const rows = objects.tables.has("_sqlx_migrations") ? storedMigrationRows(db) : [];
  const { level, flavour, problems } = readMigrationState(rows);
  for (const { kind, version } of problems) {
    tell(MIGRATION_CODES[kind], { path }, version === undefined ? undefined : `migration ${version}`);
  }
  if (flavour !== undefined && flavour !== "mixed" && (flavour === "crlf") !== isWindows()) {
    tell("migration-foreign", { path });
  }
  const columns = columnsOf(db, "threads").map(({ name }) => name);
  const known = new Set(threadColumns(KNOWN_LEVEL));
  const shown = leastLevelWith(objects.names, columns.filter((name) => known.has(name)).length);
  if (level < shown) {
    tell("migration-missing", { path }, `its tables are of level ${shown}, its migration rows end at ${level}`);
  }
  const isKnown = problems.every(({ kind }) => kind !== "unknown");
  if (isKnown && level > 0 && level >= shown) checkSchema(db, path, level, objects, tell);
  return Math.max(level, shown);
}

/** By names: the statements of a release differ from ours in spelling alone. What SQLite makes by itself does not count. */
function checkSchema(db: SqliteDatabase, path: string, level: number, { names, tables }: Objects, tell: Tell): void {
  const schema = schemaAt(level);
  const made = schema.objects.filter(({ name, sql }) => sql !== undefined && !names.has(name));
  const missing = made.filter(({ type }) => type === "table").map(({ name }) => name);
  for (const [table, columns] of schema.tables) {
    if (!tables.has(table)) continue;
    const there = new Set(columnsOf(db, table).map(({ name }) => name));
    missing.push(...columns.filter(({ name }) => !there.has(name)).map(({ name }) => `${table}.${name}`));
  }
  if (missing.length > 0) tell("schema-incomplete", { path }, `it lacks ${some(missing)}`);
  const helpers = made.filter(({ type }) => type !== "table").map(({ name }) => name);
  if (helpers.length > 0) tell("schema-unindexed", { path }, `it lacks ${some(helpers)}`);
  const extra = [...tables].filter((name) => !schema.tables.has(name) && !name.startsWith("sqlite_"));
  if (extra.length > 0) tell("schema-extra", { path }, `it also has ${some(extra)}`);
}

function some(names: readonly string[]): string {
  return names.slice(0, 8).join(", ") + (names.length > 8 ? ` and ${names.length - 8} more` : "");
}

/** So long a backfill keeps others out (§3.1). */
const LEASE_MS = 900_000;

function checkBackfill(row: SqlRow | undefined, path: string, nowMs: number, tell: Tell): void {
  const status = row?.["status"];
  if (status === undefined || status === "complete" || status === "pending") return;
  if (status !== "running") tell("backfill-unknown", { path });
  else {
    const ageMs = nowMs - Number(row?.["updated_at"] ?? 0) * 1000;
    tell(ageMs < LEASE_MS ? "backfill-running" : "backfill-stale", { path });
  }
}

/** The databases beside the state database. */
export function checkNeighbours(sqliteHome: string, tell: Tell): void {
  for (const { file, state, message } of inspectNeighbours(sqliteHome, false)) {
    if (state === "damaged") tell("database-damaged", { path: join(sqliteHome, file) }, message);
    else if (state === "not-checked") tell("database-unreadable", { path: join(sqliteHome, file) }, message);
  }
}
