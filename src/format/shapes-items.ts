/**
 * Shapes of model-visible items (rollout-format §3.3) and of the harness metadata beside them (§3.3.4). The table over
 * `ResponseItemPayloads` that `decode.ts` runs on `response_item` records and replacement histories.
 */
import type { JsonObject } from "./json.ts";
import type { PassthroughMetadata } from "./parts.ts";
import type {
  AgentMessageContent,
  ContentItem,
  InputAudio,
  InputImage,
  LocalShellCallItem,
  ReasoningItem,
  ResponseItem,
  ResponseItemPayloads,
  ToolOutput,
  ToolOutputContent,
  WebSearchAction,
} from "./response-item.ts";
import { effort, flag, float, text, u64 } from "./scalars.ts";
import {
  anyList,
  anything,
  byDefault,
  type Check,
  either,
  lenient,
  listOf,
  mapOf,
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
import { imageDetail, phase } from "./shapes-settings.ts";

const textList = listOf(text);

export const passthrough = object<PassthroughMetadata>({
  turn_id: may(text),
  create_time: newer(may(float)),
  content_item_kinds: unread,
  content_item_metadata: unread,
});

/** Items whose common fields no release looks at. */
const bare = { id: unread, internal_chat_message_metadata_passthrough: unread };

const base = { id: may(text), internal_chat_message_metadata_passthrough: may(passthrough) };

const inputText = object({ text: need(text) });

/** One of `image_url` and `file_id` as text; 0.142.3 knows the first only. */
const inputImage: Check<Omit<InputImage, "type">> = unlike142(
  object<Omit<InputImage, "type">>({ image_url: unread, file_id: unread, detail: may(imageDetail) }, (image) =>
    typeof image["image_url"] === "string" || typeof image["file_id"] === "string" ? undefined : "refers to no image",
  ),
  object({ image_url: need(text), detail: may(imageDetail) }),
);

const inputAudio: Check<Omit<InputAudio, "type">> = not142(
  object<Omit<InputAudio, "type">>({ audio_url: unread, file_id: unread }, (audio) =>
    typeof audio["audio_url"] === "string" || typeof audio["file_id"] === "string" ? undefined : "refers to no audio",
  ),
);

const encryptedContent = object({ encrypted_content: need(text) });

const contentItem = tagged("type", {
  input_text: inputText,
  input_image: inputImage,
  input_audio: inputAudio,
  output_text: object({ text: need(text), annotations: newer(may(anyList)), logprobs: newer(may(anyList)) }),
}) as Check<ContentItem>;

const agentContent = tagged("type", {
  input_text: inputText,
  encrypted_content: encryptedContent,
}) as Check<AgentMessageContent>;

const outputContent = tagged("type", {
  input_text: inputText,
  input_image: inputImage,
  input_audio: inputAudio,
  encrypted_content: encryptedContent,
}) as Check<ToolOutputContent>;

export const toolOutput: Check<ToolOutput> = either(text, listOf(outputContent));

/** Unknown actions pass: they count as other. */
export const webSearchAction: Check<WebSearchAction> = tagged(
  "type",
  {
    search: object({ query: may(text), queries: may(textList) }),
    open_page: object({ url: may(text) }),
    find_in_page: object({ url: may(text), pattern: may(text) }),
  },
  anything,
) as Check<WebSearchAction>;

const shellAction: Check<LocalShellCallItem["action"]> = tagged("type", {
  exec: object({
    command: need(textList),
    timeout_ms: may(u64),
    working_directory: may(text),
    env: may(mapOf(text)),
    user: may(text),
  }),
}) as Check<LocalShellCallItem["action"]>;

const textPart = object({ text: need(text) });
const summaryPart = tagged("type", { summary_text: textPart }) as Check<ReasoningItem["summary"][number]>;
const reasoningPart = tagged("type", { reasoning_text: textPart, text: textPart }) as Check<
  NonNullable<ReasoningItem["content"]>[number]
>;

const itemFields: VariantFields<ResponseItemPayloads> = {
  message: {
    ...base,
    role: need(text),
    content: need(listOf(contentItem)),
    phase: may(phase),
    status: newer(may(text)),
    encrypted_content: newer(may(text)),
  },
  agent_message: { ...base, author: need(text), recipient: need(text), content: need(listOf(agentContent)) },
  reasoning: {
    ...base,
    summary: need(listOf(summaryPart)),
    content: may(listOf(reasoningPart)),
    encrypted_content: may(text),
  },
  local_shell_call: {
    ...base,
    call_id: may(text),
    status: need(oneOf("completed", "in_progress", "incomplete")),
    action: need(shellAction),
  },
  function_call: {
    ...base,
    name: need(text),
    namespace: may(text),
    arguments: need(text),
    encrypted_function_args: newer(may(textList)),
    call_id: need(text),
    status: newer(may(text)),
  },
  function_call_output: {
    ...base,
    call_id: onceNeeded(may(text)),
    name: newer(may(text)),
    namespace: newer(may(text)),
    output: need(toolOutput),
  },
  custom_tool_call: {
    ...base,
    status: may(text),
    call_id: need(text),
    name: need(text),
    namespace: newer(may(text)),
    input: need(text),
  },
  custom_tool_call_output: { ...base, call_id: need(text), name: may(text), output: need(toolOutput) },
  tool_search_call: {
    ...base,
    call_id: may(text),
    status: may(text),
    execution: need(text),
    arguments: { ...need(anything), nullIsFine: true },
  },
  tool_search_output: { ...base, call_id: may(text), status: need(text), execution: need(text), tools: need(anyList) },
  web_search_call: { ...base, status: may(text), action: may(webSearchAction) },
  image_generation_call: { ...base, status: need(text), revised_prompt: may(text), result: need(text) },
  compaction: { ...base, encrypted_content: need(text) },
  context_compaction: { ...base, encrypted_content: may(text) },
  compaction_trigger: bare,
  additional_tools: { ...bare, id: may(text), role: need(text), tools: need(anyList) },
  configuration_update: { ...bare, reasoning: need(object<{ effort: string }>({ effort: need(effort) })) },
  ghost_snapshot: { ...bare, ghost_commit: unread },
};

const shapes = objects<ResponseItemPayloads>(itemFields);

const known = {
  ...shapes,
  compaction_summary: shapes.compaction,
  additional_tools: unlike142(shapes.additional_tools, anything),
  configuration_update: unlike142(shapes.configuration_update, anything),
};

/** Unknown types pass as other (rollout-format §3.3.1); a ghost snapshot costs every release the line. */
export const responseItem = tagged(
  "type",
  { ...known, ghost_snapshot: lenient(shapes.ghost_snapshot, refuse("is skipped by every release imitated here")) },
  anything,
) as Check<ResponseItem>;

/** An entry of a replacement history: as above, but a ghost snapshot is only dropped (rollout-format §3.3.1). */
export const historyItem = tagged("type", known, anything) as Check<ResponseItem>;

const retainedSource = object<JsonObject>({
  id: need(object<JsonObject>({ message_id: need(text), turn_id: need(text), role: need(oneOf("user", "assistant")) })),
  revision: need(text),
  complete: need(flag),
});

/** Harness metadata beside a response item (rollout-format §3.3.4). */
export const harnessMetadata: Check<JsonObject> = object<JsonObject>({
  client_authored: byDefault(flag),
  history_sequence: may(u64),
  sampled_through_sequence: may(u64),
  retained_source: may(retainedSource),
  user_input_order: may(u64),
  fallback_token_limit_override: may(u64),
  compaction_output: byDefault(flag),
  inherited_user_message: byDefault(flag),
  harness_authored_configuration: byDefault(flag),
  guardian_source_order_guidance: byDefault(flag),
  compaction_model_hash: may(text),
  delivered_assistant_message: may(text),
  guardian_review_ids: byDefault(textList),
  guardian_sources: byDefault(listOf(retainedSource)),
  guardian_retained_omissions: may(
    object<JsonObject>({ user_instructions: need(flag), assistant_context: need(flag) }),
  ),
  sender_user_messages: may(
    object<JsonObject>({ receiver_turn_id: need(text), receiver_message_id: need(text), text: need(text) }),
  ),
});
