/**
 * Where a thread stood at the end of a turn or of a context window: which entries count for a look at its past. Used by
 * `open-thread.ts`, which replays what is left.
 *
 * A turn ends with the record that says so; one without such a record ends before the next turn begins. A window ends before
 * the compaction that begins the next one. What came later is as if it had not been written: a turn that was rolled back
 * afterwards is still there at its own end.
 */
import { RolloutError } from "../errors.ts";
import type { Entry } from "../format/entry.ts";
import type { ChainPosition } from "../readers/lineage.ts";
import type { Turns } from "../thread/items.ts";
import type { ContextWindow } from "../thread/windows.ts";

export type ThreadMoment =
  /** End of the turn with this id. */
  | { readonly turn: string }
  /** End of the window with this number; of several, of the newest. */
  | { readonly window: number };

/** The record that ends what counts, or the first one that does not count; undefined for the end of the thread. */
export interface Cut {
  readonly position: ChainPosition;
  readonly inclusive: boolean;
}

const SHOWN = 8;

/** @throws RolloutError `not-found` when there is no such window, naming those that there are. */
export function cutAtWindow(windows: readonly ContextWindow[], number: number): Cut | undefined {
  const window = windows.findLast((candidate) => candidate.number === number);
  if (window === undefined) {
    const numbers = [...new Set(windows.map((candidate) => String(candidate.number)))];
    throw new RolloutError("not-found", `the thread has no context window ${number}`, {
      hint: `it has ${listed(numbers, "window")}`,
    });
  }
  return window.isLast || window.end === undefined ? undefined : { position: window.end, inclusive: false };
}

/**
 * `turns` are those that a client shows. One that was rolled back, or is hidden as another thread's, is no longer among
 * them; its start is looked for among the entries.
 *
 * @throws RolloutError `not-found` when there is no such turn, naming those that a client shows.
 */
export function cutAtTurn({ turns, places }: Turns, entries: () => Iterable<Entry>, id: string): Cut | undefined {
  const at = turns.findIndex((turn) => turn.id === id);
  if (at === -1) {
    const span = startedTurn(entries(), id);
    if (span !== undefined) return span.cut;
    const ids = turns.map((turn) => turn.id);
    throw new RolloutError("not-found", `the thread has no turn ${JSON.stringify(id)}`, {
      hint: ids.length === 0 ? "no turn is told apart in it" : `it has ${listed(ids, "turn")}`,
    });
  }
  const ended = places[at]?.ended;
  if (ended !== undefined) return { position: ended, inclusive: true };
  const next = places[at + 1]?.opened;
  return next === undefined ? undefined : { position: next, inclusive: false };
}

/** The entries that count, in the same order. */
export function* entriesUntil<T extends Entry>(entries: Iterable<T>, cut: Cut | undefined): Generator<T> {
  for (const entry of entries) {
    const isEnd = cut !== undefined && isSamePlace(entry.position, cut.position);
    if (!isEnd || cut.inclusive) yield entry;
    if (isEnd) return;
  }
}

/** A turn's own records, by its start; undefined where none has this id. */
function startedTurn(entries: Iterable<Entry>, id: string): { readonly cut: Cut | undefined } | undefined {
  let isInside = false;
  for (const { position, ...entry } of entries) {
    if (!entry.ok || entry.record.type !== "event_msg") continue;
    const { payload: event } = entry.record;
    if (event.type === "task_started") {
      if (isInside && event.turn_id !== id) return { cut: { position, inclusive: false } };
      isInside ||= event.turn_id === id;
    } else if (isInside && (event.type === "task_complete" || event.type === "turn_aborted")) {
      if (event.turn_id === id) return { cut: { position, inclusive: true } };
    }
  }
  return isInside ? { cut: undefined } : undefined;
}

function isSamePlace(one: ChainPosition, other: ChainPosition): boolean {
  return one.offset === other.offset && one.segment === other.segment;
}

function listed(names: readonly string[], what: string): string {
  const [only = ""] = names;
  if (names.length === 1) return `one: ${printable(only)}`;
  const shown = names.length <= SHOWN ? names : [...names.slice(0, SHOWN / 2), "…", ...names.slice(-SHOWN / 2)];
  return `${names.length} ${what}s: ${shown.map(printable).join(", ")}`;
}

/** Ids come from the rollout. */
function printable(text: string): string {
  return /^[\w.…-]{1,64}$/.test(text) ? text : JSON.stringify(text.slice(0, 64));
}
