/** Times of rows, made unique as Codex makes them. */
import type { SqlRow } from "../io/sqlite.ts";

/**
 * Codex's allocator of `updated_at_ms` (state-and-compression §2.9), which begins at the greatest one that is stored: a value above the
 * mark is kept, one at least a second below it too; anything between becomes the mark plus one millisecond.
 */
export function updateTimes(rows: Iterable<SqlRow>): (timeMs: number) => number {
  let markMs = Number.NEGATIVE_INFINITY;
  for (const row of rows) markMs = Math.max(markMs, storedMs(row));
  return (timeMs) => {
    if (timeMs <= markMs - 1000) return timeMs;
    markMs = timeMs > markMs ? timeMs : markMs + 1;
    return markMs;
  };
}

function storedMs(row: SqlRow): number {
  const value = Number(row["updated_at_ms"] ?? Number(row["updated_at"] ?? 0) * 1000);
  return Number.isFinite(value) ? value : 0;
}

/** The columns of a time of change, as far as the row has them. */
export function updatedColumns(row: SqlRow, timeMs: number): SqlRow {
  const seconds = { updated_at: Math.floor(timeMs / 1000) };
  return Object.hasOwn(row, "updated_at_ms") ? { ...seconds, updated_at_ms: timeMs } : seconds;
}
