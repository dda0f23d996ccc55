/** Shapes of token counts and rate limits (rollout-format §3.7, §3.9.1). Parts of the tables that `decode.ts` runs. */
import type { TokenUsageInfo } from "./event.ts";
import type { JsonObject } from "./json.ts";
import type { TokenUsage } from "./parts.ts";
import { flag, float, i32, i64, text } from "./scalars.ts";
import { anyObject, byDefault, type Check, complain, either, may, need, newer, object, oneOf } from "./shape.ts";

export const usage: Check<TokenUsage> = object<TokenUsage>({
  input_tokens: need(i64),
  cached_input_tokens: need(i64),
  cache_write_input_tokens: newer(byDefault(i64)),
  output_tokens: need(i64),
  reasoning_output_tokens: need(i64),
  total_tokens: need(i64),
});

const rateWindow = object<JsonObject>({ used_percent: need(float), window_minutes: may(i64), resets_at: may(i64) });

/** `{name: null}`, the long way to write a word. */
const bareVariant: Check<JsonObject> = (value, judge) => {
  const complaint = anyObject(value, judge);
  if (complaint !== undefined) return complaint;
  return Object.keys(value as JsonObject).length === 1 ? undefined : complain("does not have exactly one key");
};

export const rateLimits = object<JsonObject>({
  limit_id: may(text),
  limit_name: may(text),
  primary: may(rateWindow),
  secondary: may(rateWindow),
  credits: may(object<JsonObject>({ has_credits: need(flag), unlimited: need(flag), balance: may(text) })),
  individual_limit: may(
    object<JsonObject>({ limit: need(text), used: need(text), remaining_percent: need(i32), resets_at: need(i64) }),
  ),
  spend_control_reached: newer(may(flag)),
  plan_type: may(either(text, bareVariant)),
  rate_limit_reached_type: may(
    oneOf(
      "rate_limit_reached",
      "workspace_owner_credits_depleted",
      "workspace_member_credits_depleted",
      "workspace_owner_usage_limit_reached",
      "workspace_member_usage_limit_reached",
    ),
  ),
});

export const usageInfo = object<TokenUsageInfo>({
  total_token_usage: need(usage),
  last_token_usage: need(usage),
  model_context_window: may(i64),
  last_usage_includes_reasoning: newer(may(flag)),
});
