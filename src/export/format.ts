/**
 * What a format of tables is: something that takes the rows of one table of one month, and gives out the bytes of a file. `parquet.ts`,
 * `jsonl.ts` and `csv.ts` are each one; `formats.ts` lists them.
 */
import type { Column } from "./schema.ts";

export type Cell = string | number | boolean | null;
/** As the schema says of its table; timestamps in microseconds. */
export type Row = Readonly<Record<string, Cell>>;

export interface RowWriter {
  add(row: Row): void;
  /** Gives out what is left. Nothing can be added after it. */
  finish(): void;
}

export interface FileKind {
  readonly table: string;
  readonly columns: readonly Column[];
  /** What a file says of itself, where the format has room for it. */
  readonly about: Readonly<Record<string, string>>;
}

/** Takes bytes in their order. They may be overwritten once it has returned. */
export type ByteSink = (bytes: Uint8Array) => void;

export interface TableFormat {
  /** Without its dot. */
  readonly extension: string;
  open(kind: FileKind, sink: ByteSink): RowWriter;
}

/** Milliseconds that a number of microseconds is, as a time that every reader takes: `2026-11-21T12:04:00.123Z`. */
export function isoTime(micros: number): string {
  return new Date(micros / 1000).toISOString();
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** Text as UTF-8 can hold it: halves of a pair that stand alone become U+FFFD. */
export function wellFormed(text: string): string {
  return LONE_SURROGATE.test(text) ? text.replace(LONE_SURROGATES, "\ufffd") : text;
}

/** Given out at a time. In UTF-16 units of text, which are at most three bytes each. */
const CHUNK_LENGTH = 1 << 18;

/** Text in large pieces, for the formats of lines. */
export class TextOutput {
  readonly #sink: ByteSink;
  #text = "";

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  write(text: string): void {
    // Two long texts together could be longer than a string may be.
    if (text.length >= CHUNK_LENGTH) {
      this.flush();
      this.#sink(Buffer.from(text));
      return;
    }
    this.#text += text;
    if (this.#text.length >= CHUNK_LENGTH) this.flush();
  }

  flush(): void {
    if (this.#text !== "") this.#sink(Buffer.from(this.#text));
    this.#text = "";
  }
}
