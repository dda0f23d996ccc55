/**
 * Where a value stands in the bytes of a line, so that it alone can be given another one and everything else stays as it was written.
 * For lines that are JSON; nothing here recurses.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPENING = new Set([0x7b, 0x5b]);
const CLOSING = new Set([0x7d, 0x5d]);
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Bytes from `start` up to `end`, which is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The value of a member of a member; of a name that occurs twice the last one, which is the one that counts. */
export function memberSpan(line: Buffer, names: readonly string[]): Span | undefined {
  let span: Span | undefined = { start: afterBlanks(line, 0), end: line.length };
  for (const name of names) {
    if (span === undefined || line[span.start] !== 0x7b) return undefined;
    span = memberOf(line, span.start, name);
  }
  return span;
}

function memberOf(line: Buffer, brace: number, name: string): Span | undefined {
  let found: Span | undefined;
  let at = afterBlanks(line, brace + 1);
  while (line[at] === QUOTE) {
    const keyEnd = stringEnd(line, at);
    const key = textOf(line, { start: at, end: keyEnd });
    const colon = afterBlanks(line, keyEnd);
    if (line[colon] !== COLON) return undefined;
    const start = afterBlanks(line, colon + 1);
    const end = valueEnd(line, start);
    if (end <= start) return undefined;
    if (key === name) found = { start, end };
    at = afterBlanks(line, end);
    if (line[at] !== COMMA) break;
    at = afterBlanks(line, at + 1);
  }
  return found;
}

function textOf(line: Buffer, { start, end }: Span): string | undefined {
  try {
    const value: unknown = JSON.parse(line.toString("utf8", start, end));
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

function afterBlanks(line: Buffer, from: number): number {
  let at = from;
  while (at < line.length && BLANKS.has(line[at] as number)) at += 1;
  return at;
}

/** The position behind the string that opens at `quote`. */
function stringEnd(line: Buffer, quote: number): number {
  for (let at = quote + 1; ;) {
    const end = line.indexOf(QUOTE, at);
    if (end === -1) return line.length;
    let slashes = 0;
    while (line[end - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return end + 1;
    at = end + 1;
  }
}

function valueEnd(line: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < line.length;) {
    const byte = line[at] as number;
    if (byte === QUOTE) {
      at = stringEnd(line, at);
      if (depth === 0) return at;
      continue;
    }
    if (depth === 0 && at > start && (byte === COMMA || CLOSING.has(byte) || BLANKS.has(byte))) return at;
    if (OPENING.has(byte)) depth += 1;
    else if (CLOSING.has(byte)) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
    at += 1;
  }
  return line.length;
}
