/**
 * What a client's item is in the table of items: its text, its output, and how it went. One maker for each type, so that a new type
 * does not compile until it is known here.
 */
import type { JsonArray, JsonValue } from "../format/record.ts";
import { isJsonObject } from "../format/json.ts";
import type { ClientUserInput, ThreadItem } from "../thread/items.ts";
import { jsonText, lines } from "./cells.ts";

/** What an item has to tell. Members that are left out are null. */
export interface ItemTold {
  readonly text?: string | null;
  readonly output?: string | null;
  readonly status?: string | null;
  readonly exitCode?: number | null;
  readonly durationMs?: number | null;
  readonly tool?: string | null;
}

export function itemTold(item: ThreadItem): ItemTold {
  const tell = TELL[item.type] as (item: ThreadItem) => ItemTold;
  return tell(item);
}

/** Commands, patches and everything else that a tool did. */
export function isToolCall({ type }: ThreadItem): boolean {
  return TOOLS.has(type);
}

const TOOLS: ReadonlySet<ThreadItem["type"]> = new Set([
  "commandExecution",
  "fileChange",
  "mcpToolCall",
  "dynamicToolCall",
  "functionCallOutput",
  "collabAgentToolCall",
  "webSearch",
  "imageView",
  "imageGeneration",
  "sleep",
] as const);

type ItemOf<T extends ThreadItem["type"]> = Extract<ThreadItem, { readonly type: T }>;

const TELL: { readonly [T in ThreadItem["type"]]: (item: ItemOf<T>) => ItemTold } = {
  userMessage: ({ content }) => ({ text: lines(content.map(inputText)) }),
  hookPrompt: ({ fragments }) => ({ text: lines(fragments.map(({ text }) => text)) }),
  agentMessage: ({ text }) => ({ text }),
  functionCallOutput: ({ name, namespace, output }) => ({
    tool: named(namespace, name),
    output: typeof output === "string" ? output : partsText(output),
  }),
  plan: ({ text }) => ({ text }),
  reasoning: ({ summary, content }) => ({ text: lines([...summary, ...content]) }),
  commandExecution: ({ command, aggregatedOutput: output, status, exitCode, durationMs }) => {
    return { text: command, output, status, exitCode, durationMs };
  },
  fileChange: ({ changes, status }) => ({ text: lines(changes.map(changeText)), status }),
  mcpToolCall: ({ server, tool, status, arguments: given, result, error, durationMs }) => ({
    tool: named(server, tool),
    text: jsonText(given),
    output:
      error === null ? result && (partsText(result.content) ?? jsonText(result.structuredContent)) : error.message,
    status,
    durationMs,
  }),
  dynamicToolCall: ({ namespace, tool, arguments: given, status, contentItems, durationMs }) => ({
    tool: named(namespace, tool),
    text: jsonText(given),
    output: contentItems && partsText(contentItems),
    status,
    durationMs,
  }),
  collabAgentToolCall: ({ tool, status, prompt }) => ({ tool, status, text: prompt }),
  subAgentActivity: ({ kind, agentPath }) => ({ status: kind, text: agentPath }),
  webSearch: ({ query, results }) => ({ text: query, output: jsonText(results) }),
  imageView: ({ path }) => ({ text: path }),
  sleep: ({ durationMs }) => ({ durationMs }),
  imageGeneration: ({ status, revisedPrompt }) => ({ status, text: revisedPrompt }),
  enteredReviewMode: ({ review }) => ({ text: review }),
  exitedReviewMode: ({ review }) => ({ text: review }),
  contextCompaction: () => ({}),
};

function named(space: string | null, name: string): string {
  return space === null || space === "" ? name : `${space}.${name}`;
}

/** What was typed, and what was attached by its name: the bytes of images do not belong into a table. */
export function inputText(input: ClientUserInput): string {
  switch (input.type) {
    case "text":
      return input.text;
    case "localImage":
    case "localAudio":
      return input.path;
    case "skill":
    case "mention":
      return input.name;
    default:
      return `[${input.type}]`;
  }
}

function changeText({ path, kind, diff }: ItemOf<"fileChange">["changes"][number]): string {
  return `${kind.type} ${path}\n${diff}`;
}

/** Texts of the parts of an output; of parts without one, what they are. */
function partsText(parts: JsonArray): string | null {
  return lines(parts.map(partText));
}

function partText(part: JsonValue): string {
  if (!isJsonObject(part)) return jsonText(part) ?? "";
  const { text, type } = part;
  if (typeof text === "string") return text;
  return typeof type === "string" ? `[${type}]` : "[part]";
}
