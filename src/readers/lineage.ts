/**
 * The rollouts that make up one thread, as one stream of entries. A copy-on-write fork and a revert hold only what is new and
 * name the file they continue (`history_base`), which may continue another one: this follows the chain and reads it, root
 * first, or newest first for whoever needs only the end (rollout-format §7.3, §7.4, §6).
 *
 * Stands between `rollout.ts`, which knows one file, and everything that folds the entries of a thread. Threads of other
 * kinds, the legacy ones and everything from before 2026, are a chain of one file.
 */
import { basename } from "node:path";
import { type ErrorCode, type ErrorPlace, RolloutError } from "../errors.ts";
import { decodeLine } from "../format/decode.ts";
import type { Entry, Position } from "../format/entry.ts";
import { parseRolloutName, parseUuid, plainPath } from "../format/names.ts";
import { type HistoryBase, historyModeOf, type RecordOf } from "../format/record.ts";
import type { ByteReader } from "./bytes.ts";
import { discoverRollouts, type Home, type RolloutFile } from "./home.ts";
import { splitLines } from "./lines.ts";
import { isWanted, type Order, readPart } from "./part.ts";
import { openRollout, type ReadOptions, readRollout } from "./rollout.ts";

/** One file of a chain, and which part of it belongs to the thread that was asked for. */
export interface LineageSegment {
  /** Absolute; the file that was there when the chain was followed. */
  readonly path: string;
  /** `path` without `.zst`. */
  readonly logicalPath: string;
  /** By which others name this file; undefined for a name outside the grammar. */
  readonly rolloutId: string | undefined;
  /** The thread that its first metadata names, lower case; undefined without metadata. */
  readonly threadId: string | undefined;
  /** Its first metadata. That of a source is told here alone: the stream of a chain leaves it out. */
  readonly meta: RecordOf<"session_meta"> | undefined;
  /** Where its part begins: in a source behind the metadata, in the file asked for at its start. */
  readonly from: { readonly offset: number; readonly line: number };
  /** Plain bytes before which its part ends; undefined for the file asked for, which counts to its end. */
  readonly endOffset: number | undefined;
  /**
   * Ordinals that its part is meant to span, the end exclusive. Told for reports: Codex cuts by bytes alone, whatever
   * they say. Undefined where there are no ordinals, and at the end of the file asked for.
   */
  readonly firstOrdinal: number | undefined;
  readonly endOrdinal: number | undefined;
}

export interface LineageChain {
  /** Lower case; undefined when the file asked for has no metadata. */
  readonly threadId: string | undefined;
  /** First metadata of the file asked for: the only one that the stream presents of all the files' own. */
  readonly meta: MetaEntry | undefined;
  /** Root first, the file asked for last; at least that one. */
  readonly segments: readonly LineageSegment[];
  /** Taken from the disk to follow the chain: the heads of the files. */
  readonly bytesRead: number;
}

export type MetaEntry = Extract<Entry, { readonly ok: true }> & { readonly record: RecordOf<"session_meta"> };

/** A position in a thread, for who has to tell its files apart; in a thread of one file `segment` is absent. */
export interface ChainPosition extends Position {
  /** Index into `LineageChain.segments` of the file that `offset` and `line` count in. */
  readonly segment?: number;
}

/** An entry, its position counted in the file of its segment. */
export type LineageEntry = Entry & { readonly segment: LineageSegment };

/** The errors of rollout-format §7.3, and two that 0.169.0 has for a source whose metadata it cannot use. */
export type LineageFault =
  | "missing-source"
  | "cycle"
  | "not-paginated"
  | "cuts-metadata"
  | "past-end"
  | "identity"
  | "no-metadata"
  | "unknown-mode";

const CODES: Readonly<Record<LineageFault, ErrorCode>> = {
  "missing-source": "not-found",
  cycle: "damaged",
  "not-paginated": "damaged",
  "cuts-metadata": "damaged",
  "past-end": "damaged",
  identity: "mismatch",
  "no-metadata": "damaged",
  "unknown-mode": "unsupported",
};

/** A chain that cannot be followed: its history is incomplete, and Codex refuses the thread. */
export class LineageError extends RolloutError {
  readonly fault: LineageFault;

  constructor(fault: LineageFault, message: string, place: ErrorPlace, hint?: string) {
    super(CODES[fault], message, { ...place, hint });
    this.fault = fault;
  }
}

export interface LineageOptions extends Omit<ReadOptions, "from" | "order" | "onRead"> {
  /** The thread that the file must hold. Without it, paginated files are held to their names, and others to nothing. */
  readonly threadId?: string | undefined;
  /** All rollouts of the home, if at hand; otherwise they are looked for when the first source is needed. */
  readonly files?: readonly RolloutFile[] | undefined;
  /** Told the bytes taken from the disk for each segment that was read, once that is over. */
  readonly onRead?: ((bytes: number, segment: LineageSegment) => void) | undefined;
}

/** Sources are looked for below its `codexHome`. Undefined: the file stands alone. */
export type LineageHome = Pick<Home, "codexHome"> | undefined;

/** Read at a time: the first record of most files has no more than one or two of these. */
const HEAD_BYTES = 16 * 1024;
const META = "session_meta";

/**
 * Follows the chain of a rollout without reading more than the head of each file. Legacy files are a chain of one even if
 * they name a base, which 0.169.0 does not look at there.
 *
 * @throws LineageError when the chain breaks (of a compressed source, `past-end` only shows when it is read); RolloutError
 * when a file cannot be read.
 */
export function lineageChain(home: LineageHome, file: string, options: LineageOptions = {}): LineageChain {
  const newest = readHead(file);
  checkIdentity(newest, options.threadId);
  const segments = [segmentOf(newest, undefined)];
  const sources = new Sources(home, options.files);
  const seen = new Set([newest.rolloutId]);
  let base = baseOf(newest);
  let { bytesRead } = newest;
  for (let child = newest; base !== undefined;) {
    const rolloutId = idOf(base.thread_id);
    const place = { path: child.path };
    if (base.end_ordinal_exclusive < 1) throw cutsMetadata(rolloutId, place);
    if (seen.has(rolloutId)) throw cycle(rolloutId, place);
    seen.add(rolloutId);
    const source = sources.open(rolloutId, place);
    checkSource(source, rolloutId, base.end_byte_offset);
    segments.push(segmentOf(source, base));
    base = baseOf(source);
    child = source;
    bytesRead += source.bytesRead;
  }
  return { threadId: threadOf(newest), meta: newest.meta, segments: segments.toReversed(), bytesRead };
}

/**
 * The entries of a thread in the order in which they were written: first the metadata of the file asked for, then what the
 * chain holds, root first. Of a source only what stands before the cut, and no metadata. A cut in the middle of a line
 * leaves a torn line, or a shorter record where that still parses, as in Codex. With `kinds`, as `readRollout`.
 *
 * @throws LineageError, RolloutError as `lineageChain`, which may have been called before and its result given instead.
 */
export function* readLineage(
  home: LineageHome,
  file: string | LineageChain,
  options: LineageOptions = {},
): Generator<LineageEntry> {
  const chain = typeof file === "string" ? lineageChain(home, file, options) : file;
  yield* presentedMeta(chain, options);
  for (const segment of chain.segments) yield* segmentEntries(chain, segment, "forward", options);
}

/**
 * The same entries, newest first. A plain file is read from its end, and no further than the caller goes on; its entries
 * then have `position.line` 0. A compressed one is decoded from its start, and its newest lines are kept.
 *
 * @throws LineageError, RolloutError as `readLineage`.
 */
export function* readLineageBackward(
  home: LineageHome,
  file: string | LineageChain,
  options: LineageOptions = {},
): Generator<LineageEntry> {
  const chain = typeof file === "string" ? lineageChain(home, file, options) : file;
  for (const segment of chain.segments.toReversed()) yield* segmentEntries(chain, segment, "backward", options);
  yield* presentedMeta(chain, options);
}

interface Head {
  readonly path: string;
  readonly rolloutId: string | undefined;
  /** As the name says. */
  readonly namedThread: string | undefined;
  readonly plainBytes: number | undefined;
  readonly meta: MetaEntry | undefined;
  readonly bytesRead: number;
}

/** @throws RolloutError also when a compressed file breaks before its metadata. */
function readHead(file: string): Head {
  const reader = openRollout(file, { chunkBytes: HEAD_BYTES });
  try {
    for (const { bytes, position } of splitLines(reader.forward())) {
      const entry = decodeLine(bytes, position);
      if (isMeta(entry)) return headOf(reader, entry);
      break;
    }
  } finally {
    reader.close();
  }
  for (const entry of readRollout(reader.path, { kinds: new Set([META]), chunkBytes: HEAD_BYTES })) {
    if (isMeta(entry)) return headOf(reader, entry);
    if (!entry.ok && entry.defect.kind === "broken-stream") {
      throw new RolloutError("damaged", entry.defect.message, { path: reader.path, offset: entry.position.offset });
    }
  }
  return headOf(reader, undefined);
}

function headOf({ path, form, sizeBytes, bytesRead }: ByteReader, meta: MetaEntry | undefined): Head {
  const name = parseRolloutName(basename(path));
  const plainBytes = form === "plain" ? sizeBytes : undefined;
  return { path, rolloutId: name?.rolloutId, namedThread: name?.threadId, plainBytes, meta, bytesRead };
}

function isMeta(entry: Entry): entry is MetaEntry {
  return entry.ok && entry.record.type === META;
}

function idOf(text: string): string {
  return parseUuid(text) ?? text.toLowerCase();
}

function threadOf({ meta }: Head): string | undefined {
  return meta === undefined ? undefined : idOf(meta.record.payload.id);
}

function modeOf({ meta, path }: Head): "legacy" | "paginated" {
  if (meta === undefined) return "legacy";
  const mode = historyModeOf(meta.record.payload);
  if (mode !== undefined) return mode;
  throw new LineageError("unknown-mode", "the metadata names a history mode that is not known", { path });
}

/** What the file continues. */
function baseOf(head: Head): HistoryBase | undefined {
  return modeOf(head) === "legacy" ? undefined : (head.meta?.record.payload.history_base ?? undefined);
}

function segmentOf(head: Head, cut: HistoryBase | undefined): LineageSegment {
  const { path, rolloutId, meta } = head;
  const { line, offset, length } = meta?.position ?? { line: 0, offset: -1, length: 0 };
  return {
    path,
    logicalPath: plainPath(path),
    rolloutId,
    threadId: threadOf(head),
    meta: meta?.record,
    from: cut === undefined ? { offset: 0, line: 1 } : { offset: offset + length + 1, line: line + 1 },
    endOffset: cut?.end_byte_offset,
    firstOrdinal: modeOf(head) === "legacy" ? undefined : (baseOf(head)?.end_ordinal_exclusive ?? 0) + 1,
    endOrdinal: cut?.end_ordinal_exclusive,
  };
}

/** A name that says otherwise is nothing to a legacy thread, which goes by its metadata (rollout-format §1.2). */
function checkIdentity(head: Head, threadId: string | undefined): void {
  const held = threadOf(head);
  const asked = threadId ?? (modeOf(head) === "paginated" ? head.namedThread : undefined);
  if (held === undefined || asked === undefined || held === idOf(asked)) return;
  throw new LineageError("identity", `this rollout holds the thread ${held}, not ${idOf(asked)}`, { path: head.path });
}

function checkSource(source: Head, rolloutId: string, endOffset: number): void {
  const { path } = source;
  if (source.meta === undefined) {
    throw new LineageError("no-metadata", `the rollout ${rolloutId} is continued, and has no usable metadata`, {
      path,
    });
  }
  if (modeOf(source) !== "paginated") {
    throw new LineageError("not-paginated", `the rollout ${rolloutId} is continued although it is not paginated`, {
      path,
    });
  }
  if (source.plainBytes !== undefined) checkEnd(path, rolloutId, endOffset, source.plainBytes);
}

function checkEnd(path: string, rolloutId: string | undefined, endOffset: number, bytes: number): void {
  if (bytes >= endOffset) return;
  const message = `the rollout ${rolloutId ?? ""} is continued from byte ${endOffset} on, and has only ${bytes}`;
  throw new LineageError("past-end", message, { path, offset: bytes }, "its end was lost after the fork was made");
}

function cutsMetadata(rolloutId: string, place: ErrorPlace): LineageError {
  return new LineageError("cuts-metadata", `the rollout ${rolloutId} is continued from before its metadata`, place);
}

function cycle(rolloutId: string, place: ErrorPlace): LineageError {
  return new LineageError("cycle", `the history goes round in a circle: it comes to ${rolloutId} twice`, place);
}

/** The rollouts of a home by their own ids, listed when the first one is wanted. */
class Sources {
  readonly #home: LineageHome;
  #files: readonly RolloutFile[] | undefined;
  #byId: ReadonlyMap<string, RolloutFile> | undefined;
  #hiddenFolders = 0;

  constructor(home: LineageHome, files: readonly RolloutFile[] | undefined) {
    this.#home = home;
    this.#files = files;
  }

  open(rolloutId: string, place: ErrorPlace): Head {
    this.#byId ??= byRolloutId(this.#files ?? this.#discover());
    const file = this.#byId.get(rolloutId);
    if (file === undefined) throw this.#missing(rolloutId, place);
    try {
      return readHead(file.path);
    } catch (error) {
      if (error instanceof RolloutError && error.code === "not-found") throw this.#missing(rolloutId, place);
      throw error;
    }
  }

  #discover(): readonly RolloutFile[] {
    if (this.#home === undefined) return [];
    const { files, problems } = discoverRollouts(this.#home.codexHome);
    this.#hiddenFolders = problems.filter(({ hidesThreads }) => hidesThreads).length;
    return (this.#files = files);
  }

  #missing(rolloutId: string, place: ErrorPlace): LineageError {
    const hidden = this.#hiddenFolders === 0 ? "" : `; ${this.#hiddenFolders} session folders cannot be read`;
    const message = `the rollout ${rolloutId}, which is continued here, is not in this home${hidden}`;
    return new LineageError("missing-source", message, place, "put it back, or name the home it lies in");
  }
}

/** Of copies an active file comes before an archived one, as for threads (rollout-format §1.3). */
function byRolloutId(files: readonly RolloutFile[]): ReadonlyMap<string, RolloutFile> {
  const found = new Map<string, RolloutFile>();
  for (const file of files) {
    const id = file.name?.rolloutId;
    if (id !== undefined && (!file.archived || !found.has(id))) found.set(id, file);
  }
  return found;
}

function* presentedMeta({ meta, segments }: LineageChain, { kinds }: LineageOptions): Generator<LineageEntry> {
  const segment = segments.at(-1);
  if (meta !== undefined && segment !== undefined && isWanted(kinds, META)) yield { ...meta, segment };
}

function* segmentEntries(
  { meta, segments }: LineageChain,
  segment: LineageSegment,
  order: Order,
  options: LineageOptions,
): Generator<LineageEntry> {
  const isSource = segment !== segments.at(-1);
  const presentedAt = meta?.position.offset;
  const isPaginated = meta !== undefined && historyModeOf(meta.record.payload) === "paginated";
  const entries = isPaginated ? partEntries(segment, order, options) : legacyEntries(segment, order, options);
  for (const entry of entries) {
    if (isMeta(entry) && (isSource || entry.position.offset === presentedAt)) continue;
    yield entry.ok
      ? { ok: true, position: entry.position, record: entry.record, segment }
      : { ok: false, position: entry.position, defect: entry.defect, segment };
  }
}

function partEntries(segment: LineageSegment, order: Order, options: LineageOptions): Generator<Entry> {
  return readPart(segment, order, {
    ...options,
    onRead: (bytes) => options.onRead?.(bytes, segment),
    onEnd: (bytes) => checkSegmentEnd(segment, bytes),
  });
}

/** For who reads a segment by other means. @throws LineageError `past-end` when it has fewer plain bytes than it should. */
export function checkSegmentEnd({ path, rolloutId, endOffset = 0 }: LineageSegment, plainBytes: number): void {
  checkEnd(path, rolloutId, endOffset, plainBytes);
}

/** Any form and generation; what has no way back is read forward and turned round. */
function* legacyEntries(segment: LineageSegment, order: Order, options: LineageOptions): Generator<Entry> {
  const { path } = segment;
  const { checked = true } = options;
  const onRead = (bytes: number): void => options.onRead?.(bytes, segment);
  try {
    yield* readRollout(path, { ...options, checked, onRead, order });
  } catch (error) {
    // Thrown before the first entry.
    if (!(error instanceof RolloutError) || error.code !== "unsupported") throw error;
    yield* [...readRollout(path, { ...options, checked, onRead })].toReversed();
  }
}
