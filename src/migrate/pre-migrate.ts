/**
 * `verify --pre-migrate`: what `codex migrate-rollouts --apply` of 0.169.0 would lose on this home, line by line, and which rollouts it
 * would not migrate. Nothing is written; memory is that of one line, and of the places that are listed.
 */
import { isUtf8 } from "node:buffer";
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { readImage } from "../io/sqlite-image.ts";
import { isCorruption, SqliteDatabase } from "../io/sqlite.ts";
import { GENERATION_HEAD_BYTES, generationOf } from "../readers/generation.ts";
import type { Discovery, Home, RolloutFile } from "../readers/home.ts";
import { openRollout, readLines, readRollout } from "../readers/rollout.ts";
import { foretell } from "./pre-migrate-file.ts";
import { type Head, headOf, LINE_LIMIT, type Reading } from "./pre-migrate-survey.ts";
import type {
  LossCount,
  LossKind,
  LostLine,
  PreMigrateFailure,
  PreMigrateFile,
  PreMigrateReport,
  PreMigrateStatus,
} from "./pre-migrate-types.ts";

export interface PreMigrateOptions {
  /** Listed at most, by file and kind; all are counted. Default 100. */
  readonly maxPlaces?: number | undefined;
  /** Told before each rollout. */
  readonly onFile?: ((file: RolloutFile) => void) | undefined;
}

/** Never fails on a rollout, whatever it holds, and whether it can be read or not. */
export function preMigrate(home: Home, discovery: Discovery, options: PreMigrateOptions = {}): PreMigrateReport {
  const rows = rowsOf(home.sqliteHome);
  const files: PreMigrateFile[] = [];
  const counts: Record<PreMigrateStatus, number> = { migrated: 0, already_paginated: 0, skipped_empty: 0, failed: 0 };
  const losses: Losses = {};
  for (const file of discovery.files) {
    options.onFile?.(file);
    const found = foretellFile(file, rows, options.maxPlaces ?? 100);
    counts[found.status] += 1;
    addTo(losses, found.losses);
    if (found.status === "failed" || Object.keys(found.losses).length > 0) files.push(found);
  }
  return {
    codexHome: home.codexHome,
    release: "0.169.0",
    files,
    counts,
    losses,
    unharmed: discovery.files.length - files.length,
  };
}

type Losses = Partial<Record<LossKind, LossCount>>;

function foretellFile(file: RolloutFile, rows: Rows, maxPlaces: number): PreMigrateFile {
  const collector = new Collector(maxPlaces);
  const common = {
    path: file.logicalPath,
    archived: file.archived,
    compressed: file.path !== file.logicalPath,
  };
  const outcome = readableOutcomeOf(file, rows, collector);
  const isMigrated = outcome.status === "migrated";
  return { ...common, ...outcome, lost: isMigrated ? collector.lost : [], losses: isMigrated ? collector.losses : {} };
}

type Told = Pick<PreMigrateFile, "threadId" | "status" | "failure">;

function readableOutcomeOf(file: RolloutFile, rows: Rows, collector: Collector): Told {
  try {
    return outcomeOf(file, rows, collector);
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return failed(file.name?.threadId, { reason: "rollout_read_failed", message: error.message });
  }
}

function outcomeOf(file: RolloutFile, rows: Rows, collector: Collector): Told {
  if (file.sizeBytes === 0) return { threadId: undefined, status: "skipped_empty", failure: undefined };
  const reading: Reading = (kinds) => readRollout(file.path, { maxLineBytes: LINE_LIMIT - 1, kinds });
  const head: Head = isOfLines(file.path) ? headOf(reading) : { kind: "invalid", message: "no line of it is a record" };
  if (head.kind === "invalid") return failed(undefined, { reason: "invalid_session_metadata", message: head.message });
  if (head.kind === "paginated") return { threadId: head.threadId, status: "already_paginated", failure: undefined };
  const { threadId } = head;
  const damage = damageOf(file.path, rows, file.path !== file.logicalPath);
  if (!(rows.known?.has(threadId) ?? !damage.hidesRow)) {
    return failed(threadId, { reason: "missing_sqlite_metadata", message: "the state database has no row for it" });
  }
  if (damage.broken !== undefined) return failed(threadId, { reason: "rollout_read_failed", message: damage.broken });
  const failure = foretell(reading, head, (loss) => collector.add(loss));
  return failure === undefined ? { threadId, status: "migrated", failure } : failed(threadId, failure);
}

/** Codex finds no record in a file of before the envelope. */
function isOfLines(path: string): boolean {
  const reader = openRollout(path);
  try {
    const head = Array.from(reader.forward(0, GENERATION_HEAD_BYTES), (chunk) => Buffer.from(chunk));
    return generationOf(Buffer.concat(head)) === "envelope";
  } finally {
    reader.close();
  }
}

function failed(
  threadId: string | undefined,
  failure: Pick<PreMigrateFailure, "reason" | "message"> & Partial<PreMigrateFailure>,
): Told {
  return { threadId, status: "failed", failure: { line: undefined, offset: undefined, ...failure } };
}

/** What keeps Codex from reading the file as a whole: it makes no row of such a file either (rollout-format §10). */
function damageOf(path: string, rows: Rows, isCompressed: boolean): Damage {
  // Where all rows are there, bytes that are no text cost Codex a line; in an archive every frame has to be decoded.
  const isSearched = rows.known === undefined;
  let hidesRow = false;
  if (!isSearched && !isCompressed) return { broken: undefined, hidesRow };
  try {
    for (const { bytes } of readLines(path)) if (isSearched && !isUtf8(bytes)) hidesRow = true;
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code !== "damaged") throw error;
    return { broken: error.message, hidesRow: true };
  }
  return { broken: undefined, hidesRow };
}

interface Damage {
  readonly broken: string | undefined;
  readonly hidesRow: boolean;
}

interface Rows {
  /** Ids; undefined where the database does not know all threads yet, so that Codex makes the rows that are missing. */
  readonly known: ReadonlySet<string> | undefined;
}

const STATE_DB = "state_5.sqlite";

function rowsOf(sqliteHome: string): Rows {
  try {
    const db = SqliteDatabase.fromImage(readImage(join(sqliteHome, STATE_DB)).toBuffer(), STATE_DB);
    try {
      const isFilled = db.get("select status from backfill_state")?.["status"] === "complete";
      if (!isFilled) return { known: undefined };
      return { known: new Set(db.all("select id from threads").map(({ id }) => String(id).toLowerCase())) };
    } finally {
      db.close();
    }
  } catch (error) {
    if (isCorruption(error) || error instanceof RolloutError) return { known: undefined };
    throw error;
  }
}

/** Counts all, lists some. */
class Collector {
  readonly #maxPlaces: number;
  readonly lost: LostLine[] = [];
  readonly losses: Losses = {};

  constructor(maxPlaces: number) {
    this.#maxPlaces = maxPlaces;
  }

  add(loss: LostLine): void {
    addTo(this.losses, { [loss.kind]: { lines: 1, bytes: loss.bytes } });
    if ((this.losses[loss.kind]?.lines ?? 0) <= this.#maxPlaces) this.lost.push(loss);
  }
}

function addTo(losses: Losses, more: Losses): void {
  for (const [kind, { lines, bytes }] of Object.entries(more) as [LossKind, LossCount][]) {
    const known = losses[kind] ?? { lines: 0, bytes: 0 };
    losses[kind] = { lines: known.lines + lines, bytes: known.bytes + bytes };
  }
}
