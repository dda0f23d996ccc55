/**
 * Turns and items of a legacy rollout: all its records are played once, in order, as 0.169.0 does whenever a client asks
 * (rollout-format §8.2; cases P1 to P35 there). An entry costs the same however long the thread is.
 */
import { assert } from "../errors.ts";
import { acceptedBy } from "../format/decode.ts";
import type { Entry, Position } from "../format/entry.ts";
import type { EventPayloads, StoredEventPayloads, TaskError } from "../format/event.ts";
import type { EventMsg, ResponseItem, RolloutRecord } from "../format/record.ts";
import { isOtherItem } from "../format/response-item.ts";
import { completedItem } from "./items-completed.ts";
import { placeOf, TurnDraft, viewOf } from "./items-draft.ts";
import * as made from "./items-events.ts";
import { hookFragments } from "./items-hook.ts";
import { type Draft, turnError } from "./items-parts.ts";
import { isKept } from "./items-policy.ts";
import type { ThreadItem, Turns, TurnsWarning } from "./items.ts";
import { EMPTY_LINES } from "./omission.ts";

/** Takes the entries of one thread, from its first on, and gives the turns once all are in. */
export class LegacyTurns {
  readonly #play = new Play();
  readonly #warnings: TurnsWarning[] = [];
  #isOver = false;

  add(entry: Entry): void {
    assert(!this.#isOver, "the turns of a legacy thread were taken before its end");
    const { position } = entry;
    if (!entry.ok) {
      if (!EMPTY_LINES.has(entry.defect.kind))
        this.#warnings.push({ kind: "malformed", position, message: entry.defect.message });
    } else if (isKept(entry.record, "legacy")) {
      if (acceptedBy(entry.record, "0.169.0")) this.#play.take(entry.record, position);
      // Of other records nothing would be shown anyway.
      else if (entry.record.type === "event_msg")
        this.#warnings.push({ kind: "refused", position, message: "Codex 0.169.0 cannot read this record" });
    }
  }

  /**
   * Takes the first turns out of the view that are over, as far as `isDone` says by their ids that no entry will name them any more, and
   * leaves at least one: for a thread that is longer than memory, in which no turn is taken back. One place more than turns, the next.
   */
  take(isDone: (turnId: string) => boolean): Pick<Turns, "turns" | "places"> {
    const { turns, next } = this.#play.takeOver(isDone);
    const { turns: shown, places } = viewOf("legacy", turns, [], false);
    return { turns: shown, places: next === undefined ? places : [...places, placeOf(next)] };
  }

  /**
   * The view; nothing can be added after it. `isRunning`: some process has the thread loaded and its last turn may go on.
   */
  finish({ isRunning = false }: { readonly isRunning?: boolean } = {}): Turns {
    this.#isOver = true;
    return viewOf("legacy", this.#play.finish(), this.#warnings, isRunning);
  }
}

/** What opened a turn: `task_started`, a review that names it, or the first thing that had to be shown. */
type Origin = "started" | "named" | "implied";

type ItemTimes = Pick<ThreadItem, "startedAtMs" | "completedAtMs">;

class LegacyTurn extends TurnDraft {
  readonly origin: Origin;
  /** By item id, where any are known. */
  #times: Map<string, ItemTimes> | undefined;

  constructor(id: string, origin: Origin, opened: Position) {
    super(id, origin === "started" ? "inProgress" : "completed", opened);
    this.origin = origin;
  }

  /**
   * Remembers when an item began and was done, the first that is known of each. These times go by the id, whatever becomes
   * of the item: any other one of this turn that has its id, made up or not, is shown with them.
   */
  noteTimes({ id, startedAtMs, completedAtMs }: ThreadItem): void {
    if (startedAtMs === null && completedAtMs === null) return;
    const known = (this.#times ??= new Map<string, ItemTimes>()).get(id);
    const times = {
      startedAtMs: known?.startedAtMs ?? startedAtMs,
      completedAtMs: known?.completedAtMs ?? completedAtMs,
    };
    this.#times.set(id, times);
  }

  settleTimes(): void {
    if (this.#times === undefined) return;
    for (const item of this.list.items as Draft<ThreadItem>[]) {
      const times = this.#times.get(item.id);
      item.startedAtMs ??= times?.startedAtMs ?? null;
      item.completedAtMs ??= times?.completedAtMs ?? null;
    }
  }
}

/** What ends a turn, in either way. */
interface End {
  readonly completed_at?: number | null;
  readonly duration_ms?: number | null;
  readonly error?: TaskError | null;
}

/** Where the play stands. */
class Play {
  /** Turns that are over, though items and ends may still come for them. */
  readonly #over: LegacyTurn[] = [];
  /** Turn id → first turn of that id that is over, counted with those that were taken out. */
  readonly #overById = new Map<string, number>();
  /** Turns that were taken out from the front of `#over`. */
  #taken = 0;
  #current: LegacyTurn | undefined;
  /** Items in all turns. */
  #items = 0;
  #nextItem = 1;
  /** Counts the records that are taken; turns that no record opened are named by it. */
  #index = -1;
  #position: Position = { line: 0, offset: 0, length: 0 };
  #reasoning: made.ReasoningDraft | undefined;

  take(record: RolloutRecord, position: Position): void {
    this.#index += 1;
    this.#position = position;
    if (record.type === "event_msg") this.#event(record.payload);
    else if (record.type === "response_item") this.hookPrompt(record.payload);
    else if (record.type === "compacted") this.current();
  }

  finish(): readonly LegacyTurn[] {
    this.close();
    for (const turn of this.#over) turn.settleTimes();
    return this.#over;
  }

  takeOver(isDone: (turnId: string) => boolean): {
    readonly turns: readonly LegacyTurn[];
    readonly next: LegacyTurn | undefined;
  } {
    let count = 0;
    while (count < this.#over.length - 1 && isDone(this.#over[count]?.id ?? "")) count += 1;
    const turns = this.#over.splice(0, count);
    for (const [at, turn] of turns.entries()) {
      turn.settleTimes();
      if (this.#overById.get(turn.id) === this.#taken + at) this.#overById.delete(turn.id);
    }
    this.#taken += count;
    return { turns, next: this.#over[0] };
  }

  #event(event: EventMsg): void {
    const step = STEPS.get(event.type);
    step?.(this, event);
  }

  /** The turn that things without a turn of their own go to. */
  current(): LegacyTurn {
    return (this.#current ??= new LegacyTurn(`rollout-${this.#index}`, "implied", this.#position));
  }

  nextItemId(): string {
    return `item-${this.#nextItem++}`;
  }

  push(item: ThreadItem, turn = this.current()): void {
    turn.list.push(item, this.#position);
    this.#items += 1;
  }

  upsert(item: ThreadItem, turn = this.current()): void {
    this.#items += turn.list.upsert(item, this.#position);
  }

  find(turnId: string): LegacyTurn | undefined {
    if (this.#current?.id === turnId) return this.#current;
    const at = this.#overById.get(turnId);
    return at === undefined ? undefined : this.#over[at - this.#taken];
  }

  open(id: string, origin: Origin): LegacyTurn {
    this.close();
    return (this.#current = new LegacyTurn(id, origin, this.#position));
  }

  close(): void {
    const turn = this.#current;
    this.#current = undefined;
    if (turn === undefined) return;
    if (!this.#overById.has(turn.id)) this.#overById.set(turn.id, this.#taken + this.#over.length);
    this.#over.push(turn);
  }

  /** A message of the user begins a turn, but for one that `task_started` opened, and one that holds a checkpoint alone. */
  userMessage(event: StoredEventPayloads["user_message"]): void {
    const turn = this.#current;
    if (turn !== undefined && turn.origin !== "started" && turn.list.items.length > 0) this.close();
    this.push(made.userMessage(this.nextItemId(), event));
  }

  reasoning(text: string, kind: "summary" | "content"): void {
    if (text === "") return;
    const { list } = this.current();
    if (this.#reasoning !== undefined && list.items.at(-1) === this.#reasoning) list.touchLast(this.#position);
    else this.push((this.#reasoning = made.emptyReasoning(this.nextItemId())));
    this.#reasoning[kind].push(text);
  }

  /** Codex makes up a new id on every read for a prompt that has none; here it is told by its record. */
  hookPrompt(item: ResponseItem): void {
    if (isOtherItem(item) || item.type !== "message") return;
    const fragments = hookFragments(item);
    if (fragments !== undefined) this.push(made.hookPrompt(item.id ?? `hook-prompt-${this.#index}`, fragments));
  }

  /** A review names its turn, which is opened if there is none; an empty name is a name. */
  review(turnId: string | null | undefined, itemId: string | null | undefined, make: (id: string) => ThreadItem): void {
    const turn = turnId == null ? this.current() : (this.find(turnId) ?? this.open(turnId, "named"));
    this.upsert(make(itemId ?? this.nextItemId()), turn);
  }

  start({ turn_id, started_at, root_turn_id }: StoredEventPayloads["task_started"]): void {
    const turn = this.open(turn_id, "started");
    turn.startedAt = started_at ?? null;
    turn.rootTurnId = root_turn_id ?? null;
  }

  /** An end without a turn of its name is taken for the one that is open. */
  complete(event: StoredEventPayloads["task_complete"]): void {
    const turn = this.find(event.turn_id) ?? this.#current;
    if (turn === undefined) return;
    this.#end(turn, event);
    if (event.error != null) turn.status = "failed";
    else if (turn.status === "inProgress") turn.status = "completed";
  }

  /** An interruption that names a turn which is not there is nothing to an open turn that has a name, too. */
  abort(event: StoredEventPayloads["turn_aborted"]): void {
    const { turn_id } = event;
    const open = turn_id == null || this.#current?.origin === "implied" ? this.#current : undefined;
    const turn = (turn_id == null ? undefined : this.find(turn_id)) ?? open;
    if (turn === undefined) return;
    this.#end(turn, event);
    turn.status = "interrupted";
  }

  #end(turn: LegacyTurn, { completed_at, duration_ms, error }: End): void {
    turn.completedAt = completed_at ?? null;
    turn.durationMs = duration_ms ?? null;
    if (error != null) turn.error = turnError(error);
    turn.ended = this.#position;
    if (turn === this.#current) this.close();
  }

  /** The last turns go, of whatever kind; items are numbered on from those that are left. */
  rollBack(count: number): void {
    this.close();
    const left = Math.max(0, this.#over.length - count);
    while (this.#over.length > left) {
      const turn = this.#over.pop();
      if (turn === undefined) break;
      this.#items -= turn.list.items.length;
      if (this.#overById.get(turn.id) === this.#taken + this.#over.length) this.#overById.delete(turn.id);
    }
    this.#nextItem = this.#items + 1;
  }
}

type Step<T extends keyof StoredEventPayloads> = (play: Play, event: StoredEventPayloads[T]) => void;

/** What each event does to the view; `undefined` for nothing. */
const steps: { readonly [T in keyof StoredEventPayloads]: Step<T> | undefined } = {
  task_started: (play, event) => play.start(event),
  task_complete: (play, event) => play.complete(event),
  turn_aborted: (play, event) => play.abort(event),
  thread_rolled_back: (play, { num_turns }) => play.rollBack(num_turns),
  context_compacted: (play) => play.push(made.contextCompaction(play.nextItemId())),
  user_message: (play, event) => play.userMessage(event),
  agent_message: (play, event) => {
    if (event.message !== "") play.push(made.agentMessage(play.nextItemId(), event));
  },
  agent_reasoning: (play, { text }) => play.reasoning(text, "summary"),
  agent_reasoning_raw_content: (play, { text }) => play.reasoning(text, "content"),
  item_completed: (play, event) => {
    const [turn, item] = [play.find(event.turn_id), completedItem(event)];
    if (turn === undefined || item === undefined) return;
    turn.noteTimes(item);
    if (item.type !== "plan" || item.text !== "") play.upsert(item, turn);
  },
  patch_apply_end: (play, event) => intoTurn(play, event.turn_id, made.patch(event)),
  mcp_tool_call_end: (play, event) => intoTurn(play, event.turn_id, made.mcpCall(event)),
  web_search_end: (play, event) => play.upsert(made.webSearch(event)),
  image_generation_end: (play, event) => play.upsert(made.generatedImage(event)),
  sub_agent_activity: (play, event) => {
    const item = made.subAgentActivity(event);
    play.current().noteTimes(item);
    play.upsert(item);
  },
  entered_review_mode: (play, event) =>
    play.review(event.turn_id, event.item_id, (id) => made.enteredReview(id, event)),
  exited_review_mode: (play, event) => play.review(event.turn_id, event.item_id, (id) => made.exitedReview(id, event)),
  token_count: undefined,
  thread_settings_applied: undefined,
  thread_goal_updated: undefined,
  exec_command_end: undefined,
  guardian_assessment: undefined,
  error: undefined,
  thread_name_updated: undefined,
  background_event: undefined,
  undo_completed: undefined,
};

const STEPS = new Map(
  Object.entries(steps) as [keyof EventPayloads, ((play: Play, event: EventMsg) => void) | undefined][],
);

/** Into the turn of that name; without a name, or with an empty one, into the current turn; nowhere if there is none. */
function intoTurn(play: Play, turnId: string | undefined, item: ThreadItem): void {
  const turn = turnId === undefined || turnId === "" ? play.current() : play.find(turnId);
  if (turn !== undefined) play.upsert(item, turn);
}
