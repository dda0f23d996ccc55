/** From what was typed behind `--at` to a moment of a thread: a turn or a context window, by number, id, or its beginning. */
import type { HistoryOptions, OpenedThread, ThreadHistory } from "../analysis/open-thread.ts";
import type { ThreadMoment } from "../analysis/thread-at.ts";
import { RolloutError } from "../errors.ts";
import { formatCount } from "../io/text.ts";
import { quote } from "./options.ts";

/** Shorter beginnings of an id are not looked up. */
const MIN_PREFIX = 4;
const SHOWN = 5;

/**
 * A whole number is a window; `turn:` and `window:` before it decide otherwise.
 * @throws RolloutError `not-found`, `ambiguous`, `usage`.
 */
function momentOf(thread: OpenedThread, text: string): ThreadMoment {
  const [, kind = "", name = text] = /^(turn|window):(.+)$/s.exec(text) ?? [];
  if (kind !== "turn" && /^\d{1,15}$/.test(name)) return { window: Number(name) };
  const windows =
    kind === "turn" ? [] : thread.windows().flatMap(({ id, number }) => (id === undefined ? [] : [{ id, number }]));
  const window = windows.findLast(({ id }) => id === name.toLowerCase());
  if (window !== undefined) return { window: window.number };
  const turns = kind === "window" ? [] : thread.turns().turns.map(({ id }) => id);
  if (turns.includes(name)) return { turn: name };
  const fitting = name.length < MIN_PREFIX ? [] : fittingMoments(name, windows, turns);
  const [only] = fitting;
  if (only === undefined) return unknownMoment(thread, name, kind);
  if (fitting.length === 1) return only.moment;
  const shown = fitting.slice(0, SHOWN).map(({ text: candidate }) => candidate);
  const more = fitting.length > SHOWN ? [`and ${formatCount(fitting.length - SHOWN)} more`] : [];
  throw new RolloutError("ambiguous", `${quote(text)} fits ${fitting.length} turns and windows`, {
    hint: `give more of the id: ${[...shown, ...more].join(", ")}`,
  });
}

interface Fitting {
  readonly moment: ThreadMoment;
  readonly text: string;
}

function fittingMoments(
  name: string,
  windows: readonly { readonly id: string; readonly number: number }[],
  turns: readonly string[],
): readonly Fitting[] {
  const lower = name.toLowerCase();
  const fitting = new Map<string, Fitting>();
  for (const { id, number } of windows)
    if (id.startsWith(lower)) fitting.set(`window ${id}`, { moment: { window: number }, text: `window ${id}` });
  for (const id of turns)
    if (id.startsWith(name)) fitting.set(`turn ${id}`, { moment: { turn: id }, text: `turn ${quote(id)}` });
  return [...fitting.values()];
}

/** Turns that were rolled back are no longer shown, but may still be looked at, by their whole id. */
function unknownMoment(thread: OpenedThread, name: string, kind: string): ThreadMoment {
  if (kind === "window") {
    throw new RolloutError("not-found", `the thread has no context window ${quote(name)}`, {
      hint: `rollout-tool windows ${thread.id ?? thread.path} lists them`,
    });
  }
  return { turn: name };
}

/** @throws RolloutError as `momentOf`, in words that fit what was typed. */
export function historyAt(thread: OpenedThread, text: string, options: HistoryOptions): ThreadHistory {
  const at = momentOf(thread, text);
  try {
    return thread.history({ ...options, at });
  } catch (error) {
    if (!(error instanceof RolloutError && error.code === "not-found" && "turn" in at)) throw error;
    throw new RolloutError("not-found", `${quote(text)} is neither a turn nor a context window of the thread`, {
      hint: [error.hint, `windows go by their number, from ${thread.windows()[0]?.number ?? 0}`]
        .filter(Boolean)
        .join("; "),
      cause: error,
    });
  }
}
