/**
 * The library's door to one thread: found by whatever a person types, opened once, then asked for its views. Each view is a
 * walk over the thread's entries, begun anew when it is asked for; nothing of the file is held in between, and nothing is
 * ever written.
 *
 * Last station of the way from bytes to answer: `readers/lookup.ts` finds the file, `readers/lineage.ts` reads it and what
 * it continues, `thread/` makes views of that. `fast-resume.ts` reads only the end where that is enough.
 */
import { RolloutError } from "../errors.ts";
import { type HistoryMode, historyModeOf, type SessionMeta } from "../format/record.ts";
import type { CodexRelease } from "../format/shape.ts";
import { statOrUndefined } from "../io/files.ts";
import type { Home } from "../readers/home.ts";
import {
  type ChainPosition,
  type LineageChain,
  lineageChain,
  type LineageEntry,
  type LineageSegment,
  readLineage,
} from "../readers/lineage.ts";
import { findThread, type FoundThread, type LookupOptions } from "../readers/lookup.ts";
import type { KindFilter } from "../readers/rollout.ts";
import { requestIdentity, type RequestIdentity } from "../thread/identity.ts";
import type { Turns } from "../thread/items.ts";
import { asRequest, type RequestHistory } from "../thread/normalize.ts";
import { isReplayKind, replay } from "../thread/replay.ts";
import { FULL_REPLAY_RULES, type FullReplayRule } from "../thread/resume.ts";
import type { ReplayOptions, ThreadState } from "../thread/state.ts";
import { CanonicalTurns, emptyProjection } from "../thread/turns-canonical.ts";
import { turnsOf } from "../thread/turns.ts";
import { type ThreadUsage, usageOf } from "../thread/usage.ts";
import { type ContextWindow, windowsOf } from "../thread/windows.ts";
import { codexReading, resumeFast } from "./fast-resume.ts";
import { type Cut, cutAtTurn, cutAtWindow, entriesUntil, type ThreadMoment } from "./thread-at.ts";
import { type ProjectedTurns, projectOn, type SavedTurns, suffixTurns, type SuffixTurns } from "./thread-suffix.ts";
import {
  type DefectsMet,
  plainBytesOf,
  requireChecked,
  type StartProgress,
  UncheckedStream,
  WalkProgress,
  WalkTally,
} from "./thread-walk.ts";

export interface HistoryOptions extends Pick<ReplayOptions, "explain" | "truncation" | "release"> {
  /** Also as the items of a request (rollout-format §5.8). Default false. */
  readonly asRequest?: boolean | undefined;
  /** The history as it stood at the end of a turn or window. Default: as it stands now. */
  readonly at?: ThreadMoment | undefined;
  /** Read everything, also where the end of the thread is enough. Default false. */
  readonly fullReplay?: boolean | undefined;
}

/** What it took to get an answer. */
export interface Reading {
  /**
   * `fast`: the end of the thread was enough. Positions then have line 0 where the number is not known, and the state's
   * `counts` are those of the end.
   */
  readonly how: "fast" | "full";
  /** Why everything was read: a rule of rollout-format §6.3, or `asked` when the options wanted it. Undefined when fast. */
  readonly rule: FullReplayRule | "asked" | undefined;
  /** The rule as a clause with its section; undefined where there is no rule. */
  readonly reason: string | undefined;
  /**
   * Taken from the disk, the heads of the files included that were read when the thread was opened. More than there is when
   * a checkpoint was looked for in vain.
   */
  readonly bytesRead: number;
  /** Sizes of the files on the disk. */
  readonly bytesTotal: number;
  /** That were parsed. Of a second pass, which a rollback may need, none is counted. */
  readonly linesDecoded: number;
  /** Lines among those that do not decode, so that something may be missing from the answer. */
  readonly defects: DefectsMet;
}

export interface ThreadHistory {
  readonly state: ThreadState;
  /** Undefined unless asked for. */
  readonly request: RequestHistory | undefined;
  readonly reading: Reading;
}

export interface ThreadWindows {
  /** As `windows` gives them. */
  readonly windows: readonly ContextWindow[];
  /** Lines that do not decode, so that windows may be missing, or items in them. */
  readonly defects: DefectsMet;
}

export interface OpenOptions extends LookupOptions {
  /** Told how far each walk over the thread's files is. */
  readonly progress?: StartProgress | undefined;
}

export interface TurnsViewOptions {
  /** Some process has the thread loaded, so that a last turn without an end may go on. Default: false, it was interrupted. */
  readonly isRunning?: boolean | undefined;
}

/**
 * Finds and opens a thread: by its id, a unique beginning of it, its name, or a path. Plain or compressed, of any generation,
 * in a home that may be read-only. Reads the heads of its files.
 *
 * @throws RolloutError as `findThread` when there is not exactly one, as `lineageChain` when what it continues cannot be
 * followed (a `LineageError`) or its file holds another thread.
 */
export function openThread(home: Home, text: string, options: OpenOptions = {}): OpenedThread {
  const found = findThread(home, text, options);
  // A path is taken by what its file says, held to its own name; anything else asked for a certain thread.
  const chain = lineageChain(home, found.path, { threadId: found.by === "path" ? undefined : found.id });
  return new OpenedThread(home, found, chain, options.progress);
}

/** Made by `openThread`. */
export class OpenedThread {
  readonly #home: Home;
  readonly #chain: LineageChain;
  readonly #progress: StartProgress | undefined;
  /** Each frame of an archive is checked before anything of it is given out. */
  #isChecked = false;
  /** How it was found, and what was passed over on the way. */
  readonly found: FoundThread;

  constructor(home: Home, found: FoundThread, chain: LineageChain, progress?: StartProgress) {
    this.#home = home;
    this.#chain = chain;
    this.#progress = progress;
    this.found = found;
  }

  /** Lower case; undefined for a file given by its path that tells none. */
  get id(): string | undefined {
    return this.#chain.threadId ?? this.found.id;
  }

  /** Absolute path of the rollout, without `.zst`: what reports show. */
  get path(): string {
    return this.found.logicalPath;
  }

  /** Absolute path of the file that is there. */
  get file(): string {
    return this.found.path;
  }

  /** Its first metadata; undefined when it has none, and Codex would refuse it. */
  get meta(): SessionMeta | undefined {
    return this.#chain.meta?.record.payload;
  }

  get historyMode(): HistoryMode {
    return (this.meta && historyModeOf(this.meta)) ?? "legacy";
  }

  /** The files that it is made of, what it continues first, its own last (rollout-format §7.3). */
  get segments(): readonly LineageSegment[] {
    return this.#chain.segments;
  }

  /** The file that a position in any view counts in. */
  segmentOf(place: ChainPosition): LineageSegment {
    return this.segments[place.segment ?? this.segments.length - 1] as LineageSegment;
  }

  /**
   * All entries that the thread's history is made of, its own metadata first, then oldest first through what it continues.
   * With `kinds`, only those (as `readRollout`). Each call reads anew.
   */
  *entries(kinds?: KindFilter): Generator<LineageEntry> {
    yield* this.#read(kinds, { checked: true, skipEmpty: false });
  }

  /** Those of its own file alone. */
  *ownEntries(kinds?: KindFilter): Generator<LineageEntry> {
    yield* this.#read(kinds, { segments: [this.#own], checked: true, skipEmpty: false });
  }

  /**
   * What the model has after a resume, and what the next turn hangs on.
   * @throws RolloutError `not-found` for a turn or window that there is not.
   */
  history(options: HistoryOptions = {}): ThreadHistory {
    return this.#sound(() => this.#history(options));
  }

  #history(options: HistoryOptions): ThreadHistory {
    const isAsked = options.fullReplay === true || options.explain === true || options.at !== undefined;
    const fast = isAsked
      ? undefined
      : resumeFast(this.#chain, { ...options, progress: this.#progress, checked: this.#isChecked });
    const found = fast?.state === undefined ? this.#replayed(options) : { ...fast, state: fast.state, bytesRead: 0 };
    const rule = fast === undefined ? "asked" : fast.rule;
    return {
      state: found.state,
      request: options.asRequest === true ? asRequest(found.state.history) : undefined,
      reading: {
        how: fast?.state === undefined ? "full" : "fast",
        rule,
        reason: rule === undefined || rule === "asked" ? undefined : FULL_REPLAY_RULES[rule],
        bytesRead: this.#chain.bytesRead + (fast?.bytesRead ?? 0) + found.bytesRead,
        bytesTotal: this.segments.reduce((sum, { path }) => sum + (statOrUndefined(path)?.size ?? 0), 0),
        linesDecoded: found.linesDecoded,
        defects: found.defects,
      },
    };
  }

  /** By which rule Codex 0.169.0 reads all of the thread when it resumes it; undefined when its end is enough for it. */
  codexReading(): FullReplayRule | undefined {
    return codexReading(this.#chain);
  }

  /** All context windows, oldest first. */
  windows(): readonly ContextWindow[] {
    return this.readWindows().windows;
  }

  /** The same, and what they had to do without. */
  readWindows(): ThreadWindows {
    return this.#sound(() => {
      const tally = new WalkTally();
      const windows = windowsOf(() => this.#read(isReplayKind, { tally }));
      return { windows, defects: tally.defects };
    });
  }

  /** The client's view. */
  turns({ isRunning }: TurnsViewOptions = {}): Turns {
    const options = { historyMode: this.historyMode, isRunning, sources: this.#sourceMetas };
    return this.#sound(() => turnsOf(this.#read(undefined), options));
  }

  /**
   * The client's view of a paginated thread, going on from where the last call was left: only what was written since is
   * read. Without `saved`, from the thread's beginning.
   * @throws RolloutError `unsupported` for a legacy thread; `mismatch` when the file is shorter than it was.
   */
  projectTurns(saved?: SavedTurns, { isRunning = false }: TurnsViewOptions = {}): ProjectedTurns {
    this.#requirePaginated();
    return projectOn(this.segments, saved ?? this.#inherited(), { isRunning });
  }

  /**
   * The turns of a paginated thread that began at or behind an offset of its own file, without reading what precedes it.
   * @throws RolloutError `unsupported` for a legacy thread; `mismatch` when the file is shorter.
   */
  turnsFrom(offset: number, { isRunning = false }: TurnsViewOptions = {}): SuffixTurns {
    this.#requirePaginated();
    return suffixTurns(this.segments, offset, { isRunning });
  }

  /** Token usage as the records sum it up; undefined when none does. */
  usage(): ThreadUsage | undefined {
    return this.#sound(() => usageOf(this.#read(USAGE_KINDS)));
  }

  /**
   * By what the requests of a resumed thread are known to the provider: prompt cache key, and the rule that gave it.
   * @throws RolloutError `damaged` for a thread without metadata.
   */
  identity(release?: CodexRelease): RequestIdentity {
    const { meta } = this;
    if (meta === undefined) throw new RolloutError("damaged", "the rollout has no metadata", { path: this.path });
    return requestIdentity(meta, this.history().state.window, release);
  }

  get #own(): LineageSegment {
    return this.segments.at(-1) as LineageSegment;
  }

  /** A view of the thread; of a damaged archive only what is known to be right. */
  #sound<T>(view: () => T): T {
    try {
      return view();
    } catch (error) {
      if (!(error instanceof UncheckedStream)) throw error;
      this.#isChecked = true;
      return view();
    }
  }

  /** What a thread has of the files that it continues, which do not change any more. */
  #inherited(): SavedTurns {
    const projection = new CanonicalTurns(emptyProjection({ sources: this.#sourceMetas }));
    for (const entry of this.#read(undefined, { checked: true })) {
      if (entry.segment === this.#own && entry.position.offset !== this.#chain.meta?.position.offset) break;
      projection.add(entry);
    }
    return { state: projection.state(), offset: 0, line: 1 };
  }

  get #sourceMetas() {
    return this.segments.slice(0, -1).flatMap(({ meta }) => meta ?? []);
  }

  #requirePaginated(): void {
    if (this.historyMode === "paginated") return;
    throw new RolloutError("unsupported", "the turns of a legacy thread can only be told from its beginning", {
      path: this.path,
      hint: "ask for all its turns",
    });
  }

  #replayed({ explain, truncation, release, at }: HistoryOptions) {
    const cut = at === undefined ? undefined : this.#cutAt(at);
    const kinds = explain === true ? undefined : isReplayKind;
    const tally = new WalkTally();
    let bytesRead = 0;
    const onRead = (bytes: number): void => void (bytesRead += bytes);
    const entries = () => entriesUntil(this.#read(kinds, { onRead, tally }), cut);
    const state = replay(entries, { explain, truncation, release });
    return { state, bytesRead, linesDecoded: tally.linesDecoded, defects: tally.defects };
  }

  #cutAt(at: ThreadMoment): Cut | undefined {
    if ("window" in at) return cutAtWindow(this.windows(), at.window);
    return cutAtTurn(this.turns(), () => this.#read(TURN_KINDS), at.turn);
  }

  *#read(kinds: KindFilter | undefined, walk: Walk = {}): Generator<LineageEntry> {
    const { segments = this.segments, onRead, tally, checked = this.#isChecked, skipEmpty = true } = walk;
    const progress = new WalkProgress(this.#progress, plainBytesOf(segments));
    const numbers = new Map(this.segments.map((segment, index) => [segment, index]));
    tally?.begin();
    try {
      for (const entry of readLineage(
        this.#home,
        { ...this.#chain, segments },
        { kinds, onRead, checked, skipEmpty },
      )) {
        requireChecked(entry, checked);
        const placed = numbers.size === 1 ? entry : withSegment(entry, numbers.get(entry.segment) ?? 0);
        tally?.see(placed);
        progress.see(placed);
        yield placed;
      }
    } finally {
      progress.end();
    }
  }
}

/** A walk over a thread's files: which of them, and who is told about it. */
interface Walk {
  readonly segments?: readonly LineageSegment[];
  readonly onRead?: (bytes: number) => void;
  readonly tally?: WalkTally;
  readonly checked?: boolean;
  /** Lines without a byte mean nothing to any view; a hostile file has nothing else. */
  readonly skipEmpty?: boolean;
}

function withSegment(entry: LineageEntry, segment: number): LineageEntry {
  const position: ChainPosition = { ...entry.position, segment };
  return { ...entry, position };
}

const USAGE_KINDS: KindFilter = new Set(["token_usage_record", "event_msg/token_count"]);
const TURN_KINDS: KindFilter = new Set(["event_msg/task_started", "event_msg/task_complete", "event_msg/turn_aborted"]);
