/** Whether a home is free: held locks, open connections, and what `--force` changes about them. */
import fs, { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { claimHome, holdersOf } from "../../src/indexer/guard.ts";
import { openHome } from "../../src/readers/home.ts";
import { cli } from "../support/cli.ts";
import { readTable, runReindex, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { meta, rolloutText, sessionPath, threadId, turnContext, userMessage } from "../support/lines.ts";
import { hold } from "../support/processes.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = writeHome(join(folder.path, "home"), {
    [sessionPath(1)]: rolloutText([meta(1), turnContext(), userMessage("hello")]),
  });
  mkdirSync(join(home, "thread-writer-locks"));
  runReindex(home);
  writeHome(home, { [sessionPath(2)]: rolloutText([meta(2), turnContext(), userMessage("new")]) });
});

const open = () => openHome({ codexHome: home });
const threadLock = () => join(home, "thread-writer-locks", `${threadId(1)}.lock`);
const ids = () => readTable(home).map(({ id }) => id);

describe("a free home", () => {
  test("has no holders, although locks lie about that nobody holds any more", () => {
    writeFileSync(threadLock(), "");
    expect(holdersOf(open())).toEqual([]);
  });

  test("can be claimed, once at a time", () => {
    const lock = claimHome(open(), { force: false });
    expect(lock.path).toBe(join(home, ".tmp", "rollout-maintenance.lock"));
    lock.release();
    claimHome(open(), { force: false }).release();
  });
});

describe.each([
  ["a thread is loaded", () => hold("flock", threadLock()), "1 open thread"],
  ["the database is open", () => hold("sqlite", join(home, "state_5.sqlite")), "state_5.sqlite"],
])("while %s", (_, begin, who) => {
  test("nothing is written, and the message says who holds the home and what to do", async () => {
    await begin();
    expect(holdersOf(open())).toEqual([who]);
    const before = snapshot(home);
    for (const argv of [["reindex"], ["reindex", "--rebuild"], ["reindex", "--dry-run"]]) {
      const run = await cli(home, argv);
      expect([run.code, run.out]).toEqual([2, ""]);
      expect(run.err).toContain(`another process is using this home (${who})`);
      expect(run.err).toContain("quit Codex");
    }
    const after = snapshot(home);
    expect(Object.fromEntries(Object.entries(after).filter(([path]) => !/-shm$|-wal$/.test(path)))).toEqual(
      Object.fromEntries(Object.entries(before).filter(([path]) => !/-shm$|-wal$/.test(path))),
    );
  });

  test("reading commands work", async () => {
    await begin();
    const check = await cli(home, ["reindex", "--check"]);
    expect([check.code, check.err]).toEqual([1, ""]);
    expect((await cli(home, ["list"])).code).toBe(0);
  });

  test("--force goes on", async () => {
    await begin();
    const run = await cli(home, ["reindex", "--force"]);
    expect(run.code, run.err).toBe(0);
    expect(ids()).toEqual([threadId(1), threadId(2)].toSorted());
    expect((await cli(home, ["reindex", "--force", "--rebuild"])).code).toBe(0);
    expect(ids()).toEqual([threadId(1), threadId(2)].toSorted());
  });
});

describe("where the system has no list of locks", () => {
  beforeEach(() => {
    const { readFileSync, lstatSync } = fs;
    const missing = (path: unknown): void => {
      if (path === "/proc/locks") throw Object.assign(new Error("no such file"), { code: "ENOENT" });
    };
    vi.spyOn(fs, "readFileSync").mockImplementation((...values: Parameters<typeof readFileSync>) => {
      missing(values[0]);
      return readFileSync(...values);
    });
    vi.spyOn(fs, "lstatSync").mockImplementation((...values: Parameters<typeof lstatSync>) => {
      missing(values[0]);
      return lstatSync(...values);
    });
    syncBuiltinESMExports();
  });
  afterEach(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });

  test("an open database is found by trying to have it alone", async () => {
    expect(holdersOf(open())).toEqual([]);
    const holder = await hold("sqlite", join(home, "state_5.sqlite"));
    expect(holdersOf(open())).toEqual(["state_5.sqlite"]);
    const run = await cli(home, ["reindex"]);
    expect([run.code, run.out]).toEqual([2, ""]);
    expect(run.err).toContain("another process is using this home (state_5.sqlite)");
    holder.kill("SIGKILL");
    await new Promise((resolve) => void holder.once("exit", resolve));
    // What it has left lying about is no connection.
    expect(readdirSync(home)).toContain("state_5.sqlite-wal");
    expect(holdersOf(open())).toEqual([]);
    expect(ids()).toEqual([threadId(1)]);
  });

  test("what is no database is nobody's", () => {
    for (const suffix of ["", "-wal"]) writeFileSync(join(home, `thread_history_1.sqlite${suffix}`), "no database");
    expect(holdersOf(open())).toEqual([]);
  });
});

test("while a transaction is open, even --force only says that the database is busy", async () => {
  await hold("sqlite", join(home, "state_5.sqlite"), "write");
  const run = await cli(home, ["reindex", "--force"]);
  expect([run.code, run.out]).toEqual([2, ""]);
  expect(run.err).toMatch(/busy|locked|in use/i);
  expect(ids()).toEqual([threadId(1)]);
});

test("while another maintenance run is at work, --force waits for nothing either", async () => {
  await hold("flock", join(home, ".tmp", "rollout-maintenance.lock"));
  for (const argv of [["reindex"], ["reindex", "--force"]]) {
    const run = await cli(home, argv);
    expect([run.code, run.out]).toEqual([2, ""]);
    expect(run.err).toContain("another maintenance run is at work on this home");
  }
});

test("a sqlite home of its own is watched there", async () => {
  const sqlite = join(folder.path, "sqlite");
  mkdirSync(sqlite);
  runReindex(home);
  writeFileSync(join(sqlite, "state_5.sqlite"), "");
  await hold("sqlite", join(sqlite, "state_5.sqlite"));
  const run = await cli(home, ["reindex", "--sqlite-home", sqlite]);
  expect([run.code, run.out]).toEqual([2, ""]);
  expect(existsSync(join(sqlite, "rollout-tool"))).toBe(false);
});

test.each([".tmp", "db-backups", "rollout-tool"])(
  "a link in the place of %s is refused before anything is made",
  (name) => {
    const other = join(folder.path, "other");
    mkdirSync(other);
    const fresh = writeHome(join(folder.path, "fresh"), { [sessionPath(1)]: rolloutText([meta(1)]) });
    symlinkSync(other, join(fresh, name));
    expect(() => claimHome(openHome({ codexHome: fresh }), { force: true })).toThrow(
      expect.objectContaining({ code: "unsupported" }) as Error,
    );
  },
);
