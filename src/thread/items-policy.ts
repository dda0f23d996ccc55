/**
 * Which records 0.169.0 keeps in a rollout (rollout-format §4). It applies this also when it copies records into another
 * file, and when it reads a legacy file for a client: what it would not write does not count there. For `turns-legacy.ts`.
 */
import type { StoredEventPayloads } from "../format/event.ts";
import type { HistoryMode, RecordOf, RecordType, RolloutRecord, TurnItem } from "../format/record.ts";
import { isOtherItem } from "../format/response-item.ts";

/** For both modes, for legacy files only, for neither, or it depends on what is inside. */
type Rule = "both" | "legacy" | "neither" | "look";

const RECORDS: { readonly [T in RecordType]: Rule } = {
  session_meta: "both",
  response_item: "look",
  compacted: "both",
  turn_context: "both",
  event_msg: "look",
  inter_agent_communication: "both",
  inter_agent_communication_metadata: "both",
  world_state: "both",
  security_risk_score: "both",
  // In a legacy file it was seen not to count.
  realtime_item: "look",
  token_usage_record: "both",
  retained_context: "both",
  dynamic_tools_updated: "both",
};

const EVENTS: { readonly [T in keyof StoredEventPayloads]: Rule } = {
  task_started: "both",
  task_complete: "both",
  turn_aborted: "both",
  thread_rolled_back: "both",
  token_count: "both",
  thread_settings_applied: "both",
  thread_goal_updated: "both",
  context_compacted: "legacy",
  user_message: "legacy",
  agent_message: "legacy",
  agent_reasoning: "legacy",
  agent_reasoning_raw_content: "legacy",
  patch_apply_end: "legacy",
  mcp_tool_call_end: "legacy",
  web_search_end: "legacy",
  image_generation_end: "legacy",
  entered_review_mode: "legacy",
  exited_review_mode: "legacy",
  sub_agent_activity: "look",
  item_completed: "look",
  exec_command_end: "neither",
  guardian_assessment: "neither",
  error: "neither",
  thread_name_updated: "neither",
  background_event: "neither",
  undo_completed: "neither",
};

const eventRules: ReadonlyMap<string, Rule> = new Map(Object.entries(EVENTS));

/** Whether 0.169.0 would write this record, in a file of that mode. */
export function isKept(record: RolloutRecord, mode: HistoryMode): boolean {
  return follow(RECORDS[record.type], mode) ?? isKeptInside(record, mode);
}

/** The same by the name of an event on the wire: undefined where only the event itself tells. */
export function isEventNameKept(name: string, mode: HistoryMode): boolean | undefined {
  const kept = follow(eventRules.get(name) ?? "neither", mode);
  if (kept !== undefined || mode === "legacy") return kept;
  return name === "item_completed";
}

/** The same by the type of a record that is neither an event nor an item of the model's. No other type is kept. */
export function isTypeKept(type: string, mode: HistoryMode): boolean {
  if (!Object.hasOwn(RECORDS, type)) return false;
  return follow(RECORDS[type as RecordType], mode) ?? mode === "paginated";
}

/** Undefined for `look`. */
function follow(rule: Rule, mode: HistoryMode): boolean | undefined {
  return rule === "look" ? undefined : rule === "both" || rule === mode;
}

function isKeptInside(record: RolloutRecord, mode: HistoryMode): boolean {
  if (record.type === "response_item") {
    const { type } = record.payload;
    return type !== "compaction_trigger" && type !== "ghost_snapshot" && !isOtherItem(record.payload);
  }
  return record.type === "event_msg" ? isEventKept(record.payload, mode) : mode === "paginated";
}

function isEventKept(event: RecordOf<"event_msg">["payload"], mode: HistoryMode): boolean {
  const kept = follow(eventRules.get(event.type) ?? "neither", mode);
  if (kept !== undefined) return kept;
  if (event.type === "item_completed") return mode === "paginated" || isLegacyItem(event.item);
  return event.type === "sub_agent_activity" && mode === "legacy" && event.kind !== "completed";
}

/** Items that no event of their own carries. */
function isLegacyItem(item: TurnItem): boolean {
  return (
    item.type === "Plan" ||
    item.type === "FunctionCallOutput" ||
    (item.type === "Extension" && item.kind === "clock.sleep")
  );
}
