/**
 * One walk over the source: where a cut lies in it, whether a turn is open there, and what the new thread takes over from
 * records that may stand anywhere (its newest settings). Everything after works with the places found here.
 */
import type {
  EventMsg,
  EventOf,
  HistoryMode,
  RecordOf,
  ResponseItem,
  RolloutRecord,
  TurnContext,
} from "../format/record.ts";
import type { ThreadSettings } from "../format/event.ts";
import { isOtherItem } from "../format/response-item.ts";
import type { KindFilter } from "../readers/rollout.ts";
import { classOf, communicationIn } from "../thread/boundary.ts";
import type { ForkCut } from "./types.ts";

/** The beginning of a line, or the end of what is there, in the segment of the chain with that index. */
export interface Point {
  readonly segment: number;
  readonly offset: number;
  readonly line: number;
}

/** A turn that has begun and not ended; without `started` one that only a user's message tells of. */
export interface OpenTurn {
  readonly started: EventOf<"task_started"> | undefined;
}

/** Where the kept part ends: the first byte that is not kept, or undefined for the end of the thread. */
export interface CutEnd {
  readonly end: Point | undefined;
  readonly open: OpenTurn | undefined;
  /** Turns before it with a recorded beginning, those left out that were rolled back by then. */
  readonly turns: number;
}

/** Where the kept part begins, and the line that began the turn around it, which is kept as well. */
export interface CutStart {
  readonly start: Point;
  readonly lead: Point | undefined;
  /** Turns before it and before `lead`, counted as in `CutEnd`. */
  readonly turnsBefore: number;
}

export interface TurnSpan {
  /** Before the record that began it; undefined for one of which only the end is recorded (a review). */
  readonly begin: CutEnd | undefined;
  /** Behind the record that ends it; undefined while it has none. */
  behind: CutEnd | undefined;
  /** Before the next turn; undefined for the last one. */
  next: CutEnd | undefined;
}

export interface SourceScan {
  /** At the end of the thread. */
  readonly whole: CutEnd;
  /** The turn that was asked for: undefined when there is none, or it was rolled back. */
  readonly turn: TurnSpan | undefined;
  readonly turnWasRolledBack: boolean;
  /** Messages of the user's, those left out that were rolled back. */
  readonly userMessages: readonly CutEnd[];
  /** What sets a model to work: messages of the user's, and of other agents that ask for a turn (rollout-format §7.1). */
  readonly boundaries: readonly CutStart[];
  readonly settings: ThreadSettings | undefined;
  readonly context: TurnContext | undefined;
  /** The newest tools that the thread itself was given later. */
  readonly tools: RecordOf<"dynamic_tools_updated">["payload"]["tools"] | undefined;
}

/** Kinds that a scan looks at. */
export const SCAN_KINDS: KindFilter = new Set([
  "response_item/message",
  "response_item/agent_message",
  "turn_context",
  "inter_agent_communication",
  "inter_agent_communication_metadata",
  "dynamic_tools_updated",
  "event_msg/task_started",
  "event_msg/task_complete",
  "event_msg/turn_aborted",
  "event_msg/thread_rolled_back",
  "event_msg/thread_settings_applied",
]);

interface UserMessage extends CutEnd {
  readonly seq: number;
}

/** Feed it the records of the kinds above, oldest first. */
export class SourceScanner {
  readonly #threadId: string;
  readonly #wanted: string | undefined;
  readonly #isLegacy: boolean;
  #seq = 0;
  #started: { readonly event: EventOf<"task_started">; readonly point: Point } | undefined;
  /** Of the newest record that ended a turn. */
  #endedSeq = -1;
  #turnIds: string[] = [];
  #knownIds = new Set<string>();
  #turn: TurnSpan | undefined;
  #turnWasRolledBack = false;
  #userMessages: UserMessage[] = [];
  #boundaries: CutStart[] = [];
  #triggersNext = false;
  #settings: ThreadSettings | undefined;
  #context: TurnContext | undefined;
  #tools: SourceScan["tools"];

  constructor(threadId: string, mode: HistoryMode, { lastTurn, beforeTurn }: ForkCut) {
    this.#threadId = threadId;
    this.#isLegacy = mode === "legacy";
    this.#wanted = lastTurn ?? beforeTurn;
  }

  /** `behind` is where the next line begins. */
  add(record: RolloutRecord, point: Point, behind: Point): void {
    this.#seq += 1;
    if (record.type === "response_item") this.#item(record.payload, point);
    else if (record.type === "event_msg") this.#event(record.payload, point, behind);
    else if (record.type === "turn_context") this.#context = record.payload;
    else if (record.type === "inter_agent_communication") {
      if (record.payload.trigger_turn) this.#boundary(point);
    } else if (record.type === "inter_agent_communication_metadata") this.#triggersNext = record.payload.trigger_turn;
    else if (record.type === "dynamic_tools_updated" && record.payload.thread_id === this.#threadId) {
      this.#tools = record.payload.tools;
    }
  }

  /** `end`: of all that was scanned, where more may follow. */
  finish(end: Point | undefined): SourceScan {
    return {
      whole: this.#cutAt(end),
      turn: this.#turn,
      turnWasRolledBack: this.#turnWasRolledBack,
      userMessages: this.#userMessages,
      boundaries: this.#boundaries,
      settings: this.#settings,
      context: this.#context,
      tools: this.#tools,
    };
  }

  /** As 0.169.0 was seen to judge it: a turn begun and not ended, or a user's message behind which no turn has ended. */
  #open(): OpenTurn | undefined {
    if (this.#started !== undefined) return { started: this.#started.event };
    const last = this.#userMessages.at(-1);
    return last !== undefined && last.seq > this.#endedSeq ? { started: undefined } : undefined;
  }

  #cutAt(end: Point | undefined): CutEnd {
    return { end, open: this.#open(), turns: this.#turnIds.length };
  }

  #item(item: ResponseItem, point: Point): void {
    const triggered = this.#triggersNext;
    this.#triggersNext = false;
    if (isOtherItem(item) || classOf(item) !== "boundary") return;
    if (item.type === "message" && item.role === "user") {
      this.#userMessages.push({ ...this.#cutAt(point), seq: this.#seq });
      this.#boundary(point);
    } else if (item.type === "message") {
      if (communicationIn(item)?.trigger_turn === true) this.#boundary(point);
    } else if (triggered) this.#boundary(point);
  }

  #boundary(point: Point): void {
    const lead = this.#started?.point;
    const turnsBefore = this.#turnIds.length - (lead === undefined ? 0 : 1);
    this.#boundaries.push({ start: point, lead, turnsBefore });
  }

  #event(event: EventMsg, point: Point, behind: Point): void {
    const { type } = event;
    if (type === "task_started") this.#start(event, point);
    else if (type === "task_complete") this.#end(this.#idOfEnd(event.turn_id), behind);
    else if (type === "turn_aborted") this.#end(event.turn_id ?? this.#started?.event.turn_id, behind);
    else if (type === "thread_rolled_back") this.#rollBack(event.num_turns);
    else if (type === "thread_settings_applied") this.#settings = event.thread_settings;
  }

  /** In a legacy thread an end that names no turn of it is taken for that of the open one: reviews end so. */
  #idOfEnd(turnId: string): string {
    const open = this.#started?.event.turn_id;
    return this.#isLegacy && open !== undefined && !this.#knownIds.has(turnId) ? open : turnId;
  }

  #start(event: EventOf<"task_started">, point: Point): void {
    const here = this.#cutAt(point);
    const isWanted = event.turn_id === this.#wanted;
    if (isWanted) this.#turn ??= { begin: here, behind: undefined, next: undefined };
    else if (this.#turn !== undefined) this.#turn.next ??= here;
    this.#turnIds.push(event.turn_id);
    this.#knownIds.add(event.turn_id);
    this.#started = { event, point };
  }

  #end(turnId: string | undefined, behind: Point): void {
    this.#endedSeq = this.#seq;
    if (turnId === undefined) return;
    if (this.#started?.event.turn_id === turnId) this.#started = undefined;
    if (turnId !== this.#wanted) return;
    this.#turn ??= { begin: undefined, behind: undefined, next: undefined };
    this.#turn.behind ??= this.#cutAt(behind);
  }

  #rollBack(count: number): void {
    this.#started = undefined;
    const dropped = count === 0 ? [] : this.#turnIds.splice(-count);
    if (this.#turn !== undefined && dropped.some((id) => id === this.#wanted)) {
      this.#turn = undefined;
      this.#turnWasRolledBack = true;
    }
    if (count === 0) return;
    this.#knownIds = new Set(this.#turnIds);
    this.#userMessages.splice(-count);
    this.#boundaries.splice(-count);
  }
}
