/**
 * Private keys in their armour (PEM, OpenSSH, PGP, PuTTY): the whole block, also where its line ends are escaped as `\n`, where a
 * tool cut it off at either end, and where only its lines without the marks are left around a cut.
 */
import type { SecretRange } from "./redact-rules.ts";

const BEGIN = /-{4,5} ?BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{4,5}|Private-Lines: \d{1,4}/gu;
const END = /-{4,5} ?END (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{4,5}/gu;
/** A key of 16384 bits has about 13 000 characters. */
const MAX_BLOCK = 32_768;
/** Fewer characters of base64 are no key: `...` of a manual, or a name. */
const MIN_BODY = 40;

export function findPrivateKeys(text: string): readonly SecretRange[] {
  if (!text.includes("PRIVATE KEY") && !text.includes("Private-Lines")) return [];
  const begins = [...text.matchAll(BEGIN)].map(({ index, 0: mark }) => ({ start: index, end: index + mark.length }));
  const ends = [...text.matchAll(END)].map(({ index, 0: mark }) => ({ start: index, end: index + mark.length }));
  const found: SecretRange[] = [];
  const textEnd = boundaries(text);
  let next = 0;
  let done = 0;
  for (const [number, begin] of begins.entries()) {
    const limit = Math.min(begins[number + 1]?.start ?? text.length, textEnd(begin.end), begin.end + MAX_BLOCK);
    while (next < ends.length && (ends[next]?.start ?? 0) < begin.end) done = addTail(text, done, ends[next++], found);
    const end = ends[next];
    const isWhole = end !== undefined && end.start <= limit;
    if (isWhole) next += 1;
    const bodyEnd = isWhole ? end.start : runEnd(text, begin.end, limit);
    if (countBase64(text, begin.end, bodyEnd) < MIN_BODY) continue;
    done = isWhole ? end.end : bodyEnd;
    found.push({ start: begin.start, end: done, kind: "private-key" });
  }
  while (next < ends.length) done = addTail(text, done, ends[next++], found);
  return found;
}

/** Where the next NUL is, which no block has; to be asked for places in their order. */
function boundaries(text: string): (from: number) => number {
  let end = -1;
  return (from) => {
    if (end < from) end = text.indexOf("\0", from);
    if (end === -1) end = text.length;
    return end;
  };
}

/** The end of a block whose beginning is missing; gives up to where the text is dealt with. */
function addTail(
  text: string,
  from: number,
  end: { readonly start: number; readonly end: number } | undefined,
  found: SecretRange[],
): number {
  if (end === undefined) return from;
  const start = runStart(text, end.start, Math.max(from, end.start - MAX_BLOCK));
  if (countBase64(text, start, end.start) >= MIN_BODY) found.push({ start, end: end.end, kind: "private-key" });
  return end.end;
}

function isBase64(code: number): boolean {
  return (
    (code >= 47 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code === 43 ||
    code === 61
  );
}

/** A line end, as it is or escaped, of which the letter is base64. */
function isLineEnd(code: number): boolean {
  return code === 10 || code === 13 || code === 92;
}

const HEADERS = /(?:(?:\\+[nr]|\s)*[A-Za-z-]{3,20}: [^\n\\\0]{1,100}(?=\\|\n))*/uy;

/** Where a block ends that was cut off: at the first character that is no base64. Lines may be indented. */
function runEnd(text: string, from: number, limit: number): number {
  HEADERS.lastIndex = from;
  let end = from + (HEADERS.exec(text)?.[0].length ?? 0);
  let isIndent = true;
  for (; end < limit; end += 1) {
    const code = text.charCodeAt(end);
    if (isLineEnd(code)) isIndent = true;
    else if (code !== 32 && code !== 9) {
      if (!isBase64(code)) break;
      if (text.charCodeAt(end - 1) !== 92) isIndent = false;
    } else if (!isIndent) break;
  }
  return Math.min(end, limit);
}

function runStart(text: string, from: number, limit: number): number {
  let start = from;
  while (start > limit && (isBase64(text.charCodeAt(start - 1)) || isLineEnd(text.charCodeAt(start - 1)))) start -= 1;
  return start;
}

/** Of the longest unbroken line, so that prose counts little; `\n` and headers break it. */
function countBase64(text: string, from: number, to: number): number {
  let longest = 0;
  let run = 0;
  for (let index = from; index < to; index += 1) {
    run = isBase64(text.charCodeAt(index)) ? run + 1 : 0;
    if (run > longest) longest = run;
  }
  return longest;
}
