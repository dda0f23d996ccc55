import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ZstdEncoder, compressZstd } from "../../src/io/zstd.ts";
import { openBytes } from "../../src/readers/bytes.ts";
import type { ByteReader } from "../../src/readers/bytes.ts";

const TEXT = Buffer.from(Array.from({ length: 300 }, (_, index) => `{"line":${index}}\n`).join(""));

let folder = "";
beforeAll(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "rollout-bytes-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

function file(name: string, content: Uint8Array): string {
  const path = join(folder, name);
  fs.writeFileSync(path, content);
  return path;
}

function using<T>(path: string, work: (reader: ByteReader) => T, chunkBytes?: number): T {
  const reader = openBytes(path, chunkBytes === undefined ? {} : { chunkBytes });
  try {
    return work(reader);
  } finally {
    reader.close();
    reader.close();
  }
}

function joined(chunks: Iterable<Buffer>): string {
  return Buffer.concat(Array.from(chunks, (chunk) => Buffer.from(chunk))).toString("latin1");
}

function plain300(): Buffer {
  return Buffer.from("x".repeat(300 * 1024));
}

describe("openBytes", () => {
  it("tells the form by the first bytes, not by the name", () => {
    using(file("plain.jsonl", TEXT), (reader) => {
      expect(reader.form).toBe("plain");
      expect(reader.sizeBytes).toBe(TEXT.length);
      expect(reader.mtimeMs).toBe(fs.statSync(reader.path).mtimeMs);
    });
    using(file("misnamed.jsonl", compressZstd(TEXT)), (reader) => expect(reader.form).toBe("zstd"));
    using(file("misnamed.jsonl.zst", TEXT), (reader) => expect(reader.form).toBe("plain"));
    using(file("empty.jsonl", Buffer.alloc(0)), (reader) => expect(joined(reader.forward())).toBe(""));
  });

  it.each([
    ["empty", Buffer.alloc(0), "the compressed stream is empty"],
    ["noise", Buffer.from("\x00\x01\x02\x03\x04\x05"), "not valid Zstandard data (Unknown frame descriptor)"],
  ])("reports a .zst of %s as a broken stream", (name, content, message) => {
    using(file(`${name}.jsonl.zst`, content), (reader) => {
      expect(reader.form).toBe("zstd");
      expect(reader.failure).toBeUndefined();
      expect(joined(reader.forward())).toBe("");
      expect(reader.failure).toEqual({ message, offset: 0 });
    });
  });

  it.each(["plain", "zstd"] as const)("reads any range of a %s file in any chunk size", (form) => {
    const path = file(`range.${form}`, form === "plain" ? TEXT : compressZstd(TEXT));
    const place = fc.integer({ min: 0, max: TEXT.length + 10 });
    fc.assert(
      fc.property(place, place, fc.integer({ min: 1, max: 6000 }), (from, to, chunkBytes) => {
        const expected = TEXT.toString("latin1", from, Math.max(from, to));
        expect(using(path, (reader) => joined(reader.forward(from, to)), chunkBytes)).toBe(expected);
      }),
    );
  });

  it("reads backward what it reads forward", () => {
    const path = file("backward.jsonl", TEXT);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: TEXT.length }), fc.integer({ min: 1, max: 6000 }), (end, chunkBytes) => {
        const chunks = using(
          path,
          (reader) => Array.from(reader.backward(end), ({ bytes, offset }) => ({ bytes: Buffer.from(bytes), offset })),
          chunkBytes,
        );
        let before = end;
        for (const { bytes, offset } of chunks) {
          expect(offset + bytes.length).toBe(before);
          before = offset;
        }
        expect(joined(chunks.map(({ bytes }) => bytes).toReversed())).toBe(TEXT.toString("latin1", 0, end));
      }),
    );
  });

  it("reads from the disk only what is asked for", () => {
    const path = file("counted.jsonl", TEXT);
    using(path, (reader) => {
      const before = reader.bytesRead;
      joined(reader.forward(TEXT.length - 100));
      expect(reader.bytesRead - before).toBe(100);
      joined(reader.forward(10, 30));
      expect(reader.bytesRead - before).toBe(120);
    });
  });

  it("does not read what was appended after opening", () => {
    const path = file("growing.jsonl", Buffer.from("a\nb\n"));
    using(path, (reader) => {
      fs.appendFileSync(path, "c\n");
      expect(joined(reader.forward())).toBe("a\nb\n");
      expect(Array.from(reader.backward(), ({ bytes }) => bytes.toString())).toEqual(["a\nb\n"]);
    });
  });

  it("ends where a file shrank", () => {
    const path = file("shrinking.jsonl", Buffer.from("a\n".repeat(100_000)));
    using(path, (reader) => {
      fs.truncateSync(path, 150_000);
      expect(joined(reader.forward())).toBe("a\n".repeat(75_000));
      expect(() => [...reader.backward()]).toThrow(expect.objectContaining({ code: "mismatch" }));
    });
  });

  it("says where a compressed stream broke", () => {
    const encoder = new ZstdEncoder();
    const first = Buffer.concat([...encoder.write(TEXT.subarray(0, 1000)), ...encoder.endFrame()]);
    const second = Buffer.concat([...encoder.write(TEXT.subarray(1000)), ...encoder.endFrame()]);
    using(file("cut.jsonl.zst", Buffer.concat([first, second.subarray(0, second.length - 5)])), (reader) => {
      expect(joined(reader.forward())).toBe(TEXT.toString("latin1", 0, 1000));
      expect(reader.failure).toEqual({ message: "the compressed stream is cut short", offset: 1000 });
    });
  });

  describe("of a compressed file of several frames", () => {
    const MIB = 2 ** 20;
    const plain = Buffer.from(Array.from({ length: 700_000 }, (_, n) => `${n}\n`).join(""));
    const cuts = [0, 10, MIB + 5, MIB + 900, 3 * MIB, 4 * MIB, plain.length];
    const frames = (options: { readonly contentSize?: boolean } = {}) =>
      Buffer.concat(
        cuts.slice(1).map((cut, at) => {
          const part = plain.subarray(cuts[at], cut);
          if (options.contentSize !== false || at !== 4) return compressZstd(part);
          const encoder = new ZstdEncoder(options);
          return Buffer.concat([...encoder.write(part), ...encoder.endFrame()]);
        }),
      );

    it("begins to decode at the last frame before what is asked for", () => {
      const path = file("frames.jsonl.zst", frames());
      using(path, (reader) => expect(reader.restarts()).toEqual([0, MIB + 5, 3 * MIB, 4 * MIB]));
      const offset = fc.nat(plain.length + 10);
      fc.assert(
        fc.property(offset, offset, (from, to) => {
          using(path, (reader) => {
            expect(joined(reader.forward(from, to)) === plain.toString("latin1", from, Math.max(from, to))).toBe(true);
            expect(reader.failure).toBeUndefined();
          });
        }),
        { numRuns: 40 },
      );
      const costs = [0, 4 * MIB].map((from) =>
        using(path, (reader) => (joined(reader.forward(from)), reader.bytesRead)),
      );
      expect(costs[1]).toBeLessThan((costs[0] ?? 0) / 2);
    });

    it("does so only as far as the headers tell sizes, and only where the file is whole", () => {
      using(file("untold.jsonl.zst", frames({ contentSize: false })), (reader) => {
        expect(reader.restarts()).toEqual([0, MIB + 5, 3 * MIB]);
        expect(joined(reader.forward(4 * MIB)) === plain.toString("latin1", 4 * MIB)).toBe(true);
      });
      using(file("broken.jsonl.zst", frames().subarray(0, -9)), (reader) => {
        expect(reader.restarts()).toEqual([0, MIB + 5, 3 * MIB]);
        joined(reader.forward(4 * MIB));
        expect(reader.failure?.message).toBe("the compressed stream is cut short");
        expect(reader.failure?.offset).toBeGreaterThanOrEqual(4 * MIB);
      });
      using(file("one.jsonl.zst", compressZstd(plain)), (reader) => expect(reader.restarts()).toEqual([0]));
      using(file("none.jsonl", plain), (reader) => expect(reader.restarts()).toEqual([0]));
    });
  });

  it("reads no more of the start than is asked for", () => {
    const path = file("start.jsonl", plain300());
    const reader = openBytes(path, { startBytes: 64 });
    expect([reader.bytesRead, reader.form]).toEqual([64, "plain"]);
    expect(joined(reader.forward(0, 100))).toBe(plain300().toString("latin1", 0, 100));
    reader.close();
  });

  it("has no way back through a compressed file", () => {
    using(file("one-way.jsonl.zst", compressZstd(TEXT)), (reader) => {
      expect(() => [...reader.backward()]).toThrow(expect.objectContaining({ code: "internal" }));
    });
  });

  it("refuses a folder", () => {
    expect(() => openBytes(folder)).toThrow(
      expect.objectContaining({ code: "not-a-file", place: expect.objectContaining({ path: folder }) }),
    );
  });
});
