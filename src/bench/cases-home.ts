/**
 * The benchmarks of whole homes, `bench reindex`, `bench compress` and `bench parse`.
 *
 * Labels: benchmark, input, form, subject, way; the form of a home that holds both is `mixed`. `reindex`: `first` (no database yet) and `again` (nothing has changed since), and
 * of a Codex `first`, from the start of its process to the answer of its handshake, before which it fills its database.
 * `compress`: one way for each number of jobs. `parse`: `read`, `split`, `decode` and `json` (JSON.parse of every line), in a
 * process that has done it before.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { CompressReport } from "../compressor/report.ts";
import { readLines, readRollout } from "../readers/rollout.ts";
import { AppServer } from "./app-server.ts";
import { type CaseContext, TOOL } from "./case-context.ts";
import { CaseHome, removeDatabases, rolloutsBelow } from "./case-home.ts";
import { codexLabels, writeCodexConfig } from "./codex.ts";
import { spawnNode, timeCalls } from "./measure.ts";
import { CODEX, pairsOf } from "./pairs.ts";
import { drain, readAll } from "./parse.ts";
import type { BenchCase, BenchSample } from "./results.ts";
import type { MadeHome } from "./sources.ts";
import { nameOf, type SuitePlan } from "./suite.ts";

/** A home to measure on: made once per run, and only read from then on. */
export interface HomeInput extends MadeHome {
  /** What it is called in the names of cases. */
  readonly name: string;
  /** For what its cases write. */
  readonly folder: string;
}

export function reindexPlan(inputs: readonly HomeInput[], context: CaseContext): SuitePlan {
  const cases = inputs.flatMap((input) => [
    ...[true, false].map((isFirst) => ownReindex(input, context, isFirst)),
    ...codexReindexes(input, context),
  ]);
  const pairs = pairsOf(cases, [
    { case: [TOOL, "again"], against: [TOOL, "first"] },
    { case: [CODEX, "first"], against: [TOOL, "first"] },
    { case: [CODEX, "first"], against: [CODEX, "first"] },
  ]);
  return { benchmark: "reindex", cases, pairs };
}

function ownReindex(input: HomeInput, { node, program }: CaseContext, isFirst: boolean): BenchCase {
  const way = isFirst ? "first" : "again";
  const folder = join(input.folder, `own-${way}`);
  let home: CaseHome | undefined;
  const run = (): Promise<BenchSample> => spawnNode(node, [program, "reindex", "--codex-home", folder, "--json"]);
  return {
    labels: ["reindex", input.name, input.form, TOOL, way],
    async prepare() {
      home ??= new CaseHome(folder, input.home);
      if (isFirst) removeDatabases(folder);
      else await run();
    },
    run,
    release: () => home?.remove(),
  };
}

function codexReindexes(input: HomeInput, { binaries, timeoutMs }: CaseContext): readonly BenchCase[] {
  const subjects = codexLabels(binaries);
  return binaries.map((binary, number): BenchCase => {
    const subject = subjects[number] ?? binary.version;
    const folder = join(input.folder, subject, "home");
    let home: CaseHome | undefined;
    return {
      labels: ["reindex", input.name, input.form, subject, "first"],
      prepare() {
        home ??= new CaseHome(folder, input.home);
        home.restore();
        removeDatabases(folder);
        writeCodexConfig(folder);
      },
      async run() {
        const started = performance.now();
        const server = new AppServer(binary, folder);
        try {
          await server.initialize(timeoutMs);
          return { wallMs: performance.now() - started, ...server.account() };
        } finally {
          await server.stop();
        }
      },
      release: () => home?.remove(),
    };
  });
}

export function compressPlan(inputs: readonly HomeInput[], context: CaseContext): SuitePlan {
  const notes: string[] = [];
  const cases = inputs.flatMap((input) =>
    [1, 2].map((jobs) => ownCompress(input, context, jobs, jobs === 1 ? notes : undefined)),
  );
  const pairs = pairsOf(cases, [{ case: [TOOL, "jobs-2"], against: [TOOL, "jobs-1"] }]);
  return { benchmark: "compress", cases, pairs, notes: () => notes };
}

function ownCompress(
  input: HomeInput,
  { node, program }: CaseContext,
  jobs: number,
  notes: string[] | undefined,
): BenchCase {
  const folder = join(input.folder, `own-${String(jobs)}`);
  let home: CaseHome | undefined;
  const labels = ["compress", input.name, input.form, TOOL, `jobs-${String(jobs)}`];
  const args = ["compress", "--codex-home", folder, "--all", "--older-than", "0", "--force", "--json"];
  let isNoted = notes === undefined;
  return {
    labels,
    prepare() {
      home ??= new CaseHome(folder, input.home);
      home.restore();
    },
    async run() {
      const sample = await spawnNode(node, [program, ...args, "--jobs", String(jobs)], { keepsOutput: true });
      if (!isNoted) notes?.push(sizesOf(nameOf({ labels }), sample.stdout));
      isNoted = true;
      return sample;
    },
    release: () => home?.remove(),
  };
}

function sizesOf(name: string, stdout: string): string {
  const { totals } = JSON.parse(stdout) as CompressReport;
  const { source_bytes, compressed_bytes, ratio } = totals;
  const share = ratio === null ? "nothing" : `${(ratio * 100).toFixed(1)} %`;
  return `${name}: ${String(source_bytes)} bytes became ${String(compressed_bytes)} (${share})`;
}

export function parsePlan(inputs: readonly HomeInput[]): SuitePlan {
  const cases = inputs.flatMap((input) => {
    const paths = rolloutsBelow(input.home).map((path) => join(input.home, path));
    return Object.entries(PARSE_STEPS).map(([way, step]): BenchCase => ({
      labels: ["parse", input.name, input.form, TOOL, way],
      run: async () => ({ wallMs: await timeCalls(() => paths.forEach(step)) }),
    }));
  });
  const pairs = pairsOf(
    cases,
    ["read", "split", "decode"].map((way) => ({ case: [TOOL, way] as const, against: [TOOL, "json"] as const })),
  );
  return { benchmark: "parse", cases, pairs };
}

const PARSE_STEPS: Readonly<Record<string, (path: string) => void>> = {
  read: readAll,
  split: (path) => drain(readLines(path)),
  decode: (path) => drain(readRollout(path)),
  // The plainest way there is, for comparison; a damaged line is passed by, as `decode` does.
  json(path) {
    for (const line of readFileSync(path, "utf8").split("\n")) if (line !== "") parseOrPass(line);
  },
};

function parseOrPass(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
