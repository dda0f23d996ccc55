/** The bytes of any other rollout on their way into a search, compressed or under another name: as `readers/rollout.ts` opens it. */
import { GENERATION_HEAD_BYTES } from "../readers/generation.ts";
import { openRollout } from "../readers/rollout.ts";
import { CHUNK_BYTES, type Input } from "./search-plain.ts";

/** @throws RolloutError as `openRollout` does. The caller closes it. */
export function openInput(path: string): Input {
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
    head: (bytes) => (head ?? Buffer.alloc(0)).subarray(0, bytes),
    failure: () => reader.failure?.message,
    bytes: () => reader.sizeBytes,
    close: () => reader.close(),
  };
}
