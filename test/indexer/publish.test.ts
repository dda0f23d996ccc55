/** The swap of the finished file for the old one, and what is done about one that was cut short. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { clearUnfinished, publish, unfinishedPath } from "../../src/indexer/publish.ts";
import { SqliteDatabase } from "../../src/io/sqlite.ts";
import { setMtime, temporaryFolder } from "../support/homes.ts";
import { FILE_MS } from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
let backup = "";
let state = "";
let finished = "";
beforeEach(() => {
  home = join(folder.path, "home");
  backup = join(home, "db-backups", "sqlite-1-0");
  mkdirSync(backup, { recursive: true });
  mkdirSync(join(home, "rollout-tool"));
  state = join(home, "state_5.sqlite");
  finished = unfinishedPath(home, "1");
});

function makeDatabase(path: string, value: string): void {
  const db = SqliteDatabase.create(path);
  db.exec(`pragma journal_mode = wal; create table t (value text); insert into t values ('${value}')`);
  db.close();
}

function valueOf(path: string): unknown {
  const db = SqliteDatabase.open(path);
  try {
    return db.get("select value from t")?.["value"];
  } finally {
    db.close();
  }
}

const note = () => join(home, "rollout-tool", "pending-swap.json");

describe("publish", () => {
  test("puts the new file in place, keeps the old one, and leaves nothing else", () => {
    makeDatabase(state, "old");
    makeDatabase(finished, "new");
    publish({ sqliteHome: home, finished, oldIsReadable: true, backup });
    expect([valueOf(state), valueOf(join(backup, "state_5.sqlite"))]).toEqual(["new", "old"]);
    expect(readdirSync(home).toSorted()).toEqual(["db-backups", "rollout-tool", "state_5.sqlite"]);
    expect(readdirSync(join(home, "rollout-tool"))).toEqual([]);
  });

  test("keeps an unreadable one with all its companions, which do not stay beside the new one", () => {
    makeDatabase(finished, "new");
    for (const suffix of ["", "-wal", "-shm"]) writeFileSync(state + suffix, `garbage${suffix}`);
    publish({ sqliteHome: home, finished, oldIsReadable: false, backup });
    expect(readdirSync(backup)).toEqual(["state_5.sqlite", "state_5.sqlite-shm", "state_5.sqlite-wal"]);
    expect(readFileSync(join(backup, "state_5.sqlite-wal"), "utf8")).toBe("garbage-wal");
    expect(valueOf(state)).toBe("new");
  });

  test("works where there is no old one", () => {
    makeDatabase(finished, "new");
    publish({ sqliteHome: home, finished, oldIsReadable: false, backup });
    expect([valueOf(state), readdirSync(backup)]).toEqual(["new", []]);
  });
});

describe("a swap that was cut short", () => {
  /** As `publish` leaves it when it is killed between the note and the rename. */
  function cutShort(changes: { readonly finished?: string; readonly old?: unknown } = {}): void {
    makeDatabase(finished, "new");
    // Of another day: what is written from now on has another time, also where the kernel counts in steps of milliseconds.
    setMtime(state, FILE_MS);
    const { size, mtimeMs, ino } = statSync(state);
    const found = { finished: basename(finished), old: `${size}:${mtimeMs}:${ino}`, ...changes };
    writeFileSync(note(), JSON.stringify(found));
  }

  test("is finished", () => {
    makeDatabase(state, "old");
    cutShort();
    clearUnfinished(home);
    expect([valueOf(state), existsSync(note()), existsSync(finished)]).toEqual(["new", false, false]);
  });

  test("is dropped when somebody has written to the old file since", () => {
    makeDatabase(state, "old");
    cutShort();
    const db = SqliteDatabase.open(state);
    db.exec("update t set value = 'newer than new'");
    db.close();
    clearUnfinished(home);
    expect([valueOf(state), existsSync(note()), existsSync(finished)]).toEqual(["newer than new", false, false]);
  });

  test.each([
    ["another folder", { finished: "../outside.sqlite" }],
    ["a name that no run gives", { finished: "goals_1.sqlite" }],
    ["no text", { finished: 5 as unknown as string }],
    ["no mark", { old: 5 }],
  ])("is dropped when its note holds %s", (_, changes) => {
    makeDatabase(state, "old");
    makeDatabase(join(folder.path, "outside.sqlite"), "outside");
    makeDatabase(join(home, "goals_1.sqlite"), "goals");
    cutShort(changes);
    clearUnfinished(home);
    const values = [state, join(folder.path, "outside.sqlite"), join(home, "goals_1.sqlite")].map(valueOf);
    expect(values).toEqual(["old", "outside", "goals"]);
  });

  test("and files half written go, others stay", () => {
    writeFileSync(finished, "half a database");
    writeFileSync(`${finished}-wal`, "its log");
    writeFileSync(join(home, "rollout-tool", ".index-manifest.json.0123456789ab.partial"), "{");
    writeFileSync(join(home, "rollout-tool", "index-manifest.json"), "{}");
    writeFileSync(join(home, ".state_5.sqlite.copy-of-mine"), "mine");
    appendFileSync(join(home, "notes.partial"), "mine");
    clearUnfinished(home);
    expect(readdirSync(home).toSorted()).toEqual([
      ".state_5.sqlite.copy-of-mine",
      "db-backups",
      "notes.partial",
      "rollout-tool",
    ]);
    expect(readdirSync(join(home, "rollout-tool"))).toEqual(["index-manifest.json"]);
  });
});
