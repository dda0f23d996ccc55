/** Byte and line accounts of Codex's own migration: what of the lines before is left in the lines after. */
import { openBytes } from "../../src/readers/bytes.ts";

type Json = Readonly<Record<string, unknown>>;

/** The plain lines of a rollout, blank ones left out, each with its number. */
export function linesAt(path: string): readonly { readonly line: number; readonly text: string }[] {
  const reader = openBytes(path);
  try {
    const bytes = Buffer.concat(Array.from(reader.forward(), (chunk) => Buffer.from(chunk)));
    const lines: { line: number; text: string }[] = [];
    for (let at = 0, line = 1; at < bytes.length; line += 1) {
      const end = bytes.indexOf(10, at);
      const text = bytes.toString("utf8", at, end === -1 ? bytes.length : end).trim();
      if (text !== "") lines.push({ line, text });
      at = end === -1 ? bytes.length : end + 1;
    }
    return lines;
  } finally {
    reader.close();
  }
}

/**
 * What a line says, in words that it has in common with what the migration makes of it: an event and the item that is told instead have the
 * same. Undefined for a checkpoint without items, which the migration may put anywhere.
 */
export function gistOf(text: string): string | undefined {
  let line: Json;
  try {
    line = JSON.parse(text) as Json;
  } catch {
    return "no record";
  }
  const payload = (line["payload"] ?? {}) as Json;
  switch (line["type"]) {
    case "response_item":
      return `item ${text_(payload["type"])} ${text_(payload["role"])} ${text_(payload["call_id"])} ${wordsOf(payload)}`;
    case "compacted":
      return (payload["replacement_history"] as unknown[] | null | undefined)?.length === 0
        ? undefined
        : `compaction ${text_(payload["message"]).slice(0, 100)}`;
    case "turn_context":
      return `context ${text_(payload["turn_id"])} ${text_(payload["model"])}`;
    case "event_msg":
      return gistOfEvent(payload);
    default:
      return text_(line["type"]);
  }
}

function gistOfEvent(event: Json): string {
  const type = text_(event["type"]).replace(/^turn_(started|complete)$/, "task_$1");
  if (type === "item_completed") {
    const item = event["item"] as Json;
    return item["type"] === "Extension" ? "ImageGeneration" : text_(item["type"]);
  }
  if (type === "task_started" || type === "task_complete") return `${type} ${text_(event["turn_id"])}`;
  return TOLD[type] ?? type;
}

/** Events by the item that is told instead. */
const TOLD: Readonly<Record<string, string>> = {
  user_message: "UserMessage",
  agent_message: "AgentMessage",
  agent_reasoning: "Reasoning",
  agent_reasoning_raw_content: "Reasoning",
  exec_command_end: "CommandExecution",
  patch_apply_end: "FileChange",
  mcp_tool_call_end: "McpToolCall",
  web_search_end: "WebSearch",
  image_generation_end: "ImageGeneration",
  entered_review_mode: "EnteredReviewMode",
  exited_review_mode: "ExitedReviewMode",
  context_compacted: "ContextCompaction",
  sub_agent_activity: "SubAgentActivity",
  dynamic_tool_call_response: "DynamicToolCall",
};

function wordsOf({ content }: Json): string {
  if (!Array.isArray(content)) return "";
  return (content as readonly Json[])
    .map((part) => text_(part["text"]))
    .join("")
    .slice(0, 100);
}

function text_(value: unknown): string {
  return typeof value === "string" ? value : "";
}
