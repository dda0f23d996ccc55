/**
 * What a row of each table of the state database looks like, from the outside: enough to tell, for a page that no tree
 * leads to any more, whose rows it holds (state-and-compression §1.8). Data for `salvage.ts`.
 */
import type { RecordValue } from "../io/sqlite-record.ts";

type Look = (value: RecordValue) => boolean;

export interface Shape {
  /** Columns that every row has, since the table's first level. */
  readonly least: number;
  /** Columns it ever had; undefined for a table that may still grow. */
  readonly most?: number;
  /** One per column, in physical order; columns beyond them are not looked at. */
  readonly looks: readonly Look[];
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const text: Look = (value) => typeof value === "string";
const integer: Look = (value) => (typeof value === "number" ? Number.isSafeInteger(value) : typeof value === "bigint");
const nothing: Look = (value) => value === null;
const bytes: Look = (value) => value instanceof Uint8Array;
const uuid: Look = (value) => typeof value === "string" && UUID.test(value);
const orNull =
  (look: Look): Look =>
  (value) =>
    value === null || look(value);
const oneOf =
  (...allowed: readonly (string | number)[]): Look =>
  (value) =>
    (typeof value === "string" || typeof value === "number") && allowed.includes(value);
const matching =
  (pattern: RegExp): Look =>
  (value) =>
    typeof value === "string" && pattern.test(value);
/** Milliseconds since 1970, after 2020. */
const milliseconds: Look = (value) => typeof value === "number" && value > 1_577_836_800_000;
/** Seconds since 1970; the test keeps milliseconds out. */
const seconds: Look = (value) => typeof value === "number" && value >= 0 && value < 1e11;
const path = matching(/[/\\]/);
const rollout = matching(/\.jsonl(\.zst)?$/);
const json = matching(/^\s*[[{]/);

/** The columns up to level 39; later ones may hold anything. */
const threads: readonly Look[] = [
  [uuid, matching(/[/\\].*\.jsonl(\.zst)?$/s), seconds, seconds],
  Array<Look>(6).fill(text),
  Array<Look>(3).fill(integer),
  [orNull(seconds), orNull(text), orNull(text), orNull(text)],
  [text, text, orNull(text), orNull(text), text],
  Array<Look>(3).fill(orNull(text)),
  [orNull(integer), orNull(integer), orNull(text), text, integer, integer],
].flat();

/**
 * Tables that can be salvaged. Where two could be meant, the first that fits wins, so the more particular stand before
 * the more general.
 */
export const SHAPES: Readonly<Record<string, Shape>> = {
  threads: { least: 17, looks: threads },
  thread_spawn_edges: { least: 3, looks: [uuid, uuid, oneOf("open", "closed")] },
  _sqlx_migrations: { least: 6, most: 6, looks: [integer, text, text, oneOf(0, 1), bytes, integer] },
  backfill_state: {
    least: 5,
    looks: [nothing, oneOf("pending", "running", "complete"), orNull(rollout), orNull(seconds), seconds],
  },
  thread_attachments: { least: 6, looks: [text, uuid, text, text, text, integer] },
  thread_dynamic_tools: { least: 5, looks: [uuid, integer, text, text, json, integer, orNull(text)] },
  guardian_review_feedback: { least: 3, looks: [text, uuid, bytes] },
  remote_control_enrollments: {
    least: 7,
    looks: [matching(/^\w+:\/\//), text, text, text, text, text, seconds, orNull(integer)],
  },
  external_agent_config_imports: { least: 4, looks: [text, milliseconds, json, json, orNull(text)] },
  rollout_migration_skipped_rollouts: { least: 6, looks: [text, rollout, integer, integer, text, seconds] },
  projects: { least: 6, looks: [text, text, json, integer, milliseconds, milliseconds] },
  project_roots: { least: 3, looks: [text, integer, path] },
  project_idempotency_keys: { least: 3, looks: [text, text, milliseconds] },
  rollout_migration_state: { least: 4, looks: [text, orNull(integer), orNull(uuid), seconds] },
  thread_read_receipts: { least: 4, looks: [uuid, orNull(text), text, orNull(text)] },
  thread_sections: { least: 2, most: 3, looks: [text, (value) => text(value) && !uuid(value), orNull(text)] },
};

/** SQLite's own list of objects: type, name, table, root page, SQL. */
export const SCHEMA_SHAPE: Shape = {
  least: 5,
  most: 5,
  looks: [oneOf("table", "index", "trigger", "view"), text, text, integer, orNull(matching(/^\s*create\s/i))],
};

/** Whether a row can be one of the table; a lost value speaks neither for nor against it. */
export function fits(values: readonly RecordValue[], { least, most = Infinity, looks }: Shape): boolean {
  if (values.length < least || values.length > most) return false;
  return values.every((value, index) => value === undefined || (looks[index]?.(value) ?? true));
}
