import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { openThread } from "../../src/analysis/open-thread.ts";
import { lockThread } from "../../src/compressor/thread-lock.ts";
import { undoRun } from "../../src/journal/undo.ts";
import { folderMap } from "../../src/lifecycle/cwd-map.ts";
import { type MoveReport, moveThreads, type MoveThreadsOptions } from "../../src/lifecycle/move-threads.ts";
import { openHome } from "../../src/readers/home.ts";
import { lineageChain } from "../../src/readers/lineage.ts";
import { cli } from "../support/cli.ts";
import { system, useFileSystem } from "../support/file-system.ts";
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
  CWD,
  FILE_MS,
  meta,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  threadId,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";
import { hold } from "../support/processes.ts";

const folder = temporaryFolder();
const NOW_MS = Date.parse("2025-12-01T00:00:00.000Z");

const name = (n: number, thread_name: string): string =>
  `${JSON.stringify({ id: threadId(n), thread_name, updated_at: "2025-11-01T00:00:00Z" })}\n`;

function agentMeta(n: number, parent: number) {
  return meta(n, { source: { subagent: { thread_spawn: { parent_thread_id: threadId(parent), depth: 1 } } } });
}

const ROOT = rolloutText([paginatedMeta(1), turnContext(), userItem("first"), responseItem("first")], {
  paginated: true,
});
const FORK = rolloutText(
  [
    paginatedMeta(2, { history_base: base(threadId(1), Buffer.byteLength(ROOT), 4), forked_from_id: threadId(1) }),
    userItem("second"),
    responseItem("second"),
  ],
  { paginated: true, firstOrdinal: 4 },
);

/** 2 continues 1, and 3 is an agent of 2's. 6 and its agent 7 stand alone. */
const HERE: HomeSpec = {
  [archivedPath(1)]: ROOT,
  [`${sessionPath(2)}.zst`]: FORK,
  [sessionPath(3)]: rolloutText([agentMeta(3, 2), userMessage("three")]),
  [sessionPath(6)]: rolloutText([meta(6), turnContext(), userMessage("six")]),
  [sessionPath(7)]: rolloutText([agentMeta(7, 6), userMessage("seven")]),
  "session_index.jsonl": `${name(2, "old")}${name(6, "six")}${name(2, "fork")}`,
};

const THERE: HomeSpec = {
  [sessionPath(9)]: rolloutText([meta(9), userMessage("nine")]),
  "session_index.jsonl": name(9, "nine"),
};

interface Homes {
  readonly here: string;
  readonly there: string;
}

let pairs = 0;

function homes(here: HomeSpec = HERE, there: HomeSpec = THERE): Homes {
  const root = join(folder.path, String((pairs += 1)));
  const made = { here: writeHome(join(root, "here"), here), there: writeHome(join(root, "there"), there) };
  runReindex(made.here);
  runReindex(made.there);
  return made;
}

function move({ here, there }: Homes, text: string, options: Partial<MoveThreadsOptions> = {}): MoveReport {
  return moveThreads(openHome({ codexHome: here }), [text], {
    target: openHome({ codexHome: there }),
    now: () => NOW_MS,
    ...options,
  });
}

function rollouts(home: string): readonly string[] {
  return Object.keys(snapshot(home)).filter((path) => /^(?:archived_)?sessions\/.*rollout-/.test(path));
}

function ids(home: string): readonly unknown[] {
  return readTable(home).map(({ id }) => id);
}

function history(home: string, n: number): unknown {
  return openThread(openHome({ codexHome: home }), threadId(n))
    .history()
    .state.history.map(({ item }) => item);
}

describe("move --to-home", () => {
  it.each(["here", "there"] as const)(
    "leaves both homes alone while somebody writes to the list of names %s",
    async (which) => {
      const both = homes();
      await hold("flock", join(both[which], "session_index.jsonl.lock"));
      expect(() => move(both, threadId(6))).toThrow("Codex has the list of names open");
      expect(rollouts(both.here)).toContain(sessionPath(6));
      expect(readFileSync(join(both.here, "session_index.jsonl"), "utf8")).toContain(name(6, "six"));
    },
  );

  it("takes along what belongs together, rows, names and edges", () => {
    const both = homes();
    const { here, there } = both;
    change(
      here,
      `update thread_spawn_edges set status = 'closed' where child_thread_id = '${threadId(3)}';
      update threads set name = 'fork', preview = 'kept', tokens_used = 77 where id = '${threadId(2)}'`,
    );
    const rows = readTable(here).filter(({ id }) => [1, 2, 3].map(threadId).includes(String(id)));
    const before = [1, 2, 3].map((n) => history(here, n));
    const report = move(both, threadId(1));
    expect(report.families[0]?.threads.map(({ id, tie, row, files }) => [id, tie, row, files.length])).toEqual([
      [threadId(1), "named", "changed", 1],
      [threadId(2), "fork", "changed", 1],
      [threadId(3), "agent", "changed", 1],
    ]);
    expect(rollouts(there)).toEqual([archivedPath(1), sessionPath(9), sessionPath(3), `${sessionPath(2)}.zst`]);
    expect(rollouts(here)).toEqual([sessionPath(7), sessionPath(6)]);
    expect([1, 2, 3].map((n) => history(there, n))).toEqual(before);
    expect(Math.floor(statSync(join(there, sessionPath(3))).mtimeMs)).toBe(FILE_MS);
    expect(readTable(there).filter(({ id }) => id !== threadId(9))).toEqual(
      rows.map((row) => ({
        ...row,
        rollout_path: String(row["rollout_path"])
          .replace(here, there)
          .replace(/(0002\.jsonl)$/, "$1.zst"),
      })),
    );
    expect(ids(here)).toEqual([threadId(7), threadId(6)]);
    const edge = { parent_thread_id: threadId(2), child_thread_id: threadId(3), status: "closed" };
    expect(readTable(there, "thread_spawn_edges", "1")).toEqual([edge]);
    expect(readTable(here, "thread_spawn_edges", "1").length).toBe(1);
    expect(readFileSync(join(here, "session_index.jsonl"), "utf8")).toBe(name(6, "six"));
    expect(readFileSync(join(there, "session_index.jsonl"), "utf8")).toBe(
      `${name(9, "nine")}${name(2, "old")}${name(2, "fork")}`,
    );
    expect(report.families[0]?.names).toBe(2);
  });

  it("is the same family from whichever end", () => {
    for (const n of [2, 3]) {
      const both = homes();
      const { families } = move(both, threadId(n), { dryRun: true });
      const ties = Object.fromEntries(families[0]?.threads.map(({ id, tie }) => [id, tie]) ?? []);
      // An agent goes alone: nothing of its history lies in its parent.
      expect(ties).toEqual(
        n === 2
          ? { [threadId(2)]: "named", [threadId(1)]: "base", [threadId(3)]: "agent" }
          : { [threadId(3)]: "named" },
      );
      expect(existsSync(join(both.here, "rollout-tool", "changes"))).toBe(false);
    }
  });

  it("leaves both with --copy, and then takes only what the thread needs", () => {
    const both = homes();
    const before = snapshot(join(both.here, "sessions"));
    const report = move(both, threadId(1), { copy: true });
    expect(report.families[0]?.threads.map(({ id }) => id)).toEqual([threadId(1)]);
    expect(snapshot(join(both.here, "sessions"))).toEqual(before);
    expect(ids(both.here).length).toBe(5);
    expect(rollouts(both.there)).toEqual([archivedPath(1), sessionPath(9)]);
    // The base is there already, and is taken for what it is.
    const second = move(both, threadId(2), { copy: true });
    expect(second.families[0]?.outcome).toBe("done");
    expect(history(both.there, 2)).toEqual(history(both.here, 2));
    expect(move(both, threadId(2), { copy: true }).families[0]?.outcome).toBe("already");
  });

  it("finishes what was cut off between the two homes", () => {
    const both = homes();
    move(both, threadId(6), { copy: true });
    const report = move(both, threadId(6));
    expect(report.families[0]?.outcome).toBe("done");
    expect([rollouts(both.here).length, ids(both.here).length]).toEqual([3, 3]);
    expect(rollouts(both.there)).toEqual([sessionPath(9), sessionPath(7), sessionPath(6)]);
    // And once more, when all is done.
    expect(move(both, threadId(6)).families[0]?.outcome).toBe("already");
    expect(() => move(both, threadId(8))).toThrow("there is no thread");
  });

  it("never takes the place of another thread, or of another state of this one", () => {
    const both = homes(HERE, { ...THERE, [sessionPath(6)]: rolloutText([meta(6), userMessage("another six")]) });
    const before = [snapshot(join(both.here, "sessions")), snapshot(join(both.there, "sessions"))];
    expect(() => move(both, threadId(6))).toThrow("the other home has another file of this name");
    expect(() => move(both, threadId(6), { dryRun: true })).toThrow("the other home has another file of this name");
    const other = homes(HERE, { ...THERE, [archivedPath(6)]: rolloutText([meta(6), userMessage("six")]) });
    expect(() => move(other, threadId(6))).toThrow(`the other home has a thread ${threadId(6)} already`);
    const row = homes();
    change(row.there, `update threads set id = '${threadId(6)}'`);
    expect(() => move(row, threadId(6))).toThrow(`the other home has a thread ${threadId(6)} already`);
    expect([snapshot(join(both.here, "sessions")), readdirSync(join(both.there, "rollout-tool", "changes"))]).toEqual([
      before[0],
      [],
    ]);
  });

  it("does not move within one home, nor to one whose index is damaged or newer", () => {
    const both = homes();
    expect(() => move({ here: both.here, there: both.here }, threadId(6))).toThrow("both homes are the same");
    change(
      both.there,
      "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (99, 'x', 1, x'00', 0)",
    );
    expect(() => move(both, threadId(6))).toThrow("of a newer release of Codex");
    writeFileSync(join(both.there, "state_5.sqlite"), "SQLite format 3\0 and nothing more".repeat(300));
    expect(() => move(both, threadId(6))).toThrow("the index cannot be used");
    expect(rollouts(both.here).length).toBe(5);
  });

  it("goes to a home without an index, which Codex or reindex then makes", () => {
    const made = { here: writeHome(join(folder.path, "here"), HERE), there: writeHome(join(folder.path, "there"), {}) };
    runReindex(made.here);
    const report = move(made, threadId(6));
    expect(report.families[0]?.threads.map(({ row }) => row)).toEqual(["none", "none"]);
    expect(report.notes).toEqual([
      "the other home has no table threads: 2 rows stay behind",
      "the other home has no table thread_spawn_edges: 1 rows stay behind",
    ]);
    runReindex(made.there);
    expect(ids(made.there)).toEqual([threadId(7), threadId(6)]);
  });

  it("makes rows that the old home does not have, and leaves out columns that the other one does not know", () => {
    const made = {
      here: writeHome(join(folder.path, "here"), HERE),
      there: writeHome(join(folder.path, "there"), THERE),
    };
    runReindex(made.here);
    runReindex(made.there, { level: 39 });
    change(made.here, `delete from threads where id = '${threadId(7)}'; update threads set project_id = null`);
    const report = move(made, threadId(6));
    expect(report.families[0]?.threads.map(({ row }) => row)).toEqual(["changed", "made"]);
    expect(query(made.there, "select id, rollout_path, preview from threads order by id")).toEqual([
      { id: threadId(9), rollout_path: join(made.there, sessionPath(9)), preview: "nine" },
      { id: threadId(7), rollout_path: join(made.there, sessionPath(7)), preview: "seven" },
      { id: threadId(6), rollout_path: join(made.there, sessionPath(6)), preview: "six" },
    ]);
  });

  it("brings along the sections and projects that its threads are in", () => {
    const both = homes();
    const pinned = "01984de2-8f74-7c91-a3b2-5c5e937cf318";
    change(
      both.here,
      `insert into projects values ('p', 'P', '{}', 1, 1, 1), ('q', 'Q', '{}', 2, 1, 1);
       insert into project_roots values ('p', 0, '${CWD}/deep');
       insert into thread_sections values ('s', 'mine', null);
       update threads set project_id = 'p', thread_section_id = '${pinned}', section_position = 3 where id = '${threadId(6)}';
       update threads set project_id = 'p', thread_section_id = 's' where id = '${threadId(7)}'`,
    );
    const report = move(both, threadId(6), { folders: folderMap([{ source: CWD, target: "/srv" }]) });
    expect(report.notes).toEqual([]);
    expect(
      query(
        both.there,
        "select project_id, thread_section_id, section_position from threads where project_id is not null order by id",
      ),
    ).toEqual([
      { project_id: "p", thread_section_id: "s", section_position: null },
      { project_id: "p", thread_section_id: pinned, section_position: 3 },
    ]);
    expect(query(both.there, "select id, name from projects")).toEqual([{ id: "p", name: "P" }]);
    expect(query(both.there, "select path from project_roots")).toEqual([{ path: "/srv/deep" }]);
    expect(query(both.there, "select name from thread_sections order by name")).toEqual([
      { name: "Pinned" },
      { name: "mine" },
    ]);
  });

  it("maps working folders on the way", () => {
    const both = homes();
    const before = history(both.here, 2);
    const folders = folderMap([{ source: CWD, target: "/srv/p" }]);
    move(both, threadId(2), { folders });
    expect(history(both.there, 2)).toEqual(before);
    expect(readFileSync(join(both.there, archivedPath(1)), "utf8")).toBe(
      ROOT.replaceAll(`"cwd":"${CWD}"`, '"cwd":"/srv/p"'),
    );
    const shift = Buffer.byteLength(ROOT) - 2 * (CWD.length - "/srv/p".length);
    const [segment] = lineageChain({ codexHome: both.there }, join(both.there, sessionPath(2))).segments;
    expect(segment?.endOffset).toBe(shift);
    expect(query(both.there, "select distinct cwd from threads where id <> '" + threadId(9) + "'")).toEqual([
      { cwd: "/srv/p" },
    ]);
    // Gone on with after a kill: what is there with its folders replaced is taken for what it is.
    const again = homes();
    move(again, threadId(2), { folders, copy: true });
    expect(move(again, threadId(2), { folders }).families[0]?.outcome).toBe("done");
    expect(() => move(again, threadId(2), { folders })).not.toThrow();
  });

  it("keeps writers away until a thread has left its old home", () => {
    const both = homes();
    const locks: unknown[] = [];
    useFileSystem({
      linkSync: (from: string, to: string) => {
        system.linkSync(from, to);
        if (!to.startsWith(join(both.there, "sessions"))) return;
        const lock = lockThread(both.here, threadId(6));
        locks.push(lock);
        lock?.release();
      },
    });
    move(both, threadId(6));
    expect(locks).toEqual([undefined, undefined]);
    const lock = lockThread(both.here, threadId(6));
    expect(lock).toBeDefined();
    lock?.release();
  });

  // An agent has no name, so that nothing of the other home is put aside.
  it.each([["a family", 1] as const, ["an agent", 3] as const])("can be undone, the old home first: %s", (_, n) => {
    const both = homes();
    const before = [snapshot(join(both.here, "sessions")), readTable(both.here)];
    const { manifest = "", targetManifest = "" } = move(both, threadId(n));
    expect(undoRun(openHome({ codexHome: both.here }), manifest).units.map(({ outcome }) => outcome)).toEqual([
      "undone",
    ]);
    expect(undoRun(openHome({ codexHome: both.there }), targetManifest).units.map(({ outcome }) => outcome)).toEqual([
      "undone",
    ]);
    expect([snapshot(join(both.here, "sessions")), readTable(both.here)]).toEqual(before);
    expect(rollouts(both.there)).toEqual([sessionPath(9)]);
    expect(ids(both.there)).toEqual([threadId(9)]);
  });
});

it("is told by the command", async () => {
  const { here, there } = homes();
  const run = await cli(here, ["move", threadId(6), "--to-home", there]);
  expect([run.code, run.err]).toEqual([0, ""]);
  expect(run.out.split("\n").slice(0, 6)).toEqual([
    "Moved",
    `threads  ${threadId(6)}`,
    `         ${threadId(7)} (agent)`,
    expect.stringMatching(/^files {4}2, /),
    "index    2 changed",
    "rows     threads 2, thread_spawn_edges 1",
  ]);
  expect(run.out).toContain(`  ${sessionPath(6)}\n    → ${join(there, sessionPath(6))}\n`);
  // Each undone in its own home, in the order in which they stand there.
  const [, first = "", second = ""] =
    /\nundo {2}rollout-tool repair --undo (\S+)\n {6}rollout-tool repair --undo (\S+) --codex-home \S+\n$/.exec(
      run.out,
    ) ?? [];
  expect([dirname(dirname(first)), dirname(dirname(second))]).toEqual(
    [here, there].map((home) => join(home, "rollout-tool", "changes")),
  );
  expect(run.out).toContain(`${second} --codex-home ${there}\n`);
  expect((await cli(here, ["repair", "--undo", first])).code).toBe(0);
  expect((await cli(there, ["repair", "--undo", second])).code).toBe(0);
  expect([rollouts(here).length, rollouts(there)]).toEqual([5, [sessionPath(9)]]);
});
