/** Which files a run has to read again. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { headDigest } from "../../src/indexer/extract.ts";
import type { FileMemory, Manifest } from "../../src/indexer/manifest.ts";
import { selectFiles } from "../../src/indexer/unchanged.ts";
import type { SqlRow } from "../../src/io/sqlite.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { setMtime, temporaryFolder, writeHome } from "../support/homes.ts";
import { FILE_MS, meta, rolloutText, sessionPath, threadId } from "../support/lines.ts";

const folder = temporaryFolder();
const REVERTED = { stamp: "2025-11-01T13-00-00", segment: 911 };

beforeEach(() => {
  writeHome(folder.path, {
    [sessionPath(1)]: rolloutText([meta(1)]),
    [sessionPath(2)]: rolloutText([meta(2)]),
    [sessionPath(2, REVERTED)]: rolloutText([meta(2)]),
  });
});

const discovered = () => discoverRollouts(folder.path).files;

/** All files as they are now, remembered. */
function remembered(changes: Partial<FileMemory> = {}): Manifest {
  const files = discovered().map((file) => ({
    ...file,
    head: headDigest(file.path),
    threadId: file.name?.threadId,
    ...changes,
  }));
  return { codexHome: folder.path, rules: "best", level: 62, signatures: {}, files };
}

function rows(changes: Readonly<Record<string, SqlRow>> = {}): ReadonlyMap<string, SqlRow> {
  const named = { [threadId(1)]: sessionPath(1), [threadId(2)]: sessionPath(2, REVERTED) };
  const all = Object.entries(named).map(
    ([id, path]) => [id, { id, rollout_path: join(folder.path, path), ...changes[id] }] as const,
  );
  return new Map(all);
}

function changed(manifest: Manifest | undefined, stored = rows()): readonly string[] {
  const selection = selectFiles(discovered(), manifest, stored);
  expect(selection.changed.length + selection.unchanged.size).toBe(discovered().length);
  return selection.changed.map(({ relativePath }) => relativePath);
}

const SECOND = [sessionPath(2), sessionPath(2, REVERTED)].toSorted();
const ALL = [sessionPath(1), ...SECOND].toSorted();

test("all of them without a memory, none when all are as they were", () => {
  expect(changed(undefined)).toEqual(ALL);
  expect(changed(remembered())).toEqual([]);
});

test("those that changed, with all files of their threads", () => {
  const manifest = remembered();
  setMtime(join(folder.path, sessionPath(2)), FILE_MS + 5);
  expect(changed(manifest)).toEqual(SECOND);
});

test("a new one, with the other files of its thread", () => {
  const manifest = remembered();
  expect(
    changed({ ...manifest, files: manifest.files.filter(({ relativePath }) => relativePath !== sessionPath(2)) }),
  ).toEqual(SECOND);
});

describe("a file of the same size and time at another place on the disk", () => {
  test("is judged by its first bytes", () => {
    const manifest = remembered({ inode: 1 });
    expect(changed(manifest)).toEqual([]);
    const path = join(folder.path, sessionPath(1));
    writeFileSync(path, rolloutText([meta(1, { cli_version: "0.169.1" })]));
    setMtime(path, FILE_MS);
    expect(changed(manifest)).toEqual([sessionPath(1)]);
  });
});

describe("a row", () => {
  test("that is gone is made anew", () => {
    expect(changed(remembered(), new Map())).toEqual(ALL);
  });

  test("that names another file is, if its thread has but one", () => {
    expect(changed(remembered(), rows({ [threadId(1)]: { rollout_path: "/elsewhere/rollout-x.jsonl" } }))).toEqual([
      sessionPath(1),
    ]);
    expect(changed(remembered(), rows({ [threadId(1)]: { rollout_path: null } }))).toEqual([sessionPath(1)]);
    expect(
      changed(remembered(), rows({ [threadId(1)]: { rollout_path: `${join(folder.path, sessionPath(1))}.zst` } })),
    ).toEqual([]);
  });
});
