/**
 * Two rows of one thread, column by column: which differences mean something. Pure.
 * A live database writes its times moments before or after the file, names either form of a rollout, and lists protected
 * folders as they existed then: none of these is a fault, and an update must not touch them.
 */
import { plainPath, withoutVerbatimPrefix } from "../format/names.ts";
import type { SqlRow, SqlValue } from "../io/sqlite.ts";
import type { ThreadColumn, ThreadRow } from "./row.ts";

export interface Difference {
  readonly id: string;
  readonly column: ThreadColumn;
  /** As stored. */
  readonly found: SqlValue;
  /** As the rollouts, and what was salvaged, give it. */
  readonly expected: SqlValue;
}

/** How far a live database's times lie from those of the files (observed §4: up to 0.9 s were seen). */
export const TIME_TOLERANCE_MS = 2000;

/** Columns of `columns` in which the rows differ; `exact` takes every difference for one. */
export function rowDifferences(
  stored: SqlRow,
  expected: ThreadRow,
  columns: readonly string[],
  exact: boolean,
): readonly Difference[] {
  const found: Difference[] = [];
  for (const name of columns) {
    if (!(name in expected)) continue;
    const column = name as ThreadColumn;
    const value = stored[column] ?? null;
    if (value === expected[column]) continue;
    if (!exact && sameMeaning(column, stored, expected)) continue;
    found.push({ id: expected.id, column, found: value, expected: expected[column] });
  }
  return found;
}

function sameMeaning(column: ThreadColumn, stored: SqlRow, expected: ThreadRow): boolean {
  switch (column) {
    case "created_at":
    case "created_at_ms":
      return closeTimes(stored, expected, "created_at");
    case "updated_at":
    case "updated_at_ms":
      return closeTimes(stored, expected, "updated_at");
    case "recency_at":
    case "recency_at_ms":
      return closeTimes(stored, expected, "recency_at");
    case "rollout_path":
      return samePath(stored.rollout_path, expected.rollout_path);
    case "sandbox_policy":
      return policyMeaning(stored.sandbox_policy) === policyMeaning(expected.sandbox_policy);
    default:
      return false;
  }
}

function closeTimes(stored: SqlRow, expected: ThreadRow, column: "created_at" | "updated_at" | "recency_at"): boolean {
  return Math.abs(storedTimeMs(stored, column) - expected[`${column}_ms`]) <= TIME_TOLERANCE_MS;
}

/** Milliseconds where the column has been filled, else whole seconds; NaN when neither is there. */
export function storedTimeMs(stored: SqlRow, column: "created_at" | "updated_at" | "recency_at"): number {
  const fine = stored[`${column}_ms`];
  if (typeof fine === "number" && fine > 0) return fine;
  const coarse = stored[column];
  return typeof coarse === "number" ? coarse * 1000 : Number.NaN;
}

function samePath(stored: SqlValue | undefined, expected: string): boolean {
  return typeof stored === "string" && plainPath(withoutVerbatimPrefix(stored)) === plainPath(expected);
}

/** The policy without entries that only say which protected folders existed on the machine (state-and-compression §2.8). */
function policyMeaning(text: SqlValue | undefined): string {
  if (typeof text !== "string") return "";
  try {
    return JSON.stringify(JSON.parse(text), (key, value: unknown) => {
      return key === "entries" && Array.isArray(value) ? value.filter((entry) => !dependsOnMachine(entry)) : value;
    });
  } catch {
    return text;
  }
}

function dependsOnMachine(entry: unknown): boolean {
  if (typeof entry !== "object" || entry === null || !("path" in entry) || !("access" in entry)) return false;
  const { path, access } = entry;
  return access === "read" && typeof path === "object" && path !== null && "type" in path && path.type === "path";
}
