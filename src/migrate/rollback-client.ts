/**
 * Which records a rollback takes away beside the model's items: events, turn contexts, states (rollout-format §9.3, M1 to M20). What
 * is rolled back is counted in user boundaries, which are messages that begin a user turn and events that tell of one; a message and
 * its event are one boundary when they stand together. For `rollback.ts`, which asks the engine for the model's items.
 */
import type { EventMsg, EventOf, RolloutRecord } from "../format/record.ts";
import { isOtherItem, type MessageItem } from "../format/response-item.ts";
import { classOf } from "../thread/boundary.ts";
import { endedItem } from "./canonical-items.ts";

/** What a rollback does to a record in its way. */
type Class =
  /** Belongs to the turn that is open, or to the one that it names. */
  | "turn"
  /** Tells the model something: goes with what was said after the boundary. */
  | "model"
  /** An item of the model, a checkpoint: goes with what was said after the boundary, as far as the engine has no other answer. */
  | "item"
  /** Of the thread as a whole. */
  | "thread";

interface Turn {
  readonly start: number;
  readonly isImplied: boolean;
  hasUserMessage: boolean;
}

interface Boundary {
  /** Index of its first record. */
  readonly at: number;
  turn: Turn | undefined;
}

interface Seen {
  readonly line: number;
  readonly class: Class;
  /** The turn that was open. */
  readonly open: Turn | undefined;
  /** The turn that it names; `null` for one that was never begun. */
  readonly named: Turn | null | undefined;
  isGone: boolean;
}

/** Takes the records that Codex reads, in order; holds a few words for each of them. */
export class ClientRollbacks {
  readonly #seen: Seen[] = [];
  readonly #boundaries: Boundary[] = [];
  readonly #turns = new Map<string, Turn>();
  /** A rollback went back to the middle of a turn. */
  isTurnCut = false;
  #open: Turn | undefined;
  #last: { readonly text: string | undefined; readonly isAgentNews: boolean } | undefined;

  add(record: RolloutRecord, line: number): void {
    if (record.type === "event_msg" && record.payload.type === "thread_rolled_back") {
      this.#see(line, "turn", undefined);
      this.#rollBack(record.payload.num_turns);
      this.#last = undefined;
      return;
    }
    const last = this.#last;
    this.#last = undefined;
    if (record.type === "event_msg") this.#event(record.payload as EventOf<"task_started">, line, last?.text);
    else {
      const at = this.#see(line, CLASSES[record.type], undefined);
      if (record.type === "response_item") this.#item(record.payload as MessageItem, at, last?.isAgentNews === true);
      else if (record.type === "inter_agent_communication") this.#boundary(at);
      else if (record.type === "inter_agent_communication_metadata")
        this.#last = { text: undefined, isAgentNews: true };
    }
  }

  /** Lines of what is gone: of the model's items and of checkpoints, and of all else. */
  gone(): { readonly items: readonly number[]; readonly others: readonly number[] } {
    const gone = this.#seen.filter(({ isGone }) => isGone);
    return {
      items: gone.flatMap((seen) => (seen.class === "item" ? [seen.line] : [])),
      others: gone.flatMap((seen) => (seen.class === "item" ? [] : [seen.line])),
    };
  }

  #see(line: number, of: Class, named: Turn | null | undefined): number {
    return this.#seen.push({ line, class: of, open: this.#open, named, isGone: false }) - 1;
  }

  #item(item: MessageItem, at: number, followsNews: boolean): void {
    if (isOtherItem(item) || classOf(item) !== "boundary") return;
    if (followsNews) return this.#boundary(at - 1);
    this.#boundary(at);
    if (item.role === "user") this.#last = { text: textOf(item), isAgentNews: false };
  }

  #boundary(at: number): void {
    this.#boundaries.push({ at, turn: this.#open });
  }

  #event(event: EventOf<"task_started">, line: number, textBefore: string | undefined): void {
    // Looked at by its name: one type stands for all here.
    const { type, turn_id: turnId } = event as { readonly type: string; readonly turn_id?: string | null };
    const at = this.#seen.length;
    if (type === "task_started") {
      this.#begin(event.turn_id, at, false);
      this.#see(line, "turn", undefined);
    } else if (type === "user_message") this.#userMessage(event as never, line, textBefore);
    else if (type === "task_complete" || type === "turn_aborted") {
      const named = this.#named(turnId);
      this.#see(line, "turn", named);
      if (named === undefined || named === this.#open) this.#open = undefined;
    } else if (type === "item_completed") this.#see(line, "turn", this.#named(turnId));
    else {
      const ended = endedItem(event);
      if (isSpoken(event) || (ended !== undefined && ended.turnId === undefined)) this.#current(at);
      if (ended?.turnId !== undefined && this.#open === undefined && !this.#turns.has(ended.turnId))
        this.#begin(ended.turnId, at, true);
      this.#see(line, "turn", this.#named(ended?.turnId));
    }
  }

  #userMessage(event: EventOf<"user_message">, line: number, textBefore: string | undefined): void {
    const at = this.#seen.length;
    if (this.#open?.isImplied === true && this.#open.hasUserMessage) this.#open = undefined;
    const turn = this.#current(at);
    turn.hasUserMessage = true;
    this.#see(line, "turn", undefined);
    const last = this.#boundaries.at(-1);
    if (last?.at === at - 1 && textBefore === event.message) last.turn = turn;
    else this.#boundaries.push({ at, turn });
  }

  #named(turnId: string | null | undefined): Turn | null | undefined {
    return turnId == null || turnId === "" ? undefined : (this.#turns.get(turnId) ?? null);
  }

  #current(at: number): Turn {
    return this.#open ?? this.#begin(undefined, at, true);
  }

  #begin(id: string | undefined, at: number, isImplied: boolean): Turn {
    const turn = { start: at, isImplied, hasUserMessage: false };
    if (id !== undefined) this.#turns.set(id, turn);
    return (this.#open = turn);
  }

  #rollBack(count: number): void {
    const known = this.#boundaries.length;
    (this.#seen.at(-1) as Seen).isGone = true;
    if (count === 0 || known === 0) return;
    const first = Math.max(0, known - count);
    const cut = this.#boundaries[first] as Boundary;
    const isFirstOfTurn = cut.turn !== undefined && this.#boundaries[first - 1]?.turn !== cut.turn;
    if (cut.turn !== undefined && !isFirstOfTurn) this.isTurnCut = true;
    const from = isFirstOfTurn ? Math.min(cut.at, (cut.turn as Turn).start) : cut.at;
    for (let at = from; at < this.#seen.length; at += 1) {
      const seen = this.#seen[at] as Seen;
      if (at < cut.at ? goesBefore(seen, cut.turn) : goesAfter(seen, cut)) seen.isGone = true;
    }
    this.#boundaries.length = first;
    this.#open = isFirstOfTurn ? undefined : cut.turn;
  }
}

/** Between the start of the turn and its first boundary. A turn's start has itself for the open turn. */
function goesBefore({ class: of, open, named }: Seen, turn: Turn | undefined): boolean {
  if (of !== "turn") return false;
  return named === undefined || named === null ? open === turn : named === turn;
}

/** From the boundary on: what belongs to a turn before it that is left untouched stays. */
function goesAfter({ class: of, named }: Seen, cut: Boundary): boolean {
  if (of === "thread") return false;
  return named == null || named === cut.turn || named.start >= cut.at;
}

const CLASSES: { readonly [T in Exclude<RolloutRecord["type"], "event_msg">]: Class } = {
  session_meta: "thread",
  response_item: "item",
  compacted: "item",
  inter_agent_communication: "item",
  turn_context: "turn",
  token_usage_record: "turn",
  world_state: "turn",
  inter_agent_communication_metadata: "model",
  realtime_item: "model",
  retained_context: "model",
  security_risk_score: "thread",
  dynamic_tools_updated: "thread",
};

/** Words open a turn where none is. */
function isSpoken(event: EventMsg): boolean {
  if (event.type === "agent_message") return event.message !== "";
  return (event.type === "agent_reasoning" || event.type === "agent_reasoning_raw_content") && event.text !== "";
}

/** Words of the user without the tags that stand around images. */
function textOf({ content }: MessageItem): string {
  const texts = content.flatMap((part) => (part.type === "input_text" ? [part.text] : []));
  return texts.filter((text) => !IMAGE_TAG.test(text)).join("");
}

const IMAGE_TAG = /^<\/?image(?:\s[^>]*)?>$/;
