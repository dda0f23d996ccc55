/** Made-up inputs of the benchmarks' cases, and how the suite asks a case for a sample. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { CaseContext } from "../../src/bench/case-context.ts";
import type { BenchInput } from "../../src/bench/case-home.ts";
import type { BenchSample } from "../../src/bench/results.ts";
import { syntheticSource } from "../../src/bench/sources.ts";
import { nameOf, type SuitePlan } from "../../src/bench/suite.ts";

/** Two binaries and a program, none of which is there: enough for cases to be listed. */
export function caseContext(scratch: string): CaseContext {
  const binaries = ["0.1.0", "0.2.0"].map((version) => ({ version, path: "/nowhere/codex" }));
  return { node: process.execPath, program: "/nowhere/bin.js", scratch, binaries, timeoutMs: 1000 };
}

export function benchInput(folder: string, name: string): BenchInput {
  const home = join(folder, name, "home");
  mkdirSync(home, { recursive: true });
  return { ...syntheticSource(name, 1).make(home), name };
}

export const caseNames = ({ cases }: SuitePlan): readonly string[] => cases.map(nameOf);

/** Runs a case as the suite does. */
export async function sampleOf(plan: SuitePlan, name: string): Promise<BenchSample | undefined> {
  const found = plan.cases.find((item) => nameOf(item) === name);
  await found?.prepare?.();
  return found?.run();
}
