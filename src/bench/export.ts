/**
 * `npm run bench -- export`: how long a whole home takes to become a data set, and in how much memory, by one job and by two, beside
 * JSON.parse of every line of the same home.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";

import { PARSE, parseHome, ratioTable } from "./beside-parse.ts";
import type { BenchContext } from "./context.ts";
import { writeLargeHome } from "./large-home.ts";
import { type Contender, runNode, runRounds, type Sample } from "./measure.ts";
import { Rng } from "./rng.ts";

/** With as many jobs as the program takes by itself. */
const GOALS = { export: { ratio: 2.5, peakBytes: 250 * 1024 * 1024 } } as const;

export async function benchExport(context: BenchContext): Promise<void> {
  const { seed, rounds, scratch, tell, print } = context;
  const home = join(scratch, "export");
  const out = join(scratch, "export-out");
  tell("writing the home");
  const what = writeLargeHome(home, context);
  const contenders: readonly Contender[] = [
    { name: PARSE, run: () => parseHome(home) },
    { name: "export --jobs 1", prepare: () => clear(out), run: () => exportHome(context, home, out, ["--jobs", "1"]) },
    { name: "export", prepare: () => clear(out), run: () => exportHome(context, home, out, []) },
  ];
  // For the page cache.
  parseHome(home);
  const samples = await runRounds(contenders, rounds, new Rng(seed), tell);
  rmSync(home, { recursive: true, force: true });
  clear(out);
  print(`\n## export, ${what}\n`);
  for (const line of ratioTable(samples, GOALS)) print(line);
}

function exportHome({ node, program }: BenchContext, home: string, out: string, options: readonly string[]): Sample {
  return runNode(node, [program, "export", "--quiet", "--codex-home", home, "--out", out, ...options]);
}

function clear(out: string): void {
  rmSync(out, { recursive: true, force: true });
}
