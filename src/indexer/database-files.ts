/** The SQLite files of a home by name (state-and-compression §1.1), and which of them this tool refuses to replace. */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { listFolder, lstatOrUndefined } from "../io/files.ts";

export const STATE_DB = "state_5.sqlite";

/** How the names of new files begin while they are being built; a killed run leaves such a one behind. */
export const UNFINISHED = `.${STATE_DB}.rollout-tool-`;

/** Generation that this tool knows; a file of a higher one belongs to a Codex that it does not know. */
const STATE_GENERATION = 5;

interface NeighbourKind {
  readonly file: string;
  /** Codex never mends it by itself and most threads fail while it is broken (observed §4). */
  readonly vital: boolean;
}

export const NEIGHBOURS: readonly NeighbourKind[] = [
  { file: "thread_history_1.sqlite", vital: true },
  { file: "goals_1.sqlite", vital: false },
  { file: "queue_1.sqlite", vital: false },
  { file: "memories_1.sqlite", vital: false },
  { file: "memories_v2_1.sqlite", vital: false },
  { file: "logs_2.sqlite", vital: false },
];

/**
 * Refuses what must not be replaced: a link (it would leave the home), or a home of a newer Codex.
 * @throws RolloutError `unsupported` or `not-a-file`.
 */
export function requireOwnDatabase(sqliteHome: string): void {
  const path = join(sqliteHome, STATE_DB);
  const stat = lstatOrUndefined(path);
  if (stat?.isSymbolicLink() === true) {
    throw new RolloutError("unsupported", "the database is a symbolic link, which is not followed for writing", {
      path,
      hint: "name the folder that really holds it with --sqlite-home",
    });
  }
  if (stat !== undefined && !stat.isFile())
    throw new RolloutError("not-a-file", "the database is not a regular file", { path });
  const newer = listFolder(sqliteHome).find(({ name }) => generationOf(name) > STATE_GENERATION);
  if (newer !== undefined) {
    throw new RolloutError(
      "unsupported",
      "this home belongs to a newer Codex, whose database this version does not know",
      {
        path: join(sqliteHome, newer.name),
        hint: "update rollout-tool; nothing was changed",
      },
    );
  }
}

/** True when a killed run left something to be cleared away. */
export function hasUnfinished(sqliteHome: string): boolean {
  return listFolder(sqliteHome).some(({ name }) => name.startsWith(UNFINISHED));
}

function generationOf(name: string): number {
  return Number(/^state_(\d+)\.sqlite$/.exec(name)?.[1] ?? 0);
}

/** Paths of all databases of a home that a run may look at. */
export function databasePaths(sqliteHome: string): readonly string[] {
  return [STATE_DB, ...NEIGHBOURS.map(({ file }) => file)].map((file) => join(sqliteHome, file));
}
