/**
 * What the text of a line says beyond the value that `JSON.parse` makes of it. Codex is stricter than JavaScript in
 * three points (rollout-format §2.2): nesting is bounded, an integer must be written as one (`1.0` and `1e3` are not),
 * and an escaped surrogate must have its partner. Called by `decode.ts` around parsing; since that is on the way of
 * every line, each check first asks the cheapest question that rules the case out.
 */

/** Deepest nesting of arrays and objects that Codex parses; one more and the line is lost. */
export const MAX_DEPTH = 127;

/** Fields that hold a fraction in every release; a literal such as `0.0` is as it should be there. */
const FRACTIONS = ["used_percent", "create_time", "overall_confidence_score", "confidence_score"];

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOT = 0x2e;

/** True when arrays and objects are nested deeper than Codex parses. Text that is not JSON may give either answer. */
export function isTooDeep(text: string): boolean {
  return openers(text) > MAX_DEPTH && levels(text, 0).highest > MAX_DEPTH;
}

/** Opening brackets anywhere in the text, strings included, but counted no further than needed. */
function openers(text: string): number {
  let count = 0;
  for (const opener of ["{", "["]) {
    let at = text.indexOf(opener);
    while (at !== -1 && count <= MAX_DEPTH) {
      count += 1;
      at = text.indexOf(opener, at + 1);
    }
  }
  return count;
}

/** True when `from` lies directly inside the outermost object: what follows closes one bracket more than it opens. */
export function closesOneMore(text: string, from: number): boolean {
  return levels(text, from).last === -1;
}

/** The highest and the last level of nesting, counted from the level at `from`, which must not lie inside a string. */
function levels(text: string, from: number): { readonly highest: number; readonly last: number } {
  let level = 0;
  let highest = 0;
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(text, at);
      continue;
    }
    if (code === 0x7b || code === 0x5b) level += 1;
    else if (code === 0x7d || code === 0x5d) level -= 1;
    if (level > highest) highest = level;
    at += 1;
  }
  return { highest, last: level };
}

/**
 * Places of number literals after `from` that are spelled as a fraction or with an exponent, yet have an integer value,
 * and that do not stand in a field known to hold fractions. Flat pairs of start and end. `from` must not lie inside a
 * string.
 */
export function disguisedIntegers(text: string, from = 0): readonly number[] {
  const found: number[] = [];
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(text, at);
    } else if (code === DOT || code === 0x65 || code === 0x45) {
      const end = literalEnd(text, at);
      const start = literalStart(text, at);
      if (isDisguised(text, start, end)) found.push(start, end);
      at = end;
    } else {
      at += 1;
    }
  }
  return found;
}

/** The position after the string that opens at `quote`; the end of the text if it never closes. */
function stringEnd(text: string, quote: number): number {
  let end = text.indexOf('"', quote + 1);
  while (end !== -1 && text.charCodeAt(end - 1) === BACKSLASH && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end + 1;
}

/** True after an odd number of backslashes. */
function isEscaped(text: string, quote: number): boolean {
  let first = quote;
  while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (quote - first) % 2 === 1;
}

function isLiteralCode(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === DOT || code === 0x2b || code === 0x2d || (code | 0x20) === 0x65;
}

function literalStart(text: string, at: number): number {
  let start = at;
  while (start > 0 && isLiteralCode(text.charCodeAt(start - 1))) start -= 1;
  return start;
}

function literalEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length && isLiteralCode(text.charCodeAt(end))) end += 1;
  return end;
}

/** Words such as `true` and `false` come by here too, since they hold an "e". */
function isDisguised(text: string, start: number, end: number): boolean {
  const code = text.charCodeAt(start);
  if (!(code === 0x2d || (code >= 0x30 && code <= 0x39))) return false;
  if (!Number.isInteger(Number(text.slice(start, end)))) return false;
  return !FRACTIONS.some((name) => text.endsWith(`"${name}":`, start));
}

/** The same text with those literals replaced by one that no integer check takes and every check for numbers does. */
export function withFractions(text: string, disguised: readonly number[]): string {
  let result = "";
  let from = 0;
  for (let index = 0; index < disguised.length; index += 2) {
    result += `${text.slice(from, disguised[index])}0.5`;
    from = disguised[index + 1] as number;
  }
  return result + text.slice(from);
}

const SURROGATE = /\\u[dD][89a-fA-F]/;
const ESCAPES = /\\(?:u([0-9a-fA-F]{4})|[^])/g;

/** True when an escape such as `\ud800` stands without its partner. `JSON.parse` takes that, Codex does not. */
export function hasLoneSurrogate(text: string): boolean {
  if (!text.includes("\\u") || !SURROGATE.test(text)) return false;
  let awaitedAt = -1;
  for (const { 1: digits, index } of text.matchAll(ESCAPES)) {
    const unit = digits === undefined ? 0 : Number.parseInt(digits, 16);
    if (awaitedAt !== -1) {
      if (index !== awaitedAt || unit < 0xdc00 || unit > 0xdfff) return true;
      awaitedAt = -1;
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
      return true;
    } else if (unit >= 0xd800 && unit <= 0xdbff) {
      awaitedAt = index + 6;
    }
  }
  return awaitedAt !== -1;
}
