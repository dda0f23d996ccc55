/**
 * What a client shows of one thread and how its context windows lie, with the notes that tables need, from one walk over its files.
 * The seam for formats of whole threads: they get this view, tables get rows made of it (`tables.ts`).
 */
import { plainPath } from "../format/names.ts";
import { requireChecked, UncheckedStream } from "../analysis/thread-walk.ts";
import {
  type ChainPosition,
  type LineageChain,
  lineageChain,
  LineageError,
  type LineageEntry,
  type LineageSegment,
  readLineage,
} from "../readers/lineage.ts";
import type { KindFilter } from "../readers/rollout.ts";
import type { Turns } from "../thread/items.ts";
import { CanonicalTurns, emptyProjection } from "../thread/turns-canonical.ts";
import { LegacyTurns } from "../thread/turns-legacy.ts";
import { type ContextWindow, windowsOf } from "../thread/windows.ts";
import { isShownLegacy, isShownPaginated, RegularOrdinals } from "./shown-kinds.ts";
import { slimEntry, WindowEntries } from "./slim-entries.ts";
import type { ExportThread } from "./threads.ts";
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

/**
 * Reads a thread: its newest file, with what that continues. Where that is not there, the view is of the file alone; of a history mode
 * that is not known it is empty. Memory: what a client shows of the thread.
 * @throws RolloutError when the file cannot be read.
 */
export function readThreadView(thread: ExportThread): ThreadView {
  const { newest, codexHome, files, id } = thread;
  const { path } = newest.file;
  const home = codexHome === undefined ? undefined : { codexHome };
  try {
    return soundView(lineageChain(home, path, { threadId: newest.facts.hasMeta ? id : undefined, files }), thread);
  } catch (error) {
    if (!(error instanceof LineageError)) throw error;
    if (error.fault === "unknown-mode") return emptyView(error.message);
    const view = soundView(ownFileAlone(path, id), thread);
    return { ...view, problem: error.message };
  }
}

function emptyView(problem: string): ThreadView {
  const turns: Turns = { mode: "legacy", turns: [], places: [], warnings: [] };
  return { turns, windows: [], notes: new TurnNotes(), segments: [], problem };
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

/** Most of a rollout is what the model saw, which a client is not shown: half of the work is not to decode it. */
function briefView(chain: LineageChain, thread: ExportThread): ThreadView | undefined {
  if (chain.meta === undefined) return undefined;
  const kinds = isPaginated(thread) ? isShownPaginated : isShownLegacy;
  const { view, isRegular } = walk(chain, thread, { kinds });
  if (isPaginated(thread)) return isRegular ? view : undefined;
  // Turns that nothing opened are named by the number of a record, of all that there are (rollout-format §8.2).
  return view.turns.turns.some(({ id }) => id.startsWith("rollout-")) ? undefined : view;
}

function isPaginated({ newest }: ExportThread): boolean {
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

interface Walked {
  readonly view: ThreadView;
  /** Each line has the ordinal that its number makes likely, so that none of those passed over can matter (`RegularOrdinals`). */
  readonly isRegular: boolean;
}

function walk(chain: LineageChain, thread: ExportThread, options: WalkOptions): Walked {
  const { segments } = chain;
  const sources = segments.slice(0, -1).flatMap(({ meta }) => meta ?? []);
  const fold = isPaginated(thread) ? new CanonicalTurns(emptyProjection({ sources })) : new LegacyTurns();
  const notes = new TurnNotes();
  const marks = new WindowEntries();
  const ordinals = new RegularOrdinals();
  let problem: string | undefined;
  for (const entry of placedEntries(chain, options)) {
    fold.add(entry);
    marks.add(entry);
    if (entry.ok) {
      notes.add(entry);
      ordinals.add(entry);
    } else if (entry.defect.kind === "broken-stream") problem = entry.defect.message;
  }
  const { checked } = options;
  const windows = windowsOf(marks.finish() ?? (() => slimEntries(placedEntries(chain, { checked }))));
  const turns = fold instanceof LegacyTurns ? fold.finish() : fold.turns();
  return { view: { turns, windows, notes, segments, problem }, isRegular: ordinals.isRegular };
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
