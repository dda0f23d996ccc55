/** What a reindex found and did, as plain data: the same object that `--json` prints. Sizes in bytes, times in milliseconds. */
import type { Difference } from "./compare.ts";
import type { SalvagedColumn } from "./overlay.ts";
import type { Rejected } from "./scan.ts";
import type { Rejection } from "./state-db.ts";

/** State of the database before the run. */
export type DatabaseState =
  | "absent"
  | "empty"
  /** SQLite and Codex both accept it. */
  | "healthy"
  /** SQLite finds it broken. */
  | "damaged"
  /** SQLite reads it, Codex refuses to start on it: its migration rows are wrong. */
  | "refused";

export type Action =
  /** A new database was built; there was none. */
  | "created"
  /** A new database took the place of the old one. */
  | "rebuilt"
  /** Rows of the existing database were changed. */
  | "updated"
  /** Nothing had to be written. */
  | "unchanged"
  /** `--check` or `--dry-run`: nothing was written. */
  | "checked";

export interface ColumnCount {
  readonly column: SalvagedColumn;
  /** Rows whose value stands in their rollout, or follows from it. */
  readonly derived: number;
  /** Rows whose value only the old database had, and still had. */
  readonly recovered: number;
  /** Rows of which nothing was left in the old database: a value that differed from the derived one is gone. */
  readonly lost: number;
}

export interface TableCount {
  readonly table: string;
  readonly recovered: number;
  /** Rows that were read but no longer fit, such as those of a thread that is gone. */
  readonly dropped: number;
}

export interface DuplicateReport {
  readonly id: string;
  /** Logical paths. */
  readonly chosen: string;
  readonly others: readonly string[];
  /** The files are stages of a reverted thread: nothing is wrong. */
  readonly reverted: boolean;
}

export type NeighbourState = "absent" | "healthy" | "damaged" | "not-checked";

export interface Neighbour {
  readonly file: string;
  readonly state: NeighbourState;
  readonly message?: string | undefined;
  /** Moved into the backup folder, so that Codex makes a new one. */
  readonly movedAside: boolean;
}

export interface ReindexReport {
  readonly codexHome: string;
  readonly database: string;
  readonly rules: string;
  readonly level: number;
  readonly lineEnds: "lf" | "crlf";
  readonly before: {
    readonly state: DatabaseState;
    readonly level: number | undefined;
    readonly problems: readonly string[];
  };
  readonly action: Action;
  /** Where the old files are kept. */
  readonly backup: string | undefined;
  readonly files: {
    readonly found: number;
    readonly archived: number;
    readonly compressed: number;
    readonly read: number;
    /** Known from the last run, and not opened. */
    readonly unchanged: number;
    readonly rejected: readonly Rejected[];
    /** Documents of the TypeScript CLI of 2025, which Codex cannot list. */
    readonly documents: number;
  };
  readonly threads: {
    readonly indexed: number;
    readonly added: number;
    readonly changed: number;
    /** Rows whose rollout is nowhere: kept in place by an update unless pruned, left out of a rebuilt database. */
    readonly withoutRollout: readonly string[];
  };
  readonly edges: number;
  readonly columns: readonly ColumnCount[];
  readonly tables: readonly TableCount[];
  readonly salvage: { readonly pages: number; readonly unreadablePages: number; readonly threads: number } | undefined;
  readonly duplicates: readonly DuplicateReport[];
  readonly rejectedRows: readonly Rejection[];
  /** `--check` and `--dry-run`: what differs between the database and what the rollouts give. */
  readonly differences: readonly Difference[];
  readonly neighbours: readonly Neighbour[];
  readonly bytesRead: number;
  readonly durationMs: number;
}
