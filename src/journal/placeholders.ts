/**
 * Where a file system knows no second names, a new name is taken by an empty file, which a rename then replaces. A process that is killed
 * between the two leaves that file behind, in the way of what the next one does; nothing is in it, and it goes.
 */
import { type Look, lookAtPath } from "../compressor/files.ts";
import { removeIfThere } from "../io/files.ts";
import { heldForWriting } from "../io/holders.ts";
import type { PlannedStep } from "./planned.ts";

/** Of a unit that was cut off, under its locks. A file that somebody has open for writing stays. */
export function dropPlaceholders(steps: readonly PlannedStep[]): void {
  const found = steps.flatMap(placeholdersOf);
  const held = found.length === 0 ? undefined : heldForWriting(new Set(found.map(({ look }) => look.id)));
  for (const { path, look } of found) if (held?.has(look.id) !== true) removeIfThere(path);
}

interface Placeholder {
  readonly path: string;
  readonly look: Look;
}

/** A name and the one from which its file was to come, both ways. */
function placeholdersOf({ step, backup }: PlannedStep): readonly Placeholder[] {
  if (step.kind === "create") return [...between(step.staged.temporary, step.path), ...between(step.path, backup)];
  if (step.kind === "remove") return [...between(step.path, backup), ...between(backup, step.path)];
  if (step.kind === "move") return [...between(step.path, step.target), ...between(step.target, step.path)];
  return [];
}

/** Only while the file is still where it was: else the empty one may be all that there is. */
function between(from: string | undefined, to: string | undefined): readonly Placeholder[] {
  if (from === undefined || to === undefined) return [];
  const look = lookAtPath(to);
  const isWaiting = look?.isFile === true && look.sizeBytes === 0 && (lookAtPath(from)?.sizeBytes ?? 0) > 0;
  return isWaiting ? [{ path: to, look }] : [];
}
