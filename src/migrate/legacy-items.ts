/**
 * Items of paginated rollouts as the events that stand for them in legacy ones (rollout-format §3.9, §9.2 the other way round):
 * one entry for each type of item. For `legacy-turns.ts`, which says where they go.
 *
 * Some of these events no longer show anything: 0.142.3 and 0.169.0 apply their policy of what a legacy rollout may hold when
 * they read one (§4). They are written all the same, since they are where `migrate --to paginated` finds what a command or a
 * tool did, and since older releases show them.
 */
import type { EventOf, ItemCompletedEvent } from "../format/event.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../format/json.ts";
import type { TurnItem, TurnItemOf, TurnItemType } from "../format/record.ts";
import type { WebSearchAction } from "../format/response-item.ts";
import { pathOfUri } from "../thread/items-paths.ts";
import { collabEvent } from "./legacy-agents.ts";
import { given, type LegacyForm } from "./legacy-form.ts";
import { userMessageEvent } from "./legacy-user.ts";

/** What stands for an item in a legacy rollout. */
export function legacyForm(event: ItemCompletedEvent): LegacyForm {
  const convert = FORMS[event.item.type] as (item: TurnItem, event: ItemCompletedEvent) => LegacyForm;
  const form = convert(event.item, event);
  const lost = form.lost ?? unsaid(event.item);
  return lost === undefined ? form : { ...form, lost };
}

type Form<T extends TurnItemType> = (item: TurnItemOf<T>, event: ItemCompletedEvent) => LegacyForm;

const NO_DURATION = { secs: 0, nanos: 0 } as const;
/** What Codex says of a command that never ended. */
const NO_EXIT_CODE = -1;
const UNFINISHED: LegacyForm = { events: [], lost: "an item that was not over" };

const FORMS: { readonly [T in TurnItemType]: Form<T> } = {
  UserMessage: userMessageEvent,
  AgentMessage: agentMessage,
  Reasoning: ({ summary_text, raw_content = [] }) => ({
    events: [
      ...summary_text.map((text) => ({ type: "agent_reasoning", text }) as const),
      ...raw_content.map((text) => ({ type: "agent_reasoning_raw_content", text }) as const),
    ],
  }),
  ContextCompaction: () => ({ events: [{ type: "context_compacted" }] }),
  CommandExecution: commandExecution,
  FileChange: fileChange,
  McpToolCall: mcpToolCall,
  DynamicToolCall: dynamicToolCall,
  WebSearch: ({ id, query, action, results }) => webSearch(id, query, action, results),
  ImageView: ({ id, path }) => ({
    events: [{ type: "view_image_tool_call", call_id: id, path: pathOfUri(path) ?? path }],
  }),
  ImageGeneration: ({ id, status, revised_prompt, result, saved_path }) => ({
    events: [
      {
        type: "image_generation_end",
        call_id: id,
        status,
        ...given({ revised_prompt }),
        result,
        ...given({ saved_path }),
      },
    ],
  }),
  CollabAgentToolCall: collabEvent,
  SubAgentActivity: subAgentActivity,
  EnteredReviewMode: ({ id, target, user_facing_hint }, { turn_id }) => ({
    events: [{ type: "entered_review_mode", target, user_facing_hint, turn_id, item_id: id }],
  }),
  ExitedReviewMode: ({ id, review_output = null }, { turn_id }) => ({
    events: [{ type: "exited_review_mode", review_output, turn_id, item_id: id }],
  }),
  // The message that it is made from is there, and both modes make it from that.
  HookPrompt: () => ({ events: [] }),
  // Legacy rollouts hold these as they are (rollout-format §4); the last was written by 0.142.3, which alone reads it.
  Plan: asItIs,
  FunctionCallOutput: asItIs,
  Sleep: asItIs,
  Extension: extension,
};

function asItIs(_item: TurnItem, event: ItemCompletedEvent): LegacyForm {
  return { events: [event] };
}

function agentMessage(item: TurnItemOf<"AgentMessage">): LegacyForm {
  const { content, phase = null, memory_citation = null, delivery, questions } = item;
  const message = content.map(({ text }) => text).join("");
  return { events: [{ type: "agent_message", message, phase, memory_citation, ...given({ delivery, questions }) }] };
}

function commandExecution(item: TurnItemOf<"CommandExecution">, event: ItemCompletedEvent): LegacyForm {
  if (item.status === "in_progress") return UNFINISHED;
  const end: EventOf<"exec_command_end"> = {
    type: "exec_command_end",
    call_id: item.id,
    ...given({ process_id: item.process_id }),
    turn_id: event.turn_id,
    ...given({ completed_at_ms: event.completed_at_ms }),
    command: item.command,
    cwd: item.cwd,
    parsed_cmd: item.parsed_cmd,
    source: item.source,
    ...given({ interaction_input: item.interaction_input }),
    stdout: item.stdout ?? "",
    stderr: item.stderr ?? "",
    aggregated_output: item.aggregated_output ?? "",
    exit_code: item.exit_code ?? NO_EXIT_CODE,
    duration: item.duration ?? NO_DURATION,
    formatted_output: item.formatted_output ?? "",
    status: item.status,
  };
  return { events: [end] };
}

function fileChange(item: TurnItemOf<"FileChange">, { turn_id }: ItemCompletedEvent): LegacyForm {
  const { id, changes, status, stdout, stderr } = item;
  if (status == null) return UNFINISHED;
  const end: EventOf<"patch_apply_end"> = {
    type: "patch_apply_end",
    call_id: id,
    turn_id,
    stdout: stdout ?? "",
    stderr: stderr ?? "",
    success: status === "completed",
    changes,
    status,
  };
  return { events: [end] };
}

function mcpToolCall(item: TurnItemOf<"McpToolCall">, { turn_id }: ItemCompletedEvent): LegacyForm {
  if (item.status === "inProgress") return UNFINISHED;
  const end: EventOf<"mcp_tool_call_end"> = {
    type: "mcp_tool_call_end",
    call_id: item.id,
    turn_id,
    invocation: { server: item.server, tool: item.tool, arguments: item.arguments },
    ...given({
      mcp_app_resource_uri: item.mcpAppResourceUri,
      connector_id: item.connectorId,
      link_id: item.linkId,
      app_name: item.appName,
      action_name: item.actionName,
      plugin_id: item.pluginId,
      read_only_hint: item.readOnlyHint,
    }),
    duration: item.duration ?? NO_DURATION,
    result: mcpOutcome(item),
  };
  return { events: [end] };
}

/** One of the two is always there in what Codex writes; a failure may be told by the result. */
function mcpOutcome({ result, error, status }: TurnItemOf<"McpToolCall">): EventOf<"mcp_tool_call_end">["result"] {
  if (error != null) return { Err: error.message };
  if (result != null) return { Ok: status === "failed" ? { ...result, isError: true } : result };
  return status === "failed" ? { Err: "" } : { Ok: { content: [] } };
}

function dynamicToolCall(item: TurnItemOf<"DynamicToolCall">, event: ItemCompletedEvent): LegacyForm {
  const { id, namespace = null, tool, status, success, content_items, error = null, duration } = item;
  if (status === "in_progress") return UNFINISHED;
  const { secs, nanos } = duration ?? NO_DURATION;
  const response: EventOf<"dynamic_tool_call_response"> = {
    type: "dynamic_tool_call_response",
    call_id: id,
    turn_id: event.turn_id,
    completed_at_ms: event.completed_at_ms ?? 0,
    namespace,
    tool,
    arguments: item.arguments,
    content_items: content_items ?? [],
    success: success ?? status === "completed",
    error,
    duration: { secs, nanos },
  };
  return { events: [response] };
}

function webSearch(
  call_id: string,
  query: string,
  action: WebSearchAction,
  results: EventOf<"web_search_end">["results"],
): LegacyForm {
  return { events: [{ type: "web_search_end", call_id, query, action, ...given({ results }) }] };
}

function subAgentActivity(item: TurnItemOf<"SubAgentActivity">, event: ItemCompletedEvent): LegacyForm {
  const activity: EventOf<"sub_agent_activity"> = {
    type: "sub_agent_activity",
    event_id: item.id,
    occurred_at_ms: event.completed_at_ms ?? 0,
    agent_thread_id: item.agent_thread_id,
    agent_path: item.agent_path,
    kind: item.kind as EventOf<"sub_agent_activity">["kind"],
    ...given({ model: item.model, reasoning_effort: item.reasoning_effort }),
  };
  return { events: [activity] };
}

/** What extensions do is told by the events of the tools that they took the place of; a clock's sleep stays what it is. */
function extension(item: TurnItemOf<"Extension">, event: ItemCompletedEvent): LegacyForm {
  const id = item["id"];
  if (typeof id !== "string") return { events: [], lost: "an item of an extension that is not known" };
  if (item.kind === "clock.sleep") return { events: [event] };
  if (item.kind === "web.search") {
    const { query, action, results } = item as JsonObject;
    return webSearch(id, textOf(query), searchAction(action), Array.isArray(results) ? results : null);
  }
  if (item.kind !== "image_gen.generation") return { events: [], lost: "an item of an extension that is not known" };
  const { type: _type, kind: _kind, id: _id, result, fileId, ...others } = item as JsonObject;
  const members = Object.entries(others).filter(([, value]) => value !== null);
  const end = {
    type: "image_generation_end",
    call_id: id,
    ...Object.fromEntries(members.map(([name, value]) => [snakeCase(name), value])),
    ...(typeof fileId === "string" ? { fileId } : { result: result ?? "" }),
  };
  return { events: [end as JsonObject as unknown as EventOf<"image_generation_end">] };
}

/** `openPage` → `open_page`: actions of the extension in the spelling of the model's own. */
function searchAction(action: JsonValue | undefined): WebSearchAction {
  if (!isJsonObject(action)) return { type: "other" };
  return { ...action, type: snakeCase(textOf(action["type"])) };
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Members that the events do not have. */
const UNSAID: { readonly [T in TurnItemType]?: readonly string[] } = {
  AgentMessage: ["moderation"],
  CommandExecution: ["plugin_id", "script_path"],
  McpToolCall: ["mcpAppUi", "templateId"],
};

function unsaid(item: TurnItem): string | undefined {
  const names = UNSAID[item.type]?.filter((name) => (item as unknown as JsonObject)[name] != null) ?? [];
  return names.length === 0 ? undefined : `${names.join(" and ")} of an item`;
}
