/**
 * What a `token_count` tells that those before it did not: its sum is compared with theirs (rollout-format §3.9.1). A part of the
 * ladder of `tokens-file.ts`.
 */
import type { TokenUsageInfo } from "../format/event.ts";
import { parseTimestamp } from "../format/names.ts";
import type { TokenUsage } from "../format/record.ts";
import { readRollout } from "../readers/rollout.ts";

/**
 * `new`: a response, its usage in `last`. `repeated`: the sum stands where it stood. `estimate`: no response, but what is thought
 * to be left in the window. `lost`: what the sum has grown by beyond the last response.
 */
export interface CountVerdict {
  readonly kind: "new" | "repeated" | "estimate";
  readonly lost: TokenUsage | undefined;
}

/** Follows the sum of one thread. */
export class SumWatch {
  #total: TokenUsage | undefined;

  /** Null: a process has just begun, and has no sum yet. */
  take(info: TokenUsageInfo | null | undefined): CountVerdict | undefined {
    const before = this.#total;
    this.#total = info?.total_token_usage;
    if (info == null) return undefined;
    const { total_token_usage: total, last_token_usage: last } = info;
    if (before !== undefined && isSameUsage(total, before)) return { kind: "repeated", lost: undefined };
    const lost = before === undefined ? undefined : growthBeyond(before, total, last);
    return { kind: tokensOf(last) === 0 ? "estimate" : "new", lost };
  }
}

/** Input and output; the written total of an estimate has neither. */
export function tokensOf({ input_tokens: input, output_tokens: output }: TokenUsage): number {
  return input + output;
}

/** The same for the same figures. */
export function usageKey(usage: TokenUsage): string {
  const { input_tokens: input, cached_input_tokens: cached, output_tokens: output } = usage;
  return `${input}/${cached}/${output}/${usage.reasoning_output_tokens}`;
}

/** Whether `usageKey` is the same for both. */
export function isSameUsage(one: TokenUsage, other: TokenUsage): boolean {
  return (
    one.input_tokens === other.input_tokens &&
    one.output_tokens === other.output_tokens &&
    one.cached_input_tokens === other.cached_input_tokens &&
    one.reasoning_output_tokens === other.reasoning_output_tokens
  );
}

/** A count as it is found again in a copy. */
export function countKey({ total_token_usage: total, last_token_usage: last }: TokenUsageInfo): string {
  return `${usageKey(total)} ${usageKey(last)}`;
}

/** What a sum grew by beyond the last response; undefined where it did not, or began anew. */
function growthBeyond(before: TokenUsage, total: TokenUsage, last: TokenUsage): TokenUsage | undefined {
  const growth = (key: keyof TokenUsage): number => (total[key] ?? 0) - (before[key] ?? 0) - (last[key] ?? 0);
  const [input, output] = [growth("input_tokens"), growth("output_tokens")];
  // Of nearly every count.
  if (input + output <= 0) return undefined;
  const lost = {
    input_tokens: input,
    cached_input_tokens: growth("cached_input_tokens"),
    cache_write_input_tokens: growth("cache_write_input_tokens"),
    output_tokens: output,
    reasoning_output_tokens: growth("reasoning_output_tokens"),
    total_tokens: input + output,
  };
  return Object.values(lost).every((value) => value >= 0) && lost.total_tokens > 0 ? lost : undefined;
}

const COUNTS: ReadonlySet<string> = new Set(["event_msg/token_count"]);

/** The counts of a source that are responses, by their keys, as far as they were written when it was copied. */
export function* sourceCounts(path: string, copiedAtMs: number | undefined): Generator<string> {
  const watch = new SumWatch();
  for (const entry of readRollout(path, { kinds: COUNTS, skipEmpty: true })) {
    if (!entry.ok || entry.record.type !== "event_msg" || entry.record.payload.type !== "token_count") continue;
    const writtenMs = parseTimestamp(entry.record.timestamp);
    if (copiedAtMs !== undefined && writtenMs !== undefined && writtenMs > copiedAtMs) return;
    const { info } = entry.record.payload;
    if (watch.take(info)?.kind === "new" && info != null) yield countKey(info);
  }
}
