/**
 * What was said in a home: every rollout of it searched in one pass, plain or compressed, and what was found put together by
 * threads. Last station of a search; `search-pass.ts` goes over the files, the commands print the report. Loads nothing that
 * decodes rollouts: for this it asks (`search-lazy.ts`).
 */
import { basename } from "node:path";
import { parseTimestamp } from "../format/names.ts";
import { normalFolder } from "../indexer/thread-query.ts";
import { lstatOrUndefined } from "../io/files.ts";
import { type Home, type ListedRollout, listRollouts } from "../readers/home.ts";
import type { Cuts } from "./search-cuts.ts";
import type { Lazily } from "./search-lazy.ts";
import { patternsOf } from "./search-patterns.ts";
import { searchGroups, type SearchGroup } from "./search-pass.ts";
import type { Telling } from "./search-telling.ts";
import type {
  FileOutcome,
  SearchHit,
  SearchOptions,
  SearchProblem,
  SearchQuery,
  SearchReport,
  ThreadHits,
} from "./search-types.ts";

type SearchFile = Pick<ListedRollout, "path" | "logicalPath" | "archived" | "name">;

/** @throws RolloutError `usage` when the query is none; `unreadable` when a session folder cannot be listed. */
export function* searchThrough(home: Home, query: SearchQuery, options: SearchOptions): Lazily<SearchReport, Telling> {
  const discovery = listRollouts(home.codexHome);
  const documents = options.roots === "archived" ? [] : discovery.documents.map(documentFile);
  const files = [...discovery.files, ...documents].filter((file) => isWanted(file, options));
  const groups = grouped(files, options);
  const found = yield* pass(query, groups, options);
  const folders = discovery.problems.filter(({ hidesThreads }) => hidesThreads);
  return {
    ...found,
    problems: [...folders.map(({ path, message }) => ({ path, line: 0, message })), ...found.problems],
  };
}

function documentFile(path: string): SearchFile {
  return { path, logicalPath: path, archived: false, name: undefined };
}

function isWanted(file: SearchFile, { roots, only, sinceMs }: SearchOptions): boolean {
  if (roots !== "all" && file.archived !== (roots === "archived")) return false;
  // What a file holds is no newer than its last change.
  if (sinceMs !== undefined && mtimeMsOf(file) < sinceMs) return false;
  return only.size === 0 || only.has(file.logicalPath) || only.has(file.name?.threadId ?? "");
}

/** Minus infinity for what is gone by now. */
function mtimeMsOf({ path }: SearchFile): number {
  return lstatOrUndefined(path)?.mtimeMs ?? -Infinity;
}

/** With a limit the newest threads first. Largest first would let all helpers end together, and takes a look at every file. */
function grouped(files: readonly SearchFile[], { limit }: SearchOptions): readonly Group[] {
  const byThread = new Map<string, SearchFile[]>();
  for (const file of files) {
    const key = threadIdOf(file) ?? file.logicalPath;
    const known = byThread.get(key);
    if (known === undefined) byThread.set(key, [file]);
    else known.push(file);
  }
  const groups = Array.from(byThread.values(), (some) => new Group(some));
  return limit > 0 ? groups.toSorted(newestFirst) : groups;
}

function threadIdOf(file: SearchFile): string | undefined {
  return USUAL_NAME.exec(file.logicalPath)?.[1] ?? file.name?.threadId;
}

/** Of nearly all files: its thread, without taking the rest of the name apart. */
const USUAL_NAME =
  /rollout-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:_[^/\\]*)?\.jsonl$/;

/** The files of one thread, oldest first. */
class Group implements SearchGroup {
  readonly files: readonly SearchFile[];
  readonly paths: readonly string[];
  #order: string | undefined;

  constructor(files: readonly SearchFile[]) {
    this.files = files.length === 1 ? files : files.toSorted((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1));
    this.paths = this.files.map(({ path }) => path);
  }

  get threadId(): string | undefined {
    const [first] = this.files;
    return first && threadIdOf(first);
  }

  /** Smaller is older. */
  get order(): string {
    const [first] = this.files;
    return (this.#order ??= first === undefined ? "" : orderOf(first));
  }
}

/** The time in the name, by which lists go, else that of the last change; then the id. */
function orderOf(file: SearchFile): string {
  const { name } = file;
  const stamp = name?.stamp ?? stampOf(Math.max(0, mtimeMsOf(file)));
  return `${stamp} ${name?.rolloutId ?? basename(file.logicalPath)}`;
}

function stampOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 19).replaceAll(":", "-");
}

function newestFirst(one: Pick<Group, "order">, other: Pick<Group, "order">): number {
  return one.order < other.order ? 1 : -1;
}

interface Of {
  readonly group: Group;
}

interface Found extends Of {
  readonly thread: ThreadHits;
}

function newestGroupFirst({ group: one }: Of, { group: other }: Of): number {
  return one === other ? 0 : newestFirst(one, other);
}

function* pass(query: SearchQuery, groups: readonly Group[], options: SearchOptions): Lazily<SearchReport, Telling> {
  let known: ReadonlySet<string | undefined> | undefined;
  const isSearched = (id: string): boolean => (known ??= new Set(groups.map(({ threadId }) => threadId))).has(id);
  const progress = options.progress?.(groups.reduce((sum, { paths }) => sum + paths.length, 0));
  const found: Found[] = [];
  const problems: (Of & { readonly problem: SearchProblem })[] = [];
  const done = new Set<number>();
  let [files, bytes, hiddenThreads, inOrder, enough] = [0, 0, 0, 0, 0];
  const shown = new Set<number>();
  yield* searchGroups({ query, patterns: patternsOf(query) }, groups, {
    jobs: options.jobs,
    crew: options.crew,
    onDone: (index, { outcomes, bytes: groupBytes }) => {
      const group = groups[index] as Group;
      files += group.files.length;
      bytes += groupBytes;
      progress?.advance(group.files.length);
      const thread = outcomes.length === 0 ? undefined : threadOf(group, outcomes, isSearched, options);
      for (const problem of outcomes.flatMap((outcome) => outcome.problems)) problems.push({ group, problem });
      if (thread !== undefined && thread.hits.length > 0) {
        found.push({ group, thread });
        shown.add(index);
      } else if (thread !== undefined && thread.hiddenCopies > 0) hiddenThreads += 1;
      // Enough are found when those before the last one of them have all been looked at.
      done.add(index);
      for (; done.has(inOrder); inOrder += 1) if (shown.has(inOrder)) enough += 1;
      return options.limit > 0 && enough >= options.limit;
    },
  });
  progress?.end();
  const sorted = found.toSorted(newestGroupFirst);
  const isCut = options.limit > 0 && (sorted.length > options.limit || done.size < groups.length);
  const threads: ThreadHits[] = [];
  for (const { group, thread } of isCut ? sorted.slice(0, options.limit) : sorted)
    threads.push(group.files.length === 1 ? thread : revertedIn(thread, group.files, (yield).cutsOf(group.files)));
  const told = problems.toSorted(newestGroupFirst).map(({ problem }) => problem);
  return { threads, problems: told, files, bytes, isCut, hiddenThreads };
}

/** What was found in the files of a thread, as far as it is to be told. */
function threadOf(
  group: Group,
  outcomes: readonly FileOutcome[],
  isSearched: (id: string) => boolean,
  options: SearchOptions,
): ThreadHits | undefined {
  const found = outcomes.flatMap((outcome) => outcome.found ?? []);
  const [first] = found;
  if (first === undefined) return undefined;
  if (options.cwds.size > 0 && !options.cwds.has(normalFolder(first.meta.cwd))) return undefined;
  const all = found.flatMap((file) => file.hits.map((hit) => underLogicalPath(hit, group)));
  const recent = all.filter(({ timestamp }) => isSince(timestamp, options.sinceMs));
  const isElsewhere = found.some(({ copiedFrom }) => copiedFrom.some(isSearched));
  const hits = options.copies || !isElsewhere ? recent : recent.filter(({ isCopied }) => !isCopied);
  const best = hits.find(({ isConversation }) => isConversation) ?? hits[0];
  return {
    id: first.meta.id ?? group.threadId,
    cwd: first.meta.cwd,
    createdAt: first.meta.timestamp,
    archived: group.files.every(({ archived }) => archived),
    hits,
    matches: hits.reduce((sum, hit) => sum + hit.matches, 0),
    snippet: best?.snippet.text ?? "",
    hiddenCopies: recent.length - hits.length,
  };
}

function isSince(timestamp: string, sinceMs: number | undefined): boolean {
  return sinceMs === undefined || (parseTimestamp(timestamp) ?? Infinity) >= sinceMs;
}

function underLogicalPath(hit: SearchHit, { files }: Group): SearchHit {
  return { ...hit, path: files.find(({ path }) => path === hit.path)?.logicalPath ?? hit.path };
}

function revertedIn(thread: ThreadHits, files: readonly SearchFile[], cuts: Cuts | undefined): ThreadHits {
  const byPath = new Map(files.map(({ logicalPath, name }) => [logicalPath, cuts?.get(name?.rolloutId ?? "")]));
  const isReverted = ({ path, offset }: SearchHit): boolean => offset >= (byPath.get(path) ?? Infinity);
  return { ...thread, hits: thread.hits.map((hit) => ({ ...hit, isReverted: isReverted(hit) })) };
}
