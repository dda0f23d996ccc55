/** What is told before Codex's own migration: the words of `pre-migrate.ts` and of who shows them. Plain data. */

/** What the migration does with a rollout, in its own words (rollout-format §9). */
export type PreMigrateStatus = "migrated" | "already_paginated" | "skipped_empty" | "failed";

/** Its own words, too. */
export type FailureReason =
  | "missing_sqlite_metadata"
  | "invalid_session_metadata"
  | "rollout_read_failed"
  | "legacy_rollout_conversion_failed"
  | "sqlite_materialization_failed";

export interface PreMigrateFailure {
  readonly reason: FailureReason;
  /** What is in the way, as a clause that is safe to print. */
  readonly message: string;
  /** Of the line that is in the way; undefined where it is none. */
  readonly line: number | undefined;
  readonly offset: number | undefined;
}

export const LOSSES = {
  "too-long": "a line of 16 MiB or more, which is not read",
  unreadable: "a line that Codex cannot read, such as one that was torn or is of a kind that it no longer knows",
  "second-metadata": "metadata of a thread that this one was copied from",
  "rolled-back": "what a user took back, and the mark of it",
  "before-checkpoint": "what an agent had done before its newest compaction",
  "dropped-event": "an event that paginated rollouts do not keep",
  "dropped-item": "an item that no release keeps any more",
  "ghost-snapshot": "a snapshot of the working folder, by which a turn could be undone",
  shortened: "part of a line that stays: output beyond 64 KiB, items of a checkpoint, instructions of old releases",
} as const;

export type LossKind = keyof typeof LOSSES;

export interface LostLine {
  readonly line: number;
  /** Of the plain text. */
  readonly offset: number;
  /** How many are lost: the whole line without its line end, but where it is only shortened. */
  readonly bytes: number;
  readonly kind: LossKind;
  /** What it is, as a clause that is safe to print: `event_msg/error`. */
  readonly what: string;
}

export interface LossCount {
  readonly lines: number;
  readonly bytes: number;
}

export interface PreMigrateFile {
  /** Absolute, without `.zst`. */
  readonly path: string;
  /** As its metadata says, lower case; undefined without any. */
  readonly threadId: string | undefined;
  readonly archived: boolean;
  readonly compressed: boolean;
  readonly status: PreMigrateStatus;
  /** Only of one that fails: it stays as it is, and loses nothing. */
  readonly failure: PreMigrateFailure | undefined;
  /** In the order of the file, as many of each kind as were asked for. */
  readonly lost: readonly LostLine[];
  /** All of them, by kind. */
  readonly losses: Readonly<Partial<Record<LossKind, LossCount>>>;
}

export interface PreMigrateReport {
  readonly codexHome: string;
  /** The release whose migration is foretold. */
  readonly release: "0.169.0";
  /** In the order of their paths: those that lose something, and those that fail. */
  readonly files: readonly PreMigrateFile[];
  /** Of all rollouts. */
  readonly counts: Readonly<Record<PreMigrateStatus, number>>;
  /** Of all rollouts. */
  readonly losses: Readonly<Partial<Record<LossKind, LossCount>>>;
  /** Rollouts that lose nothing. */
  readonly unharmed: number;
}
