/**
 * How things are measured: functions inside this process (tinybench), whole processes by their wall clock and their own
 * account of memory, and several contenders in rounds, so that what disturbs the machine disturbs them all alike.
 */
import { spawn, spawnSync } from "node:child_process";
import { Readable } from "node:stream";
import { Bench } from "tinybench";

import { RolloutError } from "../errors.ts";
import { track } from "./children.ts";
import type { Rng } from "./rng.ts";
import { statisticsOf } from "./statistics.ts";

export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Of at least one figure; the median of an even number is the mean of the two in the middle. */
export function summarize(figures: readonly number[]): Summary {
  const { count, median, min, max } = statisticsOf(figures);
  return { count, median, min, max };
}

export interface ProcessSample {
  /** From before the start to after the end of the process, as its user feels it. */
  readonly wallMs: number;
  /** The largest resident set it ever had; undefined where it does not say (only Node processes started here do). */
  readonly peakBytes: number | undefined;
  /** Asked of the system, and handed to it; undefined where the system keeps no such account. */
  readonly readBytes: number | undefined;
  readonly writtenBytes: number | undefined;
  readonly stdout: string;
}

/**
 * Preloaded into a measured Node process: says on descriptor 3 what it took. Linux counts what the process that started it held
 * as part of `ru_maxrss` (in KiB), so there the high-water mark of the process itself is asked for.
 */
const REPORT_ACCOUNT = `data:text/javascript,${encodeURIComponent(
  `import { readFileSync, writeSync } from "node:fs";
const find = (file, pattern) => {
  try { return Number(pattern.exec(readFileSync("/proc/self/" + file, "latin1"))[1]); }
  catch { return undefined; }
};
process.on("exit", () => {
  const peak = find("status", /^VmHWM:\\s+(\\d+)/m) ?? process.resourceUsage().maxRSS;
  const account = { peakBytes: peak * 1024, readBytes: find("io", /^rchar: (\\d+)/m), writtenBytes: find("io", /^wchar: (\\d+)/m) };
  writeSync(3, JSON.stringify(account) + "\\n");
});`,
)}`;

const OUTPUT_BYTES = 256 * 1024 * 1024;

/** Runs a Node program to its end. @throws RolloutError `internal` when it fails: a failed run is no measurement. */
export function runNode(node: string, args: readonly string[]): ProcessSample {
  return runProgram(node, ["--import", REPORT_ACCOUNT, ...args]);
}

/** Runs any program to its end. @throws RolloutError as `runNode`. */
export function runProgram(program: string, args: readonly string[]): ProcessSample {
  const started = performance.now();
  const run = spawnSync(program, [...args], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    maxBuffer: OUTPUT_BYTES,
    encoding: "utf8",
  });
  const wallMs = performance.now() - started;
  if (run.error !== undefined)
    throw new RolloutError("internal", `a measured program did not run: ${run.error.message}`);
  if (run.status !== 0) {
    const end = `exit ${String(run.status ?? run.signal)}`;
    throw new RolloutError("internal", `a measured program failed (${end}): ${run.stderr.trim().slice(-500)}`);
  }
  return { wallMs, ...lastAccount(run.output[3] ?? ""), stdout: run.stdout };
}

/**
 * As `runNode`, without keeping this process from doing other things; and it does not outlive this process. An exit of 1 is an
 * end as good as any where the program has answered: it found something in what it looked at. What it printed is kept on demand.
 */
export async function spawnNode(
  node: string,
  args: readonly string[],
  { keepsOutput = false }: { readonly keepsOutput?: boolean } = {},
): Promise<ProcessSample> {
  const started = performance.now();
  const child = spawn(node, ["--import", REPORT_ACCOUNT, ...args], { stdio: ["ignore", "pipe", "pipe", "pipe"] });
  track(child);
  const stdout = collected(child.stdout, keepsOutput ? Infinity : 0);
  const stderr = collected(child.stderr);
  const account = collected(child.stdio[3]);
  const end = await new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => {
      const isDone = code === 0 || (code === 1 && stdout.bytes() > 0);
      resolve(isDone ? "" : `exit ${String(code ?? signal)}`);
    });
  });
  const wallMs = performance.now() - started;
  if (end !== "") {
    throw new RolloutError("internal", `a measured program failed (${end}): ${stderr.text().trim().slice(-500)}`);
  }
  return { wallMs, ...lastAccount(account.text()), stdout: stdout.text() };
}

/** What it writes besides its answer is short, or the beginning says enough. */
const KEPT_BYTES = 64 * 1024;

interface Collected {
  /** Of all that came. */
  readonly bytes: () => number;
  readonly text: () => string;
}

/** Takes all, so that the writer is not kept waiting, and keeps the beginning. */
function collected(stream: unknown, keptBytes = KEPT_BYTES): Collected {
  const chunks: Buffer[] = [];
  let [bytes, kept] = [0, 0];
  if (stream instanceof Readable) {
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (kept >= keptBytes) return;
      chunks.push(chunk);
      kept += chunk.length;
    });
  }
  return { bytes: () => bytes, text: () => Buffer.concat(chunks).toString("utf8") };
}

/** A worker thread runs the preloaded line as well and says the same of the whole process, a little earlier. */
function lastAccount(text: string): Pick<ProcessSample, "peakBytes" | "readBytes" | "writtenBytes"> {
  const last = text.trim().split("\n").at(-1) ?? "";
  const account = last === "" ? {} : (JSON.parse(last) as Partial<ProcessSample>);
  return { peakBytes: account.peakBytes, readBytes: account.readBytes, writtenBytes: account.writtenBytes };
}

export interface Sample {
  readonly wallMs: number;
  readonly peakBytes?: number | undefined;
}

export interface Contender {
  readonly name: string;
  /** Measured in the first so many rounds only; by default in all. */
  readonly rounds?: number | undefined;
  /** Brings about the state to start from; not measured. */
  readonly prepare?: (() => void) | undefined;
  readonly run: () => Sample | Promise<Sample>;
}

/**
 * Runs every contender once per round, in an order drawn anew for each round, and gives the samples by name in the order
 * of the rounds: the n-th samples of two contenders are a pair.
 */
export async function runRounds(
  contenders: readonly Contender[],
  rounds: number,
  rng: Rng,
  tell: (line: string) => void,
): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contender of shuffled(contenders, rng)) {
      if (round >= (contender.rounds ?? rounds)) continue;
      contender.prepare?.();
      const sample = await contender.run();
      samples.get(contender.name)?.push(sample);
      tell(`round ${String(round + 1)} of ${String(rounds)}: ${contender.name} ${formatMs(sample.wallMs)}`);
    }
  }
  return samples;
}

export function shuffled<T>(items: readonly T[], rng: Rng): readonly T[] {
  return items
    .map((item) => ({ item, key: rng.bits() }))
    .toSorted((one, other) => one.key - other.key)
    .map(({ item }) => item);
}

/** Ratio of each pair's wall times, `one` ÷ `other`, over the rounds that both took part in. */
export function pairRatios(one: readonly Sample[], other: readonly Sample[]): readonly number[] {
  return one.flatMap((sample, index) => {
    const partner = other[index];
    return partner === undefined ? [] : [sample.wallMs / partner.wallMs];
  });
}

/** Times functions of this process; milliseconds per call by name, warm-up excluded. */
export async function timeFunctions(
  functions: Readonly<Record<string, () => void>>,
  timeMs: number,
): Promise<ReadonlyMap<string, Summary>> {
  const bench = new Bench({ time: timeMs, iterations: 5, warmupTime: timeMs / 5, warmupIterations: 1, throws: true });
  for (const [name, run] of Object.entries(functions)) bench.add(name, run, { async: false });
  await bench.run();
  const found = new Map<string, Summary>();
  for (const { name, result } of bench.tasks) {
    if (result.state !== "completed") throw new RolloutError("internal", `the benchmark ${name} did not complete`);
    const { p50, min, max, samplesCount } = result.latency;
    found.set(name, { count: samplesCount, median: p50, min, max });
  }
  return found;
}

/** One sample of a function of this process: the median over as many calls as fit into a while, at least one. */
export async function timeCalls(run: () => void): Promise<number> {
  const bench = new Bench({ time: CALLS_MS, iterations: 1, warmup: false, throws: true });
  bench.add("sample", run, { async: false });
  await bench.run();
  const result = bench.tasks[0]?.result;
  if (result?.state !== "completed") throw new RolloutError("internal", "a benchmark did not complete");
  return result.latency.p50;
}

/** Long enough that the clock and a single disturbance do not matter. */
const CALLS_MS = 50;

export function formatMs(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 100 ? `${ms.toFixed(0)} ms` : `${ms.toPrecision(3)} ms`;
}

export function formatMiB(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}
