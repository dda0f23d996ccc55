/**
 * Where items go in a legacy rollout. There an event belongs to the turn that is open where it stands, and is shown once for each
 * time that it is there (rollout-format §8.2); in a paginated one an item names its turn and may come again, to say more (§8.3).
 * So each item is written once, with what was last said of it, and within its turn: one that came after the end of it moves
 * in front of that end, one that came before its turn waits for it. The rollout is read twice: `TurnSurvey` sees it first.
 */
import type { ItemCompletedEvent } from "../format/event.ts";
import type { RecordOf, RolloutRecord } from "../format/record.ts";
import { legacyForm } from "./legacy-items.ts";

type EventRecord = RecordOf<"event_msg">;
type ItemRecord = EventRecord & { readonly payload: ItemCompletedEvent };

export function isItem(record: RolloutRecord): record is ItemRecord {
  return record.type === "event_msg" && record.payload.type === "item_completed";
}

/** Which turn is open, as a legacy view takes it, and which have been. */
class OpenTurn {
  readonly #begun = new Set<string>();
  readonly #ended = new Set<string>();
  current: string | undefined;

  start(turnId: string): void {
    this.#begun.add(turnId);
    this.current = turnId;
  }

  end(turnId: string): void {
    if (this.current === turnId) this.current = undefined;
  }

  /** False for a second end: the first one counts in paginated threads, and the last one in legacy ones (rollout-format §8.3). */
  isFirstEnd(turnId: string): boolean {
    if (this.#ended.has(turnId)) return false;
    this.#ended.add(turnId);
    return true;
  }

  hasBegun(turnId: string): boolean {
    return this.#begun.has(turnId);
  }
}

/** Of an event that ends a turn, the turn; the empty string for one that names none. */
export function endedTurn({ payload }: EventRecord): string | undefined {
  if (payload.type === "task_complete") return payload.turn_id;
  return payload.type === "turn_aborted" ? (payload.turn_id ?? "") : undefined;
}

/** An item, and not another of the same id in another turn; all have one. */
function keyOf({ payload: { turn_id, item } }: ItemRecord): string {
  return `${turn_id}\n${String((item as { readonly id?: unknown }).id)}`;
}

/** What of a rollout must be known before its items can be put into their places. */
export class TurnSurvey {
  readonly #open = new OpenTurn();
  readonly #seen = new Set<string>();
  readonly #newest = new Map<string, ItemRecord>();
  readonly #late = new Map<string, ItemRecord[]>();
  #hasEndAlone = false;

  /** Whether of some turn only the end was written. */
  get hasEndAlone(): boolean {
    return this.#hasEndAlone;
  }

  see(record: EventRecord): void {
    if (isItem(record)) this.#item(record);
    else if (record.payload.type === "task_started") this.#open.start(record.payload.turn_id);
    else {
      const ended = endedTurn(record);
      if (ended === undefined || ended === "" || !this.#open.isFirstEnd(ended)) return;
      // One that was not heard of before begins with its end, and closes what was open.
      if (!this.#open.hasBegun(ended)) {
        this.#hasEndAlone = true;
        this.#open.start(ended);
      }
      this.#open.end(ended);
    }
  }

  #item(record: ItemRecord): void {
    const key = keyOf(record);
    if (this.#seen.has(key)) {
      this.#newest.set(key, record);
      return;
    }
    this.#seen.add(key);
    const { turn_id } = record.payload;
    if (turn_id === this.#open.current || !this.#open.hasBegun(turn_id)) return;
    const late = this.#late.get(turn_id) ?? [];
    this.#late.set(turn_id, late);
    late.push(record);
  }

  /** What was last said of an item. */
  newest(record: ItemRecord): ItemRecord {
    return this.#newest.get(keyOf(record)) ?? record;
  }

  /** The items that came when their turn was over; given once. */
  takeLate(turnId: string): readonly ItemRecord[] {
    const late = this.#late.get(turnId) ?? [];
    this.#late.delete(turnId);
    return late;
  }
}

export interface PlacedSink {
  /** The event just taken, as it stands in its line. */
  keep(record: EventRecord): void;
  /** One that is made, or moved. */
  record(record: EventRecord): void;
  /** An item of which something, or all, cannot be said. */
  lost(record: EventRecord, what: string): void;
}

/** The second walk: events in, and in their places out again, items as what stands for them. */
export class TurnPlacer {
  readonly #survey: TurnSurvey;
  readonly #sink: PlacedSink;
  readonly #open = new OpenTurn();
  readonly #placed = new Set<string>();
  /** Items whose turn has not begun. */
  readonly #waiting = new Map<string, ItemRecord[]>();

  constructor(survey: TurnSurvey, sink: PlacedSink) {
    this.#survey = survey;
    this.#sink = sink;
  }

  take(record: EventRecord): void {
    if (isItem(record)) this.#item(record);
    else if (record.payload.type === "task_started") {
      this.#close();
      this.#sink.keep(record);
      this.#begin(record.payload.turn_id);
    } else {
      const ended = endedTurn(record);
      if (ended !== undefined && ended !== "") {
        if (!this.#open.isFirstEnd(ended)) return this.#sink.lost(record, "a second end of a turn");
        this.#end(record, ended);
      }
      this.#sink.keep(record);
    }
  }

  /** Of turns that never began, nothing is shown in either mode. */
  finish(): void {
    for (const items of this.#waiting.values())
      for (const record of items) this.#sink.lost(record, "an item of a turn that never began");
    this.#waiting.clear();
  }

  #begin(turnId: string): void {
    this.#open.start(turnId);
    this.#putAll(this.#waiting.get(turnId) ?? []);
    this.#waiting.delete(turnId);
  }

  /** A turn of which only the end was written, such as that of a review, gets a beginning, or its end would be taken for that of another. */
  #end(record: EventRecord, turnId: string): void {
    if (!this.#open.hasBegun(turnId)) {
      this.#close();
      this.#sink.record(beginning(record, turnId));
      this.#begin(turnId);
    }
    if (this.#open.current === turnId) this.#close();
  }

  /** Before the end of the turn that is open. */
  #close(): void {
    const { current } = this.#open;
    if (current === undefined) return;
    this.#putAll(this.#survey.takeLate(current));
    this.#open.end(current);
  }

  #item(record: ItemRecord): void {
    const key = keyOf(record);
    const { turn_id } = record.payload;
    const isNow = turn_id === this.#open.current;
    // Of a turn that is over it was put before the end.
    if (this.#placed.has(key) || (!isNow && this.#open.hasBegun(turn_id))) return;
    this.#placed.add(key);
    if (isNow) return this.#write(record);
    const waiting = this.#waiting.get(turn_id) ?? [];
    this.#waiting.set(turn_id, waiting);
    waiting.push(record);
  }

  #putAll(records: readonly ItemRecord[]): void {
    for (const record of records) {
      this.#placed.add(keyOf(record));
      this.#write(record);
    }
  }

  #write(first: ItemRecord): void {
    const record = this.#survey.newest(first);
    const { events, lost } = legacyForm(record.payload);
    for (const payload of events) this.#sink.record({ type: "event_msg", timestamp: record.timestamp, payload });
    if (lost !== undefined) this.#sink.lost(record, lost);
  }
}

/** What its end says of the beginning. */
function beginning({ timestamp, payload }: EventRecord, turn_id: string): EventRecord {
  const { root_turn_id, started_at } = payload as { readonly root_turn_id?: string; readonly started_at?: number };
  return {
    type: "event_msg",
    timestamp,
    payload: {
      type: "task_started",
      turn_id,
      ...(root_turn_id == null ? {} : { root_turn_id }),
      ...(started_at == null ? {} : { started_at }),
      model_context_window: null,
    },
  };
}
