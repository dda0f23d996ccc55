/**
 * From the records of a legacy rollout to those of a paginated one: the rules of rollout-format §9.2, as a fold. Every record goes one
 * of three ways: kept as it stands, told anew as the item that it stands for, or set aside. For `paginated.ts`, which has resolved
 * rollbacks before.
 */
import { RolloutError } from "../errors.ts";
import { acceptedBy, isRetired } from "../format/decode.ts";
import type {
  EventMsg,
  EventOf,
  RecordOf,
  RecordType,
  RolloutRecord,
  SessionMeta,
  TurnItem,
} from "../format/record.ts";
import { isOtherItem } from "../format/response-item.ts";
import { classOf } from "../thread/boundary.ts";
import { isKept } from "../thread/items-policy.ts";
import { agentMessage, endedItem, hookPrompt, userMessage } from "./canonical-items.ts";
import type { OddTurns } from "./odd-turns.ts";

/** Where the records go, in the order of the new file. */
export interface CanonicalOutput {
  /** The record just added, as it stands in its line. */
  keep(): void;
  /** The record just added is kept, but what is made next may have to stand before it. */
  hold(): void;
  /** What is held, if anything, comes now. */
  release(): void;
  /** A record made, or made anew. */
  make(record: RolloutRecord): void;
  /** The record just added is not in the new file, nor is anything made of it. */
  aside(why: string): void;
}

export interface CanonicalOptions {
  /** Lower case. */
  readonly threadId: string;
  readonly output: CanonicalOutput;
  /** Told of turns that a client is not going to see as before, and of items that it could not see before. */
  readonly odd: OddTurns;
}

interface ActiveTurn {
  readonly id: string;
  /** No `task_started` opened it. */
  readonly isImplied: boolean;
  /** It has an id of its own: a review named it. */
  readonly isNamed: boolean;
  readonly startedAt: number | null;
  hasItems: boolean;
}

interface Reasoning {
  readonly id: string;
  readonly turnId: string;
  readonly summary: string[];
  readonly raw: string[];
  /** Has grown since it was told last. */
  isOpen: boolean;
}

/** With more parts, an item that grows is told once, when it is complete: or a rollout of nothing but thoughts would become its square. */
const MAX_RETOLD = 64;

const IMAGE_VIEWS = "an event that Codex 0.169.0 makes nothing of";

export class Canonicaliser {
  readonly #options: CanonicalOptions;
  readonly #output: CanonicalOutput;
  readonly #odd: OddTurns;
  /** Counts the records that Codex reads, the metadata at the head first; turns that nothing opened are named by it. */
  #index = -1;
  #timestamp = "";
  #nextItem = 1;
  #turn: ActiveTurn | undefined;
  /** Turns that were begun, and when. */
  readonly #known = new Map<string, number | null>();
  readonly #ended = new Set<string>();
  /** Turns that have items, but were not begun. */
  readonly #unheard = new Set<string>();
  #reasoning: Reasoning | undefined;

  constructor(options: CanonicalOptions) {
    this.#options = options;
    this.#output = options.output;
    this.#odd = options.odd;
  }

  /**
   * The metadata that the thread has its name from; once, before all others, wherever it stands. `hidden`: records that an agent's own
   * history begins behind.
   */
  head(record: RecordOf<"session_meta">, hidden?: number): void {
    this.#index += 1;
    this.#timestamp = record.timestamp;
    const { history_base: _base, subagent_history_start_ordinal: _start, ...kept } = record.payload;
    const start = hidden === undefined ? {} : { subagent_history_start_ordinal: hidden };
    this.#output.make({ ...record, payload: { ...kept, history_mode: "paginated", ...start } satisfies SessionMeta });
  }

  /** @throws RolloutError `unsupported` for a record that cannot be in a paginated rollout. */
  add(record: RolloutRecord): void {
    if (isRetired(record)) return this.#output.aside("a record of a kind that is no longer known");
    if (!acceptedBy(record, "0.169.0")) return this.#output.aside("a record that Codex 0.169.0 cannot read");
    this.#index += 1;
    this.#timestamp = record.timestamp;
    if (record.type !== "event_msg" || record.payload.type !== "user_message") this.#output.release();
    const step = STEPS[record.type] as (one: Canonicaliser, found: RolloutRecord) => void;
    step(this, record);
  }

  /** Closes what is open. */
  finish(): void {
    this.#output.release();
    this.#endReasoning();
    this.#closeImplied();
  }

  keep(): void {
    this.#output.keep();
  }

  aside(why: string): void {
    this.#output.aside(why);
  }

  responseItem({ payload }: RecordOf<"response_item">): void {
    if (isOtherItem(payload)) {
      throw new RolloutError("unsupported", "the rollout holds an item of a kind that is not known", {
        hint: "a newer release may know it; until then the file stays as it is",
      });
    }
    if (payload.type === "compaction_trigger")
      return this.aside("a request for a compaction, which no release keeps now");
    if (this.#turn?.isImplied !== false && classOf(payload) === "boundary") return this.#output.hold();
    this.keep();
    const prompt = hookPrompt(payload, () => `hook-prompt-${this.#index}`);
    if (prompt !== undefined) this.#item(prompt, this.#current().id);
  }

  event(event: EventMsg): void {
    const step = EVENT_STEPS[event.type as keyof typeof EVENT_STEPS] as Step | undefined;
    if (step !== undefined) return step(this, event as never);
    const found = endedItem(event);
    if (found !== undefined) {
      const turnId = this.#turnFor(found.turnId, event.type.endsWith("_review_mode"));
      this.#item(found.make(found.id ?? this.#nextId()), turnId);
      if (!isKept({ type: "event_msg", timestamp: "", payload: event }, "legacy"))
        this.#odd.shown(turnId, found.id ?? "");
    } else if (isKept({ type: "event_msg", timestamp: "", payload: event }, "paginated")) this.keep();
    else this.aside(`${event.type}: ${IMAGE_VIEWS}`);
  }

  taskStarted({ turn_id: id, started_at }: EventOf<"task_started">): void {
    this.#endReasoning();
    this.#closeImplied();
    if (this.#known.has(id)) this.#odd.seenOtherwise(id, "begun twice");
    if (this.#unheard.has(id)) this.#odd.seenOtherwise(id, "begun after items of it");
    this.#open({ id, isImplied: false, isNamed: true, startedAt: started_at ?? null });
    this.keep();
  }

  /** An end of a turn that was never begun is that of the open one; without one it is nothing (rollout-format §8.2). */
  taskComplete(record: RecordOf<"event_msg">, event: EventOf<"task_complete">): void {
    this.#endReasoning();
    const id = this.#known.has(event.turn_id) ? event.turn_id : this.#turn?.id;
    if (id === undefined) return this.aside("the end of a turn that was never begun");
    this.#endTurn(record, event, id);
  }

  /** An interruption that names a turn which was never begun ends one that nothing opened, and nothing else. */
  turnAborted(record: RecordOf<"event_msg">, event: EventOf<"turn_aborted">): void {
    this.#endReasoning();
    const { turn_id: named } = event;
    const open = named == null || this.#turn?.isNamed === false ? this.#turn?.id : undefined;
    const id = named != null && this.#known.has(named) ? named : open;
    if (id === undefined) return this.aside("the end of a turn that was never begun");
    this.#endTurn(record, event, id);
  }

  /** A turn that it begins begins before the user's words to the model, or that turn would not count as one of a user (§5.2). */
  userMessage(event: EventOf<"user_message">): void {
    if (this.#turn?.isImplied === true && this.#turn.hasItems) this.#closeImplied();
    const turn = this.#current();
    this.#output.release();
    this.#item(userMessage(this.#nextId(), event), turn.id);
  }

  agentMessage(event: EventOf<"agent_message">): void {
    if (event.message === "") return this.aside("a message without words");
    this.#item(agentMessage(this.#nextId(), event), this.#current().id);
  }

  /** What was thought without a break is one item, told again whenever it has grown. */
  reasoning(text: string, kind: "summary" | "raw"): void {
    if (text === "") return this.aside("a thought without words");
    const turn = this.#current();
    const found = (this.#reasoning ??= { id: this.#nextId(), turnId: turn.id, summary: [], raw: [], isOpen: false });
    found[kind].push(text);
    found.isOpen = true;
    if (found.summary.length + found.raw.length <= MAX_RETOLD) this.#tell(found);
  }

  #tell(found: Reasoning): void {
    const { id, turnId, summary, raw } = found;
    found.isOpen = false;
    this.#itemEvent({ type: "Reasoning", id, summary_text: [...summary], raw_content: [...raw] }, turnId);
  }

  #endReasoning(): void {
    if (this.#reasoning?.isOpen === true) this.#tell(this.#reasoning);
    this.#reasoning = undefined;
  }

  /** Items of all kinds stay, though clients of legacy threads were shown a few of them only. */
  itemCompleted(record: RecordOf<"event_msg">, event: EventOf<"item_completed">): void {
    if (!isKept(record, "legacy"))
      this.#odd.shown(event.turn_id, event.item.type === "Extension" ? textOf(event.item["id"]) : event.item.id);
    if (!this.#known.has(event.turn_id)) this.#unheard.add(event.turn_id);
    if (this.#reasoning?.turnId === event.turn_id) this.#endReasoning();
    if (this.#turn?.id === event.turn_id) this.#turn.hasItems = true;
    if (event.thread_id === this.#options.threadId) return this.keep();
    this.#output.make({ ...record, payload: { ...event, thread_id: this.#options.threadId } });
  }

  /** An end says when its turn began, or clients would not know any more (rollout-format §8.3). */
  #endTurn(record: RecordOf<"event_msg">, event: EventOf<"task_complete"> | EventOf<"turn_aborted">, id: string): void {
    if (this.#ended.has(id)) this.#odd.seenOtherwise(id, "ended twice");
    this.#ended.add(id);
    const started = this.#known.get(id) ?? null;
    const tells = event.started_at != null || started === null;
    if (event.turn_id === id && tells) this.keep();
    else
      this.#output.make({ ...record, payload: { ...event, turn_id: id, ...(tells ? {} : { started_at: started }) } });
    if (this.#turn?.id === id) this.#leave();
  }

  /**
   * The turn of an event. One that was never begun stays so, and its items are not shown, as before; but a review that names it begins
   * it (rollout-format §8.2).
   */
  #turnFor(id: string | undefined, isReview: boolean): string {
    if (id === undefined) return this.#current().id;
    if (this.#known.has(id)) return id;
    if (isReview) {
      this.#endReasoning();
      this.#closeImplied();
      if (this.#unheard.has(id)) this.#odd.seenOtherwise(id, "begun after items of it");
      this.#begin(id, true);
    } else this.#unheard.add(id);
    return id;
  }

  /** The turn that things without a turn of their own go to. */
  #current(): ActiveTurn {
    return this.#turn ?? this.#begin(`rollout-${this.#index}`);
  }

  #begin(id: string, isNamed = false): ActiveTurn {
    const started_at = this.#seconds();
    this.#event({
      type: "task_started",
      turn_id: id,
      started_at,
      model_context_window: null,
      collaboration_mode_kind: "default",
    });
    this.#odd.implied(id);
    return this.#open({ id, isImplied: true, isNamed, startedAt: started_at });
  }

  #open(turn: Omit<ActiveTurn, "hasItems">): ActiveTurn {
    if (!this.#known.has(turn.id)) this.#known.set(turn.id, turn.startedAt);
    return (this.#turn = { ...turn, hasItems: false });
  }

  #closeImplied(): void {
    const turn = this.#turn;
    if (turn?.isImplied !== true) return;
    this.#endReasoning();
    this.#leave();
    this.#event({
      type: "task_complete",
      turn_id: turn.id,
      last_agent_message: null,
      ...(turn.startedAt === null ? {} : { started_at: turn.startedAt }),
      completed_at: this.#seconds(),
    });
  }

  #leave(): void {
    this.#turn = undefined;
  }

  #item(item: TurnItem, turnId: string): void {
    if (this.#reasoning?.turnId === turnId) this.#endReasoning();
    this.#itemEvent(item, turnId);
  }

  #itemEvent(item: TurnItem, turnId: string): void {
    if (this.#turn?.id === turnId) this.#turn.hasItems = true;
    this.#event({
      type: "item_completed",
      thread_id: this.#options.threadId,
      turn_id: turnId,
      item,
      completed_at_ms: this.#milliseconds(),
    });
  }

  #event(payload: EventMsg): void {
    this.#output.make({ timestamp: this.#timestamp, type: "event_msg", payload });
  }

  #nextId(): string {
    return `item-${this.#nextItem++}`;
  }

  #seconds(): number {
    return Math.floor(this.#milliseconds() / 1000);
  }

  /** @throws RolloutError `damaged`: Codex refuses the file then, too. */
  #milliseconds(): number {
    const ms = RFC3339.test(this.#timestamp) ? Date.parse(this.#timestamp) : Number.NaN;
    if (Number.isNaN(ms)) throw new RolloutError("damaged", "a line whose time is needed has none that can be read");
    return ms;
  }
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

type Step = (one: Canonicaliser, event: never) => void;

const keep = (one: Canonicaliser): void => one.keep();

const STEPS: { readonly [T in RecordType]: (one: Canonicaliser, record: RecordOf<T>) => void } = {
  session_meta: (one) => one.aside("metadata of a thread that this one was copied from"),
  response_item: (one, record) => one.responseItem(record),
  event_msg: (one, record) => {
    const { payload } = record;
    if (payload.type === "item_completed") one.itemCompleted(record, payload);
    else if (payload.type === "task_complete") one.taskComplete(record, payload);
    else if (payload.type === "turn_aborted") one.turnAborted(record, payload);
    else one.event(payload);
  },
  compacted: keep,
  turn_context: keep,
  inter_agent_communication: keep,
  inter_agent_communication_metadata: keep,
  world_state: keep,
  security_risk_score: keep,
  realtime_item: keep,
  token_usage_record: keep,
  retained_context: keep,
  dynamic_tools_updated: keep,
};

/** Events with rules of their own; the others stand for an item, stay as they are, or go. */
const EVENT_STEPS = {
  task_started: (one: Canonicaliser, event: EventOf<"task_started">) => one.taskStarted(event),
  user_message: (one: Canonicaliser, event: EventOf<"user_message">) => one.userMessage(event),
  agent_message: (one: Canonicaliser, event: EventOf<"agent_message">) => one.agentMessage(event),
  agent_reasoning: (one: Canonicaliser, event: EventOf<"agent_reasoning">) => one.reasoning(event.text, "summary"),
  agent_reasoning_raw_content: (one: Canonicaliser, event: EventOf<"agent_reasoning_raw_content">) =>
    one.reasoning(event.text, "raw"),
} as const;
