/** One rollout searched: from its lines with matches to hits, each told once, with the turn it belongs to. */
import { RolloutError } from "../errors.ts";
import { decodeLine } from "../format/decode.ts";
import type { Entry } from "../format/entry.ts";
import { parseUuid } from "../format/names.ts";
import { peekKind } from "../format/peek.ts";
import { ByteSearch } from "../io/byte-search.ts";
import { Gather } from "../readers/gather.ts";
import { bareTimestamp, type Generation, generationOf } from "../readers/generation.ts";
import { readIdentity } from "../readers/identity.ts";
import { decodeBareLine } from "../readers/legacy.ts";
import type { Line } from "../readers/lines.ts";
import { readRollout } from "../readers/rollout.ts";
import { copiedPrefix } from "../thread/copied-prefix.ts";
import { openInput } from "./search-input.ts";
import { linesWithMatches, ROOM_BYTES } from "./search-lines.ts";
import { Matcher } from "./search-matcher.ts";
import { Collected, type Draft, turnIdOf } from "./search-hits.ts";
import { kindsOfLine } from "./search-texts.ts";
import type { FileHits, FileOutcome, SearchProblem, SearchQuery, TextKind } from "./search-types.ts";

const NOTHING: FileOutcome = { found: undefined, problems: [] };

/** Lines on which the expression took too long; more of them, and it is the expression that is wrong. */
const MAX_GIVEN_UP = 5;

/** Runs the work, or gives it up and returns undefined. */
export type Guard = <Result>(work: () => Result) => Result | undefined;

/** Searches one file after the other with the same memory. */
export class FileSearcher {
  readonly #guard: Guard | undefined;
  readonly #kinds: ReadonlySet<TextKind>;
  readonly #matcher: Matcher;
  readonly #search: ByteSearch;
  /** For lines that lie across chunks. */
  readonly #begun = new Gather("append");
  #givenUp = 0;

  /** @throws RolloutError `usage` when the query cannot be searched for. */
  constructor(query: SearchQuery, guard?: Guard) {
    this.#guard = guard;
    this.#kinds = new Set(query.kinds);
    this.#matcher = new Matcher(query);
    this.#search = new ByteSearch(this.#matcher.patterns, ROOM_BYTES);
  }

  /** Never throws for what is wrong with the file. @throws RolloutError `usage` when the guard has given up too often. */
  file(path: string): FileOutcome {
    const problems: SearchProblem[] = [];
    let collected: Collected | undefined;
    try {
      for (const entry of this.#entries(path, problems)) {
        collected ??= new Collected(path, this.#matcher, this.#kinds);
        if (this.#guard === undefined) collected.add(entry);
        else this.#addGuarded(collected, entry, problems);
      }
      const hits = collected?.hits ?? [];
      return hits.length === 0 && problems.length === 0 ? NOTHING : { found: finished(path, hits), problems };
    } catch (error) {
      if (!(error instanceof RolloutError) || error.code === "internal" || error.code === "usage") throw error;
      return { found: undefined, problems: [...problems, { path, line: 0, message: error.message }] };
    }
  }

  /** Entries of the lines in which there may be a hit. */
  *#entries(path: string, problems: SearchProblem[]): Generator<Entry> {
    const input = openInput(path);
    try {
      let generation: Generation | undefined;
      for (const line of linesWithMatches(this.#search, input, this.#begun)) {
        generation ??= generationOf(input.head());
        if (generation === "typescript") {
          yield* readRollout(path);
          break;
        }
        if (line.tooLong !== true && !this.#mayTell(line)) continue;
        const entry = entryOf(line, generation === "bare" ? bareTimestamp(input.head()) : undefined);
        if (entry === undefined || !entry.ok) problems.push({ path, line: line.position.line, message: why(entry) });
        else yield entry;
      }
      const message = input.failure();
      if (message !== undefined) problems.push({ path, line: 0, message });
    } finally {
      input.close();
    }
  }

  #addGuarded(collected: Collected, entry: Entry, problems: SearchProblem[]): void {
    const isDone = this.#guard?.(() => {
      collected.add(entry);
      return true;
    });
    if (isDone === true) return;
    this.#givenUp += 1;
    problems.push({
      path: collected.path,
      line: entry.position.line,
      message: "the expression takes too long on this line",
    });
    if (this.#givenUp < MAX_GIVEN_UP) return;
    throw new RolloutError("usage", "the expression takes too long on what it meets", {
      hint: "expressions in which a repetition stands inside of another one, as in (a+)+, are often the cause",
    });
  }

  #mayTell({ bytes }: Line): boolean {
    if (this.#kinds.has("other")) return true;
    const kind = peekKind(bytes);
    return kind === undefined || kindsOfLine(kind).some((told) => this.#kinds.has(told));
  }
}

function entryOf(line: Line, bareTime: string | undefined): Entry | undefined {
  if (line.tooLong === true) return undefined;
  return bareTime === undefined ? decodeLine(line.bytes, line.position, line) : decodeBareLine(line, bareTime);
}

function why(entry: Entry | undefined): string {
  return entry === undefined || entry.ok ? "the line is too long to be decoded" : entry.defect.message;
}

/** Adds to hits what the rest of their file tells: whose they are, in which turn they stand, which of them were copied. */
function finished(path: string, hits: readonly Draft[]): FileHits | undefined {
  if (hits.length === 0) return undefined;
  const identity = readIdentity(path);
  const meta = identity?.meta;
  fillTurns(path, hits);
  const prefix = copiedPrefix(readRollout(path));
  if (prefix.kind !== "none") {
    const own = prefix.own?.line ?? Number.POSITIVE_INFINITY;
    for (const hit of hits) hit.isCopied = hit.line < own;
  }
  const base = meta?.history_base ?? undefined;
  return {
    meta: {
      id: identity?.id,
      cwd: meta?.cwd ?? "",
      timestamp: meta?.timestamp ?? "",
      base: base && { rolloutId: parseUuid(base.thread_id) ?? base.thread_id, endOffset: base.end_byte_offset },
    },
    hits,
    copiedFrom: prefix.sources,
  };
}

const TURN_KINDS: ReadonlySet<string> = new Set([
  "event_msg/task_started",
  "event_msg/task_complete",
  "event_msg/turn_aborted",
  "turn_context",
]);

/** Records that name no turn belong to the one that was begun last, if it has not ended. */
function fillTurns(path: string, hits: readonly Draft[]): void {
  const open = hits.filter(({ turnId }) => turnId === undefined);
  let at = 0;
  let turnId: string | undefined;
  if (open.length === 0) return;
  for (const entry of readRollout(path, { kinds: TURN_KINDS })) {
    if (!entry.ok) continue;
    for (; at < open.length; at += 1) {
      const hit = open[at] as Draft;
      if (hit.line >= entry.position.line) break;
      hit.turnId = turnId;
    }
    if (at === open.length) return;
    const { type, payload } = entry.record;
    const isEnd = type === "event_msg" && payload.type !== "task_started";
    turnId = isEnd ? undefined : (turnIdOf(entry.record) ?? turnId);
  }
  for (; at < open.length; at += 1) (open[at] as Draft).turnId = turnId;
}
