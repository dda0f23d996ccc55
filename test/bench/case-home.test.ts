import { appendFileSync, chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";

import { CaseHome, copyWithTimes, removeDatabases, rolloutsBelow, toForm } from "../../src/bench/case-home.ts";
import { setMtime, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { FILE_MS, meta, rolloutText, sessionPath, userMessage } from "../support/lines.ts";

const folder = temporaryFolder();
let [pristine, path] = ["", ""];
beforeEach(() => {
  pristine = join(folder.path, "pristine");
  path = join(folder.path, "case");
  writeHome(pristine, { [sessionPath(1)]: text(1), [sessionPath(2)]: text(2) });
});

const text = (n: number): string => rolloutText([meta(n), userMessage(`hello ${String(n)}`)]);

/** What is there, but for locks. */
function files(home: string): Readonly<Record<string, string>> {
  const all = Object.entries(snapshot(home)).filter(([name, what]) => what !== "folder" && !name.endsWith(".lock"));
  return Object.fromEntries(all);
}

describe("CaseHome", () => {
  it("begins as a copy, and is brought back after what is added, changed, removed or packed", () => {
    const home = new CaseHome(path, pristine);
    const begin = files(pristine);
    expect(files(path)).toEqual(begin);
    appendFileSync(join(path, sessionPath(1)), "more\n");
    rmSync(join(path, sessionPath(2)));
    writeHome(path, { [sessionPath(3)]: text(3), [`${sessionPath(1)}.zst`]: text(1) });
    home.restore();
    expect(files(path)).toEqual(begin);
    expect(files(pristine)).toEqual(begin);
  });

  it("goes back to what it was when it was captured, databases included", () => {
    const home = new CaseHome(path, pristine);
    for (const name of ["state_5.sqlite", "state_5.sqlite-wal"]) writeFileSync(join(path, name), "known");
    writeFileSync(join(path, "config.toml"), "");
    appendFileSync(join(path, sessionPath(1)), "more\n");
    // Times can be set to the microsecond, and are had to the nanosecond.
    for (const name of Object.keys(files(path))) setMtime(join(path, name), FILE_MS);
    home.capture("plain");
    const begin = files(path);
    writeFileSync(join(path, "state_5.sqlite"), "changed");
    writeFileSync(join(path, "state_5.sqlite-shm"), "");
    rmSync(join(path, "state_5.sqlite-wal"));
    writeFileSync(join(path, sessionPath(1)), "");
    home.restore();
    expect(files(path)).toEqual(begin);
    home.remove();
    expect([existsSync(path), existsSync(`${path}-kept`), existsSync(pristine)]).toEqual([false, false, true]);
  });

  it("is captured in another form", () => {
    const home = new CaseHome(path, pristine);
    home.capture("zst");
    const packed = [1, 2].map((n) => `${sessionPath(n)}.zst`).toSorted();
    expect(rolloutsBelow(path)).toEqual(packed);
    toForm(path, "plain");
    home.restore();
    expect(rolloutsBelow(path)).toEqual(packed);
  });

  it("removes what is new, and nothing else", () => {
    const home = new CaseHome(path, pristine);
    writeHome(path, { [sessionPath(3)]: text(3), "archived_sessions/notes.txt": "kept" });
    appendFileSync(join(path, sessionPath(1)), "more\n");
    home.removeNew();
    expect(rolloutsBelow(path)).toEqual([sessionPath(1), sessionPath(2)].toSorted());
    expect(readFileSync(join(path, sessionPath(1)), "utf8")).toMatch(/more\n$/);
    expect(existsSync(join(path, "archived_sessions/notes.txt"))).toBe(true);
  });
});

describe("toForm", () => {
  it("packs and unpacks, keeping bytes and times", () => {
    const before = files(pristine);
    toForm(pristine, "zst");
    expect(rolloutsBelow(pristine).every((name) => name.endsWith(".zst"))).toBe(true);
    toForm(pristine, "plain");
    expect(files(pristine)).toEqual(before);
  });

  it("names the rollout that cannot be packed or unpacked, by its place in the home, and calls it no bug", () => {
    writeHome(pristine, { [sessionPath(3)]: rolloutText([userMessage("no metadata")]) });
    expect(() => toForm(pristine, "zst")).toThrow(
      expect.objectContaining({
        code: "unsupported",
        message: "a rollout of the input cannot be compressed: skipped_unreadable_meta",
        place: expect.objectContaining({ path: sessionPath(3) }) as unknown,
      }),
    );
    const other = writeHome(join(folder.path, "other"), { [`${sessionPath(4)}.zst`]: Buffer.from("no archive") });
    expect(() => toForm(other, "plain")).toThrow(/^a rollout of the input cannot be unpacked: .+/);
  });
});

it("a copy can be written to, whatever its original is, and has its times", () => {
  const source = join(pristine, sessionPath(1));
  chmodSync(source, 0o400);
  const target = join(folder.path, "new", "folder", "file");
  copyWithTimes(source, target);
  expect(statSync(target).mode & 0o777).toBe(0o600);
  expect(statSync(target).mtimeMs).toBe(statSync(source).mtimeMs);
  expect(() => copyWithTimes(join(folder.path, "missing"), target)).toThrow(/no such file/);
});

it("removes databases of every kind and what reindex keeps beside them, and nothing else", () => {
  writeHome(path, {
    "rollout-tool/index-manifest.json": "{}",
    "db-backups/20260101T000000Z/state_5.sqlite": "",
    "sessions/a.sqlite": "",
  });
  const names = ["state_5.sqlite", "logs_1.sqlite-wal", "thread_history_1.sqlite-shm", "config.toml", "a.sqlite.bak"];
  for (const name of names) writeFileSync(join(path, name), "");
  removeDatabases(path);
  expect(Object.keys(files(path))).toEqual(["a.sqlite.bak", "config.toml", "sessions/a.sqlite"]);
  expect([existsSync(join(path, "rollout-tool")), existsSync(join(path, "db-backups"))]).toEqual([false, false]);
});
