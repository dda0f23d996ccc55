/**
 * Chunks of bytes to lines with exact byte offsets. Works on bytes and splits only at `\n` (rollout-format §2, §15).
 *
 * Who does not need a line must not pay for it: `select` judges a line by its first bytes where they lie, and a line it
 * refuses is neither copied nor yielded, however long it is; only its bytes are passed over, at the speed of `indexOf`.
 */
import type { Position } from "../format/entry.ts";
import { Gather } from "./gather.ts";

export interface Line {
  /** Without the `\n`. A view valid until the next line is asked for. Empty when `tooLong`. */
  readonly bytes: Buffer;
  readonly position: Position;
  /** False for what follows the last `\n`. */
  readonly terminated: boolean;
  /** Longer than the limit: counted, but not kept. */
  readonly tooLong?: boolean;
}

/**
 * Judges the line that begins at `start`. `end` is the end of the line or of what is at hand of it, which is the whole
 * line or at least `SELECT_BYTES` of it. The buffer is only lent for the call.
 */
export type Select = (buffer: Buffer, start: number, end: number) => boolean;

export interface SplitOptions {
  /** Offset of the first chunk's first byte. Default 0. */
  readonly offset?: number;
  /** Number of the first line. Default 1. */
  readonly line?: number;
  /** Longer lines are yielded as `tooLong`. Default: what still fits into one string. */
  readonly maxLineBytes?: number;
  /** Lines without a byte are counted, but neither judged nor yielded: a gigabyte of them takes a second. Default false. */
  readonly skipEmpty?: boolean | undefined;
  /** Which lines are wanted. Default: all. */
  readonly select?: Select | undefined;
}

/** Number and offset that a next line would have. */
export interface SplitEnd {
  readonly line: number;
  readonly offset: number;
}

/** What `select` sees at least of a line that is not at hand as a whole. */
export const SELECT_BYTES = 512;
/** The longest string of V8, thus the longest line that can be decoded. */
export const MAX_LINE_BYTES = 2 ** 29 - 25;

const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);

/**
 * Splits a stream of chunks, which may be views of a reused buffer. Blank lines are yielded and counted like others; an
 * empty piece after the last `\n` is not a line. Memory: at most twice the longest wanted line. Returns where the
 * stream ended.
 */
export function* splitLines(chunks: Iterable<Buffer>, options: SplitOptions = {}): Generator<Line, SplitEnd> {
  const { select, maxLineBytes = MAX_LINE_BYTES, skipEmpty = false } = options;
  let line = options.line ?? 1;
  let offset = options.offset ?? 0;
  const open = new OpenLine(select, maxLineBytes);
  for (const chunk of chunks) {
    let start = 0;
    let end = chunk.indexOf(NEWLINE);
    if (open.length > 0 && end !== -1) {
      open.add(chunk, 0, end);
      if (open.isWanted()) yield open.line(line, offset, true);
      offset += open.length + 1;
      line++;
      open.reset();
      start = end + 1;
      end = chunk.indexOf(NEWLINE, start);
    }
    while (end !== -1) {
      if (skipEmpty && end === start) {
        while (chunk[end] === NEWLINE) end++;
        line += end - start;
        offset += end - start;
        start = end;
        end = chunk.indexOf(NEWLINE, start);
        continue;
      }
      const length = end - start;
      if (select === undefined || select(chunk, start, end)) {
        const tooLong = length > maxLineBytes;
        const position = { line, offset, length };
        yield tooLong
          ? { bytes: EMPTY, position, terminated: true, tooLong }
          : { bytes: chunk.subarray(start, end), position, terminated: true };
      }
      offset += length + 1;
      line++;
      start = end + 1;
      end = chunk.indexOf(NEWLINE, start);
    }
    if (start < chunk.length) open.add(chunk, start, chunk.length);
  }
  if (open.length === 0) return { line, offset };
  if (open.isWanted()) yield open.line(line, offset, false);
  return { line: line + 1, offset: offset + open.length };
}

/** A line of which the end has not been seen yet: its bytes, as far as somebody wants them. */
class OpenLine {
  length = 0;
  readonly #select: Select | undefined;
  readonly #maxLineBytes: number;
  /** Nothing is gathered of a line that is known to be refused or too long. */
  readonly #bytes = new Gather("append");
  #verdict: boolean | undefined;

  constructor(select: Select | undefined, maxLineBytes: number) {
    this.#select = select;
    this.#maxLineBytes = maxLineBytes;
    this.#verdict = select === undefined ? true : undefined;
  }

  add(chunk: Buffer, start: number, end: number): void {
    // Most lines are judged by the piece they begin with, before anything is copied.
    if (this.length === 0 && this.#verdict === undefined && end - start >= SELECT_BYTES) {
      this.#verdict = this.#select?.(chunk, start, end);
    }
    this.length += end - start;
    if (this.#verdict === false) return;
    if (this.#verdict === true && this.length > this.#maxLineBytes) {
      this.#bytes.clear();
      return;
    }
    this.#bytes.add(chunk, start, end);
    if (this.#verdict === undefined && this.length >= SELECT_BYTES) this.#judge();
  }

  /** To be asked when the line is complete. */
  isWanted(): boolean {
    if (this.#verdict === undefined) this.#judge();
    return this.#verdict === true;
  }

  line(line: number, offset: number, terminated: boolean): Line {
    const position = { line, offset, length: this.length };
    if (this.length > this.#maxLineBytes) return { bytes: EMPTY, position, terminated, tooLong: true };
    return { bytes: this.#bytes.view(), position, terminated };
  }

  reset(): void {
    this.length = 0;
    this.#bytes.clear();
    this.#verdict = this.#select === undefined ? true : undefined;
  }

  #judge(): void {
    const head = this.#bytes.view();
    this.#verdict = this.#select?.(head, 0, head.length) ?? true;
    if (!this.#verdict) this.#bytes.clear();
  }
}
