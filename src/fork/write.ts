/**
 * Lines to the new file: copied ones as the bytes that they are, but for the time and the ordinal on their envelope, which are
 * this file's own (rollout-format §7.2). Memory is one buffer, whatever the size of the source.
 */
import { RolloutError } from "../errors.ts";
import { decodeLine } from "../format/decode.ts";
import { encodeLine } from "../format/encode.ts";
import type { RolloutRecord } from "../format/record.ts";
import { writeFully } from "../io/files.ts";
import type { NewThread } from "./identity.ts";
import type { Draft } from "./meta.ts";

const BUFFER_BYTES = 1024 * 1024;
const NEWLINE = Buffer.from("\n");
/** More than the envelope's beginning ever takes. */
const HEAD_BYTES = 96;
/** As every writer begins a line; what begins otherwise is written anew from its record. */
const HEAD = /^\{"timestamp":"[^"\\]{1,40}",(?:"ordinal":\d{1,16},)?(?="type":")/;

export class RolloutWriter {
  readonly #fd: number;
  readonly #path: string;
  readonly #timestamp: string;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #filled = 0;
  #ordinal: number | undefined;
  #bytesWritten = 0;

  /** `ordinal`: of the first line; undefined for a file without ordinals. */
  constructor(fd: number, { path, timestamp }: NewThread, ordinal: number | undefined) {
    this.#fd = fd;
    this.#path = path;
    this.#timestamp = timestamp;
    this.#ordinal = ordinal;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  record(draft: Draft | RolloutRecord): void {
    const ordinal = this.#ordinal === undefined ? {} : { ordinal: this.#ordinal };
    this.#line(Buffer.from(encoded({ ...draft, timestamp: this.#timestamp, ...ordinal })));
  }

  /** False when the line could not be given a time and an ordinal, and was not written: it is no record. */
  copy(bytes: Buffer): boolean {
    const head = HEAD.exec(bytes.toString("latin1", 0, HEAD_BYTES))?.[0];
    if (head !== undefined) {
      this.#line(Buffer.from(this.#head()), bytes.subarray(head.length));
      return true;
    }
    const entry = decodeLine(bytes, { line: 0, offset: 0, length: bytes.length });
    if (entry.ok) this.record(entry.record);
    return entry.ok;
  }

  #head(): string {
    const ordinal = this.#ordinal === undefined ? "" : `"ordinal":${this.#ordinal},`;
    return `{"timestamp":"${this.#timestamp}",${ordinal}`;
  }

  flush(): void {
    writeFully(this.#fd, this.#buffer.subarray(0, this.#filled), null, this.#path);
    this.#filled = 0;
  }

  #line(...parts: readonly Buffer[]): void {
    for (const part of parts) this.#put(part);
    this.#put(NEWLINE);
    if (this.#ordinal !== undefined) this.#ordinal += 1;
  }

  #put(bytes: Buffer): void {
    if (this.#filled + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) writeFully(this.#fd, bytes, null, this.#path);
    else this.#filled += bytes.copy(this.#buffer, this.#filled);
    this.#bytesWritten += bytes.length;
  }
}

function encoded(record: RolloutRecord): string {
  try {
    return encodeLine(record);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RolloutError("unsupported", "a record of the source is nested too deeply to be written", {
      cause: error,
    });
  }
}
