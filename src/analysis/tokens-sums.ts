/** Sums of token counts, their shares, and what they cost by a price table. Pure arithmetic of `tokens.ts`. */
import type { TokenUsage } from "../format/record.ts";
import type { PriceTable } from "./tokens-prices.ts";

/** In tokens. Cached, and written to the cache, are parts of input; reasoning is a part of output (rollout-format §3.7). */
export interface TokenSums {
  readonly responses: number;
  readonly input: number;
  readonly cached: number;
  readonly cacheWrite: number;
  readonly output: number;
  readonly reasoning: number;
  /** Input and output. */
  readonly total: number;
  /** Cached part of the input, 0 to 1; null without input. */
  readonly cachedShare: number | null;
  /** Reasoning part of the output, 0 to 1; null without output. */
  readonly reasoningShare: number | null;
  /** In the currency of the price table; null without one, and where it has no price for any of the models. */
  readonly cost: number | null;
  /** Responses of models that the table has no price for; 0 without a table. */
  readonly unpriced: number;
}

/** The mutable draft of a `TokenSums`. */
export class TokenTally {
  responses = 0;
  input = 0;
  cached = 0;
  cacheWrite = 0;
  output = 0;
  reasoning = 0;
  cost = 0;
  priced = 0;

  add(usage: TokenUsage, cost: number | undefined): void {
    this.responses += 1;
    this.input += usage.input_tokens;
    this.cached += usage.cached_input_tokens;
    this.cacheWrite += usage.cache_write_input_tokens ?? 0;
    this.output += usage.output_tokens;
    this.reasoning += usage.reasoning_output_tokens;
    if (cost === undefined) return;
    this.cost += cost;
    this.priced += 1;
  }

  sums(prices: PriceTable | undefined): TokenSums {
    const { responses, input, cached, cacheWrite, output, reasoning } = this;
    return {
      responses,
      input,
      cached,
      cacheWrite,
      output,
      reasoning,
      total: input + output,
      cachedShare: input > 0 ? cached / input : null,
      reasoningShare: output > 0 ? reasoning / output : null,
      cost: this.priced > 0 ? this.cost : null,
      unpriced: prices === undefined ? 0 : responses - this.priced,
    };
  }
}
