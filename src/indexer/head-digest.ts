/** The digest of a file's first bytes, taken while somebody else reads it: how the next run knows the file again (`manifest.ts`). */
import { shortDigest } from "../io/digest.ts";
import { HEAD_BYTES } from "./manifest.ts";

/** Stands between a reader and whoever reads from it. */
export class HeadDigest {
  value = "";
  readonly #sawRecord: () => boolean;

  constructor(sawRecord: () => boolean) {
    this.#sawRecord = sawRecord;
  }

  /** Ends early where nothing has turned up for so long that this is no rollout, however long it goes on. */
  *of(chunks: Iterable<Buffer>): Generator<Buffer> {
    let bytes = 0;
    for (const chunk of chunks) {
      if (this.value === "") this.value = shortDigest(chunk.subarray(0, HEAD_BYTES));
      yield chunk;
      bytes += chunk.length;
      if (bytes > MAX_BYTES_WITHOUT_RECORD && !this.#sawRecord()) return;
    }
  }
}

/** The first record of a real rollout, its metadata, has some kilobytes; pictures can make a line longer than that, not this long. */
const MAX_BYTES_WITHOUT_RECORD = 512 * 1024 * 1024;
