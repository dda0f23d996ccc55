/**
 * How an answer is printed: as text for people, or as JSON for programs. A command makes its answer as plain data first;
 * both forms are made from the same data, so that they cannot tell different stories.
 */
import { escapeText, type Paint, type Writer } from "../io/console.ts";
import { fitText, padText, textWidth } from "../io/text.ts";

/** Characters that JSON allows in strings but a terminal obeys, or that hide: DEL, C1, bidirectional controls, tags. */
const UNSAFE_IN_JSON =
  /[\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** JSON of plain data, every string safe to show. Integers beyond 2^53 (as bigint) become strings. */
export function toJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, jsonValue, indent) ?? "null";
  return text.replace(UNSAFE_IN_JSON, escapeUnits);
}

function escapeUnits(char: string): string {
  const units = Array.from({ length: char.length }, (_unused, index) => char.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** Prints one answer: with `json` as one document, else as the text, which `text` makes only when it is wanted. */
export function printAnswer(stdout: Writer, json: boolean, answer: unknown, text: () => string): void {
  stdout.write(json ? `${toJson(answer, 2)}\n` : text());
}

/** Prints a stream of answers as they come: with `json` one document a line, else one text each. */
export function printStream<Item>(
  stdout: Writer,
  json: boolean,
  items: Iterable<Item>,
  text: (item: Item) => string,
): void {
  for (const item of items) stdout.write(json ? `${toJson(item)}\n` : text(item));
}

/** A list of named values, one a line, the values below each other. Values that are undefined are left out. */
export function renderFields(
  fields: readonly (readonly [label: string, value: string | number | undefined])[],
  paint: Paint,
): string {
  const present = fields.filter((field): field is readonly [string, string | number] => field[1] !== undefined);
  const width = Math.max(0, ...present.map(([label]) => textWidth(label)));
  return present
    .map(([label, value]) => `${paint.dim(padText(label, width))}  ${escapeText(String(value))}\n`)
    .join("");
}

/** One line of at most so many cells: white space of every kind is a space, the rest made safe. */
export function oneLine(text: string, cells: number): string {
  const cut = text
    .slice(0, 4 * cells)
    .replace(/\s+/g, " ")
    .trim();
  return fitText(escapeText(cut), cells);
}
