/**
 * What `verify --repair` mends, as data: for each code, what is changed, and in which kind of place. Codes that are not here have no
 * mend that loses nothing; `checks-*.ts` say for each code what helps. `repair.ts` makes a plan of it and carries it out.
 */
import type { FindingCode } from "./checks.ts";

/**
 * Where a mend does its work. Everything of one rollout is one change (`repair-rollout.ts`), and so is everything of one database
 * (`repair-state.ts`, `repair-history.ts`).
 */
export type RepairPlace = "rollout" | "pair" | "leftover" | "marker" | "names" | "state" | "history";

interface Repair {
  readonly place: RepairPlace;
  /** What is done, as a clause. */
  readonly does: string;
}

export const REPAIRS = {
  "file-bom": { place: "rollout", does: "take the byte order mark off" },
  "file-odd-folder": { place: "rollout", does: "move it to the folder that its name belongs to" },
  "file-form": { place: "rollout", does: "give it the name of its form" },
  "file-metadata-late": { place: "rollout", does: "put the session_meta in front" },
  "line-torn": { place: "rollout", does: "move the incomplete last line aside" },
  "line-unterminated": { place: "rollout", does: "end the last line" },
  "line-nul": { place: "rollout", does: "move lines with NUL bytes aside" },
  "line-not-utf8": { place: "rollout", does: "move lines aside that are not UTF-8" },
  "line-not-json": { place: "rollout", does: "move lines aside that are not JSON" },
  "ordinal-missing": { place: "rollout", does: "write the ordinals that are missing" },
  "ordinal-missing-last": { place: "rollout", does: "write the ordinals that are missing at the end" },
  "ordinal-not-rising": { place: "rollout", does: "write the ordinals that belong to the order of the lines" },
  "archive-trailing": { place: "rollout", does: "move what follows the archive's end aside" },
  "pair-equal": { place: "pair", does: "remove one of two equal forms" },
  "pair-plain-longer": { place: "pair", does: "remove the archive of an earlier state" },
  "pair-archive-longer": { place: "pair", does: "remove the plain beginning of what the archive holds" },
  "pair-archive-damaged": { place: "pair", does: "remove the damaged archive, all of which the plain file holds" },
  "leftover-run": { place: "leftover", does: "bring to its end what a run was cut off in" },
  "lock-run-future": { place: "marker", does: "remove the marker of the future" },
  "name-malformed": { place: "names", does: "move lines aside that are no entries" },
  "database-damaged": { place: "state", does: "build a new one of the rollouts and of what still reads" },
  "database-reference": { place: "state", does: "empty references to rows that are not there" },
  "schema-incomplete": { place: "state", does: "make the tables that are missing, or build a new one" },
  "schema-unindexed": { place: "state", does: "make the indexes and triggers that are missing" },
  "migration-checksum": { place: "state", does: "write the migration rows of its level" },
  "migration-unfinished": { place: "state", does: "write the migration rows of its level" },
  "migration-missing": { place: "state", does: "write the migration rows of its level" },
  "migration-mixed": { place: "state", does: "write the migration rows of its level, those of this system" },
  "backfill-unknown": { place: "state", does: "add rows that are missing, and mark the backfill as done" },
  "backfill-running": { place: "state", does: "add rows that are missing, and mark the backfill as done" },
  "backfill-stale": { place: "state", does: "add rows that are missing, and mark the backfill as done" },
  "row-bad-id": { place: "state", does: "remove rows whose id is none" },
  "row-unknown-mode": { place: "state", does: "take history modes from the rollouts" },
  "row-dangling-section": { place: "state", does: "take threads out of sections that do not exist" },
  "row-path-wrong": { place: "state", does: "write the paths at which the rollouts lie" },
  "row-path-verbatim": { place: "state", does: "take verbatim prefixes off paths" },
  "row-other-thread": { place: "state", does: "write the paths at which the rollouts lie" },
  "row-archived-wrong": { place: "state", does: "mark as archived what lies in the archive, and nothing else" },
  "row-missing": { place: "state", does: "add rows that are missing" },
  "projection-past-end": {
    place: "history",
    does: "forget what was projected; Codex does it anew with the next resume",
  },
} as const satisfies Partial<Record<FindingCode, Repair>>;

export type RepairableCode = keyof typeof REPAIRS;

/** In the order of the table. */
export const REPAIRABLE = Object.keys(REPAIRS) as readonly RepairableCode[];

export function isRepairable(code: FindingCode): code is RepairableCode {
  return code in REPAIRS;
}

/** A line that goes to the side file. */
export interface AsideLine {
  readonly code: RepairableCode;
  /** From 1; 0 for bytes that belong to no line. */
  readonly line: number;
  /** In the plain text, or in the archive for what follows its end. */
  readonly offset: number;
  readonly bytes: number;
}

/** What is to be done in one place. Plain data. */
export interface PlannedRepair {
  readonly place: RepairPlace;
  /** The file that is mended. */
  readonly path: string;
  readonly threadId: string | undefined;
  /** What it mends. */
  readonly codes: readonly RepairableCode[];
  /**
   * Of the state database: threads whose rows are brought in step with their rollouts, which this run has mended. Of the thread
   * history, and of a rollout that needs that: ids of rollouts of which what was projected is forgotten.
   */
  readonly inStep: readonly string[];
  /** What will be done, as clauses. */
  readonly does: readonly string[];
  /** What goes to the side file: the first lines, how many there are, and how many bytes they have. */
  readonly aside:
    | { readonly path: string; readonly first: readonly AsideLine[]; readonly lines: number; readonly bytes: number }
    | undefined;
}

/** What could be mended in general, and is not here. */
export interface Refusal {
  readonly path: string;
  readonly codes: readonly RepairableCode[];
  readonly reason: string;
}

export interface RepairPlan {
  readonly codexHome: string;
  readonly repairs: readonly PlannedRepair[];
  readonly refusals: readonly Refusal[];
}
