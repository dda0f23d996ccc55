/** One rollout searched: from its lines with matches (`search-scan.ts`) to hits, each told once, with the turn it belongs to. */
import { RolloutError } from "../errors.ts";
import { decodeLine } from "../format/decode.ts";
import type { Entry } from "../format/entry.ts";
import { parseUuid } from "../format/names.ts";
import type { SessionMeta } from "../format/record.ts";
import { peekKind } from "../format/peek.ts";
import { optimizeWhenDue } from "../io/optimizing.ts";
import { bareTimestamp, type Generation, GENERATION_HEAD_BYTES, generationOf } from "../readers/generation.ts";
import { Gather } from "../readers/gather.ts";
import { decodeBareLine } from "../readers/legacy.ts";
import type { Line } from "../readers/lines.ts";
import { readRollout } from "../readers/rollout.ts";
import { copiedPrefix } from "../thread/copied-prefix.ts";
import { openInput } from "./search-input.ts";
import { Matcher } from "./search-matcher.ts";
import { Collected, type Draft } from "./search-hits.ts";
import { linesWithMatches } from "./search-lines.ts";
import type { Input } from "./search-plain.ts";
import type { FileScanner } from "./search-scan.ts";
import { kindsOfLine } from "./search-texts.ts";
import { fillTurns } from "./search-turns.ts";
import type { FileHits, FileOutcome, SearchProblem, SearchQuery, TextKind } from "./search-types.ts";

const NOTHING: FileOutcome = { found: undefined, problems: [] };

/** Lines on which the expression took too long; more of them, and it is the expression that is wrong. */
const MAX_GIVEN_UP = 5;

/** Runs the work, or gives it up and returns undefined. */
export type Guard = <Result>(work: () => Result) => Result | undefined;

/** Goes on where the scanner has found something. */
export class FileTeller {
  readonly #scanner: FileScanner;
  readonly #guard: Guard | undefined;
  readonly #kinds: ReadonlySet<TextKind>;
  readonly #matcher: Matcher;
  /** For lines that lie across chunks. */
  readonly #gather = new Gather("append");
  #givenUp = 0;

  /** `scanner` is of the same query. */
  constructor(query: SearchQuery, scanner: FileScanner, guard?: Guard) {
    this.#scanner = scanner;
    this.#guard = guard;
    this.#kinds = new Set(query.kinds);
    this.#matcher = new Matcher(query);
  }

  /**
   * What is in a file, which may be open already. Closes it, and never throws for what is wrong with it.
   * @throws RolloutError `usage` when the guard has given up too often.
   */
  tell(path: string, opened: Input | undefined): FileOutcome {
    const problems: SearchProblem[] = [];
    let collected: Collected | undefined;
    try {
      for (const entry of this.#entries(path, opened, problems)) {
        optimizeWhenDue();
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
  *#entries(path: string, opened: Input | undefined, problems: SearchProblem[]): Generator<Entry> {
    const input = opened ?? openInput(path);
    try {
      let generation: Generation | undefined;
      for (const line of linesWithMatches(this.#scanner.search, input, this.#gather)) {
        generation ??= generationOf(input.head(GENERATION_HEAD_BYTES));
        if (generation === "typescript") {
          yield* readRollout(path);
          break;
        }
        if (line.tooLong !== true && !this.#mayTell(line)) continue;
        const entry = entryOf(
          line,
          generation === "bare" ? bareTimestamp(input.head(GENERATION_HEAD_BYTES)) : undefined,
        );
        if (entry === undefined || !entry.ok) problems.push({ path, line: line.position.line, message: why(entry) });
        else yield entry;
      }
      const message = input.failure();
      if (message !== undefined) problems.push({ path, line: 0, message });
    } finally {
      this.#scanner.bytes += input.bytes();
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
  fillTurns(path, hits);
  const head = new Head(path);
  const prefix = copiedPrefix(head.entries());
  const { meta } = head;
  if (prefix.kind !== "none") {
    const own = prefix.own?.line ?? Number.POSITIVE_INFINITY;
    for (const hit of hits) hit.isCopied = hit.line < own;
  }
  const base = meta?.history_base ?? undefined;
  return {
    meta: {
      id: meta && (parseUuid(meta.id) ?? meta.id.toLowerCase()),
      cwd: meta?.cwd ?? "",
      timestamp: meta?.timestamp ?? "",
      base: base && { rolloutId: parseUuid(base.thread_id) ?? base.thread_id, endOffset: base.end_byte_offset },
    },
    hits,
    copiedFrom: prefix.sources,
  };
}

/** The front of a rollout, as far as somebody reads it to find where its copied records end. */
class Head {
  /** The first metadata, which alone counts (rollout-format §3.1), once it has passed. */
  meta: SessionMeta | undefined;
  readonly #path: string;
  #others = 0;

  constructor(path: string) {
    this.#path = path;
  }

  *entries(): Generator<Entry> {
    for (const entry of readRollout(this.#path, { kinds: (kind) => this.#mayTell(kind) })) {
      if (entry.ok && entry.record.type !== "session_meta") this.#others += 1;
      else if (entry.ok && this.meta === undefined) this.meta = entry.record.payload as SessionMeta;
      yield entry;
    }
  }

  /**
   * Most of what a fork has copied are the model's items, often megabytes of them. They are the thread's own or not by what stands
   * around them, unless their numbers tell; only that there is one behind the metadata tells that something was copied.
   */
  #mayTell(kind: string): boolean {
    if (this.meta === undefined || this.#others === 0) return true;
    return this.meta.subagent_history_start_ordinal != null || !kind.startsWith("response_item");
  }
}
