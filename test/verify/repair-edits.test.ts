import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { spliced, type Splice } from "../../src/verify/repair-edits.ts";

function apply(text: string, splices: readonly Splice[], chunkBytes: number): string {
  const bytes = Buffer.from(text, "latin1");
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_unused, index) =>
    bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
  );
  return Buffer.concat(Array.from(spliced(chunks, splices), (chunk) => Buffer.from(chunk))).toString("latin1");
}

describe("spliced", () => {
  it("takes out, puts in, and leaves blanks", () => {
    const splices = [
      { start: 0, end: 0, put: "<" },
      { start: 0, end: 3, put: "" },
      { start: 4, end: 6, put: null },
      { start: 8, end: 8, put: "in" },
      { start: 10, end: 10, put: "\n" },
    ];
    expect(apply("0123456789", splices, 100)).toBe("<3  67in89\n");
  });

  it("gives the same whatever the chunks", () => {
    const part = fc.tuple(fc.nat(5), fc.nat(5), fc.constantFrom("", "new", null));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.integer({ min: 1, max: 9 }), (parts, chunkBytes) => {
        const text = "abcdefghijklmnopqrstuvwxyz".repeat(4);
        const splices: Splice[] = [];
        let at = 0;
        let wanted = "";
        for (const [gap, length, put] of parts) {
          wanted += text.slice(at, at + gap);
          splices.push({ start: at + gap, end: at + gap + length, put });
          wanted += put ?? " ".repeat(length);
          at += gap + length;
        }
        expect(apply(text, splices, chunkBytes)).toBe(wanted + text.slice(at));
      }),
    );
  });
});
