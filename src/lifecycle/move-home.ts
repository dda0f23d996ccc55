/**
 * `move --home`: a whole Codex home to another place, or one that has been moved by other means: its rows name every rollout by an
 * absolute path, without which nothing is resumed any more (observed §4). First the files, by one rename or by a copy that was
 * compared; then the rows, in the home at its new place. What is cut off between the two is finished by the same command.
 */
import { readlinkSync, realpathSync, renameSync, rmdirSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, normalize, relative, resolve, sep } from "node:path";
import { RolloutError, errnoOf } from "../errors.ts";
import { claimHome } from "../indexer/guard.ts";
import { fileError, fsyncFolder, listFolder, lstatOrUndefined } from "../io/files.ts";
import { ensureFolder } from "../io/swap.ts";
import { Journal } from "../journal/journal.ts";
import type { Recovered } from "../journal/types.ts";
import { type Home, type HomeOptions, openHome } from "../readers/home.ts";
import { createPlacer } from "../readers/place.ts";
import { copiedFrom, type CopyReport, copyTree, removeCopied, requireAsCopied } from "./copy-tree.ts";
import { type FolderMap, folderMap, type FolderPair, rebased } from "./cwd-map.ts";
import { type HomeRows, homeRows } from "./home-rows.ts";
import { mapFolders, type MappedRollouts, plannedMapping } from "./map-folders.ts";
import { configSteps } from "./sqlite-home.ts";
import { surveyHome } from "./survey.ts";
import type { LifecycleOptions } from "./types.ts";

export interface MoveHomeOptions extends LifecycleOptions {
  /** Absolute: where the home is to be, or is already. */
  readonly target: string;
  /** Absolute: where it was, when it has been moved by other means. */
  readonly from?: string | undefined;
  readonly folders: readonly FolderPair[];
  /** Copy also where a rename would do; for tests. */
  readonly byCopy?: boolean | undefined;
}

export interface MoveHomeReport {
  readonly action: "move-home";
  readonly dryRun: boolean;
  readonly source: string;
  readonly target: string;
  /** `rows`: it lay there already. `nothing`: and its rows said so. */
  readonly how: "renamed" | "copied" | "rows" | "nothing" | "planned";
  /** Files that were copied; 0 for a rename. */
  readonly files: number;
  readonly bytes: number;
  /** Rows with another path than before, by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Rollouts in which a working folder was replaced. */
  readonly rollouts: number;
  readonly manifest: string | undefined;
  readonly recovered: readonly Recovered[];
  readonly notes: readonly string[];
}

/**
 * `home.codexHome` is where the home is or was.
 * @throws RolloutError `not-found`, `mismatch` when the new place is taken, `busy`, `unsupported`, `disk-full`; the home is then
 *   where it was, or at its new place, and the same call goes on.
 */
export function moveHome(home: HomeOptions, options: MoveHomeOptions): MoveHomeReport {
  const source = resolve(home.codexHome);
  const target = resolve(options.target);
  const isThere = options.from !== undefined || source === target || lstatOrUndefined(source) === undefined;
  const old = options.from ?? source;
  const half = old !== target && copiedFrom(target) === old;
  if (half) requireAsCopied(target);
  if (isThere) return finish(home, { source: old, target, options, moved: undefined });
  if (!half) {
    requireFree(source, target);
    requireNoLinkOut(source);
  }
  if (options.dryRun === true) return planned(home, { source, target, options });
  const moved = half ? copiedBefore() : carryOver(openHome(home), target, options);
  return finish(home, { source, target, options, moved });
}

interface Call {
  readonly source: string;
  readonly target: string;
  readonly options: MoveHomeOptions;
}

interface Moved extends CopyReport {
  readonly how: "renamed" | "copied";
  /** The old place with links resolved, as it was before; Codex may have stored it so. */
  readonly real: string | undefined;
}

/** A link would be all that is moved; a home within itself would have no end. */
function requireFree(source: string, target: string): void {
  const stat = lstatOrUndefined(source);
  if (stat?.isDirectory() !== true) {
    throw new RolloutError("unsupported", "the home is a link or a file, not a folder", {
      path: source,
      hint: "name the folder that it leads to with --codex-home; nothing was changed",
    });
  }
  for (const [inner, outer] of [[source, target] as const, [target, source] as const]) {
    if (!inner.startsWith(outer + sep)) continue;
    throw new RolloutError("usage", "the new place lies within the old one, or the old one within it", {
      path: target,
    });
  }
  const there = lstatOrUndefined(target);
  if (there === undefined || (there.isDirectory() && listFolder(target).length === 0)) return;
  throw new RolloutError("mismatch", "there is something at the new place already", {
    path: target,
    hint: "name a folder that does not exist yet, or --from for a home that has been moved there by other means",
  });
}

/** The folders that Codex writes to may be links; one that is told from where it lies would lead elsewhere afterwards. */
function requireNoLinkOut(source: string): void {
  for (const entry of listFolder(source)) {
    if (!entry.isSymbolicLink()) continue;
    const path = join(source, entry.name);
    const link = readlinkSync(path);
    if (isAbsolute(link) || normalize(link).split(sep)[0] !== "..") continue;
    throw new RolloutError("unsupported", "a link in the home leads out of it by a relative path, and would break", {
      path,
      hint: "make it a link to an absolute path first and run again; nothing was changed",
    });
  }
}

function carryOver(home: Home, target: string, options: MoveHomeOptions): Moved {
  // Told before anything is moved; what was cut off is brought to its end where it began.
  surveyHome(home);
  Journal.open(home, { command: "move", now: options.now, force: false }).close();
  // A process that has its databases open would go on writing to the old ones: nothing can force that.
  const lock = claimHome(home, { force: false });
  try {
    const source = home.codexHome;
    const real = realpathSync(source);
    ensureFolder(dirname(target));
    if (options.byCopy !== true && statSync(source).dev === statSync(dirname(target)).dev && renamed(source, target)) {
      return { how: "renamed", files: 0, bytes: 0, special: [], real };
    }
    return { how: "copied", ...copyTree(source, target), real };
  } finally {
    lock.release();
  }
}

/** False where the system cannot: folders of one device can still be mounts of their own. */
function renamed(source: string, target: string): boolean {
  try {
    if (lstatOrUndefined(target) !== undefined) rmdirSync(target);
    renameSync(source, target);
  } catch (error) {
    if (errnoOf(error) === "EXDEV") return false;
    throw fileError(error, "write", target);
  }
  fsyncFolder(dirname(target));
  if (dirname(source) !== dirname(target)) fsyncFolder(dirname(source));
  return true;
}

function copiedBefore(): Moved {
  return { how: "copied", files: 0, bytes: 0, special: [], real: undefined };
}

/** The home at its new place: rows, configuration, working folders; then the old files, where they were copied. */
function finish(
  given: HomeOptions,
  { source, target, options, moved }: Call & { readonly moved: Moved | undefined },
): MoveHomeReport {
  const { dryRun = false, now, force, folders } = options;
  const pairs = [...new Set([source, moved?.real ?? source])]
    .filter((path) => path !== target)
    .map((path) => ({ source: path, target }));
  const home = homeAt(given, target, pairs);
  const cwd = folderMap(folders);
  const rowsNow = (): HomeRows => homeRows(home, { rollout: rolloutMap(home, pairs, options.from !== undefined), cwd });
  const base = {
    action: "move-home" as const,
    dryRun,
    source,
    target,
    files: moved?.files ?? 0,
    bytes: moved?.bytes ?? 0,
  };
  if (dryRun) {
    const rows = rowsNow();
    const { rollouts } = plannedMapping(surveyHome(home), cwd);
    const notes = notesOf(home, rows, { source, moved });
    return { ...base, how: "planned", rows: rows.counts, rollouts, manifest: undefined, recovered: [], notes };
  }
  const journal = Journal.open(home, { command: "move", now, force });
  let rows: HomeRows;
  let mapped: MappedRollouts;
  try {
    // Only now: opening the journal may have taken back what a killed run had done to them.
    rows = rowsNow();
    mapped = inNewPlace(journal, home, { pairs, rows, cwd, folders });
  } finally {
    journal.close();
  }
  const left = removeOld(given, source, target);
  const isNothing = journal.manifest === undefined;
  return {
    ...base,
    how: moved?.how ?? (isNothing ? "nothing" : "rows"),
    rows: rows.counts,
    rollouts: mapped.rollouts,
    manifest: journal.manifest,
    recovered: journal.recovered,
    notes: [...notesOf(home, rows, { source, moved }), ...leftNotes(left, source)],
  };
}

/** Only the home that was asked for: a note can come along with a home that somebody else has copied. */
function removeOld(given: HomeOptions, source: string, target: string): readonly string[] {
  if (source === target || copiedFrom(target) !== source) return [];
  if (lstatOrUndefined(source)?.isDirectory() !== true) return removeCopied(target);
  // Whoever has come since the copy goes on in the old home; the same call takes it away later.
  const lock = claimHome(openHome({ ...given, codexHome: source }), { force: false });
  try {
    return removeCopied(target, lock.path);
  } finally {
    lock.release();
  }
}

function inNewPlace(
  journal: Journal,
  home: Home,
  {
    pairs,
    rows,
    cwd,
    folders,
  }: {
    readonly pairs: readonly FolderPair[];
    readonly rows: HomeRows;
    readonly cwd: FolderMap;
    readonly folders: readonly FolderPair[];
  },
): MappedRollouts {
  const config = pairs.flatMap((pair) => configSteps(journal, home.codexHome, pair)).slice(0, 1);
  const steps = [...config, ...rows.steps];
  if (steps.length > 0) journal.commit({ title: `move the home to ${home.codexHome}`, threadIds: [], steps });
  return folders.length === 0 ? { rollouts: 0 } : mapFolders(journal, surveyHome(home), cwd);
}

/** Databases that lay in the old home lie in the new one, whatever the configuration still says. */
function homeAt(given: HomeOptions, target: string, pairs: readonly FolderPair[]): Home {
  const home = openHome({ ...given, codexHome: target });
  for (const pair of pairs) {
    const sqliteHome = rebased(home.sqliteHome, pair);
    if (sqliteHome !== undefined) return { ...home, sqliteHome };
  }
  return home;
}

/** Of rows that name the old home; unless only those are meant, also of those whose file lies in this one all the same. */
function rolloutMap(home: Home, pairs: readonly FolderPair[], isTold: boolean): (path: string) => string | undefined {
  const placeOf = createPlacer(home);
  return (path) => {
    for (const pair of pairs) {
      const moved = rebased(path, pair);
      if (moved !== undefined) return moved;
    }
    if (isTold) return undefined;
    const place = placeOf(path);
    // A row may name either form: it goes on naming the one that it has.
    return place.status === "moved" ? (path.endsWith(".zst") ? place.path : place.logicalPath) : undefined;
  };
}

function notesOf(
  home: Home,
  rows: HomeRows,
  { source, moved }: { readonly source: string; readonly moved: Moved | undefined },
): readonly string[] {
  const outside = relative(home.codexHome, home.sqliteHome).startsWith("..");
  return [
    ...(outside ? [`its databases lie at ${home.sqliteHome} and stay there`] : []),
    ...(rows.elsewhere > 0
      ? [`${rows.elsewhere} rows name files of another folder than ${source}, and were left`]
      : []),
    ...(moved?.special ?? []).map((path) => `${path} is a socket, pipe or device, and was not copied`),
  ];
}

function leftNotes(left: readonly string[], source: string): readonly string[] {
  const [first] = left;
  if (first === undefined) return [];
  return [
    `${left.length} files have changed at the old place, come since or are open for writing, such as ${first}: they are still in ${source}`,
  ];
}

function planned(given: HomeOptions, { source, target, options }: Call): MoveHomeReport {
  const home = openHome(given);
  const cwd = folderMap(options.folders);
  const settled = rolloutMap(home, [], false);
  const rows = homeRows(home, { rollout: (path) => rebased(settled(path) ?? path, { source, target }), cwd });
  const { rollouts } = plannedMapping(surveyHome(home), cwd);
  return {
    action: "move-home",
    dryRun: true,
    source,
    target,
    how: "planned",
    files: 0,
    bytes: 0,
    rows: rows.counts,
    rollouts,
    manifest: undefined,
    recovered: [],
    notes: notesOf(home, { ...rows, elsewhere: 0 }, { source, moved: undefined }),
  };
}
