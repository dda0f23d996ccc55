/** A rollout that was named by its path, told as those are that a walk over a home finds (`readers/home.ts`). */
import { basename, relative, sep } from "node:path";
import { homeOf } from "../compressor/discover.ts";
import { compressedPath, parseRolloutName, plainPath } from "../format/names.ts";
import { lstatOrUndefined } from "../io/files.ts";
import type { RolloutFile } from "../readers/home.ts";

/** Undefined when neither form is there as a regular file. Outside of every home `relativePath` is the path itself. */
export function describeRollout(path: string): RolloutFile | undefined {
  const logicalPath = plainPath(path);
  const plain = lstatOrUndefined(logicalPath);
  const archive = lstatOrUndefined(compressedPath(logicalPath));
  const hasPlain = plain?.isFile() === true;
  const stat = hasPlain ? plain : archive;
  if (stat?.isFile() !== true) return undefined;
  const actual = hasPlain ? logicalPath : compressedPath(logicalPath);
  const home = homeOf(actual);
  const relativePath = home === undefined ? actual : relative(home, actual).split(sep).join("/");
  return {
    path: actual,
    logicalPath,
    relativePath,
    archived: relativePath.startsWith("archived_sessions/"),
    name: parseRolloutName(basename(actual)),
    sizeBytes: stat.size,
    mtimeMs: Math.floor(stat.mtimeMs),
    ctimeMs: stat.ctimeMs,
    inode: stat.ino,
    hasCompressedTwin: hasPlain && archive?.isFile() === true,
  };
}
