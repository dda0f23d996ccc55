/** Writes one file through a large buffer: lines, or a stretch copied from another file. */
import { closeSync, openSync, readSync, writeSync } from "node:fs";

import { RolloutError } from "../errors.ts";

const BUFFER_BYTES = 4 * 1024 * 1024;
/** Most that one UTF-16 unit comes to in UTF-8. */
const UNIT_BYTES = 3;

/** Shared by all files of a run, one after the other. */
export class SynthWriter {
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #fd = -1;
  #used = 0;
  #flushed = 0;

  /** Bytes of the current file so far. */
  get bytes(): number {
    return this.#flushed + this.#used;
  }

  /** Begins a new file, which must not exist. */
  open(path: string): void {
    this.#fd = openSync(path, "wx", 0o600);
    this.#used = 0;
    this.#flushed = 0;
  }

  readonly line = (text: string): void => {
    if (this.#used + text.length * UNIT_BYTES > BUFFER_BYTES) this.#flush();
    if (text.length * UNIT_BYTES > BUFFER_BYTES) this.#write(Buffer.from(text));
    else this.#used += this.#buffer.write(text, this.#used);
  };

  /** Appends the first `bytes` bytes of another file. */
  copyFrom(path: string, bytes: number): void {
    const source = openSync(path, "r");
    try {
      for (let at = 0; at < bytes;) {
        if (this.#used === BUFFER_BYTES) this.#flush();
        const room = Math.min(bytes - at, BUFFER_BYTES - this.#used);
        const read = readSync(source, this.#buffer, this.#used, room, at);
        if (read === 0) throw new RolloutError("internal", "the copied file is shorter than it was", { path });
        this.#used += read;
        at += read;
      }
    } finally {
      closeSync(source);
    }
  }

  close(): void {
    this.#flush();
    closeSync(this.#fd);
    this.#fd = -1;
  }

  #flush(): void {
    this.#write(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }

  #write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
    this.#flushed += bytes.length;
  }
}
