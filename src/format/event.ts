/**
 * Events: the payload of `event_msg` records, a union over its own `type` (rollout-format §3.9). Variants that some
 * release wrote to disk are spelled out; those that live only between Codex and its clients are opaque.
 */
import type { JsonArray, JsonObject, JsonValue } from "./json.ts";
import type {
  ApprovalPolicy,
  ApprovalsReviewer,
  CollaborationMode,
  Duration,
  FileChange,
  PermissionProfile,
  TokenUsage,
  TurnAttribution,
} from "./parts.ts";
import type { LiveEventType } from "./live-events.ts";
import type { WebSearchAction } from "./response-item.ts";
import type { TurnItem } from "./turn-item.ts";

/** `*_at` are unix seconds, `*_ms` milliseconds, throughout this file. */
export interface TaskStartedEvent {
  readonly type: "task_started";
  readonly turn_id: string;
  readonly root_turn_id?: string | null;
  readonly trace_id?: string | null;
  readonly started_at?: number | null;
  readonly model_context_window?: number | null;
  readonly collaboration_mode_kind?: string;
  readonly turn_attribution?: TurnAttribution | null;
}

export interface TaskError {
  readonly message: string;
  readonly codex_error_info?: JsonValue;
  readonly misalignment?: JsonValue;
}

export interface TaskCompleteEvent {
  readonly type: "task_complete";
  readonly turn_id: string;
  readonly root_turn_id?: string | null;
  readonly last_agent_message?: string | null;
  readonly error?: TaskError | null;
  readonly started_at?: number | null;
  readonly completed_at?: number | null;
  readonly duration_ms?: number | null;
  readonly time_to_first_token_ms?: number | null;
}

export interface TurnAbortedEvent {
  readonly type: "turn_aborted";
  readonly turn_id?: string | null;
  readonly root_turn_id?: string | null;
  readonly reason: "interrupted" | "replaced" | "review_ended" | "budget_limited";
  readonly error?: TaskError | null;
  readonly started_at?: number | null;
  readonly completed_at?: number | null;
  readonly duration_ms?: number | null;
}

export interface ThreadRolledBackEvent {
  readonly type: "thread_rolled_back";
  readonly num_turns: number;
}

export interface ContextCompactedEvent {
  readonly type: "context_compacted";
}

export interface UserMessageEvent {
  readonly type: "user_message";
  readonly message: string;
  readonly client_id?: string | null;
  readonly images?: readonly string[] | null;
  readonly image_details?: JsonArray;
  readonly file_ids?: readonly string[] | null;
  readonly file_id_details?: JsonArray;
  readonly image_order?: readonly ("inline" | "file")[];
  readonly local_images?: readonly string[];
  readonly local_image_details?: JsonArray;
  readonly audio?: readonly string[] | null;
  readonly audio_order?: readonly ("inline" | "file")[];
  readonly local_audio?: readonly string[];
  readonly text_elements?: JsonArray;
}

export interface AgentMessageEvent {
  readonly type: "agent_message";
  readonly message: string;
  readonly phase?: string | null;
  readonly memory_citation?: JsonObject | null;
  readonly delivery?: string | null;
  readonly questions?: JsonArray | null;
}

export interface AgentReasoningEvent {
  readonly type: "agent_reasoning";
  readonly text: string;
}

export interface AgentReasoningRawContentEvent {
  readonly type: "agent_reasoning_raw_content";
  readonly text: string;
}

export interface TokenUsageInfo {
  readonly total_token_usage: TokenUsage;
  readonly last_token_usage: TokenUsage;
  readonly model_context_window?: number | null;
  readonly last_usage_includes_reasoning?: boolean | null;
}

export interface TokenCountEvent {
  readonly type: "token_count";
  readonly info?: TokenUsageInfo | null;
  readonly rate_limits?: JsonObject | null;
}

export interface ThreadSettings {
  readonly model: string;
  readonly model_provider_id: string;
  readonly service_tier?: string | null;
  readonly approval_policy: ApprovalPolicy;
  readonly approvals_reviewer: ApprovalsReviewer;
  readonly requested_approvals_reviewer?: ApprovalsReviewer | null;
  readonly permission_profile: PermissionProfile;
  readonly active_permission_profile?: JsonObject | null;
  readonly cwd: string;
  readonly runtime_workspace_roots?: readonly string[] | null;
  readonly reasoning_effort?: string | null;
  readonly reasoning_summary?: string | null;
  readonly personality?: string | null;
  readonly collaboration_mode: CollaborationMode;
  readonly disabled_plugin_ids?: readonly string[];
}

export interface ThreadSettingsAppliedEvent {
  readonly type: "thread_settings_applied";
  /** The thread that the settings were made for; a copied line keeps its origin's id. */
  readonly thread_id?: string | null;
  readonly thread_settings: ThreadSettings;
}

export interface ThreadGoal {
  readonly threadId: string;
  readonly objective: string;
  readonly status: "active" | "paused" | "blocked" | "usageLimited" | "budgetLimited" | "complete";
  readonly tokenBudget?: number | null;
  readonly tokensUsed: number;
  readonly timeUsedSeconds: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** camelCase on disk. */
export interface ThreadGoalUpdatedEvent {
  readonly type: "thread_goal_updated";
  readonly threadId: string;
  readonly turnId?: string | null;
  readonly goal: ThreadGoal;
}

export interface ItemCompletedEvent {
  readonly type: "item_completed";
  readonly thread_id: string;
  readonly turn_id: string;
  readonly item: TurnItem;
  readonly started_at_ms?: number | null;
  readonly completed_at_ms?: number;
}

export interface ExecCommandEndEvent {
  readonly type: "exec_command_end";
  readonly call_id: string;
  /** Required by 0.169.0; older files lack it. */
  readonly turn_id?: string;
  readonly process_id?: string | null;
  readonly command?: readonly string[];
  /** A `file://` URI for 0.169.0, a plain path in older files. */
  readonly cwd?: string;
  readonly parsed_cmd?: readonly JsonObject[];
  readonly source?: string;
  readonly interaction_input?: string | null;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly aggregated_output?: string;
  readonly exit_code: number;
  readonly duration: Duration;
  readonly formatted_output?: string;
  readonly status?: string;
  readonly completed_at_ms?: number;
}

export interface PatchApplyEndEvent {
  readonly type: "patch_apply_end";
  readonly call_id: string;
  readonly turn_id?: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly success: boolean;
  readonly changes?: { readonly [path: string]: FileChange };
  /** Required by 0.169.0; older files lack it. */
  readonly status?: "completed" | "failed" | "declined";
}

export interface McpToolCallEndEvent {
  readonly type: "mcp_tool_call_end";
  readonly call_id: string;
  readonly turn_id?: string;
  readonly invocation: { readonly server: string; readonly tool: string; readonly arguments?: JsonValue };
  readonly connector_id?: string | null;
  readonly link_id?: string | null;
  readonly app_name?: string | null;
  readonly action_name?: string | null;
  readonly plugin_id?: string | null;
  readonly read_only_hint?: boolean | null;
  readonly mcp_app_resource_uri?: string | null;
  readonly duration: Duration;
  readonly result: { readonly Ok: JsonObject } | { readonly Err: string };
}

export interface WebSearchEndEvent {
  readonly type: "web_search_end";
  readonly call_id: string;
  readonly query: string;
  /** Required by 0.169.0; older files lack it. */
  readonly action?: WebSearchAction;
  readonly results?: JsonArray | null;
}

export interface ImageGenerationEndEvent {
  readonly type: "image_generation_end";
  readonly call_id: string;
  readonly status: string;
  readonly revised_prompt?: string | null;
  readonly result?: string;
  /** camelCase on disk; stands for `result` where the image lies elsewhere. */
  readonly fileId?: string;
  readonly saved_path?: string | null;
  readonly transparent_background?: boolean | null;
  /** `{type: "usageLimitExceeded", limitId, resetsAt?}`. */
  readonly failure?: JsonObject | null;
}

export interface EnteredReviewModeEvent {
  readonly type: "entered_review_mode";
  /** Required by 0.169.0; the flat form of old files has `prompt` instead. */
  readonly target?: JsonObject;
  readonly prompt?: string;
  readonly user_facing_hint?: string | null;
  readonly turn_id?: string | null;
  readonly item_id?: string | null;
}

export interface ExitedReviewModeEvent {
  readonly type: "exited_review_mode";
  readonly review_output?: JsonObject | null;
  readonly turn_id?: string | null;
  readonly item_id?: string | null;
}

export interface SubAgentActivityEvent {
  readonly type: "sub_agent_activity";
  readonly event_id: string;
  readonly occurred_at_ms?: number;
  readonly agent_thread_id: string;
  readonly agent_path: string;
  readonly kind: "started" | "interacted" | "interrupted" | "completed";
  readonly model?: string | null;
  readonly reasoning_effort?: string | null;
}

export interface GuardianAssessmentEvent {
  readonly type: "guardian_assessment";
  readonly id: string;
  readonly turn_id?: string;
  readonly target_item_id?: string | null;
  readonly status: "in_progress" | "approved" | "denied" | "timed_out" | "aborted";
  readonly risk_level?: string | null;
  readonly user_authorization?: string | null;
  readonly rationale?: string | null;
  readonly decision_source?: string | null;
  readonly action?: JsonObject;
  readonly started_at_ms?: number;
  readonly completed_at_ms?: number | null;
}

export interface ErrorEvent {
  readonly type: "error";
  readonly message: string;
  readonly codex_error_info?: JsonValue;
}

/** Retired: 0.101–0.130 wrote it, 0.169.0 skips the line. */
export interface ThreadNameUpdatedEvent {
  readonly type: "thread_name_updated";
  readonly thread_id?: string;
  readonly thread_name?: string | null;
}

/** Retired. */
export interface BackgroundEvent {
  readonly type: "background_event";
  readonly message: string;
}

/** Retired. */
export interface UndoCompletedEvent {
  readonly type: "undo_completed";
  readonly success: boolean;
  readonly message?: string | null;
}

export type LiveEvent<T extends LiveEventType = LiveEventType> = { readonly type: T } & JsonObject;

/** Events that some release keeps in rollouts, or kept. */
export interface StoredEventPayloads {
  readonly task_started: TaskStartedEvent;
  readonly task_complete: TaskCompleteEvent;
  readonly turn_aborted: TurnAbortedEvent;
  readonly thread_rolled_back: ThreadRolledBackEvent;
  readonly context_compacted: ContextCompactedEvent;
  readonly user_message: UserMessageEvent;
  readonly agent_message: AgentMessageEvent;
  readonly agent_reasoning: AgentReasoningEvent;
  readonly agent_reasoning_raw_content: AgentReasoningRawContentEvent;
  readonly token_count: TokenCountEvent;
  readonly thread_settings_applied: ThreadSettingsAppliedEvent;
  readonly thread_goal_updated: ThreadGoalUpdatedEvent;
  readonly item_completed: ItemCompletedEvent;
  readonly exec_command_end: ExecCommandEndEvent;
  readonly patch_apply_end: PatchApplyEndEvent;
  readonly mcp_tool_call_end: McpToolCallEndEvent;
  readonly web_search_end: WebSearchEndEvent;
  readonly image_generation_end: ImageGenerationEndEvent;
  readonly entered_review_mode: EnteredReviewModeEvent;
  readonly exited_review_mode: ExitedReviewModeEvent;
  readonly sub_agent_activity: SubAgentActivityEvent;
  readonly guardian_assessment: GuardianAssessmentEvent;
  readonly error: ErrorEvent;
  readonly thread_name_updated: ThreadNameUpdatedEvent;
  readonly background_event: BackgroundEvent;
  readonly undo_completed: UndoCompletedEvent;
}

/** The table of event variants; adding one makes the decoder and every exhaustive switch fail to compile. */
export type EventPayloads = StoredEventPayloads & { readonly [T in LiveEventType]: LiveEvent<T> };

export type EventType = keyof EventPayloads;
export type EventMsg = EventPayloads[EventType];
export type EventOf<T extends EventType> = EventPayloads[T];
