/** Nothing takes the place of what somebody else has open, neither by a unit nor by its undo, nor when it is settled; nothing forces it. */
import fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockThread } from "../../src/compressor/thread-lock.ts";
import { undoRun } from "../../src/journal/undo.ts";
import { hold } from "../support/processes.ts";
import { killed, refuseLink, system, useFileSystem } from "../support/file-system.ts";
import {
  at,
  commit,
  cwds,
  database,
  home,
  makeDatabase,
  mend,
  open,
  outcomes,
  read,
  replacement,
  settled,
  THREAD,
  writeAndDie,
} from "./scene.ts";

const OPEN = "another process has the file open for writing";

describe.runIf(fs.existsSync("/proc/self/fd"))("where the system tells who has a file open", () => {
  let fd = -1;
  afterEach(() => {
    if (fd !== -1) fs.closeSync(fd);
    fd = -1;
  });

  it("a unit is taken back when somebody came between its look and its change", () => {
    useFileSystem({
      renameSync: (from: string, to: string) => {
        if (to === at("a.jsonl") && fd === -1) fd = fs.openSync(to, "a");
        system.renameSync(from, to);
      },
    });
    expect(() => commit(replacement(at("a.jsonl"), "ALPHA\n"))).toThrow(OPEN);
    fs.writeSync(fd, "a new turn\n");
    expect(read(at("a.jsonl"))).toBe("alpha\na new turn\n");
  });

  it("an undo leaves a rollout that is", () => {
    const manifest = commit(replacement(at("a.jsonl"), "ALPHA\n"));
    fd = fs.openSync(at("a.jsonl"), "a");
    expect(undoRun(home, manifest, { force: true }).units).toEqual([
      { title: "a unit", outcome: "busy", reason: OPEN },
    ]);
    fs.writeSync(fd, "a new turn\n");
    expect(read(at("a.jsonl"))).toBe("ALPHA\na new turn\n");
  });

  it("an undo leaves a database that is, by a process that is idle", async () => {
    const manifest = commit(mend(database()));
    await hold("sqlite", database());
    expect(undoRun(home, manifest, { force: true }).units.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ["busy", OPEN],
    ]);
    expect(cwds()).toEqual({ one: "/mended", two: "/mended" });
  });

  it("the next run does not settle with it open", async () => {
    killed(() => commit(mend(database())), "done");
    const child = await hold("sqlite", database());
    expect(settled(true).map(({ outcome, reason }) => [outcome, reason])).toEqual([["stuck", OPEN]]);
    expect(cwds()).toEqual({ one: "/mended", two: "/mended" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await ended;
    expect(outcomes()).toEqual(["undone"]);
    expect(cwds()).toEqual({ one: "/a", two: "/b" });
  });

  it("a file that was copied to where it is kept is not taken for another one that has its number by then", () => {
    const other = at("other.jsonl");
    const rename = system.renameSync;
    useFileSystem({
      linkSync: refuseLink,
      renameSync: (from: string, to: string) => {
        if (to === at("a.jsonl")) {
          system.linkSync(to, other);
          fd = fs.openSync(other, "a");
        }
        rename(from, to);
      },
    });
    commit(replacement(at("a.jsonl"), "ALPHA\n"));
    expect([fd === -1, read(at("a.jsonl"))]).toEqual([false, "ALPHA\n"]);
  });
});

describe("where the system does not tell", () => {
  beforeEach(() => {
    const without =
      <V extends unknown[], T>(call: (path: fs.PathLike, ...values: V) => T) =>
      (path: fs.PathLike, ...values: V): T => {
        if (String(path).startsWith("/proc")) throw Object.assign(new Error("none"), { code: "ENOENT" });
        return call(path, ...values);
      };
    useFileSystem({
      lstatSync: without(system.lstatSync as never),
      readdirSync: without(system.readdirSync as never),
      readFileSync: without(system.readFileSync as never),
    });
  });

  it("a database that somebody has opened while its new one was made stays", async () => {
    const journal = open();
    const steps = mend(database())(journal);
    await hold("sqlite", database());
    expect(() => journal.commit({ title: "mend", threadIds: [], steps })).toThrow(OPEN);
    journal.close();
    expect(cwds()).toEqual({ one: "/a", two: "/b" });
  });

  it("a database with a log is mended all the same: finding out took the log in", () => {
    const path = join(home.codexHome, "logs_2.sqlite");
    makeDatabase(path);
    writeAndDie(path, "insert into threads values ('three', '/c', 3, null)");
    commit(mend(path));
    expect(cwds(path)).toEqual({ one: "/mended", three: "/mended", two: "/mended" });
  });
});

it("a database that somebody has written to since its new one was made stays, with the log that tells", () => {
  const journal = open();
  const steps = mend(database())(journal);
  writeAndDie(database(), "insert into threads values ('three', '/c', 3, null)");
  expect(() => journal.commit({ title: "mend", threadIds: [], steps })).toThrow("the home has changed since the plan");
  journal.close();
  expect(cwds()).toEqual({ one: "/a", three: "/c", two: "/b" });
});

it("a unit that is refused says nothing of those before it", () => {
  const lock = lockThread(home.codexHome, THREAD);
  expect(() => commit(replacement(at("a.jsonl"), "ALPHA\n"))).toThrow(
    expect.objectContaining({ code: "busy", hint: "close it there and run again" }),
  );
  lock?.release();
});
