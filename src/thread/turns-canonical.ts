/**
 * Turns and items of a paginated rollout. Each line says for itself what it adds, so that a projection can be saved and gone
 * on with from where it was left, as Codex does with its database (rollout-format §8.3, state-and-compression §3.7).
 */
import { acceptedBy } from "../format/decode.ts";
import type { Entry, Position } from "../format/entry.ts";
import type { EventMsg, EventOf, RecordOf, RolloutRecord, SessionMeta } from "../format/record.ts";
import { completedItem } from "./items-completed.ts";
import { ItemList, placeOf, TurnDraft, turnOf, viewOf } from "./items-draft.ts";
import { turnError } from "./items-parts.ts";
import type { ItemPlace, ThreadItem, Turn, TurnPlace, Turns, TurnsWarning } from "./items.ts";

/** A projection as plain data, fit to be stored as JSON. */
export interface CanonicalState {
  /** Ordinals below it are done. */
  readonly nextOrdinal: number;
  /** Records below it are what the thread got from another one, and not to be shown. */
  readonly hiddenBelow: number;
  /** Whether the thread's metadata was seen. */
  readonly hasMetadata: boolean;
  /** Ordinals from `nextOrdinal` on that are not missing: of metadata out of its place, of records that are not projected. */
  readonly passedOrdinals: readonly number[];
  /** Lines since the last projected one that were no records: each may have had an ordinal. */
  readonly badLines: number;
  /** In the order of their appearance, unfinished ones as `inProgress`. */
  readonly turns: readonly Turn[];
  readonly places: readonly TurnPlace[];
  /** Items whose turn has not been heard of. */
  readonly pending: readonly PendingItems[];
  readonly warnings: readonly TurnsWarning[];
}

export interface PendingItems {
  readonly turnId: string;
  readonly items: readonly ThreadItem[];
  readonly places: readonly ItemPlace[];
}

export interface CanonicalOptions {
  /**
   * Metadata of the files that a fork or a revert continues, which its stream of entries leaves out (§7.3). Their
   * ordinals are missing then for a reason, and what they hide is hidden in what continues them.
   */
  readonly sources?: Iterable<RecordOf<"session_meta">> | undefined;
}

/** Nothing read yet. */
export function emptyProjection({ sources = [] }: CanonicalOptions = {}): CanonicalState {
  const metas = [...sources];
  return {
    nextOrdinal: 0,
    hiddenBelow: Math.max(0, ...metas.map(({ payload }) => hiddenBelow(payload))),
    hasMetadata: false,
    passedOrdinals: metas.flatMap(({ ordinal }) => ordinal ?? []),
    badLines: 0,
    turns: [],
    places: [],
    pending: [],
    warnings: [],
  };
}

/**
 * What a state becomes by more entries; entries that it has already seen change no turn. Neither is changed. Copies the
 * whole state, so give it entries by the batch, or one at a time to a `CanonicalTurns`.
 */
export function project(state: CanonicalState, entries: Iterable<Entry>): CanonicalState {
  const projection = new CanonicalTurns(state);
  for (const entry of entries) projection.add(entry);
  return projection.state();
}

export class CanonicalTurns {
  /** In the order of their appearance. */
  readonly #turns = new Map<string, TurnDraft>();
  readonly #pending = new Map<string, ItemList>();
  readonly #passed: Set<number>;
  readonly #warnings: TurnsWarning[];
  #nextOrdinal: number;
  #hiddenBelow: number;
  #hasMetadata: boolean;
  #badLines: number;

  constructor(state: CanonicalState = emptyProjection()) {
    for (const [at, turn] of state.turns.entries()) this.#turns.set(turn.id, draftOf(turn, state.places[at]));
    for (const { turnId, items, places } of state.pending) this.#pending.set(turnId, new ItemList(items, places));
    this.#passed = new Set(state.passedOrdinals);
    this.#warnings = [...state.warnings];
    this.#nextOrdinal = state.nextOrdinal;
    this.#hiddenBelow = state.hiddenBelow;
    this.#hasMetadata = state.hasMetadata;
    this.#badLines = state.badLines;
  }

  add(entry: Entry): void {
    const { position } = entry;
    if (!entry.ok) {
      if (entry.defect.kind === "blank") return;
      this.#badLines += 1;
      this.#warnings.push({ kind: "malformed", position, message: entry.defect.message });
    } else if (entry.record.type === "session_meta") {
      this.#metadata(entry.record.payload);
      this.#pass(entry.record.ordinal);
    } else if (isRefused(entry.record)) {
      this.#warnings.push({ kind: "refused", position, message: "Codex 0.169.0 cannot read this record" });
      this.#pass(entry.record.ordinal);
    } else if (this.#comesNext(entry.record.ordinal, position) && entry.record.type === "event_msg") {
      this.#event(entry.record.payload, position);
    }
  }

  /** What is known so far; going on does not change it. */
  state(): CanonicalState {
    const drafts = [...this.#turns.values()];
    return {
      nextOrdinal: this.#nextOrdinal,
      hiddenBelow: this.#hiddenBelow,
      hasMetadata: this.#hasMetadata,
      passedOrdinals: [...this.#passed].filter((ordinal) => ordinal >= this.#nextOrdinal),
      badLines: this.#badLines,
      turns: drafts.map((draft) => ({ ...turnOf(draft), items: [...draft.list.items] })),
      places: drafts.map((draft) => ({ ...placeOf(draft), items: [...draft.list.places] })),
      pending: Array.from(this.#pending, ([turnId, { items, places }]) => ({
        turnId,
        items: [...items],
        places: [...places],
      })),
      warnings: [...this.#warnings],
    };
  }

  /** The view. It shares its lists with the projection: take it again after more entries. */
  turns({ isRunning = false }: { readonly isRunning?: boolean } = {}): Turns {
    return viewOf("paginated", [...this.#turns.values()], this.#warnings, isRunning);
  }

  /** Only the first one counts, which is the thread's own. */
  #metadata(meta: SessionMeta): void {
    if (!this.#hasMetadata) this.#hiddenBelow = Math.max(this.#hiddenBelow, hiddenBelow(meta));
    this.#hasMetadata = true;
  }

  /**
   * Says that an ordinal is not missing, though nothing is projected from it. It may be one that is still far off: a reader
   * may present the metadata of a fork before what comes from its source.
   */
  #pass(ordinal: number | undefined): void {
    if (ordinal !== undefined && ordinal >= this.#nextOrdinal) this.#passed.add(ordinal);
  }

  /** Whether a record with this ordinal is to be projected; it then has been passed, even if it turns out to be hidden. */
  #comesNext(ordinal: number | undefined, position: Position): boolean {
    if (ordinal === undefined) {
      this.#warnings.push({ kind: "no-ordinal", position, message: "the record has no ordinal" });
      return false;
    }
    const next = this.#expected();
    if (ordinal < next) {
      const message = `the ordinal ${ordinal} is not greater than ${next - 1}, which came before`;
      this.#warnings.push({ kind: "old-ordinal", position, message });
      return false;
    }
    if (ordinal > next) this.#gap(next, ordinal, position);
    this.#nextOrdinal = ordinal + 1;
    this.#badLines = 0;
    return ordinal >= this.#hiddenBelow;
  }

  #expected(): number {
    while (this.#passed.delete(this.#nextOrdinal)) this.#nextOrdinal += 1;
    return this.#nextOrdinal;
  }

  #gap(next: number, ordinal: number, position: Position): void {
    let last = ordinal - 1;
    while (last > next && this.#passed.delete(last)) last -= 1;
    const missing = last === next ? `the ordinal ${next} is` : `the ordinals ${next} to ${last} are`;
    const lines = this.#badLines === 1 ? "a line" : `${this.#badLines} lines`;
    const cause = this.#badLines === 0 ? "" : `, where ${lines} could not be read`;
    this.#warnings.push({ kind: "ordinal-gap", position, message: `${missing} missing${cause}` });
  }

  #event(event: EventMsg, position: Position): void {
    switch (event.type) {
      case "task_started":
        return this.#start(event, position);
      case "task_complete":
        return this.#end(event.turn_id, event.error == null ? "completed" : "failed", event, position);
      case "turn_aborted":
        if (event.turn_id != null) this.#end(event.turn_id, "interrupted", event, position);
        return;
      case "item_completed":
        return this.#item(event, position);
      default:
    }
  }

  /** A turn that is over does not begin again. */
  #start({ turn_id, started_at, root_turn_id }: EventOf<"task_started">, position: Position): void {
    const turn = this.#turn(turn_id, position);
    if (turn.status !== "inProgress") return;
    turn.startedAt = started_at ?? null;
    turn.rootTurnId ??= root_turn_id ?? null;
  }

  /** The first end of a turn counts, and says when the turn began, too; also of one that was never heard of. */
  #end(
    turnId: string,
    status: "completed" | "failed" | "interrupted",
    event: EventOf<"task_complete"> | EventOf<"turn_aborted">,
    position: Position,
  ): void {
    const turn = this.#turn(turnId, position);
    if (turn.status !== "inProgress") return;
    turn.status = status;
    turn.error = event.error == null ? null : turnError(event.error);
    turn.startedAt = event.started_at ?? null;
    turn.completedAt = event.completed_at ?? null;
    turn.durationMs = event.duration_ms ?? null;
    turn.rootTurnId ??= event.root_turn_id ?? null;
    turn.ended = position;
  }

  #turn(id: string, position: Position): TurnDraft {
    const known = this.#turns.get(id);
    if (known !== undefined) return known;
    const turn = new TurnDraft(id, "inProgress", position, this.#pending.get(id));
    this.#pending.delete(id);
    this.#turns.set(id, turn);
    return turn;
  }

  #item(event: EventOf<"item_completed">, position: Position): void {
    const item = completedItem(event);
    if (item !== undefined) this.#listOf(event.turn_id).upsert(item, position);
  }

  /** Items of a turn that was not heard of wait for it. */
  #listOf(turnId: string): ItemList {
    const known = this.#turns.get(turnId)?.list ?? this.#pending.get(turnId);
    if (known !== undefined) return known;
    const list = new ItemList();
    this.#pending.set(turnId, list);
    return list;
  }
}

/**
 * Where the thread's own records begin: behind what an agent inherited from its parent, and in a fork that is attached to
 * its source behind all that came from there. Seen in 0.169.0, the conditions too.
 */
function hiddenBelow(meta: SessionMeta): number {
  const inherited = meta.subagent_history_start_ordinal ?? 0;
  const { attached_thread, forked_from_id: source, history_base: base } = meta;
  if (attached_thread !== true || source == null || base == null) return inherited;
  const cut = meta.forked_from_ordinal_exclusive ?? (base.thread_id === source ? base.end_ordinal_exclusive : 0);
  return Math.max(inherited, cut);
}

/** Of the records that matter here only items come in shapes that 0.169.0 does not read. */
function isRefused(record: RolloutRecord): boolean {
  return record.type === "event_msg" && record.payload.type === "item_completed" && !acceptedBy(record, "0.169.0");
}

function draftOf(turn: Turn, place: TurnPlace | undefined): TurnDraft {
  const opened = place?.opened ?? { line: 0, offset: 0, length: 0 };
  const draft = new TurnDraft(turn.id, turn.status, opened, new ItemList(turn.items, place?.items));
  const { rootTurnId, error, startedAt, completedAt, durationMs } = turn;
  return Object.assign(draft, { rootTurnId, error, startedAt, completedAt, durationMs, ended: place?.ended });
}
