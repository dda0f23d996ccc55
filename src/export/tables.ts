/**
 * The rows of one thread, by table: what every format of tables writes. A thread's rows are made once all of it was read, so that a
 * file that cannot be read leaves no part of a thread behind.
 */
import { type FileHead, readFileHead, threadOf } from "../analysis/inherited.ts";
import { scanTokens, type TokenResponse } from "../analysis/tokens-file.ts";
import { parseTimestamp, plainPath } from "../format/names.ts";
import { withoutCredentials } from "../indexer/row.ts";
import type { ThreadView } from "./thread-view.ts";
import { readThreadView } from "./thread-view.ts";
import { int32, micros, whole } from "./cells.ts";
import { type CopiedParts, copiedParts, inheritedPlaces } from "./inherited-places.ts";
import type { TableName, TableRow } from "./schema.ts";
import { type FileLabels, labelsOf } from "./tables-bytes.ts";
import { firstUserMessage, itemRows, turnRows } from "./tables-turns.ts";
import type { ExportThread } from "./threads.ts";

/** A row, and the table that it is of. */
export type TaggedRow = { readonly [N in TableName]: { readonly table: N; readonly row: TableRow<N> } }[TableName];

export interface ThreadRows {
  readonly rows: Iterable<TaggedRow>;
  /** What was missing or damaged, each a path and a clause that is safe to print. */
  readonly problems: readonly { readonly path: string; readonly message: string }[];
}

/**
 * Reads a thread, and gives its rows in the tables that are wanted. Memory: what a client shows of the thread.
 * @throws RolloutError when one of its files cannot be read.
 */
export function readRows(thread: ExportThread, wanted: ReadonlySet<TableName>): ThreadRows {
  const heads = thread.own.map(({ file }) => readFileHead(file));
  const parts = copiedParts(heads, thread);
  const isWanted = (...tables: readonly TableName[]): boolean => tables.some((table) => wanted.has(table));
  const labels = isWanted("threads", "bytes") ? heads.map((head) => fileLabels(head, parts)) : [];
  const usage = isWanted("usage") ? heads.map((head) => fileUsage(head, thread)) : [];
  const view = isWanted("threads", "turns", "items", "windows") ? readThreadView(thread) : undefined;
  const read: ThreadRead = { thread, heads, parts, labels, usage, view };
  return { rows: rowsOf(read, wanted), problems: problemsOf(read) };
}

interface ThreadRead {
  readonly thread: ExportThread;
  /** Of its files, the one that Codex resumes first. */
  readonly heads: readonly FileHead[];
  readonly parts: CopiedParts;
  readonly labels: readonly LabelledFile[];
  readonly usage: readonly FileUsage[];
  /** Undefined where no table is wanted that it feeds. */
  readonly view: ThreadView | undefined;
}

interface LabelledFile extends FileLabels {
  readonly head: FileHead;
}

interface FileUsage {
  readonly head: FileHead;
  readonly responses: readonly TokenResponse[];
  readonly broken: string | undefined;
}

function fileLabels(head: FileHead, parts: CopiedParts): LabelledFile {
  return { head, ...labelsOf(head, parts.get(head.file.logicalPath)) };
}

function fileUsage(head: FileHead, { pathOf }: ExportThread): FileUsage {
  const responses: TokenResponse[] = [];
  const { broken } = scanTokens(head, pathOf, (response) => responses.push(response));
  return { head, responses, broken };
}

function problemsOf({ thread, labels, usage, view }: ThreadRead): ThreadRows["problems"] {
  const problems = new Map<string, string>();
  for (const { head, broken } of [...labels, ...usage]) {
    if (broken !== undefined) problems.set(head.file.logicalPath, broken);
  }
  const { logicalPath } = thread.newest.file;
  if (view?.problem !== undefined && !problems.has(logicalPath)) problems.set(logicalPath, view.problem);
  return Array.from(problems, ([path, message]) => ({ path, message }));
}

function* rowsOf(read: ThreadRead, wanted: ReadonlySet<TableName>): Generator<TaggedRow> {
  const { thread, view, parts } = read;
  if (wanted.has("threads")) yield { table: "threads", row: threadRow(read) };
  if (view !== undefined) {
    const isInherited = inheritedPlaces(thread, view.segments, parts);
    if (wanted.has("turns")) for (const row of turnRows(thread, view, isInherited)) yield { table: "turns", row };
    if (wanted.has("items")) for (const row of itemRows(thread, view, isInherited)) yield { table: "items", row };
    if (wanted.has("windows")) for (const row of windowRows(thread, view, isInherited)) yield { table: "windows", row };
  }
  if (wanted.has("usage")) for (const row of usageRows(read)) yield { table: "usage", row };
  if (wanted.has("edges")) for (const row of edgeRows(thread)) yield { table: "edges", row };
  if (wanted.has("bytes")) for (const row of byteRows(read)) yield { table: "bytes", row };
}

function threadRow({ thread, heads, labels, view }: ThreadRead): TableRow<"threads"> {
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
      parseTimestamp(labels[0]?.lastTimestamp ?? "") ?? parseTimestamp(view?.notes.lastTimestamp ?? ""),
    ),
    source: facts.source ?? null,
    originator: facts.originator ?? null,
    cli_version: facts.cliVersion ?? null,
    model_provider: meta?.model_provider ?? null,
    model: view?.notes.model ?? null,
    cwd: meta?.cwd ?? null,
    git_branch: meta?.git?.branch ?? null,
    git_commit: meta?.git?.commit_hash ?? null,
    git_url: url == null ? null : withoutCredentials(url),
    agent_nickname: facts.agentNickname ?? null,
    agent_role: facts.agentRole ?? null,
    name: thread.name ?? null,
    first_user_message: view === undefined ? null : firstUserMessage(view.turns.turns),
    turns: view?.turns.turns.length ?? 0,
    files: thread.own.length,
    plain_bytes: labels.reduce((sum, { plainBytes }) => sum + plainBytes, 0),
    disk_bytes: heads.reduce((sum, head) => sum + head.file.sizeBytes, 0),
  };
}

function* windowRows(
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

function* usageRows({ thread, usage }: ThreadRead): Generator<TableRow<"usage">> {
  for (const { head, responses } of usage) {
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
}

function* edgeRows({ id, edges }: ExportThread): Generator<TableRow<"edges">> {
  for (const { sourceId, kind } of edges) yield { source_thread_id: sourceId, target_thread_id: id, kind };
}

function* byteRows({ thread, labels }: ThreadRead): Generator<TableRow<"bytes">> {
  for (const { head, labels: counts } of labels) {
    const path = plainPath(head.file.relativePath);
    for (const { label, inherited, records, bytes } of counts)
      yield { thread_id: thread.id, path, label, inherited, records, bytes };
  }
}
