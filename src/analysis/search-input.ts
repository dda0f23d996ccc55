/**
 * The bytes of a rollout on their way into a search. A plain file is read straight to where it is searched, since a copy would
 * take as long as the search; a compressed one comes out of the decoder (`readers/bytes.ts`).
 */
import { SearchedFile } from "../io/byte-search-file.ts";
import { isZstd } from "../io/zstd.ts";
import { GENERATION_HEAD_BYTES } from "../readers/generation.ts";
import { openRollout } from "../readers/rollout.ts";
import { CHUNK_BYTES, type Source } from "./search-lines.ts";

export interface Input extends Source {
  /** The first bytes of the plain stream, by which its generation is told; asked for only where something is found. */
  readonly head: () => Buffer;
  /** What a compressed stream broke at, once all of it was given. */
  readonly failure: () => string | undefined;
  readonly close: () => void;
}

/** @throws RolloutError as `openRollout` does. The caller closes it. */
export function openInput(path: string): Input {
  const file = path.endsWith(".zst") ? undefined : SearchedFile.open(path);
  return file === undefined ? openAny(path) : plainInput(file);
}

/** A file whose name says that it is plain; if it is compressed all the same, that shows when its first bytes are there. */
function plainInput(file: SearchedFile): Input {
  let other: Input | undefined;
  let isBegun = false;
  const put = (target: Buffer): number => {
    if (other !== undefined) return other.put(target);
    const count = file.put(target);
    if (isBegun || !isZstd(target.subarray(0, Math.min(MAGIC_BYTES, count)))) {
      isBegun = true;
      return count;
    }
    other = openAny(file.path);
    return other.put(target);
  };
  const again = (target: Buffer, from: number): number => file.again(target, from);
  return {
    put,
    get again() {
      return other === undefined ? again : undefined;
    },
    head: () => {
      if (other !== undefined) return other.head();
      const bytes = Buffer.allocUnsafe(GENERATION_HEAD_BYTES);
      return bytes.subarray(0, file.again(bytes, 0));
    },
    failure: () => other?.failure(),
    close: () => {
      file.close();
      other?.close();
    },
  };
}

const MAGIC_BYTES = 4;

function openAny(path: string): Input {
  const reader = openRollout(path, { chunkBytes: CHUNK_BYTES });
  const chunks = reader.forward();
  let head: Buffer | undefined;
  const put = (target: Buffer): number => {
    const next = chunks.next();
    const chunk = next.done === true ? Buffer.alloc(0) : next.value;
    head ??= Buffer.from(chunk.subarray(0, GENERATION_HEAD_BYTES));
    return chunk.copy(target);
  };
  return {
    put,
    head: () => head ?? Buffer.alloc(0),
    failure: () => reader.failure?.message,
    close: () => reader.close(),
  };
}
