/** A run undone, unit by unit, the last first: what `repair --undo` does. */
import { dirname, resolve } from "node:path";
import { requireLockFolder } from "../compressor/thread-lock.ts";
import { RolloutError } from "../errors.ts";
import { claimHome } from "../indexer/guard.ts";
import { lstatOrUndefined } from "../io/files.ts";
import type { Home } from "../readers/home.ts";
import { obstacle, undoUnit, withLocks } from "./carry-out.ts";
import {
  ManifestWriter,
  manifestIn,
  manifestsOf,
  readManifest,
  requireItsDatabases,
  type Run,
  type UnitState,
} from "./manifest.ts";
import type { PlannedUnit } from "./planned.ts";
import { settleRuns } from "./settle.ts";
import type { Undone } from "./types.ts";

export interface UndoOptions {
  /** Go on although Codex has its databases open. */
  readonly force?: boolean | undefined;
  /** Say what would be done, and change nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface UndoReport {
  readonly manifest: string;
  readonly command: string;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  readonly units: readonly Undone[];
}

/** Runs of a home that changed something, the newest first; those whose manifest cannot be read are left out. */
export function listRuns(home: Home): readonly Run[] {
  return manifestsOf(home)
    .toReversed()
    .flatMap((manifest) => {
      try {
        const run = readManifest(home, manifest);
        return run.units.length > 0 ? [run] : [];
      } catch (error) {
        if (!(error instanceof RolloutError) || error.code === "internal") throw error;
        return [];
      }
    });
}

/** Units of a home that a run was cut off in, or is at work on. */
export function unsettledUnits(home: Home): readonly { readonly manifest: string; readonly title: string }[] {
  return listRuns(home).flatMap(({ manifest, units }) =>
    units.flatMap(({ unit, state }) =>
      state === "planned" || state === "undoing" ? [{ manifest, title: unit.title }] : [],
    ),
  );
}

/**
 * `text`: path of a manifest, or of its folder. What runs were cut off in is settled first.
 * @throws RolloutError `not-found` when it is none of this home; `busy`, `damaged`, `unsupported`.
 */
export function undoRun(home: Home, text: string, options: UndoOptions = {}): UndoReport {
  const manifest = findManifest(home, text);
  if (options.dryRun === true) return reportOf(readManifest(home, manifest), judge);
  requireLockFolder(home.codexHome);
  const lock = claimHome(home, { force: options.force ?? false, openThreads: "leave" });
  try {
    settleRuns(home);
    const run = readManifest(home, manifest);
    requireItsDatabases(home, run);
    const writer = new ManifestWriter(home, manifest);
    try {
      return reportOf(run, (unit, state) => undoOne(home, { unit, state }, writer));
    } finally {
      writer.close();
    }
  } finally {
    lock.release();
  }
}

type Outcome = Pick<Undone, "outcome" | "reason">;

function reportOf(
  { manifest, command, startedMs, units }: Run,
  answer: (unit: PlannedUnit, state: UnitState) => Outcome,
): UndoReport {
  const answers = units.toReversed().map(({ unit, state }) => ({ title: unit.title, ...answer(unit, state) }));
  return { manifest, command, startedMs, units: answers };
}

function undoOne(
  home: Home,
  { unit, state }: { readonly unit: PlannedUnit; readonly state: UnitState },
  writer: ManifestWriter,
): Outcome {
  try {
    return withLocks(home, unit, () => {
      const outcome = judge(unit, state);
      if (outcome.outcome === "undone") undoUnit(unit, writer);
      return outcome;
    });
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code !== "busy") throw error;
    return { outcome: "busy", reason: error.message };
  }
}

function judge(unit: PlannedUnit, state: UnitState): Outcome {
  if (state === "undone") return { outcome: "already", reason: undefined };
  if (state !== "done") return { outcome: "changed", reason: "it was cut off, and could not be brought to an end" };
  const forGood = unit.steps.find(({ step }) => step.kind === "remove" && step.forGood === true);
  if (forGood !== undefined) return { outcome: "for-good", reason: "it removed files for good" };
  const found = obstacle(unit);
  if (found === undefined) return { outcome: "undone", reason: undefined };
  const { step } = found;
  const path = "path" in step ? step.path : step.database;
  return { outcome: "changed", reason: `${path} was changed since, which undoing would lose` };
}

function findManifest(home: Home, text: string): string {
  const path = resolve(text);
  const known = new Set(manifestsOf(home));
  for (const candidate of [path, manifestIn(path)]) if (known.has(candidate)) return candidate;
  throw new RolloutError("not-found", "this is not the manifest of a run in this home", {
    path,
    hint:
      lstatOrUndefined(dirname(path)) === undefined
        ? "Check the path."
        : "`rollout-tool repair --list` names those that there are",
  });
}
