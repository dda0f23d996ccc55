/** What a fork is asked for, and what is said of it afterwards: the types that the files of this room share. */
import type { ProofSummary } from "../proof/proof.ts";
import type { LookupOptions } from "../readers/lookup.ts";

export type ForkKind = "copy" | "reference";

/** What of the source is kept. At most one of these; without any, all of it. */
export interface ForkCut {
  /** Up to the end of the turn with this id (rollout-format §7.1, `lastTurnId`). */
  readonly lastTurn?: string | undefined;
  /** What stands before that turn (`beforeTurnId`). */
  readonly beforeTurn?: string | undefined;
  /** From the beginning of the last so many turns on; 0 keeps nothing (§7.1, "last N fork turns"). */
  readonly lastTurns?: number | undefined;
  /** What stands before this message of the user's, counted from 0, rolled-back ones left out; beyond the last, all. */
  readonly beforeUserMessage?: number | undefined;
}

export interface ForkOptions extends ForkCut, LookupOptions {
  /** Which of the two it has to be. Default: a reference where that is safe, else a copy. */
  readonly kind?: ForkKind | undefined;
  /** A thread that the source spawned, with what such an agent inherits (§7.5), instead of one of the user's own. */
  readonly asSubagent?: boolean | undefined;
  /** Say what would be done, and write nothing. */
  readonly dryRun?: boolean | undefined;
  /** Milliseconds since 1970, for ids, names and time stamps. Default: the clock. */
  readonly nowMs?: number | undefined;
}

/** The row of the new thread in `threads`, and the edge to its parent. */
export interface ForkRow {
  /** `left`: there is no index to write to, or it was not written; Codex and `reindex` find the file. `not-yet`: a dry run. */
  readonly state: "written" | "left" | "not-yet";
  /** Why it was left; undefined otherwise. */
  readonly reason: string | undefined;
  /** A spawn edge was written. */
  readonly edge: boolean;
}

export interface ForkReport {
  readonly source: { readonly id: string; readonly path: string; readonly historyMode: "legacy" | "paginated" };
  /** Some process has the source loaded: what it writes from now on is not part of the fork. */
  readonly sourceIsOpen: boolean;
  readonly dryRun: boolean;
  /** Of the new thread, and the absolute path of its file. Undefined for a dry run. */
  readonly id: string | undefined;
  readonly path: string | undefined;
  readonly kind: ForkKind;
  /** Why it is a copy although its source could be continued; undefined otherwise. */
  readonly whyCopy: string | undefined;
  /** What a reference continues: that file, up to that byte of its plain text and that ordinal, both exclusive. */
  readonly base: ForkBase | undefined;
  /** Turns that begin in what was kept, without rolled-back ones; 0 too where a release recorded no beginnings (before 0.101). */
  readonly turns: number;
  /** Of a copy, which is replayed: items that the model is shown of it. Undefined for a reference, which leads to the same bytes. */
  readonly historyItems: number | undefined;
  /** Of a copy: digests of the history, the windows and the turns that its records give, and that its file was found to give. */
  readonly proof: ProofSummary | undefined;
  /** Id of the turn that was closed as interrupted: null for one without an id, undefined when none was open. */
  readonly interruptedTurn: string | null | undefined;
  /** Lines taken over into the new file. */
  readonly linesCopied: number;
  /** Lines of the source within the cut that a copy leaves out: not persisted by Codex, unreadable, or not inherited. */
  readonly linesLeftOut: number;
  /** Size of the new file; of a dry run 0. */
  readonly bytesWritten: number;
  readonly row: ForkRow;
}

export interface ForkBase {
  readonly path: string;
  readonly rolloutId: string;
  readonly endByteOffset: number;
  readonly endOrdinalExclusive: number;
}
