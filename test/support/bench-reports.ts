/** Reports of made-up runs, for the tests of what becomes of a benchmark's figures. */
import { Rng } from "../../src/bench/rng.ts";
import type { BenchReport, CaseResult } from "../../src/bench/results.ts";
import { compareSamples, statisticsOf } from "../../src/bench/statistics.ts";

export interface CaseSketch {
  readonly labels: readonly string[];
  readonly medianMs: number;
  readonly rounds?: number;
  /** Relative half width of the noise; 0.03 by default. */
  readonly noise?: number;
}

export function benchCase({ labels, medianMs, rounds = 15, noise = 0.03 }: CaseSketch, seed: number): CaseResult {
  const rng = new Rng(seed);
  const sample = (): number => {
    const shift = 1 + noise * (rng.unit() + rng.unit() - 1);
    return Number((medianMs * shift * (rng.chance(0.06) ? 1 + 5 * noise : 1)).toFixed(4));
  };
  const samples = Array.from({ length: rounds }, sample);
  return {
    name: labels.join("."),
    labels,
    samples_ms: samples,
    warmup_ms: [sample() * 1.5],
    statistics: statisticsOf(samples),
    peak_bytes: Math.round(60e6 + medianMs * 4e5),
    read_bytes: Math.round(medianMs * 1e5),
    written_bytes: 0,
  };
}

export interface ReportSketch {
  readonly cases: readonly CaseSketch[];
  readonly pairs?: readonly (readonly [one: number, other: number])[];
  readonly seed?: number;
  readonly change?: Partial<BenchReport>;
}

export function benchReport({ cases: sketches, pairs = [], seed = 1, change = {} }: ReportSketch): BenchReport {
  const cases = sketches.map((sketch, index) => benchCase(sketch, seed * 1000 + index));
  const comparisons = pairs.map(([one, other]) => {
    const [left, right] = [cases[one], cases[other]];
    if (left === undefined || right === undefined) throw new RangeError("no such case");
    const names = { case: left.name, against: right.name, kind: "paired" as const };
    return compareSamples({ ...names, one: left.samples_ms, other: right.samples_ms, seed });
  });
  return {
    format: "rollout-tool-bench",
    version: 1,
    benchmark: "resume",
    setting: {
      tool_version: "0.1.0",
      created_at: "2026-01-02T03:04:05.000Z",
      node: "20.19.0",
      platform: "linux",
      arch: "x64",
      cpu: "Example CPU @ 2.00GHz",
      cpus: 4,
      memory_bytes: 16_000_000_000,
      seed: 1,
      rounds: 15,
      warmup_rounds: 1,
      page_cache: "warm",
    },
    cases,
    comparisons,
    failures: [],
    notes: [],
    ...change,
  };
}

/** Three subjects, two inputs, two forms: what a run against real binaries looks like. */
export function resumeReport(factor = 1, seed = 1): BenchReport {
  const inputs = [
    ["legacy:20MB", 90],
    ["paginated-late:120MB", 460],
  ] as const;
  const forms = [
    ["plain", 1],
    ["zst", 0.8],
  ] as const;
  const subjects = [
    ["rollout-tool", 0.12 * factor],
    ["codex-0.142.3", 1.7],
    ["codex-0.169.0", 1],
  ] as const;
  const cases = inputs.flatMap(([input, base]) =>
    forms.flatMap(([form, share]) =>
      subjects.map(([subject, part]) => ({
        labels: ["resume", input, form, subject],
        medianMs: base * share * part,
        noise: subject === "rollout-tool" ? 0.04 : 0.09,
      })),
    ),
  );
  const pairs = [0, 3, 6, 9].flatMap((first) => [[first, first + 1] as const, [first, first + 2] as const]);
  return benchReport({ cases, pairs: [...pairs, [3, 0] as const, [9, 6] as const], seed });
}
