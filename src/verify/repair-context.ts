/**
 * What the repairs of one run share: the home, what it holds, and who counts bytes of which rollout. Looked at when it is first
 * needed, and anew for each round.
 */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { parseUuid } from "../format/names.ts";
import { historyModeOf } from "../format/record.ts";
import { lstatOrUndefined } from "../io/files.ts";
import { SqliteDatabase } from "../io/sqlite.ts";
import { readImage } from "../io/sqlite-image.ts";
import { type Discovery, discoverRollouts, type Home } from "../readers/home.ts";
import { readIdentity } from "../readers/identity.ts";
import type { Claims } from "./repair-edits.ts";

export const HISTORY_DB = "thread_history_1.sqlite";
/** A larger one is not read into memory. */
export const MAX_HISTORY_BYTES = 256 * 1024 * 1024;

export class RepairContext {
  readonly home: Home;
  readonly now: () => number;
  /** Threads that this run has mended, and whose rows were as their rollouts before. */
  readonly mended: ReadonlySet<string>;
  #discovery: Discovery | undefined;
  #continued: ReadonlyMap<string, number> | undefined;
  #projected: ReadonlyMap<string, number> | "unknown" | undefined;

  constructor(home: Home, now: () => number, mended: ReadonlySet<string> = new Set()) {
    this.home = home;
    this.now = now;
    this.mended = mended;
  }

  get #historyPath(): string {
    return join(this.home.sqliteHome, HISTORY_DB);
  }

  get discovery(): Discovery {
    return (this.#discovery ??= discoverRollouts(this.home.codexHome));
  }

  /** Whether anything is projected of a rollout at this moment. */
  isProjectedNow(rolloutId: string): boolean {
    const now = projectedBytes(this.#historyPath);
    return now === "unknown" || now.has(rolloutId);
  }

  /** Of a paginated rollout. */
  claimsOn(rolloutId: string): Claims {
    this.#continued ??= continuedBytes(this.discovery);
    this.#projected ??= projectedBytes(this.#historyPath);
    const continued = this.#continued.get(rolloutId) ?? 0;
    const projected = this.#projected === "unknown" ? Infinity : (this.#projected.get(rolloutId) ?? 0);
    return { continued, projected };
  }
}

/** By rollout id, up to which byte others continue it. Whoever cannot be read may continue anything, but names nothing. */
function continuedBytes({ files }: Discovery): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  for (const { path } of files) {
    const meta = readIdentity(path)?.meta;
    if (meta?.history_base == null || historyModeOf(meta) !== "paginated") continue;
    const { thread_id: text, end_byte_offset: end } = meta.history_base;
    const id = parseUuid(text) ?? text.toLowerCase();
    ends.set(id, Math.max(end, ends.get(id) ?? 0));
  }
  return ends;
}

/** By rollout id, how far Codex has projected it. */
function projectedBytes(path: string): ReadonlyMap<string, number> | "unknown" {
  if (lstatOrUndefined(path) === undefined) return new Map();
  let db: SqliteDatabase | undefined;
  try {
    const bytes = readImage(path, { maxBytes: MAX_HISTORY_BYTES }).toBuffer();
    if (bytes.length === 0) return new Map();
    db = SqliteDatabase.fromImage(bytes, path);
    const rows = db.all("select thread_id, next_rollout_byte_offset as next from thread_history_projection_state");
    return new Map(rows.map(({ thread_id: id, next }) => [String(id), Number(next)]));
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return "unknown";
  } finally {
    db?.close();
  }
}
