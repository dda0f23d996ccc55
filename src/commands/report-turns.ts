/** The turns of one thread for the page: their lengths, tools, tokens, and the items of each, shortened. */
import { SumWatch } from "../analysis/tokens-counts.ts";
import type { OpenedThread } from "../analysis/open-thread.ts";
import type { Excerpt, ItemView, ToolSpan, TurnLine, TurnsView, TurnTokens } from "../export/report/model.ts";
import { parseTimestamp } from "../format/names.ts";
import type { RolloutRecord, TokenUsage } from "../format/record.ts";
import type { ChainPosition } from "../readers/lineage.ts";
import type { ThreadItem, Turn, TurnPlace, Turns } from "../thread/items.ts";
import { newest } from "./report-figures.ts";
import { ITEM_WORDS, itemLine, userText } from "./turns-items.ts";

const TURNS = 1000;
const ITEMS_OF_TURN = 60;
/** Of all turns; the newest have them. */
const ITEMS = 6000;
const TOOLS_OF_TURN = 200;
/** UTF-16 units of one text that the page may want. */
const TEXT = 4000;

export function turnsView(thread: OpenedThread): TurnsView {
  const view = thread.turns();
  const notes = noteTurns(thread, view.places);
  const { items: shown, left } = newest([...view.turns.keys()], TURNS);
  let room = ITEMS;
  const lines = shown.toReversed().map((at) => {
    const turn = view.turns[at] as Turn;
    const items = turn.items.slice(0, Math.min(ITEMS_OF_TURN, room)).map(itemOf);
    room -= items.length;
    return lineOf(turn, at, items, notes[at]);
  });
  return { mode: view.mode, items: lines.toReversed(), left, kinds: kindsOf(view), warnings: view.warnings.length };
}

function kindsOf({ turns }: Turns): TurnsView["kinds"] {
  const counts = new Map<ThreadItem["type"], number>();
  for (const { items } of turns) for (const { type } of items) counts.set(type, (counts.get(type) ?? 0) + 1);
  const kinds = [...counts].map(([type, count]) => ({ words: ITEM_WORDS[type][count === 1 ? 0 : 1], count }));
  return kinds.toSorted((a, b) => b.count - a.count);
}

function lineOf(turn: Turn, at: number, items: readonly ItemView[], note: TurnNote | undefined): TurnLine {
  const startedAtMs = turn.startedAt === null ? note?.firstMs : turn.startedAt * 1000;
  const derived = note?.firstMs === undefined || note.lastMs === undefined ? undefined : note.lastMs - note.firstMs;
  const first = turn.items.find((item) => item.type === "userMessage");
  return {
    number: at + 1,
    id: turn.id,
    status: turn.status,
    startedAtMs,
    durationMs: turn.durationMs ?? derived,
    isDerived: turn.durationMs === null,
    question: excerptOf(first === undefined ? "" : userText(first.content)),
    error: turn.error === null ? undefined : excerptOf(turn.error.message),
    tools: turn.items.flatMap((item) => toolOf(item, startedAtMs)).slice(0, TOOLS_OF_TURN),
    tokens: note?.tokens,
    items: { items, left: turn.items.length - items.length },
  };
}

function itemOf(item: ThreadItem): ItemView {
  const { word, text, outcome } = itemLine(item);
  return { word, text: excerptOf(text), outcome: outcome.slice(0, TEXT) };
}

/** A copy of the beginning, so that the whole may go. */
function excerptOf(text: string): Excerpt {
  return { text: Buffer.from(text.slice(0, TEXT), "utf16le").toString("utf16le"), length: text.length };
}

/** Items that took time; a message or an image is none. */
function toolOf(item: ThreadItem, turnStartMs: number | undefined): readonly ToolSpan[] {
  const length = lengthOf(item);
  if (length === undefined || length <= 0) return [];
  const { word, text } = itemLine(item);
  const { startedAtMs } = item;
  const fromMs = startedAtMs === null || turnStartMs === undefined ? undefined : Math.max(0, startedAtMs - turnStartMs);
  return [{ name: `${word} ${text.slice(0, 120)}`, fromMs, durationMs: length }];
}

const TIMED: ReadonlySet<ThreadItem["type"]> = new Set([
  "fileChange",
  "collabAgentToolCall",
  "webSearch",
  "imageGeneration",
]);

function lengthOf(item: ThreadItem): number | undefined {
  if ("durationMs" in item && item.durationMs !== null) return item.durationMs;
  const { startedAtMs, completedAtMs } = item;
  const isTimed = "durationMs" in item || TIMED.has(item.type);
  return !isTimed || startedAtMs === null || completedAtMs === null ? undefined : completedAtMs - startedAtMs;
}

/** What the lines of a turn say that its items do not. */
interface TurnNote {
  /** Times of its first and last line. */
  firstMs: number | undefined;
  lastMs: number | undefined;
  tokens: TurnTokens | undefined;
  /** Some of its responses have records of their own: counts then tell the same again. */
  hasRecords: boolean;
}

/** One walk over the thread: each line belongs to the last turn that began before it. */
function noteTurns(thread: OpenedThread, places: readonly TurnPlace[]): readonly TurnNote[] {
  const notes = places.map((): TurnNote => ({
    firstMs: undefined,
    lastMs: undefined,
    tokens: undefined,
    hasRecords: false,
  }));
  const order = [...places.keys()].toSorted((a, b) => compare(places[a]?.opened, places[b]?.opened));
  const sums = new SumWatch();
  let next = 0;
  let note: TurnNote | undefined;
  for (const entry of thread.entries()) {
    // The thread's own metadata come first, although they lie behind what it continues.
    if (!entry.ok || entry.record.type === "session_meta") continue;
    const { position } = entry;
    while (next < order.length && compare(places[order[next] ?? 0]?.opened, position) <= 0) {
      note = notes[order[next] ?? 0];
      next += 1;
    }
    const usage = usageIn(entry.record, sums, note);
    if (note === undefined) continue;
    noteTime(note, entry.record);
    if (usage !== undefined) note.tokens = added(note.tokens, usage);
  }
  return notes;
}

function compare(one: ChainPosition | undefined, other: ChainPosition | undefined): number {
  return (one?.segment ?? 0) - (other?.segment ?? 0) || (one?.offset ?? 0) - (other?.offset ?? 0);
}

/** Settings and usage may be written long after a turn, with the next. */
function noteTime(note: TurnNote, { type, timestamp }: RolloutRecord): void {
  if (type !== "event_msg" && type !== "response_item") return;
  const ms = parseTimestamp(timestamp);
  if (ms === undefined) return;
  note.firstMs ??= ms;
  note.lastMs = Math.max(note.lastMs ?? ms, ms);
}

/** Of a response that this record tells of; the ladder of `analysis/tokens-file.ts`, within one turn. */
function usageIn({ type, payload }: RolloutRecord, sums: SumWatch, note: TurnNote | undefined): TokenUsage | undefined {
  if (type === "token_usage_record") {
    if (note !== undefined) note.hasRecords = true;
    return payload.usage;
  }
  if (type !== "event_msg" || payload.type !== "token_count") return undefined;
  const verdict = sums.take(payload.info);
  return verdict?.kind === "new" && note?.hasRecords !== true ? payload.info?.last_token_usage : undefined;
}

function added(tokens: TurnTokens | undefined, usage: TokenUsage): TurnTokens {
  return {
    input: (tokens?.input ?? 0) + usage.input_tokens,
    cached: (tokens?.cached ?? 0) + usage.cached_input_tokens,
    output: (tokens?.output ?? 0) + usage.output_tokens,
    responses: (tokens?.responses ?? 0) + 1,
  };
}
