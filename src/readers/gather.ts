/**
 * The bytes of one long line, gathered from the chunks it is spread over. Used by the splitters of both directions.
 *
 * One allocation that grows by the factor four: what lies beyond the bytes gathered is never touched and so costs no
 * memory, and growing copies each byte a third of a time on average. A list of copies joined at the end would hold
 * every line twice.
 */
const FIRST_BYTES = 64 * 1024;
const GROWTH = 4;
/** A larger allocation is not kept for the next line. */
const KEEP_BYTES = 1024 * 1024;
const EMPTY = Buffer.alloc(0);

export class Gather {
  length = 0;
  #buffer = EMPTY;
  readonly #side: "append" | "prepend";

  /** `prepend` gathers from the last piece to the first. */
  constructor(side: "append" | "prepend") {
    this.#side = side;
  }

  /** Takes a copy of the bytes of `chunk` from `start` to `end`. */
  add(chunk: Buffer, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.#buffer.length) this.#grow(length);
    chunk.copy(this.#buffer, this.#side === "append" ? this.length : this.#buffer.length - length, start, end);
    this.length = length;
  }

  /** What was gathered, as a view that is valid until something is added. */
  view(): Buffer {
    return this.#side === "append"
      ? this.#buffer.subarray(0, this.length)
      : this.#buffer.subarray(this.#buffer.length - this.length);
  }

  clear(): void {
    this.length = 0;
    if (this.#buffer.length > KEEP_BYTES) this.#buffer = EMPTY;
  }

  #grow(length: number): void {
    let size = Math.max(FIRST_BYTES, this.#buffer.length);
    while (size < length) size *= GROWTH;
    const buffer = Buffer.allocUnsafeSlow(size);
    this.view().copy(buffer, this.#side === "append" ? 0 : size - this.length);
    this.#buffer = buffer;
  }
}
