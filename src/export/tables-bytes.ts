/**
 * The bytes of one rollout by label, those of its copied prefix told apart: `stats bytes` for a table. Labels and what is a label's
 * are those of `analysis/bytes-labels.ts`; a rollout's rows add up to its plain size.
 */
import { BlobTable } from "../analysis/bytes-blobs.ts";
import { countFile } from "../analysis/bytes-file.ts";
import { type ByteLabel, EMPTY_LINES, labelOfDefect, labelOfLine, LINE_ENDS } from "../analysis/bytes-labels.ts";
import type { FileHead, Inherited } from "../analysis/inherited.ts";
import { GENERATION_HEAD_BYTES, generationOf } from "../readers/generation.ts";
import { type Line, splitLines } from "../readers/lines.ts";
import { openRollout } from "../readers/rollout.ts";

export interface LabelBytes {
  readonly label: ByteLabel;
  readonly inherited: boolean;
  readonly records: number;
  /** Of the plain text. */
  readonly bytes: number;
}

export interface FileLabels {
  readonly plainBytes: number;
  /** The largest first. */
  readonly labels: readonly LabelBytes[];
  /** Of the last line that begins with one, as it is written; "" where there is none. */
  readonly lastTimestamp: string;
  /** Why an archive could not be decoded to its end, safe to print. */
  readonly broken: string | undefined;
}

/** Reads the rollout once. @throws RolloutError when it cannot be opened or read. */
export function labelsOf({ file }: FileHead, part: Inherited | undefined): FileLabels {
  const reader = openRollout(file.path);
  try {
    const head = Buffer.concat(Array.from(reader.forward(0, GENERATION_HEAD_BYTES), (chunk) => Buffer.from(chunk)));
    if (generationOf(head) !== "envelope") return whole(file.path);
    const count = new LabelCount(part);
    count.addLines(reader.forward());
    return count.finish(reader.failure?.message);
  } finally {
    reader.close();
  }
}

/** Rollouts from before envelopes, which nothing was copied into. */
function whole(path: string): FileLabels {
  const blobs = new BlobTable();
  blobs.beginFile(path);
  const { plainBytes, labels, broken } = countFile(path, blobs);
  const rows = Array.from(labels, ([label, { records, bytes }]) => ({ label, inherited: false, records, bytes }));
  return { plainBytes, labels: rows.toSorted(bySize), lastTimestamp: "", broken };
}

function bySize(a: LabelBytes, b: LabelBytes): number {
  return b.bytes - a.bytes || (a.label < b.label ? -1 : 1);
}

interface Sums {
  records: number;
  bytes: number;
}

class LabelCount {
  readonly #copyStart: number;
  readonly #copyEnd: number;
  readonly #own = new Map<ByteLabel, Sums>();
  readonly #inherited = new Map<ByteLabel, Sums>();
  #lines = 0;
  #plainBytes = 0;
  #lastTimestamp = "";

  constructor(part: Inherited | undefined) {
    this.#copyStart = part?.copyOffset ?? 0;
    this.#copyEnd = part === undefined ? 0 : (part.ownOffset ?? Infinity);
  }

  addLines(chunks: Iterable<Buffer>): void {
    const split = splitLines(chunks, { skipEmpty: true });
    let next = split.next();
    for (; next.done !== true; next = split.next()) this.#addLine(next.value);
    this.#addEmptyBefore(next.value.line, next.value.offset);
    this.#plainBytes = next.value.offset;
  }

  #addLine({ bytes, position, terminated, tooLong }: Line): void {
    this.#addEmptyBefore(position.line, position.offset);
    this.#lines += 1;
    const label = tooLong === true ? labelOfDefect("too-long") : labelOfLine(bytes, position, terminated);
    if (terminated) this.#lastTimestamp = timestampIn(bytes) ?? this.#lastTimestamp;
    const sums = this.#sumsAt(position.offset);
    add(sums, label, 1, position.length);
    if (terminated) add(sums, LINE_ENDS, 1, 1);
  }

  /** Lines without a byte are counted by the numbers of the others; they are whose line comes next. */
  #addEmptyBefore(line: number, offset: number): void {
    const empty = line - 1 - this.#lines;
    if (empty === 0) return;
    this.#lines += empty;
    add(this.#sumsAt(offset - 1), EMPTY_LINES, empty, empty);
  }

  #sumsAt(offset: number): Map<ByteLabel, Sums> {
    return offset >= this.#copyStart && offset < this.#copyEnd ? this.#inherited : this.#own;
  }

  finish(broken: string | undefined): FileLabels {
    const own = Array.from(this.#own, ([label, sums]) => ({ label, inherited: false, ...sums }));
    const inherited = Array.from(this.#inherited, ([label, sums]) => ({ label, inherited: true, ...sums }));
    const labels = [...own, ...inherited].toSorted(bySize);
    return { plainBytes: this.#plainBytes, labels, lastTimestamp: this.#lastTimestamp, broken };
  }
}

function add(sums: Map<ByteLabel, Sums>, label: ByteLabel, records: number, bytes: number): void {
  const known = sums.get(label);
  if (known === undefined) sums.set(label, { records, bytes });
  else {
    known.records += records;
    known.bytes += bytes;
  }
}

const HEAD = '{"timestamp":"';
const HEAD_BYTES = Buffer.from(HEAD);
const TIMESTAMP_LENGTH = "2026-01-01T00:00:00.000Z".length;

/** As all writers spell it. */
function timestampIn(line: Buffer): string | undefined {
  if (line.length < HEAD.length + TIMESTAMP_LENGTH + 1 || line[HEAD.length + TIMESTAMP_LENGTH] !== QUOTE)
    return undefined;
  if (line.compare(HEAD_BYTES, 0, HEAD.length, 0, HEAD.length) !== 0) return undefined;
  return line.toString("latin1", HEAD.length, HEAD.length + TIMESTAMP_LENGTH);
}

const QUOTE = 0x22;
