/**
 * What a record says in words, piece by piece: who, in which sense, and by what the same saying is known again where it is
 * written down a second time (rollout-format §3.3, §3.9). Pure. From records to the matching in `search-file.ts`.
 */
import type { EventMsg, EventOf } from "../format/event.ts";
import { isJsonObject, type JsonValue, parseObject } from "../format/json.ts";
import type { FileChange } from "../format/parts.ts";
import type { RolloutRecord } from "../format/record.ts";
import {
  isOtherItem,
  type KnownResponseItem,
  type ResponseItemPayloads,
  type ToolOutput,
} from "../format/response-item.ts";
import type { TurnItem, TurnItemPayloads } from "../format/turn-item.ts";
import { userMessageText } from "../format/user-message.ts";
import type { TextKind } from "./search-types.ts";

export interface Saying {
  readonly kind: TextKind;
  readonly speaker: string;
  /** Searched one by one. */
  readonly texts: readonly string[];
  /** Which of the three ways to write things down this is: the same saying stands at most once in each. */
  readonly form: "response" | "event" | "item";
  /** Of the call that a command and its output belong to; sayings without one are known again by their words. */
  readonly callId?: string | undefined;
  /** Whether Codex's own search looks at it: messages of users and assistants, but for the items of paginated threads. */
  readonly isConversation: boolean;
}

type Part = Omit<Saying, "form" | "isConversation"> & { readonly isConversation?: boolean };

/** All sayings of a record that are of these kinds. */
export function sayingsOf(record: RolloutRecord, kinds: ReadonlySet<TextKind>): readonly Saying[] {
  const told = partsOf(record).filter(({ kind }) => kinds.has(kind));
  if (!kinds.has("other")) return told;
  const texts = wordsIn(record.payload as unknown as JsonValue);
  return [...told, { kind: "other", speaker: nameOf(record), texts, form: formOf(record), isConversation: false }];
}

/** Kinds of sayings that a line of this peek kind can have beside `other`. */
export function kindsOfLine(kind: string): readonly TextKind[] {
  return LINE_KINDS.get(kind) ?? [];
}

const LINE_KINDS: ReadonlyMap<string, readonly TextKind[]> = new Map<string, readonly TextKind[]>([
  ["event_msg/user_message", ["message"]],
  ["event_msg/agent_message", ["message"]],
  ["event_msg/agent_reasoning", ["reasoning"]],
  ["event_msg/agent_reasoning_raw_content", ["reasoning"]],
  ["event_msg/exec_command_end", ["command", "output"]],
  ["event_msg/patch_apply_end", ["command", "output"]],
  ["event_msg/mcp_tool_call_end", ["command", "output"]],
  ["event_msg/web_search_end", ["command"]],
  ["event_msg/item_completed", ["message", "command", "output", "reasoning"]],
  ["response_item/message", ["message"]],
  ["response_item/agent_message", ["message"]],
  ["response_item/reasoning", ["reasoning"]],
  ["response_item/local_shell_call", ["command"]],
  ["response_item/function_call", ["command"]],
  ["response_item/function_call_output", ["output"]],
  ["response_item/custom_tool_call", ["command"]],
  ["response_item/custom_tool_call_output", ["output"]],
  ["response_item/tool_search_call", ["command"]],
  ["response_item/web_search_call", ["command"]],
  ["inter_agent_communication", ["message"]],
  ["realtime_item", ["message"]],
]);

function partsOf(record: RolloutRecord): readonly Saying[] {
  const form = formOf(record);
  return rawParts(record).map((part) => ({
    ...part,
    form,
    isConversation: form !== "item" && part.isConversation === true,
  }));
}

function formOf({ type, payload }: RolloutRecord): Saying["form"] {
  if (type !== "event_msg") return "response";
  return payload.type === "item_completed" ? "item" : "event";
}

function nameOf({ type, payload }: RolloutRecord): string {
  if (type === "response_item" && payload.type === "message") return (payload as { role: string }).role;
  return type === "event_msg" || type === "response_item" ? payload.type : type;
}

function rawParts(record: RolloutRecord): readonly Part[] {
  switch (record.type) {
    case "response_item": {
      const item = record.payload;
      return isOtherItem(item) ? [] : partsOfItem(item);
    }
    case "event_msg":
      return partsOfEvent(record.payload);
    case "inter_agent_communication":
      return [message(record.payload.author, [record.payload.content])];
    case "realtime_item": {
      const { payload } = record;
      return payload.type === "transcript_segment" ? [message(payload.role, [payload.text])] : [];
    }
    default:
      return [];
  }
}

function message(speaker: string, texts: readonly string[], isConversation = false): Part {
  return { kind: "message", speaker, texts, isConversation };
}

const reasoning = (text: string): Part => ({ kind: "reasoning", speaker: "assistant", texts: [text] });

function command(speaker: string, texts: readonly string[], callId?: string | null): Part {
  return { kind: "command", speaker, texts, callId: callId ?? undefined };
}

function output(speaker: string, texts: readonly string[], callId?: string | null): Part {
  return { kind: "output", speaker, texts, callId: callId ?? undefined };
}

type ItemReaders = { readonly [T in keyof ResponseItemPayloads]?: (item: ResponseItemPayloads[T]) => readonly Part[] };

const ITEMS: ItemReaders = {
  message: ({ role, content }) => {
    const texts = content.flatMap((part) => ("text" in part ? [part.text] : []));
    // What the harness tells the model is not what anybody said.
    return role === "user" || role === "assistant" ? [message(role, texts, true)] : [];
  },
  agent_message: ({ author, content }) => [
    message(
      author,
      content.flatMap((part) => (part.type === "input_text" ? [part.text] : [])),
    ),
  ],
  reasoning: ({ summary, content }) => [...summary, ...(content ?? [])].map(({ text }) => reasoning(text)),
  local_shell_call: (item) => [command("shell", [item.action.command.join(" ")], item.call_id)],
  function_call: (item) => [command(item.name, argumentTexts(item.arguments), item.call_id)],
  function_call_output: (item) => [output(item.name ?? "output", outputTexts(item.output), item.call_id)],
  custom_tool_call: (item) => [command(item.name, [item.input], item.call_id)],
  custom_tool_call_output: (item) => [output(item.name ?? "output", outputTexts(item.output), item.call_id)],
  tool_search_call: (item) => [command("tool_search", wordsIn(item.arguments), item.call_id)],
  web_search_call: ({ id, action }) => [command("web_search", wordsIn((action ?? {}) as JsonValue), id)],
};

function partsOfItem(item: KnownResponseItem): readonly Part[] {
  const read = ITEMS[item.type] as ((item: KnownResponseItem) => readonly Part[]) | undefined;
  return read?.(item) ?? [];
}

type EventReaders = { readonly [T in EventMsg["type"]]?: (event: EventOf<T>) => readonly Part[] };

const EVENTS: EventReaders = {
  user_message: (event) => [userMessage(event)],
  agent_message: (event) => [message("assistant", [event.message], true)],
  agent_reasoning: ({ text }) => [reasoning(text)],
  agent_reasoning_raw_content: ({ text }) => [reasoning(text)],
  exec_command_end: (event) => [
    command("shell", [(event.command ?? []).join(" ")], event.call_id),
    output("shell", firstOf([event.aggregated_output ?? ""], [event.stdout ?? "", event.stderr ?? ""]), event.call_id),
  ],
  patch_apply_end: ({ changes, stdout, stderr, call_id: id }) => [
    command("apply_patch", changeTexts(changes ?? {}), id),
    output("apply_patch", [stdout, stderr], id),
  ],
  mcp_tool_call_end: ({ invocation, result, call_id: id }) => [
    command(invocation.tool, wordsIn(invocation.arguments ?? null), id),
    output(invocation.tool, wordsIn(result), id),
  ],
  web_search_end: ({ query, call_id: id }) => [command("web_search", [query], id)],
  item_completed: ({ item }) => partsOfTurnItem(item),
};

function partsOfEvent(event: EventMsg): readonly Part[] {
  const read = EVENTS[event.type] as ((event: EventMsg) => readonly Part[]) | undefined;
  return read?.(event) ?? [];
}

type TurnItemReaders = { readonly [T in keyof TurnItemPayloads]?: (item: TurnItemPayloads[T]) => readonly Part[] };

const TURN_ITEMS: TurnItemReaders = {
  UserMessage: (item) => [userMessage(item)],
  AgentMessage: ({ content }) => [
    message(
      "assistant",
      content.map(({ text }) => text),
      true,
    ),
  ],
  Plan: ({ text }) => [message("assistant", [text])],
  Reasoning: (item) => [...item.summary_text, ...(item.raw_content ?? [])].map(reasoning),
  CommandExecution: (item) => [
    command("shell", [item.command.join(" ")], item.id),
    output(
      "shell",
      firstOf([item.aggregated_output ?? item.formatted_output ?? ""], [item.stdout ?? "", item.stderr ?? ""]),
      item.id,
    ),
  ],
  FileChange: ({ id, changes, stdout, stderr }) => [
    command("apply_patch", changeTexts(changes), id),
    output("apply_patch", [stdout ?? "", stderr ?? ""], id),
  ],
  McpToolCall: ({ id, tool, arguments: values, result, error }) => [
    command(tool, wordsIn(values), id),
    output(tool, [...wordsIn(result ?? null), error?.message ?? ""], id),
  ],
  DynamicToolCall: ({ id, tool, arguments: values, content_items: items, error }) => [
    command(tool, wordsIn(values), id),
    output(tool, [...wordsIn(items ?? null), error ?? ""], id),
  ],
  FunctionCallOutput: ({ id, name, output: given }) => [output(name, outputTexts(given), id)],
  WebSearch: ({ id, query, results }) => [
    command("web_search", [query], id),
    output("web_search", wordsIn(results ?? null), id),
  ],
  CollabAgentToolCall: ({ id, tool, prompt }) => [command(tool, [prompt ?? ""], id)],
};

function partsOfTurnItem(item: TurnItem): readonly Part[] {
  const read = TURN_ITEMS[item.type] as ((item: TurnItem) => readonly Part[]) | undefined;
  return read?.(item) ?? [];
}

/** Without what an editor put in front of the request, as Codex shows it (state-and-compression §2.6). */
function userMessage(item: EventOf<"user_message"> | TurnItemPayloads["UserMessage"]): Part {
  const found = userMessageText(item);
  return message("user", found !== undefined && "text" in found ? [found.text] : [], true);
}

/** The first group that says anything. */
function firstOf(...groups: readonly (readonly string[])[]): readonly string[] {
  return groups.find((group) => group.some((text) => text !== "")) ?? [];
}

function changeTexts(changes: { readonly [path: string]: FileChange }): readonly string[] {
  return Object.entries(changes).flatMap(([path, change]) => [
    path,
    change.type === "update" ? change.unified_diff : change.content,
  ]);
}

/** Arguments are JSON written by a model: their texts if they are, else all of it as it is. */
function argumentTexts(text: string): readonly string[] {
  const values = parseObject(text);
  return Object.keys(values).length === 0 ? [text] : wordsIn(values);
}

/** Up to about 0.4x the text of an output was put into JSON together with the exit code. */
function outputTexts(given: ToolOutput): readonly string[] {
  if (typeof given !== "string") return given.flatMap((part) => (part.type === "input_text" ? [part.text] : []));
  if (!given.startsWith('{"output":')) return [given];
  const inner = parseObject(given)["output"];
  return [typeof inner === "string" ? inner : given];
}

/** Members that name, point or enclose instead of telling something. */
const SILENT = /^(?:type|id|ids|.*_ids?|.*Ids?|encrypted_.*|image_url|audio_url|timestamp)$/;

/** All texts of a value, at any depth; a list of texts is one, as the words of a command are. */
function wordsIn(value: JsonValue): readonly string[] {
  const texts: string[] = [];
  const pending: JsonValue[] = [value];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next === "string") texts.push(next);
    else if (Array.isArray(next)) {
      const list: readonly JsonValue[] = next;
      if (list.length > 1 && list.every((word) => typeof word === "string")) texts.push(list.join(" "));
      else pending.push(...list.toReversed());
    } else if (isJsonObject(next)) {
      const members = Object.entries(next).filter(([key]) => !SILENT.test(key));
      for (const [, member] of members.toReversed()) pending.push(member);
    }
  }
  return texts;
}
