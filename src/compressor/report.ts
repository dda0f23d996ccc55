/** What a run tells, of each file and in all; plain data, as `--json` prints it. */
import type { MetaReason, Outcome } from "./eligibility.ts";

export interface FileReport {
  readonly path: string;
  readonly outcome: Outcome | "would_compress";
  /** Why metadata was not readable. */
  readonly reason?: MetaReason;
  /** Of what failed. */
  readonly message?: string;
  /** A file of this run that still holds lines which are nowhere else. */
  readonly kept?: string;
  readonly source_bytes: number;
  /** Of the archive; of an estimate, what it is likely to be. */
  readonly compressed_bytes?: number;
  readonly frames?: number;
  readonly duration_ms?: number;
}

export interface Totals {
  readonly files: number;
  /** How many files had each outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Of compressed files, before and after. */
  readonly source_bytes: number;
  readonly compressed_bytes: number;
  /** Compressed by source; null where nothing was compressed. */
  readonly ratio: number | null;
  readonly duration_ms: number;
}

export interface Recovery {
  readonly path: string;
  /** What was done about a file that an earlier run left behind. */
  readonly action: "finished" | "brought_back" | "removed" | "kept";
  readonly message?: string;
}

export interface CompressReport {
  readonly action: "compressed" | "would_compress" | "estimated";
  readonly status: "completed" | "skipped_maintenance" | "skipped_already_running";
  readonly recovered: readonly Recovery[];
  readonly problems: readonly { readonly path: string; readonly message: string }[];
  readonly files: readonly FileReport[];
  readonly totals: Totals;
}

/** Sums what was compressed, or would be. */
export function totalsOf(files: readonly FileReport[], durationMs: number): Totals {
  const outcomes: Record<string, number> = {};
  let [source, compressed] = [0, 0];
  for (const { outcome, source_bytes, compressed_bytes } of files) {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (compressed_bytes === undefined) continue;
    source += source_bytes;
    compressed += compressed_bytes;
  }
  return {
    files: files.length,
    outcomes,
    source_bytes: source,
    compressed_bytes: compressed,
    ratio: source === 0 ? null : Math.round((compressed / source) * 10_000) / 10_000,
    duration_ms: durationMs,
  };
}
