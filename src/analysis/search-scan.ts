/**
 * First station of a file in a search: whether its bytes hold anything that may be what is looked for. Most files of a home end
 * here, so nothing is loaded that reads more of a rollout than that; what goes on from there is `search-file.ts`.
 */
import { RolloutError } from "../errors.ts";
import { type BytePattern, ByteSearch, MAX_PATTERN_BYTES } from "../io/byte-search.ts";
import { type Input, PlainInput, ROOM_BYTES } from "./search-plain.ts";

/** `other`: not there under this name, or compressed. An input: at the front of a file that holds something; to be closed. */
export type Scanned = "nothing" | "other" | Input | RolloutError;

/** Scans one file after the other with the same memory, which whoever goes on uses in between. */
export class FileScanner {
  /** On disk, of all files that are closed again. */
  bytes = 0;
  /** Up to the end of the chunk in which the last file was found to hold something. */
  reachedBytes = 0;
  readonly search: ByteSearch;
  readonly #target: Buffer;
  /** Bytes of a chunk in which a match may begin that ends in the next one. */
  readonly #overlap: number;

  /** At least one pattern. */
  constructor(patterns: readonly BytePattern[]) {
    this.search = new ByteSearch(patterns, ROOM_BYTES);
    this.#target = this.search.buffer.subarray(MAX_PATTERN_BYTES, ROOM_BYTES);
    this.#overlap = Math.max(...patterns.map(({ wanted }) => wanted.length)) - 1;
  }

  /** The error is what kept the file from being read. */
  scan(path: string): Scanned {
    if (path.endsWith(".zst")) return "other";
    let input: PlainInput | undefined;
    try {
      input = PlainInput.open(path);
      if (input === undefined) return "other";
      if (this.#holds(input)) {
        this.reachedBytes = input.bytes();
        input.rewind();
        return input;
      }
      if (!input.isCompressed) this.bytes += input.bytes();
      input.close();
      return input.isCompressed ? "other" : "nothing";
    } catch (error) {
      input?.close();
      if (error instanceof RolloutError && error.code !== "internal") return error;
      throw error;
    }
  }

  /** Lines are of no matter yet: to keep account of them takes as long as it takes to search them. */
  #holds(input: PlainInput): boolean {
    const { buffer } = this.search;
    let carried = 0;
    for (let length = input.put(this.#target); length > 0; length = input.put(this.#target)) {
      const end = MAX_PATTERN_BYTES + length;
      this.search.begin(end);
      if (this.search.next(MAX_PATTERN_BYTES - carried) !== -1) return true;
      carried = Math.min(this.#overlap, carried + length);
      buffer.copyWithin(MAX_PATTERN_BYTES - carried, end - carried, end);
    }
    return false;
  }
}
