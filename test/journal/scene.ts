/** What the tests of the journal share: a home with three files and two rows, and units and runs on it in few words. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { beforeEach } from "vitest";
import { type Look, lookAtPath } from "../../src/compressor/files.ts";
import { Journal } from "../../src/journal/journal.ts";
import type { Recovered, Staged, Step } from "../../src/journal/types.ts";
import { listRuns } from "../../src/journal/undo.ts";
import { openHome, type Home } from "../../src/readers/home.ts";
import { copyDatabase, databaseUnit } from "../../src/verify/repair-database.ts";
import { temporaryFolder } from "../support/homes.ts";
import { ROOT } from "../support/sources.ts";

export const folder = temporaryFolder();
export const THREAD = "01a1fb9c-0000-7000-8000-000000000001";
export const OTHER = "01a1fb9c-0000-7000-8000-000000000002";
export let home: Home;

beforeEach(() => {
  renewHome();
});

/** Three files and a database with two rows. */
export function renewHome(): void {
  const path = join(folder.path, "home");
  fs.rmSync(path, { recursive: true, force: true });
  for (const [name, text] of [
    ["sessions/2026/01/01/a.jsonl", "alpha\n"],
    ["sessions/2026/01/01/b.jsonl", "beta\n"],
    ["sessions/2026/01/01/c.jsonl", "gamma\n"],
  ] as const) {
    fs.mkdirSync(dirname(join(path, name)), { recursive: true });
    fs.writeFileSync(join(path, name), text, { mode: 0o640 });
    fs.utimesSync(join(path, name), 1_700_000_000.25, 1_700_000_000.25);
  }
  makeDatabase(join(path, "state_5.sqlite"));
  useHome({ codexHome: path });
}

export function useHome(options: Parameters<typeof openHome>[0]): void {
  home = openHome(options);
}

export function makeDatabase(path: string): void {
  const db = new Database(path);
  db.pragma("journal_mode = wal");
  db.exec("create table threads (id text primary key, cwd text, size integer, picture blob)");
  db.exec("insert into threads values ('one', '/a', 9007199254740993, x'00ff'), ('two', '/b', 2, null)");
  db.close();
}

export const at = (name: string): string => join(home.codexHome, "sessions/2026/01/01", name);
export const archived = (name: string): string => join(home.codexHome, "archived_sessions", name);
export const database = (): string => join(home.sqliteHome, "state_5.sqlite");

export function read(path: string): string | undefined {
  return fs.existsSync(path) ? fs.readFileSync(path, "utf8") : undefined;
}

/** Working folders by the ids of threads. */
export function cwds(path = database()): unknown {
  const db = new Database(path);
  try {
    const rows = db.prepare<[], { id: string; cwd: string }>("select id, cwd from threads order by id").all();
    return Object.fromEntries(rows.map(({ id, cwd }) => [id, cwd]));
  } finally {
    db.close();
  }
}

export function look(path: string): Look {
  const found = lookAtPath(path);
  if (found === undefined) throw new Error(`nothing is at ${path}`);
  return found;
}

let runs = 0;

/** Each of a later second than the one before, so that their folders are in their order. */
export function open(force = false): Journal {
  runs += 1;
  const startedMs = 1_790_000_000_000 + runs * 1000;
  return Journal.open(home, { command: "test", now: () => startedMs, force });
}

export function stageText(journal: Journal, path: string, text: string, like?: Look): Staged {
  return journal.stage(path, (fd) => void fs.writeSync(fd, text), like);
}

/** What a test has to say of a unit; its title is that of the test. */
type Steps = (journal: Journal) => readonly Step[];

/** A run of one unit, to its end or until the process dies; returns its manifest. */
export function commit(steps: Steps, { title = "a unit", threadIds = [THREAD] } = {}): string {
  const journal = open();
  try {
    journal.commit({ title, threadIds, steps: steps(journal) });
    return journal.manifest ?? "";
  } finally {
    journal.close();
  }
}

export const creation =
  (path: string, text: string): Steps =>
  (journal) => [{ kind: "create", path, staged: stageText(journal, path, text) }];

export const replacement =
  (path: string, text: string): Steps =>
  (journal) => [{ kind: "replace", path, look: look(path), staged: stageText(journal, path, text, look(path)) }];

export const removal = (path: string): Step => ({ kind: "remove", path, look: look(path) });
export const moving = (path: string, target: string): Step => ({ kind: "move", path, target, look: look(path) });

/** A thread gets another working folder. */
export function rowStep(...changes: readonly (readonly [id: string, before: string, after: string])[]): Step {
  return {
    kind: "rows",
    database: database(),
    changes: changes.map(([id, before, after]) => ({
      table: "threads",
      key: { id },
      before: { cwd: before },
      after: { cwd: after },
    })),
  };
}

/** A database of which a changed copy takes the place, with its log. */
export const mend =
  (path: string): Steps =>
  (journal) => {
    const repair = {
      place: "state",
      path,
      threadId: undefined,
      codes: [],
      inStep: [],
      does: [],
      aside: undefined,
    } as const;
    const unit = databaseUnit(repair, journal, (copy) => {
      copyDatabase(repair.path, copy);
      const db = new Database(copy);
      db.exec("update threads set cwd = '/mended'");
      db.close();
      return true;
    });
    return unit?.steps ?? [];
  };

/** What the next run finds to be settled. */
export function settled(force = false): readonly Recovered[] {
  const journal = open(force);
  journal.close();
  return journal.recovered;
}

export function outcomes(): readonly string[] {
  return settled().map(({ outcome }) => outcome);
}

/** By run, the last first. */
export function states(): unknown {
  return listRuns(home).map(({ units }) => units.map(({ state }) => state));
}

/** A process that writes to a database and is killed: its commits stay in the log. */
export function writeAndDie(path: string, sql: string): void {
  const code = `const Database = require("better-sqlite3"); const db = new Database(process.argv[1]);
    db.pragma("journal_mode = wal"); db.pragma("wal_autocheckpoint = 0");
    db.exec(process.argv[2]); process.kill(process.pid, "SIGKILL");`;
  spawnSync(process.execPath, ["-e", code, path, sql], { cwd: ROOT });
}
