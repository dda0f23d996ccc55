/**
 * `npm run bench -- compress`: what archives take up and what making them takes, as ratios of Codex's own setting and of the
 * zstd program on the same files, and what a resume from an archive takes beside one from the plain file.
 */
import { cpSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";

import { openThread } from "../analysis/open-thread.ts";
import type { CompressReport } from "../compressor/report.ts";
import { RolloutError } from "../errors.ts";
import { ZstdEncoder } from "../io/zstd.ts";
import { openBytes } from "../readers/bytes.ts";
import { openHome } from "../readers/home.ts";
import { copyWithTimes, rolloutsBelow } from "./case-home.ts";
import type { BenchContext } from "./context.ts";
import { writeSynthetic } from "./input.ts";
import {
  type Contender,
  formatMiB,
  formatMs,
  pairRatios,
  type ProcessSample,
  runNode,
  runProgram,
  runRounds,
  type Sample,
  summarize,
} from "./measure.ts";
import { Rng } from "./rng.ts";
import type { SynthShape } from "./synth-shapes.ts";
import { writeSyntheticHome } from "./synth.ts";

interface Goals {
  /** Bytes, of those of Codex's setting, at most. */
  readonly size: number;
  /** Time, of that of the zstd program with long-distance matching, at most. */
  readonly time?: number;
  /** Files per second of two jobs, of those of one, at least. */
  readonly jobs?: number;
}

interface Input {
  readonly name: string;
  /** Holds `source`, and `work` as long as it is measured. */
  readonly folder: string;
  readonly goals: Goals;
  /** One whose resume is measured. */
  readonly thread?: string;
}

const SHAPES: readonly { readonly shape: SynthShape; readonly bytes: number; readonly goals: Goals }[] = [
  { shape: "compactions", bytes: 300e6, goals: { size: 1 / 3, time: 1.5 } },
  { shape: "images", bytes: 300e6, goals: { size: 1 / 3, time: 1.5 } },
  { shape: "tool-output", bytes: 300e6, goals: { size: 1.02, time: 1.5 } },
  { shape: "forks", bytes: 300e6, goals: { size: 1.02, time: 1.5 } },
];
/** Files of the usual size, many of them. */
const MANY = { rollouts: 400, bytes: 300e6 } as const;

const AT_MOST_PEAK_BYTES = 350 * 1024 * 1024;
const AT_MOST_RESUME = 3;
/** Programs to compare with, by their arguments. */
const ZSTD_PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  "zstd --long": ["-3", "--long=27", "-T1"],
  zstd: ["-3", "-T1"],
};
const PROFILES = ["checkpoint", "single", "seekable=4"] as const;

export async function benchCompress(context: BenchContext): Promise<void> {
  const results: Result[] = [];
  for (const input of inputs(context)) {
    context.tell(`measuring ${input.name}`);
    results.push(await measure(input, context));
    rmSync(input.folder, { recursive: true, force: true });
  }
  for (const lines of [sizeTable(results), timeTable(results), resumeTable(results)]) {
    context.print("");
    for (const line of lines) context.print(line);
  }
}

function* inputs({ scratch, seed, scale, homes, tell }: BenchContext): Generator<Input> {
  const factor = scale === "small" ? 0.1 : 1;
  for (const { shape, bytes, goals } of SHAPES) {
    tell(`writing ${shape}`);
    const folder = join(scratch, `compress-${shape}`);
    const { main } = writeSynthetic(join(folder, "source"), { shape, bytes: bytes * factor }, seed);
    yield { name: shape, folder, goals, thread: main.threadId };
  }
  const folder = join(scratch, "compress-many");
  const { rollouts, bytes } = MANY;
  const spec = { seed, shape: "legacy", rollouts: rollouts * factor, totalBytes: bytes * factor, archived: 1 } as const;
  writeSyntheticHome(join(folder, "source"), spec);
  yield { name: "many", folder, goals: { size: 1.02, jobs: 1.6 } };
  for (const home of homes) {
    const copy = join(scratch, "compress-home");
    copyRollouts(home, join(copy, "source"));
    yield { name: basename(home), folder: copy, goals: { size: 1.02 } };
  }
}

/** The rollouts alone; archives that are there already would not be compressed again. */
function copyRollouts(home: string, target: string): void {
  for (const path of rolloutsBelow(home))
    if (!path.endsWith(".zst")) copyWithTimes(join(home, path), join(target, path));
}

interface Result {
  readonly input: Input;
  readonly files: number;
  readonly sourceBytes: number;
  readonly codexBytes: number;
  /** By profile. */
  readonly bytes: ReadonlyMap<string, number>;
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  readonly resume: ReadonlyMap<string, readonly Sample[]>;
}

async function measure(input: Input, context: BenchContext): Promise<Result> {
  const [source, work] = [join(input.folder, "source"), join(input.folder, "work")];
  const paths = rolloutPaths(source);
  const bytes = new Map(PROFILES.map((profile) => [profile, compressOnce(context, source, work, profile)]));
  const contenders = contendersOf(context, source, work);
  const samples = await runRounds(contenders, context.rounds, new Rng(context.seed), context.tell);
  const { thread } = input;
  const resume = thread === undefined ? new Map<string, Sample[]>() : await resumed(context, source, work, thread);
  return {
    input,
    files: paths.length,
    sourceBytes: paths.reduce((sum, path) => sum + statSync(path).size, 0),
    codexBytes: paths.reduce((sum, path) => sum + codexBytes(path), 0),
    bytes,
    samples,
    resume,
  };
}

function rolloutPaths(home: string): readonly string[] {
  return rolloutsBelow(home).map((path) => join(home, path));
}

/** What Codex's own setting makes of a file: level 3, one frame, no long-distance matching (state-and-compression §4.4). */
function codexBytes(path: string): number {
  const encoder = new ZstdEncoder({ level: 3 });
  const reader = openBytes(path);
  let bytes = 0;
  const count = ({ length }: Buffer): void => void (bytes += length);
  try {
    for (const chunk of reader.forward()) encoder.writeTo(chunk, count);
    encoder.endFrameTo(count);
    return bytes;
  } finally {
    reader.close();
    encoder.release();
  }
}

/** The state that every contender starts from: plain files in the page cache, nothing on its way to the disk. */
function refill(source: string, work: string): void {
  rmSync(work, { recursive: true, force: true });
  cpSync(source, work, { recursive: true, preserveTimestamps: true });
  runProgram("sync", []);
}

function compress({ node, program }: BenchContext, work: string, options: readonly string[]): ProcessSample {
  const always = ["--codex-home", work, "--all", "--older-than", "0", "--force", "--json"];
  return runNode(node, [program, "compress", ...always, ...options]);
}

function compressOnce(context: BenchContext, source: string, work: string, profile: string): number {
  refill(source, work);
  const { totals } = JSON.parse(compress(context, work, ["--frames", profile]).stdout) as CompressReport;
  if (totals.outcomes["compressed"] === totals.files) return totals.compressed_bytes;
  throw new RolloutError("internal", `not all was compressed: ${JSON.stringify(totals.outcomes)}`);
}

function contendersOf(context: BenchContext, source: string, work: string): readonly Contender[] {
  const prepare = (): void => refill(source, work);
  const ours = [1, 2].map((jobs) => ({
    name: jobsName(jobs),
    prepare,
    run: () => compress(context, work, ["--jobs", String(jobs)]),
  }));
  if (!hasZstd()) {
    context.tell("the zstd program is not installed: nothing is compared with it");
    return ours;
  }
  const theirs = Object.entries(ZSTD_PROGRAMS).map(([name, options]) => ({
    name,
    prepare,
    run: () => runProgram("zstd", ["-q", ...options, ...rolloutPaths(work)]),
  }));
  return [...ours, ...theirs];
}

const jobsName = (jobs: number): string => `--jobs ${String(jobs)}`;

function hasZstd(): boolean {
  try {
    runProgram("zstd", ["--version"]);
    return true;
  } catch {
    return false;
  }
}

/** The thread's history, as the default way of `history` reads it, from the plain file and from its archive. */
async function resumed(
  context: BenchContext,
  source: string,
  work: string,
  thread: string,
): Promise<ReadonlyMap<string, readonly Sample[]>> {
  refill(source, work);
  compress(context, work, []);
  const contender = (name: string, codexHome: string): Contender => ({
    name,
    run: () => timeResume(codexHome, thread),
  });
  const contenders = [contender("plain", source), contender("archive", work)];
  for (const { run } of contenders) await run();
  return runRounds(contenders, context.rounds, new Rng(context.seed), () => undefined);
}

/** Milliseconds of one call, the mean of as many as fit into a fifth of a second. */
function timeResume(codexHome: string, thread: string): Sample {
  const started = performance.now();
  for (let calls = 1; ; calls++) {
    openThread(openHome({ codexHome }), thread).history();
    const ms = performance.now() - started;
    if (ms >= 200) return { wallMs: ms / calls };
  }
}

const percent = (share: number): string => (share * 100).toFixed(1);
const verdict = (isMet: boolean): string => (isMet ? "met" : "missed");

function sizeTable(results: readonly Result[]): readonly string[] {
  const lines = [
    `| rollouts | files | MB | Codex's setting, % | ${PROFILES.map((profile) => `${profile}, %`).join(" | ")} | checkpoint ÷ Codex's | goal |`,
    `|---|---|---|---|${PROFILES.map(() => "---|").join("")}---|---|`,
  ];
  for (const { input, files, sourceBytes, codexBytes: theirs, bytes } of results) {
    const ours = bytes.get("checkpoint") ?? 0;
    const shares = [theirs, ...PROFILES.map((profile) => bytes.get(profile) ?? 0)].map((size) =>
      percent(size / sourceBytes),
    );
    const ratio = ours / theirs;
    const goal = `≤ ${input.goals.size.toFixed(2)}: ${verdict(ratio <= input.goals.size)}`;
    const cells = [input.name, String(files), (sourceBytes / 1e6).toFixed(1), ...shares, ratio.toFixed(3), goal];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  return lines;
}

function timeTable(results: readonly Result[]): readonly string[] {
  const names = [jobsName(1), jobsName(2), ...Object.keys(ZSTD_PROGRAMS)];
  const lines = [
    `| rollouts | ${names.join(" | ")} | --jobs 2 ÷ zstd --long | --jobs 1 ÷ zstd --long | --jobs 1 ÷ --jobs 2 | peak, --jobs 1 and 2 |`,
    `|---|${names.map(() => "---|").join("")}---|---|---|---|`,
  ];
  for (const { input, samples } of results) {
    const of = (name: string): readonly Sample[] => samples.get(name) ?? [];
    const times = names.map((name) =>
      of(name).length === 0 ? "" : formatMs(median(of(name).map(({ wallMs }) => wallMs))),
    );
    const ratio = (one: string, other: string, isMet?: (figure: number) => boolean): string => {
      const pairs = pairRatios(of(one), of(other));
      if (pairs.length === 0) return "";
      const figure = median(pairs);
      return isMet === undefined ? figure.toFixed(2) : `${figure.toFixed(2)} (${verdict(isMet(figure))})`;
    };
    const { time, jobs } = input.goals;
    const goalOfTime = time === undefined ? undefined : (figure: number): boolean => figure <= time;
    const goalOfJobs = jobs === undefined ? undefined : (figure: number): boolean => figure >= jobs;
    const peaks = [1, 2].map((count) => Math.max(...of(jobsName(count)).map(({ peakBytes = 0 }) => peakBytes)));
    const memory = `${peaks.map(formatMiB).join(", ")} (${verdict(Math.max(...peaks) <= AT_MOST_PEAK_BYTES)})`;
    const ratios = [ratio(jobsName(2), "zstd --long", goalOfTime), ratio(jobsName(1), "zstd --long")];
    lines.push(
      `| ${[input.name, ...times, ...ratios, ratio(jobsName(1), jobsName(2), goalOfJobs), memory].join(" | ")} |`,
    );
  }
  return lines;
}

function median(figures: readonly number[]): number {
  return summarize(figures).median;
}

function resumeTable(results: readonly Result[]): readonly string[] {
  const lines = ["| rollout | resume, plain | resume, archive | archive ÷ plain | goal |", "|---|---|---|---|---|"];
  for (const { input, resume } of results) {
    const [plain, archive] = [resume.get("plain"), resume.get("archive")];
    if (plain === undefined || archive === undefined) continue;
    const times = [plain, archive].map((samples) => formatMs(median(samples.map(({ wallMs }) => wallMs))));
    const ratio = median(pairRatios(archive, plain));
    const goal = `≤ ${String(AT_MOST_RESUME)}: ${verdict(ratio <= AT_MOST_RESUME)}`;
    lines.push(`| ${[input.name, ...times, ratio.toFixed(2), goal].join(" | ")} |`);
  }
  return lines;
}
