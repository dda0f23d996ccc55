/** What a client's item is as a call of a tool: name, arguments, what came back. Undefined members are not told by the item. */
import { isJsonObject } from "../format/json.ts";
import { parseUuid } from "../format/names.ts";
import type { JsonObject, JsonValue } from "../format/record.ts";
import type { ThreadItem } from "../thread/items.ts";
import { jsonText } from "./cells.ts";
import { partsText, qualified } from "./story-marks.ts";

export interface ToldCall {
  readonly tool: string;
  readonly arguments: JsonObject;
  readonly output: string | undefined;
  readonly status?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly durationMs?: number | undefined;
  /** Threads of agents that it began or spoke to; valid ids. */
  readonly agents?: readonly string[] | undefined;
}

type ItemOf<T extends ThreadItem["type"]> = Extract<ThreadItem, { readonly type: T }>;

/** Undefined for an item that is no call. */
export function callOf(item: ThreadItem): ToldCall | undefined {
  switch (item.type) {
    case "commandExecution":
      return commandCall(item);
    case "fileChange":
      return {
        tool: "apply_patch",
        arguments: { changes: item.changes.map(changeOf) },
        output: undefined,
        status: item.status,
      };
    case "mcpToolCall":
      return mcpCall(item);
    case "dynamicToolCall": {
      const { namespace, tool, contentItems, status, durationMs } = item;
      const output = contentItems === null ? undefined : partsText(contentItems);
      return {
        tool: qualified(namespace, tool),
        arguments: asObject(item.arguments),
        output,
        status,
        durationMs: durationMs ?? undefined,
      };
    }
    case "functionCallOutput": {
      const output = typeof item.output === "string" ? item.output : partsText(item.output);
      return { tool: qualified(item.namespace, item.name), arguments: {}, output };
    }
    case "collabAgentToolCall":
      return agentCall(item);
    case "webSearch":
      return { tool: "web_search", arguments: { query: item.query }, output: jsonText(item.results) ?? undefined };
    case "imageView":
      return { tool: "view_image", arguments: { path: item.path }, output: undefined };
    case "sleep":
      return {
        tool: "sleep",
        arguments: { duration_ms: item.durationMs },
        output: undefined,
        durationMs: item.durationMs,
      };
    case "imageGeneration": {
      const prompt = item.revisedPrompt === null ? {} : { prompt: item.revisedPrompt };
      return { tool: "image_generation", arguments: prompt, output: item.savedPath, status: item.status };
    }
    default:
      return undefined;
  }
}

function commandCall(item: ItemOf<"commandExecution">): ToldCall {
  const { command, cwd, aggregatedOutput: output, status, exitCode, durationMs } = item;
  return {
    tool: "shell",
    arguments: { command, cwd },
    output: output ?? undefined,
    status,
    exitCode: exitCode ?? undefined,
    durationMs: durationMs ?? undefined,
  };
}

function mcpCall({
  server,
  tool,
  arguments: given,
  result,
  error,
  status,
  durationMs,
}: ItemOf<"mcpToolCall">): ToldCall {
  const text = result === null ? undefined : partsText(result.content) || (jsonText(result.structuredContent) ?? "");
  return {
    tool: qualified(server, tool),
    arguments: asObject(given),
    output: error?.message ?? text,
    status: error === null ? status : "failed",
    durationMs: durationMs ?? undefined,
  };
}

function agentCall({ tool, prompt, model, receiverThreadIds, status }: ItemOf<"collabAgentToolCall">): ToldCall {
  const given = { ...(prompt === null ? {} : { prompt }), ...(model === null ? {} : { model }) };
  return {
    tool,
    arguments: given,
    output: undefined,
    status,
    agents: receiverThreadIds.flatMap((id) => parseUuid(id) ?? []),
  };
}

function changeOf({ path, kind, diff }: ItemOf<"fileChange">["changes"][number]): JsonObject {
  return {
    path,
    kind: kind.type,
    ...("move_path" in kind && kind.move_path !== null ? { move_path: kind.move_path } : {}),
    diff,
  };
}

function asObject(value: JsonValue): JsonObject {
  if (value === null) return {};
  return isJsonObject(value) ? value : { input: value };
}
