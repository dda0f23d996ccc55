/**
 * Where the file lies that a row of the index names. The index may be older than the home: files are compressed, archived
 * and removed, and homes are copied and moved, while `rollout_path` is absolute (state-and-compression §2.5).
 */
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { compressedPath, plainPath, withoutVerbatimPrefix } from "../format/names.ts";
import { statOrUndefined } from "../io/files.ts";
import { resolveFolder } from "../io/paths.ts";
import { type Home, ROLLOUT_ROOTS } from "./home.ts";

export interface Place {
  /**
   * `here`: where the index says. `moved`: the index names a file of another folder, and this home has it at the same
   * place below its own. `missing`: this home should have it and has not. `elsewhere`: outside this home, not looked at.
   */
  readonly status: "here" | "moved" | "missing" | "elsewhere";
  /** The plain path, in this home unless `elsewhere`. */
  readonly logicalPath: string;
  /** The file that is there; undefined unless `here` or `moved`. */
  readonly path: string | undefined;
  /** In no folder that Codex lists from files: neither `sessions/YYYY/MM/DD` nor flat `archived_sessions` (state-and-compression §5.2). */
  readonly isOddFolder: boolean;
}

/** Whether a path lies below the archive of a home. */
export function isArchivedIn(home: Home, path: string): boolean {
  return relative(home.codexHome, path).startsWith(`archived_sessions${sep}`);
}

/** Resolves the folders of the home once, then answers for any number of rows. */
export function createPlacer(home: Home): (rolloutPath: string) => Place {
  const roots = ROLLOUT_ROOTS.flatMap((name) => {
    const folder = join(home.codexHome, name);
    // Codex may have stored the path with links resolved.
    return [folder, resolveFolder(folder) ?? folder].map((path) => ({ name, prefix: path + sep }));
  });
  return (rolloutPath) => {
    const named = plainPath(withoutVerbatimPrefix(rolloutPath));
    const normal = isAbsolute(named) ? resolve(named) : named;
    const root = roots.find(({ prefix }) => normal.startsWith(prefix));
    if (root !== undefined) {
      const path = existingForm(normal);
      return place(
        path === undefined ? "missing" : "here",
        normal,
        path,
        `${root.name}/${normal.slice(root.prefix.length)}`,
      );
    }
    const below = belowRoot(named);
    const moved = below === undefined ? undefined : join(home.codexHome, ...below.split("/"));
    const path = moved === undefined ? undefined : existingForm(moved);
    return moved === undefined || path === undefined
      ? place("elsewhere", named, undefined, below)
      : place("moved", moved, path, below);
  };
}

function place(
  status: Place["status"],
  logicalPath: string,
  path: string | undefined,
  below: string | undefined,
): Place {
  const isOddFolder = below !== undefined && !USUAL.test(below.replaceAll("\\", "/"));
  return { status, logicalPath, path, isOddFolder };
}

const USUAL = /^(?:sessions\/\d{4}\/\d{2}\/\d{2}|archived_sessions)\/[^/]+$/;

/** The part of any system's path from its last session folder on, with `/` between parts. */
function belowRoot(path: string): string | undefined {
  const parts = path.split(/[/\\]/);
  const at = parts.findLastIndex((part) => (ROLLOUT_ROOTS as readonly string[]).includes(part));
  const below = parts.slice(at);
  if (at === -1 || below.length < 2 || below.some((part) => part === "" || part === "." || part === ".."))
    return undefined;
  return below.join("/");
}

/** The plain file wins where both forms are there (rollout-format §1.3). */
function existingForm(logicalPath: string): string | undefined {
  return [logicalPath, compressedPath(logicalPath)].find(isFile);
}

/** Whatever cannot be looked at is not there: the text may hold a NUL, or lead through a folder that is closed. */
function isFile(path: string): boolean {
  try {
    return statOrUndefined(path)?.isFile() === true;
  } catch {
    return false;
  }
}
