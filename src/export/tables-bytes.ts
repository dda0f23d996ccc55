/**
 * The bytes of one rollout by label, those of its copied prefix told apart: `stats bytes` for a table. Labels and what is a label's
 * are those of `analysis/bytes-labels.ts`; a rollout's rows add up to its plain size.
 */
import { BlobTable } from "../analysis/bytes-blobs.ts";
import { countFile } from "../analysis/bytes-file.ts";
import { type ByteLabel, EMPTY_LINES, labelOfDefect, labelOfPeeked, LINE_ENDS } from "../analysis/bytes-labels.ts";
import type { FileHead, Inherited } from "../analysis/inherited.ts";
import type { Entry } from "../format/entry.ts";
import type { Kind } from "../format/peek.ts";
import type { Line, SplitEnd } from "../readers/lines.ts";
import { readOnce } from "./file-pass.ts";

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

/** Reads the rollout, whatever becomes of it. @throws RolloutError when it cannot be opened or read. */
export function labelsOf({ file }: FileHead, part: Inherited | undefined): FileLabels {
  const count = new LabelCount(part);
  const end = readOnce(file.path, [], count);
  return end === undefined ? whole(file.path) : count.finish(end.failure);
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

const TOO_LONG = labelOfDefect("too-long");
const HEAD = '{"timestamp":"';
const HEAD_BYTES = Buffer.from(HEAD);
const TIMESTAMP_LENGTH = "2026-01-01T00:00:00.000Z".length;
const TIMESTAMP_END = HEAD.length + TIMESTAMP_LENGTH;
const QUOTE = 0x22;

interface Sums {
  records: number;
  bytes: number;
}

/** Takes the lines of one rollout of envelopes, all but empty ones, in their order. */
export class LabelCount {
  readonly #copyStart: number;
  readonly #copyEnd: number;
  readonly #own = new Map<ByteLabel, Sums>();
  readonly #inherited = new Map<ByteLabel, Sums>();
  #ownEnds = 0;
  #inheritedEnds = 0;
  #lines = 0;
  #plainBytes = 0;
  /** The first bytes of the last line that begins with a timestamp. */
  readonly #timestamp = Buffer.alloc(TIMESTAMP_END);

  constructor(part: Inherited | undefined) {
    this.#copyStart = part?.copyOffset ?? 0;
    this.#copyEnd = part === undefined ? 0 : (part.ownOffset ?? Infinity);
  }

  /** `kind` is what was peeked of a line that has an end. */
  add({ bytes, position, terminated, tooLong }: Line, kind: Kind | undefined, decode: () => Entry): void {
    this.#addEmptyBefore(position.line, position.offset);
    this.#lines += 1;
    const label = tooLong === true ? TOO_LONG : labelOfPeeked(terminated ? kind : undefined, bytes, decode);
    if (terminated) this.#noteTimestamp(bytes);
    const isInherited = this.#isInherited(position.offset);
    add(isInherited ? this.#inherited : this.#own, label, 1, position.length);
    if (!terminated) return;
    if (isInherited) this.#inheritedEnds += 1;
    else this.#ownEnds += 1;
  }

  /** There are no more lines. */
  end({ line, offset }: SplitEnd): void {
    this.#addEmptyBefore(line, offset);
    this.#plainBytes = offset;
  }

  /** Lines without a byte are counted by the numbers of the others; they are whose line comes next. */
  #addEmptyBefore(line: number, offset: number): void {
    const empty = line - 1 - this.#lines;
    if (empty === 0) return;
    this.#lines += empty;
    add(this.#isInherited(offset - 1) ? this.#inherited : this.#own, EMPTY_LINES, empty, empty);
  }

  /** Most lines are not the last one. */
  #noteTimestamp(bytes: Buffer): void {
    if (!hasTimestamp(bytes)) return;
    // Quicker than `copy` for so few.
    for (let at = 0; at < TIMESTAMP_END; at += 1) this.#timestamp[at] = bytes[at] as number;
  }

  #isInherited(offset: number): boolean {
    return offset >= this.#copyStart && offset < this.#copyEnd;
  }

  finish(broken: string | undefined): FileLabels {
    if (this.#ownEnds > 0) add(this.#own, LINE_ENDS, this.#ownEnds, this.#ownEnds);
    if (this.#inheritedEnds > 0) add(this.#inherited, LINE_ENDS, this.#inheritedEnds, this.#inheritedEnds);
    const own = Array.from(this.#own, ([label, sums]) => ({ label, inherited: false, ...sums }));
    const inherited = Array.from(this.#inherited, ([label, sums]) => ({ label, inherited: true, ...sums }));
    const labels = [...own, ...inherited].toSorted(bySize);
    const lastTimestamp = this.#timestamp[0] === 0 ? "" : this.#timestamp.toString("latin1", HEAD.length);
    return { plainBytes: this.#plainBytes, labels, lastTimestamp, broken };
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

/** As all writers spell it. */
function hasTimestamp(line: Buffer): boolean {
  if (line.length <= TIMESTAMP_END || line[TIMESTAMP_END] !== QUOTE) return false;
  for (let at = 0; at < HEAD.length; at += 1) if (line[at] !== HEAD_BYTES[at]) return false;
  return true;
}
