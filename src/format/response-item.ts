/**
 * Model-visible items: the payload of `response_item` records and the entries of `compacted.replacement_history`.
 * Shapes by rollout-format §3.3; the decoder's table over `ResponseItemPayloads` is in `shapes-items.ts`.
 */
import type { JsonArray, JsonObject, JsonValue } from "./json.ts";
import type { PassthroughMetadata } from "./parts.ts";

export type ContentItem =
  | { readonly type: "input_text"; readonly text: string }
  | InputImage
  | InputAudio
  | {
      readonly type: "output_text";
      readonly text: string;
      readonly annotations?: JsonValue;
      readonly logprobs?: JsonValue;
    };

export interface InputImage {
  readonly type: "input_image";
  readonly image_url?: string | null;
  readonly file_id?: string | null;
  readonly detail?: "auto" | "low" | "high" | "original" | null;
}

export interface InputAudio {
  readonly type: "input_audio";
  readonly audio_url?: string | null;
  readonly file_id?: string | null;
}

export type AgentMessageContent =
  | { readonly type: "input_text"; readonly text: string }
  | { readonly type: "encrypted_content"; readonly encrypted_content: string };

export type ToolOutputContent =
  | { readonly type: "input_text"; readonly text: string }
  | InputImage
  | InputAudio
  | { readonly type: "encrypted_content"; readonly encrypted_content: string };

/** What a tool gave back: plain text or content parts. */
export type ToolOutput = string | readonly ToolOutputContent[];

export interface ItemBase {
  readonly id?: string | null;
  readonly internal_chat_message_metadata_passthrough?: PassthroughMetadata | null;
}

export interface MessageItem extends ItemBase {
  readonly type: "message";
  /** `user`, `assistant`, `developer`, `system`; any string passes. */
  readonly role: string;
  readonly content: readonly ContentItem[];
  readonly phase?: "commentary" | "partial_answer" | "final_answer" | null;
  readonly status?: string | null;
  readonly encrypted_content?: string | null;
}

export interface AgentMessageItem extends ItemBase {
  readonly type: "agent_message";
  readonly author: string;
  readonly recipient: string;
  readonly content: readonly AgentMessageContent[];
}

export interface ReasoningItem extends ItemBase {
  readonly type: "reasoning";
  readonly summary: readonly { readonly type: "summary_text"; readonly text: string }[];
  readonly content?: readonly { readonly type: "reasoning_text" | "text"; readonly text: string }[] | null;
  readonly encrypted_content?: string | null;
}

export interface LocalShellCallItem extends ItemBase {
  readonly type: "local_shell_call";
  readonly call_id?: string | null;
  readonly status: "completed" | "in_progress" | "incomplete";
  readonly action: {
    readonly type: "exec";
    readonly command: readonly string[];
    readonly timeout_ms?: number | null;
    readonly working_directory?: string | null;
    readonly env?: JsonObject | null;
    readonly user?: string | null;
  };
}

export interface FunctionCallItem extends ItemBase {
  readonly type: "function_call";
  readonly name: string;
  readonly namespace?: string | null;
  /** JSON, as text. */
  readonly arguments: string;
  readonly encrypted_function_args?: JsonValue;
  readonly call_id: string;
  readonly status?: string | null;
}

export interface FunctionCallOutputItem extends ItemBase {
  readonly type: "function_call_output";
  readonly call_id?: string | null;
  readonly name?: string | null;
  readonly namespace?: string | null;
  readonly output: ToolOutput;
}

export interface CustomToolCallItem extends ItemBase {
  readonly type: "custom_tool_call";
  readonly status?: string | null;
  readonly call_id: string;
  readonly name: string;
  readonly namespace?: string | null;
  readonly input: string;
}

export interface CustomToolCallOutputItem extends ItemBase {
  readonly type: "custom_tool_call_output";
  readonly call_id: string;
  readonly name?: string | null;
  readonly output: ToolOutput;
}

export interface ToolSearchCallItem extends ItemBase {
  readonly type: "tool_search_call";
  readonly call_id?: string | null;
  readonly status?: string | null;
  readonly execution: string;
  readonly arguments: JsonValue;
}

export interface ToolSearchOutputItem extends ItemBase {
  readonly type: "tool_search_output";
  readonly call_id?: string | null;
  readonly status: string;
  readonly execution: string;
  readonly tools: JsonArray;
}

/** `type` is `search`, `open_page`, `find_in_page`; anything else counts as other. */
export interface WebSearchAction {
  readonly type: string;
  readonly query?: string | null;
  readonly queries?: readonly string[] | null;
  readonly url?: string | null;
  readonly pattern?: string | null;
}

export interface WebSearchCallItem extends ItemBase {
  readonly type: "web_search_call";
  readonly status?: string | null;
  readonly action?: WebSearchAction | null;
}

export interface ImageGenerationCallItem extends ItemBase {
  readonly type: "image_generation_call";
  readonly status: string;
  readonly revised_prompt?: string | null;
  /** Base64, as a rule large. */
  readonly result: string;
}

/** Also written as `compaction_summary`; the decoder hands out this name only. */
export interface CompactionItem extends ItemBase {
  readonly type: "compaction";
  readonly encrypted_content: string;
}

export interface ContextCompactionItem extends ItemBase {
  readonly type: "context_compaction";
  readonly encrypted_content?: string | null;
}

export interface CompactionTriggerItem extends ItemBase {
  readonly type: "compaction_trigger";
}

export interface AdditionalToolsItem extends ItemBase {
  readonly type: "additional_tools";
  readonly role: string;
  readonly tools: JsonArray;
}

export interface ConfigurationUpdateItem extends ItemBase {
  readonly type: "configuration_update";
  readonly reasoning: { readonly effort?: string | null };
}

/** Retired: 0.40→0.73 to about 0.13x wrote it, 0.169.0 skips the line (rollout-format §3.3.1). */
export interface GhostSnapshotItem extends ItemBase {
  readonly type: "ghost_snapshot";
  readonly ghost_commit?: JsonValue;
}

/** The table of item types; adding one makes the decoder and every exhaustive switch fail to compile. */
export interface ResponseItemPayloads {
  readonly message: MessageItem;
  readonly agent_message: AgentMessageItem;
  readonly reasoning: ReasoningItem;
  readonly local_shell_call: LocalShellCallItem;
  readonly function_call: FunctionCallItem;
  readonly function_call_output: FunctionCallOutputItem;
  readonly custom_tool_call: CustomToolCallItem;
  readonly custom_tool_call_output: CustomToolCallOutputItem;
  readonly tool_search_call: ToolSearchCallItem;
  readonly tool_search_output: ToolSearchOutputItem;
  readonly web_search_call: WebSearchCallItem;
  readonly image_generation_call: ImageGenerationCallItem;
  readonly compaction: CompactionItem;
  readonly context_compaction: ContextCompactionItem;
  readonly compaction_trigger: CompactionTriggerItem;
  readonly additional_tools: AdditionalToolsItem;
  readonly configuration_update: ConfigurationUpdateItem;
  readonly ghost_snapshot: GhostSnapshotItem;
}

export type ResponseItemType = keyof ResponseItemPayloads;
export type KnownResponseItem = ResponseItemPayloads[ResponseItemType];

declare const otherTag: unique symbol;

/**
 * An item of a type that 0.169.0 does not know: accepted, kept, never sent to a model, fails a migration. Its tag is
 * branded so that `item.type === "message"` still narrows.
 */
export interface OtherItem extends ItemBase {
  readonly type: string & { readonly [otherTag]: true };
}

export type ResponseItem = KnownResponseItem | OtherItem;

const KNOWN: { readonly [T in ResponseItemType]: true } = {
  message: true,
  agent_message: true,
  reasoning: true,
  local_shell_call: true,
  function_call: true,
  function_call_output: true,
  custom_tool_call: true,
  custom_tool_call_output: true,
  tool_search_call: true,
  tool_search_output: true,
  web_search_call: true,
  image_generation_call: true,
  compaction: true,
  context_compaction: true,
  compaction_trigger: true,
  additional_tools: true,
  configuration_update: true,
  ghost_snapshot: true,
};

/** A set, since a name as it comes out of a line is none that an object could be asked for without further ado. */
const KNOWN_TYPES: ReadonlySet<string> = new Set(Object.keys(KNOWN));

/** True for an item of a type that 0.169.0 does not know (rollout-format §3.3.1, last row). */
export function isOtherItem(item: ResponseItem): item is OtherItem {
  return !KNOWN_TYPES.has(item.type);
}
