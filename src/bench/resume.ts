/**
 * `npm run bench -- resume`: what it takes to have the state of a thread from its end. Paginated rollouts of very different
 * sizes get the same end, so that time and bytes may differ only by what should not matter; the real Codex resumes the one
 * in the middle, and a legacy one beside it. For information, the same end in one zstd frame and behind a fork.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { openThread, type Reading } from "../analysis/open-thread.ts";
import { RolloutError } from "../errors.ts";
import { compressZstd } from "../io/zstd.ts";
import { openHome } from "../readers/home.ts";
import { AppServer } from "./app-server.ts";
import { type CodexBinary, writeCodexConfig } from "./codex.ts";
import type { BenchContext } from "./context.ts";
import { type Contender, formatMs, pairRatios, runProgram, runRounds, type Sample, summarize } from "./measure.ts";
import { Donor } from "./resume-input.ts";
import { Rng } from "./rng.ts";
import type { SynthRollout } from "./synth-house.ts";
import { writeSyntheticRollout } from "./synth.ts";

const SMALL_BYTES = 1_000_000;
const MIDDLE_BYTES = { small: 12_000_000, full: 120_000_000 } as const;
const LARGE_BYTES = { small: 100_000_000, full: 1_000_000_000 } as const;
/** Turns that follow the checkpoint. */
const TAIL_BYTES = 300_000;
/** One call takes a few milliseconds: a sample is the mean of so many. */
const CALLS = 20;
const CODEX_ROUNDS = 3;

const AT_MOST_LARGE = 1.5;
const AT_MOST_BEYOND_TAIL = 128 * 1024;
const AT_LEAST_CODEX = 20;

interface ResumeCase {
  readonly name: string;
  readonly home: string;
  readonly rollout: Pick<SynthRollout, "threadId" | "path">;
  readonly fileBytes: number;
  /** From the checkpoint's line to the end of the thread. */
  readonly tailBytes: number | undefined;
  readonly codex: boolean;
}

export async function benchResume(context: BenchContext): Promise<void> {
  const cases = writeCases(context);
  runProgram("sync", []);
  const contenders = cases.flatMap((item) => contendersOf(item, context));
  const readings = new Map(cases.map((item) => [item.name, readingOf(item)]));
  const samples = await runRounds(contenders, context.rounds, new Rng(context.seed), context.tell);
  context.print("\n## resume, a thread's state from its end\n");
  for (const line of timeTable(cases, samples, readings)) context.print(line);
  context.print("");
  for (const line of ratioTable(cases, samples, readings)) context.print(line);
}

function writeCases({ scratch, seed, scale, tell }: BenchContext): readonly ResumeCase[] {
  const donor = new Donor(join(scratch, "resume-donor"), seed + 1, TAIL_BYTES);
  const paginated = (name: string, bytes: number, codex = false): ResumeCase => {
    tell(`writing the rollout ${name}`);
    const home = join(scratch, `resume-${name}`);
    const rollout = writeSyntheticRollout(home, { seed, shape: "paginated", bytes });
    const tailBytes = donor.appendTail(home, rollout);
    return { name, home, rollout, fileBytes: sizeOf(home, rollout), tailBytes, codex };
  };
  const middle = MIDDLE_BYTES[scale];
  const cases = [
    paginated("small", SMALL_BYTES),
    paginated("middle", middle, true),
    paginated("large", LARGE_BYTES[scale]),
    zipped(paginated("zstd", middle)),
  ];
  const base = paginated("fork", middle);
  const fork = donor.writeFork(base.home, base.rollout as SynthRollout);
  const path = base.rollout.path.replace(base.rollout.threadId, fork.threadId);
  cases.push({
    ...base,
    rollout: { threadId: fork.threadId, path },
    fileBytes: base.fileBytes + fork.bytes,
    tailBytes: (base.tailBytes ?? 0) + fork.bytes,
  });
  const home = join(scratch, "resume-legacy");
  const legacy = writeSyntheticRollout(home, {
    seed,
    shape: "legacy",
    bytes: middle,
    checkpoints: { due: { everyBytes: 1_000_000 }, keptBytes: 100_000 },
  });
  cases.push({ name: "legacy", home, rollout: legacy, fileBytes: legacy.bytes, tailBytes: undefined, codex: true });
  return cases;
}

function sizeOf(home: string, { path }: Pick<SynthRollout, "path">): number {
  return statSync(join(home, path)).size;
}

/** The same rollout as one frame, as Codex packs it. */
function zipped(item: ResumeCase): ResumeCase {
  const plain = join(item.home, item.rollout.path);
  writeFileSync(`${plain}.zst`, compressZstd(readFileSync(plain)));
  rmSync(plain);
  return { ...item, fileBytes: statSync(`${plain}.zst`).size };
}

function resume({ home, rollout }: ResumeCase): Reading {
  return openThread(openHome({ codexHome: home }), rollout.threadId).history().reading;
}

interface Measured {
  readonly reading: Reading;
  /** By the operating system's account, all of the process; undefined where it keeps none. */
  readonly systemBytes: number | undefined;
}

function readingOf(item: ResumeCase): Measured {
  // The first call loads what is loaded on first use.
  resume(item);
  const idle = countedBySystem(() => undefined);
  let reading: Reading | undefined;
  const counted = countedBySystem(() => (reading = resume(item)));
  if (reading === undefined) throw new RolloutError("internal", "nothing was resumed");
  const isFast = reading.how === "fast";
  if (isFast !== (item.tailBytes !== undefined))
    throw new RolloutError("internal", `${item.name} was resumed in another way than meant: ${String(reading.rule)}`);
  return { reading, systemBytes: counted === undefined ? undefined : counted - (idle ?? 0) };
}

/** Bytes that this process asks the system for while `run` runs; reading the account is part of it. */
function countedBySystem(run: () => unknown): number | undefined {
  const before = accountOfReads();
  run();
  const after = accountOfReads();
  return before === undefined || after === undefined ? undefined : after - before;
}

function accountOfReads(): number | undefined {
  try {
    return Number(/^rchar: (\d+)$/mu.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
  } catch {
    return undefined;
  }
}

function contendersOf(item: ResumeCase, context: BenchContext): readonly Contender[] {
  const { codex, scratch, seed } = context;
  const calls = item.tailBytes === undefined || item.name === "zstd" ? 1 : CALLS;
  const ours: Contender = {
    name: item.name,
    run: () => {
      const started = performance.now();
      for (let call = 0; call < calls; call++) resume(item);
      return { wallMs: (performance.now() - started) / calls };
    },
  };
  if (codex === undefined || !item.codex) return [ours];
  const home = codexHomeOf(item, scratch, seed);
  const theirs = CODEX_ANSWERS.map((answer) => ({
    name: codexName(item, answer),
    rounds: CODEX_ROUNDS,
    run: () => resumeByCodex(codex, { item, home, excludeTurns: answer === "state" }),
  }));
  return [ours, ...theirs];
}

/** What Codex is asked for: the thread with its turns for a client, as by default, or without, which is what ours is. */
const CODEX_ANSWERS = ["turns", "state"] as const;
type CodexAnswer = (typeof CODEX_ANSWERS)[number];

function codexName({ name }: Pick<ResumeCase, "name">, answer: CodexAnswer): string {
  return `${name}, codex${answer === "state" ? " without turns" : ""}`;
}

interface CodexHome {
  readonly folder: string;
  /** A small thread, to warm the server up. */
  readonly otherThread: string;
}

/** Codex gets a copy, since it writes what it likes. */
function codexHomeOf({ name, home, rollout: { path } }: ResumeCase, scratch: string, seed: number): CodexHome {
  const folder = join(scratch, `resume-${name}-codex`, "home");
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  copyFileSync(join(home, path), join(folder, path));
  const other = writeSyntheticRollout(folder, { seed: seed + 2, shape: "small", bytes: 20_000 });
  writeCodexConfig(folder);
  return { folder, otherThread: other.threadId };
}

/** From the request to its answer, by a server that has started and resumed another thread before. */
async function resumeByCodex(
  codex: CodexBinary,
  { item, home, excludeTurns }: { readonly item: ResumeCase; readonly home: CodexHome; readonly excludeTurns: boolean },
): Promise<Sample> {
  const server = new AppServer(codex, home.folder);
  try {
    await server.initialize();
    await server.request("thread/resume", { threadId: home.otherThread });
    const started = performance.now();
    await server.request("thread/resume", { threadId: item.rollout.threadId, excludeTurns }, 120_000);
    return { wallMs: performance.now() - started };
  } finally {
    await server.stop();
  }
}

type Samples = ReadonlyMap<string, readonly Sample[]>;

function timeTable(
  cases: readonly ResumeCase[],
  samples: Samples,
  readings: ReadonlyMap<string, Measured>,
): readonly string[] {
  const lines = [
    "| rollout | on disk | n | median | min | read | of that | bytes read | by the system | tail |",
    "|---|---|---|---|---|---|---|---|---|---|",
  ];
  for (const item of cases) {
    const measured = readings.get(item.name);
    for (const name of [item.name, ...CODEX_ANSWERS.map((answer) => codexName(item, answer))]) {
      const list = samples.get(name);
      if (list === undefined) continue;
      const { count, median, min } = summarize(list.map(({ wallMs }) => wallMs));
      const timed = [name, megabytes(item.fileBytes), String(count), formatMs(median), formatMs(min)];
      const isOurs = name === item.name && measured !== undefined;
      const read = isOurs
        ? [measured.reading.how, measured.reading.rule ?? "", String(measured.reading.bytesRead)]
        : ["", "", ""];
      const account = isOurs ? [String(measured.systemBytes ?? ""), String(item.tailBytes ?? "")] : ["", ""];
      lines.push(`| ${[...timed, ...read, ...account].join(" | ")} |`);
    }
  }
  return lines;
}

function ratioTable(
  cases: readonly ResumeCase[],
  samples: Samples,
  readings: ReadonlyMap<string, Measured>,
): readonly string[] {
  const lines = ["| ratio of pairs | median | min | max | goal |", "|---|---|---|---|---|"];
  const add = (one: string, other: string, goal: string, isMet: (ratio: number) => boolean): void => {
    const pairs = pairRatios(samples.get(one) ?? [], samples.get(other) ?? []);
    if (pairs.length === 0) return;
    const { median, min, max } = summarize(pairs);
    const figures = [median, min, max].map((ratio) => ratio.toFixed(2)).join(" | ");
    const verdict = goal === "" ? "" : `${goal}: ${isMet(median) ? "met" : "missed"}`;
    lines.push(`| ${one} ÷ ${other} | ${figures} | ${verdict} |`);
  };
  add("large", "small", `≤ ${String(AT_MOST_LARGE)}`, (ratio) => ratio <= AT_MOST_LARGE);
  const [middle, legacy] = ["middle", "legacy"];
  for (const answer of CODEX_ANSWERS) {
    const theirs = (name: string): string => codexName({ name }, answer);
    add(theirs(middle), middle, `≥ ${String(AT_LEAST_CODEX)}`, (ratio) => ratio >= AT_LEAST_CODEX);
    add(theirs(legacy), legacy, "", () => true);
  }
  const beyond = cases.flatMap(({ name, tailBytes }) => {
    const { reading, systemBytes = 0 } = readings.get(name) ?? {};
    const isPlain = tailBytes !== undefined && reading !== undefined && name !== "zstd";
    return isPlain ? [Math.max(reading.bytesRead, systemBytes) - tailBytes] : [];
  });
  const most = Math.max(...beyond);
  const verdict = most <= AT_MOST_BEYOND_TAIL ? "met" : "missed";
  lines.push("", `Read beyond the tail, plain files, at most: ${String(most)} bytes; goal ≤ 131072: ${verdict}`);
  return lines;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
