/**
 * A part of a paginated rollout as entries, in either direction: what `lineage.ts` reads each file of a chain with. Knows
 * bytes and lines, and nothing of chains.
 */
import { decodeLine } from "../format/decode.ts";
import type { Entry } from "../format/entry.ts";
import { kindOf, peekKind } from "../format/peek.ts";
import type { ByteReader } from "./bytes.ts";
import { type Line, type Select, splitLines, type SplitOptions } from "./lines.ts";
import { splitLinesBackward } from "./reverse.ts";
import { brokenStream, type DefectEntry, type KindFilter, openRollout, type ReadOptions } from "./rollout.ts";

export interface Part {
  /** Either form of the file. */
  readonly path: string;
  /** Where it begins: the start of a line. */
  readonly from: { readonly offset: number; readonly line: number };
  /** Plain bytes before which it ends, perhaps in the middle of a line; undefined for the end of the file. */
  readonly endOffset: number | undefined;
}

export type Order = "forward" | "backward";

export interface PartOptions extends Pick<
  ReadOptions,
  "kinds" | "maxLineBytes" | "chunkBytes" | "checked" | "skipEmpty"
> {
  /** Told the plain bytes of the file, or the end of the part if that is less, as soon as they are known; may throw. */
  readonly onEnd: (plainBytes: number) => void;
  /** Told the bytes taken from the disk when the file is closed. */
  readonly onRead: (bytes: number) => void;
}

type Splitting = Pick<SplitOptions, "select" | "skipEmpty" | "maxLineBytes">;

/**
 * The entries of a part, as `readRollout` gives those of a whole file: lines of other kinds than `kinds` are passed over, and
 * a compressed stream that breaks gives a `broken-stream` defect. Backward over a plain file, positions have no line.
 *
 * @throws RolloutError when the file cannot be read.
 */
export function* readPart(part: Part, order: Order, options: PartOptions): Generator<Entry> {
  const { kinds, maxLineBytes, onEnd, onRead, checked = true, skipEmpty } = options;
  const reader = openRollout(part.path, { ...options, checked });
  try {
    const splitting = {
      select: selectKinds(kinds),
      skipEmpty,
      ...(maxLineBytes === undefined ? {} : { maxLineBytes }),
    };
    for (const line of linesOf(reader, part, order, splitting, onEnd)) {
      const entry = "defect" in line ? line : entryOfLine(line);
      if (!entry.ok || isWanted(kinds, kindOf(entry.record))) yield entry;
    }
  } finally {
    reader.close();
    onRead(reader.bytesRead);
  }
}

/** Whether a filter lets a kind pass. */
export function isWanted(kinds: KindFilter | undefined, kind: string): boolean {
  if (kinds === undefined) return true;
  return typeof kinds === "function" ? kinds(kind) : kinds.has(kind);
}

function selectKinds(kinds: KindFilter | undefined): Select {
  return (buffer, start, end) => {
    const kind = kinds === undefined ? undefined : peekKind(buffer, start, end);
    return kind === undefined || isWanted(kinds, kind);
  };
}

/** A line as an entry; damage, too, is one. */
export function entryOfLine(line: Line): Entry {
  const { bytes, position, tooLong } = line;
  if (tooLong !== true) return decodeLine(bytes, position, line);
  return { ok: false, position, defect: { kind: "too-long", message: "the line is longer than the reader's limit" } };
}

function linesOf(
  reader: ByteReader,
  part: Part,
  order: Order,
  splitting: Splitting,
  onEnd: PartOptions["onEnd"],
): Iterable<Line | DefectEntry> {
  if (order === "forward") return forwardLines(reader, part, splitting, onEnd);
  if (reader.form === "zstd") return keptLinesBackward(reader, part, splitting, onEnd);
  onEnd(reader.sizeBytes);
  return plainLinesBackward(reader, part, splitting);
}

function* forwardLines(
  reader: ByteReader,
  { from, endOffset }: Part,
  splitting: Splitting,
  onEnd: PartOptions["onEnd"],
): Generator<Line | DefectEntry> {
  if (reader.form === "plain") onEnd(reader.sizeBytes);
  const end = yield* splitLines(reader.forward(from.offset, endOffset), { ...from, ...splitting });
  if (reader.failure !== undefined) yield brokenStream(end.line, reader.failure);
  else onEnd(end.offset);
}

function* plainLinesBackward(reader: ByteReader, { from, endOffset }: Part, splitting: Splitting): Generator<Line> {
  for (const line of splitLinesBackward(reader, endOffset, splitting)) {
    if (line.position.offset < from.offset) return;
    yield line;
  }
}

/** So much is kept on the first way through a compressed file; each further way, if there has to be one, keeps twice as much. */
const KEPT_BYTES = 16 * 1024 * 1024;

/**
 * The lines of a compressed stream, newest first. Whoever stops early, as a resume does, has paid for one pass and for the
 * memory of the newest lines; who goes on beyond those pays for another pass.
 */
function* keptLinesBackward(
  reader: ByteReader,
  { from, endOffset }: Part,
  splitting: Splitting,
  onEnd: PartOptions["onEnd"],
): Generator<Line | DefectEntry> {
  let end = endOffset;
  for (let budget = KEPT_BYTES; ; budget *= 2) {
    const kept = new NewestLines(budget);
    const split = splitLines(reader.forward(from.offset, end), { ...from, ...splitting });
    let next = split.next();
    for (; next.done !== true; next = split.next()) kept.add(next.value);
    if (end === endOffset) {
      if (reader.failure !== undefined) yield brokenStream(next.value.line, reader.failure);
      else onEnd(next.value.offset);
    }
    yield* kept.newestFirst();
    if (kept.droppedBefore === undefined) return;
    end = kept.droppedBefore;
  }
}

/** The newest lines of a stream, up to so many bytes; always at least one. */
class NewestLines {
  readonly #budget: number;
  #lines: (Line | undefined)[] = [];
  #bytes = 0;
  /** Lines at the beginning of the list that no longer count. */
  #stale = 0;

  constructor(budget: number) {
    this.#budget = budget;
  }

  /** Offset of the oldest line that was kept, if older ones were not. */
  droppedBefore: number | undefined;

  add({ bytes, position, terminated, tooLong = false }: Line): void {
    this.#lines.push({ bytes: Buffer.from(bytes), position, terminated, tooLong });
    this.#bytes += bytes.length;
    while (this.#bytes > this.#budget && this.#lines.length - this.#stale > 1) this.#drop();
  }

  *newestFirst(): Generator<Line> {
    for (let at = this.#lines.length - 1; at >= this.#stale; at -= 1) {
      const line = this.#lines[at];
      if (line !== undefined) yield line;
    }
  }

  #drop(): void {
    this.#bytes -= this.#lines[this.#stale]?.bytes.length ?? 0;
    this.#lines[this.#stale] = undefined;
    this.#stale += 1;
    this.droppedBefore = this.#lines[this.#stale]?.position.offset;
    if (this.#stale < 1024 || this.#stale < this.#lines.length / 2) return;
    this.#lines = this.#lines.slice(this.#stale);
    this.#stale = 0;
  }
}
