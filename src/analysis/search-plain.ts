/** A plain rollout on its way into a search: read straight to where it is searched, since a copy would take as long as the search. */
import { MAX_PATTERN_BYTES } from "../io/byte-search.ts";
import { SearchedFile } from "../io/byte-search-file.ts";
import { isZstd } from "../io/zstd.ts";

/** Largest chunk that may be given: with it the search needs `ROOM_BYTES`. */
export const CHUNK_BYTES = 256 * 1024;
/** Room for a chunk, and in front of it for the end of the chunk before, in which a match may have begun. */
export const ROOM_BYTES = MAX_PATTERN_BYTES + CHUNK_BYTES;

/** The bytes of a file from front to back. */
export interface Source {
  /** Puts the next bytes to the place given, at most as many as fit, and returns how many they are; 0 at the end. */
  readonly put: (target: Buffer) => number;
}

export interface Input extends Source {
  /** The first bytes of the plain stream, by which its generation is told; at most so many; asked for only where something is found. */
  readonly head: (bytes: number) => Buffer;
  /** What a compressed stream broke at, once all of it was given. */
  readonly failure: () => string | undefined;
  /** On disk; of a plain file as far as it was read. */
  readonly bytes: () => number;
  readonly close: () => void;
}

const MAGIC_BYTES = 4;

export class PlainInput implements Input {
  /** Told by the first bytes, whatever the name says: then none of them is given. */
  isCompressed = false;
  readonly #file: SearchedFile;
  #isBegun = false;
  #isClosed = false;

  private constructor(file: SearchedFile) {
    this.#file = file;
  }

  /** Undefined for what is not there. @throws RolloutError as `SearchedFile` does. */
  static open(path: string): PlainInput | undefined {
    const file = SearchedFile.open(path);
    return file && new PlainInput(file);
  }

  put(target: Buffer): number {
    const count = this.#file.put(target);
    if (this.#isBegun) return count;
    this.#isBegun = true;
    this.isCompressed = isZstd(target.subarray(0, Math.min(MAGIC_BYTES, count)));
    return this.isCompressed ? 0 : count;
  }

  /** Begins at the front once more. */
  rewind(): void {
    this.#file.rewind();
  }

  head(bytes: number): Buffer {
    const buffer = Buffer.allocUnsafe(bytes);
    return buffer.subarray(0, this.#file.again(buffer, 0));
  }

  failure(): undefined {
    return undefined;
  }

  bytes(): number {
    return this.#file.bytesRead;
  }

  close(): void {
    if (!this.#isClosed) this.#file.close();
    this.#isClosed = true;
  }
}
