/** Runs undone: what came alone, what has gone on since, and what was tidied away. */
import fs from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { Journal } from "../../src/journal/journal.ts";
import { listRuns, undoRun } from "../../src/journal/undo.ts";
import { killed } from "../support/file-system.ts";
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
  moving,
  read,
  removal,
  replacement,
  rowStep,
  states,
  useHome,
} from "./scene.ts";

it("knows the runs in their order, also where the clock stands still or is set back", () => {
  const noonMs = Date.UTC(2026, 10, 21, 12);
  for (const [command, startedMs] of [
    ["second-name", noonMs],
    ["first-name", noonMs],
    ["yesterday", noonMs - 86_400_000],
  ] as const) {
    const journal = Journal.open(home, { command, now: () => startedMs });
    journal.commit({ title: command, threadIds: [], steps: creation(at(`${command}.jsonl`), "")(journal) });
    journal.close();
  }
  expect(listRuns(home).map(({ command, startedMs }) => [command, startedMs])).toEqual([
    ["yesterday", noonMs - 86_400_000],
    ["first-name", noonMs],
    ["second-name", noonMs],
  ]);
});

describe("an undo", () => {
  it("takes away what came alone: the run had put nothing aside", () => {
    const manifest = commit(creation(at("new.jsonl"), "new\n"));
    expect(fs.readdirSync(dirname(manifest))).toEqual(["manifest.jsonl"]);
    expect(undoRun(home, manifest).units[0]?.outcome).toBe("undone");
    expect(read(at("new.jsonl"))).toBeUndefined();
    expect(read(join(dirname(manifest), "backup/0-0-new.jsonl"))).toBe("new\n");
  });

  it("brings files back into folders that were tidied away since", () => {
    const names = ["a.jsonl", "b.jsonl", "c.jsonl"];
    const manifest = commit(() => [
      ...names.slice(1).map((name) => moving(at(name), archived(name))),
      removal(at("a.jsonl")),
      rowStep(["one", "/a", "/archived"]),
    ]);
    fs.rmdirSync(dirname(at("a.jsonl")));
    expect(undoRun(home, manifest).units[0]?.outcome).toBe("undone");
    expect(names.map((name) => read(at(name)))).toEqual(["alpha\n", "beta\n", "gamma\n"]);
    expect(cwds()).toEqual({ one: "/a", two: "/b" });
  });

  it("leaves all of it when the new file has gone on elsewhere", () => {
    const manifest = commit((journal) => [
      ...creation(at("new.jsonl"), "new\n")(journal),
      rowStep(["one", "/a", "/z"]),
    ]);
    fs.mkdirSync(dirname(archived("new.jsonl")));
    fs.renameSync(at("new.jsonl"), archived("new.jsonl"));
    expect(undoRun(home, manifest).units).toEqual([
      {
        title: "a unit",
        outcome: "changed",
        reason: `${at("new.jsonl")} was changed since, which undoing would lose`,
      },
    ]);
    expect([read(archived("new.jsonl")), cwds()]).toEqual(["new\n", { one: "/z", two: "/b" }]);
  });

  it("does not take a unit that is stuck for one that was undone", () => {
    const steps = (journal: Journal) => [
      ...replacement(at("a.jsonl"), "ALPHA\n")(journal),
      ...creation(at("new.jsonl"), "new\n")(journal),
    ];
    killed(
      () => commit(steps),
      (call, [, target]) => call === "linkSync" && target === at("new.jsonl"),
    );
    fs.appendFileSync(at("a.jsonl"), "a new turn\n");
    fs.writeFileSync(at("new.jsonl"), "theirs\n");
    const [manifest = ""] = listRuns(home).map((run) => run.manifest);
    expect(undoRun(home, manifest).units).toEqual([
      { title: "a unit", outcome: "changed", reason: "it was cut off, and could not be brought to an end" },
    ]);
    expect([read(at("a.jsonl")), read(at("new.jsonl"))]).toEqual(["ALPHA\na new turn\n", "theirs\n"]);
  });

  it("asks for the databases that the run has changed, and lists it without them", () => {
    const [codexHome, sqliteHome] = [home.codexHome, join(folder.path, "databases")];
    fs.mkdirSync(sqliteHome);
    useHome({ codexHome, sqliteHome });
    makeDatabase(database());
    const manifest = commit(() => [moving(at("a.jsonl"), archived("a.jsonl")), rowStep(["one", "/a", "/z"])]);
    useHome({ codexHome });
    expect(() => undoRun(home, manifest)).toThrow(`the databases of this run lie at ${sqliteHome}`);
    expect([states(), read(archived("a.jsonl"))]).toEqual([[["done"]], "alpha\n"]);
    useHome({ codexHome, sqliteHome });
    expect(undoRun(home, manifest).units[0]?.outcome).toBe("undone");
    expect(cwds()).toEqual({ one: "/a", two: "/b" });
  });

  it("knows databases in a folder of the home again when the home has moved", () => {
    const [codexHome, moved] = [home.codexHome, join(folder.path, "moved")];
    fs.mkdirSync(join(codexHome, "databases"));
    useHome({ codexHome, sqliteHome: join(codexHome, "databases") });
    makeDatabase(database());
    const manifest = commit(() => [rowStep(["one", "/a", "/z"])]);
    fs.renameSync(codexHome, moved);
    useHome({ codexHome: moved, sqliteHome: join(moved, "databases") });
    expect(undoRun(home, join(moved, relative(codexHome, manifest))).units[0]?.outcome).toBe("undone");
    expect(cwds()).toEqual({ one: "/a", two: "/b" });
  });
});
