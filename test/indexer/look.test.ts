/** The look before a run: when is there nothing to do? */
import { appendFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { lookAround } from "../../src/indexer/look.ts";
import type { ReindexOptions } from "../../src/indexer/options.ts";
import { openHome } from "../../src/readers/home.ts";
import { change, DEFAULTS, runReindex, setMtime, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  FILE_MS,
  fileName,
  meta,
  rolloutText,
  sessionPath,
  threadId,
  turnContext,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
const text = (thread: number) => rolloutText([meta(thread), turnContext(), userMessage(`hello ${thread}`)]);
const path = (relative: string) => join(folder.path, relative);

beforeEach(() => {
  writeHome(folder.path, {
    [sessionPath(1)]: text(1),
    [archivedPath(2)]: text(2),
    [`${sessionPath(3)}.zst`]: text(3),
    "session_index.jsonl": "",
  });
  runReindex(folder.path);
});

const isQuiet = (options: Partial<ReindexOptions> = {}) => {
  return lookAround(openHome({ codexHome: folder.path }), { ...DEFAULTS, ...options }).unchanged !== undefined;
};

test("a home as the last run left it needs nothing, and the report says how it stands", () => {
  const { unchanged } = lookAround(openHome({ codexHome: folder.path }), DEFAULTS);
  expect(unchanged).toMatchObject({
    action: "unchanged",
    level: 62,
    files: { found: 3, archived: 1, compressed: 1, read: 0, unchanged: 3, rejected: [], documents: 0 },
    threads: { indexed: 3, added: 0, changed: 0 },
    bytesRead: 0,
  });
});

test.each<[string, () => void]>([
  ["a line more", () => appendFileSync(path(sessionPath(1)), rolloutText([userMessage("more")]))],
  ["a touched file", () => setMtime(path(sessionPath(1)), FILE_MS + 1)],
  ["a file more", () => void writeHome(folder.path, { [sessionPath(4)]: text(4) })],
  ["a file less", () => rmSync(path(sessionPath(1)))],
  ["a moved file", () => renameSync(path(sessionPath(1)), path(archivedPath(1)))],
  ["a folder called like a rollout", () => void writeHome(folder.path, { [`sessions/${fileName(9)}/x`]: "" })],
  [
    "another file in its place",
    () => {
      writeHome(folder.path, { "sessions/copy": text(1) });
      renameSync(path("sessions/copy"), path(sessionPath(1)));
    },
  ],
  ["a new name", () => appendFileSync(path("session_index.jsonl"), `{"id":"${threadId(1)}","thread_name":"n"}\n`)],
  ["a changed row", () => change(folder.path, "update threads set title = 'x'")],
  ["a new row in the log", () => appendFileSync(path("state_5.sqlite-wal"), "x")],
  ["no database", () => rmSync(path("state_5.sqlite"))],
  ["another database beside it", () => writeFileSync(path("thread_history_1.sqlite"), "")],
  [
    "a memory of another home",
    () => {
      renameSync(path("rollout-tool/index-manifest.json"), path("m"));
      writeHome(folder.path, { "rollout-tool/index-manifest.json": "{}" });
    },
  ],
  ["what a killed run left", () => writeFileSync(path(".state_5.sqlite.rollout-tool-9"), "")],
])("%s needs a run", (_, edit) => {
  edit();
  expect(isQuiet()).toBe(false);
});

describe("asked otherwise than the last time", () => {
  test.each<[Partial<ReindexOptions>, boolean]>([
    [{ level: 62 }, true],
    [{ force: true }, true],
    [{ level: 39 }, false],
    [{ rules: "codex" }, false],
    [{ rebuild: true }, false],
    [{ thorough: true }, false],
    [{ prune: true }, false],
    [{ mode: "check" }, false],
    [{ mode: "dry-run" }, false],
  ])("%j", (options, quiet) => {
    expect(isQuiet(options)).toBe(quiet);
  });
});

test("a home that was copied as a whole is another one", () => {
  const copy = join(folder.path, "..", `${folder.path.slice(folder.path.lastIndexOf("/") + 1)}-moved`);
  renameSync(folder.path, copy);
  try {
    expect(lookAround(openHome({ codexHome: copy }), DEFAULTS).manifest).toBeUndefined();
  } finally {
    renameSync(copy, folder.path);
  }
});
