/**
 * Shapes of the items that clients show (rollout-format §3.9.2): `item` of `item_completed`. The table over
 * `TurnItemPayloads`, run through `shapes-events.ts`.
 */
import type { JsonArray, JsonObject } from "./json.ts";
import type { FileChange } from "./parts.ts";
import { absolutePath, agentPath, effort, fileUri, flag, float, i32, text, u32, u64, uuid } from "./scalars.ts";
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
  oneOf,
  refuse,
  tagged,
  unlike142,
  unread,
  type VariantFields,
} from "./shape.ts";
import { toolOutput, webSearchAction } from "./shapes-items.ts";
import { duration, imageDetail, phase } from "./shapes-settings.ts";
import type { TurnItem, TurnItemPayloads, UserInput } from "./turn-item.ts";

const textList = listOf(text);

const textElement = object<JsonObject>({
  byte_range: need(object<JsonObject>({ start: need(u64), end: need(u64) })),
  placeholder: may(text),
});
export const textElements = listOf(textElement) as Check<JsonArray>;

export const fileChanges: Check<{ readonly [path: string]: FileChange }> = mapOf(
  tagged("type", {
    add: object({ content: need(text) }),
    delete: object({ content: need(text) }),
    update: object({ unified_diff: need(text), move_path: may(text) }),
  }) as Check<FileChange>,
);

const parsedCommand = tagged("type", {
  read: object({ cmd: need(text), name: need(text), path: need(text) }),
  list_files: object({ cmd: need(text), path: may(text) }),
  search: object({ cmd: need(text), query: may(text), path: may(text) }),
  unknown: object({ cmd: need(text) }),
}) as Check<JsonObject>;
export const parsedCommands = listOf(parsedCommand);
export const commandSource = oneOf("agent", "user_shell", "unified_exec_startup", "unified_exec_interaction");
export const patchStatus = oneOf("completed", "failed", "declined");

export const reviewTarget = tagged("type", {
  uncommittedChanges: object({}),
  baseBranch: object({ branch: need(text) }),
  commit: object({ sha: need(text), title: may(text) }),
  custom: object({ instructions: need(text) }),
}) as Check<JsonObject>;

const finding = object<JsonObject>({
  title: need(text),
  body: need(text),
  confidence_score: need(float),
  priority: need(i32),
  code_location: need(
    object<JsonObject>({
      absolute_file_path: need(text),
      line_range: need(object<JsonObject>({ start: need(u32), end: need(u32) })),
    }),
  ),
});

export const reviewOutput = object<JsonObject>({
  findings: need(listOf(finding)),
  overall_correctness: need(text),
  overall_explanation: need(text),
  overall_confidence_score: need(float),
});

const citation = object<JsonObject>({ path: need(text), lineStart: need(u32), lineEnd: need(u32), note: need(text) });
export const memoryCitation = object<JsonObject>({ entries: need(listOf(citation)), rolloutIds: need(textList) });

/** Questions put to the user while a turn goes on. */
export const questions = listOf(object<JsonObject>({ title: need(text) }));

export const toolResult = object<JsonObject>({
  content: need(anyList),
  structuredContent: unread,
  isError: may(flag),
  _meta: unread,
});

/** A known kind; 0.142.3 has no `completed`. */
export const activityKind = unlike142(
  oneOf("started", "interacted", "interrupted", "completed"),
  oneOf("started", "interacted", "interrupted"),
);

/** Where one of two fields holds text. */
function refersBy(first: string, second: string, what: string): (object: JsonObject) => string | undefined {
  return (owner) =>
    typeof owner[first] === "string" || typeof owner[second] === "string" ? undefined : `refers to no ${what}`;
}

const imageInput = unlike142(
  object({ image_url: unread, file_id: unread, detail: may(imageDetail) }, refersBy("image_url", "file_id", "image")),
  object({ image_url: need(text), detail: may(imageDetail) }),
);

const namedInput = object({ name: need(text), path: need(text) });

const userInput = tagged("type", {
  text: object({ text: need(text), text_elements: byDefault(textElements) }),
  image: imageInput,
  local_image: object({ path: need(text), detail: may(imageDetail) }),
  audio: not142(object({ audio_url: unread, file_id: unread }, refersBy("audio_url", "file_id", "audio"))),
  local_audio: not142(object({ path: need(text) })),
  skill: namedInput,
  mention: namedInput,
}) as Check<UserInput>;

const dynamicContent = tagged("type", {
  inputText: object({ text: need(text) }),
  inputImage: object({ imageUrl: need(text) }),
  inputAudio: object({ audioUrl: need(text) }),
});

const agentStates = oneOf("pending_init", "running", "interrupted", "shutdown", "not_found");
const agentState: Check<unknown> = (value, judge) =>
  typeof value === "string"
    ? agentStates(value, judge)
    : either(endedWith("completed"), endedWith("errored"))(value, judge);

function endedWith(name: string): Check<unknown> {
  return object({ [name]: { ...need(text), nullIsFine: name === "completed" } }, (state) =>
    Object.keys(state).length === 1 ? undefined : "does not have exactly one key",
  );
}

const fields: VariantFields<TurnItemPayloads> = {
  UserMessage: { id: need(text), client_id: may(text), content: need(listOf(userInput)) },
  AgentMessage: {
    id: need(text),
    content: need(listOf(tagged("type", { Text: object({ text: need(text) }) }))) as never,
    phase: may(phase),
    memory_citation: may(memoryCitation),
    delivery: newer(may(oneOf("async"))),
    questions: newer(may(questions)),
    moderation: newer(may(object<JsonObject>({ moderated: need(flag) }))),
  },
  Reasoning: { id: need(text), summary_text: need(textList), raw_content: byDefault(textList) },
  Plan: { id: need(text), text: need(text) },
  HookPrompt: {
    id: need(text),
    fragments: need(listOf(object<{ text: string; hookRunId: string }>({ text: need(text), hookRunId: need(text) }))),
  },
  CommandExecution: {
    id: need(text),
    plugin_id: may(text),
    script_path: may(text),
    process_id: may(text),
    command: need(textList),
    cwd: need(fileUri),
    parsed_cmd: need(parsedCommands),
    source: need(commandSource),
    interaction_input: may(text),
    status: need(oneOf("in_progress", "completed", "failed", "declined")),
    stdout: may(text),
    stderr: may(text),
    aggregated_output: may(text),
    exit_code: may(i32),
    duration: may(duration),
    formatted_output: may(text),
  },
  FileChange: {
    id: need(text),
    changes: need(fileChanges),
    status: may(patchStatus),
    auto_approved: may(flag),
    stdout: may(text),
    stderr: may(text),
  },
  McpToolCall: {
    id: need(text),
    server: need(text),
    tool: need(text),
    arguments: { ...need(anything), nullIsFine: true },
    connectorId: may(text),
    mcpAppResourceUri: may(text),
    mcpAppUi: newer(may(object<JsonObject>({ resourceUri: need(text), preferredModelDisplayMode: need(text) }))),
    linkId: may(text),
    appName: newer(may(text)),
    templateId: unread,
    actionName: newer(may(text)),
    pluginId: may(text),
    readOnlyHint: newer(may(flag)),
    status: need(oneOf("inProgress", "completed", "failed")),
    result: may(toolResult),
    error: may(object<{ message: string }>({ message: need(text) })),
    duration: may(duration),
  },
  DynamicToolCall: {
    id: need(text),
    namespace: may(text),
    tool: need(text),
    arguments: { ...need(anything), nullIsFine: true },
    status: need(oneOf("in_progress", "completed", "failed")),
    content_items: may(listOf(dynamicContent)) as never,
    success: may(flag),
    error: may(text),
    duration: may(duration),
  },
  FunctionCallOutput: { id: need(text), name: need(text), namespace: may(text), output: need(toolOutput) },
  WebSearch: { id: need(text), query: need(text), action: need(webSearchAction), results: newer(may(anyList)) },
  ImageView: { id: need(text), path: need(fileUri) },
  ImageGeneration: {
    id: need(text),
    status: need(text),
    revised_prompt: may(text),
    result: need(text),
    saved_path: may(absolutePath),
  },
  Extension: { kind: need(text) },
  CollabAgentToolCall: {
    id: need(text),
    tool: need(
      oneOf(
        "spawn_agent",
        "send_input",
        "resume_agent",
        "wait",
        "close_agent",
        "send_message",
        "followup_task",
        "interrupt_agent",
        "list_agents",
      ),
    ),
    status: need(oneOf("in_progress", "completed", "failed", "interrupted")),
    sender_thread_id: need(uuid),
    receiver_thread_ids: byDefault(listOf(uuid)),
    receiver_agents: byDefault(
      listOf(object<JsonObject>({ thread_id: need(uuid), agent_nickname: may(text), agent_role: may(text) })),
    ),
    prompt: may(text),
    model: may(text),
    reasoning_effort: may(effort),
    agents_states: byDefault(mapOf(agentState)) as never,
  },
  SubAgentActivity: {
    id: need(text),
    kind: need(activityKind),
    agent_thread_id: need(uuid),
    agent_path: need(agentPath),
    model: may(text),
    reasoning_effort: may(effort),
  },
  EnteredReviewMode: { id: need(text), target: need(reviewTarget), user_facing_hint: need(text) },
  ExitedReviewMode: { id: need(text), review_output: may(reviewOutput) },
  ContextCompaction: { id: need(text) },
  Sleep: { id: need(text), duration_ms: need(u64) },
};

const extension = tagged("kind", {
  "image_gen.generation": object(
    {
      id: need(text),
      status: need(text),
      revisedPrompt: may(text),
      result: unread,
      fileId: unread,
      savedPath: may(absolutePath),
    },
    refersBy("result", "fileId", "image"),
  ),
  "clock.sleep": object({ id: need(text), durationMs: need(u64) }),
  "web.search": object({ id: need(text), query: need(text), action: may(webSearchAction), results: may(anyList) }),
}) as Check<unknown> as Check<TurnItemPayloads["Extension"]>;

const shapes = objects<TurnItemPayloads>(fields);

/** 0.169.0 wants a URI, 0.142.3 a path. */
const imageView = lenient(
  object({ id: need(text), path: need(text) }),
  unlike142(shapes.ImageView, object({ id: need(text), path: need(absolutePath) })),
) as Check<TurnItemPayloads["ImageView"]>;

export const turnItem: Check<TurnItem> = tagged("type", {
  ...shapes,
  Extension: not142(extension),
  ImageView: imageView,
  CommandExecution: not142(shapes.CommandExecution),
  DynamicToolCall: not142(shapes.DynamicToolCall),
  CollabAgentToolCall: not142(shapes.CollabAgentToolCall),
  FunctionCallOutput: not142(shapes.FunctionCallOutput),
  SubAgentActivity: not142(shapes.SubAgentActivity),
  EnteredReviewMode: not142(shapes.EnteredReviewMode),
  ExitedReviewMode: not142(shapes.ExitedReviewMode),
  Sleep: lenient(shapes.Sleep, unlike142(refuse("is not known to 0.169.0"), shapes.Sleep)),
}) as Check<TurnItem>;
