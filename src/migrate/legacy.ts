/**
 * `migrate --to legacy`: a paginated rollout as one that releases before 0.147 read, with everything that the thread continues in
 * the one file (rollout-format §7.2, §8.2, §9). What stands for an item is in `legacy-items.ts`, where it goes in
 * `legacy-turns.ts`, and what is not compared afterwards in `legacy-proof.ts`.
 */
import { basename, dirname, join, relative } from "node:path";
import { RolloutError } from "../errors.ts";
import { decodeLine } from "../format/decode.ts";
import { encodeLine } from "../format/encode.ts";
import type { Entry, Position } from "../format/entry.ts";
import { compressedPath, parseRolloutName, plainPath, stampToMs } from "../format/names.ts";
import { peekKind } from "../format/peek.ts";
import { historyModeOf, type RecordOf, type RolloutRecord, type SessionMeta } from "../format/record.ts";
import { lstatOrUndefined } from "../io/files.ts";
import type { Home } from "../readers/home.ts";
import { checkSegmentEnd, type LineageChain, lineageChain, type LineageSegment } from "../readers/lineage.ts";
import type { Select } from "../readers/lines.ts";
import { readLines } from "../readers/rollout.ts";
import { isKept } from "../thread/items-policy.ts";
import type { Conversion, ConversionProof, Judgement, KeepingSink, Source } from "./conversion.ts";
import { LiveContinuers } from "./legacy-continued.ts";
import { legacyProof } from "./legacy-proof.ts";
import { LegacySight } from "./legacy-sight.ts";
import { endedTurn, isItem, TurnPlacer, TurnSurvey } from "./legacy-turns.ts";

export interface LegacyConversion extends Conversion {
  readonly target: "legacy";
  /**
   * Absolute paths of the files that must go when the new one comes: earlier stages of a thread that was reverted, all of
   * which the new file holds or puts aside. Where two files have one thread id, 0.142.3 takes the older one.
   */
  retires(source: Source): readonly string[];
}

export interface LegacyOptions {
  /** Rollout ids of the files whose `history_base` named that rollout when the run began. */
  readonly continuersOf: (rolloutId: string) => readonly string[];
}

export function legacyConversion(home: Pick<Home, "codexHome">, options: LegacyOptions): LegacyConversion {
  const continuers = new LiveContinuers(home, options.continuersOf);
  return {
    target: "legacy",
    judge: (source, { isContinued }) => judge(home, source, isContinued, continuers),
    pathOf: ({ path }) => pathOf(home, path),
    retires: ({ path }) => earlierStages(lineageChain(home, path)).map((stage) => stage.path),
    convert: (source, sink) => convert(lineageChain(home, source.path), sink),
  };
}

function judge(
  home: Pick<Home, "codexHome">,
  source: Source,
  isContinued: boolean,
  continuers: LiveContinuers,
): Judgement {
  if (source.generation !== "envelope") return { kind: "not-this-form" };
  let chain: LineageChain;
  try {
    chain = lineageChain(home, source.path);
  } catch (error) {
    if (!(error instanceof RolloutError)) throw error;
    return { kind: "refuse", reason: error.message };
  }
  if (chain.meta === undefined) return { kind: "not-this-form" };
  if (historyModeOf(chain.meta.record.payload) === "legacy") return { kind: "already" };
  const { rolloutId } = chain.segments.at(-1) as LineageSegment;
  const isStillContinued = isContinued && (rolloutId === undefined || continuers.of(rolloutId).length > 0);
  const reason = isStillContinued
    ? "another rollout continues this one: convert that one first"
    : hindrance(chain, continuers);
  return reason === undefined ? { kind: "convert" } : { kind: "refuse", reason };
}

/** Why the stages of a thread that was reverted cannot become one file; undefined when they can, or there is only one. */
function hindrance(chain: LineageChain, continuers: LiveContinuers): string | undefined {
  const own = chain.segments.filter(({ threadId }) => threadId === chain.threadId);
  const ids = new Set(own.map(({ rolloutId }) => rolloutId));
  for (const { rolloutId } of own) {
    const others = continuers.of(rolloutId).filter((id) => !ids.has(id));
    if (others.length > 0) return "another rollout continues an earlier stage of this thread: convert that one first";
  }
  return undefined;
}

/**
 * Older releases do not take the name of a reverted thread's file for that of a rollout (rollout-format §1.2), and clients show the
 * time in the name as that when the thread was made. So its file gets the name of the first stage, in the next second that
 * no file has.
 */
function pathOf(home: Pick<Home, "codexHome">, path: string): string {
  const [first] = earlierStages(lineageChain(home, path));
  const name = parseRolloutName(basename(first?.path ?? ""));
  const stampMs = stampToMs(name?.stamp ?? "");
  if (first === undefined || name === undefined || stampMs === undefined) return path;
  const folder = isArchived(home, first.path) === isArchived(home, path) ? dirname(first.path) : dirname(path);
  const ending = path.endsWith(".zst") ? ".jsonl.zst" : ".jsonl";
  for (let ms = stampMs; ; ms += 1000) {
    const stamp = new Date(ms).toISOString().slice(0, 19).replaceAll(":", "-");
    const target = join(folder, `rollout-${stamp}-${name.threadId}${ending}`);
    if ([plainPath(target), compressedPath(target)].every((one) => lstatOrUndefined(one) === undefined)) return target;
  }
}

function isArchived({ codexHome }: Pick<Home, "codexHome">, path: string): boolean {
  return relative(codexHome, path).startsWith("archived_sessions");
}

/** Of a thread that was reverted: the files before its newest one. */
function earlierStages({ threadId, segments }: LineageChain): readonly LineageSegment[] {
  return segments.slice(0, -1).filter((segment) => segment.threadId === threadId);
}

/** @throws RolloutError `damaged` for a thread without metadata or a broken archive, `unsupported` for one with rollbacks. */
function convert(chain: LineageChain, sink: KeepingSink): ConversionProof {
  const { meta, segments } = chain;
  if (meta === undefined) throw new RolloutError("damaged", "the rollout has no metadata");
  const survey = surveyOf(chain);
  const sight = new LegacySight();
  const first = legacyMeta(meta.record);
  sink.record(first);
  for (const source of foreignMetas(chain)) sink.record(legacyMeta(withoutWindow(source, meta.record)));
  writeLines(chain, { survey, sight, sink });
  for (const note of sight.notes(first)) sink.note(note);
  for (const stage of earlierStages(chain)) putRevertedAside(stage, sink);
  const { subagent_history_start_ordinal: inherited, attached_thread } = meta.record.payload;
  return legacyProof({
    sources: segments.slice(0, -1).flatMap((segment) => segment.meta ?? []),
    hidesInherited: inherited != null || attached_thread === true,
    hasEndAlone: survey.hasEndAlone,
    ...sight.facts,
  });
}

/** Events that say where items go. */
const SURVEYED: ReadonlySet<string> = new Set([
  "event_msg/task_started",
  "event_msg/task_complete",
  "event_msg/turn_aborted",
  "event_msg/item_completed",
  "event_msg/thread_rolled_back",
]);

function surveyOf(chain: LineageChain): TurnSurvey {
  const survey = new TurnSurvey();
  const select: Select = (buffer, start, end) => {
    const kind = peekKind(buffer, start, end);
    return kind === undefined || SURVEYED.has(kind);
  };
  for (const { entry } of linesOf(chain, select))
    if (entry.ok && entry.record.type === "event_msg" && isShown(entry.record)) survey.see(entry.record);
  return survey;
}

interface Writing {
  readonly survey: TurnSurvey;
  readonly sight: LegacySight;
  readonly sink: KeepingSink;
}

const NO_BYTES = Buffer.alloc(0);

function writeLines(chain: LineageChain, { survey, sight, sink }: Writing): void {
  const aside = (record: RolloutRecord, why: string): void => sink.aside(Buffer.from(encodeLine(record)), why);
  let current: Buffer = NO_BYTES;
  const placer = new TurnPlacer(survey, {
    keep: (record) => sink.keep(record, current),
    record: (record) => sink.record(record),
    lost: aside,
  });
  for (const { bytes, entry, number } of linesOf(chain)) {
    current = bytes;
    if (!entry.ok) {
      if (entry.defect.kind !== "blank") sink.aside(Buffer.from(bytes), "a line that is no record", number);
      continue;
    }
    const { record } = entry;
    sight.see(record);
    if (record.type === "session_meta") sink.record(legacyMeta(record));
    else if (record.type !== "event_msg") sink.keep(record, bytes);
    else if (isShown(record)) placer.take(record);
    else sink.aside(Buffer.from(bytes), "an event that paginated threads do not show", number);
  }
  placer.finish();
}

/**
 * Events that a paginated thread shows, or that say how it goes on. Others stand beside the items which say the same, or are
 * not shown for another reason, and would be shown in a legacy thread.
 */
function isShown(record: RecordOf<"event_msg">): boolean {
  if (record.payload.type === "thread_rolled_back" && record.payload.num_turns > 0) {
    throw new RolloutError("unsupported", "the rollout has a rollback, which a client shows in legacy threads only");
  }
  // An interruption without a turn ends none here, and would end the open one in a legacy thread.
  return (isItem(record) || isKept(record, "paginated")) && endedTurn(record) !== "";
}

interface ChainLine {
  /** A view valid until the next line is asked for. */
  readonly bytes: Buffer;
  readonly entry: Entry;
  /** Of the line in the file that is converted; undefined for one of a file that it continues. */
  readonly number: number | undefined;
}

/** The lines that make up the thread, root first, without the metadata of its files; with `select`, those alone that it takes. */
function* linesOf({ meta, segments }: LineageChain, select?: Select): Generator<ChainLine> {
  const newest = segments.at(-1);
  for (const segment of segments) {
    let end = segment.from.offset;
    for (const line of readLines(segment.path, { from: segment.from, ...(select && { select }) })) {
      const { offset } = line.position;
      if (line.tooLong === true) throw tooLong(segment, line.position);
      const room = (segment.endOffset ?? Number.POSITIVE_INFINITY) - offset;
      if (room <= 0) break;
      end = offset + line.bytes.length + 1;
      if (segment === newest && offset === meta?.position.offset) continue;
      const bytes = line.bytes.length > room ? line.bytes.subarray(0, room) : line.bytes;
      const entry = decodeLine(bytes, line.position, line);
      // A source's own metadata comes first, wherever it stands; copied ones of others do not go past its cut either.
      if (segment !== newest && entry.ok && entry.record.type === "session_meta") continue;
      yield { bytes, entry, number: segment === newest ? line.position.line : undefined };
    }
    if (select === undefined) checkSegmentEnd(segment, end);
  }
}

/** Longer than a string can be: what is in it cannot be told. */
function tooLong({ path }: LineageSegment, { line, offset, length }: Position): RolloutError {
  const message = `a line of ${length} bytes is longer than can be looked into`;
  return new RolloutError("unsupported", message, { path, line, offset, hint: "the file stays as it is" });
}

/** Behind the cut of an earlier stage lie the turns that were reverted. */
function putRevertedAside(stage: LineageSegment, sink: KeepingSink): void {
  const from = { offset: stage.endOffset ?? 0, line: 1 };
  for (const { bytes } of readLines(stage.path, { from }))
    if (bytes.length > 0) sink.aside(Buffer.from(bytes), "a turn that was reverted");
}

/** Newest first, each once, as a legacy fork of a fork has them (rollout-format §7.2). */
function foreignMetas({ threadId, segments }: LineageChain): readonly RecordOf<"session_meta">[] {
  const metas: RecordOf<"session_meta">[] = [];
  let last = threadId;
  for (const segment of segments.toReversed()) {
    if (segment.threadId !== last && segment.meta !== undefined) metas.push(segment.meta);
    last = segment.threadId;
  }
  return metas;
}

/** The first window that any metadata names is the thread's (rollout-format §5.2, step 0); only its own counts in a paginated one. */
function withoutWindow(source: RecordOf<"session_meta">, own: RecordOf<"session_meta">): RecordOf<"session_meta"> {
  if (own.payload.context_window != null) return source;
  const { context_window: _window, ...payload } = source.payload;
  return { ...source, payload };
}

/** Without what only means something in a paginated thread. */
function legacyMeta({ timestamp, payload }: RecordOf<"session_meta">): RecordOf<"session_meta"> {
  const {
    history_mode: _mode,
    history_base: _base,
    subagent_history_start_ordinal: _start,
    forked_from_ordinal_exclusive: _cut,
    attached_thread: _attached,
    ...kept
  } = payload;
  return { type: "session_meta", timestamp, payload: kept satisfies SessionMeta };
}
