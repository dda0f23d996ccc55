import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { withSources } from "../../src/compressor/files.ts";
import { beginsWith, checkArchive, compareArchive, type Comparison, fileChunks } from "../../src/compressor/verify.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();
const TEXT = Buffer.from("0123456789".repeat(50_000));

function compare(archive: Buffer, plain: Buffer): Comparison {
  const paths = [join(folder.path, "archive"), join(folder.path, "plain")] as const;
  writeFileSync(paths[0], archive);
  writeFileSync(paths[1], plain);
  const [a, b] = [openSync(paths[0], "r"), openSync(paths[1], "r")];
  try {
    return compareArchive({ fd: a, path: paths[0] }, { fd: b, path: paths[1] });
  } finally {
    closeSync(a);
    closeSync(b);
  }
}

it("tells equal forms, longer ones, and where they part", () => {
  const archive = compressZstd(TEXT, { checksum: true });
  const changed = Buffer.from(TEXT);
  changed[400_000] = 0x21;
  expect(compare(archive, TEXT)).toEqual({ kind: "equal", plainBytes: 500_000 });
  expect(compare(archive, Buffer.concat([TEXT, Buffer.from("x")]))).toEqual({
    kind: "plain-longer",
    commonBytes: 500_000,
  });
  expect(compare(archive, TEXT.subarray(0, 499_999))).toEqual({ kind: "archive-longer", commonBytes: 499_999 });
  expect(compare(archive, Buffer.alloc(0))).toEqual({ kind: "archive-longer", commonBytes: 0 });
  expect(compare(archive, changed)).toEqual({ kind: "different", offset: 400_000 });
});

it("never calls a broken archive equal", () => {
  const archive = compressZstd(TEXT, { checksum: true });
  expect(compare(archive.subarray(0, -1), TEXT)).toMatchObject({ kind: "damaged" });
  expect(compare(Buffer.alloc(0), TEXT)).toMatchObject({ kind: "damaged", offset: 0 });
  for (let at = 0; at < archive.length; at += 1) {
    const flipped = Buffer.from(archive);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    expect([at, compare(flipped, TEXT).kind === "equal" && !flipped.equals(archive) && at > 17]).toEqual([at, false]);
  }
});

it("tells where an archive breaks, without its plain form", () => {
  const path = join(folder.path, "archive");
  writeFileSync(path, compressZstd(TEXT).subarray(0, -3));
  const fd = openSync(path, "r");
  expect(checkArchive(fileChunks({ fd, path }))).toMatchObject({ message: "the compressed stream is cut short" });
  closeSync(fd);
  expect(checkArchive([compressZstd(TEXT)])).toEqual({ plainBytes: 500_000 });
});

it("tells whether a file begins with another one, or with so much of it", () => {
  const answer = (whole: Buffer, part: Buffer, limitBytes?: number): boolean => {
    const [a, b] = [join(folder.path, "whole"), join(folder.path, "part")];
    writeFileSync(a, whole);
    writeFileSync(b, part);
    return withSources(a, b, (one, other) => beginsWith(one, other, limitBytes));
  };
  const changed = Buffer.from(TEXT);
  changed[400_000] = 0x21;
  expect([answer(TEXT, TEXT), answer(TEXT, TEXT.subarray(0, 300_000))]).toEqual([true, true]);
  expect([answer(TEXT, Buffer.alloc(0)), answer(Buffer.alloc(0), TEXT)]).toEqual([true, false]);
  expect([answer(TEXT, changed), answer(TEXT.subarray(0, 300_000), TEXT)]).toEqual([false, false]);
  expect([answer(TEXT, changed, 400_000), answer(TEXT, changed, 400_001)]).toEqual([true, false]);
});
