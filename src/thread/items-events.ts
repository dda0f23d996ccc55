/**
 * The items of legacy rollouts, as clients see them: each from one event that stands for it (rollout-format §8.2). For
 * `turns-legacy.ts`, which numbers those that have no id of their own.
 */
import { parseUuid } from "../format/names.ts";
import type { EventOf, JsonArray, JsonValue } from "../format/record.ts";
import { trimmed } from "../format/user-message.ts";
import { mcpAppContext, mcpResult } from "./items-completed.ts";
import {
  type Draft,
  durationMs,
  fileUpdates,
  imageGeneration,
  memoryCitation,
  questions,
  reviewRequest,
  reviewText,
  textElements,
  webSearchAction,
} from "./items-parts.ts";
import type { ClientUserInput, HookPromptFragment, ImageSource, ReasoningItem, ThreadItem } from "./items.ts";

const NO_TIMES = { startedAtMs: null, completedAtMs: null } as const;

export function userMessage(id: string, event: EventOf<"user_message">): ThreadItem {
  return { type: "userMessage", id, clientId: event.client_id ?? null, content: userContent(event), ...NO_TIMES };
}

/** Text that is more than white space, then images, then sound. */
function userContent(event: EventOf<"user_message">): readonly ClientUserInput[] {
  const content: ClientUserInput[] = [];
  const { message } = event;
  if (trimmed(message) !== "")
    content.push({ type: "text", text: message, text_elements: textElements(event.text_elements) });
  for (const { source, detail } of imagesOf(event)) content.push({ type: "image", ...source, detail });
  for (const [index, path] of (event.local_images ?? []).entries())
    content.push({ type: "localImage", detail: detailAt(event.local_image_details, index), path });
  for (const url of event.audio ?? []) content.push({ type: "audio", url });
  for (const path of event.local_audio ?? []) content.push({ type: "localAudio", path });
  return content;
}

interface Image {
  readonly source: ImageSource;
  readonly detail: string | null;
}

/** Inline images and files, mixed as `image_order` says if it says it for each, else one kind after the other. */
function imagesOf(event: EventOf<"user_message">): readonly Image[] {
  const inline = (event.images ?? []).map((url, index) => ({
    source: { url },
    detail: detailAt(event.image_details, index),
  }));
  const files = (event.file_ids ?? []).map((fileId, index) => ({
    source: { fileId },
    detail: detailAt(event.file_id_details, index),
  }));
  const order = event.image_order ?? [];
  const inlineCount = order.filter((kind) => kind === "inline").length;
  if (inlineCount !== inline.length || order.length - inlineCount !== files.length) return [...inline, ...files];
  let [nextInline, nextFile] = [0, 0];
  return order.flatMap((kind) => (kind === "inline" ? (inline[nextInline++] ?? []) : (files[nextFile++] ?? [])));
}

function detailAt(details: JsonArray | undefined, index: number): string | null {
  const detail: JsonValue | undefined = details?.[index];
  return typeof detail === "string" ? detail : null;
}

export function agentMessage(id: string, event: EventOf<"agent_message">): ThreadItem {
  return {
    type: "agentMessage",
    moderation: null,
    id,
    text: event.message,
    phase: event.phase ?? null,
    memoryCitation: memoryCitation(event.memory_citation),
    delivery: event.delivery ?? null,
    questions: questions(event.questions),
    ...NO_TIMES,
  };
}

/** A reasoning item that more is added to as long as it is the last one. */
export interface ReasoningDraft extends Draft<ReasoningItem> {
  summary: string[];
  content: string[];
}

export function emptyReasoning(id: string): ReasoningDraft {
  return { type: "reasoning", id, summary: [], content: [], ...NO_TIMES };
}

export function hookPrompt(id: string, fragments: readonly HookPromptFragment[]): ThreadItem {
  return { type: "hookPrompt", id, fragments, ...NO_TIMES };
}

export function contextCompaction(id: string): ThreadItem {
  return { type: "contextCompaction", id, ...NO_TIMES };
}

export function enteredReview(id: string, event: EventOf<"entered_review_mode">): ThreadItem {
  return { type: "enteredReviewMode", id, review: reviewRequest(event.user_facing_hint), ...NO_TIMES };
}

export function exitedReview(id: string, event: EventOf<"exited_review_mode">): ThreadItem {
  return { type: "exitedReviewMode", id, review: reviewText(event.review_output), ...NO_TIMES };
}

export function patch(event: EventOf<"patch_apply_end">): ThreadItem {
  return {
    type: "fileChange",
    id: event.call_id,
    changes: fileUpdates(event.changes),
    status: event.status ?? "failed",
    ...NO_TIMES,
  };
}

export function mcpCall(event: EventOf<"mcp_tool_call_end">): ThreadItem {
  const { invocation, result, mcp_app_resource_uri: resourceUri } = event;
  const outcome = "Ok" in result ? result.Ok : undefined;
  return {
    type: "mcpToolCall",
    id: event.call_id,
    server: invocation.server,
    tool: invocation.tool,
    status: outcome === undefined || outcome["isError"] === true ? "failed" : "completed",
    arguments: invocation.arguments ?? null,
    appContext: mcpAppContext({
      connectorId: event.connector_id,
      linkId: event.link_id,
      resourceUri,
      appName: event.app_name,
      actionName: event.action_name,
    }),
    ...(resourceUri == null ? {} : { mcpAppResourceUri: resourceUri }),
    mcpAppUi: null,
    pluginId: event.plugin_id ?? null,
    readOnlyHint: event.read_only_hint ?? null,
    result: mcpResult(outcome),
    error: "Err" in result ? { message: result.Err } : null,
    durationMs: durationMs(event.duration),
    ...NO_TIMES,
  };
}

/** `action` is there: without it 0.169.0 does not take the line. */
export function webSearch(event: EventOf<"web_search_end">): ThreadItem {
  const { call_id, query, action, results } = event;
  return {
    type: "webSearch",
    id: call_id,
    query,
    action: action === undefined ? null : webSearchAction(action),
    results: results ?? null,
    ...NO_TIMES,
  };
}

interface NewestImageMembers {
  readonly generation_id?: JsonValue;
  readonly input_images?: JsonValue;
}

/** On disk the members are in snake case, but for `fileId`; old files lack the newest. */
export function generatedImage(event: EventOf<"image_generation_end"> & NewestImageMembers): ThreadItem {
  return imageGeneration({
    id: event.call_id,
    status: event.status,
    revisedPrompt: event.revised_prompt,
    result: event.result,
    fileId: event.fileId,
    savedPath: event.saved_path,
    transparentBackground: event.transparent_background,
    failure: event.failure,
    inputImages: event.input_images,
    generationId: event.generation_id,
  });
}

/** A moment of 0 is one of which nothing is known. */
export function subAgentActivity(event: EventOf<"sub_agent_activity">): ThreadItem {
  const { occurred_at_ms = 0 } = event;
  return {
    type: "subAgentActivity",
    model: event.model ?? null,
    reasoningEffort: event.reasoning_effort ?? null,
    id: event.event_id,
    kind: event.kind,
    agentThreadId: parseUuid(event.agent_thread_id) ?? event.agent_thread_id,
    agentPath: event.agent_path,
    startedAtMs: null,
    completedAtMs: occurred_at_ms === 0 ? null : occurred_at_ms,
  };
}
