/**
 * A look at a home before a run: which rollouts are there, what the last run remembers of them, and whether anything has to be
 * done at all. Opens no rollout and no database, and loads nothing that could.
 */
import { join } from "node:path";
import { type Discovery, discoverRollouts, type Home, SESSION_INDEX } from "../readers/home.ts";
import { databasePaths, hasUnfinished, requireOwnDatabase, STATE_DB } from "./database-files.ts";
import { familiarity, fileSignature, type Manifest, memoriesByPath, readManifest } from "./manifest.ts";
import type { ReindexOptions } from "./options.ts";
import type { ReindexReport } from "./report.ts";

export interface Look {
  readonly discovery: Discovery;
  /** The last run's memory, if it says anything about this one. */
  readonly manifest: Manifest | undefined;
  /** The report, when there is nothing to do. */
  readonly unchanged: ReindexReport | undefined;
  readonly startedMs: number;
}

/** @throws RolloutError `unsupported`, `not-a-file` or `unreadable`, as `requireOwnDatabase` and `discoverRollouts` do. */
export function lookAround(home: Home, options: ReindexOptions): Look {
  const startedMs = options.now();
  requireOwnDatabase(home.sqliteHome);
  const discovery = discoverRollouts(home.codexHome);
  const manifest = usableManifest(home, options);
  const isQuiet = manifest !== undefined && nothingChanged(home, discovery, manifest);
  const unchanged = isQuiet ? unchangedReport(home, options, { discovery, manifest, startedMs }) : undefined;
  return { discovery, manifest, unchanged, startedMs };
}

/** Only a memory of the same home, made by the same rules at the level that is wanted, says anything. */
function usableManifest(home: Home, options: ReindexOptions): Manifest | undefined {
  if (options.mode !== "write" || options.rebuild || options.thorough || options.prune) return undefined;
  const manifest = readManifest(home.sqliteHome);
  if (manifest?.codexHome !== home.codexHome || manifest.rules !== options.rules) return undefined;
  return options.level === undefined || options.level === manifest.level ? manifest : undefined;
}

/** Every file is as the last run left it, none has come or gone, and nobody has touched a database or a name since. */
function nothingChanged(home: Home, { files, problems }: Discovery, manifest: Manifest): boolean {
  if (problems.length > 0 || files.length !== manifest.files.length || hasUnfinished(home.sqliteHome)) return false;
  const memories = memoriesByPath(manifest);
  return (
    signedPaths(home).every((path) => manifest.signatures[path] === fileSignature(path)) &&
    files.every((file) => familiarity(file, memories.get(file.relativePath)) === "same")
  );
}

/** Files other than rollouts that a run depends on. */
export function signedPaths(home: Home): readonly string[] {
  return [...databasePaths(home.sqliteHome), join(home.codexHome, SESSION_INDEX)];
}

function unchangedReport(
  home: Home,
  options: ReindexOptions,
  {
    discovery,
    manifest,
    startedMs,
  }: { readonly discovery: Discovery; readonly manifest: Manifest; readonly startedMs: number },
): ReindexReport {
  return {
    codexHome: home.codexHome,
    database: join(home.sqliteHome, STATE_DB),
    rules: options.rules,
    level: manifest.level,
    lineEnds: options.lineEnds,
    before: { state: "healthy", level: manifest.level, problems: [] },
    action: "unchanged",
    backup: undefined,
    files: { ...fileCounts(discovery), read: 0, unchanged: discovery.files.length, rejected: [] },
    threads: {
      indexed: new Set(manifest.files.map(({ threadId }) => threadId)).size,
      added: 0,
      changed: 0,
      withoutRollout: [],
    },
    edges: 0,
    columns: [],
    tables: [],
    salvage: undefined,
    duplicates: [],
    rejectedRows: [],
    differences: [],
    neighbours: [],
    bytesRead: 0,
    durationMs: options.now() - startedMs,
  };
}

/** What a report says about the files of a home as such. */
export function fileCounts({ files, documents }: Discovery) {
  return {
    found: files.length,
    archived: files.filter(({ archived }) => archived).length,
    compressed: files.filter(({ path, logicalPath }) => path !== logicalPath).length,
    documents: documents.length,
  };
}
