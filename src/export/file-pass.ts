/**
 * One rollout in one pass for all that an export wants of it: each line is peeked once and decoded at most once, whoever needs it.
 * Between the lines of a file (`readers/lines.ts`) and the folds that labels, tokens and the view are made by.
 */
import type { Entry } from "../format/entry.ts";
import { type Kind, kindOf, peekKind } from "../format/peek.ts";
import type { RolloutRecord } from "../format/record.ts";
import { GENERATION_HEAD_BYTES, generationOf } from "../readers/generation.ts";
import { type Line, type Select, type SplitEnd, splitLines } from "../readers/lines.ts";
import { entryOfLine } from "../readers/part.ts";
import { openRollout } from "../readers/rollout.ts";

/** Gets the entries of the kinds that it wants, and all that are damaged where their kind cannot be told, as from `readRollout`. */
export interface EntryTaker {
  wants(kind: Kind): boolean;
  add(entry: Entry): void;
}

/** Gets all lines but empty ones, each with its kind, where that can be peeked. `decode` gives the same entry however often it is asked. */
export interface LineTaker {
  add(line: Line, kind: Kind | undefined, decode: () => Entry): void;
  end(end: SplitEnd): void;
}

export interface PassEnd {
  /** Why an archive could not be decoded to its end, safe to print. What was given out before is not sure to be right. */
  readonly failure: string | undefined;
}

/**
 * Reads a rollout once. Undefined for one from before envelopes, of which nothing was given out.
 * @throws RolloutError when it cannot be opened or read.
 */
export function readOnce(
  path: string,
  takers: readonly EntryTaker[],
  lineTaker: LineTaker | undefined,
): PassEnd | undefined {
  const steps = readInSteps(path, takers, lineTaker);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Bytes of a step, at least. */
const STEP_BYTES = 1024 * 1024;

/** The same, pausing now and then: a step is the number of the last line that was given out. */
export function* readInSteps(
  path: string,
  takers: readonly EntryTaker[],
  lineTaker: LineTaker | undefined,
): Generator<number, PassEnd | undefined> {
  const reader = openRollout(path);
  try {
    const head = Buffer.concat(Array.from(reader.forward(0, GENERATION_HEAD_BYTES), (chunk) => Buffer.from(chunk)));
    if (generationOf(head) !== "envelope") return undefined;
    const pass = new Pass(takers, lineTaker);
    // Lines that nobody counts are not even put together.
    const select = lineTaker === undefined ? pass.select : undefined;
    const lines = splitLines(reader.forward(), { skipEmpty: true, select });
    let stepEnd = STEP_BYTES;
    let next = lines.next();
    for (; next.done !== true; next = lines.next()) {
      const { position } = next.value;
      pass.add(next.value);
      if (position.offset < stepEnd) continue;
      stepEnd = position.offset + STEP_BYTES;
      yield position.line;
    }
    lineTaker?.end(next.value);
    return { failure: reader.failure?.message };
  } finally {
    reader.close();
  }
}

/** One bit for each taker. */
type Takers = number;

/** Kinds that are remembered; more of them only a hostile file has. */
const MAX_KINDS = 500;

interface KnownKind {
  readonly type: string;
  /** Undefined for kinds of one part. */
  readonly variant: string | undefined;
  readonly takers: Takers;
}

class Pass {
  readonly #takers: readonly EntryTaker[];
  readonly #lineTaker: LineTaker | undefined;
  readonly #all: Takers;
  readonly #kinds = new Map<Kind, KnownKind>();
  #line: Line | undefined;
  #entry: Entry | undefined;

  constructor(takers: readonly EntryTaker[], lineTaker: LineTaker | undefined) {
    this.#takers = takers;
    this.#lineTaker = lineTaker;
    this.#all = (1 << takers.length) - 1;
  }

  readonly select: Select = (buffer, start, end) => {
    const kind = peekKind(buffer, start, end);
    return kind === undefined || this.#known(kind).takers !== 0;
  };

  add(line: Line): void {
    const { bytes } = line;
    this.#line = line;
    this.#entry = undefined;
    const kind = peekKind(bytes, 0, bytes.length);
    const known = kind === undefined ? undefined : this.#known(kind);
    const takers = known === undefined ? this.#all : known.takers;
    if (takers !== 0) this.#give(this.#decode(), takers, known);
    this.#lineTaker?.add(line, kind, this.#decode);
  }

  readonly #decode = (): Entry => (this.#entry ??= entryOfLine(this.#line as Line));

  #give(entry: Entry, takers: Takers, known: KnownKind | undefined): void {
    // What a line turns out to be counts, should its first bytes have told something else.
    const wanted = entry.ok && !isOf(entry.record, known) ? takers & this.#known(kindOf(entry.record)).takers : takers;
    for (let at = 0; at < this.#takers.length; at += 1) if ((wanted & (1 << at)) !== 0) this.#takers[at]?.add(entry);
  }

  #known(kind: Kind): KnownKind {
    let known = this.#kinds.get(kind);
    if (known === undefined) {
      const [type = "", variant] = kind.split("/", 2);
      const takers = this.#takers.reduce((sum, taker, at) => (taker.wants(kind) ? sum | (1 << at) : sum), 0);
      known = { type, variant, takers };
      if (this.#kinds.size < MAX_KINDS) this.#kinds.set(kind, known);
    }
    return known;
  }
}

function isOf({ type, payload }: RolloutRecord, known: KnownKind | undefined): boolean {
  if (known === undefined || type !== known.type) return false;
  return known.variant === undefined || ("type" in payload && payload.type === known.variant);
}
