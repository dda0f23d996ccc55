/**
 * The quick way through one rollout to the facts of its thread.
 *
 * Most columns come either from the first records (identity, first message) or from the *last* record of a kind (settings,
 * tokens). So records of the second sort are kept as bytes, each replaced by the next, and only the survivors are
 * parsed. In a plain paginated file nothing between first message and newest turn matters, since metadata changes of such
 * threads go to SQLite only (state-and-compression §5.5): head and tail are read, the middle is not.
 */
import { acceptedBy, decodeLine } from "../format/decode.ts";
import type { Position } from "../format/entry.ts";
import { kindOf, peekKind } from "../format/peek.ts";
import { historyModeOf, type RolloutRecord } from "../format/record.ts";
import { isGuardian } from "../format/session-source.ts";
import { tidyPath } from "../io/paths.ts";
import type { ByteReader } from "../readers/bytes.ts";
import type { RolloutFile } from "../readers/home.ts";
import { splitLines } from "../readers/lines.ts";
import { splitLinesBackward } from "../readers/reverse.ts";
import { FactsFold, type FactsResult } from "./facts.ts";
import {
  beginsWithTime,
  headOf,
  infoIsNull,
  isOrdinary,
  lastTimedLine,
  mayBeRecord,
  mayBeUserMessage,
  timestampIn,
  withoutInstructions,
} from "./glance.ts";
import { HeadDigest } from "./head-digest.ts";
import { isLate, KeptLines, LATE, type LateKind } from "./kept-lines.ts";
import type { Rules } from "./rules.ts";

export interface Extraction {
  readonly result: FactsResult;
  /** Time on the newest line, if it has one. */
  readonly lastLineMs: number | undefined;
  /** The compressed stream broke at this offset of the plain text; the facts come from what precedes it. */
  readonly broken: { readonly message: string; readonly offset: number } | undefined;
  /** Digest of the first `HEAD_BYTES` of the plain text. */
  readonly head: string;
  readonly bytesRead: number;
}

/** Less than this between head and end of a file is not worth a second, backward pass. */
const MIDDLE_BYTES = 128 * 1024;
const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);

/** The quick way through one file. `run` gives up with undefined when a kept line does not count after all. */
export class Survey {
  readonly #rules: Rules;
  readonly #reader: ByteReader;
  readonly #fold: FactsFold;
  readonly #kept = new KeptLines();
  /** Records that have to reach the fold in file order, with their offsets. */
  readonly #records: { readonly record: RolloutRecord; readonly offset: number }[] = [];
  #paginated = false;
  /** Something was found that counts as a record; until then every line is looked at. */
  #sawRecord = false;
  /** All that is left to look for are metadata and late kinds. */
  #isSettled = false;
  /** The chunk that is being split, its offset, and whether a line begins with it. */
  #chunk: Buffer = NOTHING;
  #base = 0;
  #lineStarts = true;
  /** First bytes of the newest line that says when it was written. */
  #lastHead: Buffer = NOTHING;
  /** It begins at the end of the chunk. */
  #lastIsOpen = false;
  /** End of the head when the middle is skipped. */
  #headEnd: number | undefined;
  readonly #digest = new HeadDigest(() => this.#sawRecord);

  constructor(file: RolloutFile, rules: Rules, reader: ByteReader) {
    this.#rules = rules;
    this.#reader = reader;
    this.#fold = new FactsFold(rules, file.name);
  }

  run(): Extraction | undefined {
    this.#readForward();
    let assumedCwd: string | undefined;
    if (this.#headEnd !== undefined) assumedCwd = this.#readTail(this.#headEnd);
    if (!this.#decodeKept()) return undefined;
    this.#records.sort((a, b) => a.offset - b.offset);
    for (const { record, offset } of this.#records) this.#fold.add(record, offset);
    if (this.#fold.needsFirstTurn || this.#isReview()) return undefined;
    const result = this.#fold.finish();
    return {
      result:
        result.ok && assumedCwd !== undefined ? { ok: true, facts: { ...result.facts, cwd: assumedCwd } } : result,
      lastLineMs: timestampIn(this.#lastHead),
      broken: this.#reader.failure,
      head: this.#digest.value,
      bytesRead: this.#reader.bytesRead,
    };
  }

  /** Whether messages of a reviewer's thread name it depends on where they stand, and here metadata comes after them. */
  #isReview(): boolean {
    return this.#records.some(({ record }) => record.type === "session_meta" && isGuardian(record.payload.source));
  }

  #readForward(): void {
    const chunks = this.#watched(this.#digest.of(this.#reader.forward()));
    const select = this.#select.bind(this);
    for (const line of splitLines(chunks, { select, skipEmpty: true })) {
      const kind = peekKind(line.bytes);
      const { position } = line;
      if (isLate(kind)) this.#kept.keep(kind, line.bytes, position.offset);
      else
        this.#parse(kind === "session_meta" ? withoutInstructions(line.bytes) : line.bytes, position, line.terminated);
      const end = position.offset + position.length + 1;
      if (this.#maySkipMiddle(end)) {
        this.#headEnd = end;
        return;
      }
    }
  }

  /** What was noted in a chunk is brought to safety before the next one takes its place. */
  *#watched(chunks: Iterable<Buffer>): Generator<Buffer> {
    for (const chunk of chunks) {
      this.#chunk = chunk;
      this.#lastIsOpen = false;
      try {
        yield chunk;
      } finally {
        this.#leaveChunk(chunk);
      }
    }
  }

  #leaveChunk(chunk: Buffer): void {
    const start = this.#lastIsOpen ? -1 : lastTimedLine(chunk, this.#lineStarts);
    if (start !== -1) this.#lastHead = headOf(chunk, start, chunk.length, this.#lastHead);
    this.#kept.settle();
    this.#lineStarts = chunk.at(-1) === NEWLINE;
    this.#base += chunk.length;
    this.#chunk = NOTHING;
  }

  /** Called for each line: hundreds of nanoseconds here are seconds in a home. */
  #select(buffer: Buffer, start: number, end: number): boolean {
    const isOpen = end === buffer.length;
    if (this.#isSettled && !isOpen && isOrdinary(buffer, start, end)) return false;
    const kind = peekKind(buffer, start, end);
    if (isOpen && (kind !== undefined || beginsWithTime(buffer, start, end))) {
      this.#lastHead = headOf(buffer, start, end, this.#lastHead);
      this.#lastIsOpen = buffer === this.#chunk;
    }
    if (!this.#wants(kind, buffer, start, end)) return false;
    if (isOpen || buffer !== this.#chunk || !isLate(kind)) return true;
    this.#kept.note(kind, buffer, start, end, this.#base + start);
    return false;
  }

  #wants(kind: string | undefined, buffer: Buffer, start: number, end: number): boolean {
    if (kind === undefined) return mayBeRecord(buffer, start, end);
    if (!this.#sawRecord) return true;
    switch (kind) {
      case "session_meta":
      case "turn_context":
      case "event_msg/thread_settings_applied":
        return true;
      case "event_msg/token_count":
        return !infoIsNull(buffer, start, end);
      case "event_msg/task_started":
        return this.#rules.best;
      case "event_msg/user_message":
      case "event_msg/thread_goal_updated":
        return !this.#fold.messagesSettled;
      case "event_msg/item_completed":
        return this.#rules.itemMessages && !this.#fold.messagesSettled && mayBeUserMessage(buffer, start, end);
      default:
        return false;
    }
  }

  #parse(bytes: Buffer, position: Position, terminated: boolean): void {
    const entry = decodeLine(bytes, position, { terminated });
    if (!entry.ok) return;
    const { record } = entry;
    this.#sawRecord ||= acceptedBy(record, this.#rules.release);
    if (record.type === "session_meta" && this.#records.length === 0) {
      this.#paginated = historyModeOf(record.payload) === "paginated";
    }
    if (record.type === "session_meta" || isLate(kindOf(record)))
      this.#records.push({ record, offset: position.offset });
    else this.#fold.add(record, position.offset);
    this.#isSettled = this.#sawRecord && this.#fold.messagesSettled;
  }

  #maySkipMiddle(end: number): boolean {
    if (!this.#rules.best || !this.#paginated || this.#reader.form !== "plain") return false;
    return this.#fold.messagesSettled && this.#reader.sizeBytes - end > MIDDLE_BYTES;
  }

  /**
   * Newest first from the end of the file to the end of the head, until nothing older can matter. A settings record
   * decides on `cwd`; when the newest turn context comes first and the head has shown that this thread writes settings
   * records, that turn's `cwd` is the one that the last of them set, since a turn runs under the settings in force. That
   * `cwd` is returned.
   */
  #readTail(headEnd: number): string | undefined {
    const missing = new Set<LateKind>(LATE);
    let cwd: string | undefined;
    let isTimed = false;
    for (const line of splitLinesBackward(this.#reader)) {
      if (line.position.offset < headEnd) break;
      if (!isTimed && beginsWithTime(line.bytes, 0, line.bytes.length)) {
        this.#lastHead = headOf(line.bytes, 0, line.bytes.length, this.#lastHead);
        isTimed = true;
      }
      const kind = peekKind(line.bytes);
      const wanted = kind === "session_meta" || (isLate(kind) && missing.has(kind)) || kind === undefined;
      if (!wanted || (kind === "event_msg/token_count" && infoIsNull(line.bytes, 0, line.bytes.length))) continue;
      const entry = decodeLine(line.bytes, line.position, { terminated: line.terminated });
      if (!entry.ok || !acceptedBy(entry.record, this.#rules.release) || hasNoFigures(entry.record)) continue;
      this.#records.push({ record: entry.record, offset: line.position.offset });
      if (!isLate(kind)) continue;
      missing.delete(kind);
      if (kind === "event_msg/thread_settings_applied") missing.delete("turn_context");
      if (entry.record.type === "turn_context" && missing.has("event_msg/thread_settings_applied")) {
        cwd = this.#cwdBySettings(entry.record.payload.cwd);
        if (cwd !== undefined) missing.delete("event_msg/thread_settings_applied");
      }
      if (missing.size === 0) break;
    }
    for (const kind of LATE) if (!missing.has(kind) && this.#tailHas(kind, headEnd)) this.#kept.delete(kind);
    return cwd;
  }

  #tailHas(kind: LateKind, headEnd: number): boolean {
    return this.#records.some(({ record, offset }) => offset >= headEnd && kindOf(record) === kind);
  }

  #cwdBySettings(turnCwd: string): string | undefined {
    const knowsSettings = this.#kept.has("event_msg/thread_settings_applied");
    const first = this.#records[0]?.record;
    const metaCwd = first?.type === "session_meta" ? first.payload.cwd : undefined;
    if (knowsSettings) return tidyPath(turnCwd);
    return turnCwd === metaCwd && tidyPath(metaCwd) === metaCwd ? metaCwd : undefined;
  }

  /** Parses what was kept. False when one of them is not a record that counts, so that an older one would. */
  #decodeKept(): boolean {
    for (const { bytes, offset } of this.#kept.lines()) {
      const entry = decodeLine(bytes, { line: 0, offset, length: bytes.length }, { terminated: true });
      if (!entry.ok || !acceptedBy(entry.record, this.#rules.release)) return false;
      if (hasNoFigures(entry.record)) return false;
      this.#records.push({ record: entry.record, offset });
    }
    return true;
  }
}

/** As `infoIsNull`, for those that are written in another way. */
function hasNoFigures(record: RolloutRecord): boolean {
  return record.type === "event_msg" && record.payload.type === "token_count" && record.payload.info == null;
}
