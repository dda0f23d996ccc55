/** What `show` and `tree` both say of where a thread comes from: the files of its history, and its prompt cache key. */
import { RolloutError } from "../errors.ts";
import {
  type LineageChain,
  lineageChain,
  LineageError,
  type LineageFault,
  type LineageOptions,
} from "../readers/lineage.ts";
import type { Home } from "../readers/home.ts";
import type { CacheKey } from "../thread/family.ts";

/** Of which rollouts the history of a thread is made, or why that cannot be told. */
export type FollowedHistory =
  | { readonly ok: true; readonly chain: LineageChain }
  | { readonly ok: false; readonly fault: LineageFault | undefined; readonly message: string };

/** What is wrong with the history is part of the answer. Reads the heads of the files that this one continues. */
export function followHistory(home: Home | undefined, path: string, options: LineageOptions): FollowedHistory {
  try {
    return { ok: true, chain: lineageChain(home, path, options) };
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return { ok: false, fault: error instanceof LineageError ? error.fault : undefined, message: error.message };
  }
}

/** Which key it is, in words (rollout-format §5.10). */
export const CACHE_RULES: Readonly<Record<CacheKey["rule"], string>> = {
  "own-session": "its own session",
  "shared-session": "the session it shares with its root",
  thread: "its own id, for want of a session",
  fresh: "an agent without a session gets a new one at every resume",
  "no-metadata": "no metadata",
};
