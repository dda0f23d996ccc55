/**
 * What a client's view of turns leaves out and a trajectory needs, from one more walk over a thread's files: the calls as the model
 * made them, what they gave back, where each of the model's responses was counted, and the summaries of compactions.
 */
import { isJsonObject } from "../format/json.ts";
import { parseTimestamp } from "../format/names.ts";
import type { JsonArray, JsonObject, JsonValue, ResponseItem, RolloutRecord } from "../format/record.ts";
import { isOtherItem, type ToolOutput } from "../format/response-item.ts";
import type { ChainPosition, LineageSegment } from "../readers/lineage.ts";
import { readRollout } from "../readers/rollout.ts";

/** A call as it stands among the model's items (rollout-format §3.3). */
export interface RawCall {
  readonly id: string;
  readonly order: number;
  readonly tool: string;
  readonly arguments: JsonObject;
  readonly atMs: number | undefined;
  output: string | undefined;
  /** Where and when it came back. */
  outputOrder: number | undefined;
  outputMs: number | undefined;
}

/** A line that counts tokens. */
export interface TokenMark {
  readonly order: number;
  readonly segment: number;
  readonly atMs: number | undefined;
}

export interface StoryMarks {
  /** Those with an id, in their order. */
  readonly calls: readonly RawCall[];
  readonly tokens: readonly TokenMark[];
  /** Compactions, with the summary that they went on with; it is empty where only the model can read it. */
  readonly compactions: readonly { readonly order: number; readonly summary: string }[];
  /** Where messages of the user were shown: of releases that did not mark turns, a turn ends there at the latest. */
  readonly userMessages: readonly { readonly order: number }[];
}

/** More bytes than a file can have. */
const SEGMENT_ORDER = 2 ** 42;

/** Places as numbers that compare; of the files that a thread is made of the last is its own. */
export function orderOf({ segment, offset }: ChainPosition, segments: readonly LineageSegment[]): number {
  return (segment ?? segments.length - 1) * SEGMENT_ORDER + offset;
}

const KINDS: ReadonlySet<string> = new Set([
  "response_item/function_call",
  "response_item/function_call_output",
  "response_item/custom_tool_call",
  "response_item/custom_tool_call_output",
  "response_item/local_shell_call",
  "token_usage_record",
  "event_msg/token_count",
  "event_msg/user_message",
  "compacted",
]);

/** @throws RolloutError when a file cannot be read. */
export function readMarks(segments: readonly LineageSegment[]): StoryMarks {
  const walk = new MarksWalk();
  for (const [segment, { path, endOffset = Infinity }] of segments.entries()) {
    for (const entry of readRollout(path, { kinds: KINDS, skipEmpty: true })) {
      const { offset } = entry.position;
      if (offset >= endOffset) break;
      if (entry.ok) walk.add(entry.record, orderOf({ ...entry.position, segment }, segments), segment);
    }
  }
  return walk;
}

class MarksWalk implements StoryMarks {
  readonly calls: RawCall[] = [];
  readonly tokens: TokenMark[] = [];
  readonly compactions: { order: number; summary: string }[] = [];
  readonly userMessages: { order: number }[] = [];
  readonly #open = new Map<string, RawCall>();

  add(record: RolloutRecord, order: number, segment: number): void {
    const atMs = parseTimestamp(record.timestamp);
    if (record.type === "response_item") this.#addItem(record.payload, order, atMs);
    else if (record.type === "compacted") this.compactions.push({ order, summary: record.payload.message });
    else if (record.type !== "event_msg") this.tokens.push({ order, segment, atMs });
    else if (record.payload.type === "user_message") this.userMessages.push({ order });
    else this.tokens.push({ order, segment, atMs });
  }

  #addItem(item: ResponseItem, order: number, atMs: number | undefined): void {
    if (isOtherItem(item)) return;
    if (item.type === "function_call_output" || item.type === "custom_tool_call_output") {
      const call = item.call_id == null ? undefined : this.#open.get(item.call_id);
      if (call === undefined) return;
      [call.output, call.outputOrder, call.outputMs] = [outputText(item.output), order, atMs];
      return;
    }
    const made = madeCall(item);
    if (made === undefined || made.id === "") return;
    const call = { ...made, order, atMs, output: undefined, outputOrder: undefined, outputMs: undefined };
    this.calls.push(call);
    this.#open.set(made.id, call);
  }
}

function madeCall(item: ResponseItem): Pick<RawCall, "id" | "tool" | "arguments"> | undefined {
  if (isOtherItem(item)) return undefined;
  if (item.type === "function_call") {
    return { id: item.call_id, tool: qualified(item.namespace, item.name), arguments: argumentsOf(item.arguments) };
  }
  if (item.type === "custom_tool_call") {
    return { id: item.call_id, tool: qualified(item.namespace, item.name), arguments: { input: item.input } };
  }
  if (item.type !== "local_shell_call" || item.call_id == null) return undefined;
  const { command, working_directory: cwd, timeout_ms: timeout } = item.action;
  return {
    id: item.call_id,
    tool: "local_shell",
    arguments: {
      command: [...command],
      ...(cwd == null ? {} : { workdir: cwd }),
      ...(timeout == null ? {} : { timeout_ms: timeout }),
    },
  };
}

export function qualified(namespace: string | null | undefined, name: string): string {
  return namespace == null || namespace === "" ? name : `${namespace}.${name}`;
}

/** The arguments of a call are text, which the model may have got wrong. */
function argumentsOf(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // As it is, then.
  }
  return text === "" ? {} : { input: text };
}

function outputText(output: ToolOutput): string {
  return typeof output === "string" ? output : partsText(output as unknown as JsonArray);
}

/** Texts of the parts of an output; of parts without one, what they are. */
export function partsText(parts: JsonArray): string {
  return parts.map(partText).join("\n");
}

function partText(part: JsonValue): string {
  if (!isJsonObject(part)) return typeof part === "string" ? part : "";
  const { text, type } = part;
  if (typeof text === "string") return text;
  return typeof type === "string" ? `[${type}]` : "[part]";
}
