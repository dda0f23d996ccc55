import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { linesWithMatches } from "../../src/analysis/search-lines.ts";
import { ROOM_BYTES, type Source } from "../../src/analysis/search-plain.ts";
import { ByteSearch } from "../../src/io/byte-search.ts";

interface Told {
  readonly line: number;
  readonly offset: number;
  readonly text: string;
  readonly terminated: boolean;
}

function sourceOf(bytes: Buffer, sizes: readonly number[]): Source {
  let [offset, turn] = [0, 0];
  const put = (target: Buffer): number => {
    const count = bytes.copy(target, 0, offset, offset + (sizes[turn++ % sizes.length] ?? 1));
    offset += count;
    return count;
  };
  return { put };
}

function search(needle: string): ByteSearch {
  const wanted = Buffer.from(needle);
  return new ByteSearch([{ wanted, mask: wanted.map(() => 0) }], ROOM_BYTES);
}

function told(needle: string, bytes: Buffer, sizes: readonly number[]): readonly Told[] {
  const lines = linesWithMatches(search(needle), sourceOf(bytes, sizes));
  return Array.from(lines, ({ bytes: view, position: { line, offset, length }, terminated }) => {
    expect(view.length).toBe(length);
    return { line, offset, text: view.toString(), terminated };
  });
}

function naive(needle: string, text: string): readonly Told[] {
  const found: Told[] = [];
  let offset = 0;
  for (const [index, line] of text.split("\n").entries()) {
    const terminated = offset + line.length < text.length;
    if (line.includes(needle)) found.push({ line: index + 1, offset, text: line, terminated });
    offset += line.length + 1;
  }
  return found;
}

describe("lines with matches", () => {
  it("have their numbers and offsets", () => {
    const text = "one\n\ntwo ab\nthree\nab ab\nlast ab";
    expect(told("ab", Buffer.from(text), [5])).toEqual([
      { line: 3, offset: 5, text: "two ab", terminated: true },
      { line: 5, offset: 18, text: "ab ab", terminated: true },
      { line: 6, offset: 24, text: "last ab", terminated: false },
    ]);
    expect(told("zz", Buffer.from(text), [5])).toEqual([]);
    expect(told("a", Buffer.from(""), [5])).toEqual([]);
  });

  it("are those that a plain search finds, whatever the chunks", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "c", "\n"), maxLength: 60 });
    fc.assert(
      fc.property(
        letters,
        fc.constantFrom("a", "ab", "aab", "abcab"),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
        (text, needle, sizes) => {
          expect(told(needle, Buffer.from(text), sizes)).toEqual(naive(needle, text));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("may be far longer than a chunk, and have their match anywhere", () => {
    const long = `${"x".repeat(700_000)}ab${"y".repeat(600_000)}`;
    const text = `first\n${long}\nab\n`;
    expect(told("ab", Buffer.from(text), [262_144])).toEqual(naive("ab", text));
    expect(told("ab", Buffer.from(text), [262_144, 1])).toEqual(naive("ab", text));
  });

  it("are counted, and not kept, where they are too long", () => {
    const lines = linesWithMatches(search("ab"), sourceOf(Buffer.from("ab ab ab ab\nab\n"), [4]), undefined, 5);
    expect(Array.from(lines, ({ position, tooLong }) => [position, tooLong])).toEqual([
      [{ line: 1, offset: 0, length: 11 }, true],
      [{ line: 2, offset: 12, length: 2 }, undefined],
    ]);
  });
});
