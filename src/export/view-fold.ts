/** The fold that the view of a thread is made by: its turns, its windows, and the notes of `turn-notes.ts`, from one walk over its entries. */
import type { LineageEntry, LineageSegment } from "../readers/lineage.ts";
import type { Turns } from "../thread/items.ts";
import { CanonicalTurns, emptyProjection } from "../thread/turns-canonical.ts";
import { LegacyTurns } from "../thread/turns-legacy.ts";
import { type ContextWindow, windowsOf } from "../thread/windows.ts";
import { RegularOrdinals } from "./shown-kinds.ts";
import { WindowEntries } from "./slim-entries.ts";
import { TurnNotes } from "./turn-notes.ts";

export interface ThreadView {
  readonly turns: Turns;
  readonly windows: readonly ContextWindow[];
  readonly notes: TurnNotes;
  /** Files that places count in, by their `segment`; the thread's own is the last one. */
  readonly segments: readonly LineageSegment[];
  /** What is missing from the view, in one clause that is safe to print; undefined where nothing is. */
  readonly problem: string | undefined;
}

export interface Walked {
  readonly view: ThreadView;
  /** Each line has the ordinal that its number makes likely, so that none of those passed over can matter (`RegularOrdinals`). */
  readonly isRegular: boolean;
}

/** Turns, and their places with that of the turn behind them. */
export type TakenTurns = Pick<Turns, "turns" | "places">;

export class ViewFold {
  readonly notes = new TurnNotes();
  readonly #segments: readonly LineageSegment[];
  readonly #all: () => Iterable<LineageEntry>;
  #turns: CanonicalTurns | LegacyTurns;
  readonly #marks = new WindowEntries();
  readonly #ordinals = new RegularOrdinals();
  #problem: string | undefined;

  /** `all` gives the entries once more, slim ones, if the windows depend on all of them. */
  constructor(segments: readonly LineageSegment[], isPaginated: boolean, all: () => Iterable<LineageEntry>) {
    const sources = segments.slice(0, -1).flatMap(({ meta }) => meta ?? []);
    this.#segments = segments;
    this.#all = all;
    this.#turns = isPaginated ? new CanonicalTurns(emptyProjection({ sources })) : new LegacyTurns();
  }

  add(entry: LineageEntry): void {
    this.#turns.add(entry);
    this.#marks.add(entry);
    if (entry.ok) {
      this.notes.add(entry);
      this.#ordinals.add(entry);
    } else if (entry.defect.kind === "broken-stream") this.#problem = entry.defect.message;
  }

  /**
   * Takes the first turns out of the view, as far as `isDone` says by their ids that no entry will name them any more, but not the last.
   * Of a thread in which no turn is taken back.
   */
  take(isDone: (turnId: string) => boolean): TakenTurns {
    if (this.#turns instanceof LegacyTurns) return this.#turns.take(isDone);
    return this.#takeCanonical(this.#turns, isDone);
  }

  #takeCanonical(from: CanonicalTurns, isDone: (turnId: string) => boolean): TakenTurns {
    const state = from.state();
    let count = 0;
    while (count < state.turns.length - 1 && isDone(state.turns[count]?.id ?? "")) count += 1;
    if (count === 0) return { turns: [], places: [] };
    const { turns, places } = from.turns();
    this.#turns = new CanonicalTurns({ ...state, turns: state.turns.slice(count), places: state.places.slice(count) });
    return { turns: turns.slice(0, count), places: places.slice(0, count + 1) };
  }

  finish(): Walked {
    const windows = windowsOf(this.#marks.finish() ?? this.#all);
    const turns = this.#turns instanceof LegacyTurns ? this.#turns.finish() : this.#turns.turns();
    const view = { turns, windows, notes: this.notes, segments: this.#segments, problem: this.#problem };
    return { view, isRegular: this.#ordinals.isRegular };
  }
}
