/**
 * Whether the new thread says what it should. Of a copy: the model's history of the file as written, against that of the records of
 * the source it was to be made of; both are read as streams, and of the first only digests are kept while the second is read.
 * Of a reference: that it leads to the very same bytes.
 */
import { createHash } from "node:crypto";
import { RolloutError } from "../errors.ts";
import { decodeLine } from "../format/decode.ts";
import type { Entry } from "../format/entry.ts";
import type { RolloutRecord } from "../format/record.ts";
import type { Home } from "../readers/home.ts";
import { type LineageChain, lineageChain, type LineageSegment, readLineage } from "../readers/lineage.ts";
import { isReplayKind, replay } from "../thread/replay.ts";
import type { ThreadState } from "../thread/state.ts";
import { type BodyOptions, bodyLines } from "./body.ts";
import type { KeptPart } from "./cut.ts";
import type { Draft } from "./meta.ts";
import { endWithin, type ForkSource } from "./source.ts";
import type { ForkBase } from "./types.ts";

const REPORT = "nothing was left behind; please report this with the source's output of `rollout-tool show`";

/** Digests: of each item of the history, and of what the next turn hangs on. */
export interface Expectation {
  readonly items: readonly string[];
  readonly rest: string;
}

/** What the history must be: `inherits`, where something is left out on purpose, sends every line through the judge. */
export function expectation(
  source: ForkSource,
  part: KeptPart,
  own: { readonly first: Draft; readonly last: readonly Draft[]; readonly options: BodyOptions },
): Expectation {
  const isPlain = part.start === undefined && own.options.inherits === undefined;
  const body = (): Iterable<Entry> => (isPlain ? keptEntries(source, part) : judgedEntries(source, part, own.options));
  return expectationOf(
    replay(function* () {
      yield entryOf(own.first);
      yield* body();
      for (const draft of own.last) yield entryOf(draft);
    }),
  );
}

/** @throws RolloutError `mismatch` */
export function prove(home: Home, path: string, expected: Expectation): void {
  const found = expectationOf(replay(() => readLineage(home, path, { kinds: isReplayKind })));
  const at = expected.items.findIndex((item, index) => item !== found.items[index]);
  if (at === -1 && found.items.length === expected.items.length && found.rest === expected.rest) return;
  const what = at === -1 ? "what the next turn hangs on" : `item ${at + 1} of the model's history`;
  throw new RolloutError("mismatch", `the fork would not be what its source was: ${what} differs`, {
    hint: REPORT,
  });
}

/** Ids of windows are the new thread's own; everything else that a resume makes of the records is compared. */
function expectationOf(state: ThreadState): Expectation {
  const { history, previousTurnSettings, referenceContext, worldStateBaseline, window } = state;
  const rest = [previousTurnSettings, referenceContext, worldStateBaseline, window.number];
  return {
    items: history.map(({ item }) => digest(item)),
    rest: digest(rest.map((one) => one ?? null)),
  };
}

function digest(value: unknown): string {
  try {
    return createHash("sha256").update(JSON.stringify(value)).digest("base64");
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return "nested too deeply to be compared";
  }
}

/**
 * The files that a reference is read from, and the parts of them that count, are those of the source up to the cut. A view of the
 * new thread then is one of the same records, and nothing needs to be read. @throws RolloutError `mismatch`
 */
export function proveReference({ home, chain }: ForkSource, path: string, base: ForkBase | undefined): void {
  const inherited = lineageChain(home, path).segments.slice(0, -1);
  const at = chain.segments.findIndex((segment) => segment.logicalPath === base?.path);
  const wanted = chain.segments.slice(0, at + 1).map(partOf);
  const last = wanted.pop();
  if (last !== undefined)
    wanted.push({ ...last, offset: last.offset || behindMeta(chain, at), endOffset: base?.endByteOffset });
  if (JSON.stringify(inherited.map(partOf)) === JSON.stringify(wanted)) return;
  throw new RolloutError("mismatch", "the fork would not continue what its source is made of", { hint: REPORT });
}

function partOf({ path, from, endOffset }: LineageSegment) {
  return { path, offset: from.offset, endOffset };
}

/** The file that was asked for counts from its beginning; as a source it counts from behind its metadata. */
function behindMeta({ segments, meta }: LineageChain, at: number): number {
  if (at !== segments.length - 1 || meta === undefined) return 0;
  return meta.position.offset + meta.position.length + 1;
}

/** Read by the readers of every other view, which share nothing with the writing of the copy. */
function* keptEntries({ home, chain }: ForkSource, { end }: KeptPart): Generator<Entry> {
  const numbers = new Map(chain.segments.map((segment, index) => [segment, index]));
  for (const entry of readLineage(home, chain, { kinds: isReplayKind })) {
    const limit = endWithin(entry.segment, numbers.get(entry.segment) ?? 0, end);
    // Metadata of the source comes first whatever its place; it is that of another thread by now, and says nothing.
    const { offset, length } = entry.position;
    if (limit === undefined || offset + length <= limit) yield entry;
  }
}

function* judgedEntries(source: ForkSource, part: KeptPart, options: BodyOptions): Generator<Entry> {
  for (const { bytes, kept } of bodyLines(source, part, options)) {
    if (kept) yield decodeLine(bytes, { line: 0, offset: 0, length: bytes.length });
  }
}

function entryOf(draft: Draft): Entry {
  const record = { timestamp: "", ...draft } as RolloutRecord;
  return { ok: true, position: { line: 0, offset: 0, length: 0 }, record };
}
