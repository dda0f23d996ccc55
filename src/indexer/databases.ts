/**
 * The SQLite files of a home: their names, what is to become of a damaged one, and a look at each that writes nothing
 * (state-and-compression §1.1, §3.4).
 */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { listFolder, lstatOrUndefined } from "../io/files.ts";
import { checkFile } from "../io/sqlite-image.ts";
import type { Neighbour, NeighbourState } from "./report.ts";

export const STATE_DB = "state_5.sqlite";

/** Generation that this tool knows; a file of a higher one belongs to a Codex that it does not know. */
const STATE_GENERATION = 5;

interface NeighbourKind {
  readonly file: string;
  /** Codex never mends it by itself and most threads fail while it is broken (observed §4). */
  readonly vital: boolean;
}

const NEIGHBOURS: readonly NeighbourKind[] = [
  { file: "thread_history_1.sqlite", vital: true },
  { file: "goals_1.sqlite", vital: false },
  { file: "queue_1.sqlite", vital: false },
  { file: "memories_1.sqlite", vital: false },
  { file: "memories_v2_1.sqlite", vital: false },
  { file: "logs_2.sqlite", vital: false },
];

/** Larger files are judged by their header only. */
const MAX_CHECKED_BYTES = 256 * 1024 * 1024;

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
  if (stat !== undefined && !stat.isFile()) throw new RolloutError("not-a-file", "the database is not a regular file", { path });
  const newer = listFolder(sqliteHome).find(({ name }) => generationOf(name) > STATE_GENERATION);
  if (newer !== undefined) {
    throw new RolloutError("unsupported", "this home belongs to a newer Codex, whose database this version does not know", {
      path: join(sqliteHome, newer.name),
      hint: "update rollout-tool; nothing was changed",
    });
  }
}

function generationOf(name: string): number {
  return Number(/^state_(\d+)\.sqlite$/.exec(name)?.[1] ?? 0);
}

/** Paths of all databases of a home that a run may look at. */
export function databasePaths(sqliteHome: string): readonly string[] {
  return [STATE_DB, ...NEIGHBOURS.map(({ file }) => file)].map((file) => join(sqliteHome, file));
}

/** Looks at every other database; `movedAside` says what a run has to do, or with `moveAll` may do. */
export function inspectNeighbours(sqliteHome: string, moveAll: boolean): readonly Neighbour[] {
  return NEIGHBOURS.flatMap(({ file, vital }) => {
    const { state, message } = inspectFile(join(sqliteHome, file));
    if (state === "absent") return [];
    return [{ file, state, message, movedAside: state === "damaged" && (vital || moveAll) }];
  });
}

function inspectFile(path: string): { readonly state: NeighbourState; readonly message?: string } {
  try {
    if (lstatOrUndefined(path)?.isSymbolicLink() === true) return { state: "not-checked", message: "it is a symbolic link" };
    const { status, problems } = checkFile(path, { maxBytes: MAX_CHECKED_BYTES });
    switch (status) {
      case "missing":
        return { state: "absent" };
      case "ok":
      case "empty":
        return { state: "healthy" };
      case "unchecked":
        return { state: "not-checked", message: "it is too large to be read as a whole; its header is sound" };
      default:
        return { state: "damaged", message: problems[0] ?? "it cannot be read as a database" };
    }
  } catch (error) {
    if (error instanceof RolloutError) return { state: "not-checked", message: error.message };
    throw error;
  }
}
