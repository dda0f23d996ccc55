/**
 * `npm run bench -- verify`: how long it takes to look for damage in a whole home, plain and then as archives that are decoded to their
 * ends, by one job and by two, beside JSON.parse of every line of the same home.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";

import { PARSE, parseHome, ratioTable } from "./beside-parse.ts";
import type { BenchContext } from "./context.ts";
import { writeLargeHome } from "./large-home.ts";
import { type Contender, runNode, runRounds, type Sample } from "./measure.ts";
import { Rng } from "./rng.ts";

const GOAL = { ratio: 1.5 } as const;

export async function benchVerify(context: BenchContext): Promise<void> {
  const { node, program, scratch, tell } = context;
  const home = join(scratch, "verify");
  tell("writing the home");
  const what = writeLargeHome(home, context);
  runNode(node, [program, "reindex", "--quiet", "--codex-home", home]);
  await compare(context, { home, title: `verify, ${what}`, options: [] });
  tell("compressing the home");
  runNode(node, [program, "compress", "--all", "--older-than", "0", "--quiet", "--codex-home", home]);
  await compare(context, {
    home,
    title: "verify --read-data all, the same as archives",
    options: ["--read-data", "all"],
  });
  rmSync(home, { recursive: true, force: true });
}

interface Comparison {
  readonly home: string;
  readonly title: string;
  readonly options: readonly string[];
}

async function compare(context: BenchContext, { home, title, options }: Comparison): Promise<void> {
  const { seed, rounds, tell, print } = context;
  const verify = (...more: readonly string[]): Sample => verifyHome(context, home, [...options, ...more]);
  const contenders: readonly Contender[] = [
    { name: PARSE, run: () => parseHome(home) },
    { name: "verify --jobs 1", run: () => verify("--jobs", "1") },
    { name: "verify", run: () => verify() },
  ];
  // For the page cache.
  parseHome(home);
  const samples = await runRounds(contenders, rounds, new Rng(seed), tell);
  print(`\n## ${title}\n`);
  for (const line of ratioTable(samples, { verify: GOAL })) print(line);
}

function verifyHome({ node, program }: BenchContext, home: string, options: readonly string[]): Sample {
  return runNode(node, [program, "verify", "--quiet", "--codex-home", home, ...options]);
}
