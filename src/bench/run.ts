/**
 * `npm run bench`: the second entry point of the program, for developers. Knows the benchmarks by name, gives them a scratch
 * folder and takes it away again, whatever happens.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { RolloutError } from "../errors.ts";
import { freeBytesAt } from "../io/files.ts";
import { benchCompress } from "./compress.ts";
import type { BenchContext } from "./context.ts";
import { benchExport } from "./export.ts";
import { benchParse } from "./parse.ts";
import { benchReindex } from "./reindex.ts";
import { findCodex } from "./release.ts";
import { benchReplay } from "./replay.ts";
import { benchResume } from "./resume.ts";
import { sweepStale, withScratch } from "./scratch.ts";
import { benchSearch } from "./search.ts";
import { benchVerify } from "./verify.ts";
import { benchVerdicts } from "./verdicts.ts";

const USAGE = `Usage: npm run bench -- [name …] [--codex <prefix>] [--home <folder> …] [--scale small|full] [--rounds <n>] [--seed <n>]

Names: parse, reindex, replay, resume, compress, search, export, verdicts; all of them by default.
  --home <folder>   a home to measure too (compress); it is copied and not touched; may be given more than once
  --codex <prefix>  also measure the Codex release installed there (npm install --prefix <prefix> @openai/codex@0.169.0)
  --scale           small: a tenth of the input, for a quick look; full (default): what docs/performance.md reports
  --rounds <n>      how often each contender is measured (default 5)
  --seed <n>        seed of the input and of the order (default 1)
`;

interface Benchmark {
  readonly run: (context: BenchContext) => Promise<void>;
  /** What it writes at most, at full scale. */
  readonly diskBytes: number;
}

const BENCHMARKS: ReadonlyMap<string, Benchmark> = new Map([
  ["parse", { run: benchParse, diskBytes: 0.25e9 }],
  ["reindex", { run: benchReindex, diskBytes: 2.5e9 }],
  ["replay", { run: benchReplay, diskBytes: 0.4e9 }],
  ["resume", { run: benchResume, diskBytes: 2.0e9 }],
  ["compress", { run: benchCompress, diskBytes: 1.0e9 }],
  ["search", { run: benchSearch, diskBytes: 2.8e9 }],
  ["export", { run: benchExport, diskBytes: 2.3e9 }],
  ["verify", { run: benchVerify, diskBytes: 2.8e9 }],
  ["verdicts", { run: benchVerdicts, diskBytes: 0.01e9 }],
]);

function readOptions(args: readonly string[]): { readonly names: readonly string[]; readonly values: Values } {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      codex: { type: "string" },
      home: { type: "string", multiple: true, default: [] },
      scale: { type: "string", default: "full" },
      rounds: { type: "string", default: "5" },
      seed: { type: "string", default: "1" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const names = positionals.length === 0 ? [...BENCHMARKS.keys()] : positionals;
  return { names, values };
}

interface Values {
  readonly codex?: string | undefined;
  readonly home: readonly string[];
  readonly scale: string;
  readonly rounds: string;
  readonly seed: string;
  readonly help: boolean;
}

async function main(args: readonly string[]): Promise<void> {
  const { names, values } = readOptions(args);
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const chosen = names.map((name) => {
    const benchmark = BENCHMARKS.get(name);
    if (benchmark === undefined) throw new RolloutError("usage", `no benchmark of the name ${name}\n\n${USAGE}`);
    return benchmark;
  });
  if (values.scale !== "small" && values.scale !== "full") throw new RolloutError("usage", "--scale is small or full");
  sweepStale();
  await withScratch((scratch) => run(chosen, values, scratch));
}

async function run(chosen: readonly Benchmark[], values: Values, scratch: string): Promise<void> {
  const scale = values.scale === "small" ? "small" : "full";
  checkDisk(scratch, Math.max(...chosen.map(({ diskBytes }) => diskBytes)) * (scale === "small" ? 0.1 : 1));
  const context: BenchContext = {
    node: process.execPath,
    program: fileURLToPath(new URL("../bin.js", import.meta.url)),
    scratch,
    scale,
    seed: wholeNumber(values.seed, "--seed"),
    rounds: wholeNumber(values.rounds, "--rounds"),
    codex: values.codex === undefined ? undefined : findCodex(values.codex),
    homes: values.home.map((home) => resolve(home)),
    print: (line) => void process.stdout.write(`${line}\n`),
    tell: (line) => void process.stderr.write(`${line}\n`),
  };
  context.print(`Node ${process.version}, ${process.platform} ${process.arch}, scale ${scale}, seed ${values.seed}`);
  if (context.codex !== undefined) context.print(`Codex ${context.codex.version}`);
  for (const benchmark of chosen) await benchmark.run(context);
}

function wholeNumber(text: string, option: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RolloutError("usage", `${option} takes a whole number above 0`);
  return value;
}

function checkDisk(folder: string, neededBytes: number): void {
  if ((freeBytesAt(folder) ?? Infinity) > neededBytes) return;
  throw new RolloutError("disk-full", `${(neededBytes / 1e9).toFixed(1)} GB of scratch space are needed`, {
    path: folder,
    hint: "Set TMPDIR to a folder with more room, or use --scale small.",
  });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const text = error instanceof RolloutError ? [error.message, error.hint].filter(Boolean).join("\n") : String(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = 2;
}
