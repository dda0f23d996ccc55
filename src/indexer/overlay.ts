/**
 * What an old database still tells, laid over rows that come from rollouts. Pure.
 * Only columns that rollouts cannot give, or give less exactly, are taken over (state-and-compression §2.13); whatever a
 * rollout does say wins, because the database may be stale.
 */
import type { SqlRow, SqlValue } from "../io/sqlite.ts";
import { storedTimeMs, TIME_TOLERANCE_MS } from "./compare.ts";
import { seconds, type ThreadColumn, type ThreadRow } from "./row.ts";

/** Columns that an old row may decide, in the order of reports. */
export const SALVAGED_COLUMNS = [
  "name",
  "title",
  "preview",
  "recency_at_ms",
  "created_at_ms",
  "updated_at_ms",
  "archived_at",
  "thread_section_id",
  "section_position",
  "section_entered_at_ms",
  "is_pinned",
  "project_id",
  "daybreak_enabled",
  "memory_mode",
  "git_sha",
  "git_branch",
  "git_origin_url",
  "creator_user_id",
  "creator_account_id",
  "has_user_event",
] as const satisfies readonly ThreadColumn[];

export type SalvagedColumn = (typeof SALVAGED_COLUMNS)[number];

export interface Overlaid {
  readonly row: ThreadRow;
  /** Columns whose value came from the old row and differs from what the rollout gives. */
  readonly recovered: readonly SalvagedColumn[];
}

export function overlayRow(derived: ThreadRow, old: SqlRow): Overlaid {
  const row: ThreadRow = {
    ...derived,
    ...userColumns(derived, old),
    ...textColumns(derived, old),
    ...timeColumns(derived, old),
    ...gitColumns(derived, old),
    memory_mode: memoryMode(derived, old),
  };
  return { row, recovered: SALVAGED_COLUMNS.filter((column) => row[column] !== derived[column]) };
}

function userColumns(derived: ThreadRow, old: SqlRow) {
  return {
    name: text(old.name) ?? derived.name,
    thread_section_id: text(old.thread_section_id) ?? null,
    section_position: integer(old.section_position) ?? null,
    section_entered_at_ms: integer(old.section_entered_at_ms) ?? null,
    project_id: text(old.project_id) ?? null,
    daybreak_enabled: integer(old.daybreak_enabled) ?? null,
    is_pinned: integer(old.is_pinned) ?? 0,
    has_user_event: integer(old.has_user_event) ?? 0,
    creator_user_id: derived.creator_user_id ?? text(old.creator_user_id) ?? null,
    creator_account_id: derived.creator_account_id ?? text(old.creator_account_id) ?? null,
  };
}

/**
 * A title that is not the first message was given by the user. `session_index.jsonl` may know a newer one, which then stands in
 * the derived row already. A preview is taken over only where the rollout gives none.
 */
function textColumns(derived: ThreadRow, old: SqlRow) {
  const title = text(old.title);
  const explicit = title !== undefined && title !== text(old.first_user_message);
  const derivedExplicit = derived.title !== "" && derived.title !== derived.first_user_message;
  return {
    title: explicit && !derivedExplicit && derived.history_mode === "legacy" ? title : derived.title,
    preview: derived.preview === "" ? (text(old.preview) ?? "") : derived.preview,
  };
}

/** Half a day, as for the time in a thread id: more than that is another value, not a finer one. */
const CREATED_TOLERANCE_MS = 12 * 3600 * 1000;

function timeColumns(derived: ThreadRow, old: SqlRow) {
  const createdMs = storedTimeMs(old, "created_at");
  const updatedMs = storedTimeMs(old, "updated_at");
  const recencyMs = storedTimeMs(old, "recency_at");
  const created =
    Math.abs(createdMs - derived.created_at_ms) <= CREATED_TOLERANCE_MS ? createdMs : derived.created_at_ms;
  const updated = Math.abs(updatedMs - derived.updated_at_ms) <= TIME_TOLERANCE_MS ? updatedMs : derived.updated_at_ms;
  // A turn that is clearly younger was run while nobody kept the database.
  const isCurrent = recencyMs > 0 && recencyMs + TIME_TOLERANCE_MS >= derived.recency_at_ms;
  const recency = isCurrent ? recencyMs : derived.recency_at_ms;
  const wasArchived = derived.archived === 1 && old.archived === 1;
  return {
    created_at: seconds(created),
    created_at_ms: created,
    updated_at: seconds(updated),
    updated_at_ms: updated,
    recency_at: seconds(recency),
    recency_at_ms: recency,
    archived_at: wasArchived ? (integer(old.archived_at) ?? derived.archived_at) : derived.archived_at,
  };
}

/** Paginated threads keep changed git data in SQLite only; legacy ones append it to the rollout (state-and-compression §5.5). */
function gitColumns(derived: ThreadRow, old: SqlRow) {
  const oldGit = {
    git_sha: text(old.git_sha) ?? null,
    git_branch: text(old.git_branch) ?? null,
    git_origin_url: text(old.git_origin_url) ?? null,
  };
  const derivedGit = {
    git_sha: derived.git_sha,
    git_branch: derived.git_branch,
    git_origin_url: derived.git_origin_url,
  };
  const known = (git: typeof oldGit): boolean => Object.values(git).some((value) => value !== null);
  const oldFirst = derived.history_mode === "paginated" ? known(oldGit) : !known(derivedGit);
  return oldFirst ? oldGit : derivedGit;
}

function memoryMode(derived: ThreadRow, old: SqlRow): string {
  const stated = derived.history_mode === "legacy" && derived.memory_mode !== "enabled";
  return stated ? derived.memory_mode : (text(old.memory_mode) ?? derived.memory_mode);
}

function text(value: SqlValue | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function integer(value: SqlValue | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
