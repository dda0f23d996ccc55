/**
 * Which threads a list shows, and in which order: Codex's own filters over rows of the index, whatever they were read
 * from, and what Codex hides (state-and-compression §5.1, §2.16). Pure.
 */
import { resolve } from "node:path";
import { withoutVerbatimPrefix } from "../format/names.ts";
import type { SqlRow, SqlValue } from "../io/sqlite.ts";
import type { SpawnLink } from "../readers/thread-index.ts";

/** A row with what every consumer asks for in the types that it ought to have. */
export interface ListedThread {
  /** As stored, odd values included; columns that the database does not have are absent. */
  readonly row: SqlRow;
  readonly id: string;
  /** What Codex calls the thread; undefined where it has no name (state-and-compression §2.14). */
  readonly name: string | undefined;
  readonly title: string;
  readonly preview: string;
  readonly source: string;
  readonly provider: string;
  readonly cwd: string;
  readonly rolloutPath: string;
  /** `legacy` or `paginated`; anything else was not written by Codex. */
  readonly historyMode: string;
  readonly archived: boolean;
  readonly attachedTo: string | undefined;
  readonly parentId: string | undefined;
  readonly sectionId: string | undefined;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly recencyAtMs: number;
}

export type SortKey = "created" | "updated" | "recency";

export interface ThreadQuery {
  readonly archived: "no" | "only" | "all";
  /** Direct children of this thread. */
  readonly parent?: string | undefined;
  /** All descendants of this thread. */
  readonly ancestor?: string | undefined;
  readonly section?: string | undefined;
  /** Empty lists do not filter. */
  readonly providers: readonly string[];
  /** Absolute folders in any spelling that should match. */
  readonly cwds: readonly string[];
  /** Words that `sourceWords` gives. */
  readonly sources: readonly string[];
  /** Found in name, title or preview, upper or lower case. */
  readonly search?: string | undefined;
  /** Also the threads that Codex hides. */
  readonly hidden: boolean;
  readonly sort: SortKey;
  readonly ascending: boolean;
}

export interface QueryResult {
  /** In order. */
  readonly threads: readonly ListedThread[];
  /** Threads that match but are hidden. */
  readonly hiddenCount: number;
}

export function queryThreads(
  threads: readonly ListedThread[],
  edges: readonly SpawnLink[],
  query: ThreadQuery,
): QueryResult {
  const family = familyOf(edges, query);
  const found = threads.filter((thread) => family?.has(thread.id) !== false && matches(thread, query));
  const showsEmpty = family !== undefined || query.section !== undefined;
  const shown = query.hidden ? found : found.filter((thread) => !isHidden(thread, showsEmpty));
  return { threads: sorted(shown, query), hiddenCount: found.length - shown.length };
}

/**
 * Codex lists no thread without a preview, unless it is asked for a family or a section (state-and-compression §5.1), and
 * none that is attached to another thread: 0.169.0 leaves those out of every list, whatever the filter.
 */
export function isHidden({ preview, attachedTo }: ListedThread, showsEmpty = false): boolean {
  return attachedTo !== undefined || (preview === "" && !showsEmpty);
}

function matches(thread: ListedThread, query: ThreadQuery): boolean {
  if (query.archived !== "all" && thread.archived !== (query.archived === "only")) return false;
  if (query.section !== undefined && thread.sectionId !== query.section) return false;
  if (query.providers.length > 0 && !query.providers.includes(thread.provider)) return false;
  if (query.cwds.length > 0 && !query.cwds.includes(normalFolder(thread.cwd))) return false;
  if (query.sources.length > 0 && !sourceWords(thread.source).some((word) => query.sources.includes(word)))
    return false;
  return query.search === undefined || contains(thread, query.search.toLowerCase());
}

function contains({ name, title, preview }: ListedThread, term: string): boolean {
  return [name ?? "", title, preview].some((text) => text.toLowerCase().includes(term));
}

/** A folder in the one spelling by which folders are compared; relative ones stay as they are. */
export function normalFolder(path: string): string {
  const plain = withoutVerbatimPrefix(path);
  return plain.startsWith("/") ? resolve(plain) : plain.replace(/[/\\]+$/, "");
}

/** Ids that a family filter lets through; undefined without one. Circles among the edges do no harm. */
function familyOf(edges: readonly SpawnLink[], { parent, ancestor }: ThreadQuery): ReadonlySet<string> | undefined {
  if (parent === undefined && ancestor === undefined) return undefined;
  const children = new Map<string, string[]>();
  for (const { parentId, childId } of edges) {
    const list = children.get(parentId);
    if (list === undefined) children.set(parentId, [childId]);
    else list.push(childId);
  }
  const direct = parent === undefined ? undefined : new Set(children.get(parent) ?? []);
  if (ancestor === undefined) return direct;
  const descendants = new Set<string>();
  const pending = [...(children.get(ancestor) ?? [])];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (descendants.has(id)) continue;
    descendants.add(id);
    pending.push(...(children.get(id) ?? []));
  }
  descendants.delete(ancestor);
  return direct === undefined ? descendants : new Set([...direct].filter((id) => descendants.has(id)));
}

const TIME: Readonly<Record<SortKey, (thread: ListedThread) => number>> = {
  created: ({ createdAtMs }) => createdAtMs,
  updated: ({ updatedAtMs }) => updatedAtMs,
  recency: ({ recencyAtMs }) => recencyAtMs,
};

/** Of equal times the ids decide, in the same direction. */
function sorted(threads: readonly ListedThread[], { sort, ascending }: ThreadQuery): readonly ListedThread[] {
  const time = TIME[sort];
  const direction = ascending ? 1 : -1;
  return threads.toSorted((a, b) => direction * (time(a) - time(b) || (a.id < b.id ? -1 : Number(a.id > b.id))));
}

export function sortTimeMs(thread: ListedThread, sort: SortKey): number {
  return TIME[sort](thread);
}

/** Heads of the words that a source filter takes; details follow a colon: `subagent:review`, `custom:my-client`. */
export const SOURCE_WORDS = ["cli", "vscode", "exec", "mcp", "unknown", "custom", "internal", "subagent"] as const;

/** What a source may be called in a filter: its kind, its kind with the detail, and the stored text (§2.7). */
export function sourceWords(source: string): readonly string[] {
  const value = parsedObject(source);
  const [kind, detail] = value === undefined ? [] : (Object.entries(value)[0] ?? []);
  if (kind === undefined) return [source];
  const word = typeof detail === "string" ? detail : detailWord(detail);
  return word === undefined ? [kind, source] : [kind, `${kind}:${word}`, source];
}

/** `{"other":"guardian"}` is called `guardian`, `{"thread_spawn":{…}}` `thread_spawn`. */
function detailWord(detail: unknown): string | undefined {
  if (typeof detail !== "object" || detail === null) return undefined;
  const [key, value] = Object.entries(detail)[0] ?? [];
  return typeof value === "string" ? value : key;
}

function parsedObject(text: string): object | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Text of a column, whatever its type in the file. */
export function textOf(value: SqlValue | undefined): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  return value === null || value === undefined ? "" : String(value);
}
