/**
 * One rollout file to the facts of its thread, reading and parsing as little as the answer needs.
 *
 * Most columns come either from the first records (identity, first message) or from the *last* record of a kind (settings,
 * tokens). So records of the second sort are kept as bytes, each replaced by the next, and only the survivors are
 * parsed. In a plain paginated file nothing between first message and newest turn matters, since metadata changes of such
 * threads go to SQLite only (state-and-compression §5.5): head and tail are read, the middle is not.
 * Whenever a survivor turns out not to count, the file is read once more with every record parsed.
 */
import { acceptedBy, decodeLine } from "../format/decode.ts";
import type { Position } from "../format/entry.ts";
import { isGuardian } from "../format/session-source.ts";
import { peekKind } from "../format/peek.ts";
import { historyModeOf, type RolloutRecord } from "../format/record.ts";
import { shortDigest } from "../io/digest.ts";
import { tidyPath } from "../io/paths.ts";
import type { ByteReader } from "../readers/bytes.ts";
import type { RolloutFile } from "../readers/home.ts";
import { splitLines } from "../readers/lines.ts";
import { openRollout } from "../readers/rollout.ts";
import { splitLinesBackward } from "../readers/reverse.ts";
import { FactsFold, type FactsResult } from "./facts.ts";
import {
  beginsWithTime,
  headOf,
  infoIsNull,
  mayBeRecord,
  mayBeUserMessage,
  timestampIn,
  withoutInstructions,
} from "./glance.ts";
import { HEAD_BYTES } from "./manifest.ts";
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

export interface ExtractOptions {
  /** Read and parse everything; the outcome for a file that Codex wrote is the same. */
  readonly thorough?: boolean;
}

/** Less than this between head and end of a file is not worth a second, backward pass. */
const MIDDLE_BYTES = 128 * 1024;

/** @throws RolloutError when the file cannot be opened or read. */
export function extractFacts(file: RolloutFile, rules: Rules, options: ExtractOptions = {}): Extraction {
  const reader = openRollout(file.path);
  try {
    if (options.thorough !== true) {
      const quick = new Survey(file, rules, reader).run();
      if (quick !== undefined) return quick;
    }
    return thoroughly(file, rules, reader);
  } finally {
    reader.close();
  }
}

function thoroughly(file: RolloutFile, rules: Rules, reader: ByteReader): Extraction {
  const fold = new FactsFold(rules, file.name);
  let head: Buffer = Buffer.alloc(0);
  const select = (buffer: Buffer, start: number, end: number): boolean => {
    const kind = peekKind(buffer, start, end);
    if (kind !== undefined || beginsWithTime(buffer, start, end)) head = headOf(buffer, start, end, head);
    if (kind === undefined) return mayBeRecord(buffer, start, end);
    return THOROUGH.has(kind) || !fold.sawRecord;
  };
  const digest = new HeadDigest(() => fold.sawRecord);
  for (const line of splitLines(digest.of(reader.forward()), { select, skipEmpty: true })) {
    const entry = decodeLine(line.bytes, line.position, { terminated: line.terminated });
    if (entry.ok) fold.add(entry.record, line.position.offset);
  }
  return {
    result: fold.finish(),
    lastLineMs: timestampIn(head),
    broken: reader.failure,
    head: digest.value,
    bytesRead: reader.bytesRead,
  };
}

const THOROUGH: ReadonlySet<string> = new Set([
  "session_meta",
  "turn_context",
  "event_msg/token_count",
  "event_msg/task_started",
  "event_msg/user_message",
  "event_msg/item_completed",
  "event_msg/thread_goal_updated",
  "event_msg/thread_settings_applied",
]);

const LATE = [
  "turn_context",
  "event_msg/thread_settings_applied",
  "event_msg/token_count",
  "event_msg/task_started",
] as const;
type LateKind = (typeof LATE)[number];

/** The newest line of a kind, unparsed. The buffer is reused by the line that replaces it. */
interface Kept {
  buffer: Buffer;
  length: number;
  position: Position;
}

/** The quick way through one file. `run` gives up with undefined when a kept line does not count after all. */
class Survey {
  readonly #rules: Rules;
  readonly #reader: ByteReader;
  readonly #fold: FactsFold;
  readonly #kept = new Map<string, Kept>();
  /** Records that have to reach the fold in file order, with their offsets. */
  readonly #records: { readonly record: RolloutRecord; readonly offset: number }[] = [];
  #paginated = false;
  /** Something was found that counts as a record; until then every line is looked at. */
  #sawRecord = false;
  #lastHead: Buffer = Buffer.alloc(0);
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
    if (this.#headEnd !== undefined) {
      const tail = this.#readTail(this.#headEnd);
      if (!tail.ok) return undefined;
      assumedCwd = tail.cwd;
    }
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
    const compressed = this.#reader.form === "zstd";
    // Only references, since the last chunk of a plain file is not overwritten; but a line may begin in an earlier one.
    let lastBuffer = this.#lastHead;
    let lastStart = 0;
    let lastEnd = 0;
    let begun = this.#lastHead;
    const select = (buffer: Buffer, start: number, end: number): boolean => {
      const kind = peekKind(buffer, start, end);
      if (kind === undefined && !beginsWithTime(buffer, start, end)) return this.#wants(kind, buffer, start, end);
      if (compressed) this.#lastHead = headOf(buffer, start, end, this.#lastHead);
      else if (end < buffer.length) {
        lastBuffer = buffer;
        lastStart = start;
        lastEnd = end;
      } else {
        begun = headOf(buffer, start, end, begun);
        lastBuffer = begun;
        lastStart = 0;
        lastEnd = Math.min(end - start, begun.length);
      }
      return this.#wants(kind, buffer, start, end);
    };
    for (const line of splitLines(this.#digest.of(this.#reader.forward()), { select, skipEmpty: true })) {
      const kind = peekKind(line.bytes);
      if (isLate(kind)) this.#keep(kind, line.bytes, line.position);
      else
        this.#parse(
          kind === "session_meta" ? withoutInstructions(line.bytes) : line.bytes,
          line.position,
          line.terminated,
        );
      const end = line.position.offset + line.position.length + 1;
      if (this.#maySkipMiddle(end)) {
        this.#headEnd = end;
        return;
      }
    }
    if (!compressed) this.#lastHead = headOf(lastBuffer, lastStart, lastEnd, this.#lastHead);
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

  #keep(kind: string, bytes: Buffer, position: Position): void {
    const kept = this.#kept.get(kind);
    if (kept !== undefined && kept.buffer.length >= bytes.length) {
      bytes.copy(kept.buffer);
      kept.length = bytes.length;
      kept.position = position;
      return;
    }
    const buffer = Buffer.allocUnsafe(Math.max(1024, bytes.length * 2));
    bytes.copy(buffer);
    this.#kept.set(kind, { buffer, length: bytes.length, position });
  }

  #parse(bytes: Buffer, position: Position, terminated: boolean): void {
    const entry = decodeLine(bytes, position, { terminated });
    if (!entry.ok) return;
    const { record } = entry;
    this.#sawRecord ||= acceptedBy(record, this.#rules.release);
    if (record.type === "session_meta" && this.#records.length === 0) {
      this.#paginated = historyModeOf(record.payload) === "paginated";
    }
    if (record.type === "session_meta" || isLate(lateKindOf(record)))
      this.#records.push({ record, offset: position.offset });
    else this.#fold.add(record, position.offset);
  }

  #maySkipMiddle(end: number): boolean {
    if (!this.#rules.best || !this.#paginated || this.#reader.form !== "plain") return false;
    return this.#fold.messagesSettled && this.#reader.sizeBytes - end > MIDDLE_BYTES;
  }

  /**
   * Newest first from the end of the file to the end of the head, until nothing older can matter. A settings record
   * decides on `cwd`; when the newest turn context comes first and the head has shown that this thread writes settings
   * records, that turn's `cwd` is the one that the last of them set, since a turn runs under the settings in force.
   */
  #readTail(headEnd: number): { readonly ok: boolean; readonly cwd?: string } {
    const missing = new Set<LateKind>(LATE);
    let cwd: string | undefined;
    for (const line of splitLinesBackward(this.#reader)) {
      if (line.position.offset < headEnd) break;
      const timed = this.#lastHead.length === 0 && beginsWithTime(line.bytes, 0, line.bytes.length);
      if (timed) this.#lastHead = headOf(line.bytes, 0, line.bytes.length, this.#lastHead);
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
    return { ok: true, ...(cwd === undefined ? {} : { cwd }) };
  }

  #tailHas(kind: LateKind, headEnd: number): boolean {
    return this.#records.some(({ record, offset }) => offset >= headEnd && lateKindOf(record) === kind);
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
    for (const { buffer, length, position } of this.#kept.values()) {
      const entry = decodeLine(buffer.subarray(0, length), position, { terminated: true });
      if (!entry.ok || !acceptedBy(entry.record, this.#rules.release)) return false;
      if (hasNoFigures(entry.record)) return false;
      this.#records.push({ record: entry.record, offset: position.offset });
    }
    return true;
  }
}

/** Digest of the first bytes of a file that somebody else is reading. */
class HeadDigest {
  value = "";
  readonly #sawRecord: () => boolean;

  constructor(sawRecord: () => boolean) {
    this.#sawRecord = sawRecord;
  }

  /** Ends early where nothing has turned up for so long that this is no rollout, however long it goes on. */
  *of(chunks: Iterable<Buffer>): Generator<Buffer> {
    let bytes = 0;
    for (const chunk of chunks) {
      if (this.value === "") this.value = shortDigest(chunk.subarray(0, HEAD_BYTES));
      yield chunk;
      bytes += chunk.length;
      if (bytes > MAX_BYTES_WITHOUT_RECORD && !this.#sawRecord()) return;
    }
  }
}

/** The first record of a real rollout, its metadata, has some kilobytes; pictures can make a line longer than that, not this long. */
const MAX_BYTES_WITHOUT_RECORD = 512 * 1024 * 1024;

/** The same digest for a file that nobody reads. @throws RolloutError when it cannot be opened. */
export function headDigest(path: string): string {
  const reader = openRollout(path);
  try {
    for (const chunk of reader.forward(0, HEAD_BYTES)) return shortDigest(chunk.subarray(0, HEAD_BYTES));
    return "";
  } finally {
    reader.close();
  }
}

function isLate(kind: string | undefined): kind is LateKind {
  return kind !== undefined && (LATE as readonly string[]).includes(kind);
}

function lateKindOf(record: RolloutRecord): string {
  return record.type === "event_msg" ? `event_msg/${record.payload.type}` : record.type;
}

/** As `infoIsNull`, for those that are written in another way. */
function hasNoFigures(record: RolloutRecord): boolean {
  return record.type === "event_msg" && record.payload.type === "token_count" && record.payload.info == null;
}
