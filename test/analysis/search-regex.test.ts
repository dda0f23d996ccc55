import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { requiredTexts } from "../../src/analysis/search-regex.ts";

describe("texts that an expression requires", () => {
  it.each([
    ["needle", ["needle"]],
    ["foo.*barbaz", ["barbaz"]],
    ["foo|barbaz", ["foo", "barbaz"]],
    ["colou?r", ["colo"]],
    ["abc+def", ["abc"]],
    ["abc{2}", ["abc"]],
    ["abc{0,2}", ["ab"]],
    ["ab*cde", ["cde"]],
    ["(?:foo|bar)bazz", ["bazz"]],
    ["needle(?!x|y)", ["needle"]],
    [String.raw`\bTODO\(\w+\)`, ["TODO("]],
    [String.raw`a\.b\\c`, ["a.b\\c"]],
    [String.raw`line\nnext`, ["line\nnext"]],
    [String.raw`\u{41}bcd`, ["bcd"]],
    ["[abc]defg[hi]", ["defg"]],
    ["^start$", ["start"]],
    ["größe", ["größe"]],
    ["(a|b)", undefined],
    ["a.b", undefined],
    ["needle|", undefined],
    [String.raw`\d+`, undefined],
    ["aa|bb|cc|dd|ee", undefined],
  ])("%s", (source, texts) => {
    expect(requiredTexts(source)).toEqual(texts);
  });

  it("are in every match", () => {
    const piece = fc.constantFrom(
      "a",
      "b",
      "ab",
      ".",
      "[ab]",
      "(ab|a)",
      "(?:b)",
      "a?",
      "b*",
      "a+",
      "a{2}",
      "|",
      "^",
      "$",
      "\\.",
      "\\w",
    );
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 8 }),
        fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 12 }),
        (pieces, text) => {
          const source = pieces.join("");
          const match = new RegExp(source, "iu").exec(text)?.[0];
          const texts = requiredTexts(source);
          if (match === undefined || texts === undefined) return;
          expect(texts.some((one) => text.includes(one))).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
