/** Changes of single rows, in one transaction each way. Rows are known by their key, and only the columns named are looked at. */
import { RolloutError } from "../errors.ts";
import { quoteName, SqliteDatabase, type SqlRow, type SqlValue } from "../io/sqlite.ts";
import type { RowChange } from "./types.ts";

/** `before`: as it was; `after`: as it is to be; `other`: somebody else has changed it. */
type RowState = "before" | "after" | "other";

/** Carries out all changes or none. @throws RolloutError `mismatch` when a row is not as it was, `busy`, `damaged`. */
export function applyRows(path: string, changes: readonly RowChange[]): void {
  within(path, (db) => {
    for (const change of changes) {
      const state = stateOf(db, change);
      if (state === "after") continue;
      if (state === "other") {
        const message = `a row of ${change.table} has changed meanwhile`;
        throw new RolloutError("mismatch", message, { path, hint: "run again" });
      }
      put(db, change, change.after);
    }
  });
}

/** Brings the rows back, the last first; one that has changed since keeps what it has. Returns how many were left so. */
export function revertRows(path: string, changes: readonly RowChange[]): number {
  let left = 0;
  within(path, (db) => {
    for (const change of changes.toReversed()) {
      const state = stateOf(db, change);
      if (state === "after") put(db, change, change.before);
      else if (state === "other") left += 1;
    }
  });
  return left;
}

/** `after` when all rows are as they are to be; `before` when some are not yet and none was changed by somebody else. */
export function rowsState(path: string, changes: readonly RowChange[]): RowState {
  const db = SqliteDatabase.open(path);
  try {
    const states = new Set(changes.map((change) => stateOf(db, change)));
    if (states.has("other")) return "other";
    return states.has("before") ? "before" : "after";
  } finally {
    db.close();
  }
}

/** Removes the rows with these values. */
export function forgetRows(path: string, table: string, where: SqlRow): void {
  const columns = Object.keys(where);
  within(path, (db) => {
    if (!hasTable(db, table)) return;
    db.prepare(`delete from ${quoteName(table)} where ${equalTo(columns)}`).run(Object.values(where));
  });
}

function within(path: string, work: (db: SqliteDatabase) => void): void {
  const db = SqliteDatabase.open(path);
  let isWritten = false;
  try {
    db.transaction(() => work(db));
    isWritten = true;
    db.checkpoint();
  } finally {
    db.close({ sync: isWritten });
  }
}

function stateOf(db: SqliteDatabase, { table, key, before, after }: RowChange): RowState {
  if (!hasTable(db, table)) return "other";
  const found = rowOf(db, table, key);
  if (matches(found, after)) return "after";
  return matches(found, before) ? "before" : "other";
}

/** Another release may have done away with it, or the file was made anew. */
function hasTable(db: SqliteDatabase, table: string): boolean {
  return db.get("select 1 from sqlite_schema where type = 'table' and name = ?", [table]) !== undefined;
}

function rowOf(db: SqliteDatabase, table: string, key: SqlRow): SqlRow | undefined {
  const sql = `select * from ${quoteName(table)} where ${equalTo(Object.keys(key))}`;
  for (const row of db.rows(sql, Object.values(key))) return row;
  return undefined;
}

function matches(found: SqlRow | undefined, wanted: SqlRow | null): boolean {
  if (wanted === null || found === undefined) return wanted === null && found === undefined;
  return Object.entries(wanted).every(([column, value]) => isSame(found[column] ?? null, value));
}

function isSame(a: SqlValue, b: SqlValue): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.from(a).equals(b);
  // One reader gives small integers as numbers, another as bigint.
  return a === b || (typeof a !== typeof b && isInteger(a) && isInteger(b) && BigInt(a) === BigInt(b));
}

function isInteger(value: SqlValue): value is number | bigint {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}

function put(db: SqliteDatabase, { table, key, before, after }: RowChange, wanted: SqlRow | null): void {
  const other = wanted === after ? before : after;
  if (wanted === null) {
    db.prepare(`delete from ${quoteName(table)} where ${equalTo(Object.keys(key))}`).run(Object.values(key));
  } else if (other === null) {
    const row = { ...key, ...wanted };
    const names = Object.keys(row).map(quoteName).join(", ");
    const marks = Object.keys(row).map(() => "?");
    db.prepare(`insert into ${quoteName(table)} (${names}) values (${marks.join(", ")})`).run(Object.values(row));
  } else {
    const sets = Object.keys(wanted).map((column) => `${quoteName(column)} = ?`);
    if (sets.length === 0) return;
    db.prepare(`update ${quoteName(table)} set ${sets.join(", ")} where ${equalTo(Object.keys(key))}`).run([
      ...Object.values(wanted),
      ...Object.values(key),
    ]);
  }
}

/** `is` and not `=`: a key may have NULL. */
function equalTo(columns: readonly string[]): string {
  return columns.map((column) => `${quoteName(column)} is ?`).join(" and ");
}
