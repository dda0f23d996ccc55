/**
 * The run: rollouts, and whatever is left of the old database, become a sound one in its place.
 *
 *     old index ─┐
 *     rollouts ──┴─► rows ─► new file beside the old ─► checked ─► old files kept, new one renamed into place
 *                       └──► or, when the old one is sound: the differences, in one transaction
 */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import type { HeldLock } from "../io/locks.ts";
import type { SqlRow } from "../io/sqlite.ts";
import { createBackupFolder, moveDatabase, removeIfEmpty } from "../io/swap.ts";
import type { Home } from "../readers/home.ts";
import { STATE_DB } from "./database-files.ts";
import { inspectNeighbours } from "./neighbours.ts";
import { desiredIndex, type DesiredIndex } from "./desired.ts";
import { findDifferences } from "./differences.ts";
import { claimHome } from "./guard.ts";
import { type Look, lookAround, signedPaths } from "./look.ts";
import { fileSignature, writeManifest } from "./manifest.ts";
import { type OldIndex, readOldIndex } from "./old-index.ts";
import type { ReindexOptions } from "./options.ts";
import { clearUnfinished, publish, unfinishedPath } from "./publish.ts";
import type { Action, Neighbour, ReindexReport } from "./report.ts";
import { type BackfillState, buildStateDb, type Rejection } from "./state-db.ts";
import { updateStateDb } from "./state-update.ts";
import { summarize } from "./summary.ts";

/**
 * The whole run. Cheap when nothing has changed since the last one.
 *
 * @throws RolloutError `busy` while Codex or another run uses the home; `unsupported` for a newer home or a linked database;
 * `unwritable`, `disk-full`, `unreadable` with the old database untouched.
 */
export function reindex(home: Home, options: ReindexOptions): ReindexReport {
  const look = lookAround(home, options);
  return look.unchanged ?? reindexChanged(home, options, look);
}

/** The run after a look that found something to do. Throws as `reindex` does. */
export function reindexChanged(home: Home, options: ReindexOptions, look: Look): ReindexReport {
  if (options.mode === "check") return run(home, options, look);
  let lock: HeldLock | undefined;
  try {
    lock = claimHome(home, options);
    clearUnfinished(home.sqliteHome);
    return run(home, options, look);
  } finally {
    lock?.release();
  }
}

function run(home: Home, options: ReindexOptions, { discovery, manifest, startedMs }: Look): ReindexReport {
  const old = readOldIndex(join(home.sqliteHome, STATE_DB));
  const update = mayUpdate(old, options);
  const desired = desiredIndex({ home, options, discovery, old, manifest: update ? manifest : undefined });
  const neighbours = inspectNeighbours(home.sqliteHome, options.allDatabases);
  const differences = findDifferences(old, desired, update);
  const outcome =
    options.mode === "check"
      ? { action: "checked" as const, rejections: [], backup: undefined }
      : write(home, options, { old, desired, differences, neighbours, update });
  // What stays damaged has to be told again, so the next run must look again.
  const settled = neighbours.every(({ state, movedAside }) => state !== "damaged" || movedAside);
  if (options.mode === "write" && settled) remember(home, options, desired);
  return summarize({ home, options, discovery, startedMs, old, desired, differences, neighbours, ...outcome });
}

/** Rules of Codex's own always give a whole new file: they say what a rebuild gives, not what an update would. */
function mayUpdate(old: OldIndex, options: ReindexOptions): boolean {
  if (old.state !== "healthy" || options.rebuild || options.rules !== "best") return false;
  return options.level === undefined || options.level === old.level;
}

interface WriteInput {
  readonly old: OldIndex;
  readonly desired: DesiredIndex;
  readonly differences: ReturnType<typeof findDifferences>;
  readonly neighbours: readonly Neighbour[];
  readonly update: boolean;
}

interface Outcome {
  readonly action: Action;
  readonly rejections: readonly Rejection[];
  readonly backup: string | undefined;
}

function write(home: Home, options: ReindexOptions, input: WriteInput): Outcome {
  const outcome = input.update ? updateInPlace(home, options, input) : buildAnew(home, options, input);
  const aside = input.neighbours.filter(({ movedAside }) => movedAside);
  if (options.mode !== "write" || aside.length === 0) return outcome;
  const backup = outcome.backup ?? createBackupFolder(join(home.sqliteHome, "db-backups"), options.now());
  for (const { file } of aside) moveDatabase(join(home.sqliteHome, file), backup);
  return { ...outcome, backup };
}

function updateInPlace(home: Home, options: ReindexOptions, { old, desired, differences }: WriteInput): Outcome {
  const backfillDone = old.backfill?.["status"] === "complete";
  const removed = options.prune ? desired.withoutRollout : [];
  const quiet = differences.isEmpty && removed.length === 0 && backfillDone;
  if (options.mode !== "write") return { action: "checked", rejections: [], backup: undefined };
  if (quiet) return { action: "unchanged", rejections: [], backup: undefined };
  updateStateDb(join(home.sqliteHome, STATE_DB), {
    threads: differences.missing,
    patches: differences.patches,
    edges: differences.missingEdges.map((edge): SqlRow => ({ ...edge })),
    removed,
    ...(backfillDone ? {} : { backfill: backfillState(desired, options.now()) }),
  });
  return { action: "updated", rejections: [], backup: undefined };
}

function buildAnew(home: Home, options: ReindexOptions, { old, desired }: WriteInput): Outcome {
  const finished = unfinishedPath(home.sqliteHome, `${options.now()}`);
  const report = buildStateDb(finished, {
    level: desired.level,
    flavour: desired.flavour,
    rows: desired.rows,
    backfill: backfillState(desired, options.now()),
  });
  const rejections = report.rejections;
  if (options.mode !== "write") {
    clearUnfinished(home.sqliteHome);
    return { action: "checked", rejections, backup: undefined };
  }
  const backup = createBackupFolder(join(home.sqliteHome, "db-backups"), options.now());
  publish({
    sqliteHome: home.sqliteHome,
    finished,
    oldIsReadable: old.state === "healthy" || old.state === "refused",
    backup,
  });
  removeIfEmpty(backup);
  const kept = old.state !== "absent";
  return { action: kept ? "rebuilt" : "created", rejections, backup: kept ? backup : undefined };
}

function backfillState(desired: DesiredIndex, nowMs: number): BackfillState {
  const nowSeconds = Math.floor(nowMs / 1000);
  return { status: "complete", lastWatermark: desired.watermark, lastSuccessAt: nowSeconds, updatedAt: nowSeconds };
}

function remember(home: Home, options: ReindexOptions, desired: DesiredIndex): void {
  const signatures = Object.fromEntries(signedPaths(home).map((path) => [path, fileSignature(path)]));
  try {
    writeManifest(home.sqliteHome, {
      codexHome: home.codexHome,
      rules: options.rules,
      level: desired.level,
      signatures,
      files: desired.memories,
    });
  } catch (error) {
    // The index is in place; only the next run will be slower.
    if (!(error instanceof RolloutError)) throw error;
  }
}
