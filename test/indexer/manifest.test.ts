/** The memory of the last run: written, read, and mistrusted. */
import { appendFileSync, copyFileSync, mkdirSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  familiarity,
  type FileMemory,
  fileSignature,
  type Manifest,
  manifestPath,
  readManifest,
  writeManifest,
} from "../../src/indexer/manifest.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { setMtime, temporaryFolder, writeHome } from "../support/homes.ts";
import { FILE_MS, sessionPath, threadId } from "../support/lines.ts";

const folder = temporaryFolder();

const FILE: FileMemory = {
  relativePath: "sessions/r.jsonl",
  sizeBytes: 9,
  mtimeMs: 5,
  ctimeMs: 5.25,
  inode: 7,
  head: "abcd",
  threadId: threadId(1),
};
const MANIFEST: Manifest = { codexHome: "/h", rules: "best", level: 62, signatures: { "/h/x": "1:2" }, files: [FILE] };

test("what is written is read again, readable by the owner alone", () => {
  writeManifest(folder.path, MANIFEST);
  expect(readManifest(folder.path)).toEqual(MANIFEST);
  expect(statSync(manifestPath(folder.path)).mode & 0o777).toBe(0o600);
});

test("writing the same again touches nothing", () => {
  writeManifest(folder.path, MANIFEST);
  const written = () => {
    const { ino, mtimeNs, ctimeNs } = statSync(manifestPath(folder.path), { bigint: true });
    return [ino, mtimeNs, ctimeNs];
  };
  const before = written();
  writeManifest(folder.path, MANIFEST);
  expect(written()).toEqual(before);
});

test.each([
  ["nothing", undefined],
  ["no JSON", "{"],
  ["another shape", "[]"],
  ["null", "null"],
  ["another version", '{"version":2,"files":[]}'],
  ["rows of another shape", '{"version":1,"files":[5]}'],
])("%s is no memory", (_, text) => {
  if (text !== undefined) writeHome(folder.path, { "rollout-tool/index-manifest.json": text });
  expect(readManifest(folder.path)).toBeUndefined();
});

test("a link in its place is not followed", () => {
  writeManifest(join(folder.path, "other"), MANIFEST);
  mkdirSync(join(folder.path, "rollout-tool"));
  symlinkSync(manifestPath(join(folder.path, "other")), manifestPath(folder.path));
  expect(readManifest(folder.path)).toBeUndefined();
});

describe("a signature", () => {
  test("is that of the file and its log, and empty without them", () => {
    const path = join(folder.path, "db");
    expect(fileSignature(path)).toBe("");
    const seen = new Set<string>();
    for (const change of [
      () => writeFileSync(path, "a"),
      () => appendFileSync(path, "b"),
      () => writeFileSync(`${path}-wal`, "a"),
      () => appendFileSync(`${path}-wal`, "b"),
      () => setMtime(path, FILE_MS),
      () => {
        copyFileSync(path, `${path}.copy`);
        setMtime(`${path}.copy`, FILE_MS);
        renameSync(`${path}.copy`, path);
      },
    ]) {
      change();
      seen.add(fileSignature(path));
    }
    expect(seen.size).toBe(6);
  });
});

describe("a file", () => {
  const look = () => {
    const [file] = discoverRollouts(folder.path).files;
    if (file === undefined) throw new Error("no file");
    return file;
  };
  const memory = (): FileMemory => ({ ...look(), head: "abcd", threadId: threadId(1) });

  test("is the same, moved when only its place on the disk is another, or changed", () => {
    const path = join(writeHome(folder.path, { [sessionPath(1)]: "text\n" }), sessionPath(1));
    const known = memory();
    expect(familiarity(look(), known)).toBe("same");
    expect(familiarity(look(), undefined)).toBe("changed");

    copyFileSync(path, `${path}.copy`);
    setMtime(`${path}.copy`, FILE_MS);
    renameSync(`${path}.copy`, path);
    expect(familiarity(look(), known)).toBe("moved");

    setMtime(path, FILE_MS + 1);
    expect(familiarity(look(), known)).toBe("changed");
    writeHome(folder.path, { [sessionPath(1)]: "other\n" });
    expect(familiarity(look(), known)).toBe("changed");
    // The same length and time, written in place: the kernel's own time tells, which many kernels count in steps of milliseconds.
    const now = memory();
    do writeHome(folder.path, { [sessionPath(1)]: "OTHER\n" });
    while (look().ctimeMs === now.ctimeMs);
    expect(familiarity(look(), now)).toBe("moved");
  });
});
