/**
 * A thread as OpenTelemetry traces, by the GenAI semantic conventions in OTLP's JSON mapping: what a collector's file receiver, or
 * anything that takes OTLP over HTTP, can be given. Each turn of the thread's own is a trace: the turn `invoke_agent`, below it a `chat`
 * for each of the model's responses and an `execute_tool` for each call. Threads go by `gen_ai.conversation.id`.
 *
 * The conventions are in development, so that their version is a part of the output (`schemaUrl`).
 */
import { createHash } from "node:crypto";
import type { TokenResponse } from "../analysis/tokens-file.ts";
import type { JsonObject, JsonValue } from "../format/record.ts";
import type { ClientUserInput } from "../thread/items.ts";
import type { DocumentOptions } from "./atif.ts";
import { jsonText, whole } from "./cells.ts";
import type { AgentStep, Story, StoryCall, StoryStep, StoryTurn } from "./story.ts";

/** Of the semantic conventions. */
export const OTEL_SEMCONV_VERSION = "1.41.0";
const SCHEMA_URL = `https://opentelemetry.io/schemas/${OTEL_SEMCONV_VERSION}`;
const SCOPE = "rollout-tool";

/** Enumerations are numbers in OTLP's JSON. */
const KIND = { internal: 1, client: 3 } as const;
const STATUS_ERROR = 2;

type Attribute = string | number | boolean | readonly string[] | { readonly double: number } | undefined;
type Attributes = Readonly<Record<string, Attribute>>;

/** One `TracesData` message of OTLP. */
export function otelOf(story: Story, { content }: DocumentOptions): JsonObject {
  const { facts } = story.thread.newest;
  const resource = { "service.name": "codex", "service.version": facts.cliVersion };
  const spans = story.turns.filter((turn) => !turn.isInherited).flatMap((turn) => turnSpans(story, turn, content));
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: SCOPE }, spans, schemaUrl: SCHEMA_URL }],
        schemaUrl: SCHEMA_URL,
      },
    ],
  };
}

interface SpanPlace {
  readonly traceId: string;
  readonly parentSpanId?: string;
  readonly spanId: string;
}

interface SpanTold {
  readonly name: string;
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly error?: string | undefined;
}

function turnSpans(story: Story, turn: StoryTurn, content: boolean): readonly JsonObject[] {
  const key = `${story.thread.id}\n${turn.id}\n${String(turn.index)}`;
  const [traceId, spanId] = [hexOf(`trace\n${key}`, 16), hexOf(`turn\n${key}`, 8)];
  const [startMs, endMs] = turnTimes(story, turn);
  const common = commonAttributes(story);
  const spans: JsonObject[] = [span({ traceId, spanId }, turnTold(story, turn, { startMs, endMs, content }))];
  let freeMs = startMs;
  let number = 0;
  let waiting: JsonObject[] = [];
  const below = (word: string): SpanPlace => ({
    traceId,
    parentSpanId: spanId,
    spanId: hexOf(`${word}\n${key}\n${String(number++)}`, 8),
  });
  for (const step of turn.steps) {
    if (step.source !== "agent") {
      waiting.push(...inputMessages(step));
      continue;
    }
    const chatEndMs = clamp(step.responses.at(-1)?.atMs ?? step.atMs ?? freeMs, freeMs, endMs);
    const messages = content
      ? { "gen_ai.input.messages": jsonText(waiting) ?? "[]", "gen_ai.output.messages": outputMessages(step) }
      : {};
    const chat = {
      startMs: freeMs,
      endMs: chatEndMs,
      attributes: { ...common, ...chatAttributes(step, turn), ...messages },
    };
    const model = modelOf(step, turn);
    spans.push(span(below("chat"), { name: named("chat", model), kind: KIND.client, ...chat }));
    freeMs = chatEndMs;
    waiting = [];
    for (const call of step.calls) {
      const told = callTold(call, { startMs: chatEndMs, endMs, common, content });
      spans.push(span(below("call"), told));
      freeMs = Math.max(freeMs, told.endMs);
      waiting.push(toolMessage(call));
    }
  }
  return spans;
}

/** In order, and known as well as anything tells; 0 is OTLP's word for a time that is not. */
function turnTimes({ thread }: Story, { startMs, endMs, steps }: StoryTurn): readonly [startMs: number, endMs: number] {
  const times = steps.flatMap((step) => {
    const calls = step.source === "agent" ? step.calls.map((call) => call.endMs) : [];
    const counted = step.source === "agent" ? step.responses.map(({ atMs }) => atMs) : [];
    return [step.atMs, ...calls, ...counted].filter((time) => time !== undefined && time > 0);
  }) as readonly number[];
  const known = [startMs, endMs, ...times].filter((time) => time !== undefined && time > 0) as readonly number[];
  const first = startMs ?? known.reduce((a, b) => Math.min(a, b), Infinity);
  const start = Number.isFinite(first) ? first : (thread.createdAtMs ?? 0);
  return [start, known.reduce((a, b) => Math.max(a, b), endMs ?? start)];
}

function commonAttributes({ thread, meta }: Story): Attributes {
  return {
    "gen_ai.provider.name": meta?.model_provider ?? "openai",
    "gen_ai.conversation.id": thread.id,
  };
}

function turnTold(
  story: Story,
  turn: StoryTurn,
  { startMs, endMs, content }: { readonly startMs: number; readonly endMs: number; readonly content: boolean },
): SpanTold {
  const { facts } = story.thread.newest;
  const responses = turn.steps.flatMap((step) => (step.source === "agent" ? step.responses : []));
  const answer = turn.steps.findLast((step) => step.source === "agent" && step.messages.length > 0);
  const info = turn.error?.codexErrorInfo;
  const error =
    turn.status !== "failed"
      ? undefined
      : ((typeof info === "object" && info !== null ? Object.keys(info)[0] : info) ?? "_OTHER");
  const agent = facts.agentNickname ?? "codex";
  const attributes = {
    "gen_ai.operation.name": "invoke_agent",
    ...commonAttributes(story),
    "gen_ai.agent.name": agent,
    "gen_ai.agent.version": facts.cliVersion,
    "gen_ai.request.model": turn.model ?? story.model,
    ...usageAttributes(responses),
    "error.type": error,
    "codex.turn.id": turn.id,
    "codex.turn.status": turn.status,
    "codex.turn.effort": turn.effort,
    "codex.turn.first_token_ms": turn.firstTokenMs === undefined ? undefined : { double: turn.firstTokenMs },
    "codex.parent_thread.id": facts.parentId,
    "codex.forked_from.id": facts.forkedFromId,
    ...(content
      ? {
          "gen_ai.input.messages":
            jsonText(turn.steps.flatMap((step) => (step.source === "user" ? inputMessages(step) : []))) ?? "[]",
          "gen_ai.output.messages":
            answer?.source === "agent" ? outputMessages({ ...answer, calls: [], reasoning: [] }) : undefined,
        }
      : {}),
  };
  const message = content ? turn.error?.message : undefined;
  return {
    name: named("invoke_agent", agent),
    kind: KIND.internal,
    startMs,
    endMs,
    attributes,
    ...(error === undefined ? {} : { error: message ?? "" }),
  };
}

function chatAttributes(step: AgentStep, turn: StoryTurn): Attributes {
  const { responses, calls } = step;
  const id = responses.find(({ rung }) => rung === "record")?.key;
  return {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": modelOf(step, turn),
    "gen_ai.response.id": id,
    "gen_ai.response.finish_reasons": [calls.length > 0 ? "tool_call" : "stop"],
    ...usageAttributes(responses),
    // Rollouts have the time at which a response was counted, and none at which it was asked for.
    "codex.start_is_derived": true,
    "codex.responses": responses.length,
  };
}

function modelOf({ responses }: AgentStep, { model }: StoryTurn): string | undefined {
  return responses.at(-1)?.model ?? model;
}

function usageAttributes(responses: readonly TokenResponse[]): Attributes {
  if (responses.length === 0) return {};
  const sum = (pick: (usage: TokenResponse["usage"]) => number): number =>
    responses.reduce((total, { usage }) => total + whole(pick(usage)), 0);
  return {
    "gen_ai.usage.input_tokens": sum((usage) => usage.input_tokens),
    "gen_ai.usage.cache_read.input_tokens": sum((usage) => usage.cached_input_tokens),
    "gen_ai.usage.output_tokens": sum((usage) => usage.output_tokens),
    "gen_ai.usage.reasoning.output_tokens": sum((usage) => usage.reasoning_output_tokens),
  };
}

interface CallPlace {
  readonly startMs: number;
  readonly endMs: number;
  readonly common: Attributes;
  readonly content: boolean;
}

function callTold(call: StoryCall, { startMs: from, endMs: to, common, content }: CallPlace): SpanTold {
  // A call may begin before the response that made it is counted, and not before the turn; in damaged files anything is possible.
  const startMs = Math.min(call.startMs ?? from, to);
  const endMs = clamp(call.endMs ?? startMs + (call.durationMs ?? 0), startMs, Math.max(to, startMs));
  const isFailed = call.status === "failed" || (call.exitCode !== undefined && call.exitCode !== 0);
  const attributes = {
    "gen_ai.operation.name": "execute_tool",
    ...common,
    "gen_ai.tool.name": call.tool,
    "gen_ai.tool.call.id": call.id,
    "gen_ai.tool.type": "function",
    "error.type": isFailed ? "tool_error" : undefined,
    "process.exit.code": call.exitCode,
    "codex.tool.status": call.status,
    "codex.tool.agents": call.agents,
    "gen_ai.tool.call.arguments": content ? (jsonText(call.arguments) ?? undefined) : undefined,
    "gen_ai.tool.call.result": content ? call.output : undefined,
  };
  return {
    name: named("execute_tool", call.tool),
    kind: KIND.internal,
    startMs,
    endMs,
    attributes,
    ...(isFailed ? { error: "" } : {}),
  };
}

function span(place: SpanPlace, { name, kind, startMs, endMs, attributes, error }: SpanTold): JsonObject {
  return {
    ...place,
    name,
    kind,
    startTimeUnixNano: nanos(startMs),
    endTimeUnixNano: nanos(Math.max(startMs, endMs)),
    attributes: attributesOf(attributes),
    status: error === undefined ? {} : { code: STATUS_ERROR, ...(error === "" ? {} : { message: error }) },
  };
}

/** What the model is given that it has not seen in this turn, in the shape of the conventions' schema of input messages. */
function inputMessages(step: Exclude<StoryStep, AgentStep>): readonly JsonObject[] {
  if (step.source === "user") return [{ role: "user", parts: step.content.map(inputPart) }];
  const text = step.summary ?? step.text;
  return text === "" ? [] : [{ role: "system", parts: [{ type: "text", content: text }] }];
}

function inputPart(input: ClientUserInput): JsonObject {
  switch (input.type) {
    case "text":
      return { type: "text", content: input.text };
    case "image":
    case "audio":
      if ("fileId" in input) return { type: "file", modality: input.type, file_id: input.fileId };
      // The bytes of a data URL stay where they are.
      if (input.url.startsWith("data:")) return { type: "text", content: `[${input.type}]` };
      return { type: "uri", modality: input.type, uri: input.url };
    case "localImage":
      return { type: "uri", modality: "image", uri: input.path };
    case "localAudio":
      return { type: "uri", modality: "audio", uri: input.path };
    default:
      return { type: input.type, name: input.name, path: input.path };
  }
}

function toolMessage({ id, output = "" }: StoryCall): JsonObject {
  return { role: "tool", parts: [{ type: "tool_call_response", id, response: output }] };
}

function outputMessages({ messages, reasoning, calls }: AgentStep): string {
  const parts: JsonValue[] = [
    ...reasoning.map((text) => ({ type: "reasoning", content: text })),
    ...messages.map((text) => ({ type: "text", content: text })),
    ...calls.map(({ id, tool, arguments: given }) => ({ type: "tool_call", id, name: tool, arguments: given })),
  ];
  return jsonText([{ role: "assistant", parts, finish_reason: calls.length > 0 ? "tool_call" : "stop" }]) ?? "[]";
}

function named(operation: string, what: string | undefined): string {
  return what === undefined || what === "" ? operation : `${operation} ${what}`;
}

function attributesOf(attributes: Attributes): readonly JsonObject[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: anyValue(value) }],
  );
}

/** Integers are text in OTLP's JSON, since they have 64 bits. */
function anyValue(value: Exclude<Attribute, undefined>): JsonObject {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return { intValue: String(value) };
  if ("double" in value) return { doubleValue: value.double };
  return { arrayValue: { values: value.map((text) => ({ stringValue: text })) } };
}

/** As text, since they are more than a number holds. */
function nanos(timeMs: number): string {
  const micros = Math.round(timeMs * 1000);
  return Number.isSafeInteger(micros) && micros > 0 ? `${String(micros)}000` : "0";
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(value, Math.max(low, high)));
}

/** Ids of traces have 16 bytes, those of spans 8. The same for every run. */
function hexOf(text: string, bytes: number): string {
  return createHash("sha256")
    .update(text)
    .digest("hex")
    .slice(0, bytes * 2);
}
