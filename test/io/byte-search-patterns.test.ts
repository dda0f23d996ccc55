import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ByteSearch } from "../../src/io/byte-search.ts";
import { jsonPatterns } from "../../src/io/byte-search-patterns.ts";

const search = (text: string, json: string, caseSensitive = false, nested = false): boolean => {
  const bytes = Buffer.from(json);
  const found = new ByteSearch(jsonPatterns(text, { caseSensitive, nested }), bytes.length + 1);
  found.buffer.set(bytes);
  found.begin(bytes.length);
  return found.next(0) !== -1;
};

/** JSON of a string with everything beyond ASCII escaped, digits in either case. */
function ascii(text: string, upper: boolean): string {
  return JSON.stringify(text).replace(/[^\0-\x7e]/g, (unit) => {
    const digits = unit.charCodeAt(0).toString(16).padStart(4, "0");
    return `\\u${upper ? digits.toUpperCase() : digits}`;
  });
}

describe("a text in JSON", () => {
  it.each([
    ["needle", "NEEDLE"],
    ["task", "tas\u212a"],
    ["seed", "\u017feed"],
    ["größe", "GRÖẞE"],
    ["ß", "ẞ"],
    ["привет", "ПРИВЕТ"],
    ["σ", "ς"],
    ["日本語", "日本語"],
    ["😀", "😀"],
    ["𐐨", "𐐀"],
    ['say "x"', 'say "x"'],
    ["\n", "\n"],
    ["\u001b[1m", "\u001b[1m"],
    ["C:\\temp", "c:\\TEMP"],
    ["é", "É"],
  ])("%j is found in %j, however it is written", (needle, text) => {
    for (const written of [text, `x${text}y`]) {
      expect(search(needle, JSON.stringify(written))).toBe(true);
      expect(search(needle, ascii(written, false))).toBe(true);
      expect(search(needle, ascii(written, true))).toBe(true);
      expect(search(needle, JSON.stringify(written), false, true)).toBe(true);
      expect(search(needle, JSON.stringify(JSON.stringify(written)), false, true)).toBe(true);
      expect(search(needle, JSON.stringify(ascii(written, false)), false, true)).toBe(true);
    }
  });

  it("tells cases apart where asked to", () => {
    expect(search("Needle", '"a needle"', true)).toBe(false);
    expect(search("Needle", '"a Needle"', true)).toBe(true);
    expect(search("Größe", '"GRÖSSE"', true)).toBe(false);
  });

  it("is looked for by what is rare of it", () => {
    const patterns = jsonPatterns("a very quiet place", { caseSensitive: false, nested: true });
    expect(patterns.map(({ wanted }) => Buffer.from(wanted).toString())).toEqual(["quiet"]);
  });

  const letters = fc.string({
    unit: fc.constantFrom(
      "a",
      "k",
      "S",
      "ſ",
      "Z",
      " ",
      '"',
      "\\",
      "\n",
      "\u0001",
      "é",
      "É",
      "ẞ",
      "σ",
      "日",
      "😀",
      "\u007f",
    ),
    minLength: 1,
    maxLength: 12,
  });
  it("is found wherever it is", () => {
    fc.assert(
      fc.property(letters, letters, letters, fc.boolean(), fc.boolean(), (before, needle, after, nested, upper) => {
        const text = before + (upper ? needle.toUpperCase() : needle) + after;
        const isThere = new RegExp(escaped(needle), "iu").test(text);
        fc.pre(isThere);
        for (const json of [JSON.stringify(text), ascii(text, upper)]) {
          expect(search(needle, json, false, nested)).toBe(true);
          if (nested) expect(search(needle, JSON.stringify(json), false, nested)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
