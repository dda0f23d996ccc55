/**
 * A thread as a story: turn by turn what the user said, what happened, and what the model answered, one step for each of the model's
 * responses with the calls that it made and what they gave back. What the formats of whole threads (`atif.ts`, `otel.ts`) are written
 * from; made of the same view as the tables.
 */
import { type FileHead, readFileHead } from "../analysis/inherited.ts";
import { scanTokens, type TokenResponse } from "../analysis/tokens-file.ts";
import { parseUuid } from "../format/names.ts";
import type { SessionMeta } from "../format/record.ts";
import type { ChainPosition } from "../readers/lineage.ts";
import type { ClientUserInput, ThreadItem, Turn, TurnPlace } from "../thread/items.ts";
import { copiedParts, inheritedPlaces } from "./inherited-places.ts";
import { callOf, type ToldCall } from "./story-calls.ts";
import { orderOf, type RawCall, readMarks, type StoryMarks, type TokenMark } from "./story-marks.ts";
import { readThreadView } from "./thread-view.ts";
import type { ExportThread } from "./threads.ts";
import type { ThreadView } from "./view-fold.ts";

export interface Story {
  readonly thread: ExportThread;
  readonly meta: SessionMeta | undefined;
  /** Of the last turn. */
  readonly model: string | undefined;
  readonly turns: readonly StoryTurn[];
  /** Responses in no turn that a client shows: of turns that were taken back, and of what a revert cut off. */
  readonly others: readonly TokenResponse[];
  /** What is missing, in one clause that is safe to print. */
  readonly problem: string | undefined;
}

export interface StoryTurn {
  readonly id: string;
  readonly index: number;
  /** It is a copy of another thread's turn: its responses are told there. */
  readonly isInherited: boolean;
  readonly status: Turn["status"];
  readonly error: Turn["error"];
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
  readonly firstTokenMs: number | undefined;
  readonly model: string | undefined;
  readonly effort: string | undefined;
  readonly steps: readonly StoryStep[];
}

export type StoryStep = UserStep | SystemStep | AgentStep;

export interface UserStep {
  readonly source: "user";
  readonly atMs: number | undefined;
  readonly content: readonly ClientUserInput[];
}

export interface SystemStep {
  readonly source: "system";
  readonly atMs: number | undefined;
  readonly kind: "hook" | "review" | "compaction" | "agent";
  readonly text: string;
  /** Of a compaction: what the model went on with, where that can be read. */
  readonly summary?: string | undefined;
  readonly agents?: readonly string[] | undefined;
}

export interface AgentStep {
  readonly source: "agent";
  atMs: number | undefined;
  readonly messages: string[];
  readonly reasoning: string[];
  readonly calls: StoryCall[];
  /** One, but for lost ones that were told together with it; none where nothing was counted. */
  readonly responses: TokenResponse[];
}

export interface StoryCall extends ToldCall {
  readonly id: string;
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
}

/**
 * Reads a thread. Memory: what a client shows of it, and what its calls gave back.
 * @throws RolloutError when one of its files cannot be read.
 */
export function readStory(thread: ExportThread): Story {
  const view = readThreadView(thread);
  const heads = thread.own.map(({ file }) => readFileHead(file));
  const isInherited = inheritedPlaces(thread, view.segments, copiedParts(heads, thread));
  const marks = readMarks(view.segments);
  const responses = ownResponses(thread, view, heads, marks.tokens);
  const teller = new Teller(view, marks, responses, isInherited);
  const turns = view.turns.turns.map((turn, index) => teller.turn(turn, index));
  const { model } = view.notes;
  return {
    thread,
    meta: heads[0]?.meta,
    model: model ?? undefined,
    turns,
    others: teller.others(),
    problem: view.problem,
  };
}

interface PlacedResponse {
  /** Infinity for one of a file's part that is in the thread no more. */
  readonly order: number;
  readonly response: TokenResponse;
}

/** The thread's own responses, with the places of the lines that told them: by the times of these, which come in the same order. */
function ownResponses(
  thread: ExportThread,
  { segments }: ThreadView,
  heads: readonly FileHead[],
  tokens: readonly TokenMark[],
): readonly PlacedResponse[] {
  const placed: PlacedResponse[] = [];
  const seen = new Set<string>();
  for (const head of heads) {
    const segment = segments.findIndex(({ logicalPath }) => logicalPath === head.file.logicalPath);
    const marks = tokens.filter((mark) => mark.segment === segment);
    let next = 0;
    scanTokens(head, thread.pathOf, (response) => {
      if (response.isInherited || response.isEcho || seen.has(response.key)) return;
      seen.add(response.key);
      let at = next;
      while (at < marks.length && marks[at]?.atMs !== response.atMs) at += 1;
      if (at < marks.length) next = at;
      placed.push({ order: marks[at]?.order ?? Infinity, response });
    });
  }
  return placed.toSorted((a, b) => (a.order === b.order ? 0 : a.order - b.order));
}

interface StoryEvent {
  readonly order: number;
  readonly happens: (steps: TurnSteps) => void;
}

class Teller {
  readonly #view: ThreadView;
  readonly #marks: StoryMarks;
  readonly #responses: readonly PlacedResponse[];
  readonly #isInherited: (place: ChainPosition) => boolean;
  readonly #callsById: ReadonlyMap<string, RawCall>;
  readonly #told = new Set<PlacedResponse>();

  constructor(
    view: ThreadView,
    marks: StoryMarks,
    responses: readonly PlacedResponse[],
    isInherited: (place: ChainPosition) => boolean,
  ) {
    this.#view = view;
    this.#marks = marks;
    this.#responses = responses;
    this.#isInherited = isInherited;
    this.#callsById = new Map(marks.calls.map((call) => [call.id, call]));
  }

  turn(turn: Turn, index: number): StoryTurn {
    const { turns, notes } = this.#view;
    const place = turns.places[index] as TurnPlace;
    const isInherited = this.#isInherited(place.opened);
    const setting = notes.settingOf(turn.id, place, turns.places[index + 1]);
    const timeOf = (at: ChainPosition | undefined): number | undefined =>
      at === undefined || isInherited ? undefined : notes.times.at(at);
    const steps = new TurnSteps();
    for (const { happens } of this.#events(turn, index, timeOf)) happens(steps);
    return {
      id: turn.id,
      index,
      isInherited,
      status: turn.status,
      error: turn.error,
      startMs: turn.startedAt === null ? timeOf(place.opened) : preciser(turn.startedAt, timeOf(place.opened)),
      endMs: turn.completedAt === null ? timeOf(place.ended) : preciser(turn.completedAt, timeOf(place.ended)),
      firstTokenMs: notes.firstTokenMs(turn.id) ?? undefined,
      model: setting?.model,
      effort: setting?.effort ?? undefined,
      steps: steps.done,
    };
  }

  others(): readonly TokenResponse[] {
    return this.#responses.flatMap((placed) => (this.#told.has(placed) ? [] : [placed.response]));
  }

  #events(turn: Turn, index: number, timeOf: (at: ChainPosition) => number | undefined): readonly StoryEvent[] {
    const { places } = this.#view.turns;
    const { segments } = this.#view;
    const place = places[index] as TurnPlace;
    const events: StoryEvent[] = [];
    const told = new Set<string>();
    for (const [at, item] of turn.items.entries()) {
      const { first, last } = place.items[at] ?? { first: place.opened, last: place.opened };
      const raw = this.#callsById.get(item.id);
      const times = { startMs: item.startedAtMs ?? undefined, endMs: item.completedAtMs ?? timeOf(last) };
      const happens = this.#itemEvent(item, raw, times, told);
      if (happens !== undefined) events.push({ order: raw?.order ?? orderOf(first, segments), happens });
    }
    const [from, to] = this.#span(index);
    for (const raw of between(this.#marks.calls, from, to)) {
      if (told.has(raw.id)) continue;
      const times = timeOf(place.opened) === undefined ? {} : { startMs: raw.atMs, endMs: raw.outputMs };
      events.push({ order: raw.order, happens: (steps) => steps.call(mergedCall(undefined, raw, times), raw) });
    }
    for (const placed of between(this.#responses, from, to)) {
      this.#told.add(placed);
      events.push({ order: placed.order, happens: (steps) => steps.response(placed.response) });
    }
    return events.toSorted((a, b) => a.order - b.order);
  }

  /** Lines of a turn: to its end; of one that was not marked, to where the user spoke again, shown or not. */
  #span(index: number): readonly [from: number, to: number] {
    const { segments, turns } = this.#view;
    const { opened, ended, items } = turns.places[index] as TurnPlace;
    const next = turns.places[index + 1]?.opened;
    const from = orderOf(opened, segments);
    const limit = next === undefined ? Number.MAX_SAFE_INTEGER : orderOf(next, segments) - 1;
    if (ended !== undefined) return [from, Math.max(from, Math.min(limit, orderOf(ended, segments)))];
    const own = new Set(items.map(({ first }) => orderOf(first, segments)));
    for (const { order } of between(this.#marks.userMessages, from + 1, limit)) {
      if (!own.has(order)) return [from, order - 1];
    }
    return [from, Math.max(from, limit)];
  }

  #itemEvent(
    item: ThreadItem,
    raw: RawCall | undefined,
    times: Times,
    told: Set<string>,
  ): StoryEvent["happens"] | undefined {
    const call =
      callOf(item) ?? (item.type === "subAgentActivity" && raw !== undefined ? spawnCall(item, raw) : undefined);
    if (call === undefined) return (steps) => this.#tell(item, times.endMs ?? times.startMs, steps);
    if (told.has(item.id)) return undefined;
    told.add(item.id);
    return (steps) => steps.call(mergedCall({ id: item.id, call }, raw, times), raw);
  }

  #tell(item: ThreadItem, atMs: number | undefined, steps: TurnSteps): void {
    if (item.type === "userMessage") steps.push({ source: "user", atMs, content: item.content });
    else if (item.type === "agentMessage") steps.message(item.text, atMs);
    else if (item.type === "plan") steps.message(item.text, atMs);
    else if (item.type === "reasoning") steps.reasoning([...item.summary, ...item.content].join("\n\n"), atMs);
    else if (item.type === "hookPrompt") {
      const text = item.fragments.map((fragment) => fragment.text).join("\n");
      steps.push({ source: "system", kind: "hook", atMs, text });
    } else if (item.type === "contextCompaction") steps.push(this.#compaction(atMs));
    else if (item.type === "enteredReviewMode" || item.type === "exitedReviewMode") {
      steps.push({ source: "system", kind: "review", atMs, text: item.review });
    } else if (item.type === "subAgentActivity") {
      const agents = [parseUuid(item.agentThreadId) ?? []].flat();
      steps.push({ source: "system", kind: "agent", atMs, text: `${item.agentPath}: ${item.kind}`, agents });
    }
  }

  /** By its number among the compactions of the thread. */
  #compactionsTold = 0;

  #compaction(atMs: number | undefined): SystemStep {
    const summary = this.#marks.compactions[this.#compactionsTold]?.summary;
    this.#compactionsTold += 1;
    return { source: "system", kind: "compaction", atMs, text: "", summary: summary === "" ? undefined : summary };
  }
}

/** Those of a list in their order that lie there, both ends included. */
function* between<T extends { readonly order: number }>(list: readonly T[], from: number, to: number): Generator<T> {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle]?.order ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  for (let at = low; at < list.length; at += 1) {
    const item = list[at] as T;
    if (item.order > to) return;
    yield item;
  }
}

interface Times {
  readonly startMs?: number | undefined;
  readonly endMs?: number | undefined;
}

/** Turns have their times in seconds; a line's is taken where it says the same. */
function preciser(seconds: number, lineMs: number | undefined): number {
  return lineMs !== undefined && Math.floor(lineMs / 1000) === seconds ? lineMs : seconds * 1000;
}

function spawnCall(
  { agentThreadId, kind }: Extract<ThreadItem, { readonly type: "subAgentActivity" }>,
  raw: RawCall,
): ToldCall {
  return {
    tool: raw.tool,
    arguments: raw.arguments,
    output: undefined,
    status: kind,
    agents: [parseUuid(agentThreadId) ?? []].flat(),
  };
}

/** Name and arguments as the model gave them, the rest as the client shows it. */
function mergedCall(
  told: { readonly id: string; readonly call: ToldCall } | undefined,
  raw: RawCall | undefined,
  { startMs, endMs }: Times,
): StoryCall {
  const call = told?.call ?? { tool: raw?.tool ?? "", arguments: {}, output: undefined };
  const durationMs = call.durationMs;
  const derivedMs =
    startMs === undefined && endMs !== undefined && durationMs !== undefined ? endMs - durationMs : startMs;
  return {
    ...call,
    id: told?.id ?? raw?.id ?? "",
    tool: raw?.tool ?? call.tool,
    arguments: raw?.arguments ?? call.arguments,
    output: call.output ?? raw?.output,
    startMs: derivedMs,
    endMs,
  };
}

/**
 * The steps of one turn while it is told. The model speaks, calls, and is counted; then what it called for comes back. Releases up to
 * about 0.77 may write the count first.
 */
class TurnSteps {
  readonly done: StoryStep[] = [];
  #open: AgentStep | undefined;
  /** The open step began with its count. */
  #isAhead = false;
  /** Where the first output of the open step came back: what the model does behind it is another response. */
  #answeredAt = Infinity;

  push(step: UserStep | SystemStep): void {
    this.#open = undefined;
    this.done.push(step);
  }

  message(text: string, atMs: number | undefined): void {
    this.#speaking(atMs).messages.push(text);
  }

  reasoning(text: string, atMs: number | undefined): void {
    if (text !== "") this.#speaking(atMs).reasoning.push(text);
  }

  call(call: StoryCall, raw: RawCall | undefined): void {
    const isAnswered = raw !== undefined && raw.order > this.#answeredAt;
    const isOver = !this.#isAhead && (isAnswered || this.#isCounted());
    const step = this.#open === undefined || isOver ? this.#begin() : this.#open;
    step.calls.push(call);
    step.atMs ??= call.startMs ?? call.endMs;
    this.#answeredAt = Math.min(this.#answeredAt, raw?.outputOrder ?? Infinity);
  }

  /** What was lost is told just before the response that tells of it, and goes with it. */
  response(response: TokenResponse): void {
    const isNew = this.#open === undefined || this.#isCounted();
    const step = this.#open === undefined || isNew ? this.#begin() : this.#open;
    step.responses.push(response);
    step.atMs ??= response.atMs;
    if (isNew) this.#isAhead = true;
  }

  #isCounted(): boolean {
    return this.#open?.responses.some(({ rung }) => rung !== "difference") === true;
  }

  #speaking(atMs: number | undefined): AgentStep {
    const open = this.#open;
    const isOver = open === undefined || open.calls.length > 0 || (this.#isCounted() && !this.#isAhead);
    const step = isOver ? this.#begin() : open;
    step.atMs ??= atMs;
    return step;
  }

  #begin(): AgentStep {
    const step: AgentStep = { source: "agent", atMs: undefined, messages: [], reasoning: [], calls: [], responses: [] };
    this.#open = step;
    this.#isAhead = false;
    this.#answeredAt = Infinity;
    this.done.push(step);
    return step;
  }
}
