/**
 * `verify --repair` and `repair --undo` killed at any moment: what was in the home is there afterwards, and the next run finishes what
 * was begun, or begins it anew. `ROLLOUT_TOOL_KILLS` sets the number of kills by time, and `ROLLOUT_TOOL_BIN` names another build than
 * that of this folder.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { compressZstd } from "../../src/io/zstd.ts";
import { PRELOAD, PROGRAM, runFor } from "../support/kills.ts";
import { change, runReindex, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  lineText,
  meta,
  META_TIME,
  paginatedMeta,
  rolloutText,
  sessionPath,
  userItem,
  userMessage,
} from "../support/lines.ts";

const KILLS = Number(process.env["ROLLOUT_TOOL_KILLS"] ?? 6);
/** Of all kills half come before changes of a repair, a quarter before those of an undo, a quarter after some time. */
const SHARE = { repair: Math.ceil(KILLS / 2), undo: Math.ceil(KILLS / 4), time: Math.ceil(KILLS / 4) };

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

function thread(n: number, more = ""): string {
  return rolloutText([meta(n), userMessage(`hello ${n}`)]) + more;
}

const packed = (text: string): Buffer => compressZstd(Buffer.from(text), { checksum: true });

/** One of each kind of repair: rewritten, renamed, moved to another folder, pairs, leftovers, names, rows. Returns the tree. */
function damage(): Readonly<Record<string, string>> {
  rmSync(home, { recursive: true, force: true });
  const unnumbered = [paginatedMeta(2), userItem("one"), userItem("two")];
  writeHome(home, {
    [sessionPath(1)]: `\ufeff${thread(1, "\0\0\0\n")}{"half`,
    [sessionPath(2)]: unnumbered
      .map((record, at) => `${lineText(record, META_TIME, at === 2 ? undefined : at)}\n`)
      .join(""),
    [`${sessionPath(3)}.zst`]: packed(thread(3, "no record\n")),
    [`${sessionPath(4)}.zst`]: Buffer.from(thread(4)),
    [sessionPath(5).replace(/\d+\/\d+\/\d+/, "elsewhere")]: thread(5),
    [sessionPath(6)]: thread(6),
    [`${sessionPath(6)}.zst`]: packed(thread(6)),
    [sessionPath(7).replace("rollout-", ".rollout-") + ".aside.0123456789ab"]: thread(7),
    "session_index.jsonl": "no entry\n",
  });
  runReindex(home);
  change(home, "pragma foreign_keys = off; update threads set archived = 1, thread_section_id = 'nowhere'");
  return tree();
}

const OWN = /^(?:rollout-tool|\.tmp|thread-writer-locks|session_index\.jsonl\.lock)(?:\/|$)/;
/** Passing files, which the next run removes. */
const PASSING = /\.partial$|\.rollout-tool-/;

/** All but what the tool has for itself. */
function tree(): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(snapshot(home)).filter(([path]) => !OWN.test(path)));
}

/** Of databases and side files only that they are there: they hold the time of the run. */
function withoutTimes(files: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(files).map(([path, is]) => [path, /\.sqlite|\.aside$/.test(path) ? "" : is]),
  );
}

function argv(...words: readonly string[]): string[] {
  return [PROGRAM, ...words, "--codex-home", home];
}

const REPAIR = ["verify", "--repair", "--read-data", "all", "--quiet"];

interface Answer {
  readonly manifest?: string;
  readonly repairs: readonly { readonly outcome: string; readonly message?: string }[];
  readonly recovered: readonly { readonly outcome: string }[];
  readonly after: { readonly codes: Readonly<Record<string, number>> };
}

function finish(when: string): Answer {
  const run = spawnSync(process.execPath, argv(...REPAIR, "--json"), { encoding: "utf8", maxBuffer: 1 << 26 });
  expect([run.status, run.stderr], when).toEqual([0, ""]);
  const answer = JSON.parse(run.stdout) as Answer;
  expect(
    answer.repairs.filter(({ outcome }) => outcome !== "done"),
    when,
  ).toEqual([]);
  expect(
    answer.recovered.filter(({ outcome }) => outcome === "stuck"),
    when,
  ).toEqual([]);
  // Notes: the lock of a thread that the killed run had, and a row that it did not come to, which may as well be a user's choice.
  const { "lock-left": _left, "row-differs": _row, ...codes } = answer.after.codes;
  expect(codes, when).toEqual({});
  expect(
    Object.keys(tree()).filter((path) => PASSING.test(path)),
    when,
  ).toEqual([]);
  return answer;
}

/** Manifests, the newest first. */
function runs(): string[] {
  const changes = join(home, "rollout-tool", "changes");
  return readdirSync(changes)
    .toSorted()
    .toReversed()
    .map((name) => join(changes, name, "manifest.jsonl"));
}

/** Every run undone, the last first: what the killed ones did, and what finished it. */
function expectUndone(before: Readonly<Record<string, string>>, when: string): void {
  for (const manifest of runs()) {
    const run = spawnSync(process.execPath, argv("repair", "--undo", manifest), { encoding: "utf8" });
    expect([run.status, run.stderr], `${when}\n${run.stdout}`).toEqual([0, ""]);
  }
  expect(tree(), when).toEqual(before);
}

function mended(): Readonly<Record<string, string>> {
  damage();
  finish("not killed");
  return withoutTimes(tree());
}

const env = { PATH: process.env["PATH"] };

test("verify --repair, killed before changes to the file system", () => {
  const wanted = mended();
  damage();
  const whole = spawnSync(process.execPath, [...PRELOAD, ...argv(...REPAIR)], { env, encoding: "utf8" });
  const changes = Number(/CHANGES (\d+)/.exec(whole.stderr)?.[1]);
  expect([whole.status, changes > 100], whole.stderr).toEqual([0, true]);
  const step = Math.max(1, Math.ceil(changes / SHARE.repair));
  for (let at = Math.ceil(step / 2); at <= changes; at += step) {
    const before = damage();
    const killed = spawnSync(process.execPath, [...PRELOAD, ...argv(...REPAIR)], {
      env: { ...env, KILL_AT: String(at) },
      encoding: "utf8",
    });
    const when = `killed before change ${at} of ${changes}`;
    expect(killed.signal, `${when}\n${killed.stderr}`).toBe("SIGKILL");
    finish(when);
    expect(withoutTimes(tree()), when).toEqual(wanted);
    expectUndone(before, when);
  }
}, 600_000);

test("repair --undo, killed before changes to the file system", () => {
  damage();
  const { manifest = "" } = finish("not killed");
  const undo = [...PRELOAD, ...argv("repair", "--undo", manifest)];
  const whole = spawnSync(process.execPath, undo, { env, encoding: "utf8" });
  const changes = Number(/CHANGES (\d+)/.exec(whole.stderr)?.[1]);
  expect([whole.status, changes > 50], whole.stderr).toEqual([0, true]);
  const step = Math.max(1, Math.ceil(changes / SHARE.undo));
  for (let at = Math.ceil(step / 2); at <= changes; at += step) {
    const before = damage();
    const { manifest: own = "" } = finish("not killed");
    const killed = spawnSync(process.execPath, [...PRELOAD, ...argv("repair", "--undo", own)], {
      env: { ...env, KILL_AT: String(at) },
      encoding: "utf8",
    });
    const when = `killed before change ${at} of ${changes}`;
    expect(killed.signal, `${when}\n${killed.stderr}`).toBe("SIGKILL");
    expectUndone(before, when);
  }
}, 600_000);

describe("verify --repair, killed after some time", () => {
  test(`${SHARE.time} times`, async () => {
    const wanted = mended();
    damage();
    const startMs = Date.now();
    spawnSync(process.execPath, argv(...REPAIR));
    const wholeMs = Date.now() - startMs;
    for (let index = 0; index < SHARE.time; index += 1) {
      const before = damage();
      const afterMs = (wholeMs * (index + 0.5)) / SHARE.time;
      await runFor(argv(...REPAIR), afterMs);
      const when = `killed after ${afterMs.toFixed(0)} of ${wholeMs} ms`;
      finish(when);
      expect(withoutTimes(tree()), when).toEqual(wanted);
      expectUndone(before, when);
    }
  }, 600_000);
});
