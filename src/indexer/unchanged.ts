/**
 * Which rollouts have to be read at all: those that the last run did not see as they are now, those whose row is gone or
 * points elsewhere, and every other file of a thread that one of them belongs to.
 */
import { plainPath } from "../format/names.ts";
import type { SqlRow } from "../io/sqlite.ts";
import type { RolloutFile } from "../readers/home.ts";
import { headDigest } from "./extract.ts";
import { familiarity, type FileMemory, type Manifest, memoriesByPath } from "./manifest.ts";

export interface Selection {
  readonly changed: readonly RolloutFile[];
  /** Files that need not be read, with what the last run learnt about them. */
  readonly unchanged: ReadonlyMap<RolloutFile, FileMemory>;
}

/** Without a manifest, all files are changed ones. */
export function selectFiles(
  files: readonly RolloutFile[],
  manifest: Manifest | undefined,
  rows: ReadonlyMap<string, SqlRow>,
): Selection {
  if (manifest === undefined) return { changed: files, unchanged: new Map() };
  const memories = memoriesByPath(manifest);
  const unchanged = new Map<RolloutFile, FileMemory>();
  const touched = new Set<string>();
  for (const file of files) {
    const memory = memories.get(file.relativePath);
    if (memory !== undefined && isSame(file, memory) && hasItsRow(file, memory, rows)) unchanged.set(file, memory);
    else for (const id of idsOf(file, memory)) touched.add(id);
  }
  for (const [file, memory] of unchanged) {
    if (idsOf(file, memory).some((id) => touched.has(id))) unchanged.delete(file);
  }
  return { changed: files.filter((file) => !unchanged.has(file)), unchanged };
}

function isSame(file: RolloutFile, memory: FileMemory): boolean {
  const known = familiarity(file, memory);
  return known === "same" || (known === "moved" && headDigest(file.path) === memory.head);
}

/** A row that was deleted by hand, or that names a file which is no longer this one, is made anew. */
function hasItsRow(file: RolloutFile, memory: FileMemory, rows: ReadonlyMap<string, SqlRow>): boolean {
  if (memory.threadId === undefined) return true;
  const row = rows.get(memory.threadId);
  if (row === undefined || typeof row.rollout_path !== "string") return false;
  // Of a thread with several files only one is named; then the folder and the name cannot both be compared.
  const named = plainPath(row.rollout_path);
  return (
    named === file.logicalPath || file.name?.rolloutId !== file.name?.threadId || isOtherFileOf(named, memory.threadId)
  );
}

function isOtherFileOf(path: string, threadId: string): boolean {
  return path.includes(`${threadId}_`);
}

function idsOf(file: RolloutFile, memory: FileMemory | undefined): readonly string[] {
  return [file.name?.threadId, memory?.threadId].filter((id): id is string => id !== undefined);
}
