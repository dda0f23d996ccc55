/** Turns for people: a paragraph each, with `--items` a line for every item. Every text of the rollout is escaped. */
import type { OpenedThread } from "../analysis/open-thread.ts";
import { counted, fitText, formatCount, formatSeconds, padText, textWidth } from "../io/text.ts";
import type { ThreadItem, Turn, Turns, TurnStatus } from "../thread/items.ts";
import type { CommandContext } from "./command.ts";
import { fileLegend, placeText } from "./history-open.ts";
import { oneLine } from "./render.ts";
import { ITEM_WORDS, itemLine, userText } from "./turns-items.ts";

export interface TurnsLook extends Pick<CommandContext, "paint" | "columns"> {
  readonly items: boolean;
}

const GAP = "  ";
/** Of a text where the line has no end of its own. */
const TEXT_CELLS = 200;
const ID_CELLS = 64;

/** `number` from 1, of `total` turns. */
export function renderTurn(turn: Turn, number: number, total: number, look: TurnsLook): string {
  const { paint, columns } = look;
  const label = padText(formatCount(number), formatCount(total).length, "right");
  const indent = " ".repeat(label.length + GAP.length);
  const cells = (columns ?? TEXT_CELLS + indent.length) - indent.length;
  const lines = [
    look.items ? undefined : questionLine(turn, cells, paint),
    look.items ? undefined : paint.dim(oneLine(itemCounts(turn.items), cells)),
    turn.error === null ? undefined : paint.red(oneLine(`failed: ${turn.error.message}`, cells)),
    ...(look.items ? itemLines(turn.items, cells, paint) : []),
  ];
  const body = lines.filter((line) => line !== undefined).map((line) => `${indent}${line}\n`);
  return `${paint.dim(label)}${GAP}${headLine(turn, cells, look)}\n${body.join("")}`;
}

const TONES: Readonly<Record<TurnStatus, "green" | "yellow" | "red" | "cyan">> = {
  completed: "green",
  interrupted: "yellow",
  failed: "red",
  inProgress: "cyan",
};

/** Id, state, start, duration, as far as they fit. */
function headLine({ id, status, startedAt, durationMs }: Turn, cells: number, { paint }: TurnsLook): string {
  const parts: readonly (readonly [text: string, brush: (text: string) => string])[] = [
    [status === "inProgress" ? "in progress" : status, paint[TONES[status]]],
    [startedAt === null ? "" : timeText(startedAt), (text) => text],
    [durationMs === null ? "" : formatSeconds(durationMs / 1000), (text) => text],
  ];
  const name = oneLine(id, Math.min(ID_CELLS, cells));
  let line = paint.bold(name);
  let left = cells - textWidth(name);
  for (const [text, brush] of parts) {
    const wanted = GAP.length + text.length;
    if (text === "" || wanted > left) continue;
    line += GAP + brush(text);
    left -= wanted;
  }
  return line;
}

/** Unix seconds as UTC. */
function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 19).replace("T", " ");
}

function questionLine({ items }: Turn, cells: number, paint: CommandContext["paint"]): string | undefined {
  const first = items.find((item) => item.type === "userMessage");
  const text = first === undefined ? "" : oneLine(userText(first.content), cells);
  return text === "" ? undefined : paint.cyan(text);
}

/** `1 user message, 3 commands, 1 answer`, in the order in which they first come. */
function itemCounts(items: readonly ThreadItem[]): string {
  const counts = new Map<ThreadItem["type"], number>();
  for (const { type } of items) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts.size === 0
    ? "no items"
    : [...counts].map(([type, count]) => counted(count, ...ITEM_WORDS[type])).join(", ");
}

function itemLines(items: readonly ThreadItem[], cells: number, paint: CommandContext["paint"]): readonly string[] {
  if (items.length === 0) return [paint.dim("no items")];
  const lines = items.map(itemLine);
  const width = Math.max(...lines.map(({ word }) => word.length));
  return lines.map(({ word, text, outcome }) => {
    const told = oneLine(outcome, OUTCOME_CELLS);
    const ending = told === "" ? "" : `${GAP}${told}`;
    const left = cells - width - GAP.length - textWidth(ending);
    const lead = text === "" && ending === "" ? word : padText(word, width);
    if (left < LEAST_TEXT) return paint.dim(fitText(lead, cells));
    const shown = oneLine(text, left);
    return `${paint.dim(lead)}${shown === "" ? "" : GAP}${shown}${paint.dim(ending)}`;
  });
}

const OUTCOME_CELLS = 40;
const LEAST_TEXT = 4;

const SHOWN_WARNINGS = 10;

/** Below the turns: how many, by which rules, and what was passed over. */
export function turnMessages(thread: OpenedThread, { mode, turns, warnings }: Turns): readonly string[] {
  const rules = mode === "legacy" ? "events" : "recorded items";
  const shown = warnings.slice(0, SHOWN_WARNINGS);
  const more = warnings.length - shown.length;
  return [
    `${counted(turns.length, "turn")}, from the thread's ${rules}`,
    ...shown.map(({ kind, position, message }) => `${kind}: ${placeText(thread, position)}: ${message}`),
    ...(more > 0 ? [`… and ${formatCount(more)} more such records`] : []),
    ...(warnings.length > 0 ? fileLegend(thread) : []),
  ];
}
