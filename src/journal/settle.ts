/** What runs before were cut off in: brought to one of its ends before anything else is done. Under the home's maintenance lock. */
import { dirname } from "node:path";
import { RolloutError } from "../errors.ts";
import { lstatOrUndefined } from "../io/files.ts";
import type { Home } from "../readers/home.ts";
import { purge, settleUnit, withLocks } from "./carry-out.ts";
import {
  manifestIn,
  manifestsOf,
  ManifestWriter,
  readManifest,
  requireItsDatabases,
  type Run,
  runFolders,
  type UnitState,
} from "./manifest.ts";
import { tidyRun } from "./passing.ts";
import type { PlannedUnit } from "./planned.ts";
import type { Recovered } from "./types.ts";

/** A manifest that cannot be read is told, and left as it is. */
export function settleRuns(home: Home): readonly Recovered[] {
  for (const folder of runFolders(home)) if (lstatOrUndefined(manifestIn(folder)) === undefined) tidyRun(home, folder);
  const later = new Set<string>();
  return manifestsOf(home)
    .toReversed()
    .flatMap((manifest) => {
      try {
        return settleRun(home, readManifest(home, manifest), later);
      } catch (error) {
        if (!(error instanceof RolloutError) || error.code === "internal") throw error;
        return [{ title: "a run", manifest, outcome: "stuck" as const, reason: error.message }];
      }
    });
}

/**
 * The last unit first. `later`: what units behind it have changed, or may still have to: an older one that was about the same cannot be
 * told from them any more.
 */
function settleRun(home: Home, run: Run, later: Set<string>): readonly Recovered[] {
  const { manifest, units } = run;
  for (const { unit, state } of units) if (state === "done") purge(unit);
  const writer = units.some(isOpen) ? new ManifestWriter(home, manifest) : undefined;
  try {
    const settled = units.toReversed().flatMap((one): readonly Recovered[] => {
      const places = placesOf(one.unit);
      const answer =
        writer !== undefined && isOpen(one) ? settleOne(home, one, { run, writer, later, places }) : undefined;
      if (one.state !== "undone" && answer?.outcome !== "undone") for (const place of places) later.add(place);
      return answer === undefined ? [] : [{ title: one.unit.title, manifest, ...answer }];
    });
    // Of a unit that is stuck they may be all that there is of its new file.
    if (settled.every(({ outcome }) => outcome !== "stuck")) tidyRun(home, dirname(manifest));
    return settled;
  } finally {
    writer?.close();
  }
}

function isOpen({ state }: { readonly state: UnitState }): boolean {
  return state === "planned" || state === "undoing";
}

/** Files and rows, each by what tells it apart. */
function placesOf({ steps }: PlannedUnit): readonly string[] {
  return steps.flatMap(({ step }) => {
    if (step.kind === "forget") return [];
    if (step.kind !== "rows") return step.kind === "move" ? [step.path, step.target] : [step.path];
    return step.changes.map(
      ({ table, key }) => `${step.database} ${table} ${Object.values(key).map(String).join(" ")}`,
    );
  });
}

interface Settling {
  readonly run: Run;
  readonly writer: ManifestWriter;
  readonly later: ReadonlySet<string>;
  readonly places: readonly string[];
}

function settleOne(
  home: Home,
  { unit, state }: Run["units"][number],
  { run, writer, later, places }: Settling,
): Pick<Recovered, "outcome" | "reason"> {
  if (places.some((place) => later.has(place))) return { outcome: "stuck", reason: "a later run has changed the same" };
  try {
    requireItsDatabases(home, run);
    const settled = withLocks(home, unit, () => settleUnit(unit, state, writer));
    if (settled.outcome !== "stuck") return { outcome: settled.outcome, reason: undefined };
    return { outcome: "stuck", reason: `${settled.path ?? "a file"} was changed since` };
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return { outcome: "stuck", reason: error.message };
  }
}
