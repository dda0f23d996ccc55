/** Single files that are in the way of `compress`: each has an outcome with a name, and is what it was. */
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  openSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { CompressReport } from "../../src/compressor/report.ts";
import { PROGRAM } from "../support/kills.ts";
import { compress, namesIn, readEither, threadText } from "../support/archives.ts";
import { setMtime, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { FILE_MS, fileName, sessionPath } from "../support/lines.ts";

const folder = temporaryFolder();
const plain = (thread: number): string => join(home, sessionPath(thread));
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
  writeHome(home, { [sessionPath(1)]: threadText(1), [sessionPath(2)]: threadText(2) });
});

const outcomes = ({ files }: CompressReport): Readonly<Record<string, string>> =>
  Object.fromEntries(files.map(({ path, outcome, message }) => [path.slice(-7, -6), message ?? outcome]));

/** Something happens to files once the first bytes were read. */
function compressWhile(what: () => void): CompressReport {
  let isDone = false;
  const advance = (): void => {
    if (!isDone) what();
    isDone = true;
  };
  return compress(home, { progress: () => ({ advance, end: () => undefined }) });
}

describe("a file", () => {
  test("that grows meanwhile", () => {
    const report = compressWhile(() => {
      for (const thread of [1, 2]) appendFileSync(plain(thread), "more\n");
    });
    expect(Object.values(outcomes(report)).toSorted()).toEqual(["skipped_changed", "skipped_not_cold"]);
    for (const thread of [1, 2]) expect(readEither(plain(thread))).toBe(`${threadText(thread)}more\n`);
    expect(namesIn(home)).toEqual([1, 2].map((thread) => fileName(thread)).toSorted());
  });

  test("that becomes shorter meanwhile", () => {
    const report = compressWhile(() => {
      for (const thread of [1, 2]) writeFileSync(plain(thread), "x\n");
    });
    expect(Object.values(outcomes(report)).toSorted()).toEqual(["skipped_changed", "skipped_not_cold"]);
    for (const thread of [1, 2]) expect(readEither(plain(thread))).toBe("x\n");
  });

  test("that vanishes meanwhile", () => {
    const report = compressWhile(() => {
      for (const thread of [1, 2]) rmSync(plain(thread));
    });
    expect(Object.values(outcomes(report)).toSorted()).toEqual(["skipped_changed", "skipped_vanished"]);
    expect(namesIn(home)).toEqual([]);
  });

  test("that another takes the place of, of the same length and time", () => {
    const report = compressWhile(() => {
      for (const thread of [1, 2]) {
        rmSync(plain(thread));
        writeHome(home, { [sessionPath(thread)]: threadText(thread).replace("message 1", "MESSAGE 1") });
      }
    });
    expect(Object.values(outcomes(report)).toSorted()).toEqual(["compressed", "skipped_changed"]);
    for (const thread of [1, 2]) expect(readEither(plain(thread))).toContain("MESSAGE 1");
  });

  test("with holes comes back as long as it was", () => {
    const fd = openSync(plain(1), "r+");
    ftruncateSync(fd, 40 << 20);
    closeSync(fd);
    setMtime(plain(1), FILE_MS);
    expect(outcomes(compress(home))).toEqual({ 1: "compressed", 2: "compressed" });
    expect(statSync(`${plain(1)}.zst`).size).toBeLessThan(100_000);
    const text = readEither(plain(1)) ?? "";
    expect([text.length, text.startsWith(threadText(1)), text.endsWith("\0\0")]).toEqual([40 << 20, true, true]);
  });

  test("without a byte, with a second name, that is a link, that is compressed, stays", () => {
    writeHome(home, {
      [sessionPath(1)]: "",
      [`${sessionPath(3)}.zst`]: threadText(3),
      [sessionPath(4)]: threadText(4),
    });
    linkSync(plain(2), join(home, "second"));
    symlinkSync(plain(4), plain(5));
    const before = snapshot(join(home, "sessions"));
    const report = compress(home, { what: { paths: [1, 2, 3, 5].map(plain) } });
    expect(outcomes(report)).toEqual({
      1: "skipped_unreadable_meta",
      2: "skipped_hard_link",
      3: "skipped_already_compressed",
      5: "skipped_not_a_file",
    });
    expect(snapshot(join(home, "sessions"))).toEqual(before);
  });
});

const NOBODY = 65534;

/** The program as a user who owns the home, but not all in it. */
function asNobody(change: () => void): CompressReport {
  chmodSync(folder.path, 0o755);
  for (const name of ["", ...readdirSync(home, { recursive: true, encoding: "utf8" })])
    chownSync(join(home, name), NOBODY, NOBODY);
  change();
  const argv = [PROGRAM, "compress", "--all", "--json", "--codex-home", home];
  const { stdout } = spawnSync(process.execPath, argv, { uid: NOBODY, gid: NOBODY, encoding: "utf8" });
  return JSON.parse(stdout) as CompressReport;
}

describe.runIf(process.getuid?.() === 0)("as a user who may not do everything, a file", () => {
  test("of another owner stays", () => {
    const report = asNobody(() => chownSync(plain(1), 0, 0));
    expect(outcomes(report)).toEqual({ 1: "skipped_other_owner", 2: "compressed" });
    expect(namesIn(home)).toEqual([fileName(1), `${fileName(2)}.zst`].toSorted());
    expect(readEither(plain(1))).toBe(threadText(1));
  });

  test("that may not be read stays", () => {
    const report = asNobody(() => {
      chownSync(plain(1), 0, 0);
      chmodSync(plain(1), 0);
    });
    expect(outcomes(report)).toEqual({ 1: "cannot read the file: permission denied", 2: "compressed" });
    expect(readEither(plain(1))).toBe(threadText(1));
  });

  test("in a folder that may not be written to stays", () => {
    const report = asNobody(() => chmodSync(join(plain(1), ".."), 0o500));
    const message = "cannot write the file: permission denied";
    expect(outcomes(report)).toEqual({ 1: message, 2: message });
    expect(namesIn(home)).toEqual([1, 2].map((thread) => fileName(thread)).toSorted());
  });
});
