/**
 * An item of a turn in one line for people: a word for its type, and the most telling part of it. Text of the rollout comes
 * out as it is, for `turns-text.ts` to cut and to escape.
 */
import type { ClientUserInput, FileUpdate, ThreadItem } from "../thread/items.ts";
import { formatCount, formatSeconds } from "../io/text.ts";

export interface ItemLine {
  /** One word of ours. */
  readonly word: string;
  /** May hold anything. */
  readonly text: string;
  /** Outcome, in words of ours and of the rollout; empty for nothing to say. */
  readonly outcome: string;
}

type ItemType = ThreadItem["type"];
type ItemOf<T extends ItemType> = Extract<ThreadItem, { readonly type: T }>;

/** The word for each type, for one and for several of them. */
export const ITEM_WORDS: { readonly [T in ItemType]: readonly [one: string, many: string] } = {
  userMessage: ["user message", "user messages"],
  hookPrompt: ["hook prompt", "hook prompts"],
  agentMessage: ["answer", "answers"],
  functionCallOutput: ["output", "outputs"],
  plan: ["plan", "plans"],
  reasoning: ["reasoning", "reasonings"],
  commandExecution: ["command", "commands"],
  fileChange: ["file change", "file changes"],
  mcpToolCall: ["MCP call", "MCP calls"],
  dynamicToolCall: ["tool call", "tool calls"],
  collabAgentToolCall: ["agent call", "agent calls"],
  subAgentActivity: ["agent activity", "agent activities"],
  webSearch: ["web search", "web searches"],
  imageView: ["image view", "image views"],
  sleep: ["sleep", "sleeps"],
  imageGeneration: ["image", "images"],
  enteredReviewMode: ["review begun", "reviews begun"],
  exitedReviewMode: ["review done", "reviews done"],
  contextCompaction: ["compaction", "compactions"],
};

export function itemLine(item: ThreadItem): ItemLine {
  const told = (LINES[item.type] as (item: ThreadItem) => string | readonly [string, string])(item);
  const [text, outcome] = typeof told === "string" ? [told, ""] : told;
  return { word: ITEM_WORDS[item.type][0], text, outcome };
}

type LineOf<T extends ItemType> = (item: ItemOf<T>) => string | readonly [text: string, outcome: string];

const LINES: { readonly [T in ItemType]: LineOf<T> } = {
  userMessage: ({ content }) => userText(content),
  hookPrompt: ({ fragments }) => fragments.map((fragment) => fragment.text).join(" "),
  agentMessage: ({ text, questions, phase }) => [
    questions === null ? text : [text, ...questions.map(({ title }) => title)].join(" "),
    phase === "commentary" ? "commentary" : "",
  ],
  functionCallOutput: ({ name, namespace, output }) =>
    `${qualified(namespace, name)}: ${typeof output === "string" ? output : JSON.stringify(output)}`,
  plan: ({ text }) => text,
  reasoning: ({ summary, content }) => [...summary, ...content].join(" "),
  commandExecution: ({ command, exitCode, durationMs, status }) => [
    `$ ${command}`,
    outcomeText(exitCode === null ? stateOf(status) : exitCode === 0 ? "" : `exit ${exitCode}`, durationMs),
  ],
  fileChange: ({ changes, status }) => [changes.map(changeText).join(", "), stateOf(status)],
  mcpToolCall: ({ server, tool, status, error, durationMs }) => [
    `${server}.${tool}`,
    outcomeText(error === null ? stateOf(status) : error.message, durationMs),
  ],
  dynamicToolCall: ({ namespace, tool, status, success, durationMs }) => [
    qualified(namespace, tool),
    outcomeText(success === false ? "failed" : stateOf(status), durationMs),
  ],
  collabAgentToolCall: ({ tool, receiverThreadIds, prompt, status }) => [
    [tool, ...receiverThreadIds, prompt ?? ""].join(" "),
    stateOf(status),
  ],
  subAgentActivity: ({ kind, agentPath, agentThreadId }) => [`${agentPath} ${agentThreadId}`, kind],
  webSearch: ({ query, results }) => [query, results === null ? "" : `${formatCount(results.length)} results`],
  imageView: ({ path }) => path,
  sleep: ({ durationMs }) => formatSeconds(durationMs / 1000),
  imageGeneration: ({ revisedPrompt, savedPath, status }) => [revisedPrompt ?? savedPath ?? "", stateOf(status)],
  enteredReviewMode: ({ review }) => review,
  exitedReviewMode: ({ review }) => review,
  contextCompaction: () => "",
};

/** What a person said; what they added besides text in brackets. */
export function userText(content: readonly ClientUserInput[]): string {
  return content.map(inputText).join(" ");
}

function inputText(input: ClientUserInput): string {
  switch (input.type) {
    case "text":
      return input.text;
    case "image":
    case "audio":
      return `[${input.type}]`;
    case "localImage":
      return `[image ${input.path}]`;
    case "localAudio":
      return `[audio ${input.path}]`;
    default:
      return `[${input.type} ${input.name}]`;
  }
}

function changeText({ path, kind }: FileUpdate): string {
  return kind.type === "update" && kind.move_path !== null
    ? `move ${path} → ${kind.move_path}`
    : `${kind.type} ${path}`;
}

function qualified(namespace: string | null, name: string): string {
  return namespace === null || namespace === "" ? name : `${namespace}.${name}`;
}

/** That something was done as it should be goes without saying. */
function stateOf(status: string): string {
  return status === "completed" ? "" : status === "inProgress" ? "unfinished" : status;
}

const LEAST_TOLD_MS = 10;

function outcomeText(state: string, durationMs: number | null): string {
  const duration = durationMs === null || durationMs < LEAST_TOLD_MS ? "" : formatSeconds(durationMs / 1000);
  return [state, duration].filter((part) => part !== "").join(", ");
}
