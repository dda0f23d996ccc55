/**
 * A whole run of `bench`, from what a user asked for to a report: finds the binaries, makes the inputs in a temporary folder,
 * chooses the cases, runs them, and takes everything away again.
 */
import { mkdirSync } from "node:fs";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { OpenedThread } from "../analysis/open-thread.ts";
import { RolloutError } from "../errors.ts";
import { escapeText } from "../io/console.ts";
import { freeBytesAt } from "../io/files.ts";
import { formatBytes } from "../io/text.ts";
import type { CaseContext } from "./case-context.ts";
import type { MadeThread } from "./case-home.ts";
import { forkPlan } from "./cases-fork.ts";
import { compressPlan, parsePlan, reindexPlan } from "./cases-home.ts";
import { resumePlan } from "./cases-resume.ts";
import type { CodexBinary } from "./codex.ts";
import { resolveCodex } from "./release.ts";
import type { BenchReport } from "./results.ts";
import { sweepStale, withScratch } from "./scratch.ts";
import {
  homeSource,
  type MadeHome,
  type Source,
  syntheticHomeSource,
  syntheticSource,
  threadSource,
  uniqueLabels,
} from "./sources.ts";
import { startCases } from "./start.ts";
import { foreseenReport, runSuite, type SuiteOptions, type SuitePlan } from "./suite.ts";

export interface Measurement {
  readonly what: "resume" | "fork" | "start" | "reindex" | "compress" | "parse";
  /** Threads or homes of the user's, as he names them. */
  readonly inputs: readonly string[];
  /** Names of made-up inputs. */
  readonly synthetic: readonly string[];
  /** Paths or versions. */
  readonly codex: readonly string[];
  readonly codexHome: string;
  /** Finds a thread that was named. */
  readonly openThread: (text: string) => OpenedThread;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly node: { readonly path: string; readonly version: string };
  readonly toolVersion: string;
  readonly rounds: number;
  readonly warmupRounds: number;
  readonly seed: number;
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly tell: (line: string) => void;
  /** Told before anything is measured what cases there will be, in a report of made-up figures; may throw. */
  readonly foreseen?: ((report: BenchReport) => void) | undefined;
  readonly progress: (label: string, total: number) => { advance(count: number): void; end(): void };
}

/**
 * @throws RolloutError when an input or a binary is not there, or there is too little room for the copies. A case that fails
 * is told in the report.
 */
export async function measure(options: Measurement): Promise<BenchReport> {
  const kind = KINDS[options.what];
  requireFitting(kind, options);
  for (const folder of sweepStale()) options.tell(`removed what an earlier run left: ${escapeText(folder)}`);
  // What is wrong with an input is said before a release is installed for it.
  const prepared = kind.prepare(options, freeBytesAt(tmpdir()) ?? Infinity);
  return withScratch((scratch) => {
    const binaries = options.codex.map((text) => findBinary(text, scratch, options));
    const { own, perBinary } = kind.copies;
    const neededBytes =
      prepared.bytes * (own + perBinary * binaries.length) + FIXED_BYTES + BINARY_BYTES * binaries.length;
    requireRoom(scratch, neededBytes);
    const context: CaseContext = {
      node: options.node.path,
      program: fileURLToPath(new URL("../bin.js", import.meta.url)),
      scratch,
      binaries,
      timeoutMs: options.timeoutMs,
    };
    const pageCache = neededBytes < freemem() ? "warm" : "unknown";
    return run(prepared.plan(context), { ...options, pageCache });
  });
}

/** A release is installed where the next run finds it; a file is asked for its version in the folder of this run. */
function findBinary(text: string, scratch: string, { env, cwd, tell }: Measurement): CodexBinary {
  const isVersion = /^\d+\.\d+\.\d+/u.test(text);
  return resolveCodex(text, { env, cwd, tell, temporary: isVersion ? undefined : scratch });
}

async function run(plan: SuitePlan, options: Measurement & Pick<SuiteOptions, "pageCache">): Promise<BenchReport> {
  const { rounds, warmupRounds, seed, toolVersion, now, pageCache } = options;
  const suite = { toolVersion, node: options.node.version, now, seed, rounds, warmupRounds, pageCache };
  options.foreseen?.(foreseenReport(plan, suite));
  const bar = options.progress(`Measuring ${plan.benchmark}`, plan.cases.length * (rounds + warmupRounds));
  try {
    return await runSuite(plan, { ...suite, advance: () => bar.advance(1) });
  } finally {
    bar.end();
  }
}

/** Inputs that have been looked at, and not yet been copied. */
interface Prepared {
  /** Of all inputs, plain. */
  readonly bytes: number;
  readonly plan: (context: CaseContext) => SuitePlan;
}

/** A benchmark: what it is measured on, and by whom. */
interface Kind {
  /** What an input is; undefined where there is none. */
  readonly inputs: "threads" | "homes" | undefined;
  readonly codex: "may" | "must" | "no";
  /** How many times the plain bytes of the inputs may lie in the temporary folder: for this tool, and for each binary more. */
  readonly copies: { readonly own: number; readonly perBinary: number };
  readonly prepare: (options: Measurement, freeBytes: number) => Prepared;
}

/**
 * Counted at their worst, with archives as large as what they hold. This tool: the input, the archive of it and what that is
 * made from, and what its own cases write. A binary: a home for each form and way, for a new process a second one to begin
 * from, and the plain file that it makes of an archive.
 */
const KINDS: Readonly<Record<Measurement["what"], Kind>> = {
  resume: {
    inputs: "threads",
    codex: "may",
    copies: { own: 3, perBinary: 11 },
    prepare: (options, free) => prepareThreads(options, free, resumePlan),
  },
  fork: {
    inputs: "threads",
    codex: "may",
    copies: { own: 8, perBinary: 9 },
    prepare: (options, free) => prepareThreads(options, free, forkPlan),
  },
  start: { inputs: undefined, codex: "must", copies: { own: 0, perBinary: 0 }, prepare: prepareStart },
  reindex: {
    inputs: "homes",
    codex: "may",
    copies: { own: 3, perBinary: 1 },
    prepare: (options, free) => prepareHomes(options, { mostBytes: free, isPlain: false }, reindexPlan),
  },
  compress: {
    inputs: "homes",
    codex: "no",
    copies: { own: 5, perBinary: 0 },
    prepare: (options, free) => prepareHomes(options, { mostBytes: free, isPlain: true }, compressPlan),
  },
  parse: {
    inputs: "homes",
    codex: "no",
    copies: { own: 2, perBinary: 0 },
    prepare: (options, free) => prepareHomes(options, { mostBytes: free, isPlain: true }, parsePlan),
  },
};

function requireFitting(kind: Kind, { what, inputs, synthetic, codex }: Measurement): void {
  if (kind.codex === "must" && codex.length === 0) {
    throw new RolloutError("usage", `bench ${what} measures a Codex, and none was given`, {
      hint: "Name one, or several: --codex 0.169.0",
    });
  }
  if (kind.codex === "no" && codex.length > 0)
    throw new RolloutError("usage", `bench ${what} measures this tool alone: it takes no --codex`);
  if (kind.inputs === undefined && inputs.length + synthetic.length > 0)
    throw new RolloutError("usage", `bench ${what} takes no input: it begins threads of its own`);
}

/** Without any input of the user's. */
const DEFAULT_THREADS = ["legacy:20MB", "paginated-late:20MB"];
const DEFAULT_HOMES = ["legacy:50MB"];

function prepareThreads(options: Measurement, mostBytes: number, planOf: typeof resumePlan): Prepared {
  const { inputs, synthetic, codexHome, seed } = options;
  const made = inputs.length + synthetic.length === 0 ? DEFAULT_THREADS : synthetic;
  const sources: readonly Source<MadeThread>[] = [
    ...inputs.map((text) => threadSource(options.openThread(text), codexHome, { mostBytes })),
    ...made.map((name) => syntheticSource(name, seed)),
  ];
  return preparedFrom(sources, options, (threads, context) => planOf(threads, context));
}

function prepareHomes(
  options: Measurement,
  how: { readonly mostBytes: number; readonly isPlain: boolean },
  planOf: typeof reindexPlan,
): Prepared {
  const { inputs, synthetic, cwd, seed } = options;
  const made = inputs.length + synthetic.length === 0 ? DEFAULT_HOMES : synthetic;
  const sources: readonly Source<MadeHome>[] = [
    ...inputs.map((text) => homeSource(text, { cwd, ...how })),
    ...made.map((name) => syntheticHomeSource(name, seed)),
  ];
  return preparedFrom(sources, options, planOf);
}

type Made<Input> = Input & { readonly name: string; readonly folder: string };

function preparedFrom<Input extends MadeThread | MadeHome>(
  sources: readonly Source<Input>[],
  { progress }: Measurement,
  planOf: (inputs: readonly Made<Input>[], context: CaseContext) => SuitePlan,
): Prepared {
  const labels = uniqueLabels(sources.map(({ label }) => label));
  const bytes = sources.reduce((sum, source) => sum + source.bytes, 0);
  return {
    bytes,
    plan(context) {
      const bar = progress("Making the inputs", sources.length);
      const inputs = sources.map((source, index) => {
        const folder = join(context.scratch, `source-${String(index)}`);
        const home = join(folder, "home");
        mkdirSync(home, { recursive: true });
        const made = source.make(home);
        bar.advance(1);
        return { ...made, name: labels[index] ?? source.label, folder };
      });
      bar.end();
      const plan = planOf(inputs, context);
      const notes = inputs.flatMap(({ name, note }) => (note === undefined ? [] : [`${name}: ${note}`]));
      return { ...plan, notes: () => [...notes, ...(plan.notes?.() ?? [])] };
    },
  };
}

function prepareStart(): Prepared {
  return {
    bytes: 0,
    plan({ binaries, scratch, timeoutMs }) {
      const { cases, notes } = startCases({ binaries, scratch, timeoutMs });
      return { benchmark: "start", cases, pairs: [], notes };
    },
  };
}

/** What a run takes beside copies; and what a binary does: databases, logs, a thread that has just begun. */
const FIXED_BYTES = 10e6;
const BINARY_BYTES = 100e6;

function requireRoom(folder: string, neededBytes: number): void {
  const free = freeBytesAt(folder);
  if (free === undefined || free > neededBytes) return;
  const message = `${formatBytes(neededBytes)} of temporary room may be needed, and ${formatBytes(free)} are free`;
  throw new RolloutError("disk-full", message, {
    path: folder,
    hint: "Set TMPDIR to a folder with more room, or measure less at a time.",
  });
}
