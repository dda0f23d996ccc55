/**
 * The rows of the state database against the rollouts of the home (state-and-compression §2.16, §3.2, §8.3): what breaks every list,
 * what leads nowhere, and what is missing.
 */
import { compressedPath, parseUuid, withoutVerbatimPrefix } from "../format/names.ts";
import { pathExists } from "../io/paths.ts";
import type { SqlRow } from "../io/sqlite.ts";
import type { Home } from "../readers/home.ts";
import { createPlacer } from "../readers/place.ts";
import type { StateRows } from "./databases.ts";
import type { FileFacts } from "./file-check.ts";
import type { Tell } from "./findings.ts";

export interface RolloutsOfHome {
  /** By logical path. */
  readonly byPath: ReadonlyMap<string, FileFacts>;
  /** Ids of all threads that have a file. */
  readonly threads: ReadonlySet<string>;
  /** A folder could not be listed: what is not there may be in it. */
  readonly isIncomplete: boolean;
}

export function rolloutsOf(all: readonly FileFacts[], isIncomplete: boolean): RolloutsOfHome {
  const byPath = new Map(all.map((facts) => [facts.file.logicalPath, facts]));
  // A file that cannot be read belongs to the thread in its name, as for Codex.
  const ids = all.map(({ threadId, file }) => threadId ?? file.name?.threadId);
  return { byPath, threads: new Set(ids.filter((id) => id !== undefined)), isIncomplete };
}

export function checkRows(home: Home, state: StateRows, rollouts: RolloutsOfHome, tell: Tell): void {
  const placer = createPlacer(home);
  for (const row of state.threads) {
    checkContent(row, state, tell);
    checkPaths(row, state.path, tell);
    checkFileOf(row, placer, state.path, rollouts, tell);
  }
  const ids = new Set(state.threads.map(({ id }) => String(id)));
  for (const facts of rollouts.byPath.values()) {
    const { threadId, mode, generation, file } = facts;
    if (threadId === undefined || generation !== "envelope" || mode === "unknown" || ids.has(threadId)) continue;
    ids.add(threadId);
    tell("row-missing", { path: file.path, threadId });
  }
  for (const { parent_thread_id: parent, child_thread_id: child } of state.edges) {
    const lost = [parent, child].filter((id) => !ids.has(String(id)) && !rollouts.threads.has(String(id)));
    if (lost.length > 0 && !rollouts.isIncomplete) {
      tell("edge-dangling", { path: state.path, threadId: idOf(child) });
    }
  }
}

function idOf(value: unknown): string | undefined {
  return typeof value === "string" ? parseUuid(value) : undefined;
}

/** What makes every list fail that meets the row. */
function checkContent(row: SqlRow, { path, sections }: StateRows, tell: Tell): void {
  const place = { path, threadId: idOf(row["id"]) };
  if (place.threadId === undefined) tell("row-bad-id", place);
  const mode = row["history_mode"];
  if (mode !== undefined && mode !== "legacy" && mode !== "paginated") tell("row-unknown-mode", place);
  const section = row["thread_section_id"] ?? null;
  if (section !== null && sections?.has(String(section)) !== true) tell("row-dangling-section", place);
}

function checkPaths(row: SqlRow, path: string, tell: Tell): void {
  for (const column of ["rollout_path", "cwd"]) {
    const value = row[column];
    if (typeof value !== "string" || withoutVerbatimPrefix(value) === value) continue;
    tell("row-path-verbatim", { path, threadId: idOf(row["id"]) }, `${column} has the verbatim prefix`);
  }
}

function checkFileOf(
  row: SqlRow,
  placer: ReturnType<typeof createPlacer>,
  path: string,
  rollouts: RolloutsOfHome,
  tell: Tell,
): void {
  const threadId = idOf(row["id"]);
  const named = row["rollout_path"];
  if (threadId === undefined || typeof named !== "string") return;
  const { status, logicalPath } = placer(named);
  const facts = rollouts.byPath.get(logicalPath);
  const place = { path, threadId };
  if (status !== "here" || facts === undefined) {
    if (rollouts.threads.has(threadId)) tell("row-path-wrong", place);
    // A file outside of the home is not read, but Codex opens it.
    else if (!rollouts.isIncomplete && !(status === "elsewhere" && isThere(logicalPath)))
      tell("row-file-missing", place);
    return;
  }
  if (facts.threadId !== undefined && facts.threadId !== threadId) tell("row-other-thread", place);
  const isArchived = Number(row["archived"] ?? 0) !== 0;
  if (isArchived !== facts.file.archived) tell("row-archived-wrong", place);
}

function isThere(logicalPath: string): boolean {
  return pathExists(logicalPath) || pathExists(compressedPath(logicalPath));
}
