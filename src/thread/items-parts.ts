/**
 * Parts that several items have, and the error of a turn, from the words of a rollout into those of the app server
 * (rollout-format §8.1). For `items-completed.ts`, `items-events.ts` and the two builders of turns.
 */
import type { TaskError } from "../format/event.ts";
import { isJsonObject, ownValue } from "../format/json.ts";
import type { Duration, FileChange } from "../format/parts.ts";
import type { JsonArray, JsonObject, JsonValue } from "../format/record.ts";
import type { WebSearchAction } from "../format/response-item.ts";
import { trimmed } from "../format/user-message.ts";
import type {
  AgentMessageItem,
  ClientWebSearchAction,
  CodexErrorInfo,
  FileUpdate,
  ImageGenerationItem,
  MemoryCitation,
  TextElement,
  TurnError,
} from "./items.ts";

/** An item that is being made or added to; what leaves a fold is read-only again. */
export type Draft<T> = T extends unknown ? { -readonly [K in keyof T]: T[K] } : never;

/** Whole milliseconds; null for what no clock measures. */
export function durationMs(duration: Duration | null | undefined): number | null {
  if (duration == null) return null;
  const ms = duration.secs * 1000 + Math.floor(duration.nanos / 1_000_000);
  return Number.isSafeInteger(ms) ? ms : null;
}

export function textElements(elements: JsonArray | undefined): readonly TextElement[] {
  return (elements ?? []).filter(isJsonObject).map((element) => {
    const range = element["byte_range"];
    const { start, end } = isJsonObject(range) ? range : {};
    return { byteRange: { start: Number(start), end: Number(end) }, placeholder: textOrNull(element["placeholder"]) };
  });
}

export function memoryCitation(citation: JsonObject | null | undefined): MemoryCitation | null {
  if (citation == null) return null;
  const entries = listOf(citation["entries"])
    .filter(isJsonObject)
    .map(({ path, lineStart, lineEnd, note }) => ({
      path: textOf(path),
      lineStart: Number(lineStart),
      lineEnd: Number(lineEnd),
      note: textOf(note),
    }));
  return { entries, threadIds: listOf(citation["rolloutIds"]).map(textOf) };
}

export function questions(list: JsonArray | null | undefined): AgentMessageItem["questions"] {
  if (list == null) return null;
  return list.filter(isJsonObject).map(({ title, options = null }) => ({ title: textOf(title), options }));
}

/** In the order of the paths' code points. */
export function fileUpdates(changes: { readonly [path: string]: FileChange } | undefined): readonly FileUpdate[] {
  const updates = Object.entries(changes ?? {}).map(([path, change]) => fileUpdate(path, change));
  return updates.toSorted((one, other) => compareCodePoints(one.path, other.path));
}

function fileUpdate(path: string, change: FileChange): FileUpdate {
  if (change.type !== "update") return { path, kind: { type: change.type }, diff: change.content };
  const moved = change.move_path ?? null;
  const diff = moved === null ? change.unified_diff : `${change.unified_diff}\n\nMoved to: ${moved}`;
  return { path, kind: { type: "update", move_path: moved }, diff };
}

/** As bytes of UTF-8 compare: code units do so too, but for surrogates, which stand for more than all other units. */
function compareCodePoints(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    const difference = rank(one.charCodeAt(at)) - rank(other.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** Words of the model's own format: `open_page`. */
export function webSearchAction(action: WebSearchAction): ClientWebSearchAction {
  return searchAction(action as unknown as JsonObject, "open_page", "find_in_page");
}

/** Words of an extension: `openPage`. */
export function extensionSearchAction(action: JsonValue | undefined): ClientWebSearchAction | null {
  return isJsonObject(action) ? searchAction(action, "openPage", "findInPage") : null;
}

function searchAction(action: JsonObject, openPage: string, findInPage: string): ClientWebSearchAction {
  switch (action["type"]) {
    case "search": {
      const queries = action["queries"];
      return {
        type: "search",
        query: textOrNull(action["query"]),
        queries: Array.isArray(queries) ? queries.map(textOf) : null,
      };
    }
    case openPage:
      return { type: "openPage", url: textOrNull(action["url"]) };
    case findInPage:
      return { type: "findInPage", url: textOrNull(action["url"]), pattern: textOrNull(action["pattern"]) };
    default:
      return { type: "other" };
  }
}

/** The members of a generated image as its extension has them; `result` gives way to `fileId`. */
export interface GeneratedImage {
  readonly id: string;
  readonly status: string;
  readonly revisedPrompt?: JsonValue | undefined;
  readonly result?: JsonValue | undefined;
  readonly fileId?: JsonValue | undefined;
  readonly savedPath?: JsonValue | undefined;
  readonly transparentBackground?: JsonValue | undefined;
  readonly failure?: JsonValue | undefined;
  readonly inputImages?: JsonValue | undefined;
  readonly generationId?: JsonValue | undefined;
}

export function imageGeneration(image: GeneratedImage): ImageGenerationItem {
  const { fileId, result, savedPath, transparentBackground, inputImages } = image;
  const inputs = listOf(inputImages);
  return {
    type: "imageGeneration",
    id: image.id,
    status: image.status,
    revisedPrompt: textOrNull(image.revisedPrompt),
    ...(typeof fileId === "string" ? { fileId } : { result: textOf(result) }),
    transparentBackground: typeof transparentBackground === "boolean" ? transparentBackground : null,
    failure: imageFailure(image.failure),
    ...(typeof savedPath === "string" ? { savedPath } : {}),
    ...(inputs.length > 0 ? { inputImages: inputs } : {}),
    generationId: textOrNull(image.generationId),
    startedAtMs: null,
    completedAtMs: null,
  };
}

function imageFailure(failure: JsonValue | undefined): JsonObject | null {
  if (!isJsonObject(failure)) return null;
  const { type = null, limitId = null, resetsAt = null } = failure;
  return { type, limitId, resetsAt };
}

/** Text, or nothing: of members that the decoder has looked at it is always text. */
export function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}

export function textOrNull(value: JsonValue | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function listOf(value: JsonValue | undefined): JsonArray {
  return Array.isArray(value) ? value : [];
}

const WITHOUT_HINT = "Review requested.";
const WITHOUT_OUTPUT = "Reviewer failed to output a response.";

export function reviewRequest(hint: string | null | undefined): string {
  return hint ?? WITHOUT_HINT;
}

/** What a review came to, as text: its explanation, then its findings with their places. */
export function reviewText(output: JsonObject | null | undefined): string {
  if (output == null) return WITHOUT_OUTPUT;
  const findings = listOf(output["findings"]).filter(isJsonObject);
  const heading = findings.length > 1 ? "Full review comments:" : "Review comment:";
  const comments = findings.map((finding) => `\n${findingText(finding)}`);
  const parts = [trimmed(textOf(output["overall_explanation"]))];
  if (comments.length > 0) parts.push(trimmed([heading, ...comments].join("\n")));
  return parts.filter((part) => part !== "").join("\n\n") || WITHOUT_OUTPUT;
}

function findingText({ title, body, code_location: location }: JsonObject): string {
  const { absolute_file_path: path, line_range: range } = isJsonObject(location) ? location : {};
  const { start, end } = isJsonObject(range) ? range : {};
  const head = `- ${textOf(title)} — ${textOf(path)}:${Number(start)}-${Number(end)}`;
  const lines = textOf(body).split(/\r?\n/);
  // A last line end begins no line.
  if (lines.at(-1) === "") lines.pop();
  return [head, ...lines.map((line) => `  ${line}`)].join("\n");
}

const ERROR_WORDS: ReadonlySet<string> = new Set([
  "context_window_exceeded",
  "session_budget_exceeded",
  "usage_limit_exceeded",
  "rate_limit_exceeded",
  "flex_unavailable",
  "server_overloaded",
  "model_not_found",
  "policy_capacity_unavailable",
  "inference_hook_denied",
  "cyber_policy",
  "misalignment_policy_violation",
  "too_many_denials",
  "internal_server_error",
  "unauthorized",
  "bad_request",
  "thread_rollback_failed",
  "sandbox_error",
]);

const HTTP_ERROR_WORDS: ReadonlySet<string> = new Set([
  "http_connection_failed",
  "response_stream_connection_failed",
  "response_stream_disconnected",
  "response_too_many_failed_attempts",
]);

export function turnError({ message, codex_error_info: info }: TaskError): TurnError {
  return {
    message,
    codexErrorInfo: info == null ? null : errorInfo(info),
    additionalDetails: null,
    misalignment: null,
  };
}

/** Words that 0.169.0 does not know become `other`. */
function errorInfo(info: JsonValue): CodexErrorInfo {
  const [word = ""] = isJsonObject(info) ? Object.keys(info) : [textOf(info)];
  if (ERROR_WORDS.has(word)) return camelCase(word);
  const given = isJsonObject(info) ? ownValue(info, word) : undefined;
  const detail: JsonObject = isJsonObject(given) ? given : {};
  if (HTTP_ERROR_WORDS.has(word)) return { [camelCase(word)]: { httpStatusCode: detail["http_status_code"] ?? null } };
  if (word === "active_turn_not_steerable")
    return { activeTurnNotSteerable: { turnKind: detail["turn_kind"] ?? null } };
  return "other";
}

/** `in_progress` → `inProgress`: words of a rollout in the spelling of the app server. */
export function camelCase(word: string): string {
  return word.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
