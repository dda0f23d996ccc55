/**
 * A disk that is full, or becomes so in the middle: one sentence, exit code 2, the old database as it was, nothing left lying
 * about. Needs a small file system of its own, so root on Linux; elsewhere skipped, and one line says so.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkFile } from "../../src/io/sqlite-image.ts";
import { skipAloud } from "../interop/codex.ts";
import { cli } from "../support/cli.ts";
import { readTable, runReindex, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { meta, rolloutText, sessionPath, turnContext, userMessage } from "../support/lines.ts";

const THREADS = 60;
const SIZE_MIB = 8;

const folder = temporaryFolder();
let home = "";
const mounted: string[] = [];

function shell(command: string, ...values: readonly string[]) {
  return spawnSync("sh", ["-c", command, "sh", ...values], { encoding: "utf8" });
}

function mountSmall(): string | undefined {
  const path = join(folder.path, "disk");
  mkdirSync(path);
  const run = shell('mount -t tmpfs -o "size=$1m" tmpfs "$2"', String(SIZE_MIB), path);
  if (run.status !== 0) return undefined;
  mounted.push(path);
  return path;
}

const canMount = process.getuid?.() === 0 && shell("mount --version").status === 0;
if (!canMount) skipAloud("a full disk: only root may mount a small one");

beforeEach((context) => {
  const disk = mountSmall();
  if (disk === undefined) {
    skipAloud("a full disk: a small one could not be mounted");
    context.skip();
    return;
  }
  const texts = Array.from({ length: THREADS }, (_, index) => {
    const text = rolloutText([meta(index + 1), turnContext(), userMessage(`hello ${"long ".repeat(300)}`)]);
    return [sessionPath(index + 1), text] as const;
  });
  home = writeHome(join(disk, "home"), Object.fromEntries(texts));
});

// Before the folder itself is removed.
afterEach(() => {
  for (const path of mounted.splice(0)) shell('umount "$1"', path);
});

/** Fills the disk but for so many bytes; `free` may be repeated. */
function leave(bytes: number): void {
  const filler = join(home, "..", "filler");
  rmSync(filler, { force: true });
  const { bavail, bsize } = statfsSync(home);
  writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
}

function free(): void {
  rmSync(join(home, "..", "filler"), { force: true });
}

/** What matters to a user: the database with its log, and nothing half done beside it. */
function state(): Readonly<Record<string, string>> {
  const all = Object.entries(snapshot(home)).filter(([path]) => !path.startsWith("sessions"));
  return Object.fromEntries(all.filter(([, what]) => what !== "folder" && !what.startsWith("0 ")));
}

describe.skipIf(!canMount)("a disk with room for", () => {
  const rooms = [0, 4096, 40_000, 200_000, 400_000, 600_000, 800_000];

  test.each(rooms)("%i bytes, where the index is built anew beside a damaged one", async (room) => {
    runReindex(home);
    rmSync(join(home, "rollout-tool"), { recursive: true });
    writeFileSync(join(home, "state_5.sqlite"), "damaged ".repeat(20_000));
    const before = state();
    leave(room);
    const run = await cli(home, ["reindex"]);
    if (run.code === 0) {
      // Enough for the index itself; only the memory for the next run may be missing.
      expect(readTable(home)).toHaveLength(THREADS);
      return;
    }
    expect([run.code, run.out]).toEqual([2, ""]);
    expect(run.err).toMatch(/no space|disk is full/);
    expect(run.err.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
    expect(state()).toEqual(before);
    free();
    expect((await cli(home, ["reindex"])).code).toBe(0);
    expect(readTable(home)).toHaveLength(THREADS);
  });

  test.each(rooms)("%i bytes, where a sound index is updated", async (room) => {
    runReindex(home);
    const before = state();
    const more = Array.from(
      { length: 40 },
      (_, index) =>
        [sessionPath(100 + index), rolloutText([meta(100 + index), userMessage("x".repeat(3000))])] as const,
    );
    writeHome(home, Object.fromEntries(more));
    leave(room);
    const run = await cli(home, ["reindex"]);
    if (run.code === 0) {
      expect(readTable(home)).toHaveLength(THREADS + more.length);
      return;
    }
    expect([run.code, run.out]).toEqual([2, ""]);
    expect(run.err).toMatch(/no space|disk is full/);
    // All of it or nothing: what did not fit any more may be taking the finished changes out of the log.
    expect(checkFile(join(home, "state_5.sqlite")).status).toBe("ok");
    const rows = readTable(home).length;
    expect([THREADS, THREADS + more.length]).toContain(rows);
    if (rows === THREADS) expect(state()["state_5.sqlite"]).toBe(before["state_5.sqlite"]);
    free();
    expect((await cli(home, ["reindex"])).code).toBe(0);
    expect(readTable(home)).toHaveLength(THREADS + more.length);
  });
});
