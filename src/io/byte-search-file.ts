/**
 * A file on its way into a search: read straight to where it is searched, with as little around it as there can be, since a
 * home has thousands of files and most of them hold nothing that is looked for.
 */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { errnoOf } from "../errors.ts";
import { fileError, readAt } from "./files.ts";

/** A plain file that is read from front to back once. */
export class SearchedFile {
  readonly path: string;
  readonly #fd: number;
  #offset = 0;
  #isOver = false;

  /** Opens what was a regular file when its folder was listed, and does not wait should it be a pipe by now. */
  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Undefined for what is not there. @throws RolloutError `unreadable`, `not-a-file`. */
  static open(path: string): SearchedFile | undefined {
    try {
      return new SearchedFile(path, openSync(path, constants.O_RDONLY | NEVER_WAIT));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw fileError(error, "read", path);
    }
  }

  /** The next bytes, at most as many as fit; 0 at the end. */
  put(target: Buffer): number {
    if (this.#isOver) return 0;
    try {
      const count = readSync(this.#fd, target, 0, target.length, this.#offset);
      this.#offset += count;
      // A regular file gives less than it is asked for only at its end: no need to ask once more.
      this.#isOver = count < target.length;
      return count;
    } catch (error) {
      throw fileError(error, "read", this.path);
    }
  }

  /** How far `put` has come. */
  get bytesRead(): number {
    return this.#offset;
  }

  /** `put` begins at the front once more. */
  rewind(): void {
    this.#offset = 0;
    this.#isOver = false;
  }

  /** Bytes from a place that `put` has passed. */
  again(target: Buffer, from: number): number {
    const wanted = Math.min(target.length, this.#offset - from);
    return wanted > 0 ? readAt(this.#fd, target.subarray(0, wanted), from, this.path) : 0;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Windows knows no such flag. */
const NEVER_WAIT = constants.O_NONBLOCK ?? 0;
