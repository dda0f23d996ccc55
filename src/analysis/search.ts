/**
 * What was said in a home: every rollout of it searched in one pass, plain or compressed, and what was found put together by
 * threads. Last station of a search; `search-pass.ts` goes over the files, the commands print the report.
 */
import { basename } from "node:path";
import { parseTimestamp, parseUuid } from "../format/names.ts";
import { normalFolder } from "../indexer/thread-query.ts";
import { lstatOrUndefined } from "../io/files.ts";
import { discoverRollouts, type Home, type RolloutFile } from "../readers/home.ts";
import { readIdentity } from "../readers/identity.ts";
import type { Crew } from "./search-crew.ts";
import { searchGroups, type SearchGroup } from "./search-pass.ts";
import type { FileOutcome, SearchHit, SearchProblem, SearchQuery } from "./search-types.ts";

export interface SearchOptions {
  readonly roots: "all" | "active" | "archived";
  /** Only these threads, by id, or files, by their plain path; empty for all. */
  readonly only: ReadonlySet<string>;
  /** Only threads that began in one of these folders; empty for all. */
  readonly cwds: ReadonlySet<string>;
  /** Only what was written down at or after this, milliseconds since 1970. */
  readonly sinceMs: number | undefined;
  /** Also tell what forks and agents took over from a thread that is searched itself. */
  readonly copies: boolean;
  /** So many threads; the pass ends when they are found. 0 for all. */
  readonly limit: number;
  /** Threads of this program; undefined: as the machine allows. */
  readonly jobs?: number | undefined;
  readonly crew?: Crew | undefined;
  readonly progress?: ((totalBytes: number) => { advance(bytes: number): void; end(): void }) | undefined;
}

/** A thread in which something was found. */
export interface ThreadHits {
  /** Undefined for a file that names none. */
  readonly id: string | undefined;
  readonly cwd: string;
  /** As in the metadata. */
  readonly createdAt: string;
  readonly archived: boolean;
  /** In the order of files, oldest first, and lines. */
  readonly hits: readonly SearchHit[];
  readonly matches: number;
  /** Of the first user or assistant message with a match, else of the first hit (state-and-compression §5.6). */
  readonly snippet: string;
  /** Hits that are not told because they are of another thread that is. */
  readonly hiddenCopies: number;
}

export interface SearchReport {
  /** Newest first. */
  readonly threads: readonly ThreadHits[];
  readonly problems: readonly SearchProblem[];
  readonly files: number;
  /** On disk, of the files that were searched. */
  readonly bytes: number;
  /** The limit was met: there may be more. */
  readonly isCut: boolean;
  /** Threads that are not told because all that was found in them is of another thread that is. */
  readonly hiddenThreads: number;
}

/** The files of one thread. */
interface Group extends SearchGroup {
  readonly files: readonly SearchFile[];
  readonly threadId: string | undefined;
  /** Smaller is older. */
  readonly order: string;
}

type SearchFile = Pick<RolloutFile, "path" | "logicalPath" | "archived" | "sizeBytes" | "mtimeMs" | "name">;

/** @throws RolloutError `usage` when the query is none; `unreadable` when a session folder cannot be listed. */
export function searchHome(home: Home, query: SearchQuery, options: SearchOptions): SearchReport {
  const discovery = discoverRollouts(home.codexHome);
  const documents = options.roots === "archived" ? [] : discovery.documents.flatMap(documentFile);
  const files = [...discovery.files, ...documents].filter((file) => isWanted(file, options));
  const groups = grouped(files, options);
  const found = pass(query, groups, options);
  const folders = discovery.problems.filter(({ hidesThreads }) => hidesThreads);
  return {
    ...found,
    problems: [...folders.map(({ path, message }) => ({ path, line: 0, message })), ...found.problems],
  };
}

function documentFile(path: string): readonly SearchFile[] {
  const stat = lstatOrUndefined(path);
  if (stat === undefined) return [];
  const { size: sizeBytes, mtimeMs } = stat;
  return [{ path, logicalPath: path, archived: false, sizeBytes, mtimeMs, name: undefined }];
}

function isWanted(file: SearchFile, { roots, only, sinceMs }: SearchOptions): boolean {
  if (roots !== "all" && file.archived !== (roots === "archived")) return false;
  // What a file holds is no newer than its last change.
  if (sinceMs !== undefined && file.mtimeMs < sinceMs) return false;
  return only.size === 0 || only.has(file.logicalPath) || (file.name !== undefined && only.has(file.name.threadId));
}

/** With a limit the newest threads first; without one the largest, so that all helpers end at the same time. */
function grouped(files: readonly SearchFile[], { limit }: SearchOptions): readonly Group[] {
  const byThread = new Map<string, SearchFile[]>();
  for (const file of files) {
    const key = file.name?.threadId ?? file.logicalPath;
    const known = byThread.get(key);
    if (known === undefined) byThread.set(key, [file]);
    else known.push(file);
  }
  const groups = [...byThread.values()].map(groupOf);
  return limit > 0 ? groups.toSorted(newestFirst) : groups.toSorted((one, other) => other.bytes - one.bytes);
}

function groupOf(files: readonly SearchFile[]): Group {
  const sorted = files.length === 1 ? files : files.toSorted((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1));
  const [first] = sorted;
  return {
    files: sorted,
    paths: sorted.map(({ path }) => path),
    bytes: sorted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    threadId: first?.name?.threadId,
    order: first === undefined ? "" : orderOf(first),
  };
}

/** The time in the name, by which lists go, else that of the last change; then the id. */
function orderOf({ name, mtimeMs, logicalPath }: SearchFile): string {
  const stamp = name?.stamp ?? new Date(mtimeMs).toISOString().slice(0, 19).replaceAll(":", "-");
  return `${stamp} ${name?.rolloutId ?? basename(logicalPath)}`;
}

function newestFirst(one: Pick<Group, "order">, other: Pick<Group, "order">): number {
  return one.order < other.order ? 1 : -1;
}

interface Found {
  readonly group: Group;
  readonly thread: ThreadHits;
}

function pass(query: SearchQuery, groups: readonly Group[], options: SearchOptions): SearchReport {
  const ids = new Set(groups.map(({ threadId }) => threadId));
  const progress = options.progress?.(groups.reduce((sum, { bytes }) => sum + bytes, 0));
  const found: Found[] = [];
  const problems: SearchProblem[] = [];
  const done = new Set<number>();
  let [files, bytes, hiddenThreads, inOrder, enough] = [0, 0, 0, 0, 0];
  const shown = new Set<number>();
  searchGroups(query, groups, {
    jobs: options.jobs,
    crew: options.crew,
    onDone: (index, outcomes) => {
      const group = groups[index] as Group;
      files += group.files.length;
      bytes += group.bytes;
      progress?.advance(group.bytes);
      const thread = outcomes.length === 0 ? undefined : threadOf(group, outcomes, ids, options);
      for (const outcome of outcomes) problems.push(...outcome.problems);
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
  const threads = found.toSorted((one, other) => newestFirst(one.group, other.group)).map(({ thread }) => thread);
  const isCut = options.limit > 0 && (threads.length > options.limit || done.size < groups.length);
  return { threads: isCut ? threads.slice(0, options.limit) : threads, problems, files, bytes, isCut, hiddenThreads };
}

/** What was found in the files of a thread, as far as it is to be told. */
function threadOf(
  group: Group,
  outcomes: readonly FileOutcome[],
  ids: ReadonlySet<string | undefined>,
  options: SearchOptions,
): ThreadHits | undefined {
  const found = outcomes.flatMap((outcome) => outcome.found ?? []);
  const [first] = found;
  if (first === undefined) return undefined;
  if (options.cwds.size > 0 && !options.cwds.has(normalFolder(first.meta.cwd))) return undefined;
  const cuts = group.files.length > 1 ? cutsOf(group.files) : undefined;
  const all = found.flatMap((file) => file.hits.map((hit) => marked(hit, group, cuts)));
  const recent = all.filter(({ timestamp }) => isSince(timestamp, options.sinceMs));
  const isElsewhere = found.some(({ copiedFrom }) => copiedFrom.some((id) => ids.has(id)));
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

function marked(hit: SearchHit, group: Group, cuts: Cuts | undefined): SearchHit {
  const source = group.files.find(({ path }) => path === hit.path);
  const cut = cuts?.get(source?.name?.rolloutId ?? "");
  return { ...hit, path: source?.logicalPath ?? hit.path, isReverted: cut !== undefined && hit.offset >= cut };
}

/** By rollout id: where a file stops to be part of its thread. Those that still are in full are not in it. */
type Cuts = ReadonlyMap<string, number>;

/**
 * After a revert the newest file goes on at a point of an older one (rollout-format §7.4). What stands behind that point, and
 * in files that are not gone back to at all, was taken back.
 */
function cutsOf(files: readonly SearchFile[]): Cuts | undefined {
  const byRollout = new Map(files.map((file) => [file.name?.rolloutId ?? file.path, file]));
  const cuts = new Map([...byRollout.keys()].map((id) => [id, 0]));
  let at = files.at(-1);
  let end = Infinity;
  for (let steps = 0; at !== undefined && steps < files.length; steps += 1) {
    cuts.set(at.name?.rolloutId ?? at.path, end);
    const base = readIdentity(at.path)?.meta?.history_base;
    if (base == null) break;
    at = byRollout.get(parseUuid(base.thread_id) ?? base.thread_id);
    end = base.end_byte_offset;
  }
  // Without a chain these are just several files of one name.
  return end === Infinity ? undefined : cuts;
}
