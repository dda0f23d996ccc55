/**
 * The end of one file of a thread, back to its newest compaction: lines as they are, of the kinds that a replay looks at.
 * What `fast-resume.ts` puts a thread together from, newest file first.
 *
 * The newest compaction of a thread says by itself whether history can begin with it (`thread/resume.ts`), so that nothing
 * else is decoded before that is known. A plain file is read from its end. A compressed one is decoded from the start of
 * its last frames, if it has several, and each compaction that goes by lets go of what was held before it.
 *
 * What lies before the compaction is not looked at, so that damage there, even in a frame, is no hindrance.
 */
import type { Entry } from "../format/entry.ts";
import type { HistoryMode } from "../format/record.ts";
import { peekKind } from "../format/peek.ts";
import type { ByteReader, BytesOptions } from "../readers/bytes.ts";
import { GENERATION_HEAD_BYTES, generationOf } from "../readers/generation.ts";
import { checkSegmentEnd, type LineageSegment } from "../readers/lineage.ts";
import { type Line, splitLines } from "../readers/lines.ts";
import { entryOfLine } from "../readers/part.ts";
import { splitLinesBackward } from "../readers/reverse.ts";
import { brokenStream, openRollout } from "../readers/rollout.ts";
import { isReplayKind } from "../thread/replay.ts";
import { ResumeScan, type ResumeVerdict } from "../thread/resume.ts";

export interface SegmentTail {
  /** Of the newest compaction; `continue` when the file, as far as it counts, has none. */
  readonly verdict: ResumeVerdict;
  /** Oldest first, beginning with the compaction if there is one; undefined when there were too many to be held. */
  readonly lines: readonly Line[] | undefined;
  readonly heldBytes: number;
  /** Where they begin. */
  readonly from: LineageSegment["from"];
  /** A compressed stream that breaks behind the last line. */
  readonly broken: Entry | undefined;
  /** Taken from the disk. */
  readonly bytesRead: number;
}

/** What it costs to hold a line besides its bytes. */
const OVERHEAD_BYTES = 200;
/** Chunks on the way back: at most so much is read beyond what is needed. */
const BACKWARD_BYTES = 32 * 1024;
/** To tell a plain file from a compressed one, nothing else is wanted of its start. */
const START_BYTES = 64;

export interface TailOptions extends Pick<BytesOptions, "checked"> {
  /** Told the bytes of the lines that were looked at. */
  readonly advance?: (bytes: number) => void;
}

/**
 * Lines of up to `limitBytes` are held; of a longer tail only its beginning is noted, for `tailLines`.
 * @throws RolloutError when the file cannot be read; LineageError when it ends before the part that counts.
 */
export function readTail(
  segment: LineageSegment,
  historyMode: HistoryMode,
  limitBytes: number,
  { advance, checked }: TailOptions = {},
): SegmentTail {
  const reader = openTail(segment, checked);
  try {
    const tail = new Tail(historyMode, limitBytes, advance);
    if (historyMode === "legacy" && !isEnvelopes(reader)) return tail.finish(segment, reader);
    if (reader.form === "plain") readBackward(reader, segment, tail);
    else readFrames(reader, segment, tail);
    return tail.finish(segment, reader);
  } finally {
    reader.close();
  }
}

/** The same lines by reading the file again, from the beginning of the tail on. `onRead` is told the bytes it took. */
export function* tailLines(
  segment: LineageSegment,
  from: SegmentTail["from"],
  { onRead, checked }: Pick<BytesOptions, "checked"> & { readonly onRead: (bytes: number) => void },
): Generator<Line> {
  const reader = openRollout(segment.path, { startBytes: START_BYTES, checked });
  try {
    yield* linesFrom(reader, segment, from);
  } finally {
    reader.close();
    onRead(reader.bytesRead);
  }
}

function openTail({ path }: LineageSegment, checked: boolean | undefined): ByteReader {
  const reader = openRollout(path, { startBytes: START_BYTES, chunkBytes: BACKWARD_BYTES });
  if (reader.form === "plain") return reader;
  reader.close();
  return openRollout(reader.path, { checked });
}

function select(buffer: Buffer, start: number, end: number): boolean {
  const kind = peekKind(buffer, start, end);
  return kind === undefined || isReplayKind(kind);
}

/** The formats before the envelope know no compactions, whatever their text looks like. */
function isEnvelopes(reader: ByteReader): boolean {
  const head = Buffer.concat(Array.from(reader.forward(0, GENERATION_HEAD_BYTES), (chunk) => Buffer.from(chunk)));
  return generationOf(head) === "envelope";
}

function readBackward(reader: ByteReader, segment: LineageSegment, tail: Tail): void {
  checkSegmentEnd(segment, reader.sizeBytes);
  for (const line of splitLinesBackward(reader, segment.endOffset, { select, skipEmpty: true })) {
    if (line.position.offset < segment.from.offset) break;
    tail.add(line);
    if (tail.judge(line)) break;
  }
  tail.turn();
}

/** So many times as many frames are taken each time that the last ones hold no compaction. */
const MORE_FRAMES = 4;

/** One frame after the other cannot be taken from the end: who begins at one of them has to go on to the end. */
function readFrames(reader: ByteReader, segment: LineageSegment, tail: Tail): void {
  const { endOffset = Number.POSITIVE_INFINITY } = segment;
  const starts = reader.restarts().filter((start) => start > segment.from.offset && start < endOffset);
  for (let frames = 1; frames <= starts.length; frames *= MORE_FRAMES) {
    // A frame may begin in the middle of a line, or of one that is not even a record: its first piece does not count.
    const offset = starts[starts.length - frames] as number;
    readForward(reader, segment, tail, linesFrom(reader, segment, { offset, line: 0 }, "inside"));
    if (tail.verdict.kind !== "continue") return;
    tail.clear();
  }
  readForward(reader, segment, tail, linesFrom(reader, segment, segment.from));
}

function readForward(reader: ByteReader, segment: LineageSegment, tail: Tail, lines: Generator<Line, number>): void {
  let next = lines.next();
  for (; next.done !== true; next = lines.next()) {
    if (tail.judge(next.value)) tail.clear();
    tail.add(next.value);
  }
  if (reader.failure === undefined) checkSegmentEnd(segment, next.value);
}

/** The lines of a segment from an offset on; returns where they end. Without a number for the first, none has one. */
function* linesFrom(
  reader: ByteReader,
  { endOffset }: LineageSegment,
  from: LineageSegment["from"],
  begins: "at-line" | "inside" = "at-line",
): Generator<Line, number> {
  const first = begins === "inside" ? from.offset : -1;
  const pieces = splitLines(reader.forward(from.offset, endOffset), { ...from, select, skipEmpty: true });
  let next = pieces.next();
  for (; next.done !== true; next = pieces.next()) {
    const { position } = next.value;
    if (position.offset === first) continue;
    yield from.line > 0 ? next.value : { ...next.value, position: { ...position, line: 0 } };
  }
  return next.value.offset;
}

/** Lines that are held for the time being, in the order in which they came. */
class Tail {
  readonly #historyMode: HistoryMode;
  readonly #limitBytes: number;
  readonly #advance: ((bytes: number) => void) | undefined;
  /** Of the newest compaction so far. */
  verdict: ResumeVerdict = { kind: "continue" };
  #base: Line["position"] | undefined;
  #lines: Line[] | undefined = [];
  #bytes = 0;

  constructor(historyMode: HistoryMode, limitBytes: number, advance?: (bytes: number) => void) {
    this.#historyMode = historyMode;
    this.#limitBytes = limitBytes;
    this.#advance = advance;
  }

  /** Whether the line is a compaction; the last one asked about counts. */
  judge(line: Line): boolean {
    const { bytes, tooLong } = line;
    const kind = tooLong === true ? "" : peekKind(bytes, 0, bytes.length);
    if (kind !== undefined && kind !== "compacted") return false;
    const entry = entryOfLine(line);
    if (!entry.ok || entry.record.type !== "compacted") return false;
    this.verdict = new ResumeScan({ historyMode: this.#historyMode, eager: true }).see(entry);
    this.#base = line.position;
    return true;
  }

  add(line: Line): void {
    this.#advance?.(line.bytes.length);
    this.#bytes += line.bytes.length + OVERHEAD_BYTES;
    if (this.#bytes > this.#limitBytes) this.#lines = undefined;
    // A copy, since the reader's buffer is used again.
    this.#lines?.push({ ...line, bytes: Buffer.from(line.bytes) });
  }

  clear(): void {
    this.#lines = [];
    this.#bytes = 0;
  }

  turn(): void {
    this.#lines?.reverse();
  }

  finish({ from }: LineageSegment, { bytesRead, failure }: ByteReader): SegmentTail {
    const { line, offset } = this.#base ?? from;
    const heldBytes = this.#lines === undefined ? 0 : this.#bytes;
    const broken = failure && brokenStream(0, failure);
    return { verdict: this.verdict, lines: this.#lines, heldBytes, from: { line, offset }, broken, bytesRead };
  }
}
