/** Whole runs: what becomes of the database in each situation, what is kept, and what the report says. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { reindex } from "../../src/indexer/reindex.ts";
import { checkFile } from "../../src/io/sqlite-image.ts";
import { SqliteDatabase } from "../../src/io/sqlite.ts";
import { openHome } from "../../src/readers/home.ts";
import {
  change,
  DEFAULTS,
  NOW_MS,
  query,
  readTable,
  runReindex,
  setMtime,
  snapshot,
  temporaryFolder,
  writeHome,
} from "../support/homes.ts";
import {
  archivedPath,
  FILE_MS,
  meta,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";

const legacy = (thread: number) => rolloutText([meta(thread), turnContext(), userMessage(`hello ${thread}`)]);
const paginated = (thread: number) =>
  rolloutText([paginatedMeta(thread), turnContext(), userItem(`hello ${thread}`)], { paginated: true });
const ids = (...threads: readonly number[]) => threads.map(threadId).toSorted();
const found = () => readTable(home).map(({ id }) => id);

beforeEach(() => {
  home = writeHome(join(folder.path, "home"), {
    [sessionPath(1)]: legacy(1),
    [sessionPath(2)]: paginated(2),
    [archivedPath(3)]: legacy(3),
  });
});

/** What a user has done with Codex since: only the database knows. */
function useIt(): void {
  change(home, "insert into thread_sections values ('s', 'Work', null)");
  change(
    home,
    `update threads set name = 'Mine', thread_section_id = 's', section_position = 2 where id = '${threadId(2)}'`,
  );
  change(home, `update threads set title = 'My title' where id = '${threadId(1)}'`);
  change(home, `update threads set recency_at = 1800000000, recency_at_ms = 1800000000123 where id = '${threadId(3)}'`);
  change(home, `insert into thread_spawn_edges values ('${threadId(1)}', '${threadId(2)}', 'closed')`);
}

function expectUsed(): void {
  const rows = query(
    home,
    "select id, title, name, thread_section_id as section, section_position as place, recency_at_ms as recency from threads order by id",
  );
  const byId = new Map(rows.map((row) => [row["id"], row]));
  expect(byId.get(threadId(1))?.["title"]).toBe("My title");
  expect(byId.get(threadId(2))).toMatchObject({ name: "Mine", section: "s", place: 2 });
  expect(byId.get(threadId(3))?.["recency"]).toBe(1800000000123);
  expect(readTable(home, "thread_sections").map((row) => row["name"])).toContain("Work");
  expect(readTable(home, "thread_spawn_edges", "child_thread_id").map((row) => row["status"])).toEqual(["closed"]);
}

const backups = () =>
  existsSync(join(home, "db-backups"))
    ? readdirSync(join(home, "db-backups"), { recursive: true, encoding: "utf8" }).toSorted()
    : [];

describe("a home without a database", () => {
  test("gets one at the newest level, complete, in one file, with nothing kept", () => {
    const report = runReindex(home);
    expect(report).toMatchObject({
      action: "created",
      level: 62,
      lineEnds: "lf",
      backup: undefined,
      before: { state: "absent" },
    });
    expect(report.threads).toEqual({ indexed: 3, added: 3, changed: 0, withoutRollout: [] });
    expect(found()).toEqual(ids(1, 2, 3));
    expect(readdirSync(home).toSorted()).toEqual([
      ".tmp",
      "archived_sessions",
      "db-backups",
      "rollout-tool",
      "sessions",
      "state_5.sqlite",
    ]);
    expect(backups()).toEqual([]);
    expect(readTable(home, "backfill_state")).toEqual([
      {
        id: 1,
        status: "complete",
        last_watermark: sessionPath(1) > sessionPath(2) ? sessionPath(1) : sessionPath(2),
        last_success_at: NOW_MS / 1000,
        updated_at: NOW_MS / 1000,
      },
    ]);
  });

  test("gets one for an older release, or for Windows, when asked", () => {
    expect(runReindex(home, { level: 39, lineEnds: "crlf" })).toMatchObject({ level: 39, lineEnds: "crlf" });
    expect(query(home, "select count(*) as n from _sqlx_migrations")).toEqual([{ n: 39 }]);
    expect(Object.keys(readTable(home)[0] ?? {})).not.toContain("history_mode");
  });

  test("without rollouts gets an empty one", () => {
    const empty = join(folder.path, "empty");
    mkdirSync(empty);
    expect(runReindex(empty)).toMatchObject({ action: "created", threads: { indexed: 0 } });
    expect(readTable(empty)).toEqual([]);
  });

  test("may have its databases elsewhere", () => {
    const sqlite = join(folder.path, "sqlite");
    mkdirSync(sqlite);
    const elsewhere = openHome({ codexHome: home, sqliteHome: sqlite });
    expect(reindex(elsewhere, DEFAULTS).database).toBe(join(sqlite, "state_5.sqlite"));
    expect(readTable(sqlite)).toHaveLength(3);
    expect(existsSync(join(home, "state_5.sqlite"))).toBe(false);
    expect(reindex(elsewhere, DEFAULTS).action).toBe("unchanged");
  });
});

describe("a sound database", () => {
  beforeEach(() => {
    runReindex(home);
    useIt();
  });

  test("is updated in place, and what the user did stays", () => {
    writeHome(home, { [sessionPath(4)]: legacy(4) });
    appendFileSync(join(home, sessionPath(1)), rolloutText([turnContext({ model: "newer" })]));
    renameSync(join(home, sessionPath(2)), join(home, archivedPath(2)));
    const report = runReindex(home);
    expect([report.action, report.backup, report.threads.added, report.threads.changed]).toEqual([
      "updated",
      undefined,
      1,
      2,
    ]);
    expect(found()).toEqual(ids(1, 2, 3, 4));
    const rows = new Map(readTable(home).map((row) => [row.id, row]));
    expect(rows.get(threadId(1))?.model).toBe("newer");
    expect([rows.get(threadId(2))?.archived, rows.get(threadId(2))?.rollout_path]).toEqual([
      1,
      join(home, archivedPath(2)),
    ]);
    expectUsed();
    expect(backups()).toEqual([]);
  });

  test("that agrees is left as it is, to the byte, and so again", () => {
    runReindex(home);
    const before = snapshot(home);
    expect(runReindex(home).action).toBe("unchanged");
    expect(snapshot(home)).toEqual(before);
  });

  test("is built anew when asked, and the old one kept", () => {
    const report = runReindex(home, { rebuild: true });
    expect(report).toMatchObject({ action: "rebuilt", backup: join(home, "db-backups", `sqlite-${NOW_MS / 1000}-0`) });
    expect(backups()).toEqual([`sqlite-${NOW_MS / 1000}-0`, `sqlite-${NOW_MS / 1000}-0/state_5.sqlite`]);
    expectUsed();
    expect(runReindex(home, { rebuild: true }).backup).toBe(join(home, "db-backups", `sqlite-${NOW_MS / 1000}-1`));
  });

  test("keeps its level and its line ends unless told otherwise", () => {
    runReindex(home, { rebuild: true, level: 39, lineEnds: "crlf" });
    expect(runReindex(home, { rebuild: true, lineEnds: "lf" })).toMatchObject({ level: 39, lineEnds: "lf" });
  });

  test("loses by Codex's rules what Codex would lose", () => {
    expect(runReindex(home, { rules: "codex" }).action).toBe("rebuilt");
    expect(
      query(home, "select count(*) as n from threads where name is not null or thread_section_id is not null"),
    ).toEqual([{ n: 0 }]);
    expect(readTable(home, "thread_spawn_edges", "child_thread_id")).toEqual([]);
  });

  test("gets a row back that somebody deleted, and its backfill state", () => {
    change(home, `delete from threads where id = '${threadId(3)}'`);
    change(home, "update backfill_state set status = 'running'");
    const report = runReindex(home);
    expect([report.action, report.threads.added]).toEqual(["updated", 1]);
    expect(found()).toEqual(ids(1, 2, 3));
    expect(query(home, "select status from backfill_state")).toEqual([{ status: "complete" }]);
  });

  test("keeps rows without a rollout, and says which, until they are pruned", () => {
    rmSync(join(home, sessionPath(1)));
    expect(runReindex(home).threads.withoutRollout).toEqual(ids(1));
    expect(found()).toEqual(ids(1, 2, 3));
    expect(runReindex(home, { prune: true }).threads.withoutRollout).toEqual(ids(1));
    expect(found()).toEqual(ids(2, 3));
  });

  test("keeps the row of a rollout that cannot be read any more", () => {
    truncateSync(join(home, sessionPath(1)), 0);
    const report = runReindex(home, { rebuild: true });
    expect(report.files.rejected).toEqual([
      { path: join(home, sessionPath(1)), reason: "it is empty", indexed: false },
    ]);
    expect(readTable(home).find(({ id }) => id === threadId(1))?.title).toBe("My title");
    expect(report.threads.withoutRollout).toEqual([]);
  });
});

describe("a home that was moved", () => {
  test("has its paths put right, and keeps the rest", () => {
    runReindex(home);
    useIt();
    const moved = join(folder.path, "moved");
    cpSync(home, moved, { recursive: true });
    rmSync(home, { recursive: true });
    home = moved;
    for (const path of [sessionPath(1), sessionPath(2), archivedPath(3)]) setMtime(join(home, path), FILE_MS);
    expect(runReindex(home).action).toBe("updated");
    expect(readTable(home).map((row) => String(row.rollout_path).startsWith(moved))).toEqual([true, true, true]);
    expectUsed();
  });
});

describe("a damaged database", () => {
  const damage = (edit: (bytes: Buffer) => Buffer | void) => {
    const path = join(home, "state_5.sqlite");
    const bytes = readFileSync(path);
    writeFileSync(path, edit(bytes) ?? bytes);
  };

  beforeEach(() => {
    runReindex(home);
    useIt();
  });

  test("is replaced, what it still held is taken over, and it is kept", () => {
    damage((bytes) => void bytes.fill(0, 0, 100));
    const old = readFileSync(join(home, "state_5.sqlite"));
    const report = runReindex(home);
    expect([report.action, report.before.state]).toEqual(["rebuilt", "damaged"]);
    expectUsed();
    expect(checkFile(join(home, "state_5.sqlite")).status).toBe("ok");
    expect(readFileSync(join(report.backup ?? "", "state_5.sqlite"))).toEqual(old);
    const counts = new Map(report.columns.map((count) => [count.column, count]));
    expect([
      counts.get("name")?.recovered,
      counts.get("title")?.recovered,
      counts.get("recency_at_ms")?.recovered,
    ]).toEqual([1, 1, 1]);
  });

  test.each<[string, (bytes: Buffer) => Buffer | void, string]>([
    ["cut to one page", (bytes) => bytes.subarray(0, 4096), "damaged"],
    ["cut to nothing", () => Buffer.alloc(0), "empty"],
    ["another file", () => Buffer.from("no database at all ".repeat(1000)), "damaged"],
  ])("that was %s gives way to one from the rollouts", (_, edit, state) => {
    damage(edit);
    const report = runReindex(home);
    expect([report.action, report.before.state]).toEqual(["rebuilt", state]);
    expect(found()).toEqual(ids(1, 2, 3));
  });

  test("that Codex refuses because of its migration rows is built anew without a loss", () => {
    change(home, "update _sqlx_migrations set checksum = x'00' where version = 5");
    const report = runReindex(home);
    expect([report.action, report.before.state, report.before.problems.length]).toEqual(["rebuilt", "refused", 1]);
    expectUsed();
  });

  test("with a garbage log beside it leaves that in the backup only", () => {
    writeFileSync(join(home, "state_5.sqlite-wal"), "garbage".repeat(2000));
    runReindex(home, { rebuild: true });
    expectUsed();
    expect(existsSync(join(home, "state_5.sqlite-wal"))).toBe(false);
  });
});

describe("what is not to be written", () => {
  beforeEach(() => {
    runReindex(home);
    useIt();
    writeHome(home, { [sessionPath(4)]: legacy(4) });
    change(home, `update threads set tokens_used = 99 where id = '${threadId(3)}'`);
  });

  test("--check tells the differences and writes nothing at all", () => {
    const before = snapshot(home);
    const report = runReindex(home, { mode: "check" });
    expect(report.differences).toEqual([{ id: threadId(3), column: "tokens_used", found: 99, expected: 0 }]);
    expect([report.action, report.threads.added]).toEqual(["checked", 1]);
    expect(snapshot(home)).toEqual(before);
  });

  test.each([{}, { rebuild: true }, { rules: "codex" as const }])(
    "--dry-run %j leaves databases and rollouts as they are",
    (options) => {
      const before = snapshot(home);
      expect(runReindex(home, { mode: "dry-run", ...options }).action).toBe("checked");
      expect(snapshot(home)).toEqual(before);
    },
  );

  test("a check of a home without a database makes none", () => {
    rmSync(join(home, "state_5.sqlite"));
    const before = snapshot(home);
    expect(runReindex(home, { mode: "check" })).toMatchObject({
      action: "checked",
      before: { state: "absent" },
      threads: { added: 4 },
    });
    expect(snapshot(home)).toEqual(before);
  });
});

describe("the other databases", () => {
  test("a damaged thread history is moved aside, others only when asked", () => {
    for (const name of ["thread_history_1.sqlite", "goals_1.sqlite"])
      writeFileSync(join(home, name), "no database".repeat(500));
    writeFileSync(join(home, "thread_history_1.sqlite-wal"), "log");
    const report = runReindex(home);
    expect(report.neighbours.map(({ file, state, movedAside }) => [file, state, movedAside])).toEqual([
      ["thread_history_1.sqlite", "damaged", true],
      ["goals_1.sqlite", "damaged", false],
    ]);
    expect(readdirSync(report.backup ?? "").toSorted()).toEqual([
      "thread_history_1.sqlite",
      "thread_history_1.sqlite-wal",
    ]);
    expect(existsSync(join(home, "goals_1.sqlite"))).toBe(true);
    // What stays damaged is told again.
    expect(runReindex(home).neighbours.map(({ state }) => state)).toEqual(["damaged"]);
    expect(runReindex(home, { allDatabases: true }).neighbours.map(({ movedAside }) => movedAside)).toEqual([true]);
    expect(runReindex(home).action).toBe("unchanged");
  });
});

test("an index of a newer release is left alone", () => {
  writeFileSync(join(home, "state_6.sqlite"), "");
  expect(() => runReindex(home)).toThrow(expect.objectContaining({ code: "unsupported" }) as Error);
});

test("an unknown later migration makes no difference", () => {
  runReindex(home);
  useIt();
  change(home, "insert into _sqlx_migrations values (999, 'future', current_timestamp, 1, x'00', 0)");
  writeHome(home, { [sessionPath(4)]: legacy(4) });
  expect(runReindex(home).action).toBe("updated");
  expectUsed();
  expect(query(home, "select count(*) as n from _sqlx_migrations where version = 999")).toEqual([{ n: 1 }]);
});

test("a log that holds nearly everything is read", () => {
  runReindex(home);
  const path = join(home, "state_5.sqlite");
  const db = SqliteDatabase.open(path);
  db.exec("pragma wal_autocheckpoint = 0");
  db.exec(`update threads set name = 'In the log' where id = '${threadId(2)}'`);
  for (const suffix of ["", "-wal"]) cpSync(path + suffix, join(folder.path, `kept${suffix}`));
  db.close();
  for (const suffix of ["", "-wal"]) cpSync(join(folder.path, `kept${suffix}`), path + suffix);
  writeHome(home, { [sessionPath(4)]: legacy(4) });
  runReindex(home);
  expect(query(home, `select name from threads where id = '${threadId(2)}'`)).toEqual([{ name: "In the log" }]);
});
