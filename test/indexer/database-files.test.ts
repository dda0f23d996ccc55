/** Which database files may be replaced. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { databasePaths, hasUnfinished, requireOwnDatabase } from "../../src/indexer/database-files.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();

const refusal = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as unknown;

test("none, a file, and files of older generations are fine", () => {
  requireOwnDatabase(folder.path);
  for (const name of ["state_2.sqlite", "state_5.sqlite", "state_5.sqlite-wal", "state_x.sqlite"])
    writeFileSync(join(folder.path, name), "");
  requireOwnDatabase(folder.path);
});

test("a link, a folder and a newer generation are not", () => {
  const path = join(folder.path, "state_5.sqlite");
  symlinkSync("elsewhere", path);
  expect(() => requireOwnDatabase(folder.path)).toThrow(refusal("unsupported", "symbolic link"));

  const other = join(folder.path, "other");
  mkdirSync(join(other, "state_5.sqlite"), { recursive: true });
  expect(() => requireOwnDatabase(other)).toThrow(refusal("not-a-file", "not a regular file"));

  const newer = join(folder.path, "newer");
  mkdirSync(newer);
  writeFileSync(join(newer, "state_6.sqlite"), "");
  expect(() => requireOwnDatabase(newer)).toThrow(refusal("unsupported", "newer Codex"));
});

test("the databases of a home by name", () => {
  expect(databasePaths("/h")).toEqual(
    ["state_5", "thread_history_1", "goals_1", "queue_1", "memories_1", "memories_v2_1", "logs_2"].map(
      (name) => `/h/${name}.sqlite`,
    ),
  );
});

test("what a killed run left is seen", () => {
  expect(hasUnfinished(folder.path)).toBe(false);
  writeFileSync(join(folder.path, ".state_5.sqlite.rollout-tool-5"), "");
  expect(hasUnfinished(folder.path)).toBe(true);
});
