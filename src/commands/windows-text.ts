/** The context windows of a thread as a table, and what does not fit into one. Every text from the rollout is escaped. */
import type { OpenedThread } from "../analysis/open-thread.ts";
import { escapeText } from "../io/console.ts";
import { counted, formatBytes, formatCount } from "../io/text.ts";
import type { ContextWindow } from "../thread/windows.ts";
import type { CommandContext } from "./command.ts";
import { fileLegend, fileNumber } from "./history-open.ts";
import { type Column, renderTable } from "./table.ts";

type Look = Pick<CommandContext, "paint" | "columns">;

export function renderWindows(thread: OpenedThread, windows: readonly ContextWindow[], look: Look): string {
  const table = renderTable(columnsFor(thread, windows, look), windows, look);
  const notes = [...chainNotes(windows), ...fileLegend(thread)];
  return notes.length === 0 ? table : `${table}\n${notes.map((note) => `${escapeText(note)}\n`).join("")}`;
}

const CAUSES: Readonly<Record<ContextWindow["cause"], string>> = {
  start: "start",
  replacement: "compaction",
  legacy: "legacy compaction",
  counted: "only counted",
};

/** Columns that say nothing of any window are left out; in a narrow terminal so are the byte offsets. */
function columnsFor(
  thread: OpenedThread,
  windows: readonly ContextWindow[],
  { paint, columns: cells }: Look,
): readonly Column<ContextWindow>[] {
  const isNarrow = cells !== undefined && cells < NARROW_CELLS;
  const hasSizes = windows.some(({ compaction }) => compaction !== undefined);
  const columns: readonly (readonly [isShown: boolean, column: Column<ContextWindow>])[] = [
    [true, { title: "window", value: numberText, align: "right" }],
    [
      true,
      {
        title: "begun by",
        value: ({ cause }) => CAUSES[cause],
        paint: (text, { cause }) => (cause === "counted" ? paint.yellow(text) : text),
      },
    ],
    [
      thread.segments.length > 1,
      {
        title: "file",
        value: ({ start }) => (start === undefined ? "" : String(fileNumber(thread, start))),
        align: "right",
      },
    ],
    [windows.some(({ start }) => (start?.line ?? 0) > 0), { title: "line", value: lineText, align: "right" }],
    [
      !isNarrow,
      { title: "byte", value: ({ start }) => (start === undefined ? "" : formatCount(start.offset)), align: "right" },
    ],
    [hasSizes, { title: "items", value: (window) => sizesText(window, "items", formatCount), align: "right" }],
    [hasSizes, { title: "bytes", value: (window) => sizesText(window, "bytes", formatBytes), align: "right" }],
    [
      windows.some(({ id }) => id !== undefined),
      { title: "id", value: ({ id }) => id ?? "–", flexible: true, paint: (text) => paint.cyan(text) },
    ],
  ];
  return columns.filter(([isShown]) => isShown).map(([, column]) => column);
}

const NARROW_CELLS = 80;

/** A number in brackets is counted, not recorded. */
function numberText({ number, isNumbered }: ContextWindow): string {
  return isNumbered ? formatCount(number) : `(${formatCount(number)})`;
}

function lineText({ start }: ContextWindow): string {
  return start === undefined || start.line === 0 ? "" : formatCount(start.line);
}

function sizesText({ compaction }: ContextWindow, unit: "items" | "bytes", text: (count: number) => string): string {
  return compaction === undefined ? "" : `${text(compaction.before[unit])} → ${text(compaction.after[unit])}`;
}

/** What the ids say besides the order of the table: other windows before, other beginnings. */
function chainNotes(windows: readonly ContextWindow[]): readonly string[] {
  const notes: string[] = [];
  const firsts = new Map<string, string[]>();
  for (const [at, window] of windows.entries()) {
    const number = formatCount(window.number);
    const before = windows[at - 1];
    if (window.previousId !== undefined && window.previousId !== before?.id)
      notes.push(`window ${number} names another one as the one before it: ${window.previousId}`);
    if (window.firstId === undefined) continue;
    const agreeing = firsts.get(window.firstId);
    if (agreeing === undefined) firsts.set(window.firstId, [number]);
    else agreeing.push(number);
  }
  if (firsts.size < 2) return notes;
  const told = [...firsts].map(([id, numbers]) => `first window of ${shownNumbers(numbers)}: ${id}`);
  return [...notes, ...told];
}

const SHOWN_NUMBERS = 12;

function shownNumbers(numbers: readonly string[]): string {
  const more = numbers.length - SHOWN_NUMBERS;
  return [...numbers.slice(0, SHOWN_NUMBERS), ...(more > 0 ? [`${formatCount(more)} more`] : [])].join(", ");
}

/** For stderr. */
export function windowMessages(windows: readonly ContextWindow[]): readonly string[] {
  return [
    counted(windows.length, "window"),
    ...(windows.some(({ cause }) => cause === "counted")
      ? ["only counted: the turn of that compaction was rolled back, so no history begins with it"]
      : []),
    ...(windows.every(({ isNumbered }) => isNumbered) ? [] : ["(n): the record has no number, so it is counted"]),
  ];
}
