import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SELECT_BYTES, splitLines } from "../../src/readers/lines.ts";
import type { Line, SplitOptions } from "../../src/readers/lines.ts";

type Plain = { text: string; line: number; offset: number; length: number; terminated: boolean; tooLong?: boolean };

function plain({ bytes, position, terminated, tooLong }: Line): Plain {
  return { text: bytes.toString("latin1"), ...position, terminated, ...(tooLong === undefined ? {} : { tooLong }) };
}

/** Chunks of the given sizes (the last one repeated) in one reused buffer, so that a view kept too long shows. */
function* reusedChunks(input: Buffer, sizes: readonly number[]): Generator<Buffer> {
  const buffer = Buffer.alloc(Math.max(...sizes));
  for (let at = 0, index = 0; at < input.length; index++) {
    const size = Math.min(sizes[Math.min(index, sizes.length - 1)] ?? 1, input.length - at);
    input.copy(buffer, 0, at, at + size);
    yield buffer.subarray(0, size);
    buffer.fill(0x23);
    at += size;
  }
}

function split(input: string | Buffer, sizes: readonly number[], options: SplitOptions = {}): Plain[] {
  return Array.from(splitLines(reusedChunks(Buffer.from(input as Buffer), sizes), options), plain);
}

const anyText = fc
  .array(fc.constantFrom(10, 10, 13, 32, 0, 0x61, 0x62, 0xc3, 0xff), { maxLength: 60 })
  .map((bytes) => Buffer.from(bytes));
const anySizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });

describe("splitLines", () => {
  it("gives lines with number, offset and length", () => {
    expect(split("one\r\n\n three\nlast", [4])).toEqual([
      { text: "one\r", line: 1, offset: 0, length: 4, terminated: true },
      { text: "", line: 2, offset: 5, length: 0, terminated: true },
      { text: " three", line: 3, offset: 6, length: 6, terminated: true },
      { text: "last", line: 4, offset: 13, length: 4, terminated: false },
    ]);
  });

  it("gives nothing for nothing and no empty last line", () => {
    expect(split("", [1])).toEqual([]);
    expect(split("\n", [1])).toEqual([{ text: "", line: 1, offset: 0, length: 0, terminated: true }]);
  });

  it("counts from the place it is told and returns the place after the last line", () => {
    const lines = splitLines([Buffer.from("a\nbc")], {
      offset: 100,
      line: 7,
      select: (buffer, start) => buffer[start] === 0x61,
    });
    expect(lines.next().value).toMatchObject({ position: { line: 7, offset: 100, length: 1 } });
    expect(lines.next()).toEqual({ done: true, value: { line: 9, offset: 104 } });
    expect(splitLines([Buffer.from("a\nb\n")]).next().done).toBe(false);
    const all = splitLines([Buffer.from("a\nb\n")], { select: () => false });
    expect(all.next()).toEqual({ done: true, value: { line: 3, offset: 4 } });
  });

  it("gives the same lines for any chunking, and together they are the input", () => {
    fc.assert(
      fc.property(anyText, anySizes, (input, sizes) => {
        const lines = split(input, sizes);
        expect(lines).toEqual(split(input, [1000]));
        expect(lines.map(({ text, terminated }) => text + (terminated ? "\n" : "")).join("")).toBe(
          input.toString("latin1"),
        );
        for (const { text, offset, length } of lines) {
          expect(input.toString("latin1", offset, offset + length)).toBe(text);
        }
      }),
    );
  });

  it("selects the same lines for any chunking, judging by their first bytes", () => {
    const anyLines = fc.array(fc.tuple(fc.constantFrom("+", "-"), fc.constantFrom(0, 1, 300, 511, 512, 513, 2000)), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(
        anyLines,
        fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 5 }),
        (parts, sizes) => {
          const input = parts.map(([sign, length]) => sign + "x".repeat(length)).join("\n");
          const lengths = new Set(input.split("\n").map((text) => text.length));
          const select = (buffer: Buffer, start: number, end: number): boolean => {
            expect(end - start >= SELECT_BYTES || lengths.has(end - start)).toBe(true);
            return buffer[start] === 0x2b;
          };
          const wanted = split(input, [10_000]).filter(({ text }) => text.startsWith("+"));
          expect(split(input, sizes, { select })).toEqual(wanted);
        },
      ),
    );
  });

  it("shows select the whole line, or at least its first 512 bytes", () => {
    const seen: string[] = [];
    const input = `${"a".repeat(600)}\nshort\n${"b".repeat(2000)}`;
    split(input, [100], {
      select: (buffer, start, end) => {
        seen.push(`${buffer.toString("latin1", start, start + 1)}${end - start}`);
        return false;
      },
    });
    expect(seen).toEqual(["a600", "s5", "b593"]);
  });

  it("counts a line that is too long but does not keep it", () => {
    const input = "abc\nabcdef\nab";
    for (const sizes of [[1], [3], [100]]) {
      expect(split(input, sizes, { maxLineBytes: 3 })).toEqual([
        { text: "abc", line: 1, offset: 0, length: 3, terminated: true },
        { text: "", line: 2, offset: 4, length: 6, terminated: true, tooLong: true },
        { text: "ab", line: 3, offset: 11, length: 2, terminated: false },
      ]);
    }
    expect(split("abcdef", [2], { maxLineBytes: 3 })).toEqual([
      { text: "", line: 1, offset: 0, length: 6, terminated: false, tooLong: true },
    ]);
  });
});
