/** What `migrate` says afterwards, as plain data. */
import type { Recovered } from "../journal/types.ts";
import type { Difference } from "../proof/differences.ts";
import type { ProofSummary } from "../proof/proof.ts";
import type { Target } from "./conversion.ts";

/**
 * `migrated`, `would-migrate`: proven. `already`: it has the form. `not-this-form`: there is nothing to convert from. `empty`: no byte
 * in it. `refused`: it cannot be done without loss. `busy`: somebody is at work on it. `failed`: it could not be done, or the proof
 * found a difference that may not be. Of the last three nothing has changed.
 */
export type MigrateStatus =
  | "migrated"
  | "would-migrate"
  | "already"
  | "not-this-form"
  | "empty"
  | "refused"
  | "busy"
  | "failed";

export interface FileOutcome {
  /** Absolute; as it was found. */
  readonly path: string;
  readonly thread_id: string | undefined;
  readonly status: MigrateStatus;
  /** Why not, or what went wrong. */
  readonly reason: string | undefined;
  /** Of the rest nothing is there unless the file was converted. */
  readonly result: Converted | undefined;
}

export interface Converted {
  /** Absolute path of the new file. */
  readonly path: string;
  /** As they lie on the disk. */
  readonly bytes_before: number;
  readonly bytes_after: number;
  /** Of the new file before it is compressed, if it is. */
  readonly bytes_plain: number;
  readonly lines: number;
  /** Lines that are in the side file and not in the new one. */
  readonly lines_aside: number;
  /** Absolute path of the side file; undefined where nothing had to go there. */
  readonly side_file: string | undefined;
  /** Of the new file, hexadecimal. */
  readonly sha256: string;
  /** What had to be decided. */
  readonly notes: readonly string[];
  readonly proof: { readonly before: ProofSummary; readonly after: ProofSummary };
  /** All of them allowed, unless the file failed. */
  readonly differences: readonly Difference[];
}

export interface MigrateReport {
  readonly target: Target;
  readonly action: "migrated" | "would-migrate";
  readonly codex_home: string;
  readonly files: readonly FileOutcome[];
  readonly totals: Readonly<Partial<Record<MigrateStatus, number>>>;
  /** Of the run as a whole. */
  readonly notes: readonly string[];
  /** Folders and files that could not be looked at. */
  readonly problems: readonly { readonly path: string; readonly message: string }[];
  /** What became of runs that were cut off. */
  readonly recovered: readonly Recovered[];
  /** By which `repair --undo` takes all of it back. */
  readonly manifest: string | undefined;
  readonly duration_ms: number;
}
