/**
 * SIGKILL at any moment of a run: the home then has its old index or the new one, whole, what only the old one knew is not
 * lost, and the next run finishes the work and leaves nothing unfinished.
 *
 * Killed just before each change to the file system, one after the other, and at moments spread evenly over a run, which
 * reach into SQLite's own writing. `ROLLOUT_TOOL_KILLS` sets the number of those (200 say more, 6 are quick).
 */
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { checkFile } from "../../src/io/sqlite-image.ts";
import { SqliteDatabase } from "../../src/io/sqlite.ts";
import { copyTree } from "../interop/codex.ts";
import { PRELOAD } from "../support/kills.ts";
import { BIN } from "../support/bin.ts";
import { query, readTable, runReindex, setMtime, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  FILE_MS,
  meta,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";

const KILLS = Number(process.env["ROLLOUT_TOOL_KILLS"] ?? 6);
const THREADS = [1, 2, 3, 4];
const IDS = THREADS.map(threadId).toSorted();
const STATE = "state_5.sqlite";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

interface Variant {
  readonly title: string;
  readonly args: readonly string[];
  /** Makes of a home with a sound, closed database the one that is reindexed. */
  prepare(home: string): void;
}

const VARIANTS: readonly Variant[] = [
  { title: "a sound database that is rebuilt", args: ["--rebuild"], prepare: leaveLog },
  {
    title: "a damaged database",
    args: [],
    prepare(path) {
      leaveLog(path);
      const bytes = readFileSync(join(path, STATE));
      writeFileSync(join(path, STATE), bytes.fill(0, 0, 100));
      rmSync(join(path, `${STATE}-wal`));
    },
  },
  {
    title: "a sound database that is updated",
    args: [],
    prepare(path) {
      leaveLog(path);
      const [first] = THREADS;
      const file = join(path, sessionPath(first ?? 0));
      writeFileSync(file, readFileSync(file, "utf8") + rolloutText([userMessage("later")]));
      setMtime(file, FILE_MS + 60_000);
    },
  },
];

/** User data that no rollout holds: first in the main file, then some more in a `-wal` beside it, as after a crash of Codex. */
function leaveLog(path: string): void {
  const db = SqliteDatabase.open(join(path, STATE));
  db.exec("insert into thread_sections values ('section', 'Kept section', null)");
  db.exec(`update threads set name = 'Kept name', thread_section_id = 'section' where id = '${threadId(2)}'`);
  db.checkpoint();
  db.exec(`update threads set is_pinned = 1 where id = '${threadId(3)}'`);
  const copies = [STATE, `${STATE}-wal`];
  for (const name of copies) copyFileSync(join(path, name), join(path, `${name}.copy`));
  db.close();
  for (const name of copies) {
    copyFileSync(join(path, `${name}.copy`), join(path, name));
    rmSync(join(path, `${name}.copy`));
  }
}

/** A prepared home, made once per variant and copied for each kill. */
function template(variant: Variant): string {
  const path = join(folder.path, "template");
  const texts = THREADS.map((thread) => [
    sessionPath(thread),
    thread % 2 === 0
      ? rolloutText([paginatedMeta(thread), turnContext(), userItem(`hello ${thread}`)], { paginated: true })
      : rolloutText([meta(thread), turnContext(), userMessage(`hello ${thread}`)]),
  ]);
  writeHome(path, Object.fromEntries(texts) as Record<string, string>);
  runReindex(path);
  variant.prepare(path);
  return path;
}

function renew(from: string): void {
  rmSync(home, { recursive: true, force: true });
  copyTree(from, home);
}

function command(args: readonly string[]): readonly string[] {
  return [BIN, "reindex", "--quiet", "--codex-home", home, ...args];
}

function runKilledAt(change: number, args: readonly string[]) {
  const env = { PATH: process.env["PATH"], KILL_AT: String(change) };
  return spawnSync(process.execPath, [...PRELOAD, ...command(args)], { env, encoding: "utf8" });
}

/** What the killed run left: sound and complete, or, where it was damaged before, as it was. */
function expectOldOrNew({ title }: Variant, when: string): void {
  const { status } = checkFile(join(home, STATE));
  if (status !== "ok") {
    expect([title, existsSync(join(home, STATE))], when).toEqual(["a damaged database", true]);
    return;
  }
  expect(
    readTable(home).map(({ id }) => id),
    when,
  ).toEqual(IDS);
}

function expectFinished({ title }: Variant, when: string): void {
  const report = runReindex(home);
  expect(report.files.rejected, when).toEqual([]);
  expect(checkFile(join(home, STATE)).status, when).toBe("ok");
  const kept = query(home, "select name, thread_section_id, is_pinned from threads order by id desc");
  expect(
    kept.map((row) => Object.values(row)),
    when,
  ).toEqual([
    [null, null, 0],
    ["Kept name", "section", 0],
    // A damaged database lost its log before the run.
    [null, null, title === "a damaged database" ? 0 : 1],
    [null, null, 0],
  ]);
  expect(leftovers(), when).toEqual([]);
}

function leftovers(): readonly string[] {
  const names = readdirSync(home, { recursive: true, encoding: "utf8" });
  return names.filter(
    (name) =>
      /\.rollout-tool-|\.partial$|pending-swap|-wal$|-shm$|-journal$/.test(name) && !name.startsWith("db-backups"),
  );
}

describe.each(VARIANTS)("$title", (variant) => {
  test("killed before each change to the file system", () => {
    const from = template(variant);
    renew(from);
    const whole = runKilledAt(0, variant.args);
    const changes = Number(/CHANGES (\d+)/.exec(whole.stderr)?.[1]);
    expect([whole.status, changes > 5], whole.stderr).toEqual([0, true]);
    for (let change = 1; change <= changes; change++) {
      renew(from);
      const run = runKilledAt(change, variant.args);
      const when = `killed before change ${change} of ${changes}`;
      expect(run.signal, `${when}\n${run.stderr}`).toBe("SIGKILL");
      expectOldOrNew(variant, when);
      expectFinished(variant, when);
    }
  });

  test(
    "killed at moments spread over a run",
    async () => {
      const from = template(variant);
      const lengths: number[] = [];
      for (let run = 0; run < 3; run++) {
        renew(from);
        lengths.push((await runFor(undefined, variant.args)).lengthMs);
      }
      const [, lengthMs = 0] = lengths.toSorted((a, b) => a - b);
      let killed = 0;
      for (let kill = 1; kill <= KILLS; kill++) {
        renew(from);
        const afterMs = (lengthMs * kill) / KILLS;
        const run = await runFor(afterMs, variant.args);
        if (run.signal === "SIGKILL") killed += 1;
        const when = `killed after ${afterMs.toFixed(1)} of ${lengthMs.toFixed(1)} ms`;
        expectOldOrNew(variant, when);
        expectFinished(variant, when);
      }
      if (KILLS > 20)
        process.stderr.write(
          `${variant.title}: ${killed} of ${KILLS} runs were killed, over ${lengthMs.toFixed(0)} ms\n`,
        );
    },
    300_000 + KILLS * 5_000,
  );
});

interface Run {
  readonly lengthMs: number;
  readonly signal: NodeJS.Signals | null;
}

function runFor(afterMs: number | undefined, args: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(process.execPath, [...command(args)], { stdio: "ignore", env: { PATH: process.env["PATH"] } });
    const timer = afterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), afterMs);
    child.once("exit", (_, signal) => {
      clearTimeout(timer);
      resolve({ lengthMs: performance.now() - started, signal });
    });
  });
}

test("a run killed while it builds anew on a home where nothing else has changed is cleared up by the next", () => {
  const from = template({ title: "", args: [], prepare: () => undefined });
  renew(from);
  runReindex(home);
  expect(runKilledAt(4, ["--rebuild"]).signal).toBe("SIGKILL");
  expect(leftovers()).toHaveLength(1);
  expect(runReindex(home).action).toBe("unchanged");
  expect(leftovers()).toEqual([]);
});
