/** `thread_history_1.sqlite`: what was projected of rollouts that are shorter by now goes; a damaged file goes as a whole. Codex makes it anew. */
import { SqliteDatabase } from "../io/sqlite.ts";
import type { Journal } from "../journal/journal.ts";
import type { Unit } from "../journal/types.ts";
import { MAX_HISTORY_BYTES, type RepairContext } from "./repair-context.ts";
import { copyDatabase, databaseUnit, removeDatabaseUnit } from "./repair-database.ts";
import { surveyRollout } from "./repair-survey.ts";
import type { PlannedRepair } from "./repairs.ts";

export function historyUnit(repair: PlannedRepair, context: RepairContext, journal: Journal): Unit | undefined {
  if (repair.codes.includes("database-damaged")) return removeDatabaseUnit(repair);
  return databaseUnit(repair, journal, (copy) => {
    copyDatabase(repair.path, copy, MAX_HISTORY_BYTES);
    const db = SqliteDatabase.open(copy);
    try {
      return forget(db, new Set(repair.inStep), context);
    } finally {
      db.close();
    }
  });
}

/** Tables of a projection (state-and-compression §3.7). */
const PROJECTED = ["thread_turns", "thread_items", "thread_history_projection_state"] as const;

/** What was projected of the rollouts that are named, and of those that are shorter than what was projected of them. */
function forget(db: SqliteDatabase, named: ReadonlySet<string>, { discovery }: RepairContext): boolean {
  const tables = new Set(db.all("select name from sqlite_schema where type = 'table'").map(({ name }) => String(name)));
  const states = db.all("select thread_id, next_rollout_byte_offset as next from thread_history_projection_state");
  const next = new Map(states.map(({ thread_id: id, next: offset }) => [String(id), Number(offset)]));
  const past = discovery.files.flatMap(({ path, name, sizeBytes }) => {
    const id = name?.rolloutId;
    const reached = id === undefined ? undefined : next.get(id);
    if (id === undefined || reached === undefined) return [];
    if (named.has(id)) return [id];
    // Only who is not longer on the disk than what was read can be shorter.
    const isPlain = path.endsWith(".jsonl");
    if (isPlain && sizeBytes >= reached) return [];
    const { plainBytes, damage } = surveyRollout(path);
    return damage === undefined && plainBytes < reached ? [id] : [];
  });
  const statements = PROJECTED.filter((table) => tables.has(table)).map((table) =>
    db.prepare(`delete from ${table} where thread_id = ?`),
  );
  db.transaction(() => {
    for (const id of past) for (const statement of statements) statement.run([id]);
  });
  return past.length > 0;
}
