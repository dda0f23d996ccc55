/**
 * The model's history as a list that records are played into: append, replace by a checkpoint, roll turns back, rebuild
 * after a legacy compaction (rollout-format §5.2 step 3, §5.5, §5.6). The mutable draft inside `replay.ts`; what leaves
 * is plain `HistoryItem`s.
 *
 * Every operation costs what it adds and removes, not the length of the list: a rollout may hold a rollback or a
 * compaction on every other line.
 */
import type { ContextRelease } from "../format/contextual.ts";
import type { Position } from "../format/entry.ts";
import type { InterAgentCommunication, ResponseItem } from "../format/record.ts";
import { classOf, itemOfCommunication, type ItemClass } from "./boundary.ts";
import {
  isEarlierSummary,
  isMessage,
  KEPT_TOKENS,
  messageTokens,
  shortened,
  summaryItem,
  withoutMedia,
} from "./compaction.ts";
import type { Omission, OmissionRule } from "./omission.ts";

/** An item that the model would be sent, and where it comes from. */
export interface HistoryItem {
  readonly item: ResponseItem;
  /** The record that holds it, as its entry had it. */
  readonly place: Position;
  /** Position in the `replacement_history` of that record; undefined for any other origin. */
  readonly index: number | undefined;
  /**
   * `record`: a `response_item`. `replacement`: an entry of a checkpoint. `communication`: made of an
   * `inter_agent_communication`. `summary`: made of a legacy compaction's message. `kept`: a user message that a legacy
   * compaction carried over, maybe without its media or its middle; its place is where it was written. A summary that a
   * later one carries over stays a `summary`.
   */
  readonly origin: "record" | "replacement" | "communication" | "summary" | "kept";
}

interface Held extends HistoryItem {
  readonly class: ItemClass;
  /** Bytes of JSON; 0 unless the list measures. */
  readonly bytes: number;
}

export interface Size {
  readonly items: number;
  readonly bytes: number;
}

export interface ListOptions {
  /** Told about everything that falls out. */
  readonly omit?: ((omission: Omission) => void) | undefined;
  /** Whose idea of a turn's beginning counts. Default 0.169.0. */
  readonly release?: ContextRelease | undefined;
  /** Bytes of an item, for those who count them. */
  readonly measure?: ((item: ResponseItem) => number) | undefined;
}

export class ItemList {
  readonly #omit: ((omission: Omission) => void) | undefined;
  readonly #measure: ((item: ResponseItem) => number) | undefined;
  readonly #release: ContextRelease | undefined;
  /** The list is `#held` from `#start` on; what lies before was dropped from the front. */
  #held: (Held | undefined)[] = [];
  #start = 0;
  #bytes = 0;
  /** Indices into `#held` of the user boundaries, from `#firstBoundary` on. */
  #boundaries: number[] = [];
  #firstBoundary = 0;
  /** How many items from `#start` on a legacy rebuild left there, and the tokens of each. */
  #kept: number[] = [];
  #firstKept = 0;
  #keptTokens = 0;

  constructor(options: ListOptions = {}) {
    this.#omit = options.omit;
    this.#measure = options.measure;
    this.#release = options.release;
  }

  get size(): Size {
    return { items: this.#held.length - this.#start, bytes: this.#bytes };
  }

  /** The list as it stands, without what only the draft needs. */
  toItems(): HistoryItem[] {
    const items: HistoryItem[] = [];
    for (let at = this.#start; at < this.#held.length; at += 1) {
      const { item, place, index, origin } = this.#at(at);
      items.push({ item, place, index, origin });
    }
    return items;
  }

  /** Returns what the item is to a rollback, since the segment scan asks the same. */
  append(item: ResponseItem, place: Position, bytes?: number): ItemClass {
    return this.#push(item, place, undefined, "record", bytes);
  }

  appendCommunication(communication: InterAgentCommunication, place: Position): void {
    this.#push(itemOfCommunication(communication), place, undefined, "communication");
  }

  /** A checkpoint: everything so far gives way to these. Ghost snapshots are dropped, nothing else is looked at. */
  replace(items: readonly ResponseItem[], place: Position): void {
    this.#drop(this.#start, "before-checkpoint");
    this.#reset();
    items.forEach((item, index) => {
      if (item.type !== "ghost_snapshot") this.#push(item, place, index, "replacement");
      else this.#omit?.({ place, index, what: item.type, rule: "ghost-snapshot" });
    });
  }

  /** Drops the last `count` user turns of the list (rollout-format §5.5). */
  dropTurns(count: number): void {
    const known = this.#boundaries.length - this.#firstBoundary;
    if (count === 0 || known === 0) return;
    const first = this.#boundaries[this.#firstBoundary] as number;
    const cut = count >= known ? first : (this.#boundaries[this.#boundaries.length - count] as number);
    let end = cut;
    while (end > first && this.#at(end - 1).class === "context") end -= 1;
    this.#drop(cut, "rolled-back");
    this.#drop(end, "trimmed-context");
  }

  /** What a compaction without a replacement leaves: the newest user messages and a summary (rollout-format §5.6). */
  rebuild(message: string, place: Position): void {
    this.#keepUserMessages();
    this.#fitBudget();
    this.#push(summaryItem(message), place, undefined, "summary");
  }

  #at(index: number): Held {
    return this.#held[index] as Held;
  }

  #push(
    item: ResponseItem,
    place: Position,
    index: number | undefined,
    origin: Held["origin"],
    known?: number,
  ): ItemClass {
    const found = classOf(item, this.#release);
    const bytes = known ?? this.#measure?.(item) ?? 0;
    if (found === "boundary") this.#boundaries.push(this.#held.length);
    this.#held.push({ item, place, index, origin, class: found, bytes });
    this.#bytes += bytes;
    return found;
  }

  /** Removes everything from `from` on. */
  #drop(from: number, rule: OmissionRule): void {
    // Nobody is told, nothing was counted: what is going need not be looked at.
    const isSilent = this.#omit === undefined && this.#bytes === 0;
    if (!isSilent) for (let at = from; at < this.#held.length; at += 1) this.#leave(this.#at(at), rule);
    this.#held.length = from;
    this.#forgetBoundaries(from);
    while (this.#kept.length > this.#firstKept && this.#start + this.#kept.length - this.#firstKept > from) {
      this.#keptTokens -= this.#kept.pop() as number;
    }
  }

  #forgetBoundaries(from: number): void {
    while (this.#boundaries.length > this.#firstBoundary && (this.#boundaries.at(-1) as number) >= from)
      this.#boundaries.pop();
  }

  #leave(held: Held, rule: OmissionRule): void {
    this.#bytes -= held.bytes;
    this.#omit?.({ place: held.place, index: held.index, what: held.item.type, rule });
  }

  #reset(): void {
    this.#held = [];
    this.#start = 0;
    this.#boundaries = [];
    this.#firstBoundary = 0;
    this.#kept = [];
    this.#firstKept = 0;
    this.#keptTokens = 0;
  }

  /** Of what came since the last rebuild, only real user messages stay; those of that rebuild are in order already. */
  #keepUserMessages(): void {
    let write = this.#start + this.#kept.length - this.#firstKept;
    const end = this.#held.length;
    this.#forgetBoundaries(write);
    for (let at = write; at < end; at += 1) {
      const held = this.#at(at);
      const rule = leavingRule(held);
      if (rule !== undefined) {
        this.#leave(held, rule);
        continue;
      }
      const kept = this.#keep(held, withoutMedia(held.item));
      this.#held[write] = kept;
      const tokens = messageTokens(kept.item);
      this.#kept.push(tokens);
      this.#keptTokens += tokens;
      if (kept.class === "boundary") this.#boundaries.push(write);
      write += 1;
    }
    this.#held.length = write;
  }

  #keep(held: Held, item: ResponseItem): Held {
    const bytes = item === held.item ? held.bytes : (this.#measure?.(item) ?? 0);
    this.#bytes += bytes - held.bytes;
    const { place, index } = held;
    const origin = held.origin === "summary" ? "summary" : "kept";
    return { item, place, index, origin, class: item === held.item ? held.class : classOf(item, this.#release), bytes };
  }

  /** From the newest back as many as fit; the first that does not is shortened, the rest goes. */
  #fitBudget(): void {
    while (this.#kept.length > this.#firstKept) {
      const tokens = this.#kept[this.#firstKept] as number;
      const left = KEPT_TOKENS - (this.#keptTokens - tokens);
      if (left > 0) {
        if (tokens > left) this.#shortenFirst(tokens, left);
        return;
      }
      this.#leave(this.#at(this.#start), "over-budget");
      this.#dropFirst(tokens);
    }
  }

  #dropFirst(tokens: number): void {
    if (this.#boundaries[this.#firstBoundary] === this.#start) this.#firstBoundary += 1;
    this.#held[this.#start] = undefined;
    this.#start += 1;
    this.#firstKept += 1;
    this.#keptTokens -= tokens;
  }

  #shortenFirst(tokens: number, left: number): void {
    const held = this.#at(this.#start);
    const kept = this.#keep(held, shortened(held.item, left));
    this.#held[this.#start] = kept;
    const now = messageTokens(kept.item);
    this.#kept[this.#firstKept] = now;
    this.#keptTokens += now - tokens;
    // A cut can leave a part that looks like context; then the message begins no turn any more.
    if (kept.class !== "boundary" && this.#boundaries[this.#firstBoundary] === this.#start) this.#firstBoundary += 1;
  }
}

function leavingRule(held: Held): OmissionRule | undefined {
  const { item } = held;
  if (!isMessage(item) || item.role !== "user" || held.class === "context") return "not-kept";
  return isEarlierSummary(item) ? "earlier-summary" : undefined;
}
