/**
 * A benchmark that is interrupted, killed, or given binaries that fail in every way; a disk that is too small; a regression.
 * `ROLLOUT_TOOL_KILLS` sets how often it is killed, and `ROLLOUT_TOOL_BIN` names another build than that of this folder.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";

import { skipAloud } from "../interop/codex.ts";
import {
  ANSWERS,
  fakeCodex,
  HANGS,
  leftIn,
  processesOf,
  PROGRAM,
  reportOf,
  runBench,
  startBench,
  waitForNothing,
} from "../support/bench-world.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { meta, rolloutText, sessionPath, threadId, userMessage } from "../support/lines.ts";
import { ROOT } from "../support/sources.ts";

const KILLS = Number(process.env["ROLLOUT_TOOL_KILLS"] ?? 4);
const isLinux = existsSync("/proc/self/environ");
if (!isLinux) skipAloud("processes that a benchmark leaves behind: there is no /proc");

const folder = temporaryFolder();
const sleep = (ms: number) => new Promise((resolve) => void setTimeout(resolve, ms));

describe.skipIf(!isLinux)("a run with a binary that hangs and does not end with its stdin", () => {
  const ENDS = [
    ["killed", (pid: number) => process.kill(pid, "SIGKILL")],
    ["interrupted from a terminal", (pid: number) => process.kill(-pid, "SIGINT")],
    ["asked to end", (pid: number) => process.kill(pid, "SIGTERM")],
  ] as const;

  test.each(ENDS)(
    "%s at moments spread over it leaves no process and no folder",
    async (_title, end) => {
      const [hanging, sound] = [fakeCodex(folder.path, "0.0.1", HANGS), fakeCodex(folder.path, "0.0.2", ANSWERS)];
      const args = ["resume", "--synthetic", "legacy:300kB", "--synthetic", "paginated-late:300kB"];
      for (let kill = 1; kill <= KILLS; kill++) {
        const afterMs = 60 + (2500 * kill) / KILLS;
        const binaries = ["--codex", hanging, "--codex", sound, "--timeout", "1m", "--seed", String(kill)];
        const { child, done } = startBench(folder.path, [...args, ...binaries]);
        await sleep(afterMs);
        // At least once in the middle of it, however slow the machine is: the program, the shell that stands by, and another.
        if (kill === KILLS) while (child.exitCode === null && processesOf(folder.path).length < 3) await sleep(20);
        end(child.pid ?? 0);
        const { code, signal } = await done;
        expect([code, signal !== null]).toEqual([null, true]);
        expect(await waitForNothing(folder.path), `after ${afterMs.toFixed(0)} ms`).toEqual([]);
      }
    },
    300_000 + KILLS * 25_000,
  );

  /** Has started a process below its folder, and told nobody of it yet. */
  const STARTER = `
import { spawn } from "node:child_process";
const [module, folder] = process.argv.slice(1);
const { standBy } = await import(module);
standBy(folder);
const env = { PATH: process.env.PATH, CODEX_HOME: folder + "/home" };
const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"], { env, stdio: "ignore" });
process.stdout.write(String(child.pid));
`;

  test("killed between the start of a process and the word of it leaves no process and no folder", async () => {
    const scratch = join(folder.path, "tmp", "rollout-tool-scratch-killed");
    mkdirSync(scratch, { recursive: true });
    const module = join(dirname(PROGRAM), "bench", "children.js");
    const args = ["--input-type=module", "-e", STARTER, module, scratch];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [pid] = (await once(child.stdout, "data")) as [Buffer];
    expect(processesOf(scratch).some((line) => line.startsWith(`${pid.toString()} `))).toBe(true);
    child.kill("SIGKILL");
    expect(await waitForNothing(folder.path)).toEqual([]);
  });
});

describe("binaries that fail", () => {
  const FAILING = {
    "0.0.1": HANGS,
    "0.0.2": `function answer({ id, method }) { if (method === "initialize") out({ id, result: {} }); else process.exit(3); }`,
    "0.0.3": `function answer({ id, method }) {
      out(method === "initialize" ? { id, result: {} } : { id, error: { code: -32600, message: "no \\u001b[2J such thread" } });
    }`,
    "0.0.4": `process.stderr.write("cannot start today"); process.exit(4);`,
    "0.0.5": `function answer({ id, method }) { process.stdout.write("this is no JSON\\n"); }`,
  };

  test("are told by name, and the others go on", async () => {
    const codex = Object.entries({ ...FAILING, "0.0.9": ANSWERS }).flatMap(([version, script]) => [
      "--codex",
      fakeCodex(folder.path, version, script),
    ]);
    const args = ["fork", "--synthetic", "legacy:100kB", ...codex, "--timeout", "3s", "--rounds", "2", "--warmup", "0"];
    const run = await runBench(folder.path, [...args, "--json"]);
    expect(run.code, run.err).toBe(1);
    const { cases, failures } = reportOf(run);
    const ways = ["plain.codex-VERSION.cold", "plain.codex-VERSION.warm", "zst.codex-VERSION.cold"];
    const namesOf = (version: string): string[] =>
      ways.map((way) => `fork.legacy:100kB.${way}`.replace("VERSION", version));
    expect(cases.map(({ name }) => name).toSorted()).toEqual(
      [
        ...namesOf("0.0.9"),
        "fork.legacy:100kB.plain.rollout-tool.copy",
        "fork.legacy:100kB.zst.rollout-tool.copy",
      ].toSorted(),
    );
    expect(failures.map((failure) => failure.case).toSorted()).toEqual(
      Object.keys(FAILING).flatMap(namesOf).toSorted(),
    );
    const saying = (version: string): string =>
      failures.find((failure) => failure.case.includes(version))?.message ?? "";
    expect(saying("0.0.1")).toMatch(/^Codex 0\.0\.1 \(.*codex\): thread\/resume: no answer in 3000 ms/);
    expect(saying("0.0.2")).toContain("ended with 3");
    expect(saying("0.0.3")).toContain("thread/resume: -32600 no \\x1b[2J such thread");
    expect(saying("0.0.4")).toContain("ended with 4: cannot start today");
    expect(saying("0.0.5")).toContain("initialize: no answer in 3000 ms");
    if (isLinux) expect(await waitForNothing(folder.path)).toEqual([]);
  });

  test("are an error where the file is not there, before anything is measured", async () => {
    const run = await runBench(folder.path, ["resume", "--codex", "./no-such-codex"]);
    expect([run.code, run.out]).toEqual([2, ""]);
    expect(run.err).toContain("no Codex there");
    expect(run.err).toContain("no-such-codex");
    expect(leftIn(folder.path)).toEqual([]);
  });
});

describe("a regression", () => {
  const PRELOAD = `--import=${join(ROOT, "test", "support", "slow-reads.mjs")}`;
  const ARGS = ["resume", "--synthetic", "legacy:300kB", "--rounds", "6", "--warmup", "1"];
  const JUDGED = ["--baseline", "a.json", "--fail-if", "resume.plain.fast.median>3", "--markdown", "out.md"];

  test("is found against a report of the sound build, and only then", async () => {
    const first = await runBench(folder.path, [...ARGS, "--json"], { NODE_OPTIONS: PRELOAD });
    expect(first.code, first.err).toBe(0);
    writeFileSync(join(folder.path, "a.json"), first.out);
    const summary = (): string => readFileSync(join(folder.path, "out.md"), "utf8");
    const name = "resume.legacy:300kB.plain.rollout-tool.fast";

    const same = await runBench(folder.path, [...ARGS, ...JUDGED], { NODE_OPTIONS: PRELOAD });
    expect(same.code, same.out + same.err).toBe(0);
    // Not the word alone: where the noise is large, the headline says that no criterion was violated, and what is unclear.
    expect(same.out).not.toContain(`violated ${name}`);

    const slow = await runBench(folder.path, [...ARGS, ...JUDGED], {
      NODE_OPTIONS: PRELOAD,
      ROLLOUT_TOOL_TEST_SLOW: "1",
    });
    expect(slow.code, slow.out + slow.err).toBe(1);
    expect(slow.out).toContain(`violated ${name}`);
    // Which case it is, by the line of the criterion.
    expect(summary()).toMatch(new RegExp(`violated.*resume\\.plain\\.fast\\.median.*${name.replaceAll(".", "\\.")}`));
  }, 300_000);
});

function shell(command: string, ...values: readonly string[]) {
  return spawnSync("sh", ["-c", command, "sh", ...values], { encoding: "utf8" });
}

const canMount = process.getuid?.() === 0 && shell("mount --version").status === 0;
if (!canMount) skipAloud("a disk too small for a benchmark, and a read-only home: only root may mount one");

describe.skipIf(!canMount)("a file system of its own", () => {
  const mounted: string[] = [];
  // Before the folder itself is removed.
  afterEach(() => {
    for (const path of mounted.splice(0)) shell('umount "$1"', path);
  });

  function mount(name: string, sizeMib: number): string {
    const path = join(folder.path, name);
    mkdirSync(path);
    const run = shell('mount -t tmpfs -o "size=$1m" tmpfs "$2"', String(sizeMib), path);
    if (run.status === 0) mounted.push(path);
    return path;
  }

  test("with too little room for the copies is told before anything is written", async (context) => {
    const disk = mount("tmp", 20);
    if (mounted.length === 0) context.skip();
    for (const what of ["resume", "fork", "reindex", "compress", "parse"]) {
      const run = await runBench(folder.path, [what, "--synthetic", "legacy:40MB"]);
      expect([what, run.code, run.out]).toEqual([what, 2, ""]);
      expect(run.err).toMatch(/^rollout-tool: [\d.]+ MB of temporary room may be needed, and [\d.]+ MB are free/);
      expect(run.err).toContain("TMPDIR");
      expect([what, snapshot(disk)]).toEqual([what, {}]);
    }
  });

  test("that is read-only is measured", async (context) => {
    const disk = mount("home with a space", 20);
    if (mounted.length === 0) context.skip();
    const lines = [meta(1), ...Array.from({ length: 50 }, (_, index) => userMessage(`hello ${String(index)}`))];
    writeHome(disk, { [sessionPath(1)]: rolloutText(lines) });
    shell('mount -o remount,ro "$1"', disk);
    const before = snapshot(disk);
    const measured = ["--codex-home", disk, "--rounds", "1", "--warmup", "0", "--json"];
    const thread = await runBench(folder.path, ["resume", threadId(1), ...measured]);
    expect(thread.code, thread.out + thread.err).toBe(0);
    const home = await runBench(folder.path, ["parse", disk, ...measured]);
    expect(home.code, home.out + home.err).toBe(0);
    expect(reportOf(home).cases.map(({ name }) => name)).toContain("parse.home-with-a-space.plain.rollout-tool.read");
    expect(snapshot(disk)).toEqual(before);
    expect(leftIn(folder.path)).toEqual([]);
  });
});
