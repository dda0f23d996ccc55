/**
 * Names of the events that no persistence policy keeps, as data. `event.ts` makes opaque types of them and
 * `shapes-events.ts` lets them pass.
 */

/**
 * Events that live between Codex and its clients: known to 0.169.0, but no persistence policy keeps them, so that only
 * some files of older releases hold a few (rollout-format §4, *extended*). Their fields are left as they are.
 */
export const LIVE_EVENTS = [
  "warning",
  "auth_recovery_started",
  "auth_recovery_completed",
  "guardian_warning",
  "realtime_conversation_started",
  "realtime_conversation_realtime",
  "realtime_conversation_closed",
  "realtime_conversation_sdp",
  "model_reroute",
  "model_verification",
  "turn_moderation_metadata",
  "safety_buffering",
  "agent_reasoning_section_break",
  "session_configured",
  "environment_connected",
  "environment_disconnected",
  "thread_queue_changed",
  "mcp_startup_update",
  "mcp_startup_complete",
  "mcp_tool_call_begin",
  "web_search_begin",
  "image_generation_begin",
  "exec_command_begin",
  "exec_command_output_delta",
  "terminal_interaction",
  "view_image_tool_call",
  "exec_approval_request",
  "request_permissions",
  "request_user_input",
  "dynamic_tool_call_request",
  "dynamic_tool_call_response",
  "elicitation_request",
  "elicitation_abandoned",
  "apply_patch_approval_request",
  "deprecation_notice",
  "stream_error",
  "patch_apply_begin",
  "patch_apply_updated",
  "turn_diff",
  "realtime_conversation_list_voices_response",
  "plan_update",
  "shutdown_complete",
  "raw_response_item",
  "raw_response_completed",
  "item_started",
  "hook_started",
  "hook_completed",
  "agent_message_content_delta",
  "plan_delta",
  "reasoning_content_delta",
  "reasoning_raw_content_delta",
  "collab_agent_spawn_begin",
  "collab_agent_spawn_end",
  "collab_agent_interaction_begin",
  "collab_agent_interaction_end",
  "collab_waiting_begin",
  "collab_waiting_end",
  "collab_close_begin",
  "collab_close_end",
  "collab_resume_begin",
  "collab_resume_end",
] as const;

export type LiveEventType = (typeof LIVE_EVENTS)[number];

/** Those of them that 0.142.3 does not know, and refuses. */
export const LIVE_AFTER_142: ReadonlySet<LiveEventType> = new Set([
  "auth_recovery_started",
  "auth_recovery_completed",
  "environment_connected",
  "environment_disconnected",
  "thread_queue_changed",
  "elicitation_abandoned",
  "raw_response_completed",
]);
