/**
 * The price table that a user gives to `stats tokens`: JSON, by name of the model. None is built in, since prices change and
 * differ by contract.
 *
 *     { "currency": "USD", "per": 1000000,
 *       "models": { "gpt-5.1-codex": { "input": 1.25, "cached_input": 0.125, "output": 10 }, "gpt-5*": { … } } }
 */
import { RolloutError } from "../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue, ownValue } from "../format/json.ts";
import type { TokenUsage } from "../format/record.ts";

/** For `per` tokens. */
export interface ModelPrice {
  /** Of input that was not cached. */
  readonly input: number;
  /** Of cached input; `input` where the table does not say. */
  readonly cachedInput: number;
  /** Of input written to the cache, which then does not count as `input`; `input` where the table does not say. */
  readonly cacheWrite: number;
  /** Of output, reasoning included. */
  readonly output: number;
}

export interface PriceTable {
  /** Printed beside the sums; at most 12 characters. */
  readonly currency: string;
  readonly per: number;
  readonly models: ReadonlyMap<string, ModelPrice>;
}

/** @throws RolloutError `usage` that names what is wrong with the table. */
export function parsePrices(text: string, path: string): PriceTable {
  const table = parseObject(text, path);
  const currency = ownValue(table, "currency") ?? "USD";
  if (typeof currency !== "string" || !/^[\p{L}\p{Sc} ]{1,12}$/u.test(currency))
    throw wrong("currency is no name", path);
  const per = ownValue(table, "per") ?? 1_000_000;
  if (typeof per !== "number" || !(per > 0)) throw wrong("per is no number of tokens", path);
  const given = ownValue(table, "models");
  if (!isJsonObject(given)) throw wrong("it has no object models", path);
  const models = new Map(Object.entries(given).map(([name, price]) => [name, priceOf(name, price, path)] as const));
  return { currency, per, models };
}

function parseObject(text: string, path: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong("it is not JSON", path);
  }
  if (!isJsonObject(value)) throw wrong("it is not a JSON object", path);
  return value;
}

function priceOf(name: string, given: JsonValue | undefined, path: string): ModelPrice {
  const label = JSON.stringify(name.slice(0, 60));
  if (!isJsonObject(given)) throw wrong(`the price of ${label} is not an object`, path);
  const known = ["input", "cached_input", "cache_write_input", "output"];
  const stranger = Object.keys(given).find((key) => !known.includes(key));
  if (stranger !== undefined) {
    throw wrong(`the price of ${label} has an unknown member ${JSON.stringify(stranger.slice(0, 60))}`, path);
  }
  const read = (key: string): number | undefined => {
    const value = ownValue(given, key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && value >= 0 && Number.isFinite(value)) return value;
    throw wrong(`the price of ${label} has no number in ${key}`, path);
  };
  const [input, output] = [read("input"), read("output")];
  if (input === undefined || output === undefined) throw wrong(`the price of ${label} lacks input or output`, path);
  return { input, cachedInput: read("cached_input") ?? input, cacheWrite: read("cache_write_input") ?? input, output };
}

function wrong(what: string, path: string): RolloutError {
  return new RolloutError("usage", `the price table cannot be used: ${what}`, {
    path,
    hint: 'such as {"models": {"gpt-5*": {"input": 1.25, "cached_input": 0.125, "output": 10}}}, per million tokens',
  });
}

/** The entry of that name, else the longest one that ends with `*` and fits. */
export function priceOfModel({ models }: PriceTable, model: string): ModelPrice | undefined {
  const exact = models.get(model);
  if (exact !== undefined) return exact;
  let best: string | undefined;
  for (const name of models.keys()) {
    const fits = name.endsWith("*") && model.startsWith(name.slice(0, -1));
    if (fits && name.length > (best?.length ?? 0)) best = name;
  }
  return best === undefined ? undefined : models.get(best);
}

/** In the currency of the table; undefined when it has no price for the model. */
export function costOf(usage: TokenUsage, model: string, prices: PriceTable | undefined): number | undefined {
  const price = prices && priceOfModel(prices, model);
  if (prices === undefined || price === undefined) return undefined;
  const { cached_input_tokens: cached, cache_write_input_tokens: written = 0 } = usage;
  const fresh = Math.max(0, usage.input_tokens - cached - written);
  const sum =
    fresh * price.input + cached * price.cachedInput + written * price.cacheWrite + usage.output_tokens * price.output;
  return sum / prices.per;
}
