/** Temporary folders: those of dead processes go, everything else stays. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";

import { makeScratch, ownUid, sweepStale } from "../../src/bench/scratch.ts";

const root = mkdtempSync(join(tmpdir(), "rollout-tool-scratch-test-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let parent = "";
beforeEach(() => {
  parent = mkdtempSync(join(root, "p"));
});

interface Owner {
  readonly pid: number;
  readonly started: string;
  readonly space: string;
}

function ownerOf(folder: string): Owner {
  return JSON.parse(readFileSync(join(folder, "owner.json"), "utf8")) as Owner;
}

function withOwner(change: object): string {
  const folder = makeScratch(parent);
  writeFileSync(join(folder, "owner.json"), JSON.stringify({ ...ownerOf(folder), ...change }));
  mkdirSync(join(folder, "home", "sessions"), { recursive: true });
  return folder;
}

/** The number of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ["-e", ""]).pid;
}

describe("makeScratch", () => {
  it("makes a folder of one's own that names its process", () => {
    const folder = makeScratch(parent);
    expect(basename(folder)).toMatch(/^rollout-tool-scratch-[0-9a-f]{12}$/u);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(ownerOf(folder).pid).toBe(process.pid);
    expect(ownUid()).toBe(userInfo().uid);
  });
});

describe("sweepStale", () => {
  it("removes the folders of processes that are gone, and of those whose number another has now", () => {
    const dead = withOwner({ pid: deadPid() });
    const reused = withOwner({ started: "1" });
    const own = makeScratch(parent);
    expect(sweepStale(parent)).toEqual([dead, reused].toSorted());
    expect([dead, reused, own].map((folder) => existsSync(folder))).toEqual([false, false, true]);
    expect(sweepStale(parent)).toEqual([]);
  });

  it("leaves what it cannot be sure of", () => {
    const pid = deadPid();
    const kept = [
      withOwner({ pid, space: "pid:[1]" }),
      withOwner({ pid: "1" }),
      withOwner({ pid: -1 }),
      withOwner({ pid: 1.5 }),
      withOwner({ pid, started: null }),
      mkdtempSync(join(parent, "rollout-tool-scratch-")),
    ];
    for (const content of ["", "[]", "{", "x".repeat(5_000)]) {
      const folder = makeScratch(parent);
      writeFileSync(join(folder, "owner.json"), content);
      kept.push(folder);
    }
    const other = join(parent, "other-folder");
    mkdirSync(other);
    writeFileSync(join(other, "owner.json"), readFileSync(join(withOwner({}), "owner.json")));
    expect(sweepStale(parent)).toEqual([]);
    expect(kept.every((folder) => existsSync(folder))).toBe(true);
  });

  it("follows no link, neither to a folder nor to a marker nor out of one", () => {
    const target = join(root, mkdtempSync(join(root, "target")).slice(root.length + 1));
    writeFileSync(join(target, "precious"), "x");
    const stale = withOwner({ pid: deadPid() });
    writeFileSync(join(target, "owner.json"), readFileSync(join(stale, "owner.json")));
    symlinkSync(target, join(parent, "rollout-tool-scratch-linked"));
    const marked = join(parent, "rollout-tool-scratch-marker");
    mkdirSync(marked);
    symlinkSync(join(target, "owner.json"), join(marked, "owner.json"));
    symlinkSync(target, join(stale, "link"));
    expect(sweepStale(parent)).toEqual([stale]);
    expect(existsSync(join(target, "precious"))).toBe(true);
    expect(existsSync(marked)).toBe(true);
  });

  it("has nothing to do where there is no folder", () => {
    expect(sweepStale(join(parent, "missing"))).toEqual([]);
  });
});
