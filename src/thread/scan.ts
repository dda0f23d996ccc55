/**
 * Which turns of a thread survive, and what the last ones say: the scan from newest to oldest of rollout-format §5.2.
 * `replay.ts` feeds it forward; it keeps of each record only what the way back asks for, so that a long thread costs a
 * few hundred bytes a turn. `decide` then walks back and says which checkpoint, window, settings and states count.
 *
 * Forward, records are gathered in spans, which begin where the way back has something to decide: at a turn's start, and
 * at a compaction. Inside a span the order of messages and rollbacks is without effect, so that only turn ids, turn
 * contexts and world states are listed.
 */
import type { ContextRelease } from "../format/contextual.ts";
import type { CyberAccessProgram } from "../format/parts.ts";
import type { Compacted, ResumeMetadata, TurnContext, WorldState } from "../format/record.ts";
import { windowOfCompaction, type WindowIdentity } from "./window.ts";

/** Settings of the last turn that counts, as far as a change of them is announced to the model. */
export interface TurnSettings {
  readonly model: string;
  readonly compHash: string | undefined;
  readonly realtimeActive: boolean | undefined;
  readonly cyberAccessProgram: CyberAccessProgram | undefined;
}

/** A large part of a record, which may be let go of and read again by its number. */
export interface Payload<T> {
  readonly seq: number;
  value: T | undefined;
}

/** A compaction, as much of it as matters later. */
export interface CompactionMark {
  /** Number of the entry in its stream, from 0. */
  readonly seq: number;
  readonly hasReplacement: boolean;
  readonly window: WindowIdentity | undefined;
  readonly resume: ResumeMetadata | undefined;
}

export interface Plan {
  /** The compaction whose replacement history the thread's history begins with; undefined when it begins with nothing. */
  readonly checkpoint: CompactionMark | undefined;
  readonly window: WindowIdentity | undefined;
  readonly settings: TurnSettings | undefined;
  readonly reference: Payload<TurnContext> | undefined;
  /** World states that count, oldest first, from the newest full one on. */
  readonly worlds: readonly Payload<WorldState>[];
  /** Compactions, by their number, whose replacement history is not used since their turns were rolled back. */
  readonly discarded: ReadonlySet<number>;
  readonly lastStartedTurnId: string | undefined;
}

type TurnMark =
  | { readonly kind: "complete" | "aborted"; readonly turnId: string | undefined }
  | {
      readonly kind: "context";
      readonly turnId: string | undefined;
      /** Of the oldest of several in a row. */
      readonly settings: TurnSettings;
      /** The newest of them. */
      payload: Payload<TurnContext>;
    };

type Opener =
  | { readonly kind: "file" }
  | { readonly kind: "task"; readonly turnId: string }
  | { readonly kind: "compaction"; readonly mark: CompactionMark };

interface Span {
  readonly opener: Opener;
  rolledBack: number;
  hasContent: boolean;
  counts: boolean;
  readonly turns: TurnMark[];
  readonly worlds: { readonly full: boolean; readonly payload: Payload<WorldState> }[];
}

function spanOf(opener: Opener): Span {
  return { opener, rolledBack: 0, hasContent: false, counts: false, turns: [], worlds: [] };
}

/** Lines' worth of turn contexts and world states that are held; older ones are read again in the rare case of need. */
const HELD_BYTES = 16 * 2 ** 20;

export class SegmentScan {
  readonly #spans: Span[] = [spanOf({ kind: "file" })];
  #newest: CompactionMark | undefined;
  readonly #shelf = new Shelf(HELD_BYTES);
  compactions = 0;
  /** True once a compaction came without a number: windows are counted then (rollout-format §5.2 step 0). */
  hasUnnumbered = false;

  get #span(): Span {
    return this.#spans[this.#spans.length - 1] as Span;
  }

  /** A response item, a user's message event, or a communication; `counts` when it makes its turn a user turn. */
  content(counts: boolean): void {
    const span = this.#span;
    span.hasContent = true;
    if (counts) span.counts = true;
  }

  taskStarted(turnId: string): void {
    this.#spans.push(spanOf({ kind: "task", turnId }));
  }

  taskComplete(turnId: string): void {
    this.#span.turns.push({ kind: "complete", turnId });
  }

  turnAborted(turnId: string | undefined): void {
    this.#span.turns.push({ kind: "aborted", turnId });
  }

  rolledBack(turns: number): void {
    this.#span.rolledBack += turns;
  }

  turnContext(context: TurnContext, seq: number, bytes: number): void {
    const { turns } = this.#span;
    const turnId = context.turn_id ?? undefined;
    const payload = { seq, value: context };
    this.#shelf.put(payload, bytes);
    const last = turns[turns.length - 1];
    if (last?.kind === "context" && last.turnId === turnId) {
      this.#shelf.drop(last.payload);
      last.payload = payload;
    } else turns.push({ kind: "context", turnId, settings: settingsOf(context), payload });
  }

  worldState(state: WorldState, seq: number, bytes: number): void {
    const payload = { seq, value: state };
    this.#shelf.put(payload, bytes);
    const { worlds } = this.#span;
    // A full one takes the place of all before it in the span, whatever becomes of that.
    if (state.full) for (const older of worlds.splice(0)) this.#shelf.drop(older.payload);
    worlds.push({ full: state.full, payload });
  }

  compacted(compacted: Compacted, seq: number): void {
    const window = windowOfCompaction(compacted);
    const hasReplacement = compacted.replacement_history != null;
    const mark = { seq, hasReplacement, window, resume: compacted.resume_metadata ?? undefined };
    this.compactions += 1;
    if (window === undefined) this.hasUnnumbered = true;
    this.#newest = mark;
    this.#shelf.clear();
    this.#spans.push(spanOf({ kind: "compaction", mark }));
  }

  /** The way back. May be asked at any time; what is fed later counts in the next answer. */
  decide(isPaginated: boolean, release?: ContextRelease): Plan {
    const base = release !== "0.142.3" && isHardBase(this.#newest, isPaginated) ? this.#newest : undefined;
    const back = new WayBack(base);
    const first = base === undefined ? 0 : this.#spans.findLastIndex(({ opener }) => opener.kind === "compaction");
    const started = this.#startedTurns(first, base?.resume?.last_started_turn_id ?? undefined);
    for (let at = this.#spans.length - 1; at >= first; at -= 1) {
      const span = this.#spans[at] as Span;
      back.inside(span, started[at - first]);
      if (span.opener.kind === "task") back.taskStarted(span.opener.turnId);
      else if (span.opener.kind === "compaction") {
        if (span.opener.mark !== base) back.compacted(span.opener.mark);
      }
    }
    const plan = back.finish();
    return release === "0.142.3" ? { ...plan, ...back.checkpointsOf142() } : plan;
  }

  /** For each span from `first` on, the turn that was last started before it or with it. */
  #startedTurns(first: number, before: string | undefined): (string | undefined)[] {
    let last = before;
    return this.#spans.slice(first).map(({ opener }, index) => {
      // The base's own span begins behind whatever started it.
      if (opener.kind === "task" && (index > 0 || first === 0)) last = opener.turnId;
      return last;
    });
  }
}

/** A checkpoint behind which nothing is looked for, rollbacks or not (rollout-format §5.2 step 1). */
function isHardBase(newest: CompactionMark | undefined, isPaginated: boolean): boolean {
  if (newest === undefined || !newest.hasReplacement || newest.window === undefined) return false;
  return isPaginated || newest.resume !== undefined;
}

function settingsOf(source: TurnContext | NonNullable<ResumeMetadata["previous_turn_settings"]>): TurnSettings {
  return {
    model: source.model,
    compHash: source.comp_hash ?? undefined,
    realtimeActive: source.realtime_active ?? undefined,
    cyberAccessProgram: source.cyber_access_program ?? undefined,
  };
}

/** Payloads in the order of their lines; the oldest are let go of when there are too many bytes of them. */
class Shelf {
  readonly #limitBytes: number;
  #payloads: Payload<unknown>[] = [];
  #first = 0;
  /** Of those that are not let go of. */
  readonly #sizes = new Map<Payload<unknown>, number>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  put(payload: Payload<unknown>, bytes: number): void {
    this.#payloads.push(payload);
    this.#sizes.set(payload, bytes);
    this.#bytes += bytes;
    while (this.#bytes > this.#limitBytes && this.#first < this.#payloads.length - 1) this.#letGo();
  }

  /** What nobody can ask for any more makes room for others. */
  drop(payload: Payload<unknown>): void {
    payload.value = undefined;
    this.#bytes -= this.#sizes.get(payload) ?? 0;
    this.#sizes.delete(payload);
  }

  /** A compaction: what stands before it is asked for only when its turn is rolled back. */
  clear(): void {
    while (this.#first < this.#payloads.length) this.#letGo();
    this.#payloads = [];
    this.#first = 0;
  }

  #letGo(): void {
    this.drop(this.#payloads[this.#first] as Payload<unknown>);
    this.#first += 1;
  }
}

/** What the model has last been told: nothing said yet, taken back by a compaction, or a turn context. */
type Reference = "never-set" | "cleared" | Payload<TurnContext>;

/** A turn seen from its end. */
interface Segment {
  turnId: string | undefined;
  completed: boolean;
  counts: boolean;
  settings: TurnSettings | undefined;
  reference: Reference;
  /** Newest first, back to a full one; only those after the newest compaction of the segment. */
  worlds: Payload<WorldState>[];
  hasFullWorld: boolean;
  compactions: CompactionMark[];
  checkpoint: CompactionMark | undefined;
  window: WindowIdentity | undefined;
}

class WayBack {
  readonly #base: CompactionMark | undefined;
  #segment: Segment | undefined;
  #pendingRollback = 0;
  #checkpoint: CompactionMark | undefined;
  #window: WindowIdentity | undefined;
  #settings: TurnSettings | undefined;
  #reference: Reference = "never-set";
  readonly #worlds: Payload<WorldState>[] = [];
  #worldsClosed = false;
  readonly #discarded = new Set<number>();
  /** The newest checkpoint of each turn that was rolled back, newest first. */
  readonly #lost: CompactionMark[] = [];
  #lastStartedTurnId: string | undefined;
  /** Turns that were completed while another one had been started since. */
  readonly #completedLate = new Set<string>();

  constructor(base: CompactionMark | undefined) {
    this.#base = base;
  }

  /** `started`: the turn last started before the records of the span. */
  inside(span: Span, started: string | undefined): void {
    this.#pendingRollback += span.rolledBack;
    if (span.hasContent) this.#open().counts ||= span.counts;
    for (let at = span.turns.length - 1; at >= 0; at -= 1) this.#turnMark(span.turns[at] as TurnMark, started);
    for (let at = span.worlds.length - 1; at >= 0; at -= 1) {
      const { full, payload } = span.worlds[at] as Span["worlds"][number];
      const segment = this.#open();
      if (segment.compactions.length > 0 || segment.hasFullWorld) continue;
      segment.worlds.push(payload);
      segment.hasFullWorld ||= full;
    }
  }

  taskStarted(turnId: string): void {
    this.#lastStartedTurnId ??= turnId;
    const segment = this.#segment;
    if (segment !== undefined && areCompatible(segment.turnId, turnId)) this.#finalise(segment);
  }

  compacted(mark: CompactionMark): void {
    const segment = this.#open();
    segment.compactions.push(mark);
    segment.window ??= mark.window;
    if (segment.reference === "never-set") segment.reference = "cleared";
    if (mark.hasReplacement) segment.checkpoint ??= mark;
  }

  finish(): Plan {
    const base = this.#base;
    const leftover = this.#segment;
    if (leftover !== undefined) {
      // Settings of a turn that a self-sufficient checkpoint cut off do not count.
      if (base?.resume !== undefined && !this.#isCompleted(leftover, base.resume)) leftover.settings = undefined;
      this.#finalise(leftover);
    }
    const { previous_turn_settings: remembered, last_started_turn_id: started } = base?.resume ?? {};
    return {
      checkpoint: base ?? this.#checkpoint,
      window: this.#window ?? base?.window,
      settings: this.#settings ?? (remembered == null ? undefined : settingsOf(remembered)),
      reference: typeof this.#reference === "string" ? undefined : this.#reference,
      worlds: this.#worlds.toReversed(),
      discarded: this.#discarded,
      lastStartedTurnId: this.#lastStartedTurnId ?? started ?? undefined,
    };
  }

  /**
   * 0.142.3 goes on from the oldest checkpoint that the scan has met, whether its turn was rolled back or not, and every
   * later one takes effect. What a rollback does is that the first of them is empty; that shows when no other follows.
   */
  checkpointsOf142(): Pick<Plan, "checkpoint" | "discarded"> {
    const [newest, ...others] = this.#lost;
    const isLost = newest !== undefined && others.length === 0 && this.#checkpoint === undefined;
    if (isLost) return { checkpoint: undefined, discarded: new Set([newest.seq]) };
    const isNewer = newest !== undefined && newest.seq > (this.#checkpoint?.seq ?? -1);
    return { checkpoint: isNewer ? newest : this.#checkpoint, discarded: new Set() };
  }

  #open(): Segment {
    this.#segment ??= {
      turnId: undefined,
      completed: false,
      counts: false,
      settings: undefined,
      reference: "never-set",
      worlds: [],
      hasFullWorld: false,
      compactions: [],
      checkpoint: undefined,
      window: undefined,
    };
    return this.#segment;
  }

  #isCompleted({ completed, turnId }: Segment, resume: ResumeMetadata): boolean {
    const id = turnId ?? resume.last_started_turn_id ?? undefined;
    return completed || (id !== undefined && this.#completedLate.has(id));
  }

  /** The end of another turn than the one last started says nothing about the segment that it stands in. */
  #turnMark(mark: TurnMark, started: string | undefined): void {
    if (mark.kind !== "context" && !areCompatible(mark.turnId, started)) {
      if (mark.kind === "complete") this.#completedLate.add(mark.turnId as string);
      return;
    }
    if (mark.kind === "aborted" && this.#segment === undefined && mark.turnId === undefined) return;
    const segment = this.#open();
    segment.turnId ??= mark.turnId;
    if (mark.kind === "complete") segment.completed = true;
    if (mark.kind !== "context" || !areCompatible(segment.turnId, mark.turnId)) return;
    segment.settings = mark.settings;
    if (segment.reference === "never-set") segment.reference = mark.payload;
  }

  #finalise(segment: Segment): void {
    this.#segment = undefined;
    if (this.#pendingRollback > 0) {
      if (segment.counts) this.#pendingRollback -= 1;
      for (const { seq } of segment.compactions) this.#discarded.add(seq);
      if (segment.checkpoint !== undefined) this.#lost.push(segment.checkpoint);
      return;
    }
    const hasBaseline = segment.counts || segment.hasFullWorld;
    if (!this.#worldsClosed) for (const payload of segment.worlds) this.#worlds.push(payload);
    this.#worldsClosed ||= segment.compactions.length > 0 || segment.hasFullWorld;
    this.#checkpoint ??= segment.checkpoint;
    this.#window ??= segment.window;
    if (hasBaseline) this.#settings ??= segment.settings;
    if (this.#reference === "never-set" && (hasBaseline || segment.reference === "cleared"))
      this.#reference = segment.reference;
  }
}

/** Whether two turn ids may be of one turn: equal, or one of them not known. */
export function areCompatible(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}
