/** The journal over real folders: whole or nothing, undone to the byte, and killed at every change of the file system. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { dirname, join, relative } from "node:path";
import Database from "better-sqlite3";
import { beforeEach, describe, expect, it, test } from "vitest";
import { lockThread } from "../../src/compressor/thread-lock.ts";
import type { Journal } from "../../src/journal/journal.ts";
import type { Unit } from "../../src/journal/types.ts";
import { listRuns, undoRun } from "../../src/journal/undo.ts";
import { dieAt, live, NO_WAITING, refuseLink, system, useFileSystem } from "../support/file-system.ts";
import { at, database, folder, home, look, open, OTHER, renewHome, stageText, THREAD, useHome } from "./scene.ts";

/** All that a user has: files with bytes, modes and times, and rows. */
function snapshot(): unknown {
  const files: Record<string, unknown> = {};
  const walk = (path: string): void => {
    for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      const name = relative(home.codexHome, child);
      if (entry.isDirectory()) walk(child);
      else files[name] = [fs.readFileSync(child, "latin1"), fs.statSync(child).mode, fs.statSync(child).mtimeMs];
    }
  };
  walk(join(home.codexHome, "sessions"));
  return { files, rows: rows() };
}

function rows(): unknown {
  const db = new Database(database(), { readonly: true });
  try {
    return db.prepare("select id, cwd, cast(size as text) size, hex(picture) picture from threads order by id").all();
  } finally {
    db.close();
  }
}

/** One step of each kind. */
function unitOfAll(journal: Journal): Unit {
  return {
    title: "everything at once",
    threadIds: [THREAD],
    steps: [
      {
        kind: "replace",
        path: at("a.jsonl"),
        look: look(at("a.jsonl")),
        staged: stageText(journal, at("a.jsonl"), "ALPHA\n", look(at("a.jsonl"))),
      },
      {
        kind: "create",
        path: join(home.codexHome, "sessions/2027/02/d.jsonl"),
        staged: stageText(journal, join(home.codexHome, "sessions/2027/02/d.jsonl"), "delta\n", look(at("a.jsonl"))),
      },
      { kind: "remove", path: at("b.jsonl"), look: look(at("b.jsonl")) },
      {
        kind: "move",
        path: at("c.jsonl"),
        target: join(home.codexHome, "sessions/2028/c.jsonl"),
        look: look(at("c.jsonl")),
      },
      {
        kind: "rows",
        database: database(),
        changes: [
          { table: "threads", key: { id: "one" }, before: { cwd: "/a" }, after: { cwd: "/z" } },
          { table: "threads", key: { id: "two" }, before: { cwd: "/b", size: 2, picture: null }, after: null },
          {
            table: "threads",
            key: { id: "new" },
            before: null,
            after: { cwd: "/n", size: 9007199254740995n, picture: Buffer.from([1, 2]) },
          },
        ],
      },
    ],
    notes: { path: "/any/where", proof: "abc" },
  };
}

const AFTER_ROWS = [
  { id: "new", cwd: "/n", size: "9007199254740995", picture: "0102" },
  { id: "one", cwd: "/z", size: "9007199254740993", picture: "00FF" },
];

function commitAll(): string {
  const journal = open();
  try {
    journal.commit(unitOfAll(journal));
    return journal.manifest ?? "";
  } finally {
    journal.close();
  }
}

describe("a unit", () => {
  it("happens whole: files, folders and rows", () => {
    commitAll();
    expect(fs.readFileSync(at("a.jsonl"), "utf8")).toBe("ALPHA\n");
    expect(fs.statSync(at("a.jsonl")).mtimeMs).toBe(1_700_000_000_250);
    expect(fs.statSync(at("a.jsonl")).mode & 0o777).toBe(0o640);
    expect(fs.existsSync(at("b.jsonl"))).toBe(false);
    expect(fs.readFileSync(join(home.codexHome, "sessions/2027/02/d.jsonl"), "utf8")).toBe("delta\n");
    expect(fs.readFileSync(join(home.codexHome, "sessions/2028/c.jsonl"), "utf8")).toBe("gamma\n");
    expect(rows()).toEqual(AFTER_ROWS);
  });

  it("is undone to the byte, and only once", () => {
    const before = snapshot();
    const manifest = commitAll();
    expect(undoRun(home, manifest, { dryRun: true }).units).toEqual([
      { title: "everything at once", outcome: "undone", reason: undefined },
    ]);
    expect(undoRun(home, dirname(manifest)).units).toEqual([
      { title: "everything at once", outcome: "undone", reason: undefined },
    ]);
    expect(snapshot()).toEqual(before);
    expect(fs.existsSync(join(home.codexHome, "sessions/2027"))).toBe(false);
    expect(undoRun(home, manifest).units[0]?.outcome).toBe("already");
  });

  it("does nothing when a file has changed since it was looked at", () => {
    const journal = open();
    const unit = unitOfAll(journal);
    fs.appendFileSync(at("c.jsonl"), "");
    fs.appendFileSync(at("b.jsonl"), "more\n");
    const before = snapshot();
    expect(() => journal.commit(unit)).toThrow("the home has changed since the plan was made");
    expect(snapshot()).toEqual(before);
    journal.close();
    expect(fs.readdirSync(join(home.codexHome, "rollout-tool/changes"))).toEqual([]);
  });

  it("does nothing when a row is not as it was, and takes the files back", () => {
    const journal = open();
    const unit = unitOfAll(journal);
    const db = new Database(database());
    db.exec("update threads set cwd = '/other' where id = 'two'");
    db.close();
    const before = snapshot();
    expect(() => journal.commit(unit)).toThrow("the home has changed since the plan was made");
    expect(snapshot()).toEqual(before);
    journal.close();
  });

  it("waits for no writer: a thread that is open is left alone", () => {
    const before = snapshot();
    const lock = lockThread(home.codexHome, THREAD);
    const journal = open();
    expect(() => journal.commit(unitOfAll(journal))).toThrow(`Codex has the thread ${THREAD} open`);
    lock?.release();
    journal.close();
    expect(snapshot()).toEqual(before);
  });

  it("is not undone when that would lose what was added", () => {
    const manifest = commitAll();
    fs.appendFileSync(at("a.jsonl"), "a new turn\n");
    const after = snapshot();
    const [answer] = undoRun(home, manifest).units;
    expect(answer).toEqual({
      title: "everything at once",
      outcome: "changed",
      reason: `${at("a.jsonl")} was changed since, which undoing would lose`,
    });
    expect(snapshot()).toEqual(after);
  });

  it("that removes for good leaves nothing, and says so", () => {
    const journal = open();
    const path = at("b.jsonl");
    journal.commit({
      title: "delete b",
      threadIds: [OTHER],
      steps: [{ kind: "remove", path, look: look(path), forGood: true }],
    });
    const manifest = journal.manifest ?? "";
    journal.close();
    expect(fs.existsSync(path)).toBe(false);
    expect(fs.readdirSync(dirname(manifest))).toEqual(["manifest.jsonl"]);
    expect(undoRun(home, manifest).units[0]?.outcome).toBe("for-good");
  });

  it("never follows a link below the home's own folders", () => {
    fs.mkdirSync(join(folder.path, "elsewhere"), { recursive: true });
    fs.symlinkSync(join(folder.path, "elsewhere"), join(home.codexHome, "sessions/2029"));
    const journal = open();
    expect(() => stageText(journal, join(home.codexHome, "sessions/2029/x.jsonl"), "x")).toThrow(
      "which is not followed",
    );
    expect(() => stageText(journal, join(folder.path, "out.jsonl"), "x")).toThrow();
    journal.close();
    expect(fs.readdirSync(join(folder.path, "elsewhere"))).toEqual([]);
  });
});

describe("an undo", () => {
  it("puts aside what it takes away: it may be the only copy by then", () => {
    const manifest = commitAll();
    undoRun(home, manifest);
    expect(fs.readFileSync(join(dirname(manifest), "backup/0-1-d.jsonl"), "utf8")).toBe("delta\n");
  });

  it("does not begin when an old file is gone", () => {
    const manifest = commitAll();
    fs.rmSync(join(dirname(manifest), "backup/0-0-a.jsonl"));
    const after = snapshot();
    expect(undoRun(home, manifest).units[0]?.outcome).toBe("changed");
    expect(snapshot()).toEqual(after);
  });

  it("leaves a database that has been written to since, also where only its log tells", () => {
    const journal = open();
    const staged = journal.stage(
      database(),
      (fd) => void fs.writeSync(fd, fs.readFileSync(database())),
      look(database()),
    );
    const steps = [{ kind: "replace", path: database(), look: look(database()), staged }] as const;
    journal.commit({ title: "mend the index", threadIds: [], steps });
    const manifest = journal.manifest ?? "";
    journal.close();
    fs.writeFileSync(`${database()}-wal`, "commits");
    expect(undoRun(home, manifest).units[0]?.outcome).toBe("changed");
    fs.rmSync(`${database()}-wal`);
    expect(undoRun(home, manifest).units[0]?.outcome).toBe("undone");
  });
});

describe("a unit that cannot be taken back as a whole", () => {
  it("loses nothing that was written meanwhile, and stays for the next run", () => {
    const journal = open();
    const unit = unitOfAll(journal);
    const [replace, create] = unit.steps;
    if (replace === undefined || create === undefined) throw new Error("no steps");
    // Somebody appends to the new file, and takes the name of the one to come, in the moment between the two.
    const original = system.renameSync;
    Object.assign(fs, {
      renameSync: (from: string, to: string) => {
        original(from, to);
        if (to !== at("a.jsonl")) return;
        fs.appendFileSync(to, "a new turn\n");
        fs.mkdirSync(join(home.codexHome, "sessions/2027/02"), { recursive: true });
        fs.writeFileSync(join(home.codexHome, "sessions/2027/02/d.jsonl"), "theirs\n");
      },
    });
    syncBuiltinESMExports();
    expect(() => journal.commit({ ...unit, steps: [replace, create] })).toThrow("could not be taken back as a whole");
    live();
    journal.close();
    expect(fs.readFileSync(at("a.jsonl"), "utf8")).toBe("ALPHA\na new turn\n");
    expect(fs.readFileSync(join(home.codexHome, "sessions/2027/02/d.jsonl"), "utf8")).toBe("theirs\n");
    expect(open().recovered.map(({ outcome }) => outcome)).toEqual(["stuck"]);
  });
});

describe("a manifest", () => {
  it("that leads out of the home by a link leads nowhere", () => {
    const manifest = commitAll();
    const outside = join(folder.path, "outside");
    fs.mkdirSync(outside);
    fs.writeFileSync(join(outside, "key"), "secret");
    fs.symlinkSync(outside, join(home.codexHome, "sessions/2026/l"));
    const head = fs.readFileSync(manifest, "utf8").split("\n")[0] ?? "";
    const { sizeBytes, mtimeNs, ...more } = look(join(outside, "key"));
    const path = "codex/sessions/2026/l/key";
    const backup = `codex/${relative(home.codexHome, dirname(manifest))}/backup/0-0-key`;
    const step = { kind: "remove", path, look: { ...more, sizeBytes, mtimeNs: { $integer: String(mtimeNs) } } };
    const unit = { number: 0, title: "evil", threadIds: [], steps: [{ step, backup, folders: [] }] };
    fs.writeFileSync(manifest, `${head}\n${JSON.stringify({ kind: "plan", unit })}\n`);
    const journal = open();
    expect(journal.recovered.map(({ outcome }) => outcome)).toEqual(["stuck"]);
    journal.close();
    expect(fs.readdirSync(outside)).toEqual(["key"]);
  });

  it("stays true when the home moves", () => {
    const before = snapshot();
    const manifest = commitAll();
    const moved = join(folder.path, "moved");
    fs.rmSync(moved, { recursive: true, force: true });
    fs.renameSync(home.codexHome, moved);
    const inside = relative(home.codexHome, manifest);
    useHome({ codexHome: moved });
    expect(undoRun(home, join(moved, inside)).units[0]?.outcome).toBe("undone");
    expect(snapshot()).toEqual(before);
  });

  it("that names a path outside of the home leads nowhere", () => {
    const manifest = commitAll();
    const text = fs.readFileSync(manifest, "utf8");
    fs.writeFileSync(manifest, text.replaceAll("codex/sessions/2026/01/01/a.jsonl", "codex/../../etc/passwd"));
    expect(() => undoRun(home, manifest)).toThrow("the manifest names a path outside of the home");
    expect(listRuns(home)).toEqual([]);
    expect(() => undoRun(home, "/etc/passwd")).toThrow("this is not the manifest of a run in this home");
  });

  it("lists the runs of a home", () => {
    commitAll();
    expect(
      listRuns(home).map(({ command, units }) => [command, units.map(({ unit, state }) => [unit.title, state])]),
    ).toEqual([["test", [["everything at once", "done"]]]]);
  });
});

describe.each([
  ["with second names", {}],
  ["without second names", { linkSync: refuseLink }],
])("a process that is killed on a file system %s", (_name, calls) => {
  beforeEach(() => useFileSystem({ ...NO_WAITING, ...calls }));

  it("at any change leaves all of a unit or nothing of it, once the next run has begun", () => {
    const before = snapshot();
    commitAll();
    const after = snapshot();
    const seen = new Map<string, number>();
    let last = 0;
    for (let count = 1; last >= count - 1; count += 1) {
      renewHome();
      const state = dieAt(count);
      try {
        commitAll();
      } catch (error) {
        expect(String(error)).toContain("killed");
      }
      last = state.calls;
      live();
      const journal = open();
      const outcomes = journal.recovered.map(({ outcome }) => outcome).join();
      journal.close();
      const wanted = outcomes === "undone" || (outcomes === "" && !isDone()) ? before : after;
      expect([count, outcomes, snapshot()]).toEqual([count, outcomes, wanted]);
      seen.set(outcomes, (seen.get(outcomes) ?? 0) + 1);
      const next = open();
      expect(next.recovered).toEqual([]);
      next.close();
    }
    expect([...seen.keys()].toSorted()).toEqual(["", "undone"]);
    expect(seen.get("undone")).toBeGreaterThan(10);
  });

  it("in an undo leaves all undone once the next run has begun", () => {
    const before = snapshot();
    let last = 0;
    for (let count = 1; last >= count - 1; count += 1) {
      renewHome();
      const manifest = commitAll();
      const state = dieAt(count);
      try {
        undoRun(home, manifest);
      } catch (error) {
        expect(String(error)).toContain("killed");
      }
      last = state.calls;
      live();
      undoRun(home, manifest);
      expect([count, snapshot()]).toEqual([count, before]);
    }
    expect(last).toBeGreaterThan(10);
  });
});

test("what cannot be written down as done is taken back, and said so", () => {
  const before = snapshot();
  const write = fs.writeSync;
  const full = (fd: number, data: Buffer, ...rest: number[]): number => {
    if (data.includes('{"kind":"done"')) throw Object.assign(new Error("full"), { code: "ENOSPC" });
    return write(fd, data, ...rest);
  };
  Object.assign(fs, { writeSync: full });
  syncBuiltinESMExports();
  expect(commitAll).toThrow(expect.objectContaining({ code: "disk-full" }));
  live();
  expect(snapshot()).toEqual(before);
  expect(listRuns(home).map(({ units }) => units.map(({ state }) => state))).toEqual([["undone"]]);
  const next = open();
  expect(next.recovered).toEqual([]);
  next.close();
});

function isDone(): boolean {
  return listRuns(home).some(({ units }) => units.some(({ state }) => state === "done"));
}
