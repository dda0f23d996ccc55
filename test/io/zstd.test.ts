import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ZstdEncoder, compressZstd, decodeZstd, frameInfo, isZstd } from "../../src/io/zstd.ts";
import type { DecodeOptions, EncodeOptions, ZstdEnd } from "../../src/io/zstd.ts";

const PLAIN = Buffer.from(
  Array.from({ length: 400 }, (_, index) => `{"n":${index},"text":"line ${index * 7919}"}\n`).join(""),
);

function decodeAll(input: Uint8Array | Iterable<Uint8Array>, options?: DecodeOptions): { plain: Buffer; end: ZstdEnd } {
  const stream = decodeZstd(input instanceof Uint8Array ? [input] : input, options);
  const parts: Buffer[] = [];
  for (;;) {
    const next = stream.next();
    if (next.done === true) return { plain: Buffer.concat(parts), end: next.value };
    parts.push(Buffer.from(next.value));
  }
}

function inPieces(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}

function skippable(content: string, variant = 0): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a50 + variant, 0);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, Buffer.from(content)]);
}

/** A frame of one raw block whose header asks for a window of 2^log bytes. */
function rawFrame(windowLog: number, content: string): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, (windowLog - 10) << 3, 0, 0, 0]);
  head.writeUIntLE((content.length << 3) | 1, 6, 3);
  return Buffer.concat([head, Buffer.from(content)]);
}

function frames(parts: readonly Buffer[], options: EncodeOptions & { pledge?: boolean }): Buffer {
  const encoder = new ZstdEncoder(options);
  const compressed = parts.flatMap((part) => {
    if (options.pledge === true) encoder.pledge(part.length);
    return [...encoder.write(part), ...encoder.endFrame()];
  });
  return Buffer.concat(compressed);
}

describe("decodeZstd", () => {
  const midLine = inPieces(PLAIN, 1234);
  const matrix: readonly [string, Buffer][] = [
    ["one frame, level 3", compressZstd(PLAIN)],
    ["one frame, level 19", compressZstd(PLAIN, { level: 19 })],
    ["checksum", compressZstd(PLAIN, { checksum: true })],
    ["no content size", frames([PLAIN], {})],
    ["no content size, checksum", frames([PLAIN], { checksum: true })],
    ["content size by pledge", frames([PLAIN], { pledge: true })],
    ["long distance, window 2^27", frames([PLAIN], { longDistance: true, windowLog: 27 })],
    ["many frames, cut in mid-line", frames(midLine, {})],
    ["many frames with sizes and checksums", frames(midLine, { checksum: true, pledge: true })],
    [
      "empty frames between",
      Buffer.concat([compressZstd(Buffer.alloc(0)), compressZstd(PLAIN), compressZstd(Buffer.alloc(0))]),
    ],
    [
      "skippable frames around",
      Buffer.concat([skippable("index", 15), skippable(""), compressZstd(PLAIN), skippable("tail")]),
    ],
  ];

  it.each(matrix)("decodes %s, however it is cut", (_name, compressed) => {
    for (const size of [1, 7, 1000, compressed.length]) {
      const { plain, end } = decodeAll(inPieces(compressed, size));
      expect(plain.equals(PLAIN)).toBe(true);
      expect(end).toEqual({ ok: true, decodedBytes: PLAIN.length });
    }
    expect(decodeAll(compressed, { outputBytes: 3 }).plain.equals(PLAIN)).toBe(true);
  });

  it("refuses a window above 2^27 and accepts one of it", () => {
    expect(decodeAll(rawFrame(27, "abc")).end).toEqual({ ok: true, decodedBytes: 3 });
    const { plain, end } = decodeAll(Buffer.concat([rawFrame(20, "abc"), rawFrame(28, "def")]));
    expect(plain.toString()).toBe("abc");
    expect(end).toEqual({
      ok: false,
      decodedBytes: 3,
      soundBytes: 3,
      isCut: false,
      message: "not valid Zstandard data (Frame requires too much memory for decoding)",
    });
    expect(decodeAll(rawFrame(28, "abc"), { windowLogMax: 28 }).end.ok).toBe(true);
    expect(decodeAll(rawFrame(28, "abc")).end.ok).toBe(false);
  });

  it("tells an empty input, a cut one and trailing garbage apart", () => {
    const compressed = compressZstd(PLAIN);
    expect(decodeAll(Buffer.alloc(0)).end).toEqual({
      ok: false,
      decodedBytes: 0,
      soundBytes: 0,
      isCut: true,
      message: "the compressed stream is empty",
    });
    expect(decodeAll(compressed.subarray(0, 3)).end).toEqual({
      ok: false,
      decodedBytes: 0,
      soundBytes: 0,
      isCut: true,
      message: "the compressed stream is cut short",
    });
    const trailing = decodeAll(Buffer.concat([compressed, Buffer.from("garbage")]));
    expect(trailing.plain.equals(PLAIN)).toBe(true);
    expect(trailing.end).toEqual({
      ok: false,
      decodedBytes: PLAIN.length,
      soundBytes: PLAIN.length,
      isCut: false,
      message: "not valid Zstandard data (Unknown frame descriptor)",
    });
  });

  it("gives a prefix for every cut and never throws", () => {
    const compressed = frames(midLine, { checksum: true });
    let longest = 0;
    for (let cut = 0; cut < compressed.length; cut++) {
      const { plain, end } = decodeAll(compressed.subarray(0, cut));
      expect(plain.equals(PLAIN.subarray(0, plain.length))).toBe(true);
      expect(plain.length).toBeGreaterThanOrEqual(longest);
      expect(end.decodedBytes).toBe(plain.length);
      longest = plain.length;
    }
    expect(longest).toBe(PLAIN.length);
  });

  it("gives all blocks before a damaged one", () => {
    // Blocks of 128 KiB that do not shrink, so that a flipped block type breaks the third of them.
    const random = Buffer.alloc(
      400_000,
      Buffer.from(Array.from({ length: 9973 }, (_, index) => (index * index * 31 + (index >> 3)) & 255)),
    );
    const frame = (content: Buffer, last: boolean): Buffer => {
      const head = Buffer.alloc(3);
      head.writeUIntLE((content.length << 3) | (last ? 1 : 0), 0, 3);
      return Buffer.concat([head, content]);
    };
    const blocks = inPieces(random, 128 * 1024);
    const compressed = Buffer.concat([
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, (20 - 10) << 3]),
      ...blocks.map((block, index) => frame(block, index === blocks.length - 1)),
    ]);
    expect(decodeAll(compressed).plain.equals(random)).toBe(true);
    const damaged = Buffer.from(compressed);
    const thirdHead = 6 + 2 * (3 + 128 * 1024);
    damaged[thirdHead] = (damaged[thirdHead] ?? 0) | 6; // Block type 3 is reserved.
    const { plain, end } = decodeAll(damaged);
    expect(plain.equals(random.subarray(0, 256 * 1024))).toBe(true);
    expect(end.ok).toBe(false);
  });

  it("never throws on damage and never gives more than was claimed by its end", () => {
    const compressed = compressZstd(PLAIN, { checksum: true });
    fc.assert(
      fc.property(fc.nat({ max: compressed.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Buffer.from(compressed);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        const { plain, end } = decodeAll(damaged);
        expect(end.decodedBytes).toBe(plain.length);
        if (end.ok) expect(plain.equals(PLAIN)).toBe(true);
      }),
    );
  });

  it("passes errors of its source through and survives an early stop", () => {
    const source = function* (): Generator<Buffer> {
      yield compressZstd(PLAIN).subarray(0, 50);
      throw new Error("disk gone");
    };
    expect(() => decodeAll(source())).toThrow("disk gone");
    for (const chunk of decodeZstd([compressZstd(PLAIN)], { outputBytes: 10 })) {
      expect(chunk.length).toBe(10);
      break;
    }
    expect(decodeAll(compressZstd(PLAIN)).plain.equals(PLAIN)).toBe(true);
  });

  it("keeps a bomb's memory within its output buffer", () => {
    const encoder = new ZstdEncoder();
    const zeros = Buffer.alloc(1024 * 1024);
    const bomb = Buffer.concat([
      ...Array.from({ length: 200 }, () => encoder.write(zeros)).flat(),
      ...encoder.endFrame(),
    ]);
    expect(bomb.length).toBeLessThan(100_000);
    let largest = 0;
    let total = 0;
    for (const chunk of decodeZstd([bomb])) {
      largest = Math.max(largest, chunk.length);
      total += chunk.length;
    }
    expect(total).toBe(200 * 1024 * 1024);
    expect(largest).toBe(1024 * 1024);
  });
});

describe("isZstd and frameInfo", () => {
  it("knows frames and skippable frames by their magic", () => {
    expect(isZstd(compressZstd(PLAIN))).toBe(true);
    expect(isZstd(skippable("x", 9))).toBe(true);
    expect(isZstd(Buffer.from('{"timestamp"'))).toBe(false);
    expect(isZstd(Buffer.from([0x28, 0xb5, 0x2f]))).toBe(false);
  });

  it("reads the header", () => {
    expect(frameInfo(compressZstd(PLAIN))).toEqual({
      contentBytes: PLAIN.length,
      windowBytes: PLAIN.length,
      checksum: false,
    });
    expect(frameInfo(compressZstd(Buffer.alloc(100_000), { checksum: true }))).toEqual({
      contentBytes: 100_000,
      windowBytes: 100_000,
      checksum: true,
    });
    expect(frameInfo(frames([PLAIN], { windowLog: 21 }))).toEqual({
      contentBytes: undefined,
      windowBytes: 2 ** 21,
      checksum: false,
    });
    expect(frameInfo(Buffer.concat([skippable("abc"), compressZstd(Buffer.from("x"))]))?.contentBytes).toBe(1);
    expect(frameInfo(compressZstd(PLAIN).subarray(0, 5))).toBeUndefined();
    expect(frameInfo(Buffer.from("no frame at all, is it"))).toBeUndefined();
  });
});

describe("ZstdEncoder", () => {
  it("hands its memory on, and nothing of its settings or of a frame that was not ended", () => {
    const plain = Buffer.from("some text ".repeat(1000));
    const fresh = compressZstd(plain);
    const first = new ZstdEncoder({ level: 19, checksum: true, longDistance: true, windowLog: 20, pledgedBytes: 5 });
    first.write(Buffer.from("ab"));
    first.release();
    expect(compressZstd(plain).equals(fresh)).toBe(true);
    const second = new ZstdEncoder();
    const parts = [...second.write(plain), ...second.endFrame()];
    second.release();
    expect(decodeAll(parts).plain.equals(plain)).toBe(true);
  });

  it("round-trips whatever is written, in whatever pieces and frames", () => {
    const pieces = fc.array(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(pieces, fc.boolean(), (contents, checksum) => {
        const encoder = new ZstdEncoder({ checksum });
        const compressed = contents.flatMap((content) => [
          ...content.flatMap((piece) => encoder.write(piece)),
          ...encoder.endFrame(),
        ]);
        expect(decodeAll(compressed).plain.equals(Buffer.concat(contents.flat()))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("refuses a frame that is not of the pledged size", () => {
    const encoder = new ZstdEncoder({ pledgedBytes: 10 });
    expect(() => [...encoder.write(Buffer.from("short")), ...encoder.endFrame()]).toThrow(
      expect.objectContaining({ name: "RolloutError", code: "mismatch" }),
    );
  });

  it("refuses settings out of bounds", () => {
    expect(() => new ZstdEncoder({ windowLog: 99 })).toThrow(expect.objectContaining({ code: "usage" }));
    expect(() => decodeAll(PLAIN, { windowLogMax: 99 })).toThrow(expect.objectContaining({ code: "usage" }));
  });
});
