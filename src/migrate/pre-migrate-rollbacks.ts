/**
 * What Codex's migration makes of rollbacks (rollout-format §9.3): which lines go, and where it gives up. What is rolled back is counted in
 * boundaries: messages that begin a user's turn, and events that tell of one; a message and its event are one boundary when they stand
 * together. Unlike a resume the migration goes by the lines alone, and takes away items that a resume would have kept. Seen with 0.169.0.
 */
import { isSummaryText } from "../format/contextual.ts";
import type { EventOf, ResponseItem, RolloutRecord } from "../format/record.ts";
import { isOtherItem, type MessageItem } from "../format/response-item.ts";
import { classOf } from "../thread/boundary.ts";
import { endedItem } from "./canonical-items.ts";
import { wordsOf } from "./pre-migrate-fates.ts";

/** What a rollback does to a record in its way. */
type Class =
  /** Belongs to the turn that is open, or to the one that it names. */
  | "turn"
  /** Tells the model something. */
  | "model"
  /** The same, and it goes with the turn below it. */
  | "context"
  /** A compaction with a list of items, and one without. */
  | "checkpoint"
  | "compaction";

interface Turn {
  /** Number of its first record; undefined for a turn that no record began. */
  readonly start: number | undefined;
  isUserTurn: boolean;
}

interface Boundary {
  readonly at: number;
  readonly turn: Turn | undefined;
}

interface Seen {
  /** Number of the record. */
  readonly at: number;
  readonly line: number;
  readonly class: Class;
  /** That was open. */
  readonly open: Turn | undefined;
  /** That it names; null for one that was never begun. */
  readonly named: Turn | null | undefined;
}

export class MigrationRollbacks {
  #count = 0;
  #seen: Seen[] = [];
  #boundaries: Boundary[] = [];
  readonly #turns = new Map<string, Turn>();
  readonly #gone = new Set<number>();
  #open: Turn | undefined;
  /** Words of the user message just before; null for news of an agent. */
  #before: string | null | undefined;
  /** Line of the first rollback that reaches behind a compaction of which nobody knows what it left; the migration stops there. */
  crossedAt: number | undefined;

  /** Takes the records that Codex reads, in their order. */
  add(record: RolloutRecord, line: number): void {
    const before = this.#before;
    this.#before = undefined;
    this.#count += 1;
    if (record.type === "event_msg") return this.#event(record.payload as EventOf<AnyEvent>, before, line);
    if (record.type === "response_item") this.#item(record.payload, before === null, line);
    else if (record.type === "inter_agent_communication") this.#boundary(this.#count);
    else if (record.type === "inter_agent_communication_metadata") this.#before = null;
    const found = classOfRecord(record);
    if (found !== undefined) this.#see(line, found);
  }

  /** Of a checkpoint, at least the items. */
  isGone(line: number): boolean {
    return this.#gone.has(line);
  }

  #see(line: number, found: Class, named?: Turn | null): void {
    this.#seen.push({ at: this.#count, line, class: found, open: this.#open, named });
  }

  #item(item: ResponseItem, followsNews: boolean, line: number): void {
    const isBoundary = !isOtherItem(item) && (classOf(item) === "boundary" || isSummary(item));
    if (isBoundary) this.#boundary(followsNews ? this.#count - 1 : this.#count);
    if (isBoundary && item.type === "message") this.#before = textOf(item);
    this.#see(line, !isOtherItem(item) && classOf(item) === "context" ? "context" : "model");
  }

  #boundary(at: number): void {
    this.#boundaries.push({ at, turn: this.#open });
    if (this.#open !== undefined) this.#open.isUserTurn = true;
  }

  #event(event: EventOf<AnyEvent>, before: string | null | undefined, line: number): void {
    switch (event.type) {
      case "task_started":
        this.#open = { start: this.#count, isUserTurn: false };
        this.#turns.set(event.turn_id, this.#open);
        return this.#see(line, "turn");
      case "task_complete":
      case "turn_aborted": {
        const named = this.#named(event.turn_id);
        this.#see(line, "turn", named);
        if (named === undefined || named === this.#open) this.#open = undefined;
        return;
      }
      case "user_message":
        return this.#userMessage(event, before, line);
      case "thread_rolled_back":
        this.#gone.add(line);
        return this.#rollBack(event.num_turns, line);
      case "item_completed":
        return this.#see(line, "turn", this.#named(event.turn_id));
      default:
        this.#otherEvent(event, line);
    }
  }

  #userMessage(event: EventOf<"user_message">, before: string | null | undefined, line: number): void {
    if (this.#open?.start === undefined && this.#open?.isUserTurn === true) this.#open = undefined;
    const last = this.#boundaries.at(-1);
    this.#open ??= { start: undefined, isUserTurn: true };
    if (last?.at === this.#count - 1 && before === event.message)
      this.#boundaries[this.#boundaries.length - 1] = { at: last.at, turn: this.#open };
    else this.#boundary(this.#count);
    this.#open.isUserTurn = true;
    this.#see(line, "turn");
  }

  /** Words, and the ends of things, open a turn where none is. */
  #otherEvent(event: EventOf<AnyEvent>, line: number): void {
    const ended = endedItem(event);
    const words = wordsOf(event);
    const opens = words === undefined ? ended !== undefined && ended.turnId === undefined : words !== "";
    if (opens) this.#open ??= { start: undefined, isUserTurn: false };
    if (ended?.turnId !== undefined && this.#open === undefined && !this.#turns.has(ended.turnId)) {
      this.#open = { start: undefined, isUserTurn: false };
      this.#turns.set(ended.turnId, this.#open);
    }
    this.#see(line, "turn", this.#named(ended?.turnId));
  }

  #named(turnId: string | null | undefined): Turn | null | undefined {
    return turnId == null || turnId === "" ? undefined : (this.#turns.get(turnId) ?? null);
  }

  #rollBack(count: number, line: number): void {
    if (count === 0) return;
    const first = Math.max(0, this.#boundaries.length - count);
    const cut = this.#boundaries[first];
    const isBehindAll = count > this.#boundaries.length;
    if (this.#isCrossing(isBehindAll ? 0 : (cut?.at ?? 0))) this.crossedAt ??= line;
    if (cut === undefined) return;
    const isFirstOfTurn = cut.turn !== undefined && this.#boundaries[first - 1]?.turn !== cut.turn;
    this.#remove(cut, isFirstOfTurn ? Math.min(cut.at, cut.turn?.start ?? cut.at) : cut.at);
    this.#removeContext(this.#boundaries[first - 1]);
    this.#boundaries = this.#boundaries.slice(0, first);
    this.#open = isFirstOfTurn ? undefined : cut.turn;
  }

  /**
   * Back to that record: a compaction between turns needs what was before it. One with a list ends the search, and loses its list; one
   * within a turn of the user goes with the turn.
   */
  #isCrossing(from: number): boolean {
    for (let index = this.#seen.length - 1; index >= 0; index -= 1) {
      const seen = this.#seen[index] as Seen;
      if (seen.at < from) return false;
      if (isOwn(seen) || (seen.class !== "checkpoint" && seen.class !== "compaction")) continue;
      if (seen.class === "compaction") return true;
      this.#gone.add(seen.line);
      return false;
    }
    return false;
  }

  #remove(cut: Boundary, from: number): void {
    const stay: Seen[] = [];
    for (let seen = this.#seen.at(-1); seen !== undefined && seen.at >= from; seen = this.#seen.at(-1)) {
      this.#seen.pop();
      if (seen.at < cut.at ? goesBefore(seen, cut.turn) : goesAfter(seen, cut)) this.#gone.add(seen.line);
      else stay.push(seen);
    }
    for (const seen of stay.toReversed()) this.#seen.push(seen);
  }

  /** All context that there is since the boundary before, whatever stands between. Before the first boundary nothing goes. */
  #removeContext(boundary: Boundary | undefined): void {
    if (boundary === undefined) return;
    const stay: Seen[] = [];
    for (let seen = this.#seen.at(-1); seen !== undefined && seen.at > boundary.at; seen = this.#seen.at(-1)) {
      this.#seen.pop();
      if (seen.class === "context") this.#gone.add(seen.line);
      else stay.push(seen);
    }
    for (const seen of stay.toReversed()) this.#seen.push(seen);
  }
}

/** In a turn of the user, which a record began. */
function isOwn({ open }: Seen): boolean {
  return open?.start !== undefined && open.isUserTurn;
}

/** Between the start of the turn and its first boundary. */
function goesBefore({ class: of, open, named }: Seen, turn: Turn | undefined): boolean {
  return of === "turn" && (named == null ? open === turn : named === turn);
}

/** From the boundary on: what belongs to a turn before it that is left untouched stays. */
function goesAfter(seen: Seen, cut: Boundary): boolean {
  const { named } = seen;
  if (seen.class === "compaction" && !isOwn(seen)) return false;
  return named == null || named === cut.turn || (named.start ?? 0) >= cut.at;
}

/** Undefined for what is of the thread as a whole, and stays. */
function classOfRecord({ type, payload }: RolloutRecord): Class | undefined {
  switch (type) {
    case "compacted":
      return payload.replacement_history == null ? "compaction" : "checkpoint";
    case "turn_context":
    case "token_usage_record":
    case "world_state":
      return "turn";
    case "inter_agent_communication":
    case "inter_agent_communication_metadata":
    case "realtime_item":
    case "retained_context":
      return "model";
    default:
      return undefined;
  }
}

/** To the migration the summary of a compaction is a message of the user like any other. */
function isSummary(item: ResponseItem): boolean {
  if (isOtherItem(item) || item.type !== "message" || item.role !== "user" || classOf(item) !== "plain") return false;
  return item.content.some((part) => part.type === "input_text" && isSummaryText(part.text));
}

type AnyEvent =
  | "task_started"
  | "task_complete"
  | "turn_aborted"
  | "user_message"
  | "thread_rolled_back"
  | "item_completed"
  | "agent_message";

/** Words of the user without the tags that stand around images. */
function textOf({ content }: MessageItem): string {
  const texts = content.flatMap((part) => (part.type === "input_text" ? [part.text] : []));
  return texts.filter((text) => !IMAGE_TAG.test(text)).join("");
}

const IMAGE_TAG = /^<\/?image(?:\s[^>]*)?>$/;
