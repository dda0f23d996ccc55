/** Rows of rollout-format §5.7; each figure is what the real 0.169.0 sent to its model. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ToolOutput } from "../../src/format/response-item.ts";
import {
  FALLBACK_TRUNCATION,
  headOf,
  tailOf,
  tokensOf,
  truncateOutput,
  truncateParts,
  utf8Length,
} from "../../src/thread/truncate.ts";

const TOKENS = { mode: "tokens", limit: 10_000 } as const;

function cut(output: ToolOutput, policy = FALLBACK_TRUNCATION as { mode: "bytes" | "tokens"; limit: number }): unknown {
  const item = truncateOutput({ type: "function_call_output", call_id: "c", output }, policy);
  return (item as unknown as { output: unknown }).output;
}

/** `x×6000` for a long run of one character. */
function runs(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value).replace(
      /(.)\1{20,}/gu,
      (run, character: string) => `${character}×${run.length / character.length}`,
    ),
  );
}

const text = (value: string) => ({ type: "input_text" as const, text: value });

describe("an output", () => {
  test.each<[string, string, string]>([
    ["that just fits", "x".repeat(12_000), "x×12000"],
    ["of one byte more", "x".repeat(12_001), "x×6000…1 chars truncated…x×6000"],
    ["of 300,000 characters", "x".repeat(300_000), "x×6000…288000 chars truncated…x×6000"],
    ["of wide characters", "日".repeat(30_000), "日×2000…26000 chars truncated…日×2000"],
  ])("%s", (_, output, expected) => expect(runs(cut(output))).toBe(expected));

  test.each<[string, string, string]>([
    ["that just fits", "x".repeat(48_000), "x×48000"],
    ["of one byte more", "x".repeat(48_001), "x×24000…1 tokens truncated…x×24000"],
    ["of wide characters", "日".repeat(100_000), "日×8000…63000 tokens truncated…日×8000"],
  ])("counted in tokens, %s", (_, output, expected) => expect(runs(cut(output, TOKENS))).toBe(expected));

  test("in parts shares one budget, and what is left over is counted", () => {
    const image = { type: "input_image" as const, image_url: "data:," };
    expect(runs(cut([text("a".repeat(5_000)), image, text("b".repeat(20_000)), text("c".repeat(200))]))).toEqual([
      text("a×5000"),
      image,
      text("b×3500…13000 chars truncated…b×3500"),
      text("[omitted 1 text items ...]"),
    ]);
    expect(runs(cut([text("a".repeat(12_000)), text("cc"), text("dd")]))).toEqual([
      text("a×12000"),
      text("[omitted 2 text items ...]"),
    ]);
    expect(runs(cut([text("a".repeat(3_001)), text("b".repeat(20_000))]))).toEqual([
      text("a×3001"),
      text("b×4499…11001 chars truncated…b×4500"),
    ]);
  });

  test("in parts counts whole tokens for each", () => {
    const parts = [text("a"), text("a"), text("a"), text("b".repeat(50_000)), text("c")];
    expect(runs(cut(parts, TOKENS))).toEqual([
      text("a"),
      text("a"),
      text("a"),
      text("b×23994…503 tokens truncated…b×23994"),
      text("[omitted 1 text items ...]"),
    ]);
  });

  test("that fits, and any other item, stays the same object", () => {
    const output = [text("a")];
    expect(cut(output)).toBe(output);
    const call = { type: "function_call", name: "f", arguments: "x".repeat(50_000), call_id: "c" } as const;
    expect(truncateOutput(call, FALLBACK_TRUNCATION)).toBe(call);
  });
});

describe("parts of a message", () => {
  test.each<[readonly string[], number, readonly string[]]>([
    [["ab", "cd", "ef", "gh", "ij"], 1, ["ab", "…2 tokens truncated…", "ij"]],
    [
      ["ab", "cd", "ef", "y".repeat(1_000), "gh", "ij"],
      5,
      ["ab", "cd", "ef", "yyyy", "…248 tokens truncated…", "yyyyyy", "gh", "ij"],
    ],
    [[`日${"y".repeat(1_000)}日`], 2, ["日y", "…250 tokens truncated…", "y日"]],
    [[`日日${"y".repeat(1_000)}日日`], 1, ["…252 tokens truncated…"]],
    [["aa", "", "b".repeat(100), "", "cc"], 1, ["aa", "", "…25 tokens truncated…", "", "cc"]],
    [["aaa", "", "b".repeat(100), "", "ccc"], 1, ["aa", "…26 tokens truncated…", "cc"]],
  ])("%j to %i tokens", (parts, budget, expected) => expect(truncateParts(parts, budget)).toEqual(expected));
});

test("lengths are those of UTF-8, and pieces end between characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat(40), (value, bytes) => {
      expect(utf8Length(value)).toBe(Buffer.byteLength(value));
      const head = headOf(value, bytes);
      const tail = tailOf(value, bytes);
      expect(value.startsWith(head) && value.endsWith(tail)).toBe(true);
      const next = Array.from(value.slice(head.length))[0] ?? "";
      expect(Buffer.byteLength(head)).toBeLessThanOrEqual(bytes);
      expect(next === "" || Buffer.byteLength(head + next) > bytes).toBe(true);
      const before = Array.from(value.slice(0, value.length - tail.length)).at(-1) ?? "";
      expect(before === "" || Buffer.byteLength(before + tail) > bytes).toBe(true);
    }),
  );
  expect(tokensOf("x".repeat(9))).toBe(3);
});
