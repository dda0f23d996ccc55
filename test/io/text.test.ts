import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { fitText, formatBytes, formatCount, formatSeconds, padText, textWidth } from "../../src/io/text.ts";

describe("textWidth", () => {
  it.each([
    ["", 0],
    ["abc", 3],
    ["ünïcödé", 7],
    ["e\u0301", 1],
    ["漢字", 4],
    ["한국어", 6],
    ["ｆｕｌｌ", 8],
    ["ﾊﾝｶｸ", 4],
    ["🙂", 2],
    ["👩‍👩‍👧", 2],
    ["🇩🇪", 2],
    ["❤️", 2],
    ["❤", 1],
    ["1️⃣", 2],
    ["123", 3],
    ["→…é", 3],
    ["\u200d", 0],
  ])("of %j is %i", (text, width) => {
    expect(textWidth(text)).toBe(width);
  });
});

describe("fitText", () => {
  it.each([
    ["rollout", 7, "rollout"],
    ["rollout", 6, "rollo…"],
    ["rollout", 1, "…"],
    ["rollout", 0, ""],
    ["漢字漢字", 8, "漢字漢字"],
    ["漢字漢字", 7, "漢字漢…"],
    ["漢字漢字", 6, "漢字…"],
    ["👩‍👩‍👧 family", 5, "👩‍👩‍👧 f…"],
    ["e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"],
    ["e\u0301e\u0301e\u0301", 2, "e\u0301…"],
  ])("%j in %i cells is %j", (text, width, expected) => {
    expect(fitText(text, width)).toBe(expected);
  });

  it("never exceeds the width, and leaves alone what fits", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(40), (text, width) => {
        const fitted = fitText(text, width);
        expect(textWidth(fitted)).toBeLessThanOrEqual(width);
        if (textWidth(text) <= width && width > 0) expect(fitted).toBe(text);
      }),
    );
  });
});

describe("padText", () => {
  it("fills up on either side, and never cuts", () => {
    expect(padText("漢", 4)).toBe("漢  ");
    expect(padText("12", 4, "right")).toBe("  12");
    expect(padText("long", 2)).toBe("long");
  });
});

describe("figures", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [23_449_999, "23.4 MB"],
    [999_949, "999.9 kB"],
    [999_950, "1.0 MB"],
    [5_000_000_000, "5.0 GB"],
    [2 ** 60, "1152.9 PB"],
  ])("%i bytes are %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [0, "0"],
    [999, "999"],
    [1000, "1,000"],
    [1_234_567, "1,234,567"],
  ])("the count %i is %s", (count, text) => {
    expect(formatCount(count)).toBe(text);
  });

  it.each([
    [0, "0 s"],
    [0.351, "0.35 s"],
    [9.99, "9.99 s"],
    [9.996, "10 s"],
    [59.6, "1 min 0 s"],
    [185, "3 min 5 s"],
    [3599.7, "1 h 0 min"],
    [7801, "2 h 10 min"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });
});
