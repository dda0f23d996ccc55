/**
 * `npm run bench -- search`: how long a whole home takes to be searched, plain and compressed, beside ripgrep on the same files,
 * and whether both find the same lines.
 */
import { appendFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

import { RolloutError } from "../errors.ts";
import { closeFile, createTemporary, publishFile, writeFully } from "../io/files.ts";
import { ZstdEncoder } from "../io/zstd.ts";
import { openBytes } from "../readers/bytes.ts";
import { rolloutsBelow } from "./case-home.ts";
import type { BenchContext } from "./context.ts";
import { writeLargeHome } from "./large-home.ts";
import {
  type Contender,
  formatMs,
  pairRatios,
  type ProcessSample,
  runProgram,
  runRounds,
  type Sample,
  summarize,
} from "./measure.ts";
import { Rng } from "./rng.ts";

/** Said in one of so many rollouts, by somebody who says nothing else of what a synthetic home holds. */
const EVERY = 40;
const SAID = 'Quixotic: the "Sketchbook" of Größenwahn lies in C:\\haystack.';

interface Needle {
  readonly name: string;
  readonly text: string;
  readonly caseSensitive?: boolean;
  /** Without one the figures are only shown: what is found everywhere has to be decoded everywhere. */
  readonly hasGoal: boolean;
}

const NEEDLES: readonly Needle[] = [
  { name: "a rare word", text: "QUIXOTIC", hasGoal: true },
  { name: "its case told apart", text: "Quixotic", caseSensitive: true, hasGoal: true },
  { name: "a word with k and s", text: "sketchbook", hasGoal: true },
  { name: "several words", text: "lies in c:", hasGoal: true },
  { name: "words in quotes", text: 'the "sketchbook"', hasGoal: true },
  { name: "beyond ASCII", text: "größenwahn", hasGoal: true },
  { name: "a word of every file", text: "merge_time.rs", hasGoal: false },
];

/** Times of ripgrep, at most. */
const GOALS = { plain: 1.5, archives: 1 } as const;
type Form = keyof typeof GOALS;

export async function benchSearch(context: BenchContext): Promise<void> {
  const rg = findRipgrep(context);
  if (rg === undefined)
    context.print("ripgrep is neither on the PATH nor in a Codex given by --codex: nothing is compared");
  const home = join(context.scratch, "search");
  writeHome(home, context);
  const results: Result[] = [];
  for (const form of ["plain", "archives"] as const) {
    if (form === "archives") compressAll(home);
    runProgram("sync", []);
    for (const needle of NEEDLES) results.push(await measure({ form, needle, home, rg }, context));
  }
  rmSync(home, { recursive: true, force: true });
  context.print("");
  for (const line of table(results)) context.print(line);
}

/** On the PATH, or the one that comes with Codex. */
function findRipgrep({ codex }: BenchContext): string | undefined {
  const bundled = codex === undefined ? undefined : join(dirname(dirname(codex.path)), "codex-path", "rg");
  return ["rg", bundled].find((path) => path !== undefined && isProgram(path));
}

function isProgram(path: string): boolean {
  try {
    runProgram(path, ["--version"]);
    return true;
  } catch {
    return false;
  }
}

function writeHome(home: string, context: BenchContext): void {
  context.tell("writing the home");
  writeLargeHome(home, context);
  const message = { type: "user_message", message: SAID, images: [], local_images: [], text_elements: [] };
  const line = JSON.stringify({ timestamp: "2026-10-31T12:00:00.000Z", type: "event_msg", payload: message });
  const paths = rolloutsBelow(home);
  for (const [index, path] of paths.entries()) if (index % EVERY === 0) appendFileSync(join(home, path), `${line}\n`);
}

/** As Codex does it: level 3, one frame a file (state-and-compression §4.4). */
function compressAll(home: string): void {
  for (const path of rolloutsBelow(home)) {
    const source = join(home, path);
    const reader = openBytes(source);
    const encoder = new ZstdEncoder({ level: 3, pledgedBytes: reader.sizeBytes });
    const { fd, path: temporary } = createTemporary(`${source}.zst`);
    const write = (bytes: Buffer): void => writeFully(fd, bytes);
    for (const chunk of reader.forward()) encoder.writeTo(chunk, write);
    encoder.endFrameTo(write);
    encoder.release();
    reader.close();
    closeFile(fd);
    publishFile(temporary, `${source}.zst`, true);
    rmSync(source);
  }
}

interface Measured {
  readonly form: Form;
  readonly needle: Needle;
  readonly home: string;
  readonly rg: string | undefined;
}

interface Result extends Measured {
  readonly bytes: number;
  readonly lines: number;
  readonly ours: readonly Sample[];
  readonly theirs: readonly Sample[];
}

async function measure(measured: Measured, context: BenchContext): Promise<Result> {
  const { form, needle, home, rg } = measured;
  context.tell(`searching ${form} for ${needle.name}`);
  const ours = (): ProcessSample => searchOnce(context, measured);
  const theirs = (): ProcessSample => ripgrep(rg ?? "rg", measured);
  // Both once before: for the page cache, and to see that they agree.
  const lines = linesOf(ours().stdout);
  if (rg !== undefined) compareLines(lines, theirs().stdout, measured);
  const contenders: readonly Contender[] = [
    { name: "search", run: ours },
    ...(rg === undefined ? [] : [{ name: "ripgrep", run: theirs }]),
  ];
  const samples = await runRounds(contenders, context.rounds, new Rng(context.seed), context.tell);
  const bytes = rolloutsBelow(home).reduce((sum, path) => sum + statSync(join(home, path)).size, 0);
  const of = (name: string): readonly Sample[] => samples.get(name) ?? [];
  return { ...measured, bytes, lines: lines.length, ours: of("search"), theirs: of("ripgrep") };
}

/**
 * With this variable set, as it is behind some proxies, every Node reads certificates before it does anything else: 40 ms, that no
 * search has to do with.
 */
const WITHOUT_CERTIFICATES = ["-u", "NODE_EXTRA_CA_CERTS"] as const;

function searchOnce({ node, program }: BenchContext, { needle, home }: Measured): ProcessSample {
  const where = ["--in", "all", "--copies", "--json", "--codex-home", home];
  const cases = needle.caseSensitive === true ? ["--case-sensitive"] : [];
  // As people call it: "--" would have the parser loaded, which takes as long as 300 MB (`commands/plain-words.ts`).
  const call = [program, "search", ...where, ...cases, needle.text];
  return runProgram("env", [...WITHOUT_CERTIFICATES, node, ...call]);
}

/** On files as they are, ripgrep looks for what stands in JSON. */
function ripgrep(rg: string, { form, needle, home }: Measured): ProcessSample {
  const how = [
    "--no-config",
    "-n",
    "--no-heading",
    "--null",
    "--no-ignore",
    "-F",
    ...(form === "archives" ? ["-z"] : []),
  ];
  const cases = needle.caseSensitive === true ? [] : ["-i"];
  return runProgram(rg, [...how, ...cases, "--", JSON.stringify(needle.text).slice(1, -1), home]);
}

interface JsonAnswer {
  readonly threads: readonly {
    readonly hits: readonly { readonly path: string; readonly line: number; readonly also_lines: readonly number[] }[];
  }[];
}

/** `path:line` of all lines, sorted. */
function linesOf(stdout: string): readonly string[] {
  const { threads } = JSON.parse(stdout) as JsonAnswer;
  const hits = threads.flatMap((thread) => thread.hits);
  const lines = hits.flatMap((hit) => [hit.line, ...hit.also_lines].map((line) => `${hit.path}:${String(line)}`));
  return [...new Set(lines)].toSorted();
}

function compareLines(ours: readonly string[], stdout: string, { form, needle }: Measured): void {
  const found = stdout.matchAll(/^([^\0\n]+?)(?:\.zst)?\0(\d+):/gm);
  const theirs = [...new Set(Array.from(found, ([, path = "", line = ""]) => `${path}:${line}`))].toSorted();
  if (ours.length > 0 && ours.join("\n") === theirs.join("\n")) return;
  const counts = `${String(ours.length)} here, ${String(theirs.length)} there`;
  throw new RolloutError("mismatch", `search and ripgrep find different lines (${form}, ${needle.name}): ${counts}`);
}

function table(results: readonly Result[]): readonly string[] {
  const lines = [
    "| files | MB | looked for | lines | search | ripgrep | search ÷ ripgrep | best ÷ best | goal |",
    "|---|---|---|---|---|---|---|---|---|",
  ];
  for (const { form, needle, bytes, lines: count, ours, theirs } of results) {
    const times = [ours, theirs].map((samples) => (samples.length === 0 ? "" : formatMs(median(samples))));
    const pairs = pairRatios(ours, theirs);
    const ratio = pairs.length === 0 ? undefined : summarize(pairs).median;
    const best = ratio === undefined ? "" : (fastest(ours) / fastest(theirs)).toFixed(2);
    const cells = [form, (bytes / 1e6).toFixed(0), needle.name, String(count), ...times, ratio?.toFixed(2) ?? "", best];
    lines.push(`| ${[...cells, goalOf(form, needle, ratio)].join(" | ")} |`);
  }
  return lines;
}

function goalOf(form: Form, needle: Needle, ratio: number | undefined): string {
  if (!needle.hasGoal || ratio === undefined) return "";
  return `≤ ${String(GOALS[form])}: ${ratio <= GOALS[form] ? "met" : "missed"}`;
}

function median(samples: readonly Sample[]): number {
  return summarize(samples.map(({ wallMs }) => wallMs)).median;
}

function fastest(samples: readonly Sample[]): number {
  return Math.min(...samples.map(({ wallMs }) => wallMs));
}
