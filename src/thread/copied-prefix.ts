/**
 * Where the records of a thread's own begin in a file that starts with a copy of another thread: a legacy fork, or an agent
 * that inherited its parent's history (rollout-format §7.2, §7.5). Copied records keep their turn ids, their call ids and
 * their inner times, but carry the time of the copying on the envelope, so they look like the thread's own.
 *
 * For everything that must not count the same thing twice: usage, sizes, turns.
 */
import type { Entry, Position } from "../format/entry.ts";
import { isJsonObject, type JsonObject, ownValue } from "../format/json.ts";
import { parseTimestamp, parseUuid, uuidTimeMs } from "../format/names.ts";
import type { RolloutRecord, SessionMeta } from "../format/record.ts";

export interface CopiedPrefix {
  /** `agent`: the copy ends where the metadata says (§7.5), or the thread was spawned by another. */
  readonly kind: "none" | "fork" | "agent";
  /** Threads whose metadata was copied, in file order: the direct source first, its own source next. Lower case. */
  readonly sources: readonly string[];
  /** Entries before the first own one, the thread's own metadata included; all that were given where none is its own. */
  readonly entries: number;
  /** The first own entry; undefined where none is, or where it cannot be told. */
  readonly own: Position | undefined;
  /**
   * `declared`: `subagent_history_start_ordinal`. `id`: a record that names this thread, or a turn that began after it did.
   * `source`: compared with the source, record by record. `end`: nothing own. `untold`: the records have no ids to go by.
   */
  readonly rule: "declared" | "id" | "source" | "end" | "untold";
  /** False where own records may stand before `own`: files of releases whose turns had no ids yet, without their source. */
  readonly isExact: boolean;
  /** Copied records that the metadata announces and the file does not have; Codex refuses to resume such an agent. */
  readonly missing: number;
}

/**
 * Finds the end of the copied prefix, reading no further than needed. `source` are the entries of the file that was copied
 * (`forked_from_id`); they are only asked where ids do not tell, which is up to about 0.100.
 */
export function copiedPrefix(entries: Iterable<Entry>, source?: Iterable<Entry>): CopiedPrefix {
  const scan = new Scan(source);
  for (const entry of entries) if (scan.add(entry)) break;
  return scan.finish();
}

class Scan {
  readonly #source: Iterable<Entry> | undefined;
  #matcher: Matcher | undefined;
  #meta: SessionMeta | undefined;
  #ownId: string | undefined;
  #sources: string[] = [];
  #entries = 0;
  #lastOrdinal: number | undefined;
  /** Records behind the metas at the top. */
  #copied = 0;
  #hasTurnIds = false;
  #found: Pick<CopiedPrefix, "own" | "rule"> | undefined;
  /** First record that the source does not have. */
  #unmatched: { readonly own: Position; readonly entries: number } | undefined;

  constructor(source: Iterable<Entry> | undefined) {
    this.#source = source;
  }

  /** True when the answer is known. */
  add(entry: Entry): boolean {
    if (entry.ok && this.#meta !== undefined && this.#decide(entry.record, entry.position)) return true;
    this.#entries += 1;
    if (entry.ok && this.#meta === undefined && entry.record.type === "session_meta") this.#begin(entry.record.payload);
    return false;
  }

  finish(): CopiedPrefix {
    const { rule, own } = this.#found ?? { rule: this.#isUntold() ? "untold" : "end", own: undefined };
    const compared = rule === "declared" || this.#hasTurnIds ? undefined : this.#unmatched;
    const isCopy = this.#sources.length > 0 || this.#copied > 0;
    const start = this.#meta?.subagent_history_start_ordinal ?? undefined;
    const isShort = start !== undefined && rule === "end" && this.#lastOrdinal !== undefined;
    return {
      kind: !isCopy ? "none" : isAgent(this.#meta) ? "agent" : "fork",
      sources: this.#sources,
      entries: compared?.entries ?? this.#entries,
      own: compared?.own ?? own,
      rule: compared === undefined ? rule : "source",
      isExact:
        compared !== undefined ||
        (rule !== "untold" && (this.#copied === 0 || this.#hasTurnIds || rule === "declared")),
      missing: isShort ? Math.max(0, start - (this.#lastOrdinal ?? 0) - 1) : 0,
    };
  }

  #begin(meta: SessionMeta): void {
    this.#meta = meta;
    this.#ownId = idOf(meta.id);
    this.#matcher = this.#source && new Matcher(this.#source, parseTimestamp(meta.timestamp));
  }

  /** Whether this record is the thread's own, or the thread has no copy at all. */
  #decide(record: RolloutRecord, position: Position): boolean {
    const { ordinal } = record;
    const start = this.#meta?.subagent_history_start_ordinal ?? undefined;
    if (start !== undefined && ordinal !== undefined) {
      this.#lastOrdinal = ordinal;
      if (ordinal >= start) return this.#end("declared", position);
    } else if (this.#isOwn(record) || !this.#mayBeCopy(record)) return this.#end("id", position);
    this.#note(record, position);
    return false;
  }

  #end(rule: CopiedPrefix["rule"], own: Position): boolean {
    this.#found = { rule, own };
    return true;
  }

  /** A copy says so in the metadata, or by the metadata of another thread right behind its own. */
  #mayBeCopy(record: RolloutRecord): boolean {
    if (this.#sources.length > 0 || this.#copied > 0) return true;
    if (this.#meta?.history_base != null) return false;
    if (record.type === "session_meta" && idOf(record.payload.id) !== this.#ownId) return true;
    return this.#meta?.forked_from_id != null;
  }

  #note(record: RolloutRecord, position: Position): void {
    if (record.type === "session_meta" && this.#copied === 0) this.#sources.push(idOf(record.payload.id));
    else this.#copied += 1;
    if (uuidTimeMs(turnIdOf(record) ?? "") !== undefined) this.#hasTurnIds = true;
    if (this.#unmatched !== undefined || this.#matcher?.take(record) !== false) return;
    this.#unmatched = { own: position, entries: this.#entries };
  }

  #isOwn(record: RolloutRecord): boolean {
    const named = threadNamedBy(record);
    if (named !== undefined) return idOf(named) === this.#ownId;
    const turnMs = uuidTimeMs(turnIdOf(record) ?? "");
    const ownMs = uuidTimeMs(this.#ownId ?? "");
    return turnMs !== undefined && ownMs !== undefined && turnMs >= ownMs;
  }

  #isUntold(): boolean {
    return this.#copied > 0 && !this.#hasTurnIds && this.#meta?.subagent_history_start_ordinal == null;
  }
}

function idOf(text: string): string {
  return parseUuid(text) ?? text.toLowerCase();
}

function isAgent(meta: SessionMeta | undefined): boolean {
  return meta?.subagent_history_start_ordinal != null || (isJsonObject(meta?.source) && "subagent" in meta.source);
}

/** The thread that a record was written for, where it says so; metadata never does. */
function threadNamedBy({ type, payload }: RolloutRecord): string | undefined {
  if (type !== "event_msg" && type !== "token_usage_record") return undefined;
  return textIn(payload, "thread_id") ?? textIn(payload, "threadId");
}

function turnIdOf({ type, payload }: RolloutRecord): string | undefined {
  if (type !== "event_msg" && type !== "turn_context" && type !== "token_usage_record") return undefined;
  return textIn(payload, "turn_id");
}

function textIn(payload: object, key: string): string | undefined {
  const value = ownValue(payload as JsonObject, key);
  return typeof value === "string" ? value : undefined;
}

/** Copies leave out what a later release does not store any more; more than this in a row they do not leave out. */
const LOOK_AHEAD = 16;

/** Walks through the source beside its copy. */
class Matcher {
  readonly #records: Iterator<RolloutRecord>;
  readonly #ahead: RolloutRecord[] = [];

  constructor(source: Iterable<Entry>, copiedAtMs: number | undefined) {
    this.#records = recordsBefore(source, copiedAtMs);
  }

  /** Whether the source has this record next, or soon. */
  take(record: RolloutRecord): boolean {
    while (this.#ahead.length < LOOK_AHEAD) {
      const next = this.#records.next();
      if (next.done === true) break;
      this.#ahead.push(next.value);
    }
    const at = this.#ahead.findIndex((candidate) => isCopyOf(record, candidate));
    if (at >= 0) this.#ahead.splice(0, at + 1);
    return at >= 0;
  }
}

/** What was there when the copy was made: the source may have grown since. */
function* recordsBefore(source: Iterable<Entry>, copiedAtMs = Number.POSITIVE_INFINITY): Generator<RolloutRecord> {
  for (const entry of source) {
    if (!entry.ok) continue;
    const writtenMs = parseTimestamp(entry.record.timestamp);
    if (writtenMs !== undefined && writtenMs > copiedAtMs) return;
    yield entry.record;
  }
}

/** A copy has lost members that its writer did not know, and may have gained ones with a default; what both have is equal. */
function isCopyOf(copy: RolloutRecord, original: RolloutRecord): boolean {
  if (copy.type !== original.type) return false;
  const members = Object.entries(copy.payload).filter(([key]) => Object.hasOwn(original.payload, key));
  const values: JsonObject = original.payload as unknown as JsonObject;
  return members.length > 0 && members.every(([key, value]) => JSON.stringify(value) === JSON.stringify(values[key]));
}
