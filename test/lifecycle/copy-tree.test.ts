import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type * as Files from "../../src/io/files.ts";
import { tryLock } from "../../src/io/locks.ts";
import { copyTree, removeCopied } from "../../src/lifecycle/copy-tree.ts";
import { moveHome, type MoveHomeOptions, type MoveHomeReport } from "../../src/lifecycle/move-home.ts";
import { system, useFileSystem } from "../support/file-system.ts";
import { runReindex, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { meta, rolloutText, sessionPath, userMessage } from "../support/lines.ts";

/** By folder: the folders that were in it when it was last brought to the disk. */
const synced = new Map<string, readonly string[]>();

vi.mock("../../src/io/files.ts", async (original) => {
  const files = await original<typeof Files>();
  return {
    ...files,
    fsyncFolder: (path: string) => {
      synced.set(path, foldersIn(path));
      files.fsyncFolder(path);
    },
  };
});

const folder = temporaryFolder();
const target = (): string => join(folder.path, "new", "place");
const staging = (): string => join(folder.path, "new", ".place.rollout-tool-moving");

beforeEach(() => synced.clear());

function foldersIn(path: string): readonly string[] {
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

function homeOf(): string {
  const home = writeHome(join(folder.path, "old", "home"), {
    [sessionPath(1)]: rolloutText([meta(1), userMessage("one")]),
    [sessionPath(2)]: rolloutText([meta(2), userMessage("two")]),
  });
  runReindex(home);
  mkdirSync(join(folder.path, "new"));
  return home;
}

function move(home: string, options: Partial<MoveHomeOptions> = {}): MoveHomeReport {
  return moveHome(
    { codexHome: home },
    { target: target(), folders: [], byCopy: true, now: () => Date.parse("2025-12-01T00:00:00.000Z"), ...options },
  );
}

/** A folder that is no home, and a note in a home that says it was copied from there. */
function foreignNote(home: string): string {
  const other = join(folder.path, "photos");
  mkdirSync(join(other, "empty", "below"), { recursive: true });
  mkdirSync(join(other, "named"));
  writeFileSync(join(other, "named", "file"), "bytes");
  const { mtimeNs } = statSync(join(other, "named", "file"), { bigint: true });
  const files = [{ path: "named/file", sizeBytes: 5, mtimeNs: mtimeNs.toString() }];
  mkdirSync(join(home, "rollout-tool"), { recursive: true });
  writeFileSync(join(home, "rollout-tool", "moved-from.json"), JSON.stringify({ from: other, files }));
  return other;
}

describe("a note of a home that somebody else has copied", () => {
  it("takes nothing away in a folder that was not asked for", () => {
    const home = homeOf();
    const other = foreignNote(home);
    const before = snapshot(other);
    move(home, { target: home, from: join(folder.path, "elsewhere") });
    move(home, { target: home });
    move(home);
    expect(snapshot(other)).toEqual(before);
    expect(existsSync(join(other, "empty", "below"))).toBe(true);
  });

  it("takes no folders away but those that it names", () => {
    const home = homeOf();
    const other = foreignNote(home);
    expect(removeCopied(home)).toEqual([]);
    expect(foldersIn(other)).toEqual(["empty"]);
    expect(foldersIn(join(other, "empty"))).toEqual(["below"]);
  });

  it("takes nothing away through links, nor in the home itself", () => {
    const home = homeOf();
    const other = foreignNote(home);
    renameSync(join(other, "named"), join(folder.path, "named"));
    symlinkSync(join(folder.path, "named"), join(other, "named"));
    removeCopied(home);
    expect(readFileSync(join(folder.path, "named", "file"), "utf8")).toBe("bytes");
    copyTree(home, target());
    rmSync(home, { recursive: true });
    symlinkSync(target(), home);
    const before = snapshot(join(target(), "sessions"));
    removeCopied(target());
    move(home, { from: home });
    expect(snapshot(join(target(), "sessions"))).toEqual(before);
  });
});

describe("an old home that was copied", () => {
  it("is taken away with its empty folders", () => {
    const home = homeOf();
    mkdirSync(join(home, "empty", "below"), { recursive: true });
    expect(move(home).how).toBe("copied");
    expect(existsSync(home)).toBe(false);
    expect(foldersIn(join(target(), "empty"))).toEqual(["below"]);
  });

  it("is left while another run is at work on it", () => {
    const home = homeOf();
    copyTree(home, target());
    const before = snapshot(home);
    const lock = tryLock(join(home, ".tmp", "rollout-maintenance.lock"));
    expect(() => move(home)).toThrow("another maintenance run is at work");
    expect(snapshot(home)).toEqual(before);
    lock?.release();
    expect(move(home).notes).toEqual([]);
    expect(existsSync(home)).toBe(false);
  });

  it.runIf(existsSync("/proc/self/fd"))("keeps what is open for writing", () => {
    const home = homeOf();
    const fd = openSync(join(home, sessionPath(2)), "r+");
    try {
      expect(move(home).notes).toEqual([
        `1 files have changed at the old place, come since or are open for writing, such as ${sessionPath(2)}: they are still in ${home}`,
      ]);
    } finally {
      closeSync(fd);
    }
    expect([existsSync(join(home, sessionPath(1))), existsSync(join(home, sessionPath(2)))]).toEqual([false, true]);
  });

  it.runIf(existsSync("/proc/self/fd"))("keeps what somebody opens while the rest of it goes", () => {
    const home = homeOf();
    let fd = -1;
    useFileSystem({
      renameSync: (from: string, to: string) => {
        if (from === join(home, sessionPath(1))) fd = openSync(join(home, sessionPath(2)), "a");
        system.renameSync(from, to);
      },
    });
    expect(move(home).notes).toEqual([expect.stringContaining(`such as ${sessionPath(2)}`)]);
    writeSync(fd, "a new turn");
    closeSync(fd);
    expect(readFileSync(join(home, sessionPath(2)), "utf8")).toMatch(/a new turn$/);
  });

  it("keeps what was written to while it went, beside a new file of its name", () => {
    const home = homeOf();
    const [one, two] = [join(home, sessionPath(1)), join(home, sessionPath(2))];
    useFileSystem({
      renameSync: (from: string, to: string) => {
        system.renameSync(from, to);
        if (from !== one && from !== two) return;
        writeFileSync(to, "somebody went on here");
        if (from === two) writeFileSync(from, "and here somebody began anew");
      },
    });
    expect(move(home).notes).toHaveLength(1);
    expect(readFileSync(one, "utf8")).toBe("somebody went on here");
    expect(readFileSync(two, "utf8")).toBe("and here somebody began anew");
    expect(readFileSync(`${two}.rollout-tool-gone`, "utf8")).toBe("somebody went on here");
  });

  it.runIf(existsSync("/proc/self/fd"))("is asked about anew for every few of many files", () => {
    const paths = Array.from({ length: 70 }, (_, n) => sessionPath(n + 1));
    const home = writeHome(join(folder.path, "old"), Object.fromEntries(paths.map((path) => [path, path])));
    mkdirSync(join(folder.path, "new"));
    copyTree(home, target());
    let opened: { readonly path: string; readonly fd: number } | undefined;
    useFileSystem({
      rmSync: (...values: Parameters<typeof rmSync>) => {
        const path = paths.findLast((one) => existsSync(join(home, one))) ?? "";
        opened ??= { path, fd: openSync(join(home, path), "a") };
        system.rmSync(...values);
      },
    });
    const left = removeCopied(target());
    closeSync(opened?.fd ?? -1);
    expect(left).toEqual([opened?.path]);
  });

  it("is taken away when a run was killed behind the name of a file", () => {
    const home = homeOf();
    copyTree(home, target());
    const before = snapshot(join(target(), "sessions"));
    renameSync(join(home, sessionPath(1)), join(home, `${sessionPath(1)}.rollout-tool-gone`));
    expect(move(home).notes).toEqual([]);
    expect(existsSync(home)).toBe(false);
    expect(snapshot(join(target(), "sessions"))).toEqual(before);
  });

  it.each([
    ["changed", (home: string) => writeFileSync(join(home, sessionPath(1)), "somebody went on here")],
    ["came", (home: string) => writeFileSync(join(home, sessionPath(3)), "somebody made this")],
  ])("is not gone on with when a rollout %s since", (_, work) => {
    const home = homeOf();
    copyTree(home, target());
    work(home);
    const before = [snapshot(home), snapshot(target())];
    const message = "the old home has been worked in since it was copied";
    expect(() => move(home)).toThrow(message);
    expect(() => move(home, { dryRun: true })).toThrow(message);
    expect(() => move(target(), { from: home })).toThrow(message);
    expect([snapshot(home), snapshot(target())]).toEqual(before);
    renameSync(target(), join(folder.path, "aside"));
    expect(move(home).how).toBe("copied");
  });
});

describe("a copy", () => {
  /** Something happens when the first rollout has been copied, and the second is about to be. */
  function meanwhile(work: (first: string) => void): void {
    const copied = new Set<string>();
    useFileSystem({
      openSync: (...values: Parameters<typeof openSync>) => {
        const path = String(values[0]);
        const isNew = path.startsWith(join(staging(), "sessions")) && path.endsWith(".jsonl") && !copied.has(path);
        if (isNew && copied.add(path).size === 2) work([...copied][0] ?? "");
        return system.openSync(...values);
      },
    });
  }

  it("is made by one run at a time: another one would sweep away what the first has copied", () => {
    const home = homeOf();
    const other = writeHome(join(folder.path, "other"), { [sessionPath(3)]: "another home" });
    const before = snapshot(join(home, "sessions"));
    let hasTried = false;
    meanwhile(() => {
      hasTried = true;
      expect(() => copyTree(other, target())).toThrow("another run is copying a home to this place");
    });
    copyTree(home, target());
    expect(hasTried).toBe(true);
    expect(snapshot(join(target(), "sessions"))).toEqual(before);
    expect(readdirSync(join(folder.path, "new"))).toEqual(["place"]);
  });

  it("is named only when all of it is there", () => {
    const home = homeOf();
    const before = snapshot(home);
    meanwhile((first) => rmSync(first));
    expect(() => copyTree(home, target())).toThrow("a file that was copied is not there any more");
    expect(readdirSync(join(folder.path, "new"))).toEqual([]);
    expect(snapshot(home)).toEqual(before);
  });

  it("has each folder on the disk before it is named", () => {
    const home = homeOf();
    mkdirSync(join(home, "empty", "below"), { recursive: true });
    copyTree(home, target());
    for (const path of ["", "sessions", "sessions/2025", "empty", "empty/below", "rollout-tool"]) {
      expect([path, synced.get(join(staging(), path))]).toEqual([path, foldersIn(join(target(), path))]);
    }
  });
});

describe.each([["renamed", false] as const, ["copied", true] as const])(
  "a link in a home that is %s",
  (how, byCopy) => {
    it("must not lead out by a relative path", () => {
      const home = homeOf();
      mkdirSync(join(folder.path, "old", "big"));
      renameSync(join(home, "sessions"), join(folder.path, "old", "big", "sessions"));
      symlinkSync("../big/sessions", join(home, "sessions"));
      for (const dryRun of [true, false]) {
        expect(() => move(home, { byCopy, dryRun })).toThrow("leads out of it by a relative path");
      }
      expect(existsSync(target())).toBe(false);
      rmSync(join(home, "sessions"));
      symlinkSync(join(folder.path, "old", "big", "sessions"), join(home, "sessions"));
      expect(move(home, { byCopy }).how).toBe(how);
      expect(existsSync(join(target(), sessionPath(1)))).toBe(true);
    });
  },
);
