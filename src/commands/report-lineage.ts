/** Families of threads for the page: the part of `tree` that is drawn, with the context windows of as many threads as time allows. */
import { attempt, inheritedPart, readFileHead } from "../analysis/inherited.ts";
import type { FamilyDrawing, FamilyNode, Listed, WindowSpan } from "../export/report/model.ts";
import type { Home, RolloutFile } from "../readers/home.ts";
import {
  type ChainPosition,
  lineageChain,
  type LineageEntry,
  type LineageSegment,
  readLineage,
} from "../readers/lineage.ts";
import { type FamilyThread, type Step, walkFamily } from "../thread/family.ts";
import { isReplayKind } from "../thread/replay.ts";
import { type ContextWindow, windowsOf } from "../thread/windows.ts";
import { agentText, flagsOf, type TreeAnswer } from "./tree-answer.ts";

export interface LineageSource {
  readonly home: Home;
  readonly answer: TreeAnswer;
  readonly files: readonly RolloutFile[];
  /** By thread. */
  readonly bytes: ReadonlyMap<string, ThreadBytes>;
}

interface ThreadBytes {
  readonly plainBytes: number;
  /** In copied prefixes; undefined where nobody has looked. */
  readonly inheritedBytes: number | undefined;
}

const FAMILIES = 12;
const ALONE = 6;
const NODES_OF_HOME = 60;
const NODES_OF_THREAD = 300;
/** Threads whose windows are read for the page, and plain bytes that may be decoded for that. */
const READ_THREADS = 200;
const READ_BYTES = 512 * 1024 * 1024;

/** The largest families, and below them the largest threads that stand alone. */
export function homeFamilies(source: LineageSource): Listed<FamilyDrawing> {
  const drawer = new Drawer(source);
  const { threads } = source.answer.family;
  const sums = new Map<string, number>();
  for (const [id, { plainBytes }] of source.bytes) {
    const rootId = threads.get(id)?.rootId;
    if (rootId !== undefined) sums.set(rootId, (sums.get(rootId) ?? 0) + plainBytes);
  }
  const ranked = [...sums].toSorted(([idA, a], [idB, b]) => b - a || (idA < idB ? -1 : 1)).map(([id]) => id);
  const related = ranked.filter((id) => threads.get(id)?.branches.length !== 0);
  const alone = ranked.filter((id) => threads.get(id)?.branches.length === 0);
  const drawings = related.slice(0, FAMILIES).map((root) => drawer.draw(root, NODES_OF_HOME));
  const single = drawer.together(alone.slice(0, ALONE));
  return {
    items: single.nodes.length === 0 ? drawings : [...drawings, single],
    left: Math.max(0, related.length - FAMILIES),
  };
}

/** The family of the thread that `answer` was asked for. */
export function threadFamily(source: LineageSource): FamilyDrawing | undefined {
  const [root] = source.answer.roots;
  return root === undefined ? undefined : new Drawer(source).draw(root, NODES_OF_THREAD);
}

class Drawer {
  readonly #source: LineageSource;
  /** Where rollouts are continued by other threads, by rollout id. */
  readonly #cuts = new Map<string, number[]>();
  readonly #byPath: ReadonlyMap<string, RolloutFile>;
  #threads = 0;
  #bytes = 0;

  constructor(source: LineageSource) {
    this.#source = source;
    this.#byPath = new Map(source.files.map((file) => [file.logicalPath, file]));
    for (const { id, files } of source.answer.family.threads.values()) {
      const own = new Set([id, ...files.flatMap(({ rolloutId }) => rolloutId ?? [])]);
      for (const { baseRolloutId, baseEndOffset } of files) {
        if (baseRolloutId === undefined || baseEndOffset === undefined || own.has(baseRolloutId)) continue;
        const known = this.#cuts.get(baseRolloutId);
        if (known === undefined) this.#cuts.set(baseRolloutId, [baseEndOffset]);
        else known.push(baseEndOffset);
      }
    }
  }

  draw(rootId: string, most: number): FamilyDrawing {
    const nodes: FamilyNode[] = [];
    let left = 0;
    for (const step of walkFamily(this.#source.answer.family, rootId)) {
      if (nodes.length < most) nodes.push(this.#nodeOf(step));
      else left += 1;
    }
    return { isFamily: true, nodes, left };
  }

  together(ids: readonly string[]): FamilyDrawing {
    const { threads } = this.#source.answer.family;
    const members = ids.flatMap((id) => threads.get(id) ?? []);
    const nodes = members.map((thread) => this.#nodeOf({ thread, by: undefined, depth: 0, isLast: true }));
    return { isFamily: false, nodes, left: 0 };
  }

  #nodeOf({ thread, by, depth, isLast }: Step): FamilyNode {
    const { answer, bytes } = this.#source;
    const { id, facts, branches } = thread;
    const sums = bytes.get(id);
    const read = this.#mayRead(thread, sums?.plainBytes ?? 0) ? this.#windowsOf(thread) : undefined;
    const ownBegin = read?.ownBegin ?? 0;
    const length = read?.length ?? sums?.plainBytes;
    const copied = sums?.inheritedBytes ?? (read === undefined ? 0 : this.#copiedBytes(thread));
    const cuts = this.#cuts.get(facts?.rolloutId ?? "") ?? [];
    return {
      id,
      title: answer.titles.get(id),
      agent: agentText(facts),
      by,
      depth,
      isLast,
      hasBranches: branches.length > 0,
      flags: flagsOf(thread, answer),
      isAsked: id === answer.asked,
      length: thread.files.length === 0 ? undefined : length,
      inheritedBytes: Math.min((read?.inheritedBytes ?? 0) + copied, length ?? 0),
      windows: read?.windows,
      cuts: cuts.map((cut) => ownBegin + cut).toSorted((a, b) => a - b),
    };
  }

  #mayRead({ files }: FamilyThread, bytes: number): boolean {
    if (files.length === 0 || this.#threads >= READ_THREADS || this.#bytes + bytes > READ_BYTES) return false;
    this.#threads += 1;
    this.#bytes += bytes;
    return true;
  }

  #copiedBytes({ files: [newest] }: FamilyThread): number {
    const file = this.#byPath.get(newest?.path ?? "");
    if (file === undefined) return 0;
    const { threads } = this.#source.answer.family;
    const pathOf = (id: string): string | undefined => this.#byPath.get(threads.get(id)?.files[0]?.path ?? "")?.path;
    const found = attempt(file.path, () => ({ part: inheritedPart(readFileHead(file), pathOf) }));
    const part = "part" in found ? found.part : undefined;
    return part === undefined ? 0 : Math.max(0, (part.ownOffset ?? Infinity) - part.copyOffset);
  }

  /** What cannot be followed is drawn without windows; the findings tell why. */
  #windowsOf({ id, facts }: FamilyThread): PlacedWindows | undefined {
    const { home, files } = this.#source;
    const file = this.#byPath.get(facts?.path ?? "");
    if (file === undefined || facts === undefined) return undefined;
    const read = attempt(file.path, () => {
      const chain = lineageChain(home, file.path, { threadId: facts.hasMeta ? id : undefined, files });
      const numbers = new Map(chain.segments.map((segment, index) => [segment, index]));
      const entries = function* (): Generator<LineageEntry> {
        for (const entry of readLineage(home, chain, { kinds: isReplayKind, checked: true, skipEmpty: true })) {
          const position: ChainPosition = { ...entry.position, segment: numbers.get(entry.segment) ?? 0 };
          yield { ...entry, position };
        }
      };
      return placeWindows(windowsOf(entries), chain.segments, id);
    });
    return "message" in read ? undefined : read;
  }
}

export interface PlacedWindows {
  readonly windows: readonly (WindowSpan & { readonly id: string | undefined })[];
  /** Plain bytes of the whole history. */
  readonly length: number;
  /** Of them those in files of other threads. */
  readonly inheritedBytes: number;
  /** Where the thread's own file begins. */
  readonly ownBegin: number;
}

/** Windows by where they lie in one line of bytes: the parts of the files that a thread is made of, one after the other. */
export function placeWindows(
  windows: readonly ContextWindow[],
  segments: readonly LineageSegment[],
  threadId: string | undefined,
): PlacedWindows {
  const last = segments.length - 1;
  const begins: number[] = [];
  let next = 0;
  let inheritedBytes = 0;
  for (const { from, endOffset, threadId: owner } of segments) {
    // In the file asked for offsets count from its start; of a source only its part.
    const skipped = begins.length === last ? 0 : from.offset;
    begins.push(next - skipped);
    next += Math.max(0, (endOffset ?? 0) - skipped);
    if (begins.length - 1 < last && owner !== threadId) inheritedBytes = next;
  }
  const place = (at: ChainPosition | undefined): number | undefined =>
    at === undefined ? undefined : (begins[at.segment ?? last] ?? 0) + at.offset;
  const end = windows.at(-1)?.end;
  const length = (place(end) ?? 0) + (end === undefined ? 0 : end.length + 1);
  const spans = windows.map(({ number, id, cause, start, end: until, isLast, compaction }) => {
    return {
      number,
      id,
      cause,
      begin: cause === "start" ? 0 : (place(start) ?? 0),
      end: isLast ? length : (place(until) ?? length),
      compaction,
    };
  });
  return { windows: spans, length, inheritedBytes, ownBegin: begins[last] ?? 0 };
}
