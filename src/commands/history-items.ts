/**
 * An item of the model's history for people: what it is, and its text in parts. Text of the rollout comes out as it is, for
 * `history-text.ts` to shorten and to escape; what nobody can read (images, encrypted text) is told by its size.
 */
import { isDeveloperContext, isSummaryText, userWrapperOf } from "../format/contextual.ts";
import { isJsonObject, type JsonValue } from "../format/json.ts";
import type { ResponseItem } from "../format/record.ts";
import {
  type ContentItem,
  isOtherItem,
  type KnownResponseItem,
  type ReasoningItem,
  type ResponseItemPayloads,
  type ResponseItemType,
  type ToolOutput,
  type ToolOutputContent,
} from "../format/response-item.ts";
import { formatBytes, formatCount } from "../io/text.ts";

/** `note`: our own words about something that is not shown; only `text` is shortened. */
export interface ItemPart {
  readonly kind: "text" | "note";
  readonly text: string;
}

/** Who speaks, for the colour of the heading. */
export type Speaker = "user" | "assistant" | "tool" | "context";

/** All texts but the notes may hold anything. */
export interface ItemText {
  readonly speaker: Speaker;
  /** Role or kind: the heading. */
  readonly title: string;
  /** What the heading says besides, such as a call's id. */
  readonly details: readonly string[];
  readonly parts: readonly ItemPart[];
}

/** Names of tools by the id of their call, filled as items go by: an output names its call by id alone. */
export type CallNames = Map<string, string>;

export function itemText(item: ResponseItem, names: CallNames): ItemText {
  if (isOtherItem(item)) return { ...blank("context", item.type), parts: [text(JSON.stringify(item))] };
  return (TEXTS[item.type] as (item: KnownResponseItem, names: CallNames) => ItemText)(item, names);
}

type TextOf<T extends ResponseItemType> = (item: ResponseItemPayloads[T], names: CallNames) => ItemText;

const TEXTS: { readonly [T in ResponseItemType]: TextOf<T> } = {
  message: ({ role, phase, content, encrypted_content: encrypted }) => {
    const wrapper = contextOf(role, content);
    return {
      speaker: wrapper !== undefined || !isSpeaker(role) ? "context" : role,
      title: role,
      details: [phase ?? "", wrapper ?? ""],
      parts: [...content.map(contentPart), ...encryptedParts(encrypted)],
    };
  },
  agent_message: ({ author, recipient, content }) => ({
    speaker: "user",
    title: "agent message",
    details: [`${author} → ${recipient}`],
    parts: content.map((part) =>
      part.type === "input_text" ? text(part.text) : encryptedNote(part.encrypted_content),
    ),
  }),
  reasoning: (item) => ({ speaker: "assistant", title: "reasoning", details: [], parts: reasoningParts(item) }),
  local_shell_call: ({ action, call_id: id, status }, names) => ({
    ...calling(names, id, "local_shell", [status]),
    parts: [text(action.command.join(" "))],
  }),
  function_call: ({ name, namespace, call_id: id, arguments: given, encrypted_function_args: encrypted }, names) => ({
    ...calling(names, id, qualified(name, namespace)),
    parts: [...argumentParts(given), ...(encrypted == null ? [] : [encryptedNote(JSON.stringify(encrypted))])],
  }),
  function_call_output: ({ call_id: id, name, namespace, output }, names) => ({
    ...answering(names, id, name == null ? undefined : qualified(name, namespace)),
    parts: outputParts(output),
  }),
  custom_tool_call: ({ name, namespace, call_id: id, input }, names) => ({
    ...calling(names, id, qualified(name, namespace)),
    parts: [text(input)],
  }),
  custom_tool_call_output: ({ call_id: id, name, output }, names) => ({
    ...answering(names, id, name ?? undefined),
    parts: outputParts(output),
  }),
  tool_search_call: ({ call_id: id, execution, arguments: given }, names) => ({
    ...calling(names, id, "tool_search", [execution]),
    parts: objectParts(given),
  }),
  tool_search_output: ({ call_id: id, execution, tools }, names) => ({
    ...answering(names, id, "tool_search"),
    parts: [note(toolsText(tools)), ...(execution === "client" ? [] : [note(`found by the ${execution}`)])],
  }),
  web_search_call: ({ action, status }) => ({
    ...blank("tool", "web search"),
    details: [action?.type ?? "", status ?? ""],
    parts: [action?.query, ...(action?.queries ?? []), action?.url, action?.pattern].flatMap((part) =>
      part == null || part === "" ? [] : [text(part)],
    ),
  }),
  image_generation_call: ({ status, revised_prompt: prompt, result }) => ({
    ...blank("tool", "image generation"),
    details: [status],
    parts: [...(prompt == null ? [] : [text(prompt)]), note(`image, ${formatBytes(decodedBytes(result.length))}`)],
  }),
  compaction: ({ encrypted_content: encrypted }) => ({
    ...blank("context", "compaction"),
    parts: encryptedParts(encrypted),
  }),
  context_compaction: ({ encrypted_content: encrypted }) => ({
    ...blank("context", "context compaction"),
    parts: encryptedParts(encrypted),
  }),
  compaction_trigger: () => blank("context", "compaction trigger"),
  additional_tools: ({ role, tools }) => ({
    ...blank("context", "additional tools"),
    details: [role],
    parts: [note(toolsText(tools))],
  }),
  configuration_update: ({ reasoning }) => ({
    ...blank("context", "configuration update"),
    parts: [text(`effort: ${reasoning.effort ?? "unchanged"}`)],
  }),
  ghost_snapshot: () => blank("context", "ghost snapshot"),
};

function blank(speaker: Speaker, title: string): ItemText {
  return { speaker, title, details: [], parts: [] };
}

function text(value: string): ItemPart {
  return { kind: "text", text: value };
}

function note(value: string): ItemPart {
  return { kind: "note", text: value };
}

function isSpeaker(role: string): role is "user" | "assistant" {
  return role === "user" || role === "assistant";
}

/** What Codex itself put into the conversation in another's name (rollout-format §5.4). */
function contextOf(role: string, content: readonly ContentItem[]): string | undefined {
  for (const part of content) {
    if (part.type !== "input_text") continue;
    if (role === "user") {
      const wrapper = userWrapperOf(part.text);
      if (wrapper !== undefined) return `context: ${wrapper}`;
      if (isSummaryText(part.text)) return "summary of a compaction";
    } else if (role === "developer" && isDeveloperContext(part.text)) {
      return `context: ${/^\s*<([\w -]{1,40})>/.exec(part.text)?.[1] ?? "developer"}`;
    }
  }
  return undefined;
}

function qualified(name: string, namespace: string | null | undefined): string {
  return namespace == null || namespace === "" ? name : `${namespace}.${name}`;
}

function calling(names: CallNames, id: string | null | undefined, name: string, details: readonly string[] = []) {
  if (id != null) names.set(id, name);
  return { speaker: "tool" as const, title: name, details: [id ?? "", ...details] };
}

function answering(names: CallNames, id: string | null | undefined, name: string | undefined) {
  const known = name ?? (id == null ? undefined : names.get(id));
  const title = known === undefined ? "output" : `output of ${known}`;
  return { speaker: "tool" as const, title, details: [id ?? ""] };
}

function reasoningParts({ summary, content, encrypted_content: encrypted }: ReasoningItem): readonly ItemPart[] {
  return [
    ...summary.map((part) => text(part.text)),
    ...(content ?? []).map((part) => text(part.text)),
    ...encryptedParts(encrypted),
  ];
}

function encryptedParts(encrypted: string | null | undefined): readonly ItemPart[] {
  return encrypted == null ? [] : [encryptedNote(encrypted)];
}

function encryptedNote(encrypted: string): ItemPart {
  return note(`encrypted, ${formatBytes(Buffer.byteLength(encrypted))}`);
}

function contentPart(part: ContentItem | ToolOutputContent): ItemPart {
  switch (part.type) {
    case "input_text":
    case "output_text":
      return text(part.text);
    case "input_image":
      return mediaNote("image", part.image_url, part.file_id);
    case "input_audio":
      return mediaNote("audio", part.audio_url, part.file_id);
    default:
      return encryptedNote(part.encrypted_content);
  }
}

/** Of a `data:` URL type and size; other places as they are, as far as one line. */
function mediaNote(what: string, url: string | null | undefined, fileId: string | null | undefined): ItemPart {
  if (url == null) return note(fileId == null ? what : `${what}, file ${fileId.slice(0, URL_LENGTH)}`);
  const data = /^data:([\w.+-]{1,40}\/[\w.+-]{1,40})?[^,]{0,80},/.exec(url);
  if (data === null) return note(`${what} at ${url.slice(0, URL_LENGTH)}`);
  const [head, type] = data;
  const length = url.length - head.length;
  return note(`${type ?? what}, ${formatBytes(head.endsWith(";base64,") ? decodedBytes(length) : length)}`);
}

const URL_LENGTH = 300;

/** Bytes that so many characters of base64 stand for. */
function decodedBytes(characters: number): number {
  return Math.floor((characters * 3) / 4);
}

/** Arguments come as the text of a JSON object; whatever else they are is shown as it is. */
function argumentParts(given: string): readonly ItemPart[] {
  return given === "" ? [] : fromJson(given, (value) => (isJsonObject(value) ? objectParts(value) : undefined));
}

/** `name: value`, texts with their line ends. */
function objectParts(value: JsonValue): readonly ItemPart[] {
  if (!isJsonObject(value)) return [text(JSON.stringify(value))];
  return Object.entries(value).map(([name, member]) => text(`${name}: ${memberText(member)}`));
}

function memberText(value: JsonValue): string {
  if (typeof value === "string") return value;
  return Array.isArray(value) && value.every((word) => typeof word === "string")
    ? value.map(shellWord).join(" ")
    : JSON.stringify(value);
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** Releases of 2025 give the model a shell's output as JSON with the exit code beside it. */
function outputParts(output: ToolOutput): readonly ItemPart[] {
  if (typeof output !== "string") return output.map(contentPart);
  return output.startsWith('{"output":') ? fromJson(output, wrappedParts) : [text(output)];
}

function wrappedParts(wrapped: JsonValue): readonly ItemPart[] | undefined {
  if (!isJsonObject(wrapped)) return undefined;
  const { output, metadata = {} } = wrapped;
  if (typeof output !== "string") return undefined;
  const words = Object.entries(isJsonObject(metadata) ? metadata : {}).map(
    ([name, value]) => `${name} ${memberText(value)}`,
  );
  return [...(words.length === 0 ? [] : [text(words.join(", "))]), text(output)];
}

/** What `tell` makes of the JSON in a text; the text itself if it is none, is of another shape, or is nested beyond measure. */
function fromJson(json: string, tell: (value: JsonValue) => readonly ItemPart[] | undefined): readonly ItemPart[] {
  try {
    return tell(JSON.parse(json) as JsonValue) ?? [text(json)];
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return [text(json)];
    throw error;
  }
}

const SHOWN_TOOLS = 12;

function toolsText(tools: readonly JsonValue[]): string {
  const names = tools.slice(0, SHOWN_TOOLS).map((tool) => {
    const name = isJsonObject(tool) ? (tool["name"] ?? tool["type"]) : undefined;
    return typeof name === "string" ? name.slice(0, 80) : "?";
  });
  const more = tools.length > names.length ? [`and ${formatCount(tools.length - names.length)} more`] : [];
  return `${formatCount(tools.length)} ${tools.length === 1 ? "tool" : "tools"}: ${[...names, ...more].join(", ")}`;
}
