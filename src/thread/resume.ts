/**
 * When a reader that goes backward through a rollout has seen enough (rollout-format §6.2, §6.3), and what then comes of
 * the end that it has read (§6.4). Pure: `readers/reverse.ts` brings the entries, newest first.
 *
 * Whatever is answered, the result is that of a full replay: a scan is complete only once a checkpoint has been met that
 * nothing reaches behind. What Codex asks for beyond that makes it read more, not know more; `eager` leaves it out.
 */
import type { Entry, Position } from "../format/entry.ts";
import type { Compacted, EventMsg, HistoryMode, RecordOf, RecordType, SessionMeta } from "../format/record.ts";
import { classOf } from "./boundary.ts";
import { isReplayKind, repeatable, replay } from "./replay.ts";
import { areCompatible } from "./scan.ts";
import type { EntrySource, ReplayOptions, ThreadState } from "./state.ts";
import { windowOfCompaction } from "./window.ts";

/** Why everything has to be read. */
export const FULL_REPLAY_RULES = {
  "older-release": "rollout-format §5.2 step 1: the release knows no checkpoint behind which nothing is looked for",
  "legacy-thread": "rollout-format §6: the thread is not paginated, and Codex always reads such threads as a whole",
  rollback: "rollout-format §6.3: a rollback may reach behind the checkpoint",
  "legacy-compaction": "rollout-format §6.3: a compaction without a replacement history needs the messages before it",
  "unnumbered-compaction": "rollout-format §6.3: a compaction without a window number is numbered by counting",
  "no-checkpoint": "rollout-format §6.2: no compaction was met that history could begin with",
  "no-settled-turn": "rollout-format §6.2: no finished turn was met that tells settings and context",
} as const;

export type FullReplayRule = keyof typeof FULL_REPLAY_RULES;

export type ResumeVerdict =
  | { readonly kind: "continue" }
  /** What has been fed so far, oldest first and behind the canonical metadata, is enough for `replaySuffix`. */
  | { readonly kind: "complete" }
  | { readonly kind: "must-replay"; readonly rule: FullReplayRule };

export interface ResumeOptions {
  /** Of the canonical metadata, which stands at the head of the file. Default `paginated`. */
  readonly historyMode?: HistoryMode | undefined;
  /**
   * Stop at the first checkpoint that nothing reaches behind, whatever Codex would look for. Legacy threads may then be
   * resumed too, from a checkpoint that carries its own settings. Default false: stop where Codex 0.169.0 does.
   */
  readonly eager?: boolean | undefined;
}

const CONTINUE: ResumeVerdict = { kind: "continue" };
const COMPLETE: ResumeVerdict = { kind: "complete" };

/** A turn seen from its end, as far as it is asked whether it settles what the next turn hangs on. */
interface Turn {
  turnId: string | undefined;
  hasContext: boolean;
  isUserTurn: boolean;
  hasFullWorld: boolean;
  hasCompaction: boolean;
}

/** Feed it entries newest first until it says something else than `continue`; at the start of the thread ask `end`. */
export class ResumeScan {
  readonly #isEager: boolean;
  readonly #isPaginated: boolean;
  #verdict: ResumeVerdict = CONTINUE;
  #turn: Turn | undefined;
  #hasCheckpoint = false;
  #hasSettledTurn = false;

  constructor(options: ResumeOptions = {}) {
    this.#isEager = options.eager ?? false;
    this.#isPaginated = (options.historyMode ?? "paginated") === "paginated";
    if (!this.#isPaginated && !this.#isEager) this.#mustReplay("legacy-thread");
  }

  get verdict(): ResumeVerdict {
    return this.#verdict;
  }

  /** A verdict stands once it is not `continue`. Damaged lines are passed over. */
  see(entry: Entry): ResumeVerdict {
    if (this.#verdict.kind === "continue" && entry.ok) {
      const step = STEPS[entry.record.type] as Step<RecordType> | undefined;
      step?.(this, entry.record);
      if (this.#isSatisfied()) this.#verdict = COMPLETE;
    }
    return this.#verdict;
  }

  /** At the start of the thread: what kept the scan from being complete. */
  end(): ResumeVerdict {
    if (this.#verdict.kind === "continue") this.#mustReplay(this.#hasCheckpoint ? "no-settled-turn" : "no-checkpoint");
    return this.#verdict;
  }

  compacted(compacted: Compacted): void {
    const hasSettings = compacted.resume_metadata != null;
    if (compacted.replacement_history == null) this.#mustReplay("legacy-compaction");
    else if (windowOfCompaction(compacted) === undefined) this.#mustReplay("unnumbered-compaction");
    else if (!this.#hasCheckpoint && !this.#isPaginated && !hasSettings) this.#mustReplay("legacy-thread");
    if (!this.#hasCheckpoint && hasSettings) this.#hasSettledTurn = true;
    this.#hasCheckpoint = true;
    this.#open().hasCompaction = true;
  }

  event(event: EventMsg): void {
    switch (event.type) {
      case "thread_rolled_back":
        // A checkpoint holds whatever is rolled back after it; Codex does not rely on that.
        if (!this.#isEager) this.#mustReplay("rollback");
        break;
      case "task_started":
        this.#taskStarted(event.turn_id);
        break;
      case "task_complete":
        this.#open().turnId ??= event.turn_id;
        break;
      case "turn_aborted":
        if (this.#turn !== undefined || event.turn_id != null) this.#open().turnId ??= event.turn_id ?? undefined;
        break;
      case "user_message":
        this.#open().isUserTurn = true;
        break;
      case "item_completed":
        if (event.item.type === "UserMessage" && areCompatible(this.#turn?.turnId, event.turn_id))
          this.#open().isUserTurn = true;
        break;
      default:
    }
  }

  turnContext(turnId: string | undefined): void {
    const turn = this.#open();
    turn.turnId ??= turnId;
    if (areCompatible(turn.turnId, turnId)) turn.hasContext = true;
  }

  worldState(isFull: boolean): void {
    const turn = this.#open();
    if (isFull && !turn.hasCompaction) turn.hasFullWorld = true;
  }

  /** Plain user messages do not count here, unlike in the replay. */
  item({ payload: item }: RecordOf<"response_item">): void {
    const turn = this.#open();
    const isUsers = "role" in item && item.role === "user";
    if (!isUsers && classOf(item) === "boundary") turn.isUserTurn = true;
  }

  communication(): void {
    this.#open().isUserTurn = true;
  }

  #isSatisfied(): boolean {
    return this.#verdict.kind === "continue" && this.#hasCheckpoint && (this.#isEager || this.#hasSettledTurn);
  }

  #open(): Turn {
    this.#turn ??= {
      turnId: undefined,
      hasContext: false,
      isUserTurn: false,
      hasFullWorld: false,
      hasCompaction: false,
    };
    return this.#turn;
  }

  #taskStarted(turnId: string): void {
    const turn = this.#turn;
    if (turn === undefined || !areCompatible(turn.turnId, turnId)) return;
    this.#turn = undefined;
    if (turn.hasContext && (turn.isUserTurn || turn.hasFullWorld)) this.#hasSettledTurn = true;
  }

  #mustReplay(rule: FullReplayRule): void {
    if (this.#verdict.kind === "continue") this.#verdict = { kind: "must-replay", rule };
  }
}

type Step<T extends RecordType> = (scan: ResumeScan, record: RecordOf<T>) => void;

const STEPS: { readonly [T in RecordType]: Step<T> | undefined } = {
  compacted: (scan, { payload }) => scan.compacted(payload),
  event_msg: (scan, { payload }) => scan.event(payload),
  turn_context: (scan, { payload }) => scan.turnContext(payload.turn_id ?? undefined),
  world_state: (scan, { payload }) => scan.worldState(payload.full),
  response_item: (scan, record) => scan.item(record),
  inter_agent_communication: (scan) => scan.communication(),
  session_meta: undefined,
  inter_agent_communication_metadata: undefined,
  security_risk_score: undefined,
  realtime_item: undefined,
  token_usage_record: undefined,
  retained_context: undefined,
  dynamic_tools_updated: undefined,
};

/** Whether a scan, or the replay of what it has seen, looks at lines of this kind. */
export function isResumeKind(kind: string): boolean {
  return kind === "event_msg/item_completed" || isReplayKind(kind);
}

const HEAD: Position = { line: 1, offset: 0, length: 0 };

/**
 * The state of a thread from its end: what a complete `ResumeScan` has seen, in the order of the file, and the canonical
 * metadata. All but `counts` is what the replay of the whole thread gives; should the suffix hold the metadata itself,
 * that does no harm.
 */
export function replaySuffix(meta: SessionMeta, suffix: EntrySource, options: ReplayOptions = {}): ThreadState {
  const head: Entry = {
    ok: true,
    position: HEAD,
    record: { type: "session_meta", timestamp: meta.timestamp, payload: meta },
  };
  const entries = repeatable(suffix);
  return replay(() => startingWith(head, entries()), options);
}

function* startingWith(first: Entry, rest: Iterable<Entry>): Generator<Entry> {
  yield first;
  yield* rest;
}
