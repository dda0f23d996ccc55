/**
 * Runs cases and makes a report of them: every case once per round, in an order drawn anew for each round, so that what
 * disturbs the machine disturbs them all alike. A case that fails is reported by its name, and the others go on.
 */
import { arch, cpus, platform, totalmem } from "node:os";

import { assert } from "../errors.ts";
import { shuffled } from "./measure.ts";
import type {
  BenchCase,
  BenchPair,
  BenchReport,
  BenchSample,
  BenchSetting,
  CaseFailure,
  CaseResult,
} from "./results.ts";
import { REPORT_VERSION } from "./results.ts";
import { Rng } from "./rng.ts";
import { compareSamples, statisticsOf } from "./statistics.ts";

export interface SuitePlan {
  readonly benchmark: string;
  readonly cases: readonly BenchCase[];
  readonly pairs: readonly BenchPair[];
  /** Facts about what was measured, one sentence each; asked for at the end. */
  readonly notes?: () => readonly string[];
}

export interface SuiteOptions {
  readonly toolVersion: string;
  /** Version of the Node that runs it all. */
  readonly node: string;
  readonly now: () => number;
  readonly seed: number;
  readonly rounds: number;
  readonly warmupRounds: number;
  readonly pageCache: BenchSetting["page_cache"];
  /** Told after each sample, also of one that was not taken because its case had failed. */
  readonly advance?: (() => void) | undefined;
}

/** Thrown by a case that its subject cannot be asked for at all: no failure, and a note says why it is missing. */
export class LeftOut extends Error {
  override readonly name = "LeftOut";
}

export const nameOf = ({ labels }: Pick<BenchCase, "labels">): string => labels.join(".");

/** What a run would give if each of its cases took a millisecond: lets criteria be checked before anything is measured. */
export function foreseenReport(plan: SuitePlan, options: SuiteOptions): BenchReport {
  const samples_ms = [1];
  return {
    ...reportHead(plan, options),
    cases: plan.cases.map((item) => ({
      name: nameOf(item),
      labels: item.labels,
      samples_ms,
      warmup_ms: [],
      statistics: statisticsOf(samples_ms),
    })),
    comparisons: [],
    failures: [],
    notes: [],
  };
}

export async function runSuite(plan: SuitePlan, options: SuiteOptions): Promise<BenchReport> {
  const head = reportHead(plan, options);
  const running = plan.cases.map((item) => new RunningCase(item));
  assert(new Set(running.map(({ name }) => name)).size === running.length, "two cases have one name");
  const rng = new Rng(options.seed);
  try {
    for (let round = 0; round < options.warmupRounds + options.rounds; round += 1) {
      for (const item of shuffled(running, rng)) {
        await item.measure(round < options.warmupRounds);
        options.advance?.();
      }
    }
  } finally {
    for (const item of running) await item.release();
  }
  const measured = running.filter(({ samples }) => samples.length === options.rounds);
  return {
    ...head,
    cases: measured.map((item) => item.result()),
    comparisons: comparisonsOf(measured, plan.pairs, options.seed),
    failures: running.flatMap(({ failure }) => failure ?? []),
    notes: [...(plan.notes?.() ?? []), ...running.flatMap(({ note }) => note ?? [])],
  };
}

function reportHead(
  { benchmark }: SuitePlan,
  options: SuiteOptions,
): Pick<BenchReport, "format" | "version" | "benchmark" | "setting"> {
  const created_at = new Date(options.now()).toISOString();
  return { format: "rollout-tool-bench", version: REPORT_VERSION, benchmark, setting: settingOf(options, created_at) };
}

/** A case and what it has given so far. After its first failure it is not run again, and takes no room any more. */
class RunningCase {
  readonly name: string;
  readonly samples: BenchSample[] = [];
  failure: CaseFailure | undefined;
  /** Why it was left out. */
  note: string | undefined;
  readonly #item: BenchCase;
  readonly #warmupMs: number[] = [];
  #isReleased = false;

  constructor(item: BenchCase) {
    this.#item = item;
    this.name = nameOf(item);
  }

  async measure(isWarmup: boolean): Promise<void> {
    if (this.#isReleased) return;
    try {
      await this.#item.prepare?.();
      // Whatever else a sample carries is not kept: there are many.
      const { wallMs, peakBytes, readBytes, writtenBytes } = await this.#item.run();
      if (isWarmup) this.#warmupMs.push(wallMs);
      else this.samples.push({ wallMs, peakBytes, readBytes, writtenBytes });
    } catch (error) {
      if (error instanceof LeftOut) this.note = `${this.name} is left out: ${error.message}`;
      else this.failure = { case: this.name, message: messageOf(error) };
      await this.release();
    }
  }

  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    try {
      await this.#item.release?.();
    } catch (error) {
      if (this.note === undefined) this.failure ??= { case: this.name, message: messageOf(error) };
    }
  }

  result(): CaseResult {
    const samples_ms = this.samples.map(({ wallMs }) => wallMs);
    return {
      name: this.name,
      labels: this.#item.labels,
      samples_ms,
      warmup_ms: this.#warmupMs,
      statistics: statisticsOf(samples_ms),
      ...optional("peak_bytes", Math.max(...this.#known("peakBytes"))),
      ...optional("read_bytes", medianOf(this.#known("readBytes"))),
      ...optional("written_bytes", medianOf(this.#known("writtenBytes"))),
    };
  }

  #known(member: "peakBytes" | "readBytes" | "writtenBytes"): readonly number[] {
    return this.samples.flatMap((sample) => sample[member] ?? []);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function optional<Name extends string>(name: Name, value: number): { readonly [Key in Name]?: number } {
  return Number.isFinite(value) ? ({ [name]: value } as { [Key in Name]: number }) : {};
}

function medianOf(figures: readonly number[]): number {
  return figures.length === 0 ? Number.NaN : statisticsOf(figures).median;
}

function comparisonsOf(
  measured: readonly RunningCase[],
  pairs: readonly BenchPair[],
  seed: number,
): BenchReport["comparisons"] {
  const samples = new Map(measured.map((item) => [item.name, item.samples.map(({ wallMs }) => wallMs)]));
  return pairs.flatMap((pair) => {
    const [one, other] = [samples.get(pair.case), samples.get(pair.against)];
    if (one === undefined || other === undefined) return [];
    return [compareSamples({ ...pair, kind: "paired", one, other, seed })];
  });
}

function settingOf(options: SuiteOptions, created_at: string): BenchSetting {
  const processors = cpus();
  return {
    tool_version: options.toolVersion,
    created_at,
    node: options.node,
    platform: platform(),
    arch: arch(),
    cpu: processors[0]?.model.trim() ?? "",
    cpus: processors.length,
    memory_bytes: totalmem(),
    seed: options.seed,
    rounds: options.rounds,
    warmup_rounds: options.warmupRounds,
    page_cache: options.pageCache,
  };
}
