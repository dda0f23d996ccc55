/**
 * One pass over a rollout that is to be mended: what is wrong with its lines, and where the numbers of its records stand. Lines are
 * judged as `record-checks.ts` judges them. Memory is that of the longest line, and for paginated files a few numbers for each record.
 */
import type { Entry } from "../format/entry.ts";
import { decodeLine } from "../format/decode.ts";
import { parseUuid } from "../format/names.ts";
import { peekKind } from "../format/peek.ts";
import { historyModeOf, type RolloutRecord, type SessionMeta } from "../format/record.ts";
import { zstdFrames } from "../io/zstd-frames.ts";
import { closeFile, openRegularFile, readAt } from "../io/files.ts";
import { type ByteReader, openBytes } from "../readers/bytes.ts";
import { bareTimestamp, type Generation, GENERATION_HEAD_BYTES, generationOf } from "../readers/generation.ts";
import { decodeBareLine } from "../readers/legacy.ts";
import { type Line, splitLines } from "../readers/lines.ts";
import { codeOfDefect } from "./record-checks.ts";
import type { NumberedRecord } from "./repair-ordinals.ts";
import { type AsideLine, isRepairable } from "./repairs.ts";

/** A line that is no record and that a repair moves away. Its line end is not counted. */
export interface Fault extends AsideLine {
  readonly terminated: boolean;
}

/** Where the number of a record stands, or is to stand. */
export interface NumberPlace extends NumberedRecord {
  readonly line: number;
  readonly offset: number;
  /** From here on stand `ordinalBytes` of `"ordinal":n,`; undefined where the line is not laid out as all writers do. */
  readonly at: number | undefined;
  readonly ordinalBytes: number;
}

export interface MetaLine {
  readonly offset: number;
  /** Without the line end. */
  readonly text: string;
  readonly terminated: boolean;
  /** Lines before it that are not blank. */
  readonly linesBefore: number;
}

export interface Survey {
  readonly form: "plain" | "zstd";
  readonly generation: Generation;
  /** The first metadata that can be read. */
  readonly meta: SessionMeta | undefined;
  /** Lower case. */
  readonly threadId: string | undefined;
  readonly isPaginated: boolean;
  /** Where the first metadata stands. */
  readonly metaLine: MetaLine | undefined;
  readonly hasMark: boolean;
  readonly faults: readonly Fault[];
  /** Too many faults to be kept in mind: then there are not all of them. */
  readonly isFull: boolean;
  /** A last record without a line end. */
  readonly isOpen: boolean;
  /** Of a paginated file, from its metadata on; empty unless asked for. */
  readonly numbers: readonly NumberPlace[];
  readonly plainBytes: number;
  /** Of an archive, all of which decodes: where it ends, if more follows. */
  readonly archiveEnd: number | undefined;
  /** Why it cannot be read to its end. */
  readonly damage: string | undefined;
}

const MAX_FAULTS = 1_000_000;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export interface SurveyOptions {
  /** Of a paginated file also where the numbers of its records stand. Default false: they take memory. */
  readonly numbers?: boolean | undefined;
  /** Given the bytes of each line that is to be moved. */
  readonly onFault?: ((fault: Fault, bytes: Buffer) => void) | undefined;
}

/** @throws RolloutError when the file cannot be read. */
export function surveyRollout(path: string, options: SurveyOptions = {}): Survey {
  const reader = openBytes(path);
  try {
    const pass = new Pass(options);
    const source = sourceOf(reader);
    const lines = splitLines(reader.forward());
    let next = lines.next();
    for (; next.done !== true; next = lines.next()) pass.add(next.value, decodeIn(source, next.value));
    const { offset: plainBytes } = next.value;
    const { failure } = reader;
    const archiveEnd = failure === undefined ? undefined : endOfFrames(path, reader.sizeBytes, failure.offset);
    const damage = archiveEnd === undefined ? failure?.message : undefined;
    return {
      form: reader.form,
      generation: source.generation,
      hasMark: source.hasMark,
      plainBytes,
      archiveEnd,
      damage,
      ...pass.result(),
    };
  } finally {
    reader.close();
  }
}

/** How the lines of a file are read. */
interface Source {
  readonly generation: Generation;
  readonly hasMark: boolean;
  /** Of the bare format, whose lines have none of their own. */
  readonly timestamp: string | undefined;
}

function sourceOf(reader: ByteReader): Source {
  const head = Buffer.concat(Array.from(reader.forward(0, GENERATION_HEAD_BYTES), (chunk) => Buffer.from(chunk)));
  const hasMark = head.subarray(0, 3).equals(BYTE_ORDER_MARK);
  const generation = generationOf(hasMark ? head.subarray(3) : head);
  return { generation, hasMark, timestamp: generation === "bare" ? bareTimestamp(head) : undefined };
}

function decodeIn({ hasMark, timestamp }: Source, found: Line): Entry {
  const line = hasMark && found.position.line === 1 ? { ...found, bytes: found.bytes.subarray(3) } : found;
  const { bytes, position, terminated } = line;
  if (line.tooLong === true)
    return { ok: false, position, defect: { kind: "too-long", message: "too long to decode" } };
  return timestamp === undefined ? decodeLine(bytes, position, { terminated }) : decodeBareLine(line, timestamp);
}

/**
 * The entries of a file by itself, a byte order mark passed over: what a proof compares before and after. With `kinds`, lines whose
 * beginning tells another kind are left out.
 */
export function* entriesOf(path: string, kinds?: (kind: string) => boolean): Generator<Entry> {
  const reader = openBytes(path);
  try {
    const source = sourceOf(reader);
    const select = (bytes: Buffer, start: number, end: number): boolean => {
      const kind = kinds === undefined ? undefined : peekKind(bytes, start, end);
      return kind === undefined || kinds === undefined || kinds(kind);
    };
    for (const line of splitLines(reader.forward(), { skipEmpty: true, select })) yield decodeIn(source, line);
  } finally {
    reader.close();
  }
}

class Pass {
  readonly #options: SurveyOptions;
  readonly #faults: Fault[] = [];
  readonly #numbers: NumberPlace[] = [];
  #meta: SessionMeta | undefined;
  #isPaginated = false;
  #isOpen = false;
  #isFull = false;
  #damaged = 0;
  #metaLine: MetaLine | undefined;
  #linesBefore = 0;

  constructor(options: SurveyOptions) {
    this.#options = options;
  }

  add(line: Line, entry: Entry): void {
    if (entry.ok) this.#addRecord(line, entry.record);
    else if (entry.defect.kind !== "blank" && entry.defect.kind !== "state-marker") this.#addDefect(line, entry);
  }

  result(): Pick<
    Survey,
    "meta" | "metaLine" | "threadId" | "isPaginated" | "faults" | "isFull" | "isOpen" | "numbers"
  > {
    const meta = this.#meta;
    return {
      meta,
      metaLine: this.#metaLine,
      threadId: meta === undefined ? undefined : parseUuid(meta.id),
      isPaginated: this.#isPaginated,
      faults: this.#faults,
      isFull: this.#isFull,
      isOpen: this.#isOpen,
      numbers: this.#numbers,
    };
  }

  #addRecord({ bytes, position, terminated }: Line, record: RolloutRecord): void {
    if (!terminated) this.#isOpen = true;
    if (this.#meta === undefined && record.type === "session_meta") {
      this.#meta = record.payload;
      this.#isPaginated = historyModeOf(record.payload) === "paginated";
      const text = bytes.toString("utf8").replace(/^\ufeff/, "");
      this.#metaLine = { offset: position.offset, text, terminated, linesBefore: this.#linesBefore };
    }
    this.#linesBefore += 1;
    if (!this.#isPaginated || this.#options.numbers !== true) return;
    const { line, offset } = position;
    const place = numberPlace(bytes, offset, record.ordinal);
    this.#numbers.push({ line, offset, ordinal: record.ordinal, damagedBefore: this.#damaged, ...place });
  }

  #addDefect({ bytes, position, terminated }: Line, { defect }: Extract<Entry, { ok: false }>): void {
    this.#linesBefore += 1;
    if (terminated) this.#damaged += 1;
    const code = codeOfDefect(bytes, defect, this.#isPaginated);
    if (code === undefined || !isRepairable(code)) return;
    if (this.#faults.length === MAX_FAULTS) {
      this.#isFull = true;
      return;
    }
    const { line, offset, length } = position;
    const fault = { code, line, offset, bytes: length, terminated };
    this.#faults.push(fault);
    this.#options.onFault?.(fault, bytes);
  }
}

/** How all writers begin a line (rollout-format §2.1). */
const HEAD = /^(\ufeff?\{"timestamp":"[^"\\]{0,64}",)("ordinal":(\d{1,16}|null),)?"type":"/;
const HEAD_BYTES = 256;

function numberPlace(
  bytes: Buffer,
  offset: number,
  ordinal: number | undefined,
): Pick<NumberPlace, "at" | "ordinalBytes"> {
  const [, before, member = "", digits] = HEAD.exec(bytes.toString("utf8", 0, HEAD_BYTES)) ?? [];
  const written = digits === undefined || digits === "null" ? undefined : Number(digits);
  // A key that stands there twice counts as it stands last.
  if (before === undefined || written !== ordinal) return { at: undefined, ordinalBytes: 0 };
  return { at: offset + Buffer.byteLength(before), ordinalBytes: member.length };
}

/** Where the frames of an archive end, if they hold that many plain bytes, which is what could be decoded. */
function endOfFrames(path: string, sizeBytes: number, plainBytes: number): number | undefined {
  const { fd } = openRegularFile(path);
  try {
    const read = (offset: number, length: number): Buffer => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, sizeBytes - offset)));
      return buffer.subarray(0, readAt(fd, buffer, offset, path));
    };
    let claimed = 0;
    const frames = zstdFrames(read, sizeBytes);
    let next = frames.next();
    for (; next.done !== true; next = frames.next()) claimed += next.value.contentBytes ?? Number.NaN;
    return plainBytes > 0 && claimed === plainBytes && next.value < sizeBytes ? next.value : undefined;
  } finally {
    closeFile(fd);
  }
}
