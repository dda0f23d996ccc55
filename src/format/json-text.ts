/**
 * What the text of a line says beyond the value that `JSON.parse` makes of it. Codex is stricter than JavaScript in three
 * points (rollout-format §2.2): an integer must be written as one (`1.0` and `1e3` are not), it must fit into 64 bits where
 * its double may not show that it does not, and an escaped surrogate must have its partner. Called by `decode.ts` after
 * parsing, on text that is known to be JSON.
 */

/** Fields that hold a fraction in every release; a literal such as `0.0` is as it should be there. */
const FRACTIONS = ['"used_percent":', '"create_time":', '"overall_confidence_score":', '"confidence_score":'];

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOT = 0x2e;

/** A member whose value begins as a fraction with `.0` or as a number with an exponent; strings may hold the like. */
const SUSPECT = /"\s*:\s*-?\d+(?:\.0|(?:\.\d*)?[eE])/;

/** Digits of 2^63; shorter integers fit wherever one is expected. */
const EDGE_DIGITS = 19;
/** Of the least integer of 128 bits, its sign included. */
const MOST_DIGITS = 40;
const OVERSIZED = /\d{19}/;
/** The double next to the one that 2^63 and the largest integer with a sign, which precedes it, have in common. */
const PAST_SIGNED = "9223372036854777856";

/**
 * True when the value of some member is a number that is spelled as a fraction or with an exponent, yet has an integer
 * value, and is not in a field known to hold fractions; or when it is too large for 63 bits, and its double does not show it.
 * The latter is looked for only where some number is `large`. Numbers in arrays do not count: no record has integers there.
 */
export function hasDisguisedInteger(json: string, large: boolean): boolean {
  return (large || SUSPECT.test(json)) && nextNumber(json, 0, isDisguised) !== undefined;
}

/** The same JSON with each such number replaced by one whose double shows what it is, and that every check for numbers takes. */
export function withFractions(json: string): string {
  return respelled(json, isDisguised, (literal) => (/^\d+$/.test(literal) ? PAST_SIGNED : "0.5"));
}

/**
 * True when an integer stands anywhere that needs more than 64 bits, and at most 128: Codex loses the line, whatever the
 * number means (seen of 0.142.3 and 0.169.0). Longer ones it takes for fractions.
 */
export function hasOversizedInteger(json: string): boolean {
  return OVERSIZED.test(json) && nextNumber(json, 0, isOversized) !== undefined;
}

/** The same JSON with each such number spelled as Codex takes it. */
export function withoutOversized(json: string): string {
  return respelled(json, isOversized, (literal) => Number(literal).toExponential());
}

interface Span {
  readonly start: number;
  readonly end: number;
}

type IsWanted = (json: string, literal: Span) => boolean;

function respelled(json: string, isWanted: IsWanted, spell: (literal: string) => string): string {
  let result = "";
  let copied = 0;
  for (let found = nextNumber(json, 0, isWanted); found !== undefined; found = nextNumber(json, found.end, isWanted)) {
    const { start, end } = found;
    result += json.slice(copied, start) + spell(json.slice(start, end));
    copied = end;
  }
  return result + json.slice(copied);
}

/** Goes from string to string; only what stands between them is looked at. */
function nextNumber(json: string, from: number, isWanted: IsWanted): Span | undefined {
  let at = from;
  while (at < json.length) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(json, at);
    } else if (isLiteralCode(code)) {
      const literal = literalAround(json, at);
      if (isWanted(json, literal)) return literal;
      at = literal.end;
    } else {
      at += 1;
    }
  }
  return undefined;
}

/** The position after the string that opens at `quote`. */
function stringEnd(json: string, quote: number): number {
  let end = json.indexOf('"', quote + 1);
  while (end !== -1 && json.charCodeAt(end - 1) === BACKSLASH && isEscaped(json, end)) end = json.indexOf('"', end + 1);
  return end === -1 ? json.length : end + 1;
}

/** True after an odd number of backslashes. */
function isEscaped(json: string, quote: number): boolean {
  let first = quote;
  while (json.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (quote - first) % 2 === 1;
}

function isLiteralCode(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === DOT || code === 0x2b || code === 0x2d || (code | 0x20) === 0x65;
}

function literalAround(json: string, at: number): Span {
  let start = at;
  while (isLiteralCode(json.charCodeAt(start - 1))) start -= 1;
  let end = at + 1;
  while (isLiteralCode(json.charCodeAt(end))) end += 1;
  return { start, end };
}

/** Words such as `true` come by here too, for their "e". */
function isDisguised(json: string, { start, end }: Span): boolean {
  const first = json.charCodeAt(start);
  if (first !== 0x2d && (first < 0x30 || first > 0x39)) return false;
  if (isWhole(json, { start, end })) return isPastSigned(json, { start, end });
  if (!Number.isInteger(Number(json.slice(start, end)))) return false;
  return !FRACTIONS.some((name) => json.endsWith(name, start));
}

/** Without a point and an exponent. */
function isWhole(json: string, { start, end }: Span): boolean {
  for (let at = start; at < end; at += 1) {
    const code = json.charCodeAt(at);
    if (code === DOT || (code | 0x20) === 0x65) return false;
  }
  return true;
}

/** Of as many digits as fit, and larger than an integer with a sign can be, although both may have one double. */
function isPastSigned(json: string, { start, end }: Span): boolean {
  if (end - start !== EDGE_DIGITS) return false;
  const literal = json.slice(start, end);
  return Number(literal) === 2 ** 63 && BigInt(literal) >= 2n ** 63n;
}

function isOversized(json: string, { start, end }: Span): boolean {
  if (end - start < EDGE_DIGITS || end - start > MOST_DIGITS || !isWhole(json, { start, end })) return false;
  const value = BigInt(json.slice(start, end));
  return value > 0n ? value >= 2n ** 64n && value < 2n ** 128n : value < -(2n ** 63n) && value >= -(2n ** 127n);
}

const SURROGATE = /\\u[dD][89a-fA-F]/;
const ESCAPES = /\\(?:u([0-9a-fA-F]{4})|[^])/g;

/** True when an escape such as `\ud800` stands without its partner. `JSON.parse` takes that, Codex does not. */
export function hasLoneSurrogate(json: string): boolean {
  if (!json.includes("\\u") || !SURROGATE.test(json)) return false;
  let awaitedAt = -1;
  for (const { 1: digits, index } of json.matchAll(ESCAPES)) {
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
