/** The piece of a text that shows a match (state-and-compression §5.6). Pure. */
import type { Snippet } from "./search-types.ts";

/** White space as Codex collapses it: Unicode's, which the byte order mark is no part of. */
const SPACES = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;

/** Characters, not UTF-16 units. In front it is one more than the reference says (seen with 0.169.0). */
const BEFORE = 49;
const AFTER = 96;

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A message has several pieces of text, and its first match in one of them. */
export interface Match extends Range {
  readonly pieces: readonly string[];
  readonly piece: number;
}

/** Joins the pieces and cuts out the surroundings of the match; of the match itself no more than `longest` characters. */
export function snippetOf({ pieces, piece, start, end }: Match, longest: number): Snippet {
  const lead = pieces.slice(0, piece).reduce((sum, { length }) => sum + length + 1, 0);
  return cut(
    pieces.length === 1 ? (pieces[0] ?? "") : pieces.join(" "),
    { start: lead + start, end: lead + end },
    longest,
  );
}

/** As Codex looks for it: white space is collapsed before, so that the first match may be another one. Undefined for none. */
export function collapsedSnippet(
  pieces: readonly string[],
  first: (text: string) => Range | undefined,
  longest: number,
): Snippet | undefined {
  const text = collapse(pieces.join(" "));
  const range = first(text);
  return range && cut(text, range, longest);
}

function collapse(text: string): string {
  return text.replace(SPACES, " ").replace(/^ | $/g, "");
}

function cut(text: string, { start, end }: Range, longest: number): Snippet {
  const before = endOf(text, start);
  const match = firstCharacters(text.slice(start, Math.min(end, start + 2 * longest)), longest);
  const isWhole = match.length === end - start;
  const after = isWhole ? beginningOf(text, end) : { text: "", isCut: true };
  const lead = before.isCut ? `... ${before.text}` : before.text;
  const shown = match.replace(SPACES, " ");
  return {
    text: lead + shown + after.text + (after.isCut ? " ..." : ""),
    start: lead.length,
    end: lead.length + shown.length,
  };
}

interface Cut {
  readonly text: string;
  readonly isCut: boolean;
}

/** Where white space is collapsed, more of the text goes into the same room: taken in growing steps. */
const FIRST_STEP = 256;

/** What precedes `end`, collapsed. */
function endOf(text: string, end: number): Cut {
  for (let step = FIRST_STEP; ; step *= 4) {
    const from = Math.max(0, end - step);
    let before = text.slice(from, end).replace(SPACES, " ");
    // What is cut off in the middle may be half a pair, or half of some white space.
    if (from > 0) before = before.slice(1);
    else if (before.startsWith(" ")) before = before.slice(1);
    const shown = lastCharacters(before, BEFORE);
    const isCut = shown.length < before.length;
    if (isCut || from === 0) return { text: shown.replace(/^ /, ""), isCut };
  }
}

/** What follows `start`, collapsed. */
function beginningOf(text: string, start: number): Cut {
  for (let step = FIRST_STEP; ; step *= 4) {
    const to = Math.min(text.length, start + step);
    let after = text.slice(start, to).replace(SPACES, " ");
    if (to < text.length) after = after.slice(0, -1);
    else if (after.endsWith(" ")) after = after.slice(0, -1);
    const shown = firstCharacters(after, AFTER);
    const isCut = shown.length < after.length;
    if (isCut || to === text.length) return { text: shown.replace(/ $/, ""), isCut };
  }
}

function firstCharacters(text: string, count: number): string {
  let at = 0;
  for (let taken = 0; taken < count && at < text.length; taken += 1) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return text.slice(0, at);
}

function lastCharacters(text: string, count: number): string {
  let at = text.length;
  for (let taken = 0; taken < count && at > 0; taken += 1) at -= isPairEnd(text, at) ? 2 : 1;
  return text.slice(at);
}

function isPairEnd(text: string, at: number): boolean {
  return at > 1 && /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(at - 2, at));
}
