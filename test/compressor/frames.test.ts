import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrames } from "../../src/compressor/frames.ts";
import { compareArchive } from "../../src/compressor/verify.ts";
import { frameInfo } from "../../src/io/zstd.ts";
import { zstdFrames } from "../../src/io/zstd-frames.ts";
import { openBytes } from "../../src/readers/bytes.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();

/** Writes `plain` and its archive, and gives the archive's bytes. */
function pack(plain: Buffer, plan: readonly number[], level = 3): Buffer {
  const [source, target] = [join(folder.path, "plain"), join(folder.path, "archive.zst")];
  writeFileSync(source, plain);
  const [from, to] = [openSync(source, "r"), openSync(target, "w+")];
  try {
    const bytes = encodeFrames({ fd: from, path: source }, { fd: to, path: target }, plan, { level });
    const archive = readFileSync(target);
    expect(archive.length).toBe(bytes);
    expect(compareArchive({ fd: to, path: target }, { fd: from, path: source })).toEqual({
      kind: "equal",
      plainBytes: plain.length,
    });
    return archive;
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

function readBack(): Buffer {
  const reader = openBytes(join(folder.path, "archive.zst"));
  try {
    return Buffer.concat(Array.from(reader.forward(), (chunk) => Buffer.from(chunk)));
  } finally {
    reader.close();
  }
}

function framesOf(archive: Buffer): readonly (number | undefined)[] {
  const read = (offset: number, length: number): Buffer => archive.subarray(offset, offset + length);
  return [...zstdFrames(read, archive.length)].map(({ contentBytes }) => contentBytes);
}

describe("frames", () => {
  it("give back any bytes, however they are divided", () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(cuts, fc.integer({ min: 1, max: 9 }), fc.integer(), (plan, level, seed) => {
        const size = plan.reduce((sum, bytes) => sum + bytes, 0);
        const plain = Buffer.from(Array.from({ length: size }, (_unused, at) => ((at * seed) >> (at % 7)) & 0xff));
        const archive = pack(plain, plan, level);
        expect(readBack().equals(plain)).toBe(true);
        expect(framesOf(archive)).toEqual(plan);
      }),
      { numRuns: 60 },
    );
  });

  it("tell their size, have a checksum and a window that Codex accepts", () => {
    const plain = Buffer.alloc(3_000_000, "abcdefgh");
    const archive = pack(plain, [2_000_000, 1_000_000]);
    const info = frameInfo(archive);
    expect([info?.contentBytes, info?.checksum]).toEqual([2_000_000, true]);
    expect(info?.windowBytes).toBeLessThanOrEqual(2 ** 27);
    expect(framesOf(archive)).toEqual([2_000_000, 1_000_000]);
  });

  it("are followed by a seek table when they are several", () => {
    const plain = Buffer.alloc(5000, "abc");
    const archive = pack(plain, [2000, 3000]);
    const table = archive.subarray(archive.length - 33);
    expect(table.readUInt32LE(0)).toBe(0x184d2a5e);
    expect(table.readUInt32LE(4)).toBe(25);
    const [first, second] = [table.readUInt32LE(8), table.readUInt32LE(16)];
    expect(first + second + 33).toBe(archive.length);
    expect([table.readUInt32LE(12), table.readUInt32LE(20)]).toEqual([2000, 3000]);
    expect([table.readUInt32LE(24), table.readUInt8(28), table.readUInt32LE(29)]).toEqual([2, 0, 0x8f92eab1]);
    expect(frameInfo(archive.subarray(first))?.contentBytes).toBe(3000);
    expect(pack(plain, [5000]).includes(Buffer.from([0x5e, 0x2a, 0x4d, 0x18]))).toBe(false);
  });

  it("find repeats that lie far apart", () => {
    const block = Buffer.from(
      Array.from({ length: 4_000_000 }, (_unused, at) => (Math.imul(at, 2654435761) >>> 13) & 0xff),
    );
    const archive = pack(Buffer.concat([block, block, block]), [12_000_000]);
    expect(archive.length).toBeLessThan(block.length * 1.1);
  });

  it("say so when the source is shorter than planned", () => {
    expect(() => pack(Buffer.alloc(10), [11])).toThrow("the file became shorter");
  });

  it.skipIf(spawnSync("zstd", ["--version"]).status !== 0)("are read by zstd", () => {
    const plain = Buffer.alloc(3_000_000, "some text that repeats; ");
    pack(plain, [1_500_000, 1_000_000, 500_000]);
    const run = spawnSync("zstd", ["-dc", join(folder.path, "archive.zst")], { maxBuffer: 1e9 });
    expect(run.status).toBe(0);
    expect(run.stdout.equals(plain)).toBe(true);
  });
});
