/** The rows of a thread that are made neither of its turns nor of its items. */
import { type FileHead, threadOf } from "../analysis/inherited.ts";
import type { TokenResponse } from "../analysis/tokens-file.ts";
import { parseTimestamp, plainPath } from "../format/names.ts";
import { withoutCredentials } from "../indexer/row.ts";
import { int32, micros, whole } from "./cells.ts";
import type { inheritedPlaces } from "./inherited-places.ts";
import type { TableName, TableRow } from "./schema.ts";
import type { FileLabels } from "./tables-bytes.ts";
import type { ExportThread } from "./threads.ts";
import type { TurnNotes } from "./turn-notes.ts";
import type { ThreadView } from "./view-fold.ts";

/** A row, and the table that it is of. */
export type TaggedRow = { readonly [N in TableName]: { readonly table: N; readonly row: TableRow<N> } }[TableName];

export interface LabelledFile extends FileLabels {
  readonly head: FileHead;
}

export interface ThreadTold {
  readonly thread: ExportThread;
  /** Of its files, the one that Codex resumes first. */
  readonly heads: readonly FileHead[];
  readonly labels: readonly LabelledFile[];
  /** What the view of the thread tells; undefined where nobody made it. */
  readonly shown:
    | { readonly notes: TurnNotes; readonly turns: number; readonly firstUserMessage: string | null }
    | undefined;
}

export function threadRow({ thread, heads, labels, shown }: ThreadTold): TableRow<"threads"> {
  const { file, facts } = thread.newest;
  const meta = heads[0]?.meta;
  const url = meta?.git?.repository_url;
  return {
    thread_id: thread.id,
    root_thread_id: thread.rootId,
    parent_thread_id: facts.parentId ?? null,
    forked_from_id: facts.forkedFromId ?? null,
    session_id: facts.sessionId ?? null,
    kind: facts.kind === "main" && facts.forkedFromId !== undefined ? "fork" : facts.kind,
    path: plainPath(file.relativePath),
    archived: file.archived,
    compressed: file.path !== file.logicalPath,
    history_mode: facts.historyMode ?? "legacy",
    created_at: micros(thread.createdAtMs),
    updated_at: micros(
      parseTimestamp(labels[0]?.lastTimestamp ?? "") ?? parseTimestamp(shown?.notes.lastTimestamp ?? ""),
    ),
    source: facts.source ?? null,
    originator: facts.originator ?? null,
    cli_version: facts.cliVersion ?? null,
    model_provider: meta?.model_provider ?? null,
    model: shown?.notes.model ?? null,
    cwd: meta?.cwd ?? null,
    git_branch: meta?.git?.branch ?? null,
    git_commit: meta?.git?.commit_hash ?? null,
    git_url: url == null ? null : withoutCredentials(url),
    agent_nickname: facts.agentNickname ?? null,
    agent_role: facts.agentRole ?? null,
    name: thread.name ?? null,
    first_user_message: shown?.firstUserMessage ?? null,
    turns: shown?.turns ?? 0,
    files: thread.own.length,
    plain_bytes: labels.reduce((sum, { plainBytes }) => sum + plainBytes, 0),
    disk_bytes: heads.reduce((sum, head) => sum + head.file.sizeBytes, 0),
  };
}

export function* windowRows(
  thread: ExportThread,
  { windows, segments }: ThreadView,
  isInherited: ReturnType<typeof inheritedPlaces>,
): Generator<TableRow<"windows">> {
  for (const { id, number, previousId, cause, isLast, start } of windows) {
    const { segment = segments.length - 1 } = (start ?? {}) as { readonly segment?: number };
    const path = segments[segment]?.logicalPath;
    yield {
      thread_id: thread.id,
      window_id: id ?? null,
      window_number: int32(number) ?? 0,
      previous_window_id: previousId ?? null,
      cause,
      is_last: isLast,
      line: start?.line ?? null,
      offset: start?.offset ?? null,
      path: start === undefined || path === undefined ? null : thread.relativePathOf(path),
      inherited: start !== undefined && isInherited(start),
    };
  }
}

export function* usageRows(
  thread: ExportThread,
  head: FileHead,
  responses: Iterable<TokenResponse>,
): Generator<TableRow<"usage">> {
  const ownId = threadOf(head);
  for (const { threadId, key, rung, isInherited, isEcho, atMs, model, cwd, usage: tokens } of responses) {
    yield {
      thread_id: threadId === ownId ? thread.id : threadId,
      told_by: thread.id,
      response_key: key,
      rung,
      inherited: isInherited,
      at: micros(atMs),
      model: model ?? null,
      cwd: cwd ?? null,
      input_tokens: whole(tokens.input_tokens),
      cached_input_tokens: whole(tokens.cached_input_tokens),
      output_tokens: whole(tokens.output_tokens),
      reasoning_output_tokens: whole(tokens.reasoning_output_tokens),
      echo: isEcho,
    };
  }
}

export function* edgeRows({ id, edges }: ExportThread): Generator<TableRow<"edges">> {
  for (const { sourceId, kind } of edges) yield { source_thread_id: sourceId, target_thread_id: id, kind };
}

export function* byteRows({ thread, labels }: Pick<ThreadTold, "thread" | "labels">): Generator<TableRow<"bytes">> {
  for (const { head, labels: counts } of labels) {
    const path = plainPath(head.file.relativePath);
    for (const { label, inherited, records, bytes } of counts)
      yield { thread_id: thread.id, path, label, inherited, records, bytes };
  }
}
