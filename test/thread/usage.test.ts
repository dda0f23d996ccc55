import { expect, test } from "vitest";
import { usageOf } from "../../src/thread/usage.ts";
import { entriesOf } from "./shorthand.ts";

const ID = "01a1fb9b-c0ad-7e90-b655-f5b7c29304d6";
const usage = (input: number, cached: number) => ({
  input_tokens: input,
  cached_input_tokens: cached,
  output_tokens: 1,
  reasoning_output_tokens: 0,
  total_tokens: input + 1,
});
const count = (input: number, cached: number) =>
  `RECORD ${JSON.stringify({
    type: "event_msg",
    payload: {
      type: "token_count",
      info: { total_token_usage: usage(input, cached), last_token_usage: usage(5, 0), model_context_window: 258_400 },
    },
  })}`;
const record = (input: number, cached: number) =>
  `RECORD ${JSON.stringify({
    type: "token_usage_record",
    payload: {
      thread_id: ID,
      turn_id: "t",
      session_id: ID,
      root_turn_id: "t",
      response_id: "r",
      usage: usage(7, 0),
      turn_token_usage: usage(8, 0),
      thread_token_usage: usage(input, cached),
    },
  })}`;

test("the newest record that tells the sum counts", () => {
  const nothing = 'RECORD {"type":"event_msg","payload":{"type":"token_count","info":null}}';
  expect(usageOf(entriesOf(["META", count(10, 5), nothing].join("\n")))).toEqual({
    total: usage(10, 5),
    last: usage(5, 0),
    modelContextWindow: 258_400,
    cachedShare: 0.5,
  });
  expect(usageOf(entriesOf(["META", count(10, 5), record(20, 5)].join("\n")))).toMatchObject({
    total: usage(20, 5),
    last: usage(7, 0),
    cachedShare: 0.25,
  });
  expect(usageOf(entriesOf(["META", count(0, 0), "LINE {torn"].join("\n")))?.cachedShare).toBe(undefined);
  expect(usageOf(entriesOf("META\nU x"))).toBe(undefined);
});
