/**
 * All threads of a home as rows of the index: from the database, read without a trace, or from the rollouts, as `reindex`
 * would build it. Feeds `list`; which rows are shown is for `thread-query.ts`, where their files lie for `readers/place.ts`.
 */
import type { SqlRow } from "../io/sqlite.ts";
import { discoverRollouts, type Home } from "../readers/home.ts";
import { readSessionNames } from "../readers/session-index.ts";
import {
  readThreadIndex,
  shownName,
  type SpawnLink,
  type ThreadIndex,
  type ThreadSection,
} from "../readers/thread-index.ts";
import { storedTimeMs } from "./compare.ts";
import { desiredIndex } from "./desired.ts";
import { type OldIndex, readOldIndex } from "./old-index.ts";
import { checkOptions, type ReindexOptions } from "./options.ts";
import type { Rejected } from "./scan.ts";
import { type ListedThread, textOf } from "./thread-query.ts";

export interface Listing {
  readonly source: "database" | "files";
  /** Absolute path of the state database. */
  readonly database: string;
  readonly databaseState: ThreadIndex["state"] | "not-read";
  /** Why the database was not used although it was asked for, in words safe to print. */
  readonly databaseProblem: string | undefined;
  readonly threads: readonly ListedThread[];
  readonly edges: readonly SpawnLink[];
  readonly sections: readonly ThreadSection[];
  /** Rollouts that give no row, or give one although they are damaged; from files only. */
  readonly rejected: readonly Rejected[];
}

export interface ListingOptions {
  /** Leave the database unread, whatever its state. */
  readonly fromFiles: boolean;
  /** Threads to read rollouts with; undefined: as the machine allows. */
  readonly jobs?: number | undefined;
  readonly now: () => number;
  readonly progress?: ReindexOptions["progress"];
}

/**
 * Reads the threads of a home. Without a usable database they come from the rollouts; from a damaged one, what still
 * reads of it (names, recency, closed agents) is laid over them, as in `reindex`.
 *
 * @throws RolloutError when a session folder, or the session index, exists and cannot be read.
 */
export function listThreads(home: Home, options: ListingOptions): Listing {
  if (!options.fromFiles) {
    const index = readThreadIndex(home.sqliteHome);
    if (index.state === "sound") return fromDatabase(home, index);
    return listFromFiles(home, options, index);
  }
  return listFromFiles(home, options, undefined);
}

function fromDatabase(home: Home, index: ThreadIndex): Listing {
  const names = readSessionNames(home.codexHome).byId;
  const parents = new Map(index.edges.map(({ parentId, childId }) => [childId, parentId]));
  return {
    source: "database",
    database: index.path,
    databaseState: index.state,
    databaseProblem: undefined,
    threads: index.threads.map((row) => listedThread(row, names, parents)),
    edges: index.edges,
    sections: index.sections,
    rejected: [],
  };
}

function listFromFiles(home: Home, options: ListingOptions, index: ThreadIndex | undefined): Listing {
  const old = index?.state === "damaged" ? readOldIndex(index.path) : NO_INDEX;
  const desired = desiredIndex({
    home,
    options: checkOptions(options),
    discovery: discoverRollouts(home.codexHome),
    old,
    manifest: undefined,
  });
  const edges = desired.edges.map((edge) => ({
    parentId: edge.parent_thread_id,
    childId: edge.child_thread_id,
    status: edge.status,
  }));
  const parents = new Map(edges.map(({ parentId, childId }) => [childId, parentId]));
  const rows = [...desired.threads.map((row): SqlRow => ({ ...row })), ...desired.keptRows];
  return {
    source: "files",
    database: index?.path ?? "",
    databaseState: index?.state ?? "not-read",
    databaseProblem: index?.problem,
    threads: rows.map((row) => listedThread(row, desired.names, parents)),
    edges,
    sections: (old.tables.get("thread_sections") ?? []).map(({ id, name }) => ({ id: textOf(id), name: textOf(name) })),
    rejected: desired.rejected,
  };
}

const NO_INDEX: OldIndex = {
  state: "absent",
  level: undefined,
  flavour: undefined,
  problems: [],
  tables: new Map(),
  backfill: undefined,
  pages: 0,
  unreadablePages: 0,
};

/**
 * Columns that a database of an older level lacks and that lists are made by get the values that the migration which added
 * them gave to old rows (state-and-compression §1.10): milliseconds from seconds, recency from the last update, the
 * preview from the first message.
 */
function listedThread(
  row: SqlRow,
  names: ReadonlyMap<string, string>,
  parents: ReadonlyMap<string, string>,
): ListedThread {
  const id = textOf(row.id);
  const attached = row.attached_thread_parent_id;
  const section = row.thread_section_id;
  const updatedAtMs = timeOf(row, "updated_at") ?? 0;
  return {
    row,
    id,
    name: shownName(row, names.get(id)),
    title: textOf(row.title),
    preview: textOf(row.preview === undefined ? row.first_user_message : row.preview),
    source: textOf(row.source),
    provider: textOf(row.model_provider),
    cwd: textOf(row.cwd),
    rolloutPath: textOf(row.rollout_path),
    historyMode: row.history_mode === undefined ? "legacy" : textOf(row.history_mode),
    archived: Number(row.archived ?? 0) !== 0,
    attachedTo: typeof attached === "string" && attached !== "" ? attached : undefined,
    parentId: parents.get(id),
    sectionId: typeof section === "string" ? section : undefined,
    createdAtMs: timeOf(row, "created_at") ?? 0,
    updatedAtMs,
    recencyAtMs: timeOf(row, "recency_at") ?? updatedAtMs,
  };
}

function timeOf(row: SqlRow, column: "created_at" | "updated_at" | "recency_at"): number | undefined {
  const timeMs = storedTimeMs(row, column);
  return Number.isFinite(timeMs) && timeMs > 0 ? timeMs : undefined;
}
