/** Runs the built `bench` as a process, in a temporary folder of its own where nothing may be left, with binaries made up here. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { BenchReport } from "../../src/bench/results.ts";
import { BIN } from "./bin.ts";
import { fakeServer } from "./fake-codex.ts";

/** `ROLLOUT_TOOL_BIN` names another build than that of this folder. */
export const PROGRAM = process.env["ROLLOUT_TOOL_BIN"] ?? BIN;

export interface BenchRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface StartedBench {
  readonly child: ChildProcess;
  readonly done: Promise<BenchRun>;
}

/** `home` is also where the run's temporary files go: `<home>/tmp`. */
export function startBench(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): StartedBench {
  const temporary = join(folder, "tmp");
  mkdirSync(temporary, { recursive: true });
  const child = spawn(process.execPath, [PROGRAM, "bench", ...args], {
    cwd: folder,
    env: { PATH: process.env["PATH"], TMPDIR: temporary, CODEX_HOME: join(folder, "no-home"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: what a terminal would interrupt.
    detached: true,
  });
  const texts = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    return () => Buffer.concat(chunks).toString("utf8");
  });
  const done = new Promise<BenchRun>((resolve) => {
    child.once("close", (code, signal) => {
      resolve({ code, signal, out: texts[0]?.() ?? "", err: texts[1]?.() ?? "" });
    });
  });
  return { child, done };
}

export function runBench(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<BenchRun> {
  return startBench(folder, args, env).done;
}

export function reportOf(run: BenchRun): BenchReport {
  if (run.out === "") throw new Error(`no report: ${run.err}`);
  return JSON.parse(run.out) as BenchReport;
}

/** Numbers and command lines of processes that have to do with a folder; Linux only. */
export function processesOf(folder: string): readonly string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/u.test(pid) || Number(pid) === process.pid) return [];
    try {
      const read = (name: string): string => readFileSync(`/proc/${pid}/${name}`, "utf8");
      const line = read("cmdline");
      const isOurs = line.includes(folder) || read("environ").includes(folder);
      return isOurs && !/^State:\s+Z/mu.test(read("status")) ? [`${pid} ${line.replaceAll("\0", " ")}`] : [];
    } catch {
      return [];
    }
  });
}

/** Names of what lies in the run's temporary folder. */
export function leftIn(folder: string): readonly string[] {
  const temporary = join(folder, "tmp");
  return existsSync(temporary) ? readdirSync(temporary) : [];
}

/** Looks again and again until nothing of a run is there any more; says what is, if it stays. */
export async function waitForNothing(folder: string, timeoutMs = 60_000): Promise<readonly string[]> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const left = [...processesOf(folder), ...leftIn(folder)];
    if (left.length === 0 || performance.now() > until) return left;
    await new Promise((resolve) => void setTimeout(resolve, 20));
  }
}

/** An executable that says it is a Codex of that version; `script` is as for `fakeServer`. */
export function fakeCodex(folder: string, version: string, script: string): string {
  const greeting = `if (process.argv[2] === "--version") { console.log("codex-cli ${version}"); process.exit(0); }\n`;
  return fakeServer(join(folder, "binaries", version, "codex"), greeting + script).path;
}

/** Answers everything. */
export const ANSWERS = `function answer({ id, method }) {
  if (id !== undefined) out({ id, result: { thread: { historyMode: "paginated" } } });
}`;

/** Shakes hands, answers nothing else, and does not end with its stdin. */
export const HANGS = `onEnd = () => undefined;
function answer({ id, method }) { if (method === "initialize") out({ id, result: {} }); }`;
