import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import type { DecompressRun } from "../../src/compressor/decompress.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { decompress, namesIn, readEither, threadText } from "../support/archives.ts";
import { NOW_MS, setMtime, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { fileName, sessionPath } from "../support/lines.ts";

const folder = temporaryFolder();
const TEXT = threadText(1);
let home = "";
let plain = "";
beforeEach(() => {
  home = join(folder.path, "home");
  plain = join(home, sessionPath(1));
});

function pair(plainText: string, archive: string | Buffer): void {
  writeHome(home, { [sessionPath(1)]: plainText, [`${sessionPath(1)}.zst`]: archive });
}

const answer = (mode: DecompressRun["mode"]): readonly (string | undefined)[] =>
  decompress(home, { mode }).files.flatMap(({ outcome, pair: state }) => [outcome, state]);

it("of equal forms the plain one goes when it is cold, else the archive", () => {
  pair(TEXT, TEXT);
  expect(answer("pairs-dry-run")).toEqual(["pair", "equal"]);
  expect(answer("pairs")).toEqual(["kept_archive", "equal"]);
  expect(namesIn(home)).toEqual([`${fileName(1)}.zst`]);
  pair(TEXT, TEXT);
  setMtime(plain, NOW_MS - 1000);
  expect(answer("pairs")).toEqual(["kept_plain", "equal"]);
  expect(namesIn(home)).toEqual([fileName(1)]);
});

it("of two states of a file the longer one stays, whichever it is", () => {
  pair(`${TEXT}more\n`, TEXT);
  expect(answer("pairs")).toEqual(["kept_plain", "plain_longer"]);
  expect(readEither(plain)).toBe(`${TEXT}more\n`);
  for (const shorter of ["", TEXT.slice(0, 50)]) {
    pair(shorter, TEXT);
    expect(answer("pairs")).toEqual(["kept_archive", "archive_longer"]);
    expect(namesIn(home)).toEqual([`${fileName(1)}.zst`]);
    expect(readEither(plain)).toBe(TEXT);
  }
});

it("what cannot be decided by content stays as it is", () => {
  const packed = compressZstd(Buffer.from(TEXT), { checksum: true });
  const cases = [
    [TEXT.replace("message 0", "message X"), packed, "different"],
    [TEXT, packed.subarray(0, -2), "archive_damaged"],
    ["", packed.subarray(0, -2), "archive_damaged"],
    [TEXT, Buffer.alloc(0), "archive_damaged"],
  ] as const;
  for (const [text, archive, state] of cases) {
    pair(text, archive);
    const before = snapshot(join(home, "sessions"));
    expect(answer("pairs")).toEqual(["kept_both", state]);
    expect(answer("verify")).toEqual(["pair", state]);
    expect(snapshot(join(home, "sessions"))).toEqual(before);
  }
});

it("damaged archives are told with the place, and left alone", () => {
  const packed = compressZstd(Buffer.from(TEXT));
  writeHome(home, { [`${sessionPath(1)}.zst`]: packed.subarray(0, -2), [`${sessionPath(2)}.zst`]: TEXT });
  writeFileSync(join(home, `${sessionPath(3)}.zst`), "no frame at all");
  const before = snapshot(join(home, "sessions"));
  const checked = decompress(home, { mode: "verify" });
  expect(checked.outcomes).toEqual({ damaged: 2, sound: 1 });
  expect(checked.files.map(({ message }) => message?.slice(0, 40))).toEqual([
    "not valid Zstandard data (Unknown frame ",
    undefined,
    "the compressed stream is cut short",
  ]);
  expect(snapshot(join(home, "sessions"))).toEqual(before);
  expect(decompress(home).outcomes).toEqual({ failed: 2, decompressed: 1 });
  expect(namesIn(home)).toEqual([`${fileName(3)}.zst`, fileName(2), `${fileName(1)}.zst`].toSorted());
});
