/**
 * What an agent inherits of the thread that spawned it (rollout-format §7.5). Version 1 is given the conversation without the
 * work in it; version 2 nearly everything, but nothing that belongs to the parent's accounts or to what a client shows.
 */
import { kindOf } from "../format/peek.ts";
import type { HistoryMode, RolloutRecord } from "../format/record.ts";
import { isOtherItem } from "../format/response-item.ts";
import type { Inheritance } from "./body.ts";

export type AgentVersion = "v1" | "v2";

const V1_KEPT: ReadonlySet<string> = new Set([
  "session_meta",
  "compacted",
  "turn_context",
  "world_state",
  "event_msg/task_started",
  "event_msg/task_complete",
  // Without it, turns that were rolled back would come to life again.
  "event_msg/thread_rolled_back",
  "response_item/configuration_update",
]);

/** Kept or not by what is inside. */
const V1_LOOK: ReadonlySet<string> = new Set([
  "response_item/message",
  "response_item/function_call_output",
  "response_item/custom_tool_call_output",
  "response_item/tool_search_output",
]);

const V2_DROPPED: ReadonlySet<string> = new Set([
  "inter_agent_communication",
  "inter_agent_communication_metadata",
  "token_usage_record",
  "security_risk_score",
]);

/** Paginated only: what the parent's client shows, and what its settings were. */
const V2_DROPPED_PAGINATED: ReadonlySet<string> = new Set([
  "event_msg/item_completed",
  "event_msg/token_count",
  "event_msg/thread_settings_applied",
]);

export function inheritance(version: AgentVersion, mode: HistoryMode): Inheritance {
  const byKind = version === "v1" ? firstByKind : (kind: string) => secondByKind(kind, mode);
  return { byKind, byRecord: (record) => byKind(kindOf(record)) ?? firstByRecord(record) };
}

function secondByKind(kind: string, mode: HistoryMode): boolean {
  return !V2_DROPPED.has(kind) && !(mode === "paginated" && V2_DROPPED_PAGINATED.has(kind));
}

function firstByKind(kind: string): boolean | undefined {
  return V1_LOOK.has(kind) ? undefined : V1_KEPT.has(kind);
}

function firstByRecord({ type, payload }: RolloutRecord): boolean {
  if (type !== "response_item" || isOtherItem(payload)) return true;
  if (payload.type === "message") return payload.role !== "assistant" || payload.phase === "final_answer";
  return !("call_id" in payload) || payload.call_id == null;
}
