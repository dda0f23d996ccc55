/**
 * What a run of `bench` is made of, as plain data: what is measured (`BenchCase`), and what came of it (`BenchReport`, the
 * document that `--json` prints, `--baseline` reads back and `docs/bench.md` describes). Nothing here measures or prints.
 */

/** Raised when a member changes its meaning or goes; a new member alone does not raise it. */
export const REPORT_VERSION = 1;

/** One execution of a case. */
export interface BenchSample {
  /** From the request to its answer, or from before the start to after the end of a process. */
  readonly wallMs: number;
  /** Largest resident set of the process that did the work; undefined where it was not its own process or does not say. */
  readonly peakBytes?: number | undefined;
  /** Bytes that the process asked the system for, and handed to it. */
  readonly readBytes?: number | undefined;
  readonly writtenBytes?: number | undefined;
}

/** One thing to measure. */
export interface BenchCase {
  /**
   * What it is, from the general to the particular: benchmark, input, form or way, subject; such as `resume`,
   * `legacy:20MB`, `plain`, `fast`, `rollout-tool`. All labels joined by dots are the name, which no two cases share.
   */
  readonly labels: readonly string[];
  /** Run before every sample and not measured: brings about the state to start from. */
  readonly prepare?: (() => void | Promise<void>) | undefined;
  /** May throw: the case is then reported as failed, with its name, and the others go on. */
  readonly run: () => BenchSample | Promise<BenchSample>;
  /** Run once after its last sample, also after a failure. */
  readonly release?: (() => void | Promise<void>) | undefined;
}

/** Two cases whose samples of one round make a pair; the ratio is `case` ÷ `against`. */
export interface BenchPair {
  readonly case: string;
  readonly against: string;
}

/** Where and how the figures came about. Figures of different machines are not comparable. */
export interface BenchSetting {
  readonly tool_version: string;
  /** ISO 8601, UTC. */
  readonly created_at: string;
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  readonly cpu: string;
  readonly cpus: number;
  readonly memory_bytes: number;
  readonly seed: number;
  /** Samples of each case, beside those that warm it up. */
  readonly rounds: number;
  readonly warmup_rounds: number;
  /** Whether files were in the system's page cache when a sample began: read just before, or not known. */
  readonly page_cache: "warm" | "unknown";
}

export interface BenchStatistics {
  readonly count: number;
  readonly mean: number;
  readonly median: number;
  readonly p95: number;
  readonly min: number;
  readonly max: number;
  /** Standard deviation ÷ mean. */
  readonly coefficient_of_variation: number;
  /** Samples farther from the quartiles than 1.5 times their distance (Tukey). */
  readonly outliers: number;
}

export interface CaseResult {
  readonly name: string;
  readonly labels: readonly string[];
  /** In the order of the rounds: the n-th samples of two cases are a pair. */
  readonly samples_ms: readonly number[];
  readonly warmup_ms: readonly number[];
  /** Of `samples_ms`, in milliseconds but for the counts. */
  readonly statistics: BenchStatistics;
  /** The largest of all samples; absent where none said. */
  readonly peak_bytes?: number;
  /** Medians; absent where no sample said. */
  readonly read_bytes?: number;
  readonly written_bytes?: number;
}

/**
 * `faster` and `slower`: the figures exclude equality. `same`: they exclude a difference that matters (`margin`).
 * `unclear`: they carry no verdict; more rounds or a quieter machine may.
 */
export type Verdict = "faster" | "slower" | "same" | "unclear";

export interface Comparison {
  readonly case: string;
  readonly against: string;
  /** `paired` within a run; `unpaired` between a run and a baseline. */
  readonly kind: "paired" | "unpaired";
  readonly count: number;
  /** Median of `case` ÷ median of `against`. */
  readonly ratio: number;
  /** 95 % bootstrap interval of the ratio. */
  readonly interval: readonly [low: number, high: number];
  /** Wilcoxon signed-rank for pairs, rank-sum otherwise; two-sided. */
  readonly p_value: number;
  readonly verdict: Verdict;
}

/** A case that could not be measured: a binary that crashed, hung, answered an error or is missing. */
export interface CaseFailure {
  readonly case: string;
  readonly message: string;
}

export interface BenchReport {
  readonly format: "rollout-tool-bench";
  readonly version: typeof REPORT_VERSION;
  /** `resume`, `fork` … */
  readonly benchmark: string;
  readonly setting: BenchSetting;
  readonly cases: readonly CaseResult[];
  readonly comparisons: readonly Comparison[];
  readonly failures: readonly CaseFailure[];
  /** What else was seen, such as how many prewarm requests came; one sentence each. */
  readonly notes: readonly string[];
}
