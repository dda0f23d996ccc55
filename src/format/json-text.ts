/**
 * What the text of a line says beyond the value that `JSON.parse` makes of it. Codex is stricter than JavaScript in two
 * points (rollout-format §2.2): an integer must be written as one (`1.0` and `1e3` are not), and an escaped surrogate
 * must have its partner. Called by `decode.ts` after parsing, on text that is known to be JSON.
 */

/** Fields that hold a fraction in every release; a literal such as `0.0` is as it should be there. */
const FRACTIONS = ['"used_percent":', '"create_time":', '"overall_confidence_score":', '"confidence_score":'];

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOT = 0x2e;

/** A member whose value begins as a fraction with `.0` or as a number with an exponent; strings may hold the like. */
const SUSPECT = /"\s*:\s*-?\d+(?:\.0|(?:\.\d*)?[eE])/;

/**
 * True when the value of some member is a number that is spelled as a fraction or with an exponent, yet has an integer
 * value, and is not in a field known to hold fractions. Numbers in arrays do not count: no record has integers there.
 */
export function hasDisguisedInteger(json: string): boolean {
  return SUSPECT.test(json) && nextDisguised(json, 0) !== undefined;
}

/** The same JSON with each such number replaced by one that no check for integers takes and every one for numbers does. */
export function withFractions(json: string): string {
  let result = "";
  let copied = 0;
  for (let literal = nextDisguised(json, 0); literal !== undefined; literal = nextDisguised(json, literal.end)) {
    result += `${json.slice(copied, literal.start)}0.5`;
    copied = literal.end;
  }
  return result + json.slice(copied);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Goes from string to string; only what stands between them is looked at. */
function nextDisguised(json: string, from: number): Span | undefined {
  let at = from;
  while (at < json.length) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(json, at);
    } else if (code === DOT || (code | 0x20) === 0x65) {
      const literal = literalAround(json, at);
      if (isDisguised(json, literal)) return literal;
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
  if (!Number.isInteger(Number(json.slice(start, end)))) return false;
  return !FRACTIONS.some((name) => json.endsWith(name, start));
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
