/**
 * One rollout file in one pass: what it holds by kind, what is wrong with it, and the facts of its thread. Memory is bound
 * by the longest line, whatever the size of the file. `show` prints it.
 */
import { decodeLine } from "../format/decode.ts";
import type { DefectKind, Entry } from "../format/entry.ts";
import { parseRolloutName, parseTimestamp } from "../format/names.ts";
import { kindOf, peekKind } from "../format/peek.ts";
import type { RolloutRecord, SessionMeta } from "../format/record.ts";
import { FactsFold, type FactsResult } from "../indexer/facts.ts";
import { rulesFor } from "../indexer/rules.ts";
import { KNOWN_LEVEL } from "../indexer/levels.ts";
import type { ByteReader } from "../readers/bytes.ts";
import { bareTimestamp, type Generation, GENERATION_HEAD_BYTES, generationOf } from "../readers/generation.ts";
import { decodeBareLine, decodeTypescriptDocument } from "../readers/legacy.ts";
import { type Line, splitLines } from "../readers/lines.ts";
import { openRollout } from "../readers/rollout.ts";
import { type ThreadUsage, usageOf } from "../thread/usage.ts";
import { type WindowIdentity, windowOfCompaction, windowOfMeta } from "../thread/window.ts";

export interface KindCount {
  /**
   * As `peekKind` gives it; `(blank)`, `(state marker)`, `(unreadable)` for what has none, `(other)` when there are too
   * many of them.
   */
  readonly kind: string;
  readonly records: number;
  /** Of the plain text, line ends included. */
  readonly bytes: number;
}

export interface DefectPlace {
  readonly kind: DefectKind;
  readonly message: string;
  /** 1-based; 0 in a JSON document of the TypeScript CLI. */
  readonly line: number;
  readonly offset: number;
}

export interface Inspection {
  /** The file that was read: either form. */
  readonly path: string;
  readonly generation: Generation;
  readonly form: "plain" | "zstd";
  readonly diskBytes: number;
  /** Of the plain text; as far as it could be decoded. */
  readonly plainBytes: number;
  readonly mtimeMs: number;
  readonly lines: number;
  /** The largest first. */
  readonly kinds: readonly KindCount[];
  readonly turns: { readonly started: number; readonly completed: number; readonly aborted: number };
  readonly userMessages: number;
  readonly compactions: number;
  readonly rollbacks: number;
  /**
   * The window that the newest compaction of this file begins, numbered by counting where it has no number; without one
   * the first window. Undefined where only the files that this one continues can tell.
   */
  readonly newestWindow: WindowIdentity | undefined;
  /** Undefined when no record tells any. */
  readonly usage: ThreadUsage | undefined;
  /** Blank lines and the state markers of the bare format are none. */
  readonly defects: {
    readonly total: number;
    readonly byKind: Readonly<Partial<Record<DefectKind, number>>>;
    /** The first of them. */
    readonly first: readonly DefectPlace[];
  };
  /** The first metadata, which alone says whose file this is. */
  readonly meta: SessionMeta | undefined;
  /** Times on the first and the newest line that have one, in milliseconds. */
  readonly firstLineMs: number | undefined;
  readonly lastLineMs: number | undefined;
  /** What a row of the index is made of, by the rules `best`. */
  readonly facts: FactsResult;
}

export interface InspectOptions {
  /** So many defects are kept with their places. Default 20. */
  readonly keptDefects?: number;
  /** Called with the bytes taken from the disk since the last call. */
  readonly advance?: ((bytes: number) => void) | undefined;
}

/**
 * Reads and parses every record of a rollout of any generation. Whatever is wrong inside is in the answer.
 * @throws RolloutError when the file cannot be opened or read, as `openRollout` does.
 */
export function inspectRollout(path: string, options: InspectOptions = {}): Inspection {
  // Checking decodes an archive twice: only of a broken one is nothing to be told that did not pass.
  return inspect(path, options, false) ?? (inspect(path, { ...options, advance: undefined }, true) as Inspection);
}

/** Undefined for an archive that breaks, if its frames were not checked. */
function inspect(path: string, options: InspectOptions, checked: boolean): Inspection | undefined {
  const reader = openRollout(path, { checked });
  try {
    const tally = new Tally(reader.path, options.keptDefects ?? 20);
    const head = Buffer.concat(Array.from(reader.forward(0, GENERATION_HEAD_BYTES), (chunk) => Buffer.from(chunk)));
    const generation = generationOf(head);
    const bytes = countedBytes(reader, options.advance);
    if (generation === "typescript") for (const entry of decodeTypescriptDocument(bytes.chunks)) tally.addItem(entry);
    else {
      const timestamp = generation === "bare" ? bareTimestamp(head) : undefined;
      // A hostile file has nothing but empty lines: they are counted by the numbers of the others.
      const lines = splitLines(bytes.chunks, { skipEmpty: true });
      let next = lines.next();
      for (; next.done !== true; next = lines.next()) {
        tally.addEmptyBefore(next.value.position.line);
        tally.addLine(next.value, decode(next.value, timestamp));
      }
      tally.addEmptyBefore(next.value.line);
    }
    const { failure } = reader;
    if (failure !== undefined && !checked) return undefined;
    if (failure !== undefined) tally.noteBroken(failure);
    return { generation, form: reader.form, plainBytes: bytes.count(), ...sizesOf(reader), ...tally.finish() };
  } finally {
    reader.close();
  }
}

function sizesOf({ path, sizeBytes, mtimeMs }: ByteReader) {
  return { path, diskBytes: sizeBytes, mtimeMs };
}

function countedBytes(reader: ByteReader, advance: InspectOptions["advance"]) {
  let count = 0;
  let told = reader.bytesRead;
  function* chunks(): Generator<Buffer> {
    for (const chunk of reader.forward()) {
      count += chunk.length;
      yield chunk;
      advance?.(reader.bytesRead - told);
      told = reader.bytesRead;
    }
  }
  return { chunks: chunks(), count: () => count };
}

/** `timestamp` is given for the bare format. */
function decode(line: Line, timestamp: string | undefined): Entry {
  const { bytes, position, terminated } = line;
  if (line.tooLong === true) {
    return { ok: false, position, defect: { kind: "too-long", message: "longer than one string can be" } };
  }
  return timestamp === undefined ? decodeLine(bytes, position, { terminated }) : decodeBareLine(line, timestamp);
}

/** Different kinds that are counted apart; a hostile file could make up any number of them. */
const MAX_KINDS = 300;

/** Nothing says what it is called. */
const FIRST_WINDOW: WindowIdentity = { number: 0, id: undefined, firstId: undefined, previousId: undefined };

/** The mutable draft of an `Inspection`. */
class Tally {
  readonly #keptDefects: number;
  readonly #kinds = new Map<string, { records: number; bytes: number }>();
  readonly #defectKinds: Partial<Record<DefectKind, number>> = {};
  readonly #defects: DefectPlace[] = [];
  readonly #facts: FactsFold;
  #defectCount = 0;
  #lines = 0;
  #userMessages = 0;
  #meta: SessionMeta | undefined;
  #window: WindowIdentity | undefined;
  #usage: ThreadUsage | undefined;
  #firstTime: string | undefined;
  #lastTime: string | undefined;

  constructor(path: string, keptDefects: number) {
    this.#keptDefects = keptDefects;
    const name = parseRolloutName(path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1));
    this.#facts = new FactsFold(rulesFor("best", KNOWN_LEVEL), name);
  }

  addLine(line: Line, entry: Entry): void {
    this.#lines += 1;
    const bytes = line.position.length + (line.terminated ? 1 : 0);
    if (entry.ok) this.#addRecord(entry, line.position.offset, bytes);
    else this.#addDefect(entry, peekKind(line.bytes), bytes);
  }

  /** Lines without a byte between the last one and the one of this number. */
  addEmptyBefore(line: number): void {
    const lines = line - 1 - this.#lines;
    if (lines > 0) this.#count("(blank)", lines, lines);
    this.#lines += lines;
  }

  /** A record of a JSON document, which has no lines. */
  addItem(entry: Entry): void {
    if (entry.ok) this.#addRecord(entry, entry.position.offset, entry.position.length);
    else this.#addDefect(entry, undefined, entry.position.length);
  }

  noteBroken({ message, offset }: { readonly message: string; readonly offset: number }): void {
    this.#keepDefect({ kind: "broken-stream", message, line: this.#lines + 1, offset });
  }

  #addRecord(entry: Entry & { readonly ok: true }, offset: number, bytes: number): void {
    const { record } = entry;
    this.#count(kindOf(record), bytes);
    this.#facts.add(record, offset);
    this.#firstTime ??= record.timestamp;
    this.#lastTime = record.timestamp;
    if (record.type === "session_meta") this.#addMeta(record.payload);
    else if (record.type === "compacted") this.#window = windowOfCompaction(record.payload) ?? this.#nextWindow();
    else this.#addUsage(entry);
    if (isUserMessage(record)) this.#userMessages += 1;
  }

  /** After a copied fork the metadata of its source follow, of which the first that names a window counts. */
  #addMeta(meta: SessionMeta): void {
    this.#meta ??= meta;
    if (!this.#continues()) this.#window ??= windowOfMeta(meta);
  }

  /** Its windows then begin in another file. */
  #continues(): boolean {
    return this.#meta?.history_mode === "paginated" && this.#meta.history_base != null;
  }

  #nextWindow(): WindowIdentity | undefined {
    if (this.#window === undefined && this.#continues()) return undefined;
    return { ...FIRST_WINDOW, number: (this.#window?.number ?? 0) + 1 };
  }

  #addUsage(entry: Entry): void {
    const told = usageOf([entry]);
    if (told === undefined) return;
    this.#usage = { ...told, modelContextWindow: told.modelContextWindow ?? this.#usage?.modelContextWindow };
  }

  #addDefect({ defect, position }: Entry & { readonly ok: false }, kind: string | undefined, bytes: number): void {
    if (defect.kind === "blank") {
      this.#count("(blank)", bytes);
      return;
    }
    if (defect.kind === "state-marker") {
      this.#count("(state marker)", bytes);
      return;
    }
    this.#count(kind ?? defect.type ?? "(unreadable)", bytes);
    const { line, offset } = position;
    this.#keepDefect({ kind: defect.kind, message: defect.message, line, offset });
  }

  #keepDefect(defect: DefectPlace): void {
    this.#defectCount += 1;
    this.#defectKinds[defect.kind] = (this.#defectKinds[defect.kind] ?? 0) + 1;
    if (this.#defects.length < this.#keptDefects) this.#defects.push(defect);
  }

  #count(kind: string, bytes: number, records = 1): void {
    const known = this.#kinds.get(kind);
    if (known !== undefined) {
      known.records += records;
      known.bytes += bytes;
    } else if (this.#kinds.size < MAX_KINDS || kind === "(other)") this.#kinds.set(kind, { records, bytes });
    else this.#count("(other)", bytes, records);
  }

  finish(): Omit<Inspection, "path" | "generation" | "form" | "diskBytes" | "plainBytes" | "mtimeMs"> {
    const records = (kind: string): number => this.#kinds.get(kind)?.records ?? 0;
    const kinds = [...this.#kinds].map(([kind, counts]) => ({ kind, ...counts }));
    return {
      lines: this.#lines,
      kinds: kinds.toSorted((a, b) => b.bytes - a.bytes || (a.kind < b.kind ? -1 : 1)),
      turns: {
        started: records("event_msg/task_started"),
        completed: records("event_msg/task_complete"),
        aborted: records("event_msg/turn_aborted"),
      },
      userMessages: this.#userMessages,
      compactions: records("compacted"),
      rollbacks: records("event_msg/thread_rolled_back"),
      newestWindow: this.#window ?? (this.#continues() ? undefined : FIRST_WINDOW),
      usage: this.#usage,
      defects: { total: this.#defectCount, byKind: this.#defectKinds, first: this.#defects },
      meta: this.#meta,
      firstLineMs: this.#firstTime === undefined ? undefined : parseTimestamp(this.#firstTime),
      lastLineMs: this.#lastTime === undefined ? undefined : parseTimestamp(this.#lastTime),
      facts: this.#facts.finish(),
    };
  }
}

/** What a person said: an event in legacy threads, an item in paginated ones (rollout-format §3.9). */
function isUserMessage(record: RolloutRecord): boolean {
  if (record.type !== "event_msg") return false;
  const { payload } = record;
  return payload.type === "user_message" || (payload.type === "item_completed" && payload.item.type === "UserMessage");
}
