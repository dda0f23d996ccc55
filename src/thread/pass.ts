/**
 * One walk over the entries of a thread, oldest first: what each kind of record does to the history and what it tells the
 * scan (rollout-format §5.2 steps 2 and 3). `replay.ts` makes one walk or two of it, `windows.ts` looks at its compactions.
 */
import { acceptedBy } from "../format/decode.ts";
import type { Entry, Position } from "../format/entry.ts";
import {
  type EventMsg,
  historyModeOf,
  type RecordOf,
  type RecordType,
  type ResponseItem,
  type RolloutRecord,
  type SessionMeta,
  type WorldState,
} from "../format/record.ts";
import { isOtherItem } from "../format/response-item.ts";
import { ItemList, type Size } from "./history.ts";
import { EMPTY_LINES, type Omission, type OmissionRule } from "./omission.ts";
import { type Payload, type Plan, SegmentScan } from "./scan.ts";
import type { ReplayOptions, ThreadState } from "./state.ts";
import { truncateOutput, withoutEmptyTexts } from "./truncate.ts";
import { type WindowIdentity, windowOfMeta } from "./window.ts";
import { worldStateAfter } from "./world-state.ts";

/** What a compaction did, for `windows.ts`. */
export interface CompactionSeen {
  readonly seq: number;
  readonly record: RecordOf<"compacted">;
  readonly place: Position;
  readonly before: Size;
  /** What it put into the place of that, or would have. */
  readonly after: Size;
  /** False when it is passed over because its turn was rolled back. */
  readonly inEffect: boolean;
}

export interface PassOptions extends ReplayOptions {
  /** Filled while records go by; absent in a second pass, which knows the answer. */
  readonly scan?: SegmentScan | undefined;
  /** Checkpoints that are not to be used. */
  readonly skip?: ReadonlySet<number> | undefined;
  /** Payloads to be filled in. */
  readonly wanted?: ReadonlyMap<number, Payload<unknown>> | undefined;
  /** Bytes of an item; `line` is the length of the record's line, where the item is all that it holds. */
  readonly measure?: ((item: ResponseItem, record?: RolloutRecord, lineBytes?: number) => number) | undefined;
  readonly onCompaction?: ((seen: CompactionSeen) => void) | undefined;
}

/** One walk over the entries. */
export class Pass {
  readonly #options: PassOptions;
  readonly #list: ItemList;
  readonly #omissions: Omission[] = [];
  readonly #omit: ((omission: Omission) => void) | undefined;
  #seq = -1;
  #meta: SessionMeta | undefined;
  #metaWindow: WindowIdentity | undefined;
  #sawLegacy = false;
  readonly #counts = { responseItems: 0, compactions: 0, rollbacks: 0, turnsStarted: 0 };
  /** Number of the checkpoint that the list now begins with. */
  checkpointSeq: number | undefined;

  constructor(options: PassOptions) {
    this.#options = options;
    this.#omit = options.explain === true ? (omission) => this.#omissions.push(omission) : undefined;
    this.#list = new ItemList({ omit: this.#omit, measure: options.measure, release: options.release });
  }

  /** The first window that any metadata names: after a legacy fork, the copied ones may. */
  get metaWindow(): WindowIdentity | undefined {
    return this.#metaWindow;
  }

  add(entry: Entry): void {
    this.#seq += 1;
    if (entry.ok) {
      const step = STEPS[entry.record.type] as Step<RecordType> | undefined;
      step?.(this, entry.record, this.#options.placeOf?.(entry) ?? entry.position);
    } else if (!EMPTY_LINES.has(entry.defect.kind)) {
      this.leaveOut(this.#options.placeOf?.(entry) ?? entry.position, entry.defect.kind, "defect");
    }
  }

  plan(): Plan {
    const isPaginated = this.#meta !== undefined && historyModeOf(this.#meta) === "paginated";
    return (this.#options.scan ?? new SegmentScan()).decide(isPaginated, this.#options.release);
  }

  /** No compaction says it: the metadata's window, unless windows are counted (rollout-format §5.2 steps 0 and 4). */
  windowByDefault(): WindowIdentity {
    const { scan } = this.#options;
    if (this.#metaWindow !== undefined && scan?.hasUnnumbered !== true) return this.#metaWindow;
    return { number: scan?.compactions ?? 0, id: undefined, firstId: undefined, previousId: undefined };
  }

  finish(plan: Plan, window: WindowIdentity): ThreadState {
    const meta = this.#meta;
    return {
      meta,
      historyMode: meta === undefined ? "legacy" : historyModeOf(meta),
      history: this.#list.toItems(),
      previousTurnSettings: plan.settings,
      referenceContext: this.#sawLegacy ? undefined : plan.reference?.value,
      worldStateBaseline: worldStateAfter(plan.worlds.flatMap(({ value }) => value ?? [])),
      window,
      lastStartedTurnId: plan.lastStartedTurnId,
      counts: this.#counts,
      omissions: this.#omissions,
    };
  }

  sessionMeta(meta: SessionMeta): void {
    this.#meta ??= meta;
    this.#metaWindow ??= windowOfMeta(meta);
  }

  responseItem(record: RecordOf<"response_item">, place: Position): void {
    const { payload: item } = record;
    this.#counts.responseItems += 1;
    const rule = ruleAgainst(item);
    if (rule !== undefined) {
      this.leaveOut(place, item.type, rule);
      // Codex does not even read a snapshot; everything else shows at least that a turn goes on.
      if (rule !== "ghost-snapshot") this.#options.scan?.content(false);
      return;
    }
    const { truncation, measure, release = "0.169.0" } = this.#options;
    const told = release === "0.169.0" ? withoutEmptyTexts(item) : item;
    const shown = truncation === undefined ? told : truncateOutput(told, truncation);
    const found = this.#list.append(shown, place, measure?.(shown, record, place.length));
    this.#options.scan?.content(found === "boundary");
  }

  communication({ payload }: RecordOf<"inter_agent_communication">, place: Position): void {
    this.#list.appendCommunication(payload, place);
    this.#options.scan?.content(true);
  }

  compacted(record: RecordOf<"compacted">, place: Position): void {
    const { payload } = record;
    const before = this.#list.size;
    const seq = this.#seq;
    this.#counts.compactions += 1;
    this.#options.scan?.compacted(payload, seq);
    const items = payload.replacement_history ?? undefined;
    const inEffect = this.#options.skip?.has(seq) !== true || items === undefined;
    if (!inEffect) this.#passOver(place);
    else if (items === undefined) this.#list.rebuild(payload.message, place);
    else this.#list.replace(items, place);
    if (inEffect) {
      this.#sawLegacy = items === undefined;
      if (items !== undefined) this.checkpointSeq = seq;
    }
    if (this.#options.onCompaction === undefined) return;
    const after = inEffect ? this.#list.size : this.#sizeOf(items ?? []);
    this.#options.onCompaction({ seq, record, place, before, after, inEffect });
  }

  turnContext(record: RecordOf<"turn_context">, place: Position): void {
    // The tool reads layouts of old releases that Codex refuses, and it is Codex's view that is asked for here.
    if (!acceptedBy(record, "0.169.0")) {
      this.leaveOut(place, "turn_context", "refused");
      return;
    }
    this.#options.scan?.turnContext(record.payload, this.#seq, place.length);
    this.#fill(record.payload);
  }

  worldState(state: WorldState, place: Position): void {
    this.#options.scan?.worldState(state, this.#seq, place.length);
    this.#fill(state);
  }

  event(event: EventMsg): void {
    const { scan } = this.#options;
    switch (event.type) {
      case "user_message":
        scan?.content(true);
        break;
      case "task_started":
        this.#counts.turnsStarted += 1;
        scan?.taskStarted(event.turn_id);
        break;
      case "task_complete":
        scan?.taskComplete(event.turn_id);
        break;
      case "turn_aborted":
        scan?.turnAborted(event.turn_id ?? undefined);
        break;
      case "thread_rolled_back":
        this.#counts.rollbacks += 1;
        this.#list.dropTurns(event.num_turns);
        scan?.rolledBack(event.num_turns);
        break;
      default:
    }
  }

  leaveOut(place: Position, what: string, rule: OmissionRule): void {
    this.#omit?.({ place, index: undefined, what, rule });
  }

  /** A checkpoint whose turn was rolled back. 0.142.3 does not use it, and has lost what stands before it all the same. */
  #passOver(place: Position): void {
    if (this.#options.release === "0.142.3") {
      this.#list.replace([], place);
      this.#sawLegacy = false;
    }
    this.leaveOut(place, "compacted", "unused-checkpoint");
  }

  #fill(value: unknown): void {
    const payload = this.#options.wanted?.get(this.#seq);
    if (payload !== undefined) payload.value = value;
  }

  #sizeOf(items: readonly ResponseItem[]): Size {
    const { measure } = this.#options;
    return { items: items.length, bytes: items.reduce((sum, item) => sum + (measure?.(item) ?? 0), 0) };
  }
}

function ruleAgainst(item: ResponseItem): OmissionRule | undefined {
  if (isOtherItem(item)) return "other-item";
  if (item.type === "message") return item.role === "system" ? "system-message" : undefined;
  if (item.type === "compaction_trigger") return "compaction-trigger";
  if (item.type === "ghost_snapshot") return "ghost-snapshot";
  return undefined;
}

type Step<T extends RecordType> = (pass: Pass, record: RecordOf<T>, place: Position) => void;

/** What a record of each kind does; undefined for those that say nothing to the model. */
const STEPS: { readonly [T in RecordType]: Step<T> | undefined } = {
  session_meta: (pass, { payload }) => pass.sessionMeta(payload),
  response_item: (pass, record, place) => pass.responseItem(record, place),
  compacted: (pass, record, place) => pass.compacted(record, place),
  turn_context: (pass, record, place) => pass.turnContext(record, place),
  event_msg: (pass, { payload }) => pass.event(payload),
  inter_agent_communication: (pass, record, place) => pass.communication(record, place),
  world_state: (pass, { payload }, place) => pass.worldState(payload, place),
  inter_agent_communication_metadata: undefined,
  security_risk_score: undefined,
  realtime_item: undefined,
  token_usage_record: undefined,
  retained_context: undefined,
  dynamic_tools_updated: undefined,
};
