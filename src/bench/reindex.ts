/**
 * `npm run bench -- reindex`: how long an index takes to rebuild, told as ratios of what else can be done with the same
 * files: reading them, letting Codex rebuild the index itself, doing it a second time.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";

import { RolloutError } from "../errors.ts";
import { SqliteDatabase } from "../io/sqlite.ts";
import { AppServer } from "./app-server.ts";
import { removeDatabases } from "./case-home.ts";
import { writeCodexConfig, type CodexBinary } from "./codex.ts";
import type { BenchContext } from "./context.ts";
import {
  formatMiB,
  formatMs,
  pairRatios,
  runNode,
  runProgram,
  runRounds,
  summarize,
  type Contender,
  type Sample,
} from "./measure.ts";
import { Rng } from "./rng.ts";
import type { SynthShape } from "./synth-shapes.ts";
import { writeSyntheticHome, type SynthHome } from "./synth.ts";

interface HomeCase {
  readonly name: string;
  readonly shape: SynthShape;
  readonly rollouts: number;
  readonly totalBytes: number | undefined;
  /** Goals: at most so many times the time of reading, at least so many times faster than Codex. */
  readonly atMostRead: number | undefined;
  readonly atLeastCodex: number;
}

/** The homes of the `full` scale; `small` has a tenth of the rollouts and bytes. */
const HOMES: readonly HomeCase[] = [
  { name: "legacy", shape: "legacy", rollouts: 2_000, totalBytes: 2e9, atMostRead: 3, atLeastCodex: 10 },
  { name: "paginated", shape: "paginated", rollouts: 2_000, totalBytes: 2e9, atMostRead: undefined, atLeastCodex: 25 },
  { name: "small", shape: "small", rollouts: 20_000, totalBytes: undefined, atMostRead: 3, atLeastCodex: 10 },
];

/** A second run on an unchanged home takes at most this share of the first. */
const AT_MOST_AGAIN = 0.1;
/** Peak memory above that of Node itself. */
const AT_MOST_EXTRA_BYTES = 64 * 1024 * 1024;
/** Codex takes seconds per gigabyte, and varies little. */
const CODEX_ROUNDS = 3;

/** Reads every rollout of a home through one buffer of 1 MiB: the floor for whatever has to see all bytes. */
const READ_ALL = `
const fs = require("node:fs"), path = require("node:path"), buffer = Buffer.allocUnsafe(1 << 20);
const walk = (folder) => {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) walk(name);
    else {
      const fd = fs.openSync(name);
      while (fs.readSync(fd, buffer, 0, buffer.length, null) > 0);
      fs.closeSync(fd);
    }
  }
};
for (const root of ["sessions", "archived_sessions"]) walk(path.join(process.argv[1], root));
`;

const CAT_ALL = 'find "$@" -type f -exec cat {} + > /dev/null';

export async function benchReindex(context: BenchContext): Promise<void> {
  const bare = summarize(Array.from({ length: 3 }, () => runNode(context.node, ["-e", "0"]).peakBytes ?? 0)).median;
  for (const item of HOMES) {
    const folder = join(context.scratch, item.name);
    const factor = context.scale === "small" ? 0.1 : 1;
    context.tell(`writing the home ${item.name}`);
    const home = writeSyntheticHome(join(folder, "home"), {
      seed: context.seed,
      shape: item.shape,
      rollouts: item.rollouts * factor,
      totalBytes: item.totalBytes === undefined ? undefined : item.totalBytes * factor,
    });
    writeCodexConfig(home.folder);
    // The pages just written must not be on their way to the disk while others are timed.
    runProgram("sync", []);
    const samples = await runRounds(contenders(context, home), context.rounds, new Rng(context.seed), context.tell);
    for (const line of report(item, home, samples, bare)) context.print(line);
    rmSync(folder, { recursive: true, force: true });
  }
}

function contenders(context: BenchContext, home: SynthHome): readonly Contender[] {
  const { node, program, codex } = context;
  const clear = (): void => removeDatabases(home.folder);
  const reindex = (): Sample => runNode(node, [program, "reindex", "--codex-home", home.folder, "--json"]);
  const roots = ["sessions", "archived_sessions"].map((root) => join(home.folder, root));
  const list: Contender[] = [
    { name: "read", run: () => runNode(node, ["-e", READ_ALL, home.folder]) },
    { name: "cat", run: () => runProgram("sh", ["-c", CAT_ALL, "sh", ...roots]) },
    { name: "reindex", prepare: clear, run: reindex },
    {
      name: "again",
      prepare: () => {
        clear();
        reindex();
      },
      run: reindex,
    },
  ];
  if (codex !== undefined) {
    list.push({ name: "codex", rounds: CODEX_ROUNDS, prepare: clear, run: () => backfill(codex, home) });
  }
  return list;
}

/** From the start of the server to its first answer, which it gives when the rebuild is complete. */
async function backfill(codex: CodexBinary, home: SynthHome): Promise<Sample> {
  const started = performance.now();
  const server = new AppServer(codex, home.folder);
  try {
    await server.initialize(900_000);
    const wallMs = performance.now() - started;
    const database = SqliteDatabase.open(join(home.folder, "state_5.sqlite"));
    const [state] = database.all("SELECT status, (SELECT count(*) FROM threads) AS rows FROM backfill_state");
    database.close();
    if (state?.["status"] !== "complete" || state["rows"] !== home.rollouts.length) {
      throw new RolloutError("internal", `Codex answered before its rebuild was complete: ${JSON.stringify(state)}`);
    }
    return { wallMs };
  } finally {
    await server.stop();
  }
}

type Samples = ReadonlyMap<string, readonly Sample[]>;

function report(item: HomeCase, home: SynthHome, samples: Samples, bareBytes: number): readonly string[] {
  const lines = [
    "",
    `## reindex, home ${item.name}: ${String(home.rollouts.length)} rollouts, ${(home.bytes / 1e9).toFixed(2)} GB`,
    "",
    "| contender | n | median | min | max | peak memory |",
    "|---|---|---|---|---|---|",
  ];
  for (const [name, list] of samples) {
    if (list.length === 0) continue;
    const { count, median, min, max } = summarize(list.map((sample) => sample.wallMs));
    const peaks = list.flatMap((sample) => (sample.peakBytes === undefined ? [] : [sample.peakBytes]));
    const peak = peaks.length === 0 ? "" : formatMiB(Math.max(...peaks));
    lines.push(`| ${name} | ${String(count)} | ${formatMs(median)} | ${formatMs(min)} | ${formatMs(max)} | ${peak} |`);
  }
  lines.push("", "| ratio of pairs | median | min | max | best ÷ best | goal |", "|---|---|---|---|---|---|");
  lines.push(ratioLine("reindex ÷ read", samples, "reindex", "read", { atMost: item.atMostRead }));
  lines.push(ratioLine("again ÷ reindex", samples, "again", "reindex", { atMost: AT_MOST_AGAIN }));
  if (samples.has("codex")) {
    lines.push(ratioLine("codex ÷ reindex", samples, "codex", "reindex", { atLeast: item.atLeastCodex }));
  }
  const peak = Math.max(...(samples.get("reindex") ?? []).map((sample) => sample.peakBytes ?? 0));
  const verdict = peak - bareBytes <= AT_MOST_EXTRA_BYTES ? "met" : "missed";
  lines.push(
    "",
    `Peak above bare Node (${formatMiB(bareBytes)}): ${formatMiB(peak - bareBytes)}; goal ≤ 64 MiB: ${verdict}`,
  );
  return lines;
}

function ratioLine(
  title: string,
  samples: Samples,
  one: string,
  other: string,
  goal: { readonly atMost?: number | undefined; readonly atLeast?: number | undefined },
): string {
  const [ours, theirs] = [samples.get(one) ?? [], samples.get(other) ?? []];
  const { median, min, max } = summarize(pairRatios(ours, theirs));
  // What both can do when nothing disturbs them: where it is far from the median, the machine was not quiet.
  const best = Math.min(...ours.map((sample) => sample.wallMs)) / Math.min(...theirs.map((sample) => sample.wallMs));
  const figures = [median, min, max, best].map((ratio) => ratio.toFixed(2));
  return `| ${[title, ...figures, goalText(median, goal)].join(" | ")} |`;
}

function goalText(
  median: number,
  goal: { readonly atMost?: number | undefined; readonly atLeast?: number | undefined },
): string {
  if (goal.atMost !== undefined) return `≤ ${String(goal.atMost)}: ${median <= goal.atMost ? "met" : "missed"}`;
  if (goal.atLeast !== undefined) return `≥ ${String(goal.atLeast)}: ${median >= goal.atLeast ? "met" : "missed"}`;
  return "";
}
