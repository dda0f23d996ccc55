/**
 * The items that events of a legacy rollout stand for, as a paginated rollout holds them: `item` of `item_completed`
 * (rollout-format §9.2 to §3.9.2). Members and their order are those that 0.169.0 writes when it migrates. For `canonical.ts`.
 */
import { hookPromptOf } from "../format/hook-prompt.ts";
import type { EventMsg, EventOf, JsonObject, JsonValue, ResponseItem, TurnItem, TurnItemOf } from "../format/record.ts";
import { isOtherItem } from "../format/response-item.ts";
import type { UserInput } from "../format/turn-item.ts";
import { trimmed } from "../format/user-message.ts";

export function userMessage(id: string, event: EventOf<"user_message">): TurnItem {
  return {
    type: "UserMessage",
    id,
    ...(event.client_id == null ? {} : { client_id: event.client_id }),
    content: userContent(event),
  };
}

/** Text that is more than white space, then images, then sound. */
function userContent(event: EventOf<"user_message">): readonly UserInput[] {
  const { message: text, text_elements = [] } = event;
  return [
    ...(trimmed(text) === "" ? [] : [{ type: "text" as const, text, text_elements }]),
    ...imagesOf(event),
    ...(event.local_images ?? []).map((path, at) => ({
      type: "local_image" as const,
      path,
      ...detailAt(event.local_image_details, at),
    })),
    ...(event.audio ?? []).map((audio_url) => ({ type: "audio" as const, audio_url })),
    ...(event.local_audio ?? []).map((path) => ({ type: "local_audio" as const, path })),
  ];
}

/** Inline images and files, mixed as `image_order` says if it says it for each, else one kind after the other. */
function imagesOf(event: EventOf<"user_message">): readonly UserInput[] {
  const inline = (event.images ?? []).map((image_url, at): UserInput => ({
    type: "image",
    image_url,
    ...detailAt(event.image_details, at),
  }));
  const files = (event.file_ids ?? []).map((file_id, at): UserInput => ({
    type: "image",
    file_id,
    ...detailAt(event.file_id_details, at),
  }));
  const order = event.image_order ?? [];
  const inlineCount = order.filter((kind) => kind === "inline").length;
  if (inlineCount !== inline.length || order.length - inlineCount !== files.length) return [...inline, ...files];
  const [nextInline, nextFile] = [inline.values(), files.values()];
  return order.flatMap((kind) => (kind === "inline" ? nextInline : nextFile).next().value ?? []);
}

function detailAt(details: readonly JsonValue[] | undefined, at: number): { readonly detail?: string } {
  const detail: JsonValue | undefined = details?.[at];
  return typeof detail === "string" ? { detail } : {};
}

export function agentMessage(id: string, event: EventOf<"agent_message">): TurnItem {
  const { message: text, phase, memory_citation, delivery, questions } = event;
  return {
    type: "AgentMessage",
    id,
    content: [{ type: "Text", text }],
    ...present({ phase, memory_citation, delivery, questions }),
  };
}

/** Undefined for a message that is not altogether made of hook prompts. `id`: for one that has none of its own. */
export function hookPrompt(item: ResponseItem, id: () => string): TurnItem | undefined {
  if (isOtherItem(item) || item.type !== "message" || item.role !== "user" || item.content.length === 0)
    return undefined;
  const fragments = item.content.map((part) => (part.type === "input_text" ? hookPromptOf(part.text) : undefined));
  if (!fragments.every((fragment) => fragment !== undefined)) return undefined;
  return { type: "HookPrompt", id: item.id ?? id(), fragments };
}

/** What an event that ends something says of it. `turnId`: undefined where the event names none. */
export interface EndedItem {
  readonly turnId: string | undefined;
  /** Undefined: it is to be numbered. */
  readonly id: string | undefined;
  make(id: string): TurnItem;
}

type Ended = (event: never) => EndedItem;

/** The events that stand for an item of their own. Those of them that no release keeps now are found in *extended* files (§4). */
const ENDED = {
  exec_command_end: (event: EventOf<"exec_command_end">) => ended(event.turn_id, event.call_id, () => command(event)),
  patch_apply_end: (event: EventOf<"patch_apply_end">) => ended(event.turn_id, event.call_id, () => patch(event)),
  mcp_tool_call_end: (event: EventOf<"mcp_tool_call_end">) => ended(event.turn_id, event.call_id, () => mcpCall(event)),
  web_search_end: (event: EventOf<"web_search_end">) => ended(undefined, event.call_id, () => webSearch(event)),
  image_generation_end: (event: EventOf<"image_generation_end">) =>
    ended(undefined, event.call_id, () => generatedImage(event)),
  sub_agent_activity: (event: EventOf<"sub_agent_activity">) => ended(undefined, event.event_id, () => activity(event)),
  dynamic_tool_call_response: (event: JsonObject) =>
    ended(textIn(event, "turn_id"), textIn(event, "call_id"), (id) => dynamicCall(id, event)),
  entered_review_mode: (event: EventOf<"entered_review_mode">) =>
    ended(event.turn_id, event.item_id, (id) => ({
      type: "EnteredReviewMode",
      id,
      target: event.target ?? {},
      user_facing_hint: event.user_facing_hint ?? "Review requested.",
    })),
  exited_review_mode: (event: EventOf<"exited_review_mode">) =>
    ended(event.turn_id, event.item_id, (id) => ({
      type: "ExitedReviewMode",
      id,
      review_output: event.review_output ?? null,
    })),
  context_compacted: () => ended(undefined, undefined, (id) => ({ type: "ContextCompaction", id })),
} as const;

const endings: ReadonlyMap<string, Ended> = new Map(Object.entries(ENDED));

/** Undefined for an event that stands for no item of its own, and for one too incomplete to be one. */
export function endedItem(event: EventMsg): EndedItem | undefined {
  if (event.type === "dynamic_tool_call_response" && !isWholeCall(event)) return undefined;
  return endings.get(event.type)?.(event as never);
}

function ended(turnId: string | null | undefined, id: string | null | undefined, make: EndedItem["make"]): EndedItem {
  return { turnId: turnId == null || turnId === "" ? undefined : turnId, id: id ?? undefined, make };
}

function command(event: EventOf<"exec_command_end">): TurnItemOf<"CommandExecution"> {
  const output = event.aggregated_output;
  return {
    type: "CommandExecution",
    id: event.call_id,
    ...present({ process_id: event.process_id }),
    command: event.command ?? [],
    cwd: event.cwd ?? "",
    parsed_cmd: event.parsed_cmd ?? [],
    source: event.source ?? "agent",
    ...present({ interaction_input: event.interaction_input }),
    status: (event.status ?? "completed") as TurnItemOf<"CommandExecution">["status"],
    ...(output === undefined || output === "" ? {} : { aggregated_output: output }),
    exit_code: event.exit_code,
    duration: event.duration,
  };
}

function patch(event: EventOf<"patch_apply_end">): TurnItem {
  return {
    type: "FileChange",
    id: event.call_id,
    changes: event.changes ?? {},
    ...present({ status: event.status }),
    stdout: event.stdout,
    stderr: event.stderr,
  };
}

function mcpCall(event: EventOf<"mcp_tool_call_end">): TurnItem {
  const { invocation, result } = event;
  const outcome = "Ok" in result ? result.Ok : undefined;
  const isDone = outcome !== undefined && outcome["isError"] !== true;
  return {
    type: "McpToolCall",
    id: event.call_id,
    server: invocation.server,
    tool: invocation.tool,
    arguments: invocation.arguments ?? null,
    ...present({
      connectorId: event.connector_id,
      mcpAppResourceUri: event.mcp_app_resource_uri,
      linkId: event.link_id,
      appName: event.app_name,
      actionName: event.action_name,
      pluginId: event.plugin_id,
      readOnlyHint: event.read_only_hint,
    }),
    status: isDone ? "completed" : "failed",
    ...("Ok" in result ? { result: result.Ok } : { error: { message: result.Err } }),
    duration: event.duration,
  };
}

function webSearch({ call_id: id, query, action, results }: EventOf<"web_search_end">): TurnItem {
  return { type: "WebSearch", id, query, action: action ?? { type: "other" }, ...present({ results }) };
}

/** The newest members, which older files have none of. */
type NewestImage = EventOf<"image_generation_end"> & {
  readonly generation_id?: JsonValue;
  readonly input_images?: JsonValue;
};

function generatedImage(event: NewestImage): TurnItem {
  const inputs = event.input_images;
  return {
    type: "Extension",
    kind: "image_gen.generation",
    id: event.call_id,
    status: event.status,
    revisedPrompt: event.revised_prompt ?? null,
    ...(event.fileId === undefined ? { result: event.result ?? "" } : { fileId: event.fileId }),
    transparentBackground: event.transparent_background ?? null,
    failure: event.failure ?? null,
    ...(event.saved_path == null ? {} : { savedPath: event.saved_path }),
    ...(Array.isArray(inputs) && inputs.length > 0 ? { inputImages: inputs } : {}),
    generationId: event.generation_id ?? null,
  };
}

function activity(event: EventOf<"sub_agent_activity">): TurnItem {
  return {
    type: "SubAgentActivity",
    model: event.model ?? null,
    reasoning_effort: event.reasoning_effort ?? null,
    id: event.event_id,
    kind: event.kind,
    agent_thread_id: event.agent_thread_id,
    agent_path: event.agent_path,
  };
}

function dynamicCall(id: string, event: JsonObject): TurnItem {
  const { content_items, duration, error, namespace, success } = event;
  return {
    type: "DynamicToolCall",
    id,
    ...present({ namespace: namespace as string | null }),
    tool: textIn(event, "tool") ?? "",
    arguments: event["arguments"] ?? null,
    status: success === true ? "completed" : "failed",
    ...present({ content_items, success, error, duration }),
  } as unknown as TurnItem;
}

/** No decoder looks into this event, since no policy keeps it. */
function isWholeCall(event: JsonObject): boolean {
  const texts = ["call_id", "turn_id", "tool"].every((name) => textIn(event, name) !== undefined);
  return texts && Array.isArray(event["content_items"]) && typeof event["success"] === "boolean";
}

function textIn(object: JsonObject, name: string): string | undefined {
  const value = object[name];
  return typeof value === "string" ? value : undefined;
}

type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], null | undefined> };

/** Without the members of which nothing is known. */
function present<T extends object>(members: T): Present<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value != null)) as Present<T>;
}
