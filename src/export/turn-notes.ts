/**
 * What the client's view of turns leaves out and a table of turns has: models, efforts, first tokens and the times of lines. Noted
 * while the entries of a thread go by.
 */
import type { EventMsg, RolloutRecord } from "../format/record.ts";
import type { TurnPlace } from "../thread/items.ts";
import type { ChainPosition, LineageEntry } from "../readers/lineage.ts";
import { LineTimes } from "./line-times.ts";

/** Settings in force from a place on. */
export interface Setting {
  readonly model: string;
  readonly effort: string | null;
}

interface PlacedSetting extends Setting {
  readonly place: ChainPosition;
}

export class TurnNotes {
  readonly times = new LineTimes();
  readonly #settings: PlacedSetting[] = [];
  readonly #settingByTurn = new Map<string, Setting>();
  readonly #firstTokenMs = new Map<string, number>();
  #lastTimestamp = "";

  /** Of the last setting. */
  get model(): string | null {
    return this.#settings.at(-1)?.model ?? null;
  }

  /** Time of the last record, as it is written. */
  get lastTimestamp(): string {
    return this.#lastTimestamp;
  }

  add({ record, position }: Extract<LineageEntry, { readonly ok: true }>): void {
    this.#lastTimestamp = record.timestamp;
    this.#noteTime(record, position);
    if (record.type === "turn_context") {
      const { turn_id: turnId, model, effort } = record.payload;
      this.#noteSetting({ model, effort: effort ?? null }, position, turnId);
    } else if (record.type === "event_msg") this.#addEvent(record.payload, position);
  }

  /** Only of lines that turns and items come from. */
  #noteTime({ type, timestamp }: RolloutRecord, position: ChainPosition): void {
    if (type === "event_msg" || type === "response_item" || type === "compacted") this.times.add(position, timestamp);
  }

  #addEvent(event: EventMsg, position: ChainPosition): void {
    if (event.type === "thread_settings_applied") {
      const { model, reasoning_effort: effort } = event.thread_settings;
      this.#noteSetting({ model, effort: effort ?? null }, position, undefined);
    } else if (event.type === "task_complete" && event.time_to_first_token_ms != null) {
      if (!this.#firstTokenMs.has(event.turn_id)) this.#firstTokenMs.set(event.turn_id, event.time_to_first_token_ms);
    }
  }

  #noteSetting(setting: Setting, place: ChainPosition, turnId: string | null | undefined): void {
    if (turnId != null) this.#settingByTurn.set(turnId, setting);
    const last = this.#settings.at(-1);
    // A hostile file could have one on every line; most of them say what the one before said.
    if (last?.model === setting.model && last.effort === setting.effort) return;
    this.#settings.push({ ...setting, place });
  }

  firstTokenMs(turnId: string): number | null {
    return this.#firstTokenMs.get(turnId) ?? null;
  }

  /** What a turn ran with: as said for it by its id, else the last that was said before it ended, or the next began. */
  settingOf(turnId: string, { opened, ended }: TurnPlace, next: TurnPlace | undefined): Setting | undefined {
    const named = this.#settingByTurn.get(turnId);
    if (named !== undefined) return named;
    const end = ended ?? next?.opened;
    if (end === undefined) return this.#settings.at(-1);
    // A turn's own settings may follow the line that it begins with.
    return this.#before(isBefore(end, opened) ? opened : end);
  }

  #before(end: ChainPosition): Setting | undefined {
    let [low, high] = [0, this.#settings.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const setting = this.#settings[middle];
      if (setting !== undefined && isBefore(setting.place, end)) low = middle + 1;
      else high = middle;
    }
    return this.#settings[low - 1];
  }
}

function isBefore(one: ChainPosition, other: ChainPosition): boolean {
  const segments = (one.segment ?? 0) - (other.segment ?? 0);
  return segments === 0 ? one.offset < other.offset : segments < 0;
}
