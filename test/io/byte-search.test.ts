import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type BytePattern, ByteSearch } from "../../src/io/byte-search.ts";

const LETTER_BIT = 0x20;

/** ASCII text as a pattern without regard to case. */
function folded(text: string): BytePattern {
  const wanted = Buffer.from(text.toLowerCase());
  return { wanted, mask: wanted.map((byte) => (byte >= 0x61 && byte <= 0x7a ? LETTER_BIT : 0)) };
}

function exact(text: string): BytePattern {
  const wanted = Buffer.from(text);
  return { wanted, mask: wanted.map(() => 0) };
}

function allMatches(search: ByteSearch, bytes: Uint8Array, at = 0): readonly number[] {
  search.buffer.set(bytes, at);
  search.begin(at + bytes.length);
  const found: number[] = [];
  for (let next = search.next(at); next !== -1; next = search.next(next + 1)) found.push(next - at);
  return found;
}

function naive(bytes: Uint8Array, patterns: readonly BytePattern[]): readonly number[] {
  return Array.from(bytes.keys()).filter((at) =>
    patterns.some(
      ({ wanted, mask }) =>
        at + wanted.length <= bytes.length &&
        wanted.every((byte, index) => ((bytes[at + index] ?? 0) | (mask[index] ?? 0)) === byte),
    ),
  );
}

/** Few letters, so that there are matches; both cases, and bytes beyond ASCII. */
const text = fc.string({ unit: fc.constantFrom("a", "A", "b", "B", "{", "[", "é", "\n"), minLength: 1 });
const needle = fc.string({ unit: fc.constantFrom("a", "b", "{", "B", "é"), minLength: 1, maxLength: 5 });
const pattern = fc.oneof(
  needle.map(exact),
  fc.string({ unit: fc.constantFrom("a", "b", "["), minLength: 1, maxLength: 4 }).map(folded),
);

describe.each([
  ["with the kernel", true],
  ["without", false],
])("%s", (_name, useKernel) => {
  it("finds what stands at the ends and nothing behind them", () => {
    const search = new ByteSearch([exact("ab")], 1024, useKernel);
    expect(allMatches(search, Buffer.from("ab-aab-ab"))).toEqual([0, 4, 7]);
    // The bytes of before lie behind the end now.
    expect(allMatches(search, Buffer.from("xxxxxxxa"))).toEqual([]);
    expect(allMatches(search, Buffer.from(""))).toEqual([]);
  });

  it("takes both cases of a letter, and no neighbour of letters", () => {
    const search = new ByteSearch([folded("ab[")], 1024, useKernel);
    expect(allMatches(search, Buffer.from("Ab[ aB[ AB{ `b[ Ab;"))).toEqual([0, 4]);
  });

  it("finds overlapping matches, of several patterns, in order", () => {
    const search = new ByteSearch([exact("aa"), exact("b")], 1024, useKernel);
    expect(allMatches(search, Buffer.from("aaab-baa"))).toEqual([0, 1, 3, 5, 6]);
  });

  it("finds what a plain search finds", () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { minLength: 1, maxLength: 3 }),
        fc.array(text, { minLength: 1, maxLength: 30 }),
        fc.nat(130),
        (patterns, pieces, at) => {
          const bytes = Buffer.from(pieces.join(""));
          const search = new ByteSearch(patterns, at + bytes.length, useKernel);
          expect(allMatches(search, bytes, at)).toEqual(naive(bytes, patterns));
        },
      ),
    );
  });

  it("counts bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400, max: 12 }), fc.nat(100), (bytes, at) => {
        const search = new ByteSearch([exact("a")], at + bytes.length, useKernel);
        search.buffer.set(bytes, at);
        expect(search.count(10, at, at + bytes.length)).toBe(bytes.filter((byte) => byte === 10).length);
      }),
    );
  });
});

it("looks for the rarest bytes of a long pattern first, wherever they stand", () => {
  const long = `${"e".repeat(2000)}Z${"e".repeat(2000)}Q`;
  const search = new ByteSearch([folded(long)], 20_000);
  expect(allMatches(search, Buffer.from(`eee${long}e${"e".repeat(5000)}`))).toEqual([3]);
});
