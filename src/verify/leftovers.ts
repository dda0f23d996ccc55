/** What runs that were cut off have left in a home, Codex's own and this tool's (state-and-compression §4.3, §4.5, §4.7). */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { parsePassing } from "../compressor/names.ts";
import { UNFINISHED } from "../indexer/database-files.ts";
import { listFolder, lstatOrUndefined } from "../io/files.ts";
import { isLocked } from "../io/locks.ts";
import { unsettledUnits } from "../journal/undo.ts";
import { type Home, ROLLOUT_ROOTS } from "../readers/home.ts";
import type { Tell } from "./findings.ts";

const OF_CODEX = /^rollout-compress-.*\.tmp$|^\.rollout-materialize-|\.decompress\.[\w.]*\.tmp$/;

/** While a run is at work its files are none that were left; `holdsHome`: the caller is the only one that can be. */
export function checkLeftovers(home: Home, holdsHome: boolean, tell: Tell): void {
  const isAtWork = !holdsHome && isLocked(join(home.codexHome, ".tmp", "rollout-maintenance.lock"));
  if (!isAtWork) for (const root of ROLLOUT_ROOTS) walk(join(home.codexHome, root), tell);
  for (const { name } of listed(home.sqliteHome)) {
    if (name.startsWith(UNFINISHED)) tell("leftover-run", { path: join(home.sqliteHome, name) });
  }
  if (!isAtWork)
    for (const { manifest, title } of unsettledUnits(home)) tell("leftover-change", { path: manifest }, title);
  const journals = join(home.codexHome, "rollout-migrations");
  if (isAtWork) return;
  for (const { name } of listed(journals)) {
    if (name.endsWith(".pending")) tell("leftover-migration", { path: join(journals, name) });
  }
}

function walk(root: string, tell: Tell): void {
  const pending = [root];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of listed(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) pending.push(path);
      else if (OF_CODEX.test(entry.name)) tell("leftover-codex", { path });
      else if (parsePassing(folder, entry.name) !== undefined) tell("leftover-run", { path });
    }
  }
}

/** What cannot be listed has been told by discovery; what is not there has nothing left. */
function listed(folder: string): ReturnType<typeof listFolder> {
  try {
    return lstatOrUndefined(folder)?.isDirectory() === true ? listFolder(folder) : [];
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return [];
  }
}
