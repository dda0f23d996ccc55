/**
 * A Codex home: where its parts lie, and which rollouts it holds, in the order in which Codex's rebuild visits them.
 * First step of every command that works on a whole home (rollout-format §1.1, state-and-compression §1.2, §2.2).
 */
import { basename, join, resolve } from "node:path";
import { RolloutError } from "../errors.ts";
import { looksLikeRollout, parseRolloutName, plainPath, type RolloutName } from "../format/names.ts";
import { listFolder, lstatOrUndefined, readWholeFile, statOrUndefined } from "../io/files.ts";

type FolderEntry = ReturnType<typeof listFolder>[number];

/** The list of names, in the Codex home (state-and-compression §5.4). */
export const SESSION_INDEX = "session_index.jsonl";

export interface Home {
  /** Absolute folder of rollouts, session index and configuration. */
  readonly codexHome: string;
  /** Absolute folder of the SQLite files; usually the same. */
  readonly sqliteHome: string;
  /** Provider that a thread has when its rollout names none. */
  readonly defaultProvider: string;
}

/** A rollout as its folder names it. */
export interface ListedRollout {
  /** Absolute path of the file that is there: `.jsonl`, or `.jsonl.zst` when only that form exists. */
  readonly path: string;
  /** `path` without `.zst`: what reports show. */
  readonly logicalPath: string;
  /** Relative to the Codex home, `/` between parts: Codex's watermark text and the order of processing. */
  readonly relativePath: string;
  readonly archived: boolean;
  /** Undefined for a name outside the grammar; such files are indexed all the same. */
  readonly name: RolloutName | undefined;
  /** Both forms are there; `path` is the plain one, which wins (rollout-format §1.3). */
  readonly hasCompressedTwin: boolean;
}

export interface RolloutFile extends ListedRollout {
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly inode: number;
}

/** Something under the session folders that looks like a rollout and cannot be one, or a folder that cannot be read. */
export interface DiscoveryProblem {
  readonly path: string;
  readonly message: string;
  /** A folder could not be listed: threads below it are unknown, which is not the same as absent. */
  readonly hidesThreads: boolean;
}

export interface Discovery<File = RolloutFile> {
  /** Ordered by `relativePath`, so archived rollouts come first. */
  readonly files: readonly File[];
  /** Documents of the TypeScript CLI of early 2025 (`rollout-*.json`); Codex never indexes them. */
  readonly documents: readonly string[];
  readonly problems: readonly DiscoveryProblem[];
}

export const ROLLOUT_ROOTS = ["archived_sessions", "sessions"] as const;

export interface HomeOptions {
  readonly codexHome: string;
  /** Given on the command line: beats configuration and environment. */
  readonly sqliteHome?: string | undefined;
  /** Value of the environment variable `CODEX_SQLITE_HOME`. */
  readonly sqliteHomeEnv?: string | undefined;
}

/**
 * Finds the parts of a home. `config.toml` beats the environment, as in Codex (state-and-compression §1.2).
 * @throws RolloutError `not-found` / `not-a-file` when the home is not a folder.
 */
export function openHome(options: HomeOptions): Home {
  const codexHome = resolve(options.codexHome);
  requireFolder(codexHome);
  const config = readConfig(codexHome);
  const sqliteHome = options.sqliteHome ?? config.sqliteHome ?? options.sqliteHomeEnv;
  return {
    codexHome,
    sqliteHome: sqliteHome === undefined || sqliteHome === "" ? codexHome : resolve(codexHome, sqliteHome),
    defaultProvider: config.provider ?? "openai",
  };
}

function requireFolder(path: string): void {
  const stat = statOrUndefined(path);
  if (stat?.isDirectory() === true) return;
  const [code, reason] =
    stat === undefined ? (["not-found", "does not exist"] as const) : (["not-a-file", "is not a folder"] as const);
  throw new RolloutError(code, `the Codex home ${reason}`, {
    path,
    hint: "name the folder that holds sessions/ with --codex-home or CODEX_HOME",
  });
}

/** The two top-level keys of `config.toml` that matter here. Anything that is not a plain string is left alone. */
function readConfig(codexHome: string): { readonly sqliteHome?: string; readonly provider?: string } {
  let text: string;
  try {
    text = readWholeFile(join(codexHome, "config.toml")).toString("utf8");
  } catch {
    return {};
  }
  const table = /^\s*\[/m.exec(text);
  const top = table === null ? text : text.slice(0, table.index);
  const sqliteHome = topLevelString(top, "sqlite_home");
  const provider = topLevelString(top, "model_provider");
  return { ...(sqliteHome === undefined ? {} : { sqliteHome }), ...(provider === undefined ? {} : { provider }) };
}

function topLevelString(toml: string, key: string): string | undefined {
  const match = new RegExp(`^[ \\t]*${key}[ \\t]*=[ \\t]*(?:"((?:[^"\\\\\\n]|\\\\.)*)"|'([^'\\n]*)')`, "m").exec(toml);
  if (match === null) return undefined;
  if (match[2] !== undefined) return match[2];
  try {
    return JSON.parse(`"${match[1]}"`) as string;
  } catch {
    return undefined;
  }
}

/**
 * Walks both session folders. Nested folders of any shape count; symbolic links below the two roots are not followed.
 * A root that is absent is an empty one.
 * @throws RolloutError `unreadable` when a root exists and cannot be listed (a link loop, no permission).
 */
export function discoverRollouts(codexHome: string): Discovery {
  const found = listRollouts(codexHome);
  return { ...found, files: found.files.flatMap(describeFile) };
}

/** The same without a look at each file, which takes five times as long. @throws RolloutError as `discoverRollouts` does. */
export function listRollouts(codexHome: string): Discovery<ListedRollout> {
  const walk: Walk = { files: [], documents: [], problems: [] };
  for (const root of ROLLOUT_ROOTS) walkRoot(codexHome, root, walk);
  walk.files.sort((a, b) => (a.relativePath < b.relativePath ? -1 : 1));
  return walk;
}

interface Walk {
  readonly files: ListedRollout[];
  readonly documents: string[];
  readonly problems: DiscoveryProblem[];
}

function walkRoot(codexHome: string, root: string, walk: Walk): void {
  const folder = join(codexHome, root);
  if (lstatOrUndefined(folder) === undefined) return;
  const names = listFolder(folder);
  const pending: { folder: string; relative: string; names: FolderEntry[] }[] = [{ folder, relative: root, names }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    visitFolder(next, root === "archived_sessions", walk);
    for (const entry of next.names) {
      if (!entry.isDirectory()) continue;
      const path = join(next.folder, entry.name);
      const below = listOrReport(path, walk);
      if (below !== undefined) pending.push({ folder: path, relative: `${next.relative}/${entry.name}`, names: below });
    }
  }
}

function listOrReport(path: string, walk: Walk): FolderEntry[] | undefined {
  try {
    return listFolder(path);
  } catch (error) {
    if (!(error instanceof RolloutError)) throw error;
    walk.problems.push({ path, message: error.message, hidesThreads: true });
    return undefined;
  }
}

function visitFolder(
  at: { readonly folder: string; readonly relative: string; readonly names: readonly FolderEntry[] },
  archived: boolean,
  walk: Walk,
): void {
  let compressed: Set<string> | undefined;
  let plain: Set<string> | undefined;
  for (const entry of at.names) {
    if (entry.name.endsWith(".jsonl.zst")) (compressed ??= new Set()).add(entry.name);
    else if (entry.isFile()) (plain ??= new Set()).add(entry.name);
  }
  for (const entry of at.names) {
    const path = `${at.folder}/${entry.name}`;
    if (entry.isFile() && /^rollout-.*\.json$/.test(entry.name)) walk.documents.push(path);
    if (!looksLikeRollout(entry.name)) continue;
    if (!entry.isFile()) {
      walk.problems.push({ path, message: `${kindOf(entry)}, not a rollout file`, hidesThreads: false });
      continue;
    }
    if (entry.name.endsWith(".zst") && plain?.has(plainPath(entry.name)) === true) continue;
    const hasCompressedTwin = compressed?.has(`${entry.name}.zst`) === true;
    walk.files.push(new Listed(path, `${at.relative}/${entry.name}`, archived, hasCompressedTwin));
  }
}

class Listed implements ListedRollout {
  readonly path: string;
  readonly logicalPath: string;
  readonly relativePath: string;
  readonly archived: boolean;
  readonly hasCompressedTwin: boolean;

  constructor(path: string, relativePath: string, archived: boolean, hasCompressedTwin: boolean) {
    this.path = path;
    this.logicalPath = plainPath(path);
    this.relativePath = relativePath;
    this.archived = archived;
    this.hasCompressedTwin = hasCompressedTwin;
  }

  /** Taken apart when somebody wants to know: that takes as long as to list it. */
  get name(): RolloutName | undefined {
    return parseRolloutName(basename(this.path));
  }
}

/** None for a file that is gone by now. */
function describeFile(file: ListedRollout): readonly RolloutFile[] {
  const stat = lstatOrUndefined(file.path);
  if (stat === undefined) return [];
  const { path, logicalPath, relativePath, archived, name, hasCompressedTwin } = file;
  const { size: sizeBytes, ctimeMs, ino: inode } = stat;
  const mtimeMs = Math.floor(stat.mtimeMs);
  return [{ path, logicalPath, relativePath, archived, name, hasCompressedTwin, sizeBytes, mtimeMs, ctimeMs, inode }];
}

function kindOf(entry: FolderEntry): string {
  if (entry.isDirectory()) return "a folder";
  if (entry.isSymbolicLink()) return "a symbolic link";
  if (entry.isFIFO()) return "a named pipe";
  if (entry.isSocket()) return "a socket";
  return "a device";
}
