/** Which places of a thread are another thread's: in a file that it continues, or in a prefix that was copied into its own. */
import { type FileHead, type Inherited, inheritedPart } from "../analysis/inherited.ts";
import type { ChainPosition, LineageSegment } from "../readers/lineage.ts";
import type { ExportThread } from "./threads.ts";

/** The copied prefixes of a thread's files, by path without `.zst`. */
export type CopiedParts = ReadonlyMap<string, Inherited>;

/** @throws RolloutError when a file cannot be read. */
export function copiedParts(heads: readonly FileHead[], { pathOf }: ExportThread): CopiedParts {
  const parts = new Map<string, Inherited>();
  for (const head of heads) {
    const part = inheritedPart(head, pathOf);
    if (part !== undefined) parts.set(head.file.logicalPath, part);
  }
  return parts;
}

export function inheritedPlaces(
  { id, newest }: ExportThread,
  segments: readonly LineageSegment[],
  parts: CopiedParts,
): (place: ChainPosition) => boolean {
  const own = segments.length - 1;
  return ({ segment = own, offset }) => {
    const file = segments[segment];
    if (file === undefined) return false;
    if (segment !== own && file.threadId !== id) return true;
    const part = parts.get(segment === own ? newest.file.logicalPath : file.logicalPath);
    return part !== undefined && offset >= part.copyOffset && offset < (part.ownOffset ?? Infinity);
  };
}
