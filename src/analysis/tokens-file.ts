/**
 * The model's responses that one rollout tells of, each with its tokens: the ladder of `stats tokens`, one file at a time.
 *
 * 1. `record`: a `token_usage_record`, which has the id of the response (rollout-format §3.7; from 0.153).
 * 2. `count`: a `token_count` event with a sum that is new, and no record for it. Its `last_token_usage` is the response's.
 * 3. `difference`: what the sum has grown by beyond that: responses whose own lines are gone.
 *
 * Not a response: a count whose sum stands where it stood (releases repeat it at every turn and every change of the rate
 * limits), and one without input and output (an estimate after a compaction, or for a window that is full).
 */
import type { Entry } from "../format/entry.ts";
import type { TokenUsageInfo } from "../format/event.ts";
import { parseTimestamp, uuidTimeMs } from "../format/names.ts";
import type { EventMsg, RolloutRecord, TokenUsage, TokenUsageRecord } from "../format/record.ts";
import { readRollout } from "../readers/rollout.ts";
import { LineClock } from "./line-clock.ts";
import { countKey, isSameUsage, sourceCounts, SumWatch, tokensOf } from "./tokens-counts.ts";
import { type FileHead, type ForkLayout, type Inherited, inheritedPart, threadOf } from "./inherited.ts";

export type TokenRung = "record" | "count" | "difference";

export interface TokenResponse {
  /** The same for a response wherever it is told. */
  readonly key: string;
  readonly rung: TokenRung;
  /** The thread that asked for it: another than the file's for what was copied. */
  readonly threadId: string;
  /** Whether it stands in a copied prefix. */
  readonly isInherited: boolean;
  /** A reviewer's response that 0.77 repeats between the marks of a review, although the reviewer has a file of its own. */
  readonly isEcho: boolean;
  readonly model: string | undefined;
  readonly cwd: string | undefined;
  readonly atMs: number | undefined;
  readonly usage: TokenUsage;
}

/** What is in a file, and what of it does not count. */
export interface TokenFile {
  readonly path: string;
  readonly threadId: string;
  readonly layout: ForkLayout;
  /** Threads whose records were copied, the direct source first. */
  readonly sources: readonly string[];
  /** How the end of the copy was found (`thread/copied-prefix.ts`); undefined without one. */
  readonly rule: Inherited["rule"] | undefined;
  /** False where the end of the copy is uncertain. */
  readonly isExact: boolean;
  /** Told by this file as its own, by rung. */
  readonly own: Readonly<Record<TokenRung, number>>;
  /** Told again in a copied prefix. */
  readonly inherited: number;
  /** Counts that told nothing new: an unchanged sum, or one that a record had told. */
  readonly repeated: number;
  /** Counts that were estimates. */
  readonly estimates: number;
  /** Why the file could be read in part only, safe to print; undefined for a file that is whole. */
  readonly broken: string | undefined;
  /** What adding up this file's lines gives, in tokens. */
  readonly naive: NaiveSums;
}

/** Three sums that count too much or too little, for comparison. In tokens, input and output. */
export interface NaiveSums {
  /** `last_token_usage` of every `token_count`. */
  readonly everyCount: number;
  /** `total_token_usage` of the last `token_count`. */
  readonly lastTotal: number;
  /** `usage` of every `token_usage_record`. */
  readonly everyRecord: number;
}

/** Kinds of the lines that tell of tokens. */
export const TOKEN_KINDS: ReadonlySet<string> = new Set([
  "session_meta",
  "token_usage_record",
  "turn_context",
  "event_msg/token_count",
  "event_msg/task_started",
  "event_msg/thread_settings_applied",
  "event_msg/entered_review_mode",
  "event_msg/exited_review_mode",
]);

/**
 * Reads a rollout once, and its copied prefix twice. `emit` gets the responses in their order, those of a copied prefix among
 * them. @throws RolloutError when the file cannot be read.
 */
export function scanTokens(
  head: FileHead,
  sourcePath: (threadId: string) => string | undefined,
  emit: (response: TokenResponse) => void,
): TokenFile {
  const fold = tokenFold(head, { inherited: inheritedPart(head, sourcePath), sourcePath }, emit);
  for (const entry of readRollout(head.file.path, { kinds: TOKEN_KINDS, skipEmpty: true })) fold.add(entry);
  return fold.finish();
}

/** Takes the entries of one rollout, at least those of `TOKEN_KINDS`, in their order. */
export interface TokenFold {
  add(entry: Entry): void;
  finish(): TokenFile;
}

export interface TokenFoldOptions {
  /** The copied prefix of the file, as `inheritedPart` tells it. */
  readonly inherited: Inherited | undefined;
  readonly sourcePath: (threadId: string) => string | undefined;
}

/** `scanTokens` for who reads the rollout anyway. @throws RolloutError when a source cannot be read. */
export function tokenFold(
  head: FileHead,
  { inherited, sourcePath }: TokenFoldOptions,
  emit: (response: TokenResponse) => void,
): TokenFold {
  const source = inherited?.isExact === false ? sourceOf(head, inherited, sourcePath) : undefined;
  return new TokenScan(head, { inherited, source }, emit);
}

/** The counts of the first source that is there, where nothing else tells what was copied. */
function sourceOf(
  { meta }: FileHead,
  { sources }: Inherited,
  sourcePath: (threadId: string) => string | undefined,
): Iterator<string> | undefined {
  const path = sources.map(sourcePath).find((found) => found !== undefined);
  return path === undefined ? undefined : sourceCounts(path, parseTimestamp(meta?.timestamp ?? ""));
}

type Pending = Omit<TokenResponse, "model">;
type Told = Omit<Pending, "cwd" | "atMs">;

/** Responses that wait for the name of a model: one or two in real files. */
const MAX_WAITING = 1000;

class TokenScan {
  readonly #head: FileHead;
  readonly #inherited: Inherited | undefined;
  /** Counts of the source that come next. */
  readonly #source: Iterator<string> | undefined;
  #isSourceAhead = true;
  readonly #emit: (response: TokenResponse) => void;
  readonly #threadId: string;
  readonly #ownMs: number | undefined;
  readonly #clock = new LineClock();
  readonly #own = { record: 0, count: 0, difference: 0 };
  #counts = { inherited: 0, repeated: 0, estimates: 0 };
  #naive = { everyCount: 0, lastTotal: 0, everyRecord: 0 };
  #turnId: string | undefined;
  /** When that turn began, as its id says. */
  #turnMs: number | undefined;
  #model: string | undefined;
  #cwd: string | undefined;
  readonly #sums = new SumWatch();
  /** Sum and usage of the last record, until a `token_count` has repeated it. */
  #record: { readonly total: TokenUsage; readonly usage: TokenUsage } | undefined;
  #hasRecords = false;
  #broken: string | undefined;
  #isReview = false;
  /** Counts that told of a response so far. */
  #nth = 0;
  /** Responses before the first model is named, as a compaction at the start of a file's first turn. */
  #waiting: Pending[] | undefined = [];

  constructor(
    head: FileHead,
    { inherited, source }: { readonly inherited: Inherited | undefined; readonly source: Iterator<string> | undefined },
    emit: (response: TokenResponse) => void,
  ) {
    this.#head = head;
    this.#inherited = inherited;
    this.#source = source;
    this.#emit = emit;
    this.#threadId = threadOf(head);
    this.#ownMs = uuidTimeMs(this.#threadId);
    this.#cwd = head.meta?.cwd;
  }

  add(entry: Entry): void {
    if (!entry.ok) {
      if (entry.defect.kind === "broken-stream") this.#broken = entry.defect.message;
      return;
    }
    const { record, position } = entry;
    if (record.type === "token_usage_record") this.#addRecord(record.payload, record);
    else if (record.type === "turn_context") {
      this.#beginTurn(record.payload.turn_id ?? this.#turnId);
      this.#isReview = false;
      this.#cwd = record.payload.cwd;
      this.#setModel(record.payload.model);
    } else if (record.type === "event_msg") this.#addEvent(record.payload, record, position.offset);
  }

  #addEvent(event: EventMsg, record: RolloutRecord, offset: number): void {
    if (event.type === "entered_review_mode") this.#isReview = true;
    else if (event.type === "exited_review_mode") this.#isReview = false;
    else if (event.type === "thread_settings_applied") this.#setModel(event.thread_settings.model);
    else if (event.type === "task_started") {
      this.#beginTurn(event.turn_id);
      this.#isReview = false;
    } else if (event.type === "token_count") {
      if (event.info != null) this.#addCount(event.info, record, offset);
      else if (!this.#isReview) this.#sums.take(undefined);
    }
  }

  #beginTurn(id: string | undefined): void {
    if (id === this.#turnId) return;
    this.#turnId = id;
    this.#turnMs = uuidTimeMs(id ?? "");
  }

  #setModel(model: string): void {
    this.#model = model;
    this.#release(model);
  }

  #addRecord(payload: TokenUsageRecord, record: RolloutRecord): void {
    const { response_id: key, thread_id: threadId, usage } = payload;
    this.#hasRecords = true;
    this.#record = { total: payload.thread_token_usage, usage };
    this.#naive.everyRecord += tokensOf(usage);
    const isInherited = this.#inherited !== undefined && threadId.toLowerCase() !== this.#threadId;
    const told = { key, rung: "record", threadId: threadId.toLowerCase(), isInherited, isEcho: false, usage } as const;
    this.#tell(told, record, payload.turn_id);
  }

  #addCount(info: TokenUsageInfo, record: RolloutRecord, offset: number): void {
    const { total_token_usage: total, last_token_usage: last } = info;
    // The sum of a review is the reviewer's.
    const verdict = (this.#isReview ? new SumWatch() : this.#sums).take(info);
    this.#naive.everyCount += tokensOf(last);
    this.#naive.lastTotal = tokensOf(total);
    if (verdict === undefined || verdict.kind === "repeated") {
      this.#counts.repeated += 1;
      return;
    }
    if (verdict.kind === "new" && this.#isRecorded(info)) {
      this.#counts.repeated += 1;
      return;
    }
    const told = this.#toldBy(info, verdict.kind, offset);
    if (verdict.lost !== undefined && !this.#hasRecords) {
      this.#tell({ ...told, key: `${told.key} lost`, rung: "difference", usage: verdict.lost }, record);
    }
    if (verdict.kind === "new") this.#tell({ ...told, rung: "count", usage: last }, record);
    else this.#counts.estimates += 1;
  }

  /** Whether the last record has told it, which is then done with. */
  #isRecorded({ total_token_usage: total, last_token_usage: last }: TokenUsageInfo): boolean {
    const known = this.#record;
    if (known === undefined || !(isSameUsage(known.total, total) || isSameUsage(known.usage, last))) return false;
    this.#record = undefined;
    return true;
  }

  /** Whose it is, and what it goes by. */
  #toldBy(info: TokenUsageInfo, kind: "new" | "estimate", offset: number): Omit<Told, "rung" | "usage"> {
    if (kind === "new") this.#nth += 1;
    const figures = countKey(info);
    const isInherited = this.#isInherited(offset, kind === "new" ? figures : undefined);
    const threadId = isInherited ? this.#sourceOf(this.#turnMs) : this.#threadId;
    // A copy has the turn ids of its source, and releases without them copy whole files: the n-th count is the n-th.
    const turn = this.#turnMs === undefined ? `${threadId}#${String(this.#nth)}` : this.#turnId;
    return { key: `${turn ?? ""} ${figures}`, threadId, isInherited, isEcho: this.#isReview };
  }

  /** Turns tell it best; where they have no ids the place does, or the source, for as long as both tell the same. */
  #isInherited(offset: number, figures: string | undefined): boolean {
    if (this.#inherited === undefined) return false;
    const [turnMs, ownMs] = [this.#turnMs, this.#ownMs];
    if (turnMs !== undefined && ownMs !== undefined) return turnMs < ownMs;
    if (this.#source === undefined) return offset < (this.#inherited.ownOffset ?? Infinity);
    if (figures !== undefined) this.#isSourceAhead &&= this.#source.next().value === figures;
    return this.#isSourceAhead;
  }

  /** Of the sources the newest that is older than the turn. */
  #sourceOf(turnMs = Infinity): string {
    const sources = this.#inherited?.sources ?? [];
    return sources.find((id) => (uuidTimeMs(id) ?? 0) <= turnMs) ?? sources.at(-1) ?? this.#threadId;
  }

  #tell(told: Told, record: RolloutRecord, turnId = this.#turnId): void {
    if (told.isInherited) this.#counts.inherited += 1;
    else if (!told.isEcho) this.#own[told.rung] += 1;
    const writtenMs = this.#clock.parse(record.timestamp);
    // A copied line has the time of the copying.
    const atMs = told.isInherited ? (uuidTimeMs(turnId ?? "") ?? writtenMs) : writtenMs;
    const { key, rung, threadId, isInherited, isEcho, usage } = told;
    // Member by member: there are more of these than of anything else that a home is counted by.
    const pending = { key, rung, threadId, isInherited, isEcho, usage, cwd: this.#cwd, atMs };
    if (this.#waiting === undefined) {
      const [cwd, model] = [this.#cwd, this.#model];
      this.#emit({ key, rung, threadId, isInherited, isEcho, usage, cwd, atMs, model });
    } else if (this.#waiting.push(pending) >= MAX_WAITING) this.#release(undefined);
  }

  #release(model: string | undefined): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const pending of waiting) this.#emit({ ...pending, model });
  }

  finish(): TokenFile {
    this.#release(undefined);
    return {
      path: this.#head.file.logicalPath,
      threadId: this.#threadId,
      layout: this.#head.layout,
      sources: this.#inherited?.sources ?? [],
      rule: this.#source === undefined ? this.#inherited?.rule : "source",
      isExact: this.#source !== undefined || (this.#inherited?.isExact ?? true),
      own: this.#own,
      ...this.#counts,
      broken: this.#broken,
      naive: this.#naive,
    };
  }
}
