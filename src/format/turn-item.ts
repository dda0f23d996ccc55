/**
 * Items as a client shows them: `item` of the event `item_completed` (rollout-format §3.9.2). The tag is PascalCase,
 * fields are snake_case but for McpToolCall and Extension, which are camelCase on disk.
 */
import type { JsonArray, JsonObject, JsonValue } from "./json.ts";
import type { Duration, FileChange } from "./parts.ts";
import type { ToolOutput, WebSearchAction } from "./response-item.ts";

export type UserInput =
  | { readonly type: "text"; readonly text: string; readonly text_elements?: JsonArray }
  | {
      readonly type: "image";
      readonly image_url?: string | null;
      readonly file_id?: string | null;
      readonly detail?: string | null;
    }
  | { readonly type: "local_image"; readonly path: string; readonly detail?: string | null }
  | { readonly type: "audio"; readonly audio_url?: string | null; readonly file_id?: string | null }
  | { readonly type: "local_audio"; readonly path: string }
  | { readonly type: "skill"; readonly name: string; readonly path: string }
  | { readonly type: "mention"; readonly name: string; readonly path: string };

export interface UserMessageTurnItem {
  readonly type: "UserMessage";
  readonly id: string;
  readonly client_id?: string | null;
  readonly content: readonly UserInput[];
}

export interface AgentMessageTurnItem {
  readonly type: "AgentMessage";
  readonly id: string;
  readonly content: readonly { readonly type: "Text"; readonly text: string }[];
  readonly phase?: string | null;
  readonly memory_citation?: JsonObject | null;
  readonly delivery?: string | null;
  readonly questions?: JsonArray | null;
  readonly moderation?: JsonObject | null;
}

export interface ReasoningTurnItem {
  readonly type: "Reasoning";
  readonly id: string;
  readonly summary_text: readonly string[];
  readonly raw_content?: readonly string[];
}

export interface PlanTurnItem {
  readonly type: "Plan";
  readonly id: string;
  readonly text: string;
}

export interface HookPromptTurnItem {
  readonly type: "HookPrompt";
  readonly id: string;
  readonly fragments: readonly { readonly text: string; readonly hookRunId: string }[];
}

export interface CommandExecutionTurnItem {
  readonly type: "CommandExecution";
  readonly id: string;
  readonly plugin_id?: string | null;
  readonly script_path?: string | null;
  readonly process_id?: string | null;
  readonly command: readonly string[];
  /** A `file://` URI. */
  readonly cwd: string;
  readonly parsed_cmd: readonly JsonObject[];
  readonly source: string;
  readonly interaction_input?: string | null;
  readonly status: "in_progress" | "completed" | "failed" | "declined";
  readonly stdout?: string | null;
  readonly stderr?: string | null;
  readonly aggregated_output?: string | null;
  readonly exit_code?: number | null;
  readonly duration?: Duration | null;
  readonly formatted_output?: string | null;
}

export interface FileChangeTurnItem {
  readonly type: "FileChange";
  readonly id: string;
  readonly changes: { readonly [path: string]: FileChange };
  readonly status?: "completed" | "failed" | "declined" | null;
  readonly auto_approved?: boolean | null;
  readonly stdout?: string | null;
  readonly stderr?: string | null;
}

export interface McpToolCallTurnItem {
  readonly type: "McpToolCall";
  readonly id: string;
  readonly server: string;
  readonly tool: string;
  readonly arguments: JsonValue;
  readonly connectorId?: string | null;
  readonly mcpAppResourceUri?: string | null;
  readonly mcpAppUi?: JsonObject | null;
  readonly linkId?: string | null;
  readonly appName?: string | null;
  readonly templateId?: JsonValue;
  readonly actionName?: string | null;
  readonly pluginId?: string | null;
  readonly readOnlyHint?: boolean | null;
  readonly status: "inProgress" | "completed" | "failed";
  readonly result?: JsonObject | null;
  readonly error?: { readonly message: string } | null;
  readonly duration?: Duration | null;
}

export interface DynamicToolCallTurnItem {
  readonly type: "DynamicToolCall";
  readonly id: string;
  readonly namespace?: string | null;
  readonly tool: string;
  readonly arguments: JsonValue;
  readonly status: string;
  readonly content_items?: JsonArray | null;
  readonly success?: boolean | null;
  readonly error?: string | null;
  readonly duration?: Duration | null;
}

export interface FunctionCallOutputTurnItem {
  readonly type: "FunctionCallOutput";
  readonly id: string;
  readonly name: string;
  readonly namespace?: string | null;
  readonly output: ToolOutput;
}

export interface WebSearchTurnItem {
  readonly type: "WebSearch";
  readonly id: string;
  readonly query: string;
  readonly action: WebSearchAction;
  readonly results?: JsonArray | null;
}

export interface ImageViewTurnItem {
  readonly type: "ImageView";
  readonly id: string;
  /** A `file://` URI. */
  readonly path: string;
}

export interface ImageGenerationTurnItem {
  readonly type: "ImageGeneration";
  readonly id: string;
  readonly status: string;
  readonly revised_prompt?: string | null;
  readonly result: string;
  readonly saved_path?: string | null;
}

/** `kind` is `image_gen.generation`, `clock.sleep` or `web.search`; the body beside it is camelCase. */
export interface ExtensionTurnItem {
  readonly type: "Extension";
  readonly kind: string;
  readonly [key: string]: JsonValue;
}

export interface CollabAgentToolCallTurnItem {
  readonly type: "CollabAgentToolCall";
  readonly id: string;
  readonly tool: string;
  readonly status: string;
  readonly sender_thread_id: string;
  readonly receiver_thread_ids: readonly string[];
  readonly receiver_agents?: readonly JsonObject[];
  readonly prompt?: string | null;
  readonly model?: string | null;
  readonly reasoning_effort?: string | null;
  readonly agents_states?: JsonObject;
}

export interface SubAgentActivityTurnItem {
  readonly type: "SubAgentActivity";
  readonly id: string;
  readonly kind: string;
  readonly agent_thread_id: string;
  readonly agent_path: string;
  readonly model?: string | null;
  readonly reasoning_effort?: string | null;
}

export interface EnteredReviewModeTurnItem {
  readonly type: "EnteredReviewMode";
  readonly id: string;
  readonly target: JsonObject;
  readonly user_facing_hint: string;
}

export interface ExitedReviewModeTurnItem {
  readonly type: "ExitedReviewMode";
  readonly id: string;
  readonly review_output?: JsonObject | null;
}

export interface ContextCompactionTurnItem {
  readonly type: "ContextCompaction";
  readonly id: string;
}

/** Retired: releases to about 0.14x wrote it, 0.169.0 has `Extension` of kind `clock.sleep` instead. */
export interface SleepTurnItem {
  readonly type: "Sleep";
  readonly id: string;
  readonly duration_ms: number;
}

/** The table of turn items; adding one makes the decoder and every exhaustive switch fail to compile. */
export interface TurnItemPayloads {
  readonly UserMessage: UserMessageTurnItem;
  readonly AgentMessage: AgentMessageTurnItem;
  readonly Reasoning: ReasoningTurnItem;
  readonly Plan: PlanTurnItem;
  readonly HookPrompt: HookPromptTurnItem;
  readonly CommandExecution: CommandExecutionTurnItem;
  readonly FileChange: FileChangeTurnItem;
  readonly McpToolCall: McpToolCallTurnItem;
  readonly DynamicToolCall: DynamicToolCallTurnItem;
  readonly FunctionCallOutput: FunctionCallOutputTurnItem;
  readonly WebSearch: WebSearchTurnItem;
  readonly ImageView: ImageViewTurnItem;
  readonly ImageGeneration: ImageGenerationTurnItem;
  readonly Extension: ExtensionTurnItem;
  readonly CollabAgentToolCall: CollabAgentToolCallTurnItem;
  readonly SubAgentActivity: SubAgentActivityTurnItem;
  readonly EnteredReviewMode: EnteredReviewModeTurnItem;
  readonly ExitedReviewMode: ExitedReviewModeTurnItem;
  readonly ContextCompaction: ContextCompactionTurnItem;
  readonly Sleep: SleepTurnItem;
}

export type TurnItemType = keyof TurnItemPayloads;
export type TurnItem = TurnItemPayloads[TurnItemType];
export type TurnItemOf<T extends TurnItemType> = TurnItemPayloads[T];
