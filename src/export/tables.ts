/**
 * The rows of one thread, by table: what every format of tables writes. A thread's rows are made once all of it was read, so that a
 * file that cannot be read leaves no part of a thread behind. Large threads are read once before their rows are made (`thread-stream.ts`).
 */
import { type FileHead, readFileHead } from "../analysis/inherited.ts";
import { scanTokens, TOKEN_KINDS, tokenFold, type TokenResponse } from "../analysis/tokens-file.ts";
import type { Entry } from "../format/entry.ts";
import { readOnce } from "./file-pass.ts";
import { type CopiedParts, copiedParts, inheritedPlaces } from "./inherited-places.ts";
import type { TableName } from "./schema.ts";
import { LabelCount, labelsOf } from "./tables-bytes.ts";
import {
  byteRows,
  edgeRows,
  type LabelledFile,
  type TaggedRow,
  threadRow,
  type ThreadTold,
  usageRows,
  windowRows,
} from "./tables-thread.ts";
import { firstUserMessage, itemRows, turnRows } from "./tables-turns.ts";
import { readThreadView, viewTaker } from "./thread-view.ts";
import type { ExportThread } from "./threads.ts";
import type { ThreadView } from "./view-fold.ts";
import { isLarge, type StreamedView, type ThreadStream, threadStream } from "./thread-stream.ts";

export interface ThreadRows {
  readonly rows: Iterable<TaggedRow>;
  /** To be asked once all rows were taken: what was missing or damaged, each a path and a clause that is safe to print. */
  readonly problems: readonly { readonly path: string; readonly message: string }[];
}

/**
 * Reads a thread, and gives its rows in the tables that are wanted. Memory: what a client shows of the thread, of a large one what it
 * shows of a few turns. `largeBytes` is for tests.
 * @throws RolloutError when one of its files cannot be read.
 */
export function readRows(thread: ExportThread, wanted: ReadonlySet<TableName>, largeBytes?: number): ThreadRows {
  const heads = thread.own.map(({ file }) => readFileHead(file));
  const parts = copiedParts(heads, thread);
  const isWanted = (...tables: readonly TableName[]): boolean => tables.some((table) => wanted.has(table));
  const wants = {
    labels: isWanted("threads", "bytes"),
    usage: isWanted("usage"),
    view: isWanted("threads", "turns", "items", "windows"),
  };
  const [newest] = heads;
  if (newest !== undefined && (wants.view || wants.usage) && isLarge(thread, largeBytes)) {
    const stream = threadStream({ thread, head: newest, parts, wanted });
    if (stream !== undefined) return streamedRows({ thread, heads, parts, wants, wanted }, stream);
  }
  const files = heads.map((head, at) => readFile(thread, head, { ...wants, parts, view: wants.view && at === 0 }));
  const read: ThreadRead = {
    thread,
    heads,
    parts,
    labels: files.flatMap(({ labels }) => labels ?? []),
    usage: files.flatMap(({ usage }) => usage ?? []),
    view: files[0]?.view,
  };
  return { rows: rowsOf(read, wanted), problems: problemsOf(read) };
}

interface StreamedThread {
  readonly thread: ExportThread;
  readonly heads: readonly FileHead[];
  readonly parts: CopiedParts;
  readonly wants: Pick<FileWants, "labels" | "usage">;
  readonly wanted: ReadonlySet<TableName>;
}

/** Of its other files, which a revert has left behind, only bytes and tokens are told. */
function streamedRows({ thread, heads, parts, wants, wanted }: StreamedThread, stream: ThreadStream): ThreadRows {
  const others = heads.slice(1).map((head) => readFile(thread, head, { ...wants, parts, view: false }));
  const labels = [stream.labels, ...others.flatMap((other) => other.labels ?? [])];
  const usage = others.flatMap((other) => other.usage ?? []);
  const rows = function* (): Generator<TaggedRow> {
    const view: StreamedView = yield* stream.rows;
    yield* plainRows({ thread, heads, labels, usage, shown: view }, wanted);
  };
  const problems = problemsOf({ thread, labels, usage, view: undefined });
  return {
    rows: rows(),
    get problems() {
      return [...problems, ...stream.problems];
    },
  };
}

interface FileWants {
  readonly parts: CopiedParts;
  readonly labels: boolean;
  readonly usage: boolean;
  readonly view: boolean;
}

interface FileRead {
  readonly labels: LabelledFile | undefined;
  readonly usage: FileUsage | undefined;
  readonly view: ThreadView | undefined;
}

/** All in one pass, where the file is sound and of a kind that this can be done with; else in one for each. */
function readFile(thread: ExportThread, head: FileHead, wants: FileWants): FileRead {
  const { logicalPath, path } = head.file;
  const part = wants.parts.get(logicalPath);
  const responses: TokenResponse[] = [];
  const options = { inherited: part, sourcePath: thread.pathOf };
  const tokens = wants.usage ? tokenFold(head, options, (response) => responses.push(response)) : undefined;
  const view = wants.view ? viewTaker(thread) : undefined;
  const count = wants.labels ? new LabelCount(part) : undefined;
  const takers = [
    ...(tokens === undefined ? [] : [{ wants: isTokenKind, add: (entry: Entry) => tokens.add(entry) }]),
    ...(view === undefined ? [] : [view]),
  ];
  const isRead = readOnce(path, takers, count);
  const isSound = isRead !== undefined && isRead.failure === undefined;
  return {
    labels: count && { head, ...(isSound ? count.finish(undefined) : labelsOf(head, part)) },
    usage: tokens && (isSound ? { head, responses, broken: tokens.finish().broken } : fileUsage(head, thread)),
    view: wants.view ? (isSound && view !== undefined ? view.finish() : readThreadView(thread)) : undefined,
  };
}

function isTokenKind(kind: string): boolean {
  return TOKEN_KINDS.has(kind);
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

interface FileUsage {
  readonly head: FileHead;
  readonly responses: readonly TokenResponse[];
  readonly broken: string | undefined;
}

function fileUsage(head: FileHead, { pathOf }: ExportThread): FileUsage {
  const responses: TokenResponse[] = [];
  const { broken } = scanTokens(head, pathOf, (response) => responses.push(response));
  return { head, responses, broken };
}

function shownOf(view: ThreadView | undefined): ThreadTold["shown"] {
  if (view === undefined) return undefined;
  const { turns } = view.turns;
  return { notes: view.notes, turns: turns.length, firstUserMessage: firstUserMessage(turns) };
}

function problemsOf({
  thread,
  labels,
  usage,
  view,
}: Pick<ThreadRead, "thread" | "labels" | "usage" | "view">): ThreadRows["problems"] {
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
  if (view !== undefined) {
    const isInherited = inheritedPlaces(thread, view.segments, parts);
    if (wanted.has("turns")) for (const row of turnRows(thread, view, isInherited)) yield { table: "turns", row };
    if (wanted.has("items")) for (const row of itemRows(thread, view, isInherited)) yield { table: "items", row };
    if (wanted.has("windows")) for (const row of windowRows(thread, view, isInherited)) yield { table: "windows", row };
  }
  yield* plainRows({ ...read, shown: shownOf(view) }, wanted);
}

/** All but what is made of turns. */
function* plainRows(
  told: ThreadTold & { readonly usage: readonly FileUsage[] },
  wanted: ReadonlySet<TableName>,
): Generator<TaggedRow> {
  const { thread } = told;
  if (wanted.has("threads")) yield { table: "threads", row: threadRow(told) };
  for (const { head, responses } of told.usage) {
    for (const row of usageRows(thread, head, responses)) yield { table: "usage", row };
  }
  if (wanted.has("edges")) for (const row of edgeRows(thread)) yield { table: "edges", row };
  if (wanted.has("bytes")) for (const row of byteRows(told)) yield { table: "bytes", row };
}
