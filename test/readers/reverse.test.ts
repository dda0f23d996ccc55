import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBytes } from "../../src/readers/bytes.ts";
import { splitLines } from "../../src/readers/lines.ts";
import type { Line } from "../../src/readers/lines.ts";
import { splitLinesBackward } from "../../src/readers/reverse.ts";
import type { ReverseOptions } from "../../src/readers/reverse.ts";

let folder = "";
beforeAll(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "rollout-reverse-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

function plain({ bytes, position, terminated, tooLong }: Line): object {
  const { offset, length } = position;
  return { text: bytes.toString("latin1"), offset, length, terminated, ...(tooLong === undefined ? {} : { tooLong }) };
}

function backward(input: Buffer | string, chunkBytes: number, end?: number, options?: ReverseOptions): object[] {
  const path = join(folder, "input");
  fs.writeFileSync(path, input);
  const reader = openBytes(path, { chunkBytes });
  try {
    return Array.from(splitLinesBackward(reader, end, options), plain);
  } finally {
    reader.close();
  }
}

describe("splitLinesBackward", () => {
  it("gives the newest line first, an unterminated tail before all", () => {
    expect(backward("one\n\nthree\ntail", 4)).toEqual([
      { text: "tail", offset: 11, length: 4, terminated: false },
      { text: "three", offset: 5, length: 5, terminated: true },
      { text: "", offset: 4, length: 0, terminated: true },
      { text: "one", offset: 0, length: 3, terminated: true },
    ]);
    expect(backward("one\n", 4)).toEqual([{ text: "one", offset: 0, length: 3, terminated: true }]);
    expect(backward("\n", 4)).toEqual([{ text: "", offset: 0, length: 0, terminated: true }]);
    expect(backward("", 4)).toEqual([]);
  });

  it("agrees with the forward splitter for any input, chunk size and end", () => {
    const anyText = fc
      .array(fc.constantFrom(10, 10, 13, 0x61, 0xff), { maxLength: 40 })
      .map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 12 }), fc.nat({ max: 45 }), (input, chunkBytes, end) => {
        const forward = Array.from(splitLines([input.subarray(0, end)]), plain);
        expect(backward(input, chunkBytes, end).toReversed()).toEqual(forward);
      }),
      { numRuns: 300 },
    );
  });

  it("passes over lines without a byte when asked, and over no others", () => {
    const text = fc.array(fc.constantFrom(10, 10, 10, 0x61), { maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    const full = ({ length }: object & { readonly length?: number }): boolean => length !== 0;
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 12 }), (input, chunkBytes) => {
        const skipping = backward(input, chunkBytes, undefined, { skipEmpty: true });
        expect(skipping.filter(full)).toEqual(backward(input, chunkBytes).filter(full));
      }),
      { numRuns: 300 },
    );
    expect(backward("a\n\n\n\n\nb\n\n\n", 100, undefined, { skipEmpty: true })).toEqual([
      { text: "b", offset: 6, length: 1, terminated: true },
      { text: "a", offset: 0, length: 1, terminated: true },
    ]);
  });

  it("counts a line that is too long but does not keep it", () => {
    for (const chunkBytes of [1, 4, 100]) {
      expect(backward("abc\nabcdef\nab", chunkBytes, undefined, { maxLineBytes: 3 })).toEqual([
        { text: "ab", offset: 11, length: 2, terminated: false },
        { text: "", offset: 4, length: 6, terminated: true, tooLong: true },
        { text: "abc", offset: 0, length: 3, terminated: true },
      ]);
    }
  });

  it("gives only the lines that are selected", () => {
    for (const chunkBytes of [1, 3, 100]) {
      const select = (buffer: Buffer, start: number): boolean => buffer[start] === 0x2b;
      expect(backward("+a\n-b\n+ccccc\n-d", chunkBytes, undefined, { select })).toEqual([
        { text: "+ccccc", offset: 6, length: 6, terminated: true },
        { text: "+a", offset: 0, length: 2, terminated: true },
      ]);
    }
  });

  it("reads no more of the file than the lines it is asked for", () => {
    const path = join(folder, "long");
    fs.writeFileSync(path, "some line of text\n".repeat(50_000));
    const reader = openBytes(path);
    const before = reader.bytesRead;
    const lines = splitLinesBackward(reader);
    expect(lines.next().value).toMatchObject({ position: { line: 0, offset: 899_982, length: 17 } });
    expect(reader.bytesRead - before).toBe(65_536);
    lines.return(undefined);
    reader.close();
  });
});
