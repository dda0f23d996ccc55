/** In what two proofs differ, as plain data and in words. */
import type { Digest, Proof } from "./proof.ts";

export type ProofView = "history" | "settings" | "reference" | "worldState" | "windowNumber" | "windows" | "turns";

export interface Difference {
  readonly view: ProofView;
  /** In the list before, the first one concerned, from 0; undefined where the view is one value. */
  readonly index: number | undefined;
  /** How many from there on it concerns, in the list before and in the one after; they are alike on either side of these. */
  readonly before: number;
  readonly after: number;
  /** One clause, without text of the rollout: `turn 3 differs`. Counts from 1, as people do. */
  readonly words: string;
  /** Why it may be so; undefined when it may not. */
  readonly allowed: string | undefined;
}

/** The reason why there may be such a difference; undefined when there may not. */
export type Allowance = (difference: Omit<Difference, "allowed">) => string | undefined;

/** Empty when both say the same. Adjacent ones of a list come as one difference. */
export function differencesOf(before: Proof, after: Proof, allowance?: Allowance): readonly Difference[] {
  const found = [
    ...inList("history", before.history, after.history),
    ...inValue("settings", before.next.settings, after.next.settings),
    ...inValue("reference", before.next.reference, after.next.reference),
    ...inValue("worldState", before.next.worldState, after.next.worldState),
    ...inValue("windowNumber", before.next.windowNumber, after.next.windowNumber),
    ...inList("windows", before.windows, after.windows),
    ...inList("turns", before.turns, after.turns),
  ];
  return found.map((one) => ({ ...one, allowed: allowance?.(one) }));
}

type Found = Omit<Difference, "allowed">;

const VALUES: Readonly<Record<Exclude<ProofView, ListView>, string>> = {
  settings: "the settings of the turn before differ",
  reference: "the turn context that the model was told differs",
  worldState: "the state of the world that the model was told differs",
  windowNumber: "the number of the context window differs",
};

type ListView = "history" | "windows" | "turns";

const NOUNS: Readonly<Record<ListView, readonly [one: string, many: string]>> = {
  history: ["item", "items"],
  windows: ["context window", "context windows"],
  turns: ["turn", "turns"],
};

function* inValue(view: Exclude<ProofView, ListView>, before: unknown, after: unknown): Generator<Found> {
  if (before !== after) yield { view, index: undefined, before: 1, after: 1, words: VALUES[view] };
}

function* inList(view: ListView, before: readonly Digest[], after: readonly Digest[]): Generator<Found> {
  if (before.length === after.length) {
    yield* runs(view, before, after);
    return;
  }
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  yield difference(view, head, before.length - head - tail, after.length - head - tail);
}

function* runs(view: ListView, before: readonly Digest[], after: readonly Digest[]): Generator<Found> {
  for (let index = 0; index < before.length; index += 1) {
    let end = index;
    while (end < before.length && before[end] !== after[end]) end += 1;
    if (end === index) continue;
    yield difference(view, index, end - index, end - index);
    index = end;
  }
}

function difference(view: ListView, index: number, before: number, after: number): Found {
  return { view, index, before, after, words: wordsFor(view, index, before, after) };
}

function wordsFor(view: ListView, index: number, before: number, after: number): string {
  const [one, many] = NOUNS[view];
  const which = before === 1 ? `${one} ${index + 1}` : `${many} ${index + 1} to ${index + before}`;
  if (before === 0) return `${after} ${after === 1 ? one : many} more, from ${one} ${index + 1} on`;
  if (after === 0) return `${which} ${before === 1 ? "is" : "are"} missing`;
  if (before === after) return `${which} ${before === 1 ? "differs" : "differ"}`;
  return `${which} became ${after} ${after === 1 ? one : many}`;
}
