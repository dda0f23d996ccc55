/**
 * The rows of a thread that is larger than memory may be: its file is read twice, once for its turns' names (`thread-survey.ts`), and once
 * for the rows, which are given out while it is read. The same rows as those of `tables.ts`, in another order.
 */
import { RolloutError } from "../errors.ts";
import type { FileHead } from "../analysis/inherited.ts";
import { TOKEN_KINDS, tokenFold, type TokenResponse } from "../analysis/tokens-file.ts";
import { readInSteps } from "./file-pass.ts";
import { type CopiedParts, inheritedPlaces } from "./inherited-places.ts";
import type { TableName } from "./schema.ts";
import { LabelCount } from "./tables-bytes.ts";
import { type LabelledFile, type TaggedRow, usageRows, windowRows } from "./tables-thread.ts";
import { firstUserMessage, itemRows, type SomeTurns, turnRows } from "./tables-turns.ts";
import { surveyThread, type ThreadSurvey } from "./thread-survey.ts";
import { briefKinds, type FoldOfOne, foldOfOne } from "./thread-view.ts";
import type { ExportThread } from "./threads.ts";
import type { TurnNotes } from "./turn-notes.ts";

/** Bytes of a rollout on the disk from which on it is. */
const LARGE_BYTES = 48 * 1024 * 1024;
/** How much smaller archives are, at least. */
const ARCHIVE_RATIO = 8;

export function isLarge({ newest }: ExportThread, largeBytes = LARGE_BYTES): boolean {
  const { path, logicalPath, sizeBytes } = newest.file;
  return sizeBytes >= (path === logicalPath ? largeBytes : largeBytes / ARCHIVE_RATIO);
}

export interface StreamRequest {
  readonly thread: ExportThread;
  /** Of its newest file. */
  readonly head: FileHead;
  readonly parts: CopiedParts;
  readonly wanted: ReadonlySet<TableName>;
}

/** What was shown, once all rows have been given out. */
export interface StreamedView {
  readonly notes: TurnNotes;
  readonly turns: number;
  readonly firstUserMessage: string | null;
}

export interface ThreadStream {
  readonly labels: LabelledFile;
  /** Of turns, items, windows and usage. The file may have gone by now: that is in `problems` then, and the rows end. */
  readonly rows: Generator<TaggedRow, StreamedView>;
  readonly problems: readonly { readonly path: string; readonly message: string }[];
}

/** Undefined for a thread that has to be read as a whole. @throws RolloutError when it cannot be read. */
export function threadStream(request: StreamRequest): ThreadStream | undefined {
  const { thread, head, parts } = request;
  const found = foldOfOne(thread);
  if (found === undefined) return undefined;
  const count = new LabelCount(parts.get(head.file.logicalPath));
  const survey = surveyThread(thread, count);
  if (survey === undefined) return undefined;
  const problems: { path: string; message: string }[] = [];
  const tell = (message: string): void => void problems.push({ path: head.file.logicalPath, message });
  return { labels: { head, ...count.finish(undefined) }, rows: streamRows(request, found, survey, tell), problems };
}

function* streamRows(
  request: StreamRequest,
  found: FoldOfOne,
  survey: ThreadSurvey,
  tell: (message: string) => void,
): Generator<TaggedRow, StreamedView> {
  const { thread, head, parts, wanted } = request;
  const isInherited = inheritedPlaces(thread, found.chain.segments, parts);
  const view = new StreamView(request, found, isInherited);
  let responses: TokenResponse[] = [];
  const options = { inherited: parts.get(head.file.logicalPath), sourcePath: thread.pathOf };
  const tokens = tokenFold(head, options, (response) => responses.push(response));
  const brief = briefKinds(thread);
  const takers = [
    ...(wanted.has("usage") ? [{ wants: (kind: string) => TOKEN_KINDS.has(kind), add: tokens.add.bind(tokens) }] : []),
    { wants: (kind: string) => !survey.isBrief || brief(kind), add: found.add },
  ];
  const told = function* (line: number): Generator<TaggedRow> {
    for (const row of usageRows(thread, head, responses)) yield { table: "usage", row };
    responses = [];
    yield* view.rowsOf(found.fold.take((turnId) => (survey.lastLines.get(turnId) ?? Infinity) <= line));
  };
  try {
    const steps = readInSteps(head.file.path, takers, undefined);
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) yield* told(step.value);
    if (step.value?.failure !== undefined) tell(step.value.failure);
    tokens.finish();
    yield* told(0);
    yield* view.lastRows();
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    tell(error.message);
  }
  return view.told();
}

/** The rows of turns and items, part by part. */
class StreamView {
  readonly #thread: ExportThread;
  readonly #wanted: ReadonlySet<TableName>;
  readonly #found: FoldOfOne;
  readonly #isInherited: ReturnType<typeof inheritedPlaces>;
  #turns = 0;
  #firstUserMessage: string | null = null;

  constructor({ thread, wanted }: StreamRequest, found: FoldOfOne, isInherited: ReturnType<typeof inheritedPlaces>) {
    this.#thread = thread;
    this.#wanted = wanted;
    this.#found = found;
    this.#isInherited = isInherited;
  }

  *rowsOf(taken: SomeTurns["turns"]): Generator<TaggedRow> {
    const { fold, chain } = this.#found;
    const part = { turns: taken, notes: fold.notes, segments: chain.segments };
    const first = this.#turns;
    this.#turns += taken.turns.length;
    this.#firstUserMessage ??= firstUserMessage(taken.turns);
    if (this.#wanted.has("turns"))
      for (const row of turnRows(this.#thread, part, this.#isInherited, first)) yield { table: "turns", row };
    if (this.#wanted.has("items"))
      for (const row of itemRows(this.#thread, part, this.#isInherited)) yield { table: "items", row };
    const next = taken.places[taken.turns.length];
    if (next !== undefined) fold.notes.times.forgetBefore(next.opened);
  }

  *lastRows(): Generator<TaggedRow> {
    const { view } = this.#found.fold.finish();
    yield* this.rowsOf(view.turns);
    if (!this.#wanted.has("windows")) return;
    for (const row of windowRows(this.#thread, view, this.#isInherited)) yield { table: "windows", row };
  }

  told(): StreamedView {
    return { notes: this.#found.fold.notes, turns: this.#turns, firstUserMessage: this.#firstUserMessage };
  }
}
