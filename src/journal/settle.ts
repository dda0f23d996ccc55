/** What runs before were cut off in: brought to one of its ends before anything else is done. Under the home's maintenance lock. */
import { dirname } from "node:path";
import { RolloutError } from "../errors.ts";
import { lstatOrUndefined } from "../io/files.ts";
import type { Home } from "../readers/home.ts";
import { purge, settleUnit, withLocks } from "./carry-out.ts";
import { manifestIn, manifestsOf, ManifestWriter, readManifest, type Run, runFolders } from "./manifest.ts";
import { tidyRun } from "./place.ts";
import type { PlannedUnit } from "./planned.ts";
import type { Recovered } from "./types.ts";

/** A manifest that cannot be read is told, and left as it is. */
export function settleRuns(home: Home): readonly Recovered[] {
  for (const folder of runFolders(home)) if (lstatOrUndefined(manifestIn(folder)) === undefined) tidyRun(folder);
  return manifestsOf(home).flatMap((manifest) => {
    try {
      return settleRun(home, readManifest(home, manifest));
    } catch (error) {
      if (!(error instanceof RolloutError) || error.code === "internal") throw error;
      return [{ title: "a run", manifest, outcome: "stuck" as const, reason: error.message }];
    }
  });
}

function settleRun(home: Home, { manifest, units }: Run): readonly Recovered[] {
  const open = units.filter(({ state }) => state === "planned" || state === "undoing");
  for (const { unit, state } of units) if (state === "done") purge(unit);
  if (open.length === 0) return dropStaged(manifest);
  const writer = new ManifestWriter(home, manifest);
  try {
    const settled = open.map(({ unit }) => ({ title: unit.title, manifest, ...settleOne(home, unit, writer) }));
    if (settled.every(({ outcome }) => outcome !== "stuck")) dropStaged(manifest);
    return settled;
  } finally {
    writer.close();
  }
}

/** Files that no unit will ever need. Of a unit that is stuck they may be all that there is of its new file. */
function dropStaged(manifest: string): readonly never[] {
  tidyRun(dirname(manifest));
  return [];
}

function settleOne(home: Home, unit: PlannedUnit, writer: ManifestWriter): Pick<Recovered, "outcome" | "reason"> {
  try {
    const settled = withLocks(home, unit, () => settleUnit(unit, writer));
    if (settled.outcome !== "stuck") return { outcome: settled.outcome, reason: undefined };
    return { outcome: "stuck", reason: `${settled.path ?? "a file"} was changed since` };
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return { outcome: "stuck", reason: error.message };
  }
}
