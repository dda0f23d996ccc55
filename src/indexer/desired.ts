/**
 * What the index should hold: rows from the rollouts that have to be read, with what the old database alone knew laid over
 * them. Nothing is written here.
 */
import { plainPath } from "../format/names.ts";
import { pathExists, resolveFolder } from "../io/paths.ts";
import type { SqlRow } from "../io/sqlite.ts";
import type { Discovery, Home, RolloutFile } from "../readers/home.ts";
import { readSessionNames } from "../readers/session-index.ts";
import { assemble, baseName, type Duplicate, type SpawnEdge } from "./assemble.ts";
import type { FileMemory, Manifest } from "./manifest.ts";
import { type OldIndex, threadRows } from "./old-index.ts";
import { overlayRow, type SalvagedColumn } from "./overlay.ts";
import type { ReindexOptions } from "./options.ts";
import type { RowContext, ThreadRow } from "./row.ts";
import { type Rules, rulesFor } from "./rules.ts";
import { type Rejected, rejectedByDiscovery, type Scan, scanRollouts } from "./scan.ts";
import { KNOWN_LEVEL } from "./levels.ts";
import type { Flavour } from "./schema.ts";
import type { RowsByTable } from "./state-db.ts";
import { selectFiles } from "./unchanged.ts";

export interface DesiredIndex {
  readonly rules: Rules;
  readonly level: number;
  readonly flavour: Flavour;
  /** Threads of the files that were read in this run. */
  readonly threads: readonly ThreadRow[];
  /** Old rows of threads whose file is there but cannot be read, with the path put right. */
  readonly keptRows: readonly SqlRow[];
  readonly edges: readonly SpawnEdge[];
  /** Everything that a new file gets, by table. */
  readonly rows: RowsByTable;
  /** Ids with a row in the old database and no rollout anywhere. */
  readonly withoutRollout: readonly string[];
  readonly names: ReadonlyMap<string, string>;
  /** Ids whose files were not read because nothing changed. */
  readonly untouched: ReadonlySet<string>;
  readonly duplicates: readonly Duplicate[];
  readonly rejected: readonly Rejected[];
  readonly scan: Pick<Scan, "bytesRead" | "filesRead">;
  /** For each column, rows that got their value from the old database. */
  readonly recovered: ReadonlyMap<SalvagedColumn, number>;
  readonly memories: readonly FileMemory[];
  readonly watermark: string | null;
}

export interface DesiredInput {
  readonly home: Home;
  readonly options: ReindexOptions;
  readonly discovery: Discovery;
  readonly old: OldIndex;
  /** Given when unchanged files may be passed over. */
  readonly manifest: Manifest | undefined;
}

export function desiredIndex(input: DesiredInput): DesiredIndex {
  const { home, options, discovery, old, manifest } = input;
  const level = Math.min(options.level ?? old.level ?? KNOWN_LEVEL, KNOWN_LEVEL);
  const rules = rulesFor(options.rules, level);
  const oldRows = rules.best ? threadRows(old) : new Map<string, SqlRow>();
  const names = rules.best ? readSessionNames(home.codexHome).byId : new Map<string, string>();
  const selection = selectFiles(discovery.files, manifest, oldRows);
  const scan = scanWithBases(selection.changed, discovery.files, rules, options);
  const assembly = assemble({
    candidates: scan.candidates,
    rules,
    context: rowContext(home),
    names,
    selected: selectedFiles(oldRows),
  });
  const { threads, recovered } = overlayAll(assembly.rows, oldRows);
  const keptRows = rowsOfUnreadable(scan.rejected, discovery.files, threads, oldRows);
  const untouched = new Set([...selection.unchanged.values()].flatMap(({ threadId }) => threadId ?? []));
  const known = new Set([...threads.map(({ id }) => id), ...keptRows.map(({ id }) => String(id)), ...untouched]);
  const hidden = discovery.problems.some(({ hidesThreads }) => hidesThreads);
  const edges = mergeEdges(assembly.edges, rules.best ? (old.tables.get("thread_spawn_edges") ?? []) : [], known);
  return {
    rules,
    level,
    flavour: old.flavour ?? options.lineEnds,
    threads,
    keptRows,
    edges,
    rows: rowsByTable(rules, old, [...threads, ...keptRows], edges),
    withoutRollout: hidden ? [] : [...oldRows.keys()].filter((id) => !known.has(id)),
    names,
    untouched,
    duplicates: assembly.duplicates,
    rejected: [...rejectedByDiscovery(discovery), ...scan.rejected],
    scan: { bytesRead: scan.bytesRead, filesRead: scan.filesRead },
    recovered,
    memories: memoriesOf(discovery.files, selection.unchanged, scan),
    watermark: discovery.files.at(-1)?.relativePath ?? null,
  };
}

/** Forks show what their base shows, so a base is read along even if it has not changed. */
function scanWithBases(
  changed: readonly RolloutFile[],
  all: readonly RolloutFile[],
  rules: Rules,
  options: ReindexOptions,
): Scan {
  const totalBytes = changed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const progress = options.progress?.("reading rollouts", totalBytes);
  const scanOptions = {
    rules,
    thorough: options.thorough || !rules.best,
    jobs: options.jobs,
    advance: (bytes: number) => progress?.advance(bytes),
  };
  let scan = scanRollouts(changed, scanOptions);
  if (rules.best && changed.length < all.length) {
    const read = new Set(changed);
    for (;;) {
      const wanted = new Set(scan.candidates.flatMap(({ facts }) => facts.historyBase?.rolloutId ?? []));
      const bases = all.filter((file) => !read.has(file) && file.name !== undefined && wanted.has(file.name.rolloutId));
      if (bases.length === 0) break;
      for (const file of bases) read.add(file);
      scan = joined(scan, scanRollouts(bases, scanOptions));
    }
  }
  progress?.end();
  return scan;
}

function joined(a: Scan, b: Scan): Scan {
  return {
    candidates: [...a.candidates, ...b.candidates],
    rejected: [...a.rejected, ...b.rejected],
    heads: new Map([...a.heads, ...b.heads]),
    bytesRead: a.bytesRead + b.bytesRead,
    filesRead: a.filesRead + b.filesRead,
  };
}

function rowContext(home: Home): RowContext {
  const folders = new Map<string, string | undefined>();
  const resolved = (path: string): string | undefined => {
    if (!folders.has(path)) folders.set(path, path === "" ? undefined : resolveFolder(path));
    return folders.get(path);
  };
  return { defaultProvider: home.defaultProvider, resolveFolder: resolved, exists: (path) => pathExists(path) };
}

function selectedFiles(oldRows: ReadonlyMap<string, SqlRow>): ReadonlyMap<string, string> {
  const selected = new Map<string, string>();
  for (const [id, { rollout_path: path }] of oldRows) {
    if (typeof path === "string") selected.set(id, baseName(plainPath(path)));
  }
  return selected;
}

function overlayAll(
  rows: readonly ThreadRow[],
  oldRows: ReadonlyMap<string, SqlRow>,
): { readonly threads: readonly ThreadRow[]; readonly recovered: ReadonlyMap<SalvagedColumn, number> } {
  const recovered = new Map<SalvagedColumn, number>();
  const threads = rows.map((derived) => {
    const old = oldRows.get(derived.id);
    if (old === undefined) return derived;
    const overlaid = overlayRow(derived, old);
    for (const column of overlaid.recovered) recovered.set(column, (recovered.get(column) ?? 0) + 1);
    return overlaid.row;
  });
  return { threads, recovered };
}

function rowsOfUnreadable(
  rejected: readonly Rejected[],
  files: readonly RolloutFile[],
  threads: readonly ThreadRow[],
  oldRows: ReadonlyMap<string, SqlRow>,
): readonly SqlRow[] {
  const done = new Set(threads.map(({ id }) => id));
  const unreadable = new Set(rejected.filter(({ indexed }) => !indexed).map(({ path }) => path));
  return files.flatMap((file) => {
    const id = file.name?.threadId;
    if (id === undefined || done.has(id) || !unreadable.has(file.logicalPath)) return [];
    const old = oldRows.get(id);
    return old === undefined ? [] : [{ ...old, rollout_path: file.logicalPath, archived: file.archived ? 1 : 0 }];
  });
}

/** An edge's status, and edges that no rollout tells of, come from the old database; both ends' threads may be absent. */
function mergeEdges(
  derived: readonly SpawnEdge[],
  old: readonly SqlRow[],
  known: ReadonlySet<string>,
): readonly SpawnEdge[] {
  const edges = new Map(derived.map((edge) => [edge.child_thread_id, edge]));
  for (const { parent_thread_id: parent, child_thread_id: child, status } of old) {
    if (typeof parent !== "string" || typeof child !== "string" || typeof status !== "string") continue;
    const edge = edges.get(child);
    if (edge !== undefined) edges.set(child, { ...edge, status });
    else if (known.has(child)) edges.set(child, { parent_thread_id: parent, child_thread_id: child, status });
  }
  return [...edges.values()];
}

function rowsByTable(
  rules: Rules,
  old: OldIndex,
  threads: readonly SqlRow[],
  edges: readonly SpawnEdge[],
): RowsByTable {
  const others = rules.best
    ? [...old.tables].filter(([table]) => table !== "threads" && table !== "thread_spawn_edges")
    : [];
  return { ...Object.fromEntries(others), threads, thread_spawn_edges: edges.map((edge): SqlRow => ({ ...edge })) };
}

/** Files that gave no row are not remembered, so that the next run looks at them, and reports them, again. */
function memoriesOf(
  files: readonly RolloutFile[],
  unchanged: ReadonlyMap<RolloutFile, FileMemory>,
  scan: Scan,
): readonly FileMemory[] {
  const ids = new Map(scan.candidates.map(({ file, facts }) => [file, facts.id]));
  const rejected = new Set(scan.rejected.map(({ path }) => path));
  return files.flatMap((file) => {
    const known = unchanged.get(file);
    const threadId = known?.threadId ?? ids.get(file);
    if (threadId === undefined || rejected.has(file.logicalPath)) return [];
    const head = known?.head ?? scan.heads.get(file.relativePath) ?? "";
    const { relativePath, sizeBytes, mtimeMs, ctimeMs, inode } = file;
    return [{ relativePath, sizeBytes, mtimeMs, ctimeMs, inode, head, threadId }];
  });
}
