/**
 * Lines of a plain file, newest first, with the offsets they have read forwards (rollout-format §6.1). What a resume
 * needs is mostly near the end; this reads no more of the file than that.
 */
import type { ByteReader } from "./bytes.ts";
import { Gather } from "./gather.ts";
import { MAX_LINE_BYTES } from "./lines.ts";
import type { Line, Select } from "./lines.ts";

export interface ReverseOptions {
  /** Longer lines are yielded as `tooLong`. Default: what still fits into one string. */
  readonly maxLineBytes?: number;
  /** Which lines are wanted. Default: all. A line across many chunks is kept until its first bytes, met last, are judged. */
  readonly select?: Select | undefined;
  /** Lines without a byte are passed over, many at a time. Default false. */
  readonly skipEmpty?: boolean | undefined;
}

const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);

/**
 * The lines before `end` (default the end of the file), last one first. What follows the last `\n` comes first, with
 * `terminated` false, unless it is empty. `position.line` is 0: the number is not known from this side. `bytes` are
 * valid until the next line is asked for. Memory: at most twice the longest line.
 */
export function* splitLinesBackward(reader: ByteReader, end?: number, options: ReverseOptions = {}): Generator<Line> {
  const tail = new Tail(options);
  let terminated = false;
  let isFirst = true;
  for (const { bytes, offset } of reader.backward(end)) {
    let stop = bytes.length;
    let newline = bytes.lastIndexOf(NEWLINE);
    while (newline !== -1) {
      const isRun = options.skipEmpty === true && newline + 1 === stop && tail.isEmpty;
      if (isRun) newline = startOfRun(bytes, newline);
      const line = isRun ? undefined : tail.take(bytes, newline + 1, stop, offset, terminated);
      if (line !== undefined && !(isFirst && line.position.length === 0)) yield line;
      isFirst = false;
      terminated = true;
      stop = newline;
      newline = newline === 0 ? -1 : bytes.lastIndexOf(NEWLINE, newline - 1);
    }
    tail.keep(bytes, stop);
  }
  const line = tail.take(EMPTY, 0, 0, 0, terminated);
  if (line !== undefined && (terminated || line.position.length > 0)) yield line;
}

/** The first of the newlines that stand there side by side. */
function startOfRun(bytes: Buffer, newline: number): number {
  let first = newline;
  while (first > 0 && bytes[first - 1] === NEWLINE) first -= 1;
  return first;
}

/** The end of a line whose beginning lies in a chunk still to come. */
class Tail {
  readonly #maxLineBytes: number;
  readonly #select: Select | undefined;
  readonly #bytes = new Gather("prepend");
  #length = 0;

  constructor(options: ReverseOptions) {
    this.#maxLineBytes = options.maxLineBytes ?? MAX_LINE_BYTES;
    this.#select = options.select;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Keeps a copy of what a chunk holds before its first `\n`. */
  keep(chunk: Buffer, stop: number): void {
    if (this.#length === 0) this.#bytes.clear();
    this.#length += stop;
    if (this.#length > this.#maxLineBytes) this.#bytes.clear();
    else this.#bytes.add(chunk, 0, stop);
  }

  /** The line that begins at `start` of the chunk and goes on in what was kept; undefined when it is not wanted. */
  take(chunk: Buffer, start: number, stop: number, chunkOffset: number, terminated: boolean): Line | undefined {
    const kept = this.#length;
    const length = kept + stop - start;
    const position = { line: 0, offset: chunkOffset + start, length };
    this.#length = 0;
    if (length > this.#maxLineBytes) return { bytes: EMPTY, position, terminated, tooLong: true };
    if (kept === 0) {
      if (this.#select !== undefined && !this.#select(chunk, start, stop)) return undefined;
      return { bytes: chunk.subarray(start, stop), position, terminated };
    }
    this.#bytes.add(chunk, start, stop);
    const bytes = this.#bytes.view();
    return this.#select === undefined || this.#select(bytes, 0, length) ? { bytes, position, terminated } : undefined;
  }
}
