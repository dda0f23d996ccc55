/** What runs were cut off in, brought to one of its ends by the next run; and what that run leaves as it is, because an end would lose something. */
import fs from "node:fs";
import { dirname, join, relative } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { lockThread } from "../../src/compressor/thread-lock.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { listRuns, undoRun } from "../../src/journal/undo.ts";
import { acrossDisks, dieAt, killed, live, NO_WAITING, system, useFileSystem } from "../support/file-system.ts";
import {
  archived,
  at,
  commit,
  creation,
  cwds,
  database,
  folder,
  home,
  makeDatabase,
  mend,
  moving,
  open,
  OTHER,
  outcomes,
  read,
  removal,
  renewHome,
  replacement,
  rowStep,
  settled,
  states,
  THREAD,
  useHome,
  writeAndDie,
} from "./scene.ts";

describe("a run that is settled behind a later one", () => {
  const family = () => [
    moving(at("a.jsonl"), archived("a.jsonl")),
    moving(at("b.jsonl"), archived("b.jsonl")),
    rowStep(["one", "/a", "/archived"], ["two", "/b", "/archived"]),
  ];
  const both = { title: "archive both", threadIds: [THREAD, OTHER] };
  const reasons = () => settled().map(({ title, outcome, reason }) => [title, outcome, reason]);

  it("keeps away from what that one has done", () => {
    killed(
      () => commit(family, both),
      (call) => call === "linkSync",
    );
    const lock = lockThread(home.codexHome, THREAD);
    commit(() => [moving(at("b.jsonl"), archived("b.jsonl")), rowStep(["two", "/b", "/archived"])], {
      title: "archive the second",
      threadIds: [OTHER],
    });
    lock?.release();
    expect(reasons()).toEqual([["archive both", "stuck", "a later run has changed the same"]]);
    expect([read(at("b.jsonl")), read(archived("b.jsonl"))]).toEqual([undefined, "beta\n"]);
    expect(cwds()).toEqual({ one: "/a", two: "/archived" });
    expect(states()).toEqual([["done"], ["planned"]]);
  });

  it("keeps away from what that one has done to a row, too", () => {
    killed(() => commit(() => [rowStep(["one", "/a", "/archived"])]), "done");
    const lock = lockThread(home.codexHome, THREAD);
    commit(() => [rowStep(["one", "/archived", "/a"])], { threadIds: [] });
    commit(() => [rowStep(["one", "/a", "/archived"])], { threadIds: [] });
    lock?.release();
    expect(outcomes()).toEqual(["stuck"]);
    expect(cwds()).toEqual({ one: "/archived", two: "/b" });
  });

  it("that was cut off as well comes after it", () => {
    killed(() => commit(family, both), "done");
    const lock = lockThread(home.codexHome, THREAD);
    killed(
      () =>
        commit(() => [moving(archived("b.jsonl"), at("b.jsonl")), rowStep(["two", "/archived", "/active again"])], {
          title: "unarchive the second",
          threadIds: [OTHER],
        }),
      "done",
    );
    lock?.release();
    expect(reasons()).toEqual([
      ["unarchive the second", "undone", undefined],
      ["archive both", "undone", undefined],
    ]);
    expect([read(at("a.jsonl")), read(at("b.jsonl"))]).toEqual(["alpha\n", "beta\n"]);
    expect(cwds()).toEqual({ one: "/a", two: "/b" });
  });
});

describe("the database of a run that was cut off", () => {
  it("stays as it is when somebody has written to it since, and only a log tells", () => {
    writeAndDie(database(), "insert into threads values ('three', '/c', 3, null)");
    killed(
      () => commit(mend(database())),
      (call, [, target]) => call === "renameSync" && target === database(),
    );
    writeAndDie(database(), "insert into threads values ('four', '/d', 4, null)");
    expect(settled().map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ["stuck", `${database()} was changed since`],
    ]);
    expect(cwds()).toEqual({ one: "/a", two: "/b", four: "/d" });
  });

  it("is taken back with its log, also when the main file is back already", () => {
    writeAndDie(database(), "insert into threads values ('three', '/c', 3, null)");
    const manifest = commit(mend(database()));
    let isBack = false;
    killed(
      () => undoRun(home, manifest),
      (call, [, target]) => {
        const wasBack = isBack;
        isBack ||= call === "renameSync" && target === database();
        return wasBack;
      },
    );
    expect(fs.existsSync(`${database()}-wal`)).toBe(false);
    expect(outcomes()).toEqual(["undone"]);
    expect(cwds()).toEqual({ one: "/a", two: "/b", three: "/c" });
  });

  it("may be another by now, without the table", () => {
    killed(
      () =>
        commit((journal) => [
          ...replacement(at("a.jsonl"), "ALPHA\n")(journal),
          rowStep(["one", "/a", "/z"]),
          { kind: "forget", database: database(), table: "threads", where: { id: "two" } },
        ]),
      "done",
    );
    fs.rmSync(database());
    new Database(database()).close();
    expect(outcomes()).toEqual(["undone"]);
    expect(read(at("a.jsonl"))).toBe("alpha\n");
  });

  it("is the one that the run has changed, and no other", () => {
    const [codexHome, sqliteHome] = [home.codexHome, join(folder.path, "databases")];
    fs.mkdirSync(sqliteHome);
    useHome({ codexHome, sqliteHome });
    makeDatabase(database());
    const steps = () => [moving(at("a.jsonl"), archived("a.jsonl")), rowStep(["one", "/a", "/archived"])];
    killed(() => commit(steps), "done");
    useHome({ codexHome });
    const why = `the databases of this run lie at ${sqliteHome}`;
    expect(settled().map(({ outcome, reason }) => [outcome, reason])).toEqual([["stuck", why]]);
    expect(read(archived("a.jsonl"))).toBe("alpha\n");
    useHome({ codexHome, sqliteHome });
    expect(cwds()).toEqual({ one: "/archived", two: "/b" });
    expect(outcomes()).toEqual(["undone"]);
    expect(cwds()).toEqual({ one: "/a", two: "/b" });
  });
});

describe("an undo that was cut off", () => {
  it("is finished, and keeps what it has put aside: it may be the only copy", () => {
    const manifest = commit((journal) => [
      ...creation(at("new.jsonl"), "the only copy\n")(journal),
      removal(at("b.jsonl")),
    ]);
    killed(() => undoRun(home, manifest), "undone");
    expect(outcomes()).toEqual(["undone"]);
    expect([read(at("new.jsonl")), read(at("b.jsonl"))]).toEqual([undefined, "beta\n"]);
    expect(read(join(dirname(manifest), "backup/0-0-new.jsonl"))).toBe("the only copy\n");
  });
});

describe("across disks", () => {
  const passing = () =>
    fs
      .readdirSync(home.codexHome, { recursive: true, encoding: "utf8" })
      .filter((path) => /\.partial|\.beside/.test(path));
  const files = () => [...["a.jsonl", "b.jsonl", "c.jsonl", "new.jsonl"].map(at), archived("c.jsonl")].map(read);
  // Of another length: by that and the time a copy is told from what it is a copy of.
  const steps = (journal: Journal) => [
    ...replacement(at("a.jsonl"), "alpha and more\n")(journal),
    ...creation(at("new.jsonl"), "new\n")(journal),
    removal(at("b.jsonl")),
    moving(at("c.jsonl"), archived("c.jsonl")),
  ];

  it.each([["a run", false] as const, ["an undo", true] as const])(
    "no passing file is left of %s, wherever it was killed",
    (_, isUndo) => {
      const seen = new Set<string>();
      let left = 0;
      let last = 0;
      for (let count = 1; last >= count - 1; count += 1) {
        renewHome();
        useFileSystem({ ...NO_WAITING, ...acrossDisks(join(home.codexHome, "sessions")) });
        const manifest = isUndo ? commit(steps) : "";
        const state = dieAt(count);
        try {
          if (isUndo) undoRun(home, manifest);
          else commit(steps);
        } catch (error) {
          expect(String(error)).toMatch(/killed|could not be taken back/);
        }
        last = state.calls;
        live();
        left += passing().length;
        const [outcome = "nothing was open"] = outcomes();
        seen.add(outcome);
        const isAfter = outcome === "nothing was open" && JSON.stringify(states()) === '[["done"]]';
        const wanted = isAfter
          ? ["alpha and more\n", undefined, undefined, "new\n", "gamma\n"]
          : ["alpha\n", "beta\n", "gamma\n", undefined, undefined];
        expect([count, outcome, files(), passing()]).toEqual([count, outcome, wanted, []]);
      }
      expect([...seen].toSorted()).toEqual(["nothing was open", "undone"]);
      expect(left).toBeGreaterThan(10);
    },
  );

  it("a note of somebody else's leads to nothing", () => {
    const run = join(home.codexHome, "rollout-tool/changes/20260101T000000000Z-test-012345");
    fs.mkdirSync(join(run, "staged"), { recursive: true });
    const name = ".a.jsonl.0123456789ab.partial";
    const targets = [
      join(folder.path, name),
      at(name),
      at("a.jsonl"),
      join(home.codexHome, "sessions/2026/link", name),
    ];
    fs.mkdirSync(join(folder.path, "behind"));
    fs.symlinkSync(join(folder.path, "behind"), join(home.codexHome, "sessions/2026/link"));
    for (const [number, path] of targets.entries()) {
      if (!fs.existsSync(path)) fs.writeFileSync(path, "");
      fs.writeFileSync(join(run, "staged", `${number}.beside`), relative(home.codexHome, path));
    }
    fs.writeFileSync(join(run, "staged", "9.beside"), `sessions/\0/${name}`);
    expect(outcomes()).toEqual([]);
    expect(targets.map((path) => fs.existsSync(path))).toEqual([true, false, true, true]);
    expect(fs.existsSync(run)).toBe(false);
  });
});

describe("a unit that was cut off", () => {
  it("comes back where its folder was tidied away", () => {
    killed(
      () => commit(() => ["a", "b", "c"].map((name) => moving(at(`${name}.jsonl`), archived(`${name}.jsonl`)))),
      "done",
    );
    fs.rmdirSync(dirname(at("a.jsonl")));
    expect(outcomes()).toEqual(["undone"]);
    expect(["a", "b", "c"].map((name) => read(at(`${name}.jsonl`)))).toEqual(["alpha\n", "beta\n", "gamma\n"]);
  });

  it("is finished when somebody has gone on with it, also where the folder for what it puts aside was tidied away", () => {
    const steps = (journal: Journal) => [...creation(at("new.jsonl"), "new\n")(journal), removal(at("b.jsonl"))];
    killed(
      () => commit(steps),
      (call, [from]) => call === "linkSync" && from === at("b.jsonl"),
    );
    fs.appendFileSync(at("new.jsonl"), "a new turn\n");
    const [backup = ""] = listRuns(home).map(({ manifest }) => join(dirname(manifest), "backup"));
    fs.rmdirSync(backup);
    expect(outcomes()).toEqual(["finished"]);
    expect([read(at("new.jsonl")), read(at("b.jsonl"))]).toEqual(["new\na new turn\n", undefined]);
    expect(read(join(backup, "0-1-b.jsonl"))).toBe("beta\n");
  });

  it("that was never done leaves nothing aside", () => {
    killed(() => commit(creation(at("new.jsonl"), "new\n")), "done");
    expect(outcomes()).toEqual(["undone"]);
    expect(fs.readdirSync(join(home.codexHome, "rollout-tool/changes"), { recursive: true })).toEqual([
      expect.stringMatching(/-test-[0-9a-f]{6}$/),
      expect.stringMatching(/manifest\.jsonl$/),
    ]);
  });
});

it("a manifest that could not be begun is not in the way of the next attempt", () => {
  let isFull = true;
  const write = system.writeSync as (...values: unknown[]) => number;
  useFileSystem({
    writeSync: (...values: unknown[]) => {
      if (!isFull || !String(values[1]).includes('{"kind":"run"')) return write(...values);
      throw Object.assign(new Error("full"), { code: "ENOSPC" });
    },
  });
  const journal = open();
  const attempt = (): void =>
    journal.commit({ title: "a", threadIds: [], steps: replacement(at("a.jsonl"), "ALPHA\n")(journal) });
  expect(attempt).toThrow(expect.objectContaining({ code: "disk-full" }));
  isFull = false;
  attempt();
  journal.close();
  expect(read(at("a.jsonl"))).toBe("ALPHA\n");
  expect(states()).toEqual([["done"]]);
});
