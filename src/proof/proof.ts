/**
 * What a thread comes to, as digests: the model's history, what the next turn hangs on, the context windows, and the turns that a
 * client shows. Whoever makes a rollout anew compares those of the old one with those of the new one, and leaves everything as it
 * was when they differ. All by the engine that answers `history`, `windows` and `turns`; of the first thread only digests are
 * left while the second one is read.
 */
import type { Entry } from "../format/entry.ts";
import type { HistoryMode, RecordOf } from "../format/record.ts";
import type { HistoryItem } from "../thread/history.ts";
import type { Turn } from "../thread/items.ts";
import { isReplayKind, replay } from "../thread/replay.ts";
import type { ThreadState } from "../thread/state.ts";
import { turnsOf } from "../thread/turns.ts";
import { type ContextWindow, windowsOf } from "../thread/windows.ts";
import { digestOfDigests, digestOfValue } from "./digest.ts";

/** Hexadecimal SHA-256 of JSON. */
export type Digest = string;

export interface Proof {
  /** Of each item of the model's history, oldest first. */
  readonly history: readonly Digest[];
  readonly next: NextTurn;
  /** Of each context window, oldest first. */
  readonly windows: readonly Digest[];
  /** Of each turn with its items, oldest first. */
  readonly turns: readonly Digest[];
}

/** What the next turn hangs on beside the history (rollout-format §5.1). */
export interface NextTurn {
  /** Settings of the turn before. */
  readonly settings: Digest;
  /** The turn context that the model was last told. */
  readonly reference: Digest;
  readonly worldState: Digest;
  /** Of the window that a resume goes on in: its number, from 0. */
  readonly windowNumber: number;
}

/**
 * Gives the entries of a thread, the canonical `session_meta` in front; called up to five times, and must give the same each time.
 * Of a call with `kinds`, lines of other kinds may be left out (`readRollout` has such an option).
 */
export type ProofEntries = (kinds?: (kind: string) => boolean) => Iterable<Entry>;

export interface ProofOptions {
  /** Default: as the first metadata says. */
  readonly historyMode?: HistoryMode | undefined;
  /** Metadata of the files that the thread continues (`turnsOf`). Default: it continues none. */
  readonly sources?: Iterable<RecordOf<"session_meta">> | undefined;
  /**
   * What is compared of an item, a window or a turn: anything that becomes JSON, or `LEFT_OUT`. For what a migration changes on
   * purpose. Default: all of it but its place in the file.
   */
  readonly item?: ((item: HistoryItem, index: number) => unknown) | undefined;
  readonly window?: ((window: ContextWindow, index: number) => unknown) | undefined;
  readonly turn?: ((turn: Turn, index: number) => unknown) | undefined;
}

/** Given by an option instead of a value: this one does not count, as if it were not there. */
export const LEFT_OUT: unique symbol = Symbol("left out");

/** @throws RolloutError `unsupported` for a history mode that 0.169.0 does not know, and as reading does. */
export function proofOf(entries: ProofEntries, options: ProofOptions = {}): Proof {
  const { historyMode, sources } = options;
  const { history, next } = resumeDigests(entries, options.item ?? contentOf);
  return {
    history,
    next,
    windows: digestsOf(
      windowsOf(() => entries(isReplayKind)),
      options.window ?? identityOf,
    ),
    turns: digestsOf(turnsOf(entries(), { historyMode, sources }).turns, options.turn ?? wholeTurn),
  };
}

/** A function of its own, so that the history is gone when the turns are read. */
function resumeDigests(entries: ProofEntries, valueOf: (item: HistoryItem, index: number) => unknown) {
  const state = replay(() => entries(isReplayKind));
  return { history: digestsOf(state.history, valueOf), next: nextTurnOf(state) };
}

function nextTurnOf({ previousTurnSettings, referenceContext, worldStateBaseline, window }: ThreadState): NextTurn {
  return {
    settings: digestOfValue(previousTurnSettings),
    reference: digestOfValue(referenceContext),
    worldState: digestOfValue(worldStateBaseline),
    windowNumber: window.number,
  };
}

function digestsOf<T>(values: readonly T[], valueOf: (value: T, index: number) => unknown): readonly Digest[] {
  const digests: Digest[] = [];
  for (const [index, value] of values.entries()) {
    const compared = valueOf(value, index);
    if (compared !== LEFT_OUT) digests.push(digestOfValue(compared));
  }
  return digests;
}

function contentOf({ item }: HistoryItem): unknown {
  return item;
}

function identityOf({
  number,
  id,
  firstId,
  previousId,
  isNumbered,
  cause,
  isLast,
  compaction,
}: ContextWindow): unknown {
  return { number, id, firstId, previousId, isNumbered, cause, isLast, compaction };
}

function wholeTurn(turn: Turn): unknown {
  return turn;
}

/** For a report: how many there are of what, and one digest for each view. Plain JSON. */
export interface ProofSummary {
  readonly history: { readonly items: number; readonly sha256: Digest };
  /** Of all that the next turn hangs on. */
  readonly next: { readonly sha256: Digest };
  readonly windows: { readonly count: number; readonly sha256: Digest };
  readonly turns: { readonly count: number; readonly sha256: Digest };
}

export function summaryOf({ history, next, windows, turns }: Proof): ProofSummary {
  return {
    history: { items: history.length, sha256: digestOfDigests(history) },
    next: { sha256: digestOfValue([next.settings, next.reference, next.worldState, next.windowNumber]) },
    windows: { count: windows.length, sha256: digestOfDigests(windows) },
    turns: { count: turns.length, sha256: digestOfDigests(turns) },
  };
}
