/**
 * Shapes of events (rollout-format §3.9, §3.9.1): the table over `EventPayloads` that `decode.ts` runs on `event_msg`
 * records.
 */
import type { EventMsg, StoredEventPayloads, TaskError, ThreadGoal, ThreadSettings } from "./event.ts";
import type { JsonArray, JsonObject } from "./json.ts";
import { LIVE_AFTER_142, LIVE_EVENTS } from "./live-events.ts";
import { absolutePath, agentPath, effort, fileUri, flag, i32, i64, text, u16, u32, uuid } from "./scalars.ts";
import {
  anyList,
  anyObject,
  byDefault,
  type Check,
  complain,
  either,
  lenient,
  listOf,
  may,
  need,
  newer,
  not142,
  object,
  objects,
  onceNeeded,
  oneOf,
  refuse,
  tagged,
  unlike142,
  unread,
  type VariantFields,
} from "./shape.ts";
import { webSearchAction } from "./shapes-items.ts";
import {
  activePermissionProfile,
  approvalPolicy,
  approvalsReviewer,
  collaborationMode,
  duration,
  imageDetail,
  modeKind,
  permissionProfile,
  phase,
  reasoningSummary,
  turnAttribution,
} from "./shapes-settings.ts";
import { rateLimits, usageInfo } from "./shapes-usage.ts";
import {
  activityKind,
  commandSource,
  fileChanges,
  memoryCitation,
  parsedCommands,
  patchStatus,
  questions,
  reviewOutput,
  reviewTarget,
  textElements,
  toolResult,
  turnItem,
} from "./shapes-turn-items.ts";

const textList = listOf(text);
const order = byDefault(listOf(oneOf("inline", "file")));

/** How much detail each image is to be sent with; null where nothing was said. */
const details = byDefault(
  listOf<unknown>((value, judge) => (value === null ? undefined : imageDetail(value, judge))) as Check<JsonArray>,
);

/** Names that carry an HTTP status, names that carry a turn kind, and names that stand alone. */
const HTTP_ERRORS = new Set([
  "http_connection_failed",
  "response_stream_connection_failed",
  "response_stream_disconnected",
  "response_too_many_failed_attempts",
]);
const BARE_ERRORS = oneOf(
  "context_window_exceeded",
  "usage_limit_exceeded",
  "server_overloaded",
  "cyber_policy",
  "internal_server_error",
  "unauthorized",
  "bad_request",
  "sandbox_error",
  "thread_rollback_failed",
  "other",
);
const httpError = object<JsonObject>({ http_status_code: may(u16) });
const steeringError = object<JsonObject>({ turn_kind: need(text) });

/** A word, or `{word: detail}`; 0.169.0 takes words that it does not know as other. */
const codexErrorInfo: Check<never> = (value, judge) => {
  const [name, ...others] = typeof value === "string" ? [value] : Object.keys(value ?? {});
  if (name === undefined || others.length > 0) return complain("does not have exactly one key");
  const detail = typeof value === "string" ? undefined : (value as JsonObject)[name];
  if (HTTP_ERRORS.has(name)) return httpError(detail, judge);
  if (name === "active_turn_not_steerable") return steeringError(detail, judge);
  return judge === "0.142.3" ? BARE_ERRORS(name, judge) : undefined;
};

const taskError = object<TaskError>({
  message: need(text),
  codex_error_info: may(codexErrorInfo),
  misalignment: unread,
});

const threadSettings = object<ThreadSettings>({
  model: need(text),
  model_provider_id: need(text),
  service_tier: may(text),
  approval_policy: need(approvalPolicy),
  approvals_reviewer: need(approvalsReviewer),
  requested_approvals_reviewer: newer(may(approvalsReviewer)),
  permission_profile: need(permissionProfile),
  active_permission_profile: may(activePermissionProfile),
  cwd: need(absolutePath),
  runtime_workspace_roots: newer(may(listOf(absolutePath))),
  reasoning_effort: may(effort),
  reasoning_summary: may(reasoningSummary),
  personality: may(oneOf("none", "friendly", "pragmatic")),
  collaboration_mode: need(collaborationMode),
  disabled_plugin_ids: newer(byDefault(textList)),
});

const goal = object<ThreadGoal>({
  threadId: need(uuid),
  objective: need(text),
  status: need(oneOf("active", "paused", "blocked", "usageLimited", "budgetLimited", "complete")),
  tokenBudget: may(i64),
  tokensUsed: need(i64),
  timeUsedSeconds: need(i64),
  createdAt: need(i64),
  updatedAt: need(i64),
});

const imageFailure = tagged("type", {
  usageLimitExceeded: object({ limitId: need(text), resetsAt: may(i64) }),
}) as Check<JsonObject>;

const callOutcome: Check<unknown> = (value, judge) => either(only("Ok", toolResult), only("Err", text))(value, judge);

function only(name: string, check: Check<unknown>): Check<unknown> {
  return object({ [name]: need(check) }, (owner) =>
    Object.keys(owner).length === 1 ? undefined : "does not have exactly one key",
  );
}

/** What a guardian was asked about; the fields of each kind are left to its readers. */
const action = object<JsonObject>({ type: need(text) });

const fields: VariantFields<StoredEventPayloads> = {
  task_started: {
    turn_id: need(text),
    root_turn_id: newer(may(text)),
    trace_id: may(text),
    started_at: may(i64),
    model_context_window: may(i64),
    collaboration_mode_kind: byDefault(modeKind),
    turn_attribution: newer(may(turnAttribution)),
  },
  task_complete: {
    turn_id: need(text),
    root_turn_id: newer(may(text)),
    last_agent_message: may(text),
    error: newer(may(taskError)),
    started_at: newer(may(i64)),
    completed_at: may(i64),
    duration_ms: may(i64),
    time_to_first_token_ms: may(i64),
  },
  turn_aborted: {
    turn_id: may(text),
    root_turn_id: newer(may(text)),
    reason: need(oneOf("interrupted", "replaced", "review_ended", "budget_limited")),
    error: newer(may(taskError)),
    started_at: newer(may(i64)),
    completed_at: may(i64),
    duration_ms: may(i64),
  },
  thread_rolled_back: { num_turns: need(u32) },
  context_compacted: {},
  user_message: {
    message: need(text),
    client_id: may(text),
    images: may(textList),
    image_details: details,
    file_ids: newer(may(textList)),
    file_id_details: newer(details),
    image_order: newer(order),
    local_images: byDefault(textList),
    local_image_details: details,
    audio: newer(may(textList)),
    audio_order: newer(order),
    local_audio: newer(byDefault(textList)),
    text_elements: byDefault(textElements),
  },
  agent_message: {
    message: need(text),
    phase: may(phase),
    memory_citation: may(memoryCitation),
    delivery: newer(may(oneOf("async"))),
    questions: newer(may(questions)),
  },
  agent_reasoning: { text: need(text) },
  agent_reasoning_raw_content: { text: need(text) },
  token_count: { info: may(usageInfo), rate_limits: may(rateLimits) },
  thread_settings_applied: { thread_id: newer(may(uuid)), thread_settings: need(threadSettings) },
  thread_goal_updated: { threadId: need(uuid), turnId: may(text), goal: need(goal) },
  item_completed: {
    thread_id: need(uuid),
    turn_id: need(text),
    item: need(turnItem),
    started_at_ms: may(i64),
    completed_at_ms: byDefault(i64),
  },
  exec_command_end: {
    call_id: need(text),
    turn_id: need(text),
    process_id: may(text),
    command: need(textList),
    cwd: need(fileUri),
    parsed_cmd: need(parsedCommands),
    source: byDefault(commandSource),
    interaction_input: may(text),
    stdout: onceNeeded(byDefault(text)),
    stderr: onceNeeded(byDefault(text)),
    aggregated_output: byDefault(text),
    exit_code: need(i32),
    duration: need(duration),
    formatted_output: onceNeeded(byDefault(text)),
    status: need(patchStatus),
    completed_at_ms: byDefault(i64),
  },
  patch_apply_end: {
    call_id: need(text),
    turn_id: byDefault(text),
    stdout: need(text),
    stderr: need(text),
    success: need(flag),
    changes: byDefault(fileChanges),
    status: need(patchStatus),
  },
  mcp_tool_call_end: {
    call_id: need(text),
    turn_id: newer(byDefault(text)),
    invocation: need(object({ server: need(text), tool: need(text), arguments: unread })),
    connector_id: may(text),
    link_id: may(text),
    app_name: newer(may(text)),
    action_name: newer(may(text)),
    plugin_id: may(text),
    read_only_hint: newer(may(flag)),
    mcp_app_resource_uri: may(text),
    duration: need(duration),
    result: need(callOutcome as Check<never>),
  },
  web_search_end: {
    call_id: need(text),
    query: need(text),
    action: need(webSearchAction),
    results: newer(may(anyList)),
  },
  image_generation_end: {
    call_id: need(text),
    status: need(text),
    revised_prompt: may(text),
    result: byDefault(text),
    fileId: byDefault(text),
    saved_path: may(absolutePath),
    transparent_background: newer(may(flag)),
    failure: newer(may(imageFailure)),
  },
  entered_review_mode: {
    target: need(reviewTarget),
    prompt: unread,
    user_facing_hint: may(text),
    turn_id: newer(may(text)),
    item_id: newer(may(text)),
  },
  exited_review_mode: { review_output: may(reviewOutput), turn_id: newer(may(text)), item_id: newer(may(text)) },
  sub_agent_activity: {
    event_id: need(text),
    occurred_at_ms: byDefault(i64),
    agent_thread_id: need(uuid),
    agent_path: need(agentPath),
    kind: need(activityKind),
    model: newer(may(text)),
    reasoning_effort: newer(may(effort)),
  },
  guardian_assessment: {
    id: need(text),
    turn_id: byDefault(text),
    target_item_id: may(text),
    status: need(oneOf("in_progress", "approved", "denied", "timed_out", "aborted")),
    risk_level: may(oneOf("low", "medium", "high", "critical")),
    user_authorization: may(oneOf("unknown", "low", "medium", "high")),
    rationale: may(text),
    decision_source: may(oneOf("agent")),
    action: need(action),
    started_at_ms: byDefault(i64),
    completed_at_ms: may(i64),
  },
  error: { message: need(text), codex_error_info: may(codexErrorInfo) },
  thread_name_updated: { thread_id: byDefault(uuid), thread_name: may(text) },
  background_event: { message: need(text) },
  undo_completed: { success: need(flag), message: may(text) },
};

const shapes = {
  ...objects<StoredEventPayloads>(fields),
  /** Nothing but its name may stand in it. */
  context_compacted: object<Omit<StoredEventPayloads["context_compacted"], "type">>({}, (owner) =>
    Object.keys(owner).length > 1 ? "has fields" : undefined,
  ),
};

type Aged = "exec_command_end" | "patch_apply_end" | "web_search_end" | "entered_review_mode" | "guardian_assessment";

/** What old releases wrote and 0.169.0 refuses: the same fields, fewer of them insisted on (rollout-format §3.9.1). */
const aged = objects<Pick<StoredEventPayloads, Aged>>({
  exec_command_end: {
    ...fields.exec_command_end,
    turn_id: byDefault(text),
    command: byDefault(textList),
    cwd: byDefault(text),
    parsed_cmd: byDefault(listOf(anyObject)),
    status: byDefault(text),
  },
  patch_apply_end: { ...fields.patch_apply_end, status: byDefault(patchStatus) },
  web_search_end: { ...fields.web_search_end, action: byDefault(webSearchAction) },
  entered_review_mode: { ...fields.entered_review_mode, target: byDefault(reviewTarget), prompt: byDefault(text) },
  guardian_assessment: { ...fields.guardian_assessment, action: byDefault(action) },
});

const execOf142 = object<Omit<StoredEventPayloads["exec_command_end"], "type">>({
  ...fields.exec_command_end,
  cwd: need(either(absolutePath, fileUri)),
});

/** The image itself, or the id of its file; 0.142.3 knows the former only. */
const imageEnd: Check<unknown> = (value, judge) => {
  const complaint = shapes.image_generation_end(value, judge);
  if (complaint !== undefined) return complaint;
  const { result, fileId } = value as JsonObject;
  return result === undefined && (fileId === undefined || judge === "0.142.3")
    ? complain("refers to no image")
    : undefined;
};

const RETIRED = ["thread_name_updated", "background_event", "undo_completed"] as const;
const retired = Object.fromEntries(
  RETIRED.map((name) => [name, lenient<unknown>(shapes[name], refuse("is not known to 0.142.3 and later"))]),
);

const live = Object.fromEntries(
  LIVE_EVENTS.map((name) => [name, LIVE_AFTER_142.has(name) ? not142(anyObject) : anyObject]),
);

const checks: { readonly [name: string]: Check<unknown> } = {
  ...live,
  ...shapes,
  ...retired,
  turn_started: shapes.task_started,
  turn_complete: shapes.task_complete,
  exec_command_end: lenient(aged.exec_command_end, unlike142(shapes.exec_command_end, execOf142)),
  patch_apply_end: lenient(aged.patch_apply_end, shapes.patch_apply_end),
  web_search_end: lenient(aged.web_search_end, shapes.web_search_end),
  image_generation_end: imageEnd,
  entered_review_mode: lenient(aged.entered_review_mode, shapes.entered_review_mode),
  guardian_assessment: lenient(aged.guardian_assessment, shapes.guardian_assessment),
};

export const eventMsg: Check<EventMsg> = tagged("type", checks) as Check<never>;

/** False for an event that neither the tool nor any release it knows has a name for. */
export function isKnownEvent(name: string): boolean {
  return Object.hasOwn(checks, name);
}

/** True for an event that releases once wrote and 0.142.3 and later have forgotten. */
export function isRetiredEvent(name: string): boolean {
  return Object.hasOwn(retired, name);
}
