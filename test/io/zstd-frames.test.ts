import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { zstdFrames } from "../../src/io/zstd-frames.ts";
import { compressZstd, ZstdEncoder } from "../../src/io/zstd.ts";

function framesOf(bytes: Buffer): [offset: number, contentBytes: number | undefined][] {
  const read = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  return Array.from(zstdFrames(read, bytes.length), ({ offset, contentBytes }) => [offset, contentBytes]);
}

function skippable(length: number): Buffer {
  const frame = Buffer.alloc(8 + length);
  frame.writeUInt32LE(0x184d2a5e, 0);
  frame.writeUInt32LE(length, 4);
  return frame;
}

/** A frame whose size its header does not tell. */
function untold(content: Buffer): Buffer {
  const encoder = new ZstdEncoder({ contentSize: false });
  return Buffer.concat([...encoder.write(content), ...encoder.endFrame()]);
}

const CONTENTS = [
  Buffer.alloc(0),
  Buffer.from("a"),
  Buffer.from("word ".repeat(100)),
  Buffer.alloc(300_000),
  randomBytes(300_000),
  Buffer.from("line\n".repeat(200_000)),
];

describe("the frames of a compressed file", () => {
  it.each(CONTENTS.map((content) => [content.length, content] as const))(
    "of %i bytes are where they are",
    (_, content) => {
      for (const checksum of [false, true]) {
        for (const longDistance of [false, true]) {
          const one = compressZstd(content, { checksum, longDistance });
          const other = compressZstd(Buffer.from("other"), { checksum });
          const bytes = Buffer.concat([skippable(3), one, skippable(0), untold(content), other, skippable(300)]);
          expect(framesOf(bytes)).toEqual([
            [11, content.length],
            [19 + one.length, undefined],
            [bytes.length - 308 - other.length, 5],
          ]);
        }
      }
    },
  );

  it("end where the file stops making sense", () => {
    const [one, other] = [compressZstd(Buffer.from("one")), compressZstd(randomBytes(5000))];
    expect(framesOf(Buffer.concat([one, other]).subarray(0, -1))).toEqual([[0, 3]]);
    expect(framesOf(Buffer.concat([one, Buffer.from("no frame")]))).toEqual([[0, 3]]);
    expect(framesOf(Buffer.concat([one, Buffer.from(one).subarray(0, 5)]))).toEqual([[0, 3]]);
    expect(framesOf(Buffer.from("text"))).toEqual([]);
    expect(framesOf(Buffer.alloc(0))).toEqual([]);
  });

  it("of whatever bytes are found without failing, in ascending order", () => {
    const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc.constant(head),
      fc.constant(compressZstd(CONTENTS[2]!)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const bytes = Buffer.concat(pieces);
        const offsets = framesOf(bytes).map(([offset]) => offset);
        expect(offsets).toEqual([...new Set(offsets)].toSorted((a, b) => a - b));
        for (const offset of offsets) expect(offset).toBeLessThan(bytes.length);
      }),
    );
  });
});
