/**
 * The state database mended: on a copy, which then takes its place (`repair-database.ts`). What is sound stays as it is, rows that
 * only say otherwise than their rollouts included (`row-differs`); a damaged file, or one that lacks columns, is built anew by the
 * machinery of `reindex`, with all that still reads of the old one.
 *
 *     copy ─► schema and migration rows ─► rows that break lists ─► rows by the rollouts ─► references
 */
import { desiredIndex, type DesiredIndex } from "../indexer/desired.ts";
import { findDifferences } from "../indexer/differences.ts";
import { KNOWN_LEVEL } from "../indexer/levels.ts";
import { type OldIndex, readOldIndex } from "../indexer/old-index.ts";
import type { ReindexOptions } from "../indexer/options.ts";
import {
  columnsOf,
  type Flavour,
  leastLevelWith,
  migrationRow,
  type MigrationRow,
  migrationRows,
  readMigrationState,
  schemaAt,
  threadColumns,
} from "../indexer/schema.ts";
import { type BackfillState, buildStateDb } from "../indexer/state-db.ts";
import { updateStateDb } from "../indexer/state-update.ts";
import { parseUuid, withoutVerbatimPrefix } from "../format/names.ts";
import { isWindows } from "../io/paths.ts";
import { quoteName, removeDatabase, SqliteDatabase, type SqlRow, type SqlValue } from "../io/sqlite.ts";
import type { Journal } from "../journal/journal.ts";
import type { Unit } from "../journal/types.ts";
import type { RepairContext } from "./repair-context.ts";
import { copyDatabase, databaseUnit } from "./repair-database.ts";
import type { PlannedRepair, RepairableCode } from "./repairs.ts";

export function stateUnit(repair: PlannedRepair, context: RepairContext, journal: Journal): Unit | undefined {
  const codes = new Set(repair.codes);
  return databaseUnit(repair, journal, (copy) => {
    if (codes.has("database-damaged")) return buildAnew(repair.path, copy, context);
    copyDatabase(repair.path, copy);
    if (mendSchema(copy, codes) === "lacks columns") return buildAnew(repair.path, copy, context);
    mendRows(copy, codes);
    mendByRollouts(copy, codes, new Set(repair.inStep), context);
    if (codes.has("database-reference")) withForeignKeys(copy, mendReferences);
    return true;
  });
}

function withCopy(copy: string, work: (db: SqliteDatabase) => void): void {
  const db = SqliteDatabase.open(copy);
  try {
    db.exec("pragma foreign_keys = off");
    db.transaction(() => work(db));
  } finally {
    db.close();
  }
}

function withForeignKeys(copy: string, work: (db: SqliteDatabase) => void): void {
  const db = SqliteDatabase.open(copy);
  try {
    db.exec("pragma foreign_keys = on");
    db.transaction(() => work(db));
  } finally {
    db.close();
  }
}

// ---- the whole file

function optionsAt(nowMs: number): ReindexOptions {
  return {
    rules: "best",
    level: undefined,
    mode: "write",
    force: false,
    rebuild: true,
    prune: false,
    allDatabases: false,
    thorough: false,
    lineEnds: systemFlavour(),
    now: () => nowMs,
  };
}

/** Builds of Codex for Windows have other checksums (state-and-compression §1.7). */
function systemFlavour(): Flavour {
  return isWindows() ? "crlf" : "lf";
}

function desiredOf(old: OldIndex, { home, discovery, now }: RepairContext): DesiredIndex {
  return desiredIndex({ home, options: optionsAt(now()), discovery, old, manifest: undefined });
}

function buildAnew(path: string, copy: string, context: RepairContext): boolean {
  const desired = desiredOf(readOldIndex(path), context);
  removeDatabase(copy);
  buildStateDb(copy, {
    level: desired.level,
    flavour: desired.flavour,
    rows: desired.rows,
    backfill: backfillOf(desired, context.now()),
  });
  return true;
}

function backfillOf(desired: DesiredIndex, nowMs: number): BackfillState {
  const nowSeconds = Math.floor(nowMs / 1000);
  return { status: "complete", lastWatermark: desired.watermark, lastSuccessAt: nowSeconds, updatedAt: nowSeconds };
}

// ---- schema and migrations

const OF_SCHEMA: readonly RepairableCode[] = ["schema-incomplete", "schema-unindexed"];
const OF_MIGRATIONS: readonly RepairableCode[] = [
  "migration-checksum",
  "migration-unfinished",
  "migration-missing",
  "migration-mixed",
];

/** Tables, indexes and triggers can be added; columns cannot, in their place. */
function mendSchema(copy: string, codes: ReadonlySet<RepairableCode>): "done" | "lacks columns" {
  if (![...OF_SCHEMA, ...OF_MIGRATIONS].some((code) => codes.has(code))) return "done";
  let lacksColumns = false;
  withCopy(copy, (db) => {
    const names = new Set(db.all("select name from sqlite_schema").map(({ name }) => String(name)));
    const rows = names.has("_sqlx_migrations") ? db.all("select * from _sqlx_migrations").map(migrationRow) : [];
    const state = readMigrationState(rows);
    const known = new Set(threadColumns(KNOWN_LEVEL));
    const width = columnsOf(db, "threads").filter(({ name }) => known.has(name)).length;
    const level = Math.max(1, state.level, leastLevelWith(names, width));
    lacksColumns = !hasColumns(db, names, level);
    if (lacksColumns) return;
    addObjects(db, names, level);
    if (OF_MIGRATIONS.some((code) => codes.has(code))) {
      const flavour = state.flavour === undefined || state.flavour === "mixed" ? systemFlavour() : state.flavour;
      putMigrations(db, rows, migrationRows(level, flavour));
    }
  });
  return lacksColumns ? "lacks columns" : "done";
}

function hasColumns(db: SqliteDatabase, names: ReadonlySet<string>, level: number): boolean {
  return [...schemaAt(level).tables].every(([table, columns]) => {
    if (!names.has(table)) return true;
    const there = new Set(columnsOf(db, table).map(({ name }) => name));
    return columns.every(({ name }) => there.has(name));
  });
}

function addObjects(db: SqliteDatabase, names: ReadonlySet<string>, level: number): void {
  const { objects, seeds } = schemaAt(level);
  const order = ["table", "index", "trigger"];
  const missing = objects.filter(({ name, sql }) => sql !== undefined && !names.has(name));
  for (const { sql = "" } of missing.toSorted((a, b) => order.indexOf(a.type) - order.indexOf(b.type))) db.exec(sql);
  for (const { type, name } of missing) {
    for (const row of type === "table" && name !== "_sqlx_migrations" ? (seeds.get(name) ?? []) : [])
      insert(db, name, row);
  }
}

/** Rows that are right stay as they are, and so do those of numbers that this version does not know. */
function putMigrations(db: SqliteDatabase, there: readonly MigrationRow[], wanted: readonly MigrationRow[]): void {
  const byVersion = new Map(there.map((row) => [row.version, row]));
  for (const { version, description, checksum } of wanted) {
    const old = byVersion.get(version);
    if (old?.success === true && Buffer.from(old.checksum).equals(checksum)) continue;
    db.prepare("delete from _sqlx_migrations where version = ?").run([version]);
    insert(db, "_sqlx_migrations", { version, description, success: 1, checksum, execution_time: 0 });
  }
}

function insert(db: SqliteDatabase, table: string, row: SqlRow): void {
  const names = Object.keys(row).map(quoteName).join(", ");
  const marks = Object.keys(row).map(() => "?");
  db.prepare(`insert or ignore into ${quoteName(table)} (${names}) values (${marks.join(", ")})`).run(
    Object.values(row),
  );
}

// ---- rows that need no rollout to be mended

function mendRows(copy: string, codes: ReadonlySet<RepairableCode>): void {
  if (codes.has("row-bad-id")) withForeignKeys(copy, removeBadIds);
  withCopy(copy, (db) => {
    if (codes.has("row-dangling-section")) emptySections(db);
    if (codes.has("row-path-verbatim")) shortenPaths(db);
  });
}

function removeBadIds(db: SqliteDatabase): void {
  const remove = db.prepare("delete from threads where rowid = ?");
  for (const { number = null, id } of db.all("select rowid as number, id from threads")) {
    if (typeof id !== "string" || parseUuid(id) === undefined) remove.run([number]);
  }
}

/** Whatever places a thread within a section goes with it. */
function emptySections(db: SqliteDatabase): void {
  const ofSection = ["thread_section_id", "section_position", "section_entered_at_ms"];
  const there = columnsOf(db, "threads").filter(({ name }) => ofSection.includes(name));
  const sets = there.map(({ name }) => `${quoteName(name)} = null`).join(", ");
  db.exec(`update threads set ${sets} where thread_section_id is not null
    and thread_section_id not in (select id from thread_sections)`);
}

function shortenPaths(db: SqliteDatabase): void {
  for (const column of ["rollout_path", "cwd"]) {
    const update = db.prepare(`update threads set ${column} = ? where rowid = ?`);
    for (const { number = null, value } of db.all(`select rowid as number, ${column} as value from threads`)) {
      if (typeof value !== "string") continue;
      const short = withoutVerbatimPrefix(value);
      if (short !== value) update.run([short, number]);
    }
  }
}

// ---- rows by the rollouts

/** Columns of `threads` that each finding is about. */
const COLUMNS: Readonly<Partial<Record<RepairableCode, readonly string[]>>> = {
  "row-path-wrong": ["rollout_path", "archived", "archived_at"],
  "row-other-thread": ["rollout_path", "archived", "archived_at"],
  "row-archived-wrong": ["archived", "archived_at"],
  "row-unknown-mode": ["history_mode"],
};

const OF_BACKFILL: readonly RepairableCode[] = ["backfill-unknown", "backfill-running", "backfill-stale"];

function mendByRollouts(
  copy: string,
  codes: ReadonlySet<RepairableCode>,
  inStep: ReadonlySet<string>,
  context: RepairContext,
): void {
  const columns = new Set([...codes].flatMap((code) => COLUMNS[code] ?? []));
  const hasBackfill = OF_BACKFILL.some((code) => codes.has(code));
  const addsRows = codes.has("row-missing") || hasBackfill;
  if (columns.size === 0 && !addsRows && inStep.size === 0) return;
  const old = readOldIndex(copy);
  const desired = desiredOf(old, context);
  const { missing, missingEdges, columns: differences, patches: all } = findDifferences(old, desired, true);
  const added = new Set(missing.map(({ id }) => id));
  const threads = new Map<string, SqlRow>(
    [...desired.threads, ...desired.keptRows].map((row) => [String(row["id"]), row as SqlRow]),
  );
  const patches = new Map<string, Record<string, SqlValue>>();
  for (const { id, column } of differences) {
    if (columns.has(column)) patches.set(id, { ...patches.get(id), [column]: threads.get(id)?.[column] ?? null });
  }
  for (const { id, values } of all) if (inStep.has(id)) patches.set(id, { ...values });
  for (const row of desired.keptRows) patches.set(String(row["id"]), keptPatch(row, columns));
  updateStateDb(copy, {
    threads: addsRows ? missing : [],
    edges: addsRows
      ? missingEdges.filter(({ child_thread_id: id }) => added.has(id)).map((edge): SqlRow => ({ ...edge }))
      : [],
    patches: [...patches].map(([id, values]) => ({ id, values })),
    ...(hasBackfill ? { backfill: backfillOf(desired, context.now()) } : {}),
  });
}

/** Of a thread whose file cannot be read only its place is known. */
function keptPatch(row: SqlRow, columns: ReadonlySet<string>): Record<string, SqlValue> {
  const names = ["rollout_path", "archived"].filter((name) => columns.has(name));
  return Object.fromEntries(names.map((name) => [name, row[name] ?? null]));
}

// ---- references

/** As if the row that a reference names had just been deleted: the reference is emptied or the row goes, as its key says. */
function mendReferences(db: SqliteDatabase): void {
  for (const { table, rowid, key: number } of db.brokenReferences()) {
    const name = quoteName(table);
    const keys = db.all(`pragma foreign_key_list(${name})`);
    const key = keys.find(({ id, seq }) => id === number && seq === 0);
    if (key === undefined) continue;
    const empties = key["on_delete"] === "SET NULL";
    const change = empties
      ? `update ${name} set ${quoteName(String(key["from"]))} = null`
      : key["on_delete"] === "CASCADE"
        ? `delete from ${name}`
        : undefined;
    if (change !== undefined) db.prepare(`${change} where rowid = ?`).run([rowid]);
  }
}
