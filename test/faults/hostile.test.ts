/**
 * Homes that somebody made to hurt: each ends in a report or in one sentence with the right exit code, in bounded time and
 * memory, and nothing outside the home is written to.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { symlinkSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { compressZstd } from "../../src/io/zstd.ts";
import { skipAloud } from "../interop/codex.ts";
import { BIN } from "../support/bin.ts";
import { cli } from "../support/cli.ts";
import { query, readTable, runReindex, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  base,
  fileName,
  lineText,
  META_TIME,
  meta,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = writeHome(join(folder.path, "home"), { [sessionPath(1)]: good(1) });
  writeHome(join(folder.path, "outside"), { "secret.txt": "nobody touches this\n" });
});

function good(thread: number): string {
  return rolloutText([meta(thread), turnContext(), userMessage(`hello ${thread}`)]);
}

const isRoot = process.getuid?.() === 0;

function ids(): readonly unknown[] {
  return readTable(home).map(({ id }) => id);
}

/** One sentence and at most one hint, no stack, no raw control character. */
function expectOneSentence(text: string): void {
  expect(text).not.toMatch(/\n\s+at /);
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  const lines = text.trimEnd().split("\n");
  expect(lines.length, text).toBeGreaterThan(0);
  expect(lines.length, text).toBeLessThanOrEqual(2);
}

async function expectRefusal(code: RegExp, argv: readonly string[] = ["reindex"]): Promise<void> {
  const before = snapshot(join(folder.path, "outside"));
  const run = await cli(home, argv);
  expect([run.code, run.out], run.err).toEqual([2, ""]);
  expectOneSentence(run.err);
  expect(run.err).toMatch(code);
  expect(snapshot(join(folder.path, "outside"))).toEqual(before);
}

describe("what is no rollout file", () => {
  test("sessions is a link to itself", async () => {
    rmSync(join(home, "sessions"), { recursive: true });
    symlinkSync("sessions", join(home, "sessions"));
    await expectRefusal(/sessions/);
    expect(existsSync(join(home, "state_5.sqlite"))).toBe(false);
  });

  test("links below sessions are not followed, in circles or out of the home", async () => {
    symlinkSync("..", join(home, "sessions", "2025", "circle"));
    symlinkSync(join(folder.path, "outside"), join(home, "sessions", "2025", "out"));
    writeHome(join(folder.path, "outside"), { [fileName(8)]: good(8) });
    const run = await cli(home, ["reindex"]);
    expect([run.code, ids()]).toEqual([0, [threadId(1)]]);
  });

  test("a folder, a named pipe and a link that are called like rollouts are told, and the rest is indexed", async () => {
    const day = dirname(join(home, sessionPath(1)));
    mkdirSync(join(day, fileName(2)));
    execFileSync("mkfifo", [join(day, fileName(3))]);
    symlinkSync(join(folder.path, "outside", "secret.txt"), join(day, fileName(4)));
    const run = await cli(home, ["reindex"]);
    expect([run.code, ids()]).toEqual([1, [threadId(1)]]);
    expect(run.out).toMatch(
      /a symbolic link, not a rollout file\n.*a named pipe, not a rollout file\n.*a folder, not a rollout file\n/,
    );
  });

  test("a file that may not be read is told, and the rest is indexed", () => {
    writeHome(home, { [sessionPath(2)]: good(2) });
    const { code, out, err } = asNobody(["reindex"], join(home, sessionPath(2)));
    expect([code, ids()], err).toEqual([1, [threadId(1)]]);
    expect(out).toMatch(/Not indexed\n.*permission denied/);
  });

  test("a folder that may not be listed hides threads, so nobody takes them for gone", () => {
    writeHome(home, { [`sessions/closed/${fileName(2)}`]: good(2) });
    runReindex(home);
    const { code, out, err } = asNobody(["reindex", "--prune"], join(home, "sessions", "closed"));
    expect([code, ids()], err).toEqual([1, [threadId(1), threadId(2)].toSorted()]);
    expect(out).toMatch(/cannot list the folder: permission denied/);
  });
});

/** Runs the program as a user who may do anything in the home but read `closed`; a root of ours becomes nobody for it. */
function asNobody(argv: readonly string[], closed: string) {
  const nobody = 65534;
  const user = isRoot ? { uid: nobody, gid: nobody } : {};
  if (isRoot) {
    chmodSync(folder.path, 0o755);
    for (const name of ["", ...readdirSync(home, { recursive: true, encoding: "utf8" })])
      chownSync(join(home, name), nobody, nobody);
  }
  chmodSync(closed, 0);
  const env = { PATH: process.env["PATH"] };
  const run = spawnSync(process.execPath, [BIN, ...argv, "--codex-home", home], { ...user, env, encoding: "utf8" });
  chmodSync(closed, 0o700);
  return { code: run.status, out: run.stdout, err: run.stderr };
}

describe("what stands in a rollout", () => {
  test("ids with .. lead nowhere", async () => {
    writeHome(home, {
      [sessionPath(2)]: rolloutText([meta(2, { id: "../../../outside/secret" }), userMessage("from the name")]),
      [sessionPath(3)]: rolloutText([
        paginatedMeta(3, { history_base: base("../../outside/secret.txt", 5) }),
        userItem("no base"),
      ]),
      "sessions/2025/rollout-..-...jsonl": rolloutText([meta(4, { id: "../../x" })]),
      "session_index.jsonl": `${JSON.stringify({ id: "../../outside", thread_name: "out", updated_at: META_TIME })}\n`,
    });
    const before = snapshot(join(folder.path, "outside"));
    const run = await cli(home, ["reindex"]);
    expect(run.code, run.err).toBe(1);
    expect(ids()).toEqual([threadId(1), threadId(2), threadId(3)].toSorted());
    expect(snapshot(join(folder.path, "outside"))).toEqual(before);
    expect(readdirSync(folder.path).toSorted()).toEqual(["home", "outside"]);
  });

  test.each([
    ["in metadata", (deep: string) => `{"timestamp":"${META_TIME}","type":"session_meta","payload":${deep}}`],
    [
      "in an event",
      (deep: string) =>
        `{"timestamp":"${META_TIME}","type":"event_msg","payload":{"type":"user_message","message":${deep}}}`,
    ],
    ["as a line", (deep: string) => deep],
  ])("JSON nested a million deep, %s, is one bad line", async (_, line) => {
    const deep = "[".repeat(1_000_000) + "]".repeat(1_000_000);
    const objects = '{"a":'.repeat(1_000_000) + "1" + "}".repeat(1_000_000);
    writeHome(home, {
      [sessionPath(2)]: `${line(deep)}\n${good(2)}`,
      [sessionPath(3)]: `${good(3)}${line(objects)}\n`,
      "session_index.jsonl": `${deep}\n`,
    });
    const run = await cli(home, ["reindex"]);
    expect([run.code, ids()], run.err).toEqual([0, [threadId(1), threadId(2), threadId(3)].toSorted()]);
  });

  const size = 200 * 1024 * 1024;
  test.each([
    ["zeros, all of it", "\0", "", 1],
    ["zeros before a rollout", "\0", "\n", 0],
    ["spaces before a rollout", " ", "\n", 0],
  ])("a line of 200 MB of nothing: %s", async (_, nothing, end, code) => {
    const path = join(home, sessionPath(2));
    const fd = openSync(path, "w");
    if (nothing === "\0") ftruncateSync(fd, size);
    else
      for (let done = 0; done < size; done += 1 << 20) writeSync(fd, Buffer.alloc(1 << 20, nothing), 0, 1 << 20, done);
    if (end !== "") writeSync(fd, `${end}${good(2)}`, size);
    closeSync(fd);
    const run = await cli(home, ["reindex"]);
    expect(run.code, run.err).toBe(code);
    expect(ids()).toEqual((code === 0 ? [threadId(1), threadId(2)] : [threadId(1)]).toSorted());
  });

  test.each([
    ["1 GB of zeros", "\0", 16],
    ["256 MB of blank lines", "\n", 4],
  ])("a compressed file of %s is read to its end", (_, nothing, times) => {
    const piece = compressZstd(Buffer.alloc(1 << 26, nothing));
    const frames = Array.from({ length: times }, () => piece);
    writeHome(home, { [`${sessionPath(2)}.zst`]: Buffer.concat([compressZstd(Buffer.from(good(2))), ...frames]) });
    expect(statSync(join(home, `${sessionPath(2)}.zst`)).size).toBeLessThan(1 << 20);
    const run = spawnSync(process.execPath, [BIN, "reindex", "--codex-home", home], { encoding: "utf8" });
    expect([run.status, ids()], run.stderr).toEqual([0, [threadId(1), threadId(2)].toSorted()]);
  });

  test("a compressed file that asks for more memory than Codex allows is refused", async () => {
    const frame = compressZstd(Buffer.from(good(2)));
    // Frame header: magic, then a descriptor without content size and a window of 2 GiB.
    const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8]);
    writeHome(home, { [`${sessionPath(2)}.zst`]: Buffer.concat([head, frame.subarray(6)]) });
    const run = await cli(home, ["reindex"]);
    expect([run.code, ids()]).toEqual([1, [threadId(1)]]);
  });
});

describe("what is shown", () => {
  const evil = "\u001b]0;owned\u0007\u001b[31m\u009b2J\r\u202eevil";
  const raw = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/;

  test("escapes in names, titles and paths are printed, not obeyed", async () => {
    writeHome(home, {
      [sessionPath(2)]: rolloutText([meta(2, { cwd: `/home/${evil}` }), userMessage(evil)]),
      [`sessions/2025/${evil}/rollout-${evil}\n.jsonl`]: "garbage\n",
      "session_index.jsonl": `${JSON.stringify({ id: threadId(1), thread_name: evil, updated_at: META_TIME })}\n`,
    });
    mkdirSync(join(home, "sessions", "2025", evil, "rollout-folder.jsonl"));
    const runs = [
      await cli(home, ["reindex", "--dry-run"]),
      await cli(home, ["reindex"]),
      await cli(home, ["reindex", "--check", "--rules", "codex"]),
      await cli(home, ["list"]),
      await cli(home, ["show", threadId(2)]),
      await cli(join(home, evil), ["reindex"]),
    ];
    for (const run of runs) expect(run.out + run.err).not.toMatch(raw);
    expect(runs.map(({ code }) => code)).toEqual([1, 1, 1, 0, 0, 2]);
    expect(runs[1]?.out).toContain("\\x1b");
    expect(readTable(home).find(({ id }) => id === threadId(2))?.first_user_message).toBe(evil.trim());
  });

  test("--json holds them as JSON does", async () => {
    writeHome(home, { [`sessions/2025/rollout-${evil}.jsonl`]: "garbage\n" });
    const run = await cli(home, ["reindex", "--json"]);
    expect(run.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    const report = JSON.parse(run.out) as { files: { rejected: { path: string }[] } };
    expect(report.files.rejected[0]?.path).toBe(join(home, "sessions", "2025", `rollout-${evil}.jsonl`));
  });
});

describe("links out of the home", () => {
  test("the database is one", async () => {
    runReindex(home);
    const elsewhere = join(folder.path, "outside", "state_5.sqlite");
    writeFileSync(elsewhere, readFileSync(join(home, "state_5.sqlite")));
    rmSync(join(home, "state_5.sqlite"));
    symlinkSync(elsewhere, join(home, "state_5.sqlite"));
    for (const argv of [["reindex"], ["reindex", "--force", "--rebuild"], ["reindex", "--dry-run"]])
      await expectRefusal(/symbolic link/, argv);
  });

  test.each(["state_5.sqlite-wal", "state_5.sqlite-shm", "state_5.sqlite-journal"])("%s is one", async (name) => {
    runReindex(home);
    const secret = join(folder.path, "outside", "secret.txt");
    symlinkSync(secret, join(home, name));
    const before = snapshot(join(folder.path, "outside"));
    writeHome(home, { [sessionPath(2)]: good(2) });
    for (const argv of [["reindex"], ["reindex", "--rebuild"]]) {
      const run = await cli(home, argv);
      expect(run.code, run.err).toBeLessThanOrEqual(2);
      expect(snapshot(join(folder.path, "outside"))).toEqual(before);
    }
  });

  test.each(["rollout-tool", "db-backups", ".tmp", "thread-writer-locks"])("the folder %s is one", async (name) => {
    const outside = join(folder.path, "outside");
    symlinkSync(outside, join(home, name));
    writeFileSync(join(home, "state_5.sqlite"), "no database at all");
    const before = snapshot(outside);
    const run = await cli(home, ["reindex"]);
    expect(snapshot(outside), run.out + run.err).toEqual(before);
  });

  test("a note of an unfinished swap that names a file elsewhere moves nothing", async () => {
    const secret = join(folder.path, "outside", "secret.txt");
    mkdirSync(join(home, ".state_5.sqlite.rollout-tool-x"));
    for (const finished of [
      secret,
      "../outside/secret.txt",
      ".state_5.sqlite.rollout-tool-x/../../outside/secret.txt",
      join(home, ".state_5.sqlite.rollout-tool-x/../../outside/secret.txt"),
    ]) {
      writeHome(home, { "rollout-tool/pending-swap.json": JSON.stringify({ finished, old: null, oldInode: null }) });
      rmSync(join(home, "state_5.sqlite"), { force: true });
      await cli(home, ["reindex"]);
      expect(readFileSync(secret, "utf8")).toBe("nobody touches this\n");
    }
  });
});

describe("a home that may not be written to", () => {
  test("is read by every reading command, and reindex says why it cannot", async () => {
    runReindex(home);
    writeHome(home, { [sessionPath(2)]: good(2) });
    const [mounted, release] = readOnly();
    if (mounted === undefined) return;
    try {
      const before = snapshot(home);
      const check = await cli(mounted, ["reindex", "--check"]);
      expect([check.code, check.err]).toEqual([1, ""]);
      expect(check.out).toMatch(/1 without a row/);
      for (const argv of [["list"], ["list", "--from-files"], ["show", threadId(1)]]) {
        const run = await cli(mounted, argv);
        expect(run.code, `${argv.join(" ")}: ${run.err}`).toBe(0);
      }
      for (const argv of [["reindex"], ["reindex", "--rebuild"], ["reindex", "--force"]]) {
        const run = await cli(mounted, argv);
        expect([run.code, run.out]).toEqual([2, ""]);
        expectOneSentence(run.err);
        expect(run.err).toMatch(/read-only|permission/i);
      }
      expect(snapshot(home)).toEqual(before);
    } finally {
      release();
    }
  });
});

/** The home again, as a file system that refuses to be written; without root, by its permissions. */
function readOnly(): readonly [string | undefined, () => void] {
  if (!isRoot) {
    chmodSync(home, 0o555);
    return [home, () => chmodSync(home, 0o755)];
  }
  const target = join(folder.path, "mounted");
  mkdirSync(target);
  const mount = spawnSync("sh", ["-c", 'mount --bind "$1" "$2" && mount -o remount,ro,bind "$2"', "sh", home, target], {
    encoding: "utf8",
  });
  const release = () => void spawnSync("sh", ["-c", 'umount "$1"', "sh", target]);
  if (mount.status === 0) return [target, release];
  release();
  skipAloud(`a read-only home: this root may not mount (${mount.stderr.trim()})`);
  return [undefined, release];
}

test("metadata that names this file's own fork as its base ends", async () => {
  writeHome(home, {
    [sessionPath(2)]: rolloutText([paginatedMeta(2, { history_base: base(threadId(3), 1 << 30) }), turnContext()]),
    [sessionPath(3)]: rolloutText([paginatedMeta(3, { history_base: base(threadId(2), 1 << 30) }), turnContext()]),
    [sessionPath(4)]: rolloutText([paginatedMeta(4, { history_base: base(threadId(4), 1 << 30) }), turnContext()]),
  });
  const run = await cli(home, ["reindex"]);
  expect([run.code, ids().length], run.err).toEqual([0, 4]);
});

test("two thousand forks of forks are followed without a stack to overflow", async () => {
  const chain = Array.from({ length: 2000 }, (_, index) => {
    const thread = index + 2;
    const first =
      index === 0
        ? paginatedMeta(thread)
        : paginatedMeta(thread, { history_base: base(threadId(thread - 1), 1 << 30) });
    return [
      sessionPath(thread),
      `${lineText(first, META_TIME, 0)}\n${index === 0 ? `${lineText(userItem("the root"), META_TIME, 1)}\n` : ""}`,
    ];
  });
  writeHome(home, Object.fromEntries(chain) as Record<string, string>);
  const run = await cli(home, ["reindex"]);
  expect(run.code, run.err).toBe(0);
  expect(query(home, "select count(*) as n from threads where preview = 'the root'")[0]?.n).toBeGreaterThan(900);
});
