/**
 * Changing a healthy `state_5.sqlite` in place: the incremental side of a reindex. All changes are one transaction, and
 * afterwards the file is closed with nothing left in its `-wal`. Building a new file is `state-db.ts`.
 */
import { quoteName, SqliteDatabase, type SqlRow, type SqlStatement, type SqlValue } from "../io/sqlite.ts";
import { type Column, columnsOf } from "./schema.ts";
import { type BackfillState, storedBackfill, valuesOf, withTimes } from "./state-db.ts";

/** Sets named columns of one row of `threads` to given values, whatever was there. */
export interface ThreadPatch {
  readonly id: string;
  readonly values: SqlRow;
}

export interface StateDbChanges {
  /** Freshly extracted rows; existing ones are overlaid by Codex's own rules (state-and-compression §2.10). */
  readonly threads?: Iterable<SqlRow>;
  /** Rows of `thread_spawn_edges`; a child that already has an edge keeps it (§2.11). */
  readonly edges?: Iterable<SqlRow>;
  readonly patches?: Iterable<ThreadPatch>;
  /** Ids of threads whose rows go, with what hangs on them by foreign key. */
  readonly removed?: Iterable<string>;
  readonly backfill?: BackfillState;
}

/** Rows touched, by kind of change. */
export interface UpdateReport {
  readonly inserted: number;
  readonly updated: number;
  readonly patched: number;
  readonly removed: number;
  readonly edgesInserted: number;
  /** False when another process was still reading: the changes then wait in the `-wal`, as after any write of Codex. */
  readonly checkpointed: boolean;
}

/**
 * Applies the changes or none of them. Throws `busy` when another process holds the database for longer than
 * `timeoutMs`, `damaged` when the file turns out broken, `mismatch` when a row breaks a rule of the schema.
 */
export function updateStateDb(
  path: string,
  changes: StateDbChanges,
  options: { readonly timeoutMs?: number } = {},
): UpdateReport {
  const db = SqliteDatabase.open(path, options);
  let written = false;
  try {
    const report = db.transaction(() => apply(db, changes));
    written = true;
    return { ...report, checkpointed: db.checkpoint() };
  } finally {
    db.close({ sync: written });
  }
}

function apply(db: SqliteDatabase, changes: StateDbChanges): Omit<UpdateReport, "checkpointed"> {
  const columns = columnsOf(db, "threads");
  const removed = runAll(db.prepare("delete from threads where id = ?"), changes.removed ?? [], (id) => [id]);
  const { inserted, updated } = upsertThreads(db, columns, changes.threads ?? []);
  const patched = patchThreads(db, columns, changes.patches ?? []);
  const edge = db.prepare(`
    insert into thread_spawn_edges (parent_thread_id, child_thread_id, status) values (?, ?, ?)
    on conflict (child_thread_id) do nothing`);
  const edgesInserted = runAll(edge, changes.edges ?? [], edgeValues);
  if (changes.backfill !== undefined) putBackfill(db, changes.backfill);
  return { inserted, updated, patched, removed, edgesInserted };
}

function runAll<T>(statement: SqlStatement, items: Iterable<T>, valuesFor: (item: T) => readonly SqlValue[]): number {
  let changed = 0;
  for (const item of items) changed += statement.run(valuesFor(item));
  return changed;
}

function edgeValues(row: SqlRow): readonly SqlValue[] {
  return [row["parent_thread_id"] ?? null, row["child_thread_id"] ?? null, row["status"] ?? "open"];
}

function putBackfill(db: SqliteDatabase, state: BackfillState): void {
  const row = storedBackfill(state);
  const marks = Object.keys(row).map(() => "?");
  db.prepare(`insert or replace into backfill_state (${Object.keys(row).join(", ")}) values (${marks.join(", ")})`).run(
    Object.values(row),
  );
}

/** What an existing row gets, in SQL: `old.` is the row that is there, `new.` the one that comes. */
const ALWAYS_NEW = "new.";
const OLD_UNLESS_NULL = "coalesce(old., new.)";
const NEW_UNLESS_NULL = "coalesce(new., old.)";

/** §2.10. Columns that are not named here keep what they have: they only get a value when the row is inserted. */
const OVERLAYS: Readonly<Record<string, string>> = {
  rollout_path: ALWAYS_NEW,
  created_at: ALWAYS_NEW,
  created_at_ms: ALWAYS_NEW,
  updated_at: ALWAYS_NEW,
  updated_at_ms: ALWAYS_NEW,
  source: ALWAYS_NEW,
  thread_source: ALWAYS_NEW,
  agent_nickname: ALWAYS_NEW,
  agent_role: ALWAYS_NEW,
  agent_path: ALWAYS_NEW,
  model_provider: ALWAYS_NEW,
  model: ALWAYS_NEW,
  reasoning_effort: ALWAYS_NEW,
  cwd: ALWAYS_NEW,
  cli_version: ALWAYS_NEW,
  sandbox_policy: ALWAYS_NEW,
  approval_mode: ALWAYS_NEW,
  tokens_used: ALWAYS_NEW,
  first_user_message: ALWAYS_NEW,
  archived: ALWAYS_NEW,
  archived_at: ALWAYS_NEW,
  // A title that is not the first message was given by the user; Codex's backfill keeps it.
  title: "case when old. <> '' and old. <> threads.first_user_message then old. else new. end",
  preview: "case when new. = '' then old. else new. end",
  git_sha: OLD_UNLESS_NULL,
  git_branch: OLD_UNLESS_NULL,
  git_origin_url: OLD_UNLESS_NULL,
  originator: OLD_UNLESS_NULL,
  creator_user_id: OLD_UNLESS_NULL,
  creator_account_id: OLD_UNLESS_NULL,
  attached_thread_parent_id: NEW_UNLESS_NULL,
  history_mode: "case when old. = 'paginated' then old. else new. end",
};

/** Only for rows that state one: a rollout without a memory mode says nothing about the one that is stored. */
const MEMORY_MODE = { memory_mode: "case when threads.history_mode = 'paginated' then old. else new. end" };
/** Before there was a history mode (level 40) no thread was paginated. */
const MEMORY_MODE_WITHOUT_HISTORY_MODE = { memory_mode: ALWAYS_NEW };

function upsertThreads(
  db: SqliteDatabase,
  columns: readonly Column[],
  rows: Iterable<SqlRow>,
): { readonly inserted: number; readonly updated: number } {
  const names = new Set(columns.map((column) => column.name));
  const memoryMode = names.has("history_mode") ? MEMORY_MODE : MEMORY_MODE_WITHOUT_HISTORY_MODE;
  const silent = db.prepare(upsertSql(columns, OVERLAYS));
  const stating = db.prepare(upsertSql(columns, { ...OVERLAYS, ...memoryMode }));
  const existing = db.prepare("select 1 from threads where id = ?");
  const counts = { inserted: 0, updated: 0 };
  for (const row of rows) {
    const isNew = existing.get([row["id"] ?? null]) === undefined;
    (row["memory_mode"] == null ? silent : stating).run(valuesOf(withTimes(row), columns));
    counts[isNew ? "inserted" : "updated"] += 1;
  }
  return counts;
}

function upsertSql(columns: readonly Column[], overlays: Readonly<Record<string, string>>): string {
  const names = columns.map((column) => quoteName(column.name));
  const changes = columns.flatMap(({ name }) => {
    const overlay = overlays[name];
    if (overlay === undefined) return [];
    const value = overlay
      .replaceAll("old.", `threads.${quoteName(name)}`)
      .replaceAll("new.", `excluded.${quoteName(name)}`);
    return [`${quoteName(name)} = ${value}`];
  });
  return `
    insert into threads (${names.join(", ")}) values (${names.map(() => "?").join(", ")})
    on conflict (id) do update set ${changes.join(", ")}`;
}

function patchThreads(db: SqliteDatabase, columns: readonly Column[], patches: Iterable<ThreadPatch>): number {
  const known = new Set(columns.map((column) => column.name));
  const statements = new Map<string, SqlStatement>();
  let patched = 0;
  for (const { id, values } of patches) {
    const names = Object.keys(values).filter((name) => known.has(name) && name !== "id");
    if (names.length === 0) continue;
    const sql = `update threads set ${names.map((name) => `${quoteName(name)} = ?`).join(", ")} where id = ?`;
    const statement = statements.get(sql) ?? db.prepare(sql);
    statements.set(sql, statement);
    patched += statement.run([...names.map((name) => values[name] ?? null), id]);
  }
  return patched;
}
