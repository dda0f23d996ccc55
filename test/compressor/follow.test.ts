import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { growingChunks, type Follower, type Pursuit } from "../../src/compressor/follow.ts";
import type { OpenPart } from "../../src/compressor/verify.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { temporaryFolder } from "../support/homes.ts";
import { ROOT } from "../support/sources.ts";

const folder = temporaryFolder();
const PLAIN = Buffer.from(Array.from({ length: 200_000 }, (_unused, index) => String(index)).join(""));
const ARCHIVE = compressZstd(PLAIN, { checksum: true });

const open: number[] = [];
afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd);
});

function part(name: string, bytes: Buffer): OpenPart {
  const path = join(folder.path, name);
  writeFileSync(path, bytes);
  const fd = openSync(path, "r+");
  open.push(fd);
  return { fd, path };
}

it("gives what is said to be written, to the byte, and ends where that ends", () => {
  const archive = part("archive", ARCHIVE);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: ARCHIVE.length }), (written) => {
      const progress = new SharedArrayBuffer(16);
      new BigInt64Array(progress).set([BigInt(written), 1n]);
      const pursuit: Pursuit = { archive, plain: archive, progress };
      const bytes = Buffer.concat(Array.from(growingChunks(pursuit), (chunk) => Buffer.from(chunk)));
      expect(bytes.equals(ARCHIVE.subarray(0, written))).toBe(true);
    }),
  );
});

/** As it is built: a thread is started from a compiled module only. */
async function startBuilt(archive: OpenPart, plain: OpenPart): Promise<Follower> {
  const built = (await import(pathToFileURL(join(ROOT, "dist", "compressor", "follow.js")).href)) as {
    startFollower(archive: OpenPart, plain: OpenPart): Follower;
  };
  return built.startFollower(archive, plain);
}

/** Writes `bytes` in pieces while the other thread compares. */
async function follow(bytes: Buffer, plain: Buffer): Promise<unknown> {
  const archive = part("growing", Buffer.alloc(0));
  const follower = await startBuilt(archive, part("plain", plain));
  for (let at = 0; at < bytes.length; at += 50_000) {
    follower.wrote(writeSync(archive.fd, bytes.subarray(at, at + 50_000)));
  }
  return follower.finish();
}

describe("a thread that compares along", () => {
  it("finds an archive equal to its source", async () => {
    expect(await follow(ARCHIVE, PLAIN)).toEqual({ kind: "equal", plainBytes: 1_088_890 });
  });

  it("finds where they part", async () => {
    const changed = Buffer.from(PLAIN);
    changed[700_000] = 0x21;
    expect(await follow(ARCHIVE, changed)).toEqual({ kind: "different", offset: 700_000 });
    expect(await follow(ARCHIVE, PLAIN.subarray(0, 500_000))).toEqual({
      kind: "archive-longer",
      commonBytes: 500_000,
    });
  });

  it("calls an archive damaged that ends too early", async () => {
    expect(await follow(ARCHIVE.subarray(0, -1), PLAIN)).toMatchObject({ kind: "damaged", offset: 1_088_890 });
  });

  it("lets go of an archive that is not wanted any more", async () => {
    const archive = part("growing", Buffer.alloc(0));
    const follower = await startBuilt(archive, part("plain", PLAIN));
    follower.wrote(0);
    expect(follower.abandon()).toBeUndefined();
  });

  it("tells what cannot be read", async () => {
    const archive = part("growing", ARCHIVE);
    const follower = await startBuilt(archive, { fd: 4_000_000, path: "nowhere" });
    follower.wrote(ARCHIVE.length);
    expect(() => follower.finish()).toThrow(/nowhere|EBADF/);
  });
});
