/**
 * What a client shows of one thread and how its context windows lie, with the notes that tables need, from one walk over its files.
 * The seam for formats of whole threads: they get this view, tables get rows made of it (`tables.ts`).
 */
import type { Entry } from "../format/entry.ts";
import { plainPath } from "../format/names.ts";
import { requireChecked, UncheckedStream } from "../analysis/thread-walk.ts";
import {
  type ChainPosition,
  type LineageChain,
  lineageChain,
  LineageError,
  type LineageEntry,
  type MetaEntry,
  readLineage,
} from "../readers/lineage.ts";
import type { KindFilter } from "../readers/rollout.ts";
import type { Turns } from "../thread/items.ts";
import type { EntryTaker } from "./file-pass.ts";
import { isNumbered, isShownLegacy, isShownPaginated } from "./shown-kinds.ts";
import { slimEntry } from "./slim-entries.ts";
import type { ExportThread } from "./threads.ts";
import { TurnNotes } from "./turn-notes.ts";
import { type ThreadView, ViewFold, type Walked } from "./view-fold.ts";

/**
 * Reads a thread: its newest file, with what that continues. Where that is not there, the view is of the file alone; of a history mode
 * that is not known it is empty. Memory: what a client shows of the thread.
 * @throws RolloutError when the file cannot be read.
 */
export function readThreadView(thread: ExportThread): ThreadView {
  const { newest, id } = thread;
  try {
    return soundView(chainOf(thread), thread);
  } catch (error) {
    if (!(error instanceof LineageError)) throw error;
    if (error.fault === "unknown-mode") return emptyView(error.message);
    const view = soundView(ownFileAlone(newest.file.path, id), thread);
    return { ...view, problem: error.message };
  }
}

function chainOf({ newest, codexHome, files, id }: ExportThread): LineageChain {
  const home = codexHome === undefined ? undefined : { codexHome };
  return lineageChain(home, newest.file.path, { threadId: newest.facts.hasMeta ? id : undefined, files });
}

function emptyView(problem: string): ThreadView {
  const turns: Turns = { mode: "legacy", turns: [], places: [], warnings: [] };
  return { turns, windows: [], notes: new TurnNotes(), segments: [], problem };
}

/** The view of a thread that lies in one file, for who reads that file anyway. Takes its entries in their order. */
export interface ViewTaker extends EntryTaker {
  /** Reads the file again where those entries were not enough. @throws RolloutError when it cannot be read. */
  finish(): ThreadView;
}

/** Undefined for a thread that takes more than one file, or one that is read in another way. */
export function viewTaker(thread: ExportThread): ViewTaker | undefined {
  const found = foldOfOne(thread);
  if (found === undefined) return undefined;
  const { fold, add, chain } = found;
  return {
    wants: briefKinds(thread),
    add,
    finish: () => {
      const walked = fold.finish();
      return isEnough(walked, thread) ? walked.view : soundWalk(chain, thread);
    },
  };
}

export interface FoldOfOne {
  readonly fold: ViewFold;
  /** Gives an entry of the file to the fold. */
  readonly add: (entry: Entry) => void;
  readonly chain: LineageChain;
}

/** The fold of a thread that lies in one file, with its metadata already in it; undefined for all others. */
export function foldOfOne(thread: ExportThread): FoldOfOne | undefined {
  const chain = soundChain(thread);
  const presented = chain?.meta;
  const [segment, ...others] = chain?.segments ?? [];
  if (chain === undefined || presented === undefined || segment === undefined || others.length > 0) return undefined;
  const fold = newFold(chain, thread);
  fold.add({ ...presented, segment });
  const add = (entry: Entry): void => {
    if (isSame(entry, presented)) return;
    const { position } = entry;
    if (entry.ok) fold.add({ ok: true, position, record: entry.record, segment });
    else fold.add({ ok: false, position, defect: entry.defect, segment });
  };
  return { fold, add, chain };
}

function soundChain(thread: ExportThread): LineageChain | undefined {
  try {
    return chainOf(thread);
  } catch (error) {
    if (error instanceof LineageError) return undefined;
    throw error;
  }
}

/** The metadata that a stream of entries begins with does not come again in its place. */
function isSame({ position }: Entry, presented: MetaEntry): boolean {
  return position.offset === presented.position.offset;
}

/** By the few lines that matter where that is sure to give the same; of a damaged archive only what is known to be right. */
function soundView(chain: LineageChain, thread: ExportThread): ThreadView {
  try {
    return briefView(chain, thread) ?? walk(chain, thread, {}).view;
  } catch (error) {
    if (!(error instanceof UncheckedStream)) throw error;
    return walk(chain, thread, { checked: true }).view;
  }
}

function soundWalk(chain: LineageChain, thread: ExportThread): ThreadView {
  try {
    return walk(chain, thread, {}).view;
  } catch (error) {
    if (!(error instanceof UncheckedStream)) throw error;
    return walk(chain, thread, { checked: true }).view;
  }
}

/** Most of a rollout is what the model saw, which a client is not shown: half of the work is not to decode it. */
function briefView(chain: LineageChain, thread: ExportThread): ThreadView | undefined {
  if (chain.meta === undefined) return undefined;
  const walked = walk(chain, thread, { kinds: briefKinds(thread) });
  return isEnough(walked, thread) ? walked.view : undefined;
}

/** Kinds of the lines that the brief view is made of. */
export function briefKinds(thread: ExportThread): (kind: string) => boolean {
  return isPaginated(thread) ? isShownPaginated : isShownLegacy;
}

/** Whether the brief view is the whole one. */
function isEnough({ view, isRegular }: Walked, thread: ExportThread): boolean {
  if (isPaginated(thread)) return isRegular;
  return !view.turns.turns.some(isNumbered);
}

export function isPaginated({ newest }: ExportThread): boolean {
  return newest.facts.historyMode === "paginated";
}

function ownFileAlone(path: string, threadId: string): LineageChain {
  const segment = {
    path,
    logicalPath: plainPath(path),
    rolloutId: undefined,
    threadId,
    meta: undefined,
    from: { offset: 0, line: 1 },
    endOffset: undefined,
    firstOrdinal: undefined,
    endOrdinal: undefined,
  };
  return { threadId, meta: undefined, segments: [segment], bytesRead: 0 };
}

interface WalkOptions {
  readonly kinds?: KindFilter;
  readonly checked?: boolean | undefined;
}

function walk(chain: LineageChain, thread: ExportThread, options: WalkOptions): Walked {
  const fold = newFold(chain, thread, options);
  for (const entry of placedEntries(chain, options)) fold.add(entry);
  return fold.finish();
}

function newFold(chain: LineageChain, thread: ExportThread, { checked }: WalkOptions = {}): ViewFold {
  return new ViewFold(chain.segments, isPaginated(thread), () => slimEntries(placedEntries(chain, { checked })));
}

function* slimEntries(entries: Iterable<LineageEntry>): Generator<LineageEntry> {
  for (const entry of entries) yield slimEntry(entry);
}

/** Entries whose places name their file, where there are several. */
function* placedEntries(chain: LineageChain, { kinds, checked = false }: WalkOptions): Generator<LineageEntry> {
  const numbers = new Map(chain.segments.map((segment, index) => [segment, index]));
  for (const entry of readLineage(undefined, chain, { kinds, checked, skipEmpty: true })) {
    requireChecked(entry, checked);
    if (numbers.size === 1) yield entry;
    else {
      const position: ChainPosition = { ...entry.position, segment: numbers.get(entry.segment) ?? 0 };
      yield { ...entry, position };
    }
  }
}
