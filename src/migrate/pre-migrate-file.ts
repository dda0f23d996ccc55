/**
 * What Codex's own migration would make of one legacy rollout: every line is either written, or on the list of what is lost, or the
 * reason why the file fails. The rules are those of rollout-format §9 and what was seen with 0.169.0 where that is silent.
 */
import { encodeLine } from "../format/encode.ts";
import type { Entry, Position } from "../format/entry.ts";
import type { EventOf, RolloutRecord } from "../format/record.ts";
import { EMPTY_LINES } from "../thread/omission.ts";
import { agentMessage, endedItem, userMessage } from "./canonical-items.ts";
import { cutOf } from "./pre-migrate-cuts.ts";
import { type Fate, fateOf, isTaken, nameOf, wordsOf } from "./pre-migrate-fates.ts";
import { MigrationRollbacks } from "./pre-migrate-rollbacks.ts";
import { type Head, LINE_LIMIT, type Reading, surveyOf } from "./pre-migrate-survey.ts";
import { isMigrationTime } from "./pre-migrate-times.ts";
import type { FailureReason, LossKind, LostLine, PreMigrateFailure } from "./pre-migrate-types.ts";
import { planRollbacks } from "./rollback.ts";

type LegacyHead = Extract<Head, { readonly kind: "legacy" }>;
type Good = Extract<Entry, { readonly ok: true }>;

/** Told of every loss, in the order of the file. Undefined: the file is migrated. */
export function foretell(
  reading: Reading,
  head: LegacyHead,
  lose: (loss: LostLine) => void,
): PreMigrateFailure | undefined {
  const { hasRollbacks, hasCheckpoints, cutOffset, rollbackAfterCut } = surveyOf(reading, head.meta);
  if (rollbackAfterCut !== undefined) {
    return failure(CONVERSION, "an agent's rollback behind its newest compaction", rollbackAfterCut);
  }
  const goes = hasRollbacks && cutOffset === undefined ? rollbacksOf(reading, hasCheckpoints) : undefined;
  const forecast = new Forecast(head, lose, { goes, isCut: cutOffset !== undefined });
  for (const entry of reading()) {
    const { offset } = entry.position;
    if (offset === head.offset) forecast.head(entry as Good);
    else if (cutOffset !== undefined && offset < cutOffset) forecast.beforeCut(entry);
    else if (!entry.ok) forecast.defect(entry);
    else forecast.record(entry);
    if (forecast.isOver) break;
  }
  return forecast.finish();
}

interface Goes {
  readonly crossedAt: number | undefined;
  isGone(entry: Good): boolean;
}

/** What goes with the rollbacks; of a checkpoint that is in the way, at least its items. */
function rollbacksOf(reading: Reading, hasCheckpoints: boolean): Goes {
  const plan = hasCheckpoints ? planRollbacks(() => reading()) : undefined;
  const rollbacks = new MigrationRollbacks();
  let unused: number | undefined;
  for (const entry of reading()) {
    if (!entry.ok || !isTaken(entry.record)) continue;
    const { line } = entry.position;
    rollbacks.add(entry.record, line);
    const isCheckpoint = entry.record.type === "compacted" && entry.record.payload.replacement_history != null;
    if (isCheckpoint && (plan?.whyGone(line) !== undefined || plan?.rewritten?.line === line)) unused = line;
  }
  return {
    crossedAt: rollbacks.crossedAt,
    // Where a resume would count a rollback against the newest checkpoint, that loses its items, too.
    isGone: ({ position: { line } }) => rollbacks.isGone(line) || line === unused,
  };
}

const CONVERSION: FailureReason = "legacy_rollout_conversion_failed";
const CROSSING = "a rollback that reaches behind a compaction without a list of items";
const MATERIALISATION: FailureReason = "sqlite_materialization_failed";

function failure(reason: FailureReason, message: string, position: Position | undefined): PreMigrateFailure {
  return { reason, message, line: position?.line, offset: position?.offset };
}

class Forecast {
  readonly #threadId: string;
  readonly #lose: (loss: LostLine) => void;
  readonly #goes: Goes | undefined;
  /** An agent's rollout that is written from its newest compaction on: nothing is made for clients of it. */
  readonly #isCut: boolean;
  #hasSeenRollback = false;
  #conversion: PreMigrateFailure | undefined;
  #materialisation: PreMigrateFailure | undefined;
  /** Lines written so far. */
  #ordinal = 0;
  #turn: { readonly id: string; readonly isImplied: boolean } | undefined;
  #thoughtBytes = 0;
  /** The last record that was read, whose time closes a turn that nothing else does. */
  #last: Good | undefined;

  constructor(
    head: LegacyHead,
    lose: (loss: LostLine) => void,
    { goes, isCut }: { readonly goes: Goes | undefined; readonly isCut: boolean },
  ) {
    this.#threadId = head.threadId;
    this.#goes = goes;
    this.#isCut = isCut;
    this.#lose = lose;
  }

  get isOver(): boolean {
    return this.#conversion !== undefined;
  }

  head(entry: Good): void {
    this.#needTime(entry, false);
    this.#shortened(entry);
    this.#write(entry, entry.record);
    this.#last = entry;
  }

  beforeCut(entry: Entry): void {
    if (!entry.ok && EMPTY_LINES.has(entry.defect.kind)) return;
    this.#losing(entry.position, "before-checkpoint", entry.ok ? nameOf(entry.record) : entry.defect.message);
  }

  defect({ defect, position }: Extract<Entry, { readonly ok: false }>): void {
    if (EMPTY_LINES.has(defect.kind)) return;
    this.#losing(position, defect.kind === "too-long" ? "too-long" : "unreadable", defect.message);
  }

  record(entry: Good): void {
    const { record, position } = entry;
    const fate = fateOf(record);
    if (position.line === this.#goes?.crossedAt) this.#conversion ??= failure(CONVERSION, CROSSING, position);
    if (isEvent(record, "thread_rolled_back")) this.#hasSeenRollback = true;
    if (this.#goes?.isGone(entry) === true) return this.#rolledBack(entry, fate);
    if (fate.kind !== "lost" || !UNREAD.has(fate.loss)) this.#last = entry;
    if (fate.kind === "fatal") this.#unknown(entry);
    else if (fate.kind === "lost") this.#losing(position, fate.loss, fate.what);
    else this.#written(entry, fate);
  }

  /** A turn that nothing closes is closed with the time of the last record. */
  finish(): PreMigrateFailure | undefined {
    if (this.#turn?.isImplied === true && this.#last !== undefined) this.#needTime(this.#last, true);
    return this.#conversion ?? this.#materialisation;
  }

  /** Up to the first rollback all is converted, before it is known what goes. */
  #rolledBack(entry: Good, fate: Fate): void {
    if (!this.#hasSeenRollback && fate.kind === "fatal") this.#unknown(entry);
    if (!this.#hasSeenRollback && fate.kind === "told") this.#needTime(entry, true);
    if (fate.kind === "lost") this.#losing(entry.position, fate.loss, fate.what);
    else this.#losing(entry.position, "rolled-back", nameOf(entry.record));
  }

  #unknown({ position }: Good): void {
    this.#conversion ??= failure(CONVERSION, "an item of a kind that is not known", position);
  }

  #written(entry: Good, fate: Fate): void {
    const closes = this.#turn?.isImplied === true && isEvent(entry.record, "task_started");
    this.#needTime(entry, fate.kind === "told" || closes);
    this.#shortened(entry);
    this.#follow(entry.record, fate);
    if (fate.kind === "told") this.#tell(entry);
    else this.#write(entry, entry.record);
  }

  /** `isMade`: something is made of it. */
  #needTime(entry: Good, isMade: boolean): void {
    if (hasTime(entry)) return;
    if (isMade) this.#conversion ??= untimed(CONVERSION, entry);
    else if (!this.#isCut) this.#materialisation ??= untimed(MATERIALISATION, entry);
  }

  /** Which turn is open. */
  #follow(record: RolloutRecord, fate: Fate): void {
    if (record.type !== "event_msg") return;
    const event = record.payload as EventOf<"task_started" | "task_complete" | "turn_aborted" | "user_message">;
    if (event.type === "task_started") this.#turn = { id: event.turn_id, isImplied: false };
    else if (event.type === "task_complete" || event.type === "turn_aborted") {
      if (event.turn_id == null || event.turn_id === this.#turn?.id) this.#turn = undefined;
    } else if (fate.kind === "told") this.#turn ??= { id: `rollout-${this.#ordinal}`, isImplied: true };
  }

  #tell(entry: Good): void {
    const event = entry.record.payload as EventOf<"user_message" | "agent_message">;
    const words = wordsOf(event);
    if (words !== undefined && event.type !== "agent_message") this.#thoughtBytes += Buffer.byteLength(words);
    else this.#thoughtBytes = 0;
    const made =
      event.type === "user_message"
        ? userMessage("item-1", event)
        : event.type === "agent_message"
          ? agentMessage("item-1", event)
          : endedItem(event)?.make("item-1");
    const item = made ?? {
      type: "Reasoning",
      id: "item-1",
      summary_text: ["x".repeat(this.#isLong() ? this.#thoughtBytes : 0)],
    };
    if (entry.position.length < NEARLY && !this.#isLong()) {
      this.#ordinal += 1;
      return;
    }
    const payload = {
      type: "item_completed",
      thread_id: this.#threadId,
      turn_id: this.#turn?.id ?? "",
      item,
      completed_at_ms: 1e12,
    };
    this.#write(entry, { timestamp: entry.record.timestamp, type: "event_msg", payload } as unknown as RolloutRecord);
  }

  #isLong(): boolean {
    return this.#thoughtBytes > NEARLY;
  }

  #write(entry: Good, record: RolloutRecord): void {
    if (entry.position.length >= NEARLY || this.#isLong()) {
      const bytes = Buffer.byteLength(encodeLine({ ...record, ordinal: this.#ordinal }));
      if (bytes >= LINE_LIMIT)
        this.#materialisation ??= failure(
          MATERIALISATION,
          "a line that would be written with 16 MiB or more",
          entry.position,
        );
    }
    this.#ordinal += 1;
  }

  #shortened({ record, position }: Good): void {
    const cut = cutOf(record);
    if (cut !== undefined)
      this.#lose({ line: position.line, offset: position.offset, bytes: cut.bytes, kind: "shortened", what: cut.what });
  }

  #losing({ line, offset, length }: Position, kind: LossKind, what: string): void {
    this.#lose({ line, offset, bytes: length, kind, what });
  }
}

const UNREAD: ReadonlySet<LossKind> = new Set(["unreadable", "ghost-snapshot"]);

/** Shorter lines do not come near the limit by what is added to them. */
const NEARLY = LINE_LIMIT - 64 * 1024;

function isEvent(record: RolloutRecord, type: string): boolean {
  return record.type === "event_msg" && record.payload.type === type;
}

function hasTime({ record }: Good): boolean {
  return isMigrationTime(record.timestamp);
}

function untimed(reason: FailureReason, { position }: Good): PreMigrateFailure {
  return failure(reason, "a time stamp that cannot be read", position);
}
