/**
 * From a stream of bytes to the lines in which a pattern is found, with their numbers and offsets. The others are never cut
 * out: their bytes are searched, and their line ends counted, where they lie (`io/byte-search.ts`).
 */
import { type ByteSearch, MAX_PATTERN_BYTES } from "../io/byte-search.ts";
import { Gather } from "../readers/gather.ts";
import { type Line, MAX_LINE_BYTES } from "../readers/lines.ts";
import { ROOM_BYTES, type Source } from "./search-plain.ts";

const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);

/**
 * Yields the lines that hold a match, in order. A line's bytes are a view valid until the next one is asked for. `begun` is
 * memory that may be lent to one file after the other.
 */
export function* linesWithMatches(
  search: ByteSearch,
  source: Source,
  begun = new Gather("append"),
  maxLineBytes = MAX_LINE_BYTES,
): Generator<Line> {
  const target = search.buffer.subarray(MAX_PATTERN_BYTES, ROOM_BYTES);
  let length = source.put(target);
  const walk = new Walk(search, begun, maxLineBytes);
  for (; length > 0; length = source.put(target)) yield* walk.chunk(length);
  const last = walk.rest();
  if (last !== undefined) yield last;
}

/** The line that is open at the end of each chunk, and what is known of it so far. */
class Walk {
  readonly #search: ByteSearch;
  readonly #maxLineBytes: number;
  readonly #begun: Gather;
  /** Number and offset of the open line, and its bytes before the chunk at hand. */
  #line = 1;
  #offset = 0;
  #before = 0;
  #hasMatch = false;
  /** Bytes in front of the chunk that belong to the open line. */
  #carried = 0;

  constructor(search: ByteSearch, begun: Gather, maxLineBytes: number) {
    this.#search = search;
    this.#begun = begun;
    begun.clear();
    this.#maxLineBytes = maxLineBytes;
  }

  /** Searches the chunk of that length, which lies at its place. */
  *chunk(length: number): Generator<Line> {
    const { buffer } = this.#search;
    const end = MAX_PATTERN_BYTES + length;
    this.#search.begin(end);
    let start = MAX_PATTERN_BYTES;
    let at = start - this.#carried;
    for (;;) {
      const match = this.#hasMatch ? start : this.#search.next(at);
      if (match === -1) break;
      if (match > start) start = this.#skipLines(start, buffer.lastIndexOf(NEWLINE, match));
      const lineEnd = indexOfNewline(buffer, Math.max(match, start), end);
      if (lineEnd === -1) {
        this.#hasMatch = true;
        break;
      }
      yield this.#cut(start, lineEnd, true);
      start = this.#skipLines(start, lineEnd);
      at = start;
    }
    this.#keep(this.#hasMatch ? start : this.#skipLines(start, buffer.lastIndexOf(NEWLINE, end - 1)), end);
  }

  /** The line behind the last line end, if it has a match. */
  rest(): Line | undefined {
    return this.#hasMatch ? this.#cut(MAX_PATTERN_BYTES, MAX_PATTERN_BYTES, false) : undefined;
  }

  /** Goes on to behind the newline at `last`, unless it lies before the chunk; returns where the line then begins. */
  #skipLines(start: number, last: number): number {
    if (last < start) return start;
    this.#line += this.#search.count(NEWLINE, start, last + 1);
    this.#offset += this.#before + last + 1 - start;
    this.#before = 0;
    this.#begun.clear();
    this.#hasMatch = false;
    return last + 1;
  }

  #cut(start: number, end: number, terminated: boolean): Line {
    const length = this.#before + end - start;
    const position = { line: this.#line, offset: this.#offset, length };
    if (length > this.#maxLineBytes) return { bytes: EMPTY, position, terminated, tooLong: true };
    if (this.#before === 0) return { bytes: this.#search.buffer.subarray(start, end), position, terminated };
    this.#begun.add(this.#search.buffer, start, end);
    return { bytes: this.#begun.view(), position, terminated };
  }

  /** Takes care of the open line before its bytes are overwritten. */
  #keep(start: number, end: number): void {
    const { buffer } = this.#search;
    this.#before += end - start;
    if (this.#before > this.#maxLineBytes) this.#begun.clear();
    else if (end > start) this.#begun.add(buffer, start, end);
    // A match that lies across two chunks begins no earlier than the line.
    const first = Math.max(MAX_PATTERN_BYTES - this.#carried, end - MAX_PATTERN_BYTES, end - this.#before);
    buffer.copyWithin(MAX_PATTERN_BYTES - (end - first), first, end);
    this.#carried = end - first;
  }
}

function indexOfNewline(buffer: Buffer, from: number, end: number): number {
  const at = buffer.indexOf(NEWLINE, from);
  return at >= end ? -1 : at;
}
