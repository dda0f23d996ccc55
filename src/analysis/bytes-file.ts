/** One rollout in one pass: its bytes by label, its checkpoints, and what of it is another thread's copy. */
import type { Entry } from "../format/entry.ts";
import { peekKind } from "../format/peek.ts";
import { type HistoryMode, historyModeOf } from "../format/record.ts";
import { statOrUndefined } from "../io/files.ts";
import type { ByteReader } from "../readers/bytes.ts";
import { bareTimestamp, GENERATION_HEAD_BYTES, generationOf } from "../readers/generation.ts";
import { decodeBareLine, decodeTypescriptDocument } from "../readers/legacy.ts";
import { type Line, splitLines } from "../readers/lines.ts";
import { entryOfLine } from "../readers/part.ts";
import { openRollout } from "../readers/rollout.ts";
import { addBlobs, type BlobTable, hasReplacementHistory } from "./bytes-blobs.ts";
import {
  type ByteLabel,
  DOCUMENT_FRAME,
  EMPTY_LINES,
  labelOfDefect,
  labelOfEntry,
  labelOfPeeked,
  LINE_ENDS,
} from "./bytes-labels.ts";
import { isLineKept } from "./bytes-policy.ts";

export interface LabelCount {
  records: number;
  /** Of the plain text. */
  bytes: number;
  /** What of it Codex would write again (`bytes-policy.ts`). */
  keptRecords: number;
  keptBytes: number;
}

/** A line with a replacement history. */
export interface Checkpoint {
  readonly offset: number;
  /** Its line end included. */
  readonly bytes: number;
}

export interface FileBytes {
  /** Of the plain text, as far as it could be decoded; the labels add up to it. */
  readonly plainBytes: number;
  readonly labels: ReadonlyMap<ByteLabel, LabelCount>;
  /** In file order. */
  readonly checkpoints: readonly Checkpoint[];
  readonly hasRollbacks: boolean;
  /** Why an archive could not be decoded to its end, safe to print. */
  readonly broken: string | undefined;
}

/** More than these are counted without their places: no thread is compacted so often. */
const MAX_CHECKPOINTS = 100_000;

/** Reads a rollout of any generation; `blobs` has been told of the file. @throws RolloutError when it cannot be opened or read. */
export function countFile(path: string, blobs: BlobTable, advance?: (bytes: number) => void): FileBytes {
  const reader = openRollout(path);
  try {
    const count = new FileCount(blobs);
    const head = Buffer.concat(Array.from(reader.forward(0, GENERATION_HEAD_BYTES), (chunk) => Buffer.from(chunk)));
    const generation = generationOf(head);
    const chunks = told(reader, advance);
    if (generation === "typescript") count.addDocument(chunks, statOrUndefined(path)?.size ?? 0);
    else count.addLines(chunks, generation === "bare" ? bareTimestamp(head) : undefined);
    return count.finish(reader.failure?.message);
  } finally {
    reader.close();
  }
}

function* told(reader: ByteReader, advance: ((bytes: number) => void) | undefined): Generator<Buffer> {
  let before = reader.bytesRead;
  for (const chunk of reader.forward()) {
    yield chunk;
    advance?.(reader.bytesRead - before);
    before = reader.bytesRead;
  }
}

class FileCount {
  readonly #blobs: BlobTable;
  readonly #labels = new Map<ByteLabel, LabelCount>();
  readonly #checkpoints: Checkpoint[] = [];
  #plainBytes = 0;
  #lines = 0;
  #emptyLines = 0;
  #lineEnds = 0;
  #keptLineEnds = 0;
  /** As the first metadata say; before them nothing depends on it. */
  #mode: HistoryMode | undefined;

  constructor(blobs: BlobTable) {
    this.#blobs = blobs;
  }

  /** `timestamp` is given for the bare format. */
  addLines(chunks: Iterable<Buffer>, timestamp: string | undefined): void {
    const lines = splitLines(chunks, { skipEmpty: true });
    let next = lines.next();
    for (; next.done !== true; next = lines.next()) {
      this.#addEmptyBefore(next.value.position.line);
      this.#addLine(next.value, timestamp);
    }
    this.#addEmptyBefore(next.value.line);
    this.#plainBytes = next.value.offset;
  }

  /** Lines without a byte are counted by the numbers of the others. */
  #addEmptyBefore(line: number): void {
    this.#emptyLines += line - 1 - this.#lines;
    this.#lines = line - 1;
  }

  #addLine(line: Line, timestamp: string | undefined): void {
    const { bytes, position, terminated } = line;
    this.#lines += 1;
    let entry: Entry | undefined;
    const decode = (): Entry =>
      (entry ??=
        timestamp === undefined || line.tooLong === true ? entryOfLine(line) : decodeBareLine(line, timestamp));
    const label = timestamp === undefined ? labelOf(line, decode) : labelOfEntry(decode());
    if (label === "session_meta") this.#mode ??= modeOf(decode());
    const isKept = isLineKept(label, this.#mode ?? "legacy", decode);
    this.#count(label, position.length, isKept);
    if (terminated) this.#lineEnds += 1;
    if (terminated && isKept) this.#keptLineEnds += 1;
    addBlobs(this.#blobs, bytes, label, position.line);
    if (label === "compacted" && this.#checkpoints.length < MAX_CHECKPOINTS && hasReplacementHistory(bytes)) {
      this.#checkpoints.push({ offset: position.offset, bytes: position.length + (terminated ? 1 : 0) });
    }
  }

  /** Items are counted as their compact JSON; what the document has beyond that is its frame. */
  addDocument(chunks: Iterable<Buffer>, sizeBytes: number): void {
    let itemBytes = 0;
    for (const entry of decodeTypescriptDocument(chunks)) {
      const { length } = entry.position;
      itemBytes += length;
      const label = labelOfEntry(entry);
      this.#count(
        label,
        length,
        isLineKept(label, "legacy", () => entry),
      );
    }
    // Escapes may be spelled longer in what the parser gives than in the file.
    if (itemBytes > sizeBytes) this.#labels.clear();
    this.#count(DOCUMENT_FRAME, itemBytes > sizeBytes ? sizeBytes : sizeBytes - itemBytes, false);
    this.#plainBytes = sizeBytes;
  }

  #count(label: ByteLabel, bytes: number, isKept: boolean): void {
    const [keptRecords, keptBytes] = isKept ? [1, bytes] : [0, 0];
    addCount(this.#labels, label, { records: 1, bytes, keptRecords, keptBytes });
  }

  /** Lines of no bytes, or their ends, one byte each. */
  #countEach(label: ByteLabel, records: number, keptRecords: number): void {
    if (records > 0) addCount(this.#labels, label, { records, bytes: records, keptRecords, keptBytes: keptRecords });
  }

  finish(broken: string | undefined): FileBytes {
    this.#countEach(EMPTY_LINES, this.#emptyLines, 0);
    this.#countEach(LINE_ENDS, this.#lineEnds, this.#keptLineEnds);
    return {
      plainBytes: this.#plainBytes,
      labels: this.#labels,
      checkpoints: this.#checkpoints,
      hasRollbacks: this.#labels.has("event.thread_rolled_back"),
      broken,
    };
  }
}

export function addCount(labels: Map<ByteLabel, LabelCount>, label: ByteLabel, more: LabelCount): void {
  const known = labels.get(label);
  if (known === undefined) {
    labels.set(label, { ...more });
    return;
  }
  known.records += more.records;
  known.bytes += more.bytes;
  known.keptRecords += more.keptRecords;
  known.keptBytes += more.keptBytes;
}

function modeOf(entry: Entry): HistoryMode | undefined {
  return entry.ok && entry.record.type === "session_meta" ? historyModeOf(entry.record.payload) : undefined;
}

function labelOf({ bytes, terminated, tooLong }: Line, decode: () => Entry): ByteLabel {
  if (tooLong === true) return labelOfDefect("too-long");
  return labelOfPeeked(terminated ? peekKind(bytes, 0, bytes.length) : undefined, bytes, decode);
}
