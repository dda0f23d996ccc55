/**
 * The context windows of a thread, one after the other: what began each, what it is called, where it lies in the rollout,
 * and how much its compaction took in and gave out (rollout-format §3.4, §5.2). A view over the same pass as `replay.ts`.
 */
import type { Entry, Position } from "../format/entry.ts";
import type { ResponseItem, RolloutRecord } from "../format/record.ts";
import type { Size } from "./history.ts";
import { type CompactionSeen, Pass } from "./pass.ts";
import { repeatable } from "./replay.ts";
import { SegmentScan } from "./scan.ts";
import type { EntrySource, ReplayOptions } from "./state.ts";
import { utf8Length } from "./truncate.ts";
import { windowOfCompaction, type WindowIdentity } from "./window.ts";

export interface ContextWindow extends WindowIdentity {
  /** False where the record does not number the window, and its number is one more than the one before. */
  readonly isNumbered: boolean;
  /**
   * `start`: the beginning of the thread. `replacement`: a compaction with a replacement history. `legacy`: one without.
   * `counted`: a compaction whose turn was rolled back; it counts as a window, but no history begins with it.
   */
  readonly cause: "start" | "replacement" | "legacy" | "counted";
  /** The record that begins it: its compaction, or the first one of the thread; undefined in a thread without records. */
  readonly start: Position | undefined;
  /** The record that begins the next one; for the last window, the last record of the thread, which is part of it. */
  readonly end: Position | undefined;
  readonly isLast: boolean;
  /** What the model was shown before and after the compaction that began it; undefined for the first window. */
  readonly compaction: { readonly before: Size; readonly after: Size } | undefined;
}

/**
 * All windows, oldest first; at least one. Bytes are those of the items' JSON. `replay(…).window` is the one that a
 * resume goes on in: as a rule the last one here, but a rollback or a record without a number can make it another.
 */
export function windowsOf(source: EntrySource, options: Pick<ReplayOptions, "placeOf"> = {}): readonly ContextWindow[] {
  const entries = repeatable(source);
  const first = walk(entries(), options, new SegmentScan(), undefined);
  const { discarded } = first.pass.plan();
  if (discarded.size === 0) return build(first);
  return build(walk(entries(), options, undefined, discarded));
}

interface Walk {
  readonly pass: Pass;
  readonly compactions: readonly CompactionSeen[];
  readonly first: Position | undefined;
  readonly last: Position | undefined;
}

function walk(
  entries: Iterable<Entry>,
  { placeOf }: Pick<ReplayOptions, "placeOf">,
  scan: SegmentScan | undefined,
  skip: ReadonlySet<number> | undefined,
): Walk {
  const compactions: CompactionSeen[] = [];
  const pass = new Pass({ placeOf, scan, skip, measure: itemBytes, onCompaction: (seen) => compactions.push(seen) });
  let first: Entry | undefined;
  let last: Entry | undefined;
  for (const entry of entries) {
    pass.add(entry);
    first ??= entry;
    last = entry;
  }
  const place = (entry: Entry | undefined) => entry && (placeOf?.(entry) ?? entry.position);
  return { pass, compactions, first: place(first), last: place(last) };
}

function build({ pass, compactions, first, last }: Walk): ContextWindow[] {
  let current = firstWindow(pass, compactions);
  const windows: ContextWindow[] = [];
  const push = (isNumbered: boolean, seen: CompactionSeen | undefined, next: CompactionSeen | undefined) => {
    const { number, id, firstId, previousId } = current;
    const compaction = seen && { before: seen.before, after: seen.after };
    const start = seen?.place ?? first;
    const end = next?.place ?? last;
    windows.push({
      number,
      id,
      firstId,
      previousId,
      isNumbered,
      cause: causeOf(seen),
      start,
      end,
      isLast: next === undefined,
      compaction,
    });
  };
  push(true, undefined, compactions[0]);
  compactions.forEach((seen, at) => {
    const stated = windowOfCompaction(seen.record.payload);
    current = stated ?? { number: current.number + 1, id: undefined, firstId: undefined, previousId: undefined };
    push(stated !== undefined, seen, compactions[at + 1]);
  });
  return windows;
}

/** Releases that do not name the first window in the metadata name it in the compaction that ended it. */
function firstWindow(pass: Pass, [next]: readonly CompactionSeen[]): WindowIdentity {
  const named = pass.metaWindow;
  if (named !== undefined) return named;
  const second = next && windowOfCompaction(next.record.payload);
  const id = second?.number === 1 ? (second.previousId ?? second.firstId) : undefined;
  return { number: 0, id, firstId: id, previousId: undefined };
}

function causeOf(seen: CompactionSeen | undefined): ContextWindow["cause"] {
  if (seen === undefined) return "start";
  if (!seen.inEffect) return "counted";
  return seen.record.payload.replacement_history == null ? "legacy" : "replacement";
}

const ENVELOPE = `{"timestamp":"","type":"response_item","payload":}`;

/**
 * Bytes of an item's JSON. Where the item is all of a line, they are what the line has besides its envelope, as long as
 * it is spelled as all writers spell it.
 */
function itemBytes(item: ResponseItem, record?: RolloutRecord, lineBytes?: number): number {
  if (record?.type !== "response_item" || lineBytes === undefined || record.payload !== item)
    return utf8Length(JSON.stringify(item));
  const { timestamp, ordinal, metadata } = record;
  const ordinalBytes = ordinal === undefined ? 0 : `"ordinal":${ordinal},`.length;
  const metadataBytes = metadata === undefined ? 0 : utf8Length(`,"metadata":${JSON.stringify(metadata)}`);
  return Math.max(lineBytes - ENVELOPE.length - timestamp.length - ordinalBytes - metadataBytes, 0);
}
