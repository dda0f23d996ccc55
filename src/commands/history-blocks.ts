/**
 * Long text for a terminal: cut in its middle, made safe, broken into lines of a width. Costs what is shown, whatever the
 * length of the text: a tool's output may be a hundred megabytes in one line.
 */
import { escapeText } from "../io/console.ts";
import { formatBytes, formatCount, textWidth } from "../io/text.ts";

export interface Shortened {
  readonly head: string;
  /** What was left out between head and tail; undefined where `head` is all. */
  readonly gone: string | undefined;
  readonly tail: string;
}

const HEAD = { lines: 12, characters: 1_600 };
const TAIL = { lines: 6, characters: 800 };

/** The beginning and the end of a text that is too long to be shown whole. */
export function shorten(text: string): Shortened {
  const headEnd = whole(text, endOfHead(text));
  const tailStart = whole(text, startOfTail(text));
  if (headEnd >= tailStart) return { head: text, gone: undefined, tail: "" };
  const gone = text.slice(headEnd, tailStart);
  // A mark in the place of a line or two would save nothing.
  if (gone.length < 160 && newlines(gone) <= 2) return { head: text, gone: undefined, tail: "" };
  const lines = newlines(gone);
  const size = formatBytes(Buffer.byteLength(gone));
  return {
    head: text.slice(0, headEnd).replace(/\n$/, ""),
    gone: lines < 2 ? size : `${formatCount(lines)} lines, ${size}`,
    tail: text.slice(tailStart),
  };
}

function endOfHead(text: string): number {
  let end = 0;
  for (let line = 0; line < HEAD.lines; line += 1) {
    const at = text.indexOf("\n", end);
    if (at < 0 || at >= HEAD.characters) return Math.min(text.length, HEAD.characters);
    end = at + 1;
  }
  return end;
}

function startOfTail(text: string): number {
  const least = Math.max(0, text.length - TAIL.characters);
  let start: number | undefined;
  let end = text.endsWith("\n") ? text.length - 1 : text.length;
  for (let line = 0; line < TAIL.lines; line += 1) {
    const at = text.lastIndexOf("\n", end - 1);
    if (at < least) break;
    start = at + 1;
    end = at;
  }
  return start ?? least;
}

/** Not between the halves of a surrogate pair. */
function whole(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}

function newlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

const TAB = "    ";

/**
 * Lines that are safe to print, none of them wider than `cells`, broken at a space where one is near. Text that comes from
 * a rollout cannot reach the left edge of the terminal this way, where it could pass for our own headings.
 */
export function linesOf(text: string, cells: number | undefined): readonly string[] {
  const safe = escapeText(text.replaceAll("\r\n", "\n").replaceAll("\t", TAB), { newlines: "keep" });
  const lines = safe.split("\n").map((line) => line.trimEnd());
  while (lines.length > 1 && lines.at(-1) === "") lines.pop();
  return cells === undefined ? lines : lines.flatMap((line) => broken(line, Math.max(cells, LEAST_CELLS)));
}

const LEAST_CELLS = 16;

function broken(line: string, cells: number): readonly string[] {
  if (line.length <= cells && textWidth(line) <= cells) return [line];
  const pieces: string[] = [];
  let at = 0;
  while (at < line.length) {
    const end = pieceEnd(line, at, cells);
    pieces.push(line.slice(at, end).trimEnd());
    at = end;
    // The space at which a line is broken begins no other.
    while (at < line.length && line[at] === " ") at += 1;
  }
  return pieces;
}

/** The end of what fits: behind a space in the last third, else anywhere. */
function pieceEnd(line: string, start: number, cells: number): number {
  let end = Math.min(line.length, start + cells);
  for (;;) {
    const excess = textWidth(line.slice(start, end)) - cells;
    if (excess <= 0) break;
    // No character is wider than two cells, so this never takes too many away.
    end -= Math.max(1, Math.floor(excess / 2));
  }
  end = Math.max(whole(line, end), start + 1);
  if (end === line.length) return end;
  // Not in the whole line, which may be endless and have no space.
  const space = line.slice(start, end + 1).lastIndexOf(" ");
  return space > (2 * (end - start)) / 3 ? start + space : end;
}
