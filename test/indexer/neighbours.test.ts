/** The databases beside the state database: looked at, never touched. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inspectNeighbours } from "../../src/indexer/neighbours.ts";
import { SqliteDatabase } from "../../src/io/sqlite.ts";
import { snapshot, temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();

function look(moveAll = false): Readonly<Record<string, readonly [string, boolean]>> {
  const before = snapshot(folder.path);
  const found = inspectNeighbours(folder.path, moveAll).map(
    ({ file, state, movedAside }) => [file, [state, movedAside]] as const,
  );
  expect(snapshot(folder.path)).toEqual(before);
  return Object.fromEntries(found);
}

test("absent ones are not listed, sound ones stay", () => {
  expect(look()).toEqual({});
  const db = SqliteDatabase.create(join(folder.path, "goals_1.sqlite"));
  db.exec("create table t (x)");
  db.close();
  writeFileSync(join(folder.path, "queue_1.sqlite"), "");
  expect(look(true)).toEqual({ "goals_1.sqlite": ["healthy", false], "queue_1.sqlite": ["healthy", false] });
});

test("a damaged thread history goes by itself, the others when asked for", () => {
  for (const name of ["thread_history_1", "goals_1", "logs_2"])
    writeFileSync(join(folder.path, `${name}.sqlite`), "no database".repeat(100));
  expect(look()).toEqual({
    "thread_history_1.sqlite": ["damaged", true],
    "goals_1.sqlite": ["damaged", false],
    "logs_2.sqlite": ["damaged", false],
  });
  expect(Object.values(look(true)).map(([, aside]) => aside)).toEqual([true, true, true]);
});

test("links and folders are left alone", () => {
  writeFileSync(join(folder.path, "elsewhere"), "no database".repeat(100));
  symlinkSync("elsewhere", join(folder.path, "thread_history_1.sqlite"));
  mkdirSync(join(folder.path, "goals_1.sqlite"));
  expect(look(true)).toEqual({
    "thread_history_1.sqlite": ["not-checked", false],
    "goals_1.sqlite": ["not-checked", false],
  });
});
