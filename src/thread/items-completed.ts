/**
 * The items of paginated rollouts as clients see them: `item` of the event `item_completed`, one converter for each type
 * (rollout-format §3.9.2 to §8.1). For `turns-canonical.ts`, and for the few that legacy rollouts have.
 */
import { isJsonObject } from "../format/json.ts";
import { parseUuid } from "../format/names.ts";
import type { EventOf, JsonObject, JsonValue, TurnItem, TurnItemOf, TurnItemType } from "../format/record.ts";
import type { ToolOutput } from "../format/response-item.ts";
import type { UserInput } from "../format/turn-item.ts";
import { commandActions, shellLine } from "./items-command.ts";
import {
  camelCase,
  type Draft,
  durationMs,
  extensionSearchAction,
  fileUpdates,
  imageGeneration,
  memoryCitation,
  questions,
  reviewText,
  textElements,
  textOf,
  textOrNull,
  webSearchAction,
} from "./items-parts.ts";
import { pathOfUri } from "./items-paths.ts";
import type {
  AgentMessageItem,
  ClientUserInput,
  CollabAgentToolCallItem,
  FunctionCallOutputItem,
  ImageSource,
  McpAppContext,
  McpToolCallItem,
  ThreadItem,
} from "./items.ts";

/** The item of an event; undefined for one that 0.169.0 could not read. A completion at 0 is one of which no time is known. */
export function completedItem(event: EventOf<"item_completed">): ThreadItem | undefined {
  const { item, started_at_ms, completed_at_ms = 0 } = event;
  const convert = CONVERTERS[item.type] as (item: TurnItem) => Draft<ThreadItem> | undefined;
  const found = convert(item);
  if (found === undefined) return undefined;
  found.startedAtMs = started_at_ms ?? null;
  found.completedAtMs = completed_at_ms === 0 ? null : completed_at_ms;
  return found;
}

const NO_TIMES = { startedAtMs: null, completedAtMs: null } as const;

const CONVERTERS: { readonly [T in TurnItemType]: (item: TurnItemOf<T>) => ThreadItem | undefined } = {
  UserMessage: ({ id, client_id, content }) => ({
    type: "userMessage",
    id,
    clientId: client_id ?? null,
    content: content.map(userInput),
    ...NO_TIMES,
  }),
  AgentMessage: (item) => ({
    type: "agentMessage",
    moderation: moderation(item.moderation),
    id: item.id,
    text: item.content.map(({ text }) => text).join(""),
    phase: item.phase ?? null,
    memoryCitation: memoryCitation(item.memory_citation),
    delivery: item.delivery ?? null,
    questions: questions(item.questions),
    ...NO_TIMES,
  }),
  Reasoning: ({ id, summary_text, raw_content = [] }) => ({
    type: "reasoning",
    id,
    summary: summary_text,
    content: raw_content,
    ...NO_TIMES,
  }),
  Plan: ({ id, text }) => ({ type: "plan", id, text, ...NO_TIMES }),
  HookPrompt: ({ id, fragments }) => ({
    type: "hookPrompt",
    id,
    fragments: fragments.map(({ text, hookRunId }) => ({ text, hookRunId })),
    ...NO_TIMES,
  }),
  CommandExecution: commandExecution,
  FileChange: ({ id, changes, status }) => ({
    type: "fileChange",
    id,
    changes: fileUpdates(changes),
    status: status ?? "inProgress",
    ...NO_TIMES,
  }),
  McpToolCall: mcpToolCall,
  DynamicToolCall: (item) => ({
    type: "dynamicToolCall",
    id: item.id,
    namespace: item.namespace ?? null,
    tool: item.tool,
    arguments: item.arguments,
    status: camelCase(item.status),
    contentItems: item.content_items ?? null,
    success: item.success ?? null,
    durationMs: durationMs(item.duration),
    ...NO_TIMES,
  }),
  FunctionCallOutput: ({ id, name, namespace, output }) => ({
    type: "functionCallOutput",
    id,
    name,
    namespace: namespace ?? null,
    output: toolOutput(output),
    ...NO_TIMES,
  }),
  WebSearch: ({ id, query, action, results }) => ({
    type: "webSearch",
    id,
    query,
    action: webSearchAction(action),
    results: results ?? null,
    ...NO_TIMES,
  }),
  ImageView: ({ id, path: uri }) => {
    const path = pathOfUri(uri);
    return path === undefined ? undefined : { type: "imageView", id, path, ...NO_TIMES };
  },
  // The newer members exist on disk only in the extension of the same name.
  ImageGeneration: ({ id, status, result, revised_prompt, saved_path }) =>
    imageGeneration({ id, status, result, revisedPrompt: revised_prompt, savedPath: saved_path }),
  Extension: extension,
  CollabAgentToolCall: collabAgentToolCall,
  SubAgentActivity: ({ id, kind, agent_thread_id, agent_path, model, reasoning_effort }) => ({
    type: "subAgentActivity",
    model: model ?? null,
    reasoningEffort: reasoning_effort ?? null,
    id,
    kind,
    agentThreadId: parseUuid(agent_thread_id) ?? agent_thread_id,
    agentPath: agent_path,
    ...NO_TIMES,
  }),
  EnteredReviewMode: ({ id, user_facing_hint }) => ({
    type: "enteredReviewMode",
    id,
    review: user_facing_hint,
    ...NO_TIMES,
  }),
  ExitedReviewMode: ({ id, review_output }) => ({
    type: "exitedReviewMode",
    id,
    review: reviewText(review_output),
    ...NO_TIMES,
  }),
  ContextCompaction: ({ id }) => ({ type: "contextCompaction", id, ...NO_TIMES }),
  // Retired; 0.169.0 skips the line.
  Sleep: () => undefined,
};

function userInput(input: UserInput): ClientUserInput {
  switch (input.type) {
    case "text":
      return { type: "text", text: input.text, text_elements: textElements(input.text_elements) };
    case "image":
      return { type: "image", ...imageSource(input.image_url, input.file_id), detail: input.detail ?? null };
    case "local_image":
      return { type: "localImage", detail: input.detail ?? null, path: input.path };
    case "audio":
      return { type: "audio", ...imageSource(input.audio_url, input.file_id) };
    case "local_audio":
      return { type: "localAudio", path: input.path };
    default:
      return { type: input.type, name: input.name, path: input.path };
  }
}

function imageSource(url: string | null | undefined, fileId: string | null | undefined): ImageSource {
  return typeof url === "string" ? { url } : { fileId: fileId ?? "" };
}

function moderation(found: JsonObject | null | undefined): AgentMessageItem["moderation"] {
  if (found == null) return null;
  const { moderated, display } = found;
  if (!isJsonObject(display)) return { moderated: moderated === true, display: null };
  const { action = null, blockType = null, cyberTrustedAccess = null, checkTrustedContacts = null } = display;
  return { moderated: moderated === true, display: { action, blockType, cyberTrustedAccess, checkTrustedContacts } };
}

function commandExecution(item: TurnItemOf<"CommandExecution">): ThreadItem | undefined {
  const cwd = pathOfUri(item.cwd);
  if (cwd === undefined) return undefined;
  return {
    type: "commandExecution",
    id: item.id,
    pluginId: item.plugin_id ?? null,
    scriptPath: item.script_path ?? null,
    command: shellLine(item.command),
    cwd,
    processId: item.process_id ?? null,
    source: camelCase(item.source),
    status: camelCase(item.status),
    commandActions: commandActions(item.parsed_cmd, cwd),
    // Nothing was put out, or nothing is known of it: the server shows both alike.
    aggregatedOutput: item.aggregated_output == null || item.aggregated_output === "" ? null : item.aggregated_output,
    exitCode: item.exit_code ?? null,
    durationMs: durationMs(item.duration),
    ...NO_TIMES,
  };
}

function mcpToolCall(item: TurnItemOf<"McpToolCall">): McpToolCallItem {
  const { connectorId, linkId, appName, actionName, mcpAppResourceUri: resourceUri } = item;
  return {
    type: "mcpToolCall",
    id: item.id,
    server: item.server,
    tool: item.tool,
    status: item.status,
    arguments: item.arguments,
    appContext: mcpAppContext({ connectorId, linkId, appName, actionName, resourceUri }),
    ...(resourceUri == null ? {} : { mcpAppResourceUri: resourceUri }),
    mcpAppUi: mcpAppUi(item.mcpAppUi),
    pluginId: item.pluginId ?? null,
    readOnlyHint: item.readOnlyHint ?? null,
    result: mcpResult(item.result),
    error: item.error == null ? null : { message: item.error.message },
    durationMs: durationMs(item.duration),
    ...NO_TIMES,
  };
}

/** Undefined and null mean the same; without a connector there is no context. */
export function mcpAppContext(found: {
  readonly [K in keyof McpAppContext]: string | null | undefined;
}): McpAppContext | null {
  const { connectorId, linkId, resourceUri, appName, actionName } = found;
  if (connectorId == null) return null;
  return {
    connectorId,
    linkId: linkId ?? null,
    resourceUri: resourceUri ?? null,
    appName: appName ?? null,
    actionName: actionName ?? null,
  };
}

function mcpAppUi(ui: JsonObject | null | undefined): JsonObject | null {
  if (ui == null) return null;
  const { resourceUri = null, preferredModelDisplayMode = null } = ui;
  return { resourceUri, preferredModelDisplayMode };
}

export function mcpResult(result: JsonObject | null | undefined): McpToolCallItem["result"] {
  if (result == null) return null;
  const { content, structuredContent = null, _meta = null } = result;
  return { content: Array.isArray(content) ? content : [], structuredContent, _meta };
}

/** Parts that came from the model, with nothing but what their kind has. */
function toolOutput(output: ToolOutput): FunctionCallOutputItem["output"] {
  if (typeof output === "string") return output;
  return output.map((part): JsonObject => {
    switch (part.type) {
      case "input_image":
        return {
          type: part.type,
          ...modelSource("image_url", part.image_url, part.file_id),
          ...(part.detail == null ? {} : { detail: part.detail }),
        };
      case "input_audio":
        return { type: part.type, ...modelSource("audio_url", part.audio_url, part.file_id) };
      case "encrypted_content":
        return { type: part.type, encrypted_content: part.encrypted_content };
      default:
        return { type: part.type, text: part.text };
    }
  });
}

function modelSource(name: string, url: string | null | undefined, fileId: string | null | undefined): JsonObject {
  return typeof url === "string" ? { [name]: url } : { file_id: fileId ?? null };
}

function extension(item: TurnItemOf<"Extension">): ThreadItem | undefined {
  const id = textOf(item["id"]);
  switch (item.kind) {
    case "clock.sleep":
      return { type: "sleep", id, durationMs: Number(item["durationMs"]), ...NO_TIMES };
    case "web.search": {
      const results: JsonValue | undefined = item["results"];
      return {
        type: "webSearch",
        id,
        query: textOf(item["query"]),
        action: extensionSearchAction(item["action"]),
        results: Array.isArray(results) ? results : null,
        ...NO_TIMES,
      };
    }
    case "image_gen.generation":
      return imageGeneration({ ...item, id, status: textOf(item["status"]) });
    default:
      return undefined;
  }
}

/** Undefined where a state belongs to what is no thread id, which makes 0.169.0 refuse the line. */
function collabAgentToolCall(item: TurnItemOf<"CollabAgentToolCall">): CollabAgentToolCallItem | undefined {
  const states = Object.entries(item.agents_states ?? {}).map(
    ([id, state]) => [parseUuid(id), agentState(state)] as const,
  );
  if (states.some(([id]) => id === undefined)) return undefined;
  return {
    type: "collabAgentToolCall",
    id: item.id,
    tool: camelCase(item.tool),
    status: camelCase(item.status),
    senderThreadId: parseUuid(item.sender_thread_id) ?? item.sender_thread_id,
    receiverThreadIds: (item.receiver_thread_ids ?? []).map((id) => parseUuid(id) ?? id),
    prompt: item.prompt ?? null,
    model: item.model ?? null,
    reasoningEffort: item.reasoning_effort ?? null,
    agentsStates: Object.fromEntries(states),
    ...NO_TIMES,
  };
}

/** `running`, or `{completed: text or null}`, or `{errored: text}`. */
function agentState(state: JsonValue): { readonly status: string; readonly message: string | null } {
  if (!isJsonObject(state)) return { status: camelCase(textOf(state)), message: null };
  const [status = ""] = Object.keys(state);
  return { status, message: textOrNull(state[status]) };
}
