/**
 * Which part of a home's threads one run exports. The same thread is in the same part on every machine and in every release, so
 * that a scheduler can spread a home, and a run that failed can be repeated alone.
 */

export interface Shard {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

export const WHOLE: Shard = { index: 0, count: 1 };

const MAX_COUNT = 10_000;

/** `0/4` to `3/4`; undefined for all else. */
export function parseShard(text: string): Shard | undefined {
  const [, index = "", count = ""] = /^(\d{1,5})\/(\d{1,5})$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  return count !== "" && shard.index < shard.count && shard.count <= MAX_COUNT ? shard : undefined;
}

/** FNV-1a of 32 bits over the bytes of the id in lower case, modulo the number of parts. */
export function shardOf(threadId: string, count: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(threadId.toLowerCase())) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % count;
}

export function isInShard(threadId: string, { index, count }: Shard): boolean {
  return count === 1 || shardOf(threadId, count) === index;
}
