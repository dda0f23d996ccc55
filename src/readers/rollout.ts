/**
 * A rollout file as entries, whatever its form and generation: the door through which every view reads a rollout.
 * Bytes (`bytes.ts`) are cut into lines (`lines.ts`, `reverse.ts`), peeked, and decoded where somebody wants them.
 */
import { RolloutError } from "../errors.ts";
import { decodeLine } from "../format/decode.ts";
import type { DefectKind, Entry, Position } from "../format/entry.ts";
import { kindOf, peekKind } from "../format/peek.ts";
import { openBytes } from "./bytes.ts";
import type { ByteReader, BytesOptions } from "./bytes.ts";
import { GENERATION_HEAD_BYTES, bareTimestamp, generationOf } from "./generation.ts";
import { decodeBareLine, decodeTypescriptDocument } from "./legacy.ts";
import { splitLines } from "./lines.ts";
import type { Line, Select, SplitEnd } from "./lines.ts";
import { splitLinesBackward, type ReverseOptions } from "./reverse.ts";

export type DefectEntry = Extract<Entry, { readonly ok: false }>;

/** Peek kinds: a record type, or type and variant as in "event_msg/token_count". */
export type KindFilter = ReadonlySet<string> | ((kind: string) => boolean);

export interface ReadOptions extends BytesOptions {
  /** Where to begin (backward: where to end, exclusive; its `line` then says nothing). Must be the start of a line. */
  readonly from?: { readonly offset: number; readonly line: number } | undefined;
  /** Lines of other kinds are passed over unparsed; defects of lines whose kind cannot be told are still yielded. */
  readonly kinds?: KindFilter | undefined;
  /** Lines without a byte are counted, and not told as defects; forward only. Default false. */
  readonly skipEmpty?: boolean | undefined;
  /** Longer lines become a `too-long` defect. Default: what still fits into one string. */
  readonly maxLineBytes?: number | undefined;
  /** `backward` yields the newest entry first, with `position.line` 0; plain files of lines only. Default `forward`. */
  readonly order?: "forward" | "backward" | undefined;
  /** Told the bytes taken from the disk, once reading is over. */
  readonly onRead?: ((bytes: number) => void) | undefined;
}

/**
 * Reads a rollout of any generation, plain or compressed, as entries. Damage inside is told by defects; a compressed
 * stream that breaks ends with one `broken-stream` defect at the plain offset that was reached.
 *
 * @throws RolloutError when the file cannot be opened or read (see `openRollout`), and `unsupported` when a compressed
 * file or a TypeScript document is asked for backward.
 */
export function* readRollout(file: string, options: ReadOptions = {}): Generator<Entry> {
  const reader = openRollout(file, options);
  try {
    const head = readHead(reader);
    const generation = generationOf(head);
    if (generation === "typescript") yield* readDocument(reader, options);
    else if (generation === "bare") yield* readBare(reader, bareTimestamp(head), options);
    else yield* readEnvelopes(reader, options);
  } finally {
    reader.close();
    options.onRead?.(reader.bytesRead);
  }
}

/**
 * The raw lines of a rollout of lines, for those who need bytes. `select` is the splitter's own.
 *
 * @throws RolloutError as `readRollout` does; `damaged` after the last line when a compressed stream broke.
 */
export function* readLines(
  file: string,
  options: Omit<ReadOptions, "kinds"> & { readonly select?: Select } = {},
): Generator<Line> {
  const reader = openRollout(file, options);
  try {
    yield* linesOf(reader, options, options.select);
    const { failure } = reader;
    if (failure !== undefined)
      throw new RolloutError("damaged", failure.message, { path: reader.path, offset: failure.offset });
  } finally {
    reader.close();
  }
}

const OPEN_TRIES = 4;
const OPEN_PAUSE_MS = 50;

/**
 * Opens a rollout under the name given or, when it is not there, its other form (`.jsonl` and `.jsonl.zst`). Codex may
 * just be changing the one into the other, so not finding either is retried three times, 50 ms apart
 * (state-and-compression §4.8). @throws RolloutError as `openRegularFile` does.
 */
export function openRollout(file: string, options: BytesOptions = {}): ByteReader {
  const sibling = otherForm(file);
  for (let attempt = 1; ; attempt++) {
    const reader = openIfThere(file, options) ?? (sibling === undefined ? undefined : openIfThere(sibling, options));
    if (reader !== undefined) return reader;
    if (sibling === undefined || attempt === OPEN_TRIES) return openBytes(file, options);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, OPEN_PAUSE_MS);
  }
}

function openIfThere(path: string, options: BytesOptions): ByteReader | undefined {
  try {
    return openBytes(path, options);
  } catch (error) {
    if (error instanceof RolloutError && error.code === "not-found") return undefined;
    throw error;
  }
}

function otherForm(file: string): string | undefined {
  if (file.endsWith(".jsonl.zst")) return file.slice(0, -".zst".length);
  return file.endsWith(".jsonl") ? `${file}.zst` : undefined;
}

function readHead(reader: ByteReader): Buffer {
  const parts: Buffer[] = [];
  for (const chunk of reader.forward(0, GENERATION_HEAD_BYTES)) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

function* readEnvelopes(reader: ByteReader, options: ReadOptions): Generator<Entry> {
  const wants = wantsKind(options.kinds);
  const select =
    wants &&
    ((buffer: Buffer, start: number, end: number): boolean => {
      const kind = peekKind(buffer, start, end);
      return kind === undefined || wants(kind);
    });
  const isWanted = wantsEntry(wants);
  const lines = linesOf(reader, options, select);
  let next = lines.next();
  for (; next.done !== true; next = lines.next()) {
    const entry =
      next.value.tooLong === true ? tooLong(next.value) : decodeLine(next.value.bytes, next.value.position, next.value);
    if (isWanted(entry)) yield entry;
  }
  yield* endOf(reader, next.value);
}

function* readBare(reader: ByteReader, timestamp: string, options: ReadOptions): Generator<Entry> {
  const isWanted = wantsEntry(wantsKind(options.kinds));
  const lines = linesOf(reader, options, undefined);
  let next = lines.next();
  for (; next.done !== true; next = lines.next()) {
    const entry = next.value.tooLong === true ? tooLong(next.value) : decodeBareLine(next.value, timestamp);
    if (isWanted(entry)) yield entry;
  }
  yield* endOf(reader, next.value);
}

function* readDocument(reader: ByteReader, options: ReadOptions): Generator<Entry> {
  if (options.order === "backward") throw cannotReadBackward(reader, "a JSON document");
  const isWanted = wantsEntry(wantsKind(options.kinds));
  for (const entry of decodeTypescriptDocument(reader.forward())) if (isWanted(entry)) yield entry;
  yield* endOf(reader, { line: 0, offset: 0 });
}

/** The lines in the order asked for; the place after the last one is returned when it is known. */
function linesOf(reader: ByteReader, options: ReadOptions, select: Select | undefined): Generator<Line, SplitEnd> {
  const limit = options.maxLineBytes === undefined ? {} : { maxLineBytes: options.maxLineBytes };
  if (options.order === "backward") return linesBackward(reader, options.from?.offset, { ...limit, select });
  const from = options.from ?? { offset: 0, line: 1 };
  return splitLines(reader.forward(from.offset), { ...from, ...limit, select, skipEmpty: options.skipEmpty });
}

function* linesBackward(
  reader: ByteReader,
  end: number | undefined,
  options: ReverseOptions,
): Generator<Line, SplitEnd> {
  if (reader.form === "zstd") throw cannotReadBackward(reader, "a compressed rollout");
  yield* splitLinesBackward(reader, end, options);
  return { line: 0, offset: 0 };
}

function cannotReadBackward(reader: ByteReader, what: string): RolloutError {
  return new RolloutError("unsupported", `${what} can only be read from its start`, { path: reader.path });
}

function wantsKind(kinds: KindFilter | undefined): ((kind: string) => boolean) | undefined {
  if (kinds === undefined || typeof kinds === "function") return kinds;
  return (kind) => kinds.has(kind);
}

/** Kinds that are remembered; more of them only a hostile file has. */
const MAX_KINDS = 256;

/** Asks once for each kind: to put its name together for every record costs a twentieth of decoding it. */
function wantsEntry(wants: ((kind: string) => boolean) | undefined): (entry: Entry) => boolean {
  const verdicts = new Map<string, Map<string, boolean>>();
  return (entry) => {
    if (wants === undefined || !entry.ok) return true;
    const { type, payload } = entry.record;
    const variant = "type" in payload ? payload.type : "";
    let known = verdicts.get(type);
    if (known === undefined) verdicts.set(type, (known = new Map<string, boolean>()));
    let verdict = known.get(variant);
    if (verdict === undefined) {
      verdict = wants(kindOf(entry.record));
      if (known.size < MAX_KINDS) known.set(variant, verdict);
    }
    return verdict;
  };
}

function tooLong(line: Line): Entry {
  return defect(
    line.position,
    "too-long",
    `the line of ${line.position.length} bytes is longer than the reader's limit`,
  );
}

function* endOf({ failure }: ByteReader, { line }: SplitEnd): Generator<Entry> {
  if (failure !== undefined) yield brokenStream(line, failure);
}

/** A compressed stream that breaks, as an entry at the plain offset that was reached. `line` 0: of no number. */
export function brokenStream(line: number, { offset, message }: NonNullable<ByteReader["failure"]>): DefectEntry {
  return defect({ line, offset, length: 0 }, "broken-stream", message);
}

function defect(position: Position, kind: DefectKind, message: string): DefectEntry {
  return { ok: false, position, defect: { kind, message } };
}
