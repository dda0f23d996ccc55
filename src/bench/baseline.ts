/**
 * Two runs beside each other: each case against the case of the same name in an earlier report. Their rounds have nothing to
 * do with each other, so samples are compared unpaired. Used by `--baseline` and by `bench compare`. Pure.
 */
import type { BenchReport, BenchSetting, Comparison } from "./results.ts";
import { compareSamples } from "./statistics.ts";

export interface BaselineComparison {
  /** Of the cases in both reports, in the order of `now`; `case` and `against` have the same name. Ratios are now ÷ base. */
  readonly comparisons: readonly Comparison[];
  /** Names of measured cases that the other report lacks. */
  readonly onlyNow: readonly string[];
  readonly onlyBase: readonly string[];
  /** Sentences on why the figures may not be comparable. */
  readonly warnings: readonly string[];
}

/** @throws RangeError when a time is not above 0, which `parseReport` rules out. */
export function compareReports(now: BenchReport, base: BenchReport, seed: number): BaselineComparison {
  const old = new Map(base.cases.map((found) => [found.name, found]));
  const names = new Set(now.cases.map(({ name }) => name));
  const comparisons = now.cases.flatMap(({ name, samples_ms: one }) => {
    const other = old.get(name)?.samples_ms;
    if (other === undefined) return [];
    return [compareSamples({ case: name, against: name, kind: "unpaired", one, other, seed })];
  });
  return {
    comparisons,
    onlyNow: [...names].filter((name) => !old.has(name)),
    onlyBase: [...old.keys()].filter((name) => !names.has(name)),
    warnings: warningsOf(now, base, comparisons.length),
  };
}

/** Machines of one kind differ a little in the memory that they say they have. */
const SAME_MEMORY = 1.1;

function warningsOf(now: BenchReport, base: BenchReport, shared: number): readonly string[] {
  const differing = (members: readonly (keyof BenchSetting)[]): readonly string[] =>
    members
      .filter((member) => now.setting[member] !== base.setting[member])
      .map((member) => `${member} ${base.setting[member]} → ${now.setting[member]}`);
  const machine = [...differing(["platform", "arch", "cpu", "cpus"]), ...memory(now.setting, base.setting)];
  const other = differing(["node", "seed", "page_cache"]);
  return [
    machine.length > 0 && `figures of different machines are not comparable: ${machine.join(", ")}`,
    other.length > 0 && `the runs differ in more than what is measured: ${other.join(", ")}`,
    now.benchmark !== base.benchmark && `the baseline is of another benchmark: ${base.benchmark} → ${now.benchmark}`,
    shared === 0 && "no case is in both reports: their inputs or subjects differ",
  ].filter((warning) => warning !== false);
}

function memory(now: BenchSetting, base: BenchSetting): readonly string[] {
  const [low, high] = [now.memory_bytes, base.memory_bytes].toSorted((one, other) => one - other);
  if (low === undefined || high === undefined || high <= low * SAME_MEMORY) return [];
  return [`memory_bytes ${base.memory_bytes} → ${now.memory_bytes}`];
}
