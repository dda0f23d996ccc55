/**
 * Items of early 2025 that today's format refuses, brought into a shape that it takes (rollout-format §12 against §3.3): what was sent to
 * the model then is to be sent again, in today's words. Pure: values in, values out. Whether the result is taken, the decoder says.
 */
import { isJsonObject, type JsonArray, type JsonObject, type JsonValue } from "../format/json.ts";

/** An item in today's shape. */
export interface Mended {
  readonly item: JsonObject;
  /** Something of the old item has no place in it. */
  readonly loses: boolean;
}

/** Undefined for what is no item of any kind that today's format knows. */
export function mendItem(value: JsonValue): Mended | undefined {
  if (!isJsonObject(value)) return undefined;
  const type = value["type"] ?? (typeof value["role"] === "string" ? "message" : undefined);
  if (typeof type !== "string" || !Object.hasOwn(MENDS, type)) return undefined;
  const draft = new Draft({ ...value, type });
  draft.keepTexts("id", "status");
  MENDS[type]?.(draft);
  return { item: draft.item, loses: draft.loses };
}

/** An item being mended. */
class Draft {
  item: JsonObject;
  loses = false;

  constructor(item: JsonObject) {
    this.item = item;
  }

  get(key: string): JsonValue | undefined {
    return Object.hasOwn(this.item, key) ? this.item[key] : undefined;
  }

  set(key: string, value: JsonValue): void {
    this.item = { ...this.item, [key]: value };
  }

  drop(key: string): void {
    const { [key]: _gone, ...rest } = this.item;
    this.item = rest;
  }

  /** Members that may be missing, yet must be text where they are there. */
  keepTexts(...keys: readonly string[]): void {
    for (const key of keys) {
      const value = this.get(key);
      if (value === undefined || value === null || typeof value === "string") continue;
      this.drop(key);
      this.loses = true;
    }
  }

  /** The text that a member has, or the one that it gets from somewhere else. */
  needText(key: string, otherwise: JsonValue | undefined): void {
    if (typeof this.get(key) === "string") return;
    if (otherwise !== undefined) this.set(key, typeof otherwise === "string" ? otherwise : JSON.stringify(otherwise));
  }
}

const MENDS: { readonly [type: string]: (draft: Draft) => void } = {
  message: mendMessage,
  reasoning: mendReasoning,
  local_shell_call: mendShellCall,
  local_shell_call_output: mendOutput,
  function_call: mendCall,
  function_call_output: mendOutput,
  custom_tool_call: mendCustomCall,
  custom_tool_call_output: mendCustomOutput,
  web_search_call: (draft) => keepObject(draft, "action"),
};

function mendMessage(draft: Draft): void {
  draft.needText("role", "user");
  const isAnswer = draft.get("role") === "assistant";
  const content = draft.get("content");
  const parts = Array.isArray(content) ? (content as JsonArray) : [content ?? ""];
  draft.set(
    "content",
    parts.flatMap((part) => messagePart(draft, part, isAnswer)),
  );
  draft.drop("phase");
}

function messagePart(draft: Draft, part: JsonValue, isAnswer: boolean): JsonArray {
  const textType = isAnswer ? "output_text" : "input_text";
  if (typeof part === "string") return part === "" ? [] : [{ type: textType, text: part }];
  if (isJsonObject(part)) {
    const { text, refusal } = part;
    const isText = TEXT_PARTS.has(part["type"]);
    if (isText && typeof text === "string") return [{ ...withLists(part), type: textType, text }];
    // What the model would not do, it said.
    if (isText && typeof refusal === "string") return [{ type: textType, text: refusal }];
    if (part["type"] === "input_image") return imagePart(draft, part);
  }
  draft.loses = true;
  return [];
}

/** Without what should be a list there and is none. */
function withLists(part: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(part).filter(([key, value]) => !["annotations", "logprobs"].includes(key) || Array.isArray(value)),
  );
}

const TEXT_PARTS: ReadonlySet<unknown> = new Set(["input_text", "output_text", "text", "refusal", undefined]);

/** A link given as `{url}`, as the older API had it, or as text. */
function imagePart(draft: Draft, part: JsonObject): JsonArray {
  const link = isJsonObject(part["image_url"]) ? part["image_url"]["url"] : part["image_url"];
  const reference = typeof link === "string" ? { image_url: link } : { file_id: part["file_id"] ?? null };
  if (!Object.values(reference).every((value) => typeof value === "string")) {
    draft.loses = true;
    return [];
  }
  const { detail } = part;
  const isKnown = typeof detail === "string" && ["auto", "low", "high", "original"].includes(detail);
  return [{ type: "input_image", ...reference, ...(isKnown ? { detail } : {}) }];
}

function mendReasoning(draft: Draft): void {
  draft.keepTexts("encrypted_content");
  draft.set("summary", textParts(draft, "summary", "summary_text"));
  const content = draft.get("content");
  if (content === undefined || content === null) return;
  draft.set("content", textParts(draft, "content", "reasoning_text"));
}

/** Whatever holds text, as parts of one type. */
function textParts(draft: Draft, key: string, type: string): JsonArray {
  const value = draft.get(key) ?? [];
  const parts = Array.isArray(value) ? (value as JsonArray) : [value];
  return parts.flatMap((part) => {
    const text = isJsonObject(part) ? part["text"] : part;
    if (typeof text === "string") return [{ type, text }];
    draft.loses = true;
    return [];
  });
}

function mendShellCall(draft: Draft): void {
  const { action } = draft.item;
  const status = draft.get("status");
  if (!["completed", "in_progress", "incomplete"].includes(status as string)) draft.set("status", "completed");
  draft.keepTexts("call_id");
  if (draft.get("call_id") == null) draft.needText("call_id", draft.get("id") ?? undefined);
  const old = isJsonObject(action) ? action : { command: action ?? draft.get("command") ?? [] };
  const { command, timeout_ms, working_directory, env, user } = old;
  const folder = working_directory ?? old["workdir"];
  draft.set("action", {
    type: "exec",
    command: (Array.isArray(command) ? (command as JsonArray) : [command ?? ""]).map((word) =>
      typeof word === "string" ? word : JSON.stringify(word),
    ),
    ...(Number.isSafeInteger(timeout_ms) && (timeout_ms as number) >= 0 ? { timeout_ms: timeout_ms as number } : {}),
    ...(typeof folder === "string" ? { working_directory: folder } : {}),
    ...(isJsonObject(env) ? { env: textsOf(env) } : {}),
    ...(typeof user === "string" ? { user } : {}),
  });
}

function textsOf(map: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(map).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

/** The older API had name and arguments in a member `function`, and called the call's id `id`. */
function mendCall(draft: Draft): void {
  const nested = draft.get("function");
  if (isJsonObject(nested)) {
    draft.needText("name", nested["name"]);
    draft.needText("arguments", nested["arguments"]);
    draft.drop("function");
  }
  draft.needText("name", "shell");
  draft.needText("arguments", draft.get("arguments") ?? "{}");
  draft.needText("call_id", draft.get("id") ?? undefined);
}

function mendCustomCall(draft: Draft): void {
  draft.needText("input", draft.get("input") ?? "");
  draft.needText("call_id", draft.get("id") ?? undefined);
}

/** Today a shell call's output is that of a function, too. */
function mendOutput(draft: Draft): void {
  draft.set("type", "function_call_output");
  draft.needText("call_id", draft.get("id") ?? undefined);
  draft.set("output", outputOf(draft, draft.get("output")));
}

function mendCustomOutput(draft: Draft): void {
  draft.needText("call_id", draft.get("id") ?? undefined);
  draft.set("output", outputOf(draft, draft.get("output")));
}

/** Text; a list of parts; or an object around text (rollout-format §3.3.1). */
function outputOf(draft: Draft, output: JsonValue | undefined): JsonValue {
  if (typeof output === "string") return output;
  if (output === undefined || output === null) return "";
  if (Array.isArray(output)) return (output as JsonArray).flatMap((part) => messagePart(draft, part, false));
  if (isJsonObject(output)) {
    const text = output["content"] ?? output["output"];
    if (typeof text === "string") {
      // Whether the call went well is said in no other place.
      if (Object.keys(output).length > 1) draft.loses = true;
      return text;
    }
  }
  return JSON.stringify(output);
}

function keepObject(draft: Draft, key: string): void {
  const value = draft.get(key);
  if (value === undefined || isJsonObject(value)) return;
  draft.drop(key);
  draft.loses = true;
}
