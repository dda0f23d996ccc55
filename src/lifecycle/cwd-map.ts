/** Working folders that have moved, as pairs of an old and a new place: `--map-cwd old=new`. Pure. */
import { RolloutError } from "../errors.ts";
import { withoutVerbatimPrefix } from "../format/names.ts";

export interface FolderPair {
  readonly source: string;
  readonly target: string;
}

/** The new path of a folder, or undefined where it stays. The longest old one that it lies in counts. */
export type FolderMap = (path: string) => string | undefined;

/** @throws RolloutError `usage` for one that is not two absolute paths with `=` between. */
export function parseFolderPair(text: string): FolderPair {
  // A path may hold the sign itself: the new one begins behind one at which both sides are absolute.
  for (let at = text.indexOf("="); at !== -1; at = text.indexOf("=", at + 1)) {
    const [source, target] = [trimmed(text.slice(0, at)), trimmed(text.slice(at + 1))];
    if (isAbsolutePath(source) && isAbsolutePath(target)) return { source, target };
  }
  throw new RolloutError("usage", "--map-cwd takes two absolute paths with = between, the old one first", {
    hint: "for example --map-cwd /home/me/old=/home/me/new",
  });
}

/** Of any system: a home may come from another one. */
function isAbsolutePath(path: string): boolean {
  return /^(?:\/|[A-Za-z]:[\\/]|\\\\)/.test(path);
}

function trimmed(path: string): string {
  return path.length > 1 ? path.replace(/[/\\]+$/, "") || path.slice(0, 1) : path;
}

/** @throws RolloutError `usage` when a new place lies within an old one: a run that is done again would map it again. */
export function folderMap(pairs: readonly FolderPair[]): FolderMap {
  const twice = pairs.find(({ target }) => pairs.some((pair) => rebased(target, pair) !== undefined));
  if (twice !== undefined) {
    throw new RolloutError(
      "usage",
      `--map-cwd leads from a folder to one within it, or on from there: ${twice.target}`,
      {
        hint: "map it to another place first",
      },
    );
  }
  const ordered = pairs.toSorted((a, b) => b.source.length - a.source.length);
  return (path) => {
    for (const pair of ordered) {
      const moved = rebased(path, pair);
      if (moved !== undefined) return moved;
    }
    return undefined;
  };
}

/** `path` with the old folder at its beginning replaced; undefined when it does not lie there. */
export function rebased(path: string, { source, target }: FolderPair): string | undefined {
  const plain = withoutVerbatimPrefix(path);
  if (plain === source) return target;
  const [root, end] = [source, target].map((folder) => folder.replace(/[/\\]$/, ""));
  const isWindows = !source.startsWith("/");
  const next = plain.charAt(root?.length ?? 0);
  if (!plain.startsWith(root ?? "") || !(next === "/" || (isWindows && next === "\\"))) return undefined;
  const rest = plain.slice((root?.length ?? 0) + 1);
  // From one kind of system to the other the separators change too; a name may hold a backslash where that is none.
  return target.startsWith("/") ? `${end}/${isWindows ? rest.replaceAll("\\", "/") : rest}` : `${end}${next}${rest}`;
}
