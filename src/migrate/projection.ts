/**
 * What Codex keeps of a paginated rollout in `thread_history_1.sqlite`, so that it can show turns without reading the file: made with
 * the migration, as Codex's own makes it, or clients would show no turns until the thread is resumed once (rollout-format §8.3). All of
 * it can be made again from the rollout at any time, so that it is written behind the unit and is no part of what an undo brings back.
 */
import { RolloutError } from "../errors.ts";
import { statOrUndefined } from "../io/files.ts";
import { quoteName, SqliteDatabase, type SqlRow, type SqlValue } from "../io/sqlite.ts";
import { readRollout } from "../readers/rollout.ts";
import type { ItemPlace, ThreadItem, Turn, TurnPlace } from "../thread/items.ts";
import { turnsOf } from "../thread/turns.ts";

const COLUMNS = {
  thread_turns: [
    "thread_id",
    "turn_id",
    "rollout_ordinal",
    "status",
    "error_json",
    "started_at",
    "completed_at",
    "duration_ms",
    "first_user_item_id",
    "final_agent_item_id",
    "rollout_byte_offset",
    "rollout_end_ordinal",
    "rollout_end_byte_offset",
    "root_turn_id",
  ],
  thread_items: [
    "thread_id",
    "turn_id",
    "item_id",
    "rollout_ordinal",
    "created_at_ms",
    "item_json",
    "item_type",
    "updated_at_ordinal",
    "started_at_ms",
    "completed_at_ms",
  ],
  thread_history_projection_state: ["thread_id", "next_rollout_byte_offset", "next_rollout_ordinal"],
} as const;

type Table = keyof typeof COLUMNS;

const TABLES = Object.keys(COLUMNS) as Table[];

export interface ProjectedRollout {
  /** Absolute. */
  readonly path: string;
  readonly rolloutId: string;
  /** Its lines: each is a record, and has the ordinal of its place. */
  readonly lines: number;
  /** Of the plain text. */
  readonly plainBytes: number;
}

/**
 * Writes the projections of rollouts that were just made, one transaction each. `guard` calls back for those whose files are still what
 * was made, for as long as nobody can change them.
 * @returns why they were not; undefined when they were.
 */
export function writeProjections<Rollout extends ProjectedRollout>(
  database: string,
  rollouts: readonly Rollout[],
  guard: (rollout: Rollout, write: () => void) => void,
): string | undefined {
  if (rollouts.length === 0) return undefined;
  if ((statOrUndefined(database)?.size ?? 0) === 0) return NO_DATABASE;
  try {
    const db = SqliteDatabase.open(database);
    try {
      if (!isKnown(db)) return "the database of thread histories is of another release";
      for (const rollout of rollouts) {
        guard(rollout, () => db.transaction(() => replaceRows(db, rollout)));
      }
      db.checkpoint();
      return undefined;
    } finally {
      db.close({ sync: true });
    }
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return error.message;
  }
}

const NO_DATABASE = "there is no database of thread histories yet";

function isKnown(db: SqliteDatabase): boolean {
  return TABLES.every((table) => {
    const columns = db.all(`select name, "notnull", dflt_value from pragma_table_info('${table}')`);
    const known: ReadonlySet<unknown> = new Set(COLUMNS[table]);
    const names = new Set(columns.map(({ name }) => name));
    return (
      COLUMNS[table].every((column) => names.has(column)) &&
      columns.every(({ name, notnull, dflt_value: value }) => known.has(name) || notnull === 0 || value !== null)
    );
  });
}

function replaceRows(db: SqliteDatabase, rollout: ProjectedRollout): void {
  for (const table of TABLES)
    db.prepare(`delete from ${quoteName(table)} where thread_id = ?`).run([rollout.rolloutId]);
  const insert = Object.fromEntries(TABLES.map((table) => [table, inserter(db, table)])) as Record<Table, Insert>;
  const { turns, places } = turnsOf(readRollout(rollout.path));
  for (const [index, turn] of turns.entries()) {
    const place = places[index] as TurnPlace;
    insert.thread_turns(turnRow(rollout, turn, place));
    for (const [at, item] of turn.items.entries()) {
      insert.thread_items(itemRow(rollout, turn, item, place.items[at] as ItemPlace));
    }
  }
  insert.thread_history_projection_state({
    thread_id: rollout.rolloutId,
    next_rollout_byte_offset: rollout.plainBytes,
    next_rollout_ordinal: rollout.lines,
  });
}

type Insert = (row: SqlRow) => void;

function inserter(db: SqliteDatabase, table: Table): Insert {
  const columns = COLUMNS[table];
  const marks = columns.map(() => "?").join(", ");
  const statement = db.prepare(`insert into ${quoteName(table)} (${columns.join(", ")}) values (${marks})`);
  return (row) => void statement.run(columns.map((column): SqlValue => row[column] ?? null));
}

function turnRow({ rolloutId }: ProjectedRollout, turn: Turn, { opened, ended }: TurnPlace): SqlRow {
  const isEnded = ended !== undefined;
  return {
    thread_id: rolloutId,
    turn_id: turn.id,
    rollout_ordinal: opened.line - 1,
    status: isEnded ? turn.status : "inProgress",
    error_json: turn.error === null ? null : JSON.stringify(turn.error),
    started_at: turn.startedAt,
    completed_at: turn.completedAt,
    duration_ms: turn.durationMs,
    first_user_item_id: turn.items.find(({ type }) => type === "userMessage")?.id ?? null,
    final_agent_item_id: isEnded ? (turn.items.findLast(({ type }) => type === "agentMessage")?.id ?? null) : null,
    rollout_byte_offset: opened.offset,
    rollout_end_ordinal: isEnded ? ended.line - 1 : null,
    rollout_end_byte_offset: isEnded ? ended.offset + ended.length + 1 : null,
    root_turn_id: turn.rootTurnId,
  };
}

function itemRow({ rolloutId }: ProjectedRollout, turn: Turn, item: ThreadItem, place: ItemPlace): SqlRow {
  const { startedAtMs, completedAtMs, ...shown } = item;
  return {
    thread_id: rolloutId,
    turn_id: turn.id,
    item_id: item.id,
    rollout_ordinal: place.first.line - 1,
    created_at_ms: completedAtMs ?? startedAtMs ?? 0,
    item_json: JSON.stringify(shown),
    item_type: item.type,
    updated_at_ordinal: place.last.line - 1,
    started_at_ms: startedAtMs,
    completed_at_ms: completedAtMs,
  };
}
