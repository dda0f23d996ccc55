/**
 * Token usage of a thread as its records sum it up: one figure, taken from the newest record that has one
 * (rollout-format §3.7, §3.9.1). A fold like the others; where the tokens went is asked elsewhere.
 */
import type { Entry } from "../format/entry.ts";
import type { TokenUsage } from "../format/record.ts";

export interface ThreadUsage {
  /** Of the whole thread; a copied fork counts from its source's sum on. */
  readonly total: TokenUsage;
  /** Of the last response. */
  readonly last: TokenUsage;
  /** In tokens, as last told. */
  readonly modelContextWindow: number | undefined;
  /** Cached part of all input tokens, 0 to 1; undefined when there was no input. */
  readonly cachedShare: number | undefined;
}

/** Undefined when no record tells any. Needs records of the kinds `token_usage_record` and `event_msg/token_count`. */
export function usageOf(entries: Iterable<Entry>): ThreadUsage | undefined {
  let total: TokenUsage | undefined;
  let last: TokenUsage | undefined;
  let modelContextWindow: number | undefined;
  for (const entry of entries) {
    if (!entry.ok) continue;
    const { record } = entry;
    if (record.type === "token_usage_record") {
      total = record.payload.thread_token_usage;
      last = record.payload.usage;
    } else if (record.type === "event_msg" && record.payload.type === "token_count" && record.payload.info != null) {
      const { info } = record.payload;
      total = info.total_token_usage;
      last = info.last_token_usage;
      modelContextWindow = info.model_context_window ?? modelContextWindow;
    }
  }
  if (total === undefined || last === undefined) return undefined;
  const { input_tokens: input, cached_input_tokens: cached } = total;
  return { total, last, modelContextWindow, cachedShare: input > 0 ? cached / input : undefined };
}
