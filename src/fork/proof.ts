/**
 * Whether the new thread says what it should. Of a copy: the model's history, context windows and turns of the file as written, against
 * those of the records of the source it was to be made of; both are read as streams, and of the first only digests are kept while
 * the second is read. Of a reference: that it leads to the very same bytes.
 */
import { RolloutError } from "../errors.ts";
import { decodeLine } from "../format/decode.ts";
import type { Entry } from "../format/entry.ts";
import type { RolloutRecord } from "../format/record.ts";
import { differencesOf } from "../proof/differences.ts";
import { type Proof, proofOf, type ProofOptions } from "../proof/proof.ts";
import { type LineageChain, lineageChain, type LineageSegment, readLineage } from "../readers/lineage.ts";
import { isKept } from "../thread/items-policy.ts";
import { type BodyOptions, bodyLines } from "./body.ts";
import type { KeptPart } from "./cut.ts";
import type { NewThread } from "./identity.ts";
import type { Draft } from "./meta.ts";
import { endWithin, type ForkSource } from "./source.ts";
import type { ForkBase } from "./types.ts";

const REPORT = "nothing was left behind; please report this with the source's output of `rollout-tool show`";

/** What the thread must be: `inherits`, where something is left out on purpose, sends every line through the judge. */
export function expectation(
  source: ForkSource,
  part: KeptPart,
  own: {
    readonly thread: NewThread;
    readonly first: Draft;
    readonly last: readonly Draft[];
    readonly options: BodyOptions;
  },
): Proof {
  const isPlain = part.start === undefined && own.options.inherits === undefined;
  const body = (kinds: Kinds): Iterable<Entry> =>
    isPlain ? keptEntries(source, part, kinds) : judgedEntries(source, part, own.options);
  return proofOf((kinds) => asWritten(source, own, () => body(kinds)), optionsFor(source));
}

/** Ids of windows are made from the place of their compaction where none is recorded, which is another one here. */
function optionsFor({ mode }: ForkSource): ProofOptions {
  return {
    historyMode: mode,
    window: ({ number, isNumbered, cause, isLast }) => ({ number, isNumbered, cause, isLast }),
  };
}

type Kinds = ((kind: string) => boolean) | undefined;

/** @throws RolloutError `mismatch` */
export function prove(source: ForkSource, path: string, expected: Proof): void {
  const found = proofOf((kinds) => readLineage(source.home, path, { kinds }), optionsFor(source));
  const [difference] = differencesOf(expected, found);
  if (difference === undefined) return;
  throw new RolloutError("mismatch", `the fork would not be what its source was: ${difference.words}`, {
    hint: REPORT,
  });
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
function* keptEntries({ home, chain, mode }: ForkSource, { end }: KeptPart, kinds: Kinds): Generator<Entry> {
  const numbers = new Map(chain.segments.map((segment, index) => [segment, index]));
  for (const entry of readLineage(home, chain, { kinds })) {
    const limit = endWithin(entry.segment, numbers.get(entry.segment) ?? 0, end);
    // Metadata of the source comes first whatever its place; it is that of another thread by now, and says nothing.
    const { offset, length } = entry.position;
    if (limit !== undefined && offset + length > limit) continue;
    // A client may be shown what Codex would not write again, and a copy leaves out; the model is not.
    if (kinds !== undefined || (entry.ok && isKept(entry.record, mode))) yield entry;
  }
}

function* judgedEntries(source: ForkSource, part: KeptPart, options: BodyOptions): Generator<Entry> {
  for (const { bytes, kept } of bodyLines(source, part, options)) {
    if (kept) yield decodeLine(bytes, { line: 0, offset: 0, length: bytes.length });
  }
}

/** The records in the order of the new file, with its time and its ordinals. */
function* asWritten(
  { mode }: ForkSource,
  own: { readonly thread: NewThread; readonly first: Draft; readonly last: readonly Draft[] },
  body: () => Iterable<Entry>,
): Generator<Entry> {
  let ordinal = 0;
  const written = (record: Draft | RolloutRecord, position: Entry["position"]): Entry => {
    const envelope = { timestamp: own.thread.timestamp, ...(mode === "paginated" && { ordinal: ordinal++ }) };
    return { ok: true, position, record: { ...record, ...envelope } as RolloutRecord };
  };
  yield written(own.first, NOWHERE);
  for (const entry of body()) if (entry.ok) yield written(entry.record, entry.position);
  for (const draft of own.last) yield written(draft, NOWHERE);
}

const NOWHERE = { line: 0, offset: 0, length: 0 };
