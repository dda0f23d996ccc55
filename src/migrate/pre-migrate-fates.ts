/** What Codex 0.169.0 makes of each record of a legacy rollout that it migrates (rollout-format §9.2), rollbacks aside. */
import { acceptedBy, isRetired } from "../format/decode.ts";
import type { EventMsg, RecordOf, RolloutRecord } from "../format/record.ts";
import { isOtherItem } from "../format/response-item.ts";
import { kindOf } from "../format/peek.ts";
import { isKept } from "../thread/items-policy.ts";
import { endedItem } from "./canonical-items.ts";
import type { LossKind } from "./pre-migrate-types.ts";

/**
 * `kept`: written as it is. `told`: an item is written instead. `lost`: not written. `fatal`: the file is not migrated.
 */
export type Fate =
  | { readonly kind: "kept" | "told" | "fatal" }
  | { readonly kind: "lost"; readonly loss: LossKind; readonly what: string };

const KEPT: Fate = { kind: "kept" };
const TOLD: Fate = { kind: "told" };

/** Of any record but the first metadata. */
export function fateOf(record: RolloutRecord): Fate {
  if (record.type === "response_item" && record.payload.type === "ghost_snapshot")
    return lost("ghost-snapshot", record);
  if (!isTaken(record)) return lost("unreadable", record);
  if (record.type === "session_meta") return lost("second-metadata", record);
  if (record.type === "response_item") return fateOfItem(record);
  return record.type === "event_msg" ? fateOfEvent(record) : KEPT;
}

/** The migration reads some layouts of old releases that a resume passes over; seen with 0.169.0. */
export function isTaken(record: RolloutRecord): boolean {
  if (isRetired(record)) return false;
  if (record.type === "turn_context") return true;
  const isFreelyRead =
    record.type === "event_msg" && ["exec_command_end", "entered_review_mode"].includes(record.payload.type);
  return isFreelyRead || acceptedBy(record, "0.169.0");
}

function fateOfItem(record: RecordOf<"response_item">): Fate {
  if (isOtherItem(record.payload)) return { kind: "fatal" };
  return record.payload.type === "compaction_trigger" ? lost("dropped-item", record) : KEPT;
}

function fateOfEvent(record: RecordOf<"event_msg">): Fate {
  const { payload } = record;
  if (payload.type === "thread_rolled_back")
    return { kind: "lost", loss: "rolled-back", what: "the mark of a rollback" };
  if (payload.type === "user_message") return TOLD;
  const words = wordsOf(payload);
  if (words !== undefined) return words === "" ? lost("dropped-event", record) : TOLD;
  if (endedItem(payload) !== undefined) return TOLD;
  return isKept(record, "paginated") ? KEPT : lost("dropped-event", record);
}

/** Undefined for an event of another kind. */
export function wordsOf(event: EventMsg): string | undefined {
  if (event.type === "agent_message") return event.message;
  if (event.type === "agent_reasoning" || event.type === "agent_reasoning_raw_content") return event.text;
  return undefined;
}

function lost(loss: LossKind, record: RolloutRecord): Fate {
  return { kind: "lost", loss, what: nameOf(record) };
}

/** Names of kinds that Codex knows; of others a rollout could say anything. */
export function nameOf(record: RolloutRecord): string {
  const kind = kindOf(record);
  return /^[\w./-]{1,80}$/.test(kind) ? kind : record.type;
}
