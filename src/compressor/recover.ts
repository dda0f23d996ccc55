/**
 * What a killed run left behind, brought to an end: a plain file without its name gets it back or goes, a pair that was just
 * being made is one file again, and half-written forms are removed. Only under the maintenance lock, or when they are old:
 * nobody else may be at work on them. Nothing is removed that is not held byte by byte by something else.
 */
import { RolloutError } from "../errors.ts";
import { compressedPath } from "../format/names.ts";
import { lstatOrUndefined, removeIfThere } from "../io/files.ts";
import { heldForWriting } from "../io/holders.ts";
import { isSameFile, lookAtPath, nameWithoutClobber, withSources } from "./files.ts";
import type { PassingFile } from "./names.ts";
import type { Recovery } from "./report.ts";
import { beginsWith, type Comparison, compareArchive } from "./verify.ts";

/** Codex takes its own temporary files for dead after this time too (state-and-compression §4.3). */
const STALE_MS = 6 * 3600 * 1000;

/** `isLocked`: whether the home of the file is claimed by this run. Plain files without their name come first. */
export function recover(
  passing: readonly PassingFile[],
  isLocked: (path: string) => boolean,
  nowMs: number,
): readonly Recovery[] {
  const dead = passing.filter(({ path }) => {
    const stat = lstatOrUndefined(path);
    return stat !== undefined && (isLocked(path) || nowMs - stat.ctimeMs >= STALE_MS);
  });
  const asides = dead.filter(({ kind }) => kind === "aside");
  const others = dead.filter(({ kind }) => kind !== "aside");
  return [...asides.map((file) => guarded(file, recoverAside)), ...others.map((file) => guarded(file, recoverPartial))];
}

function guarded(file: PassingFile, work: (file: PassingFile) => Recovery): Recovery {
  try {
    return work(file);
  } catch (error) {
    if (!(error instanceof RolloutError)) throw error;
    return { path: file.path, action: "kept", message: error.message };
  }
}

function recoverAside({ path, plainPath }: PassingFile): Recovery {
  const archive = compressedPath(plainPath);
  if (lookAtPath(plainPath) !== undefined) {
    if (isSameFile(lookAtPath(path), lookAtPath(plainPath)) || withSources(plainPath, path, beginsWith))
      return remove(path, "finished");
    return { path, action: "kept", message: "it holds lines that the rollout of this name does not have" };
  }
  const id = lookAtPath(path)?.id ?? "";
  const isHeld = heldForWriting(new Set([id]))?.has(id) === true;
  const comparison = lookAtPath(archive) === undefined ? undefined : compare(archive, path);
  if (comparison?.kind === "equal" && !isHeld) return remove(path, "finished");
  if (!nameWithoutClobber(path, plainPath)) return { path, action: "kept", message: "its name is taken again" };
  if (comparison !== undefined && plainHasAll(comparison)) removeIfThere(archive);
  return remove(path, "brought_back");
}

/**
 * A form that was being written. It still has this name, and its own as well, if the run was killed between publishing it
 * and taking the other form away: then the work is undone, and done again by whoever is asked to.
 */
function recoverPartial({ path, plainPath }: PassingFile): Recovery {
  const archive = compressedPath(plainPath);
  const [own, plain, packed] = [lookAtPath(path), lookAtPath(plainPath), lookAtPath(archive)];
  const isPublished = isSameFile(own, plain) || isSameFile(own, packed);
  if (isPublished && plain !== undefined && packed !== undefined && plainHasAll(compare(archive, plainPath))) {
    removeIfThere(archive);
    return remove(path, "finished");
  }
  return remove(path, "removed");
}

function remove(path: string, action: "finished" | "removed" | "brought_back"): Recovery {
  removeIfThere(path);
  return { path, action };
}

function compare(archive: string, plain: string): Comparison {
  return withSources(archive, plain, compareArchive);
}

/** Whether the archive holds nothing that the plain file does not. A broken one may: what it still held is compared too. */
function plainHasAll({ kind }: Comparison): boolean {
  return kind === "equal" || kind === "plain-longer" || kind === "damaged";
}
