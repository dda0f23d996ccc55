/** The databases beside the state database: a look at each that writes nothing (state-and-compression §3.4). */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { lstatOrUndefined } from "../io/files.ts";
import { checkFile } from "../io/sqlite-image.ts";
import { NEIGHBOURS } from "./database-files.ts";
import type { Neighbour, NeighbourState } from "./report.ts";

/** Larger files are judged by their header only. */
const MAX_CHECKED_BYTES = 256 * 1024 * 1024;

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
    if (lstatOrUndefined(path)?.isSymbolicLink() === true)
      return { state: "not-checked", message: "it is a symbolic link" };
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
