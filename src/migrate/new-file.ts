/**
 * The file that a conversion makes, and beside it the side file with the lines that are not in it. Both are written as they come, in
 * pieces; a line is never joined with anything, however long it is.
 */
import { encodeLine } from "../format/encode.ts";
import type { RolloutRecord } from "../format/record.ts";
import { writeFully } from "../io/files.ts";
import type { KeepingSink } from "./conversion.ts";

const PIECE_BYTES = 1 << 16;

/** Bytes to a descriptor; small ones are gathered. */
export class FileWriter {
  readonly #fd: number;
  #pieces: Buffer[] = [];
  #gathered = 0;
  #written = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** So far, with what is still gathered. */
  get bytes(): number {
    return this.#written + this.#gathered;
  }

  write(...pieces: readonly (Buffer | string)[]): void {
    for (const piece of pieces) {
      const bytes = typeof piece === "string" ? Buffer.from(piece) : Buffer.from(piece);
      this.#pieces.push(bytes);
      this.#gathered += bytes.length;
    }
    if (this.#gathered >= PIECE_BYTES) this.flush();
  }

  flush(): void {
    const [only] = this.#pieces;
    if (only === undefined) return;
    writeFully(this.#fd, this.#pieces.length === 1 ? only : Buffer.concat(this.#pieces));
    this.#written += this.#gathered;
    this.#gathered = 0;
    this.#pieces = [];
  }
}

export interface NewFileOptions {
  /** Of the new file. */
  readonly target: FileWriter;
  /** Made when the first line is set aside. */
  readonly side: () => FileWriter;
  /** Lines of the new form have them. */
  readonly hasOrdinals: boolean;
}

export class NewFile implements KeepingSink {
  readonly #options: NewFileOptions;
  readonly #notes: string[] = [];
  #side: FileWriter | undefined;
  lines = 0;
  linesAside = 0;

  constructor(options: NewFileOptions) {
    this.#options = options;
  }

  get notes(): readonly string[] {
    return this.#notes;
  }

  record(record: RolloutRecord): void {
    const { ordinal: _ordinal, ...plain } = record;
    this.#options.target.write(encodeLine({ ...plain, ...this.#ordinal() }), "\n");
    this.lines += 1;
  }

  keep(record: RolloutRecord, line: Buffer): void {
    const parts = this.#options.hasOrdinals ? withOrdinal(record, line, this.lines) : withoutOrdinal(record, line);
    if (parts === undefined) return this.record(record);
    this.#options.target.write(...parts, "\n");
    this.lines += 1;
  }

  aside(line: Buffer, why: string, number?: number): void {
    const side = (this.#side ??= this.#options.side());
    const head = `{${number === undefined ? "" : `"line":${number},`}"why":${JSON.stringify(why)},`;
    if (isJsonLine(line)) side.write(head, '"record":', line, "}\n");
    else side.write(head, '"base64":"', ...base64Of(line), '"}\n');
    this.linesAside += 1;
  }

  note(words: string): void {
    this.#notes.push(words);
  }

  finish(): void {
    this.#options.target.flush();
    this.#side?.flush();
  }

  #ordinal(): { readonly ordinal?: number } {
    return this.#options.hasOrdinals ? { ordinal: this.lines } : {};
  }
}

/** What all writers begin a line with: the time, then maybe an ordinal. */
const HEAD = /^\{"timestamp":"[^"\\]*",(?:"ordinal":(\d+),)?"type":"/;
const HEAD_BYTES = 256;

/** Undefined for a line of another shape that has an ordinal already. */
export function withOrdinal(
  record: RolloutRecord,
  line: Buffer,
  ordinal: number,
): readonly (Buffer | string)[] | undefined {
  const bytes = trimmed(line);
  const [head] = HEAD.exec(bytes.toString("latin1", 0, HEAD_BYTES)) ?? [];
  if (head !== undefined) {
    const time = head.indexOf('",', '{"timestamp":"'.length) + 2;
    return [bytes.subarray(0, time), `"ordinal":${ordinal},`, bytes.subarray(head.length - '"type":"'.length)];
  }
  return record.ordinal === undefined && bytes[0] === BRACE ? [`{"ordinal":${ordinal},`, bytes.subarray(1)] : undefined;
}

function withoutOrdinal(record: RolloutRecord, line: Buffer): readonly Buffer[] | undefined {
  const bytes = trimmed(line);
  if (record.ordinal === undefined) return [bytes];
  const [head] = HEAD.exec(bytes.toString("latin1", 0, HEAD_BYTES)) ?? [];
  if (head === undefined) return undefined;
  const time = head.indexOf('",', '{"timestamp":"'.length) + 2;
  return [bytes.subarray(0, time), bytes.subarray(head.length - '"type":"'.length)];
}

const BRACE = 0x7b;
const BLANKS: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0d, 0x0a]);

function trimmed(line: Buffer): Buffer {
  let [start, end] = [0, line.length];
  while (BLANKS.has(line[start])) start += 1;
  while (BLANKS.has(line[end - 1])) end -= 1;
  return line.subarray(start, end);
}

const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isJsonLine(line: Buffer): boolean {
  try {
    JSON.parse(fromUtf8.decode(line));
    return !line.includes("\n");
  } catch {
    return false;
  }
}

/** A multiple of three, so that the pieces join. */
const BASE64_BYTES = 3 << 20;

function* base64Of(line: Buffer): Generator<string> {
  for (let at = 0; at < line.length; at += BASE64_BYTES) yield line.toString("base64", at, at + BASE64_BYTES);
}
