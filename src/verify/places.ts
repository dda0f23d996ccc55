/** Names and places of rollouts: where Codex looks, and under which name (rollout-format §1, state-and-compression §5.2). */
import type { Discovery } from "../readers/home.ts";
import type { FileFacts } from "./file-check.ts";
import type { Tell } from "./findings.ts";

/** Folders that Codex lists from files: by day, and the archive without folders. */
const USUAL = /^(?:sessions\/\d{4}\/\d{2}\/\d{2}|archived_sessions)\/[^/]+$/;

/** `isInHome` is false for a file that lies anywhere else, where no folder is better than another. */
export function checkPlace({ file, threadId, mode }: FileFacts, isInHome: boolean, tell: Tell): void {
  const place = { path: file.path, threadId };
  if (file.name === undefined) tell("file-odd-name", place);
  if (isInHome && !USUAL.test(file.relativePath)) tell("file-odd-folder", place);
  const named = file.name?.threadId;
  // Of a paginated file it is a fault, which the checks of lineage tell.
  if (named !== undefined && threadId !== undefined && named !== threadId && mode !== "paginated") {
    tell("file-other-id", place);
  }
}

/** What has the name of a rollout and is none, and folders that cannot be listed. */
export function checkProblems(problems: Discovery["problems"], tell: Tell): void {
  for (const { path, message, hidesThreads } of problems) {
    tell(hidesThreads ? "file-unreadable" : "file-special", { path }, message);
  }
}

/** Stages of a reverted thread have ids of their own; two files without, or with the same one, are copies. */
export function checkCopies(all: readonly FileFacts[], tell: Tell): void {
  const first = new Map<string, string>();
  for (const { file, threadId } of all) {
    if (threadId === undefined) continue;
    const key = `${threadId} ${file.name?.rolloutId ?? threadId}`;
    const other = first.get(key);
    if (other === undefined) first.set(key, file.path);
    else tell("file-copy", { path: file.path, threadId }, `the same rollout is in ${other}`);
  }
}
