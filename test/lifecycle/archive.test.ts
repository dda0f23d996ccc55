import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { archiveThreads, unarchiveThreads } from "../../src/lifecycle/archive.ts";
import type { LifecycleReport } from "../../src/lifecycle/types.ts";
import { undoRun } from "../../src/journal/undo.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { openHome } from "../../src/readers/home.ts";
import {
  change,
  type HomeSpec,
  query,
  readTable,
  runReindex,
  snapshot,
  temporaryFolder,
  writeHome,
} from "../support/homes.ts";
import {
  archivedPath,
  base,
  FILE_MS,
  fileName,
  meta,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  userItem,
  userMessage,
} from "../support/lines.ts";

import { hold } from "../support/processes.ts";

const folder = temporaryFolder();
const NOW_MS = Date.parse("2025-12-01T00:00:00.000Z");

function agentMeta(n: number, parent: number) {
  return meta(n, {
    source: { subagent: { thread_spawn: { parent_thread_id: threadId(parent), depth: 1 } } },
    parent_thread_id: threadId(parent),
  });
}

function text(n: number): string {
  return rolloutText([meta(n), userMessage(`hello ${n}`)]);
}

/** 1 has the agents 2 (closed) and 3; 2 has 4. 5 stands alone. */
const TREE: HomeSpec = {
  [sessionPath(1)]: text(1),
  [sessionPath(2)]: rolloutText([agentMeta(2, 1), userMessage("two")]),
  [`${sessionPath(3)}.zst`]: rolloutText([agentMeta(3, 1), userMessage("three")]),
  [sessionPath(4)]: rolloutText([agentMeta(4, 2), userMessage("four")]),
  [sessionPath(5)]: text(5),
};

function homeOf(spec: HomeSpec): string {
  const home = writeHome(join(folder.path, "home"), spec);
  runReindex(home);
  return home;
}

const options = { now: () => NOW_MS };

function archive(home: string, ...texts: readonly string[]): LifecycleReport {
  return archiveThreads(openHome({ codexHome: home }), texts, options);
}

function unarchive(home: string, ...texts: readonly string[]): LifecycleReport {
  return unarchiveThreads(openHome({ codexHome: home }), texts, options);
}

/** Rollouts below the two folders, as they lie. */
function rollouts(home: string): readonly string[] {
  return Object.keys(snapshot(home)).filter((path) => /^(?:archived_)?sessions\/.*rollout-/.test(path));
}

function places(home: string): readonly unknown[] {
  return readTable(home).map(({ id, rollout_path: path, archived, archived_at: since, updated_at_ms: ms }) => [
    id,
    String(path).replace(`${home}/`, ""),
    archived,
    since,
    ms,
  ]);
}

describe("archive", () => {
  it("moves a thread with its agents, whatever the state of their edges, each in its form", () => {
    const home = homeOf(TREE);
    change(home, `update thread_spawn_edges set status = 'closed' where child_thread_id = '${threadId(2)}'`);
    const report = archive(home, threadId(1));
    expect(
      report.families.map(({ outcome, threads }) => [outcome, threads.map(({ id, tie, row }) => [id, tie, row])]),
    ).toEqual([
      [
        "done",
        [
          [threadId(1), "named", "changed"],
          [threadId(3), "agent", "changed"],
          [threadId(2), "agent", "changed"],
          [threadId(4), "agent", "changed"],
        ],
      ],
    ]);
    expect(rollouts(home)).toEqual([
      archivedPath(4),
      `${archivedPath(3)}.zst`,
      archivedPath(2),
      archivedPath(1),
      sessionPath(5),
    ]);
    const since = NOW_MS / 1000;
    expect(places(home)).toEqual([
      [threadId(5), sessionPath(5), 0, null, expect.any(Number)],
      [threadId(4), archivedPath(4), 1, since, expect.any(Number)],
      [threadId(3), `${archivedPath(3)}.zst`, 1, since, expect.any(Number)],
      [threadId(2), archivedPath(2), 1, since, expect.any(Number)],
      [threadId(1), archivedPath(1), 1, since, expect.any(Number)],
    ]);
    expect(query(home, "select status from thread_spawn_edges order by status")).toEqual([
      { status: "closed" },
      { status: "open" },
      { status: "open" },
    ]);
    expect(statSync(join(home, archivedPath(1))).mtimeMs).toBe(FILE_MS);
  });

  it("finds agents that only the rollouts tell of", () => {
    const home = homeOf(TREE);
    change(home, "delete from thread_spawn_edges");
    expect(archive(home, threadId(1)).families[0]?.threads.length).toBe(4);
  });

  it("moves all stages of a reverted thread, and what continues it still finds it", () => {
    const bytes = Buffer.byteLength(rolloutText([paginatedMeta(1), userItem("first")], { paginated: true }));
    const home = homeOf({
      [sessionPath(1)]: rolloutText([paginatedMeta(1), userItem("first")], { paginated: true }),
      [sessionPath(1, { stamp: "2025-11-02T08-00-00", segment: 7 })]: rolloutText(
        [paginatedMeta(1, { history_base: base(threadId(1), bytes, 2) })],
        { paginated: true, firstOrdinal: 2 },
      ),
    });
    archive(home, threadId(1));
    const second = basename(sessionPath(1, { stamp: "2025-11-02T08-00-00", segment: 7 }));
    expect(rollouts(home)).toEqual([archivedPath(1), `archived_sessions/${second}`]);
    expect(places(home)).toEqual([[threadId(1), `archived_sessions/${second}`, 1, NOW_MS / 1000, expect.any(Number)]]);
    unarchive(home, threadId(1));
    expect(rollouts(home)).toEqual([sessionPath(1), `sessions/2025/11/02/${second}`]);
    // Only the file that counts is touched.
    expect(statSync(join(home, sessionPath(1))).mtimeMs).toBe(FILE_MS);
    expect(Math.floor(statSync(join(home, "sessions/2025/11/02", second)).mtimeMs)).toBe(NOW_MS);
  });

  it("takes both forms of a pair along", () => {
    const home = homeOf({ [sessionPath(1)]: text(1), [`${sessionPath(1)}.zst`]: text(1) });
    archive(home, threadId(1));
    expect(rollouts(home)).toEqual([archivedPath(1), `${archivedPath(1)}.zst`]);
    expect(places(home)[0]).toEqual([threadId(1), archivedPath(1), 1, NOW_MS / 1000, expect.any(Number)]);
  });

  it("of two equal copies in both places leaves the archived one", () => {
    const home = homeOf({ [sessionPath(1)]: text(1), [archivedPath(1)]: text(1) });
    const { manifest = "" } = archive(home, threadId(1));
    expect(rollouts(home)).toEqual([archivedPath(1)]);
    undoRun(openHome({ codexHome: home }), manifest);
    expect(rollouts(home)).toEqual([archivedPath(1), sessionPath(1)]);
  });

  it("refuses to put a file into the place of another one", () => {
    const home = homeOf({ [sessionPath(1)]: text(1), [archivedPath(1)]: `${text(1)}{}\n` });
    const before = snapshot(join(home, "sessions"));
    expect(() => archive(home, threadId(1))).toThrow("another file has the name that this one would get");
    expect(snapshot(join(home, "sessions"))).toEqual(before);
    const other = homeOf({ [sessionPath(2)]: text(2), [`${archivedPath(2)}.zst`]: text(2) });
    expect(() => archive(other, threadId(2))).toThrow("another file has the name");
  });

  it("makes the row that is missing", () => {
    const home = homeOf(TREE);
    const [row] = query(home, `select * from threads where id = '${threadId(5)}'`);
    change(home, `delete from threads where id = '${threadId(5)}'`);
    expect(archive(home, threadId(5)).families[0]?.threads[0]?.row).toBe("made");
    expect(query(home, `select * from threads where id = '${threadId(5)}'`)).toEqual([
      {
        ...row,
        rollout_path: join(home, archivedPath(5)),
        archived: 1,
        archived_at: NOW_MS / 1000,
        updated_at: expect.any(Number) as number,
        updated_at_ms: expect.any(Number) as number,
      },
    ]);
  });

  it("works without an index, and not with a damaged one", () => {
    const home = writeHome(join(folder.path, "home"), TREE);
    expect(archive(home, threadId(5)).families[0]?.threads[0]).toMatchObject({ row: "none" });
    expect(existsSync(join(home, archivedPath(5)))).toBe(true);
    writeFileSync(join(home, "state_5.sqlite"), "SQLite format 3\0 and nothing more".repeat(300));
    expect(() => archive(home, threadId(1))).toThrow("the index cannot be used");
  });

  it("has nothing to do twice, and mends the flag of a row that is wrong", () => {
    const home = homeOf(TREE);
    archive(home, threadId(5));
    expect(archive(home, threadId(5)).families[0]?.outcome).toBe("already");
    change(home, `update threads set archived = 0, archived_at = null where id = '${threadId(5)}'`);
    const { families } = archive(home, threadId(5));
    expect([families[0]?.outcome, families[0]?.threads[0]?.row]).toEqual(["done", "changed"]);
    expect(places(home)[0]).toMatchObject({ 2: 1, 3: NOW_MS / 1000 });
  });

  it("refuses a thread of which only the row is left", () => {
    const home = homeOf(TREE);
    change(home, `update threads set id = '${threadId(9)}' where id = '${threadId(5)}'`);
    expect(() => archive(home, threadId(9))).toThrow(
      `the thread ${threadId(9)} has a row in the index, but no rollout`,
    );
  });

  it("writes nothing for a dry run", () => {
    const home = homeOf(TREE);
    const before = snapshot(home);
    const planned = archiveThreads(openHome({ codexHome: home }), [threadId(1)], { ...options, dryRun: true });
    expect(planned.families[0]?.outcome).toBe("planned");
    expect(planned.families[0]?.threads.map(({ files }) => files[0]?.target)).toEqual([
      join(home, archivedPath(1)),
      join(home, `${archivedPath(3)}.zst`),
      join(home, archivedPath(2)),
      join(home, archivedPath(4)),
    ]);
    expect(snapshot(home)).toEqual(before);
  });

  it("leaves a family alone of which one thread is open", async () => {
    const home = homeOf(TREE);
    const before = snapshot(join(home, "sessions"));
    mkdirSync(join(home, "thread-writer-locks"));
    await hold("flock", join(home, "thread-writer-locks", `${threadId(4)}.lock`));
    const { families } = archive(home, threadId(1), threadId(5));
    expect(families.map(({ outcome, error }) => [outcome, error?.message])).toEqual([
      ["refused", `Codex has the thread ${threadId(4)} open`],
      ["done", undefined],
    ]);
    expect(Object.keys(before).filter((path) => !existsSync(join(home, "sessions", path)))).toEqual([
      sessionPath(5).replace("sessions/", ""),
    ]);
  });

  it("does a family once, whoever of it is named", () => {
    const home = homeOf(TREE);
    const { families } = archive(home, threadId(2), threadId(1), threadId(4));
    expect(families.map(({ outcome }) => outcome)).toEqual(["done", "done", "already"]);
    expect(rollouts(home).length).toBe(5);
    expect(readTable(home).map(({ archived }) => archived)).toEqual([0, 1, 1, 1, 1]);
  });

  it("goes on with the others when one of several cannot be done", () => {
    const home = homeOf(TREE);
    const { families } = archive(home, "nothing", threadId(5));
    expect(families.map(({ outcome, error }) => [outcome, error?.code])).toEqual([
      ["refused", "not-found"],
      ["done", undefined],
    ]);
  });

  it("does not follow links", () => {
    const home = homeOf(TREE);
    mkdirSync(join(folder.path, "elsewhere"));
    symlinkSync(join(folder.path, "elsewhere"), join(home, "sessions", "link"));
    writeFileSync(join(folder.path, "elsewhere", fileName(8)), text(8));
    expect(() => archive(home, threadId(8))).toThrow("there is no thread");
    expect(() => archive(home, join(folder.path, "elsewhere", fileName(8)))).toThrow(
      "not among the rollouts of this home",
    );
    symlinkSync(join(folder.path, "elsewhere"), join(home, "archived_sessions"));
    // The folder itself may lie on another disk.
    archive(home, threadId(5));
    expect(existsSync(join(folder.path, "elsewhere", fileName(5)))).toBe(true);
  });

  it("brings everything back by its manifest", () => {
    const home = homeOf(TREE);
    const [before, rows] = [snapshot(join(home, "sessions")), readTable(home)];
    const { manifest = "" } = archive(home, threadId(1));
    const { units } = undoRun(openHome({ codexHome: home }), manifest);
    expect(units.map(({ outcome }) => outcome)).toEqual(["undone"]);
    expect(snapshot(join(home, "sessions"))).toEqual(before);
    expect(readTable(home)).toEqual(rows);
  });
});

describe("unarchive", () => {
  it("puts files into the folder of the day in their name, and touches them", () => {
    const home = homeOf(TREE);
    const before = rollouts(home);
    const recency = query(home, "select id, recency_at_ms from threads order by id");
    archive(home, threadId(1));
    const report = unarchive(home, threadId(1));
    expect(report.families[0]?.outcome).toBe("done");
    expect(rollouts(home)).toEqual(before);
    const rows = readTable(home).filter(({ id }) => id !== threadId(5));
    expect(rows.map(({ archived, archived_at: since }) => [archived, since])).toEqual(rows.map(() => [0, null]));
    const times = rows.map(({ updated_at_ms: ms }) => Number(ms)).toSorted((a, b) => a - b);
    expect(times).toEqual([NOW_MS, NOW_MS + 1, NOW_MS + 2, NOW_MS + 3]);
    for (const { rollout_path: path, updated_at_ms: ms } of rows) {
      expect(Math.floor(statSync(String(path)).mtimeMs)).toBe(ms);
    }
    expect(query(home, "select id, recency_at_ms from threads order by id")).toEqual(recency);
  });

  it("leaves agents alone that are active already", () => {
    const home = homeOf(TREE);
    archive(home, threadId(1));
    unarchive(home, threadId(2));
    expect(rollouts(home).filter((path) => path.startsWith("sessions"))).toEqual([
      sessionPath(5),
      sessionPath(4),
      sessionPath(2),
    ]);
    const { families } = unarchive(home, threadId(1));
    expect(families[0]?.threads.map(({ id, row }) => [id, row])).toEqual([
      [threadId(1), "changed"],
      [threadId(3), "changed"],
      [threadId(2), "right"],
      [threadId(4), "right"],
    ]);
  });

  it("refuses a name that tells no day", () => {
    const home = homeOf({ "archived_sessions/rollout-foo.jsonl": text(1) });
    expect(() => unarchive(home, threadId(1))).toThrow("does not tell the day");
  });

  it("goes on with an archive as it is", () => {
    const home = homeOf({ [`${archivedPath(1)}.zst`]: text(1) });
    unarchive(home, threadId(1));
    expect(rollouts(home)).toEqual([`${sessionPath(1)}.zst`]);
    expect(readFileSync(join(home, `${sessionPath(1)}.zst`))).toEqual(compressZstd(Buffer.from(text(1))));
  });
});
