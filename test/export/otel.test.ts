import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../src/format/record.ts";
import { temporaryFolder } from "../support/homes.ts";
import { META_MS } from "../support/lines.ts";
import { T4, writeExportHome } from "./export-home.ts";
import { otlpErrors } from "./otlp-rules.ts";
import { PARENT, read, storyHome, threadsOf } from "./stories.ts";

const folder = temporaryFolder();

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly status: JsonObject;
}

interface Traces {
  readonly resourceSpans: readonly {
    readonly resource: JsonObject;
    readonly schemaUrl: string;
    readonly scopeSpans: readonly {
      readonly scope: JsonObject;
      readonly schemaUrl: string;
      readonly spans: readonly Span[];
    }[];
  }[];
}

async function tracesOf(home: string, content = true, id = PARENT): Promise<Traces> {
  const thread = threadsOf(home).find((one) => one.id === id);
  if (thread === undefined) throw new Error("there is no such thread");
  const document = await read(thread, "otel", content);
  expect(otlpErrors(document)).toEqual([]);
  return document as unknown as Traces;
}

function spansOf({ resourceSpans }: Traces): readonly Span[] {
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

function told(span: Span | undefined): Readonly<Record<string, unknown>> {
  return Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));
}

/** Milliseconds behind the thread's beginning. */
function ms(nanos: string): number {
  return Number(BigInt(nanos) / 1_000_000n) - META_MS;
}

describe("traces", () => {
  it("name what they are of, and the version of the conventions", async () => {
    const { resourceSpans } = await tracesOf(storyHome(folder.path));
    expect(resourceSpans).toHaveLength(1);
    expect(resourceSpans[0]).toMatchObject({
      resource: {
        attributes: [
          { key: "service.name", value: { stringValue: "codex" } },
          { key: "service.version", value: { stringValue: "0.169.0" } },
        ],
      },
      schemaUrl: "https://opentelemetry.io/schemas/1.41.0",
      scopeSpans: [{ scope: { name: "rollout-tool" }, schemaUrl: "https://opentelemetry.io/schemas/1.41.0" }],
    });
  });

  it("are one a turn: the turn, its responses, its calls", async () => {
    const spans = spansOf(await tracesOf(storyHome(folder.path)));
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined);
    const parent = (span: Span): string => roots.find(({ spanId }) => spanId === span.parentSpanId)?.name ?? "";
    expect(spans.map((span) => [span.name, span.kind, parent(span)])).toEqual([
      ["invoke_agent codex", 1, ""],
      ["chat gpt-5.1-codex", 3, "invoke_agent codex"],
      ["execute_tool shell", 1, "invoke_agent codex"],
      ["execute_tool spawn_agent", 1, "invoke_agent codex"],
      ["chat gpt-5.1-codex", 3, "invoke_agent codex"],
      ["invoke_agent codex", 1, ""],
    ]);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(2);
    expect(spans.map(({ startTimeUnixNano: start, endTimeUnixNano: end }) => [ms(start), ms(end)])).toEqual([
      [1000, 16000],
      [1000, 7000],
      [3000, 3250],
      [3000, 3250],
      [7000, 13000],
      [17000, 20000],
    ]);
  });

  it("have the attributes of the conventions", async () => {
    const [turn, chat, tool] = spansOf(await tracesOf(storyHome(folder.path)));
    const common = { "gen_ai.provider.name": "openai", "gen_ai.conversation.id": PARENT };
    expect(told(turn)).toEqual({
      ...common,
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "codex",
      "gen_ai.agent.version": "0.169.0",
      "gen_ai.request.model": "gpt-5.1-codex",
      "gen_ai.usage.input_tokens": "300",
      "gen_ai.usage.cache_read.input_tokens": "140",
      "gen_ai.usage.output_tokens": "30",
      "gen_ai.usage.reasoning.output_tokens": "5",
      "codex.turn.id": "t1",
      "codex.turn.status": "completed",
      "codex.turn.effort": "high",
      "codex.turn.first_token_ms": 7,
      "gen_ai.input.messages": expect.any(String) as string,
      "gen_ai.output.messages":
        '[{"role":"assistant","parts":[{"type":"text","content":"One file."}],"finish_reason":"stop"}]',
    });
    expect(told(chat)).toMatchObject({
      ...common,
      "gen_ai.operation.name": "chat",
      "gen_ai.response.id": "resp_1",
      "gen_ai.response.finish_reasons": { values: [{ stringValue: "tool_call" }] },
      "gen_ai.usage.input_tokens": "100",
    });
    expect(JSON.parse(told(chat)["gen_ai.input.messages"] as string)).toEqual([
      {
        role: "user",
        parts: [
          { type: "text", content: "Which files?" },
          { type: "uri", modality: "image", uri: "/home/user/project/plan.png" },
          { type: "text", content: "[image]" },
        ],
      },
    ]);
    expect(JSON.parse(told(chat)["gen_ai.output.messages"] as string)).toEqual([
      {
        role: "assistant",
        parts: [
          { type: "reasoning", content: "First look." },
          { type: "tool_call", id: "c1", name: "shell", arguments: { command: ["ls"] } },
          { type: "tool_call", id: "c2", name: "spawn_agent", arguments: { message: "count" } },
        ],
        finish_reason: "tool_call",
      },
    ]);
    expect(told(tool)).toEqual({
      ...common,
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "shell",
      "gen_ai.tool.call.id": "c1",
      "gen_ai.tool.type": "function",
      "process.exit.code": "0",
      "codex.tool.status": "completed",
      "gen_ai.tool.call.arguments": '{"command":["ls"]}',
      "gen_ai.tool.call.result": "a.txt\n",
    });
  });

  it("without content have no attribute of content", async () => {
    const traces = await tracesOf(storyHome(folder.path), false);
    const keys = spansOf(traces).flatMap(({ attributes }) => attributes.map(({ key }) => key));
    expect(keys.filter((key) => /messages|arguments|result|instructions/u.test(key))).toEqual([]);
    for (const word of ["Which files", "First look", "a.txt", "One file"])
      expect(JSON.stringify(traces)).not.toContain(word);
  });

  it("are the same in every run, and leave out what was copied", async () => {
    const home = writeExportHome(folder.path);
    expect(await tracesOf(home, true, T4)).toEqual(await tracesOf(home, true, T4));
    expect(spansOf(await tracesOf(home, true, T4)).map(({ name }) => name)).toEqual(["invoke_agent codex"]);
  });
});

describe("the rules of the test", () => {
  const id = "0123456789abcdef";
  const span = {
    traceId: id + id,
    spanId: id,
    name: "n",
    kind: 1,
    startTimeUnixNano: "1",
    endTimeUnixNano: "2",
    attributes: [{ key: "k", value: { intValue: "1" } }],
    status: {},
  };
  const SCHEMA = "https://opentelemetry.io/schemas/1.41.0";
  const of = (changes: object): unknown => ({
    resourceSpans: [
      {
        resource: { attributes: [] },
        schemaUrl: SCHEMA,
        scopeSpans: [{ scope: { name: "s" }, schemaUrl: SCHEMA, spans: [{ ...span, ...changes }] }],
      },
    ],
  });

  it("take a span", () => {
    expect(otlpErrors(of({}))).toEqual([]);
  });

  it.each([
    ["names with underscores", { trace_id: id }],
    ["ids in base64", { traceId: "ASNFZ4mrze8BI0VniavN7w==" }],
    ["times as numbers", { startTimeUnixNano: 1 }],
    ["kinds as names", { kind: "SPAN_KIND_CLIENT" }],
    ["integers as numbers", { attributes: [{ key: "k", value: { intValue: 1 } }] }],
    ["two values in one", { attributes: [{ key: "k", value: { intValue: "1", boolValue: true } }] }],
    ["a key twice", { attributes: [...span.attributes, ...span.attributes] }],
    ["a parent that is not there", { parentSpanId: "fedcba9876543210" }],
    ["an end before the start", { endTimeUnixNano: "0" }],
  ])("refuse %s", (_, changes) => {
    expect(otlpErrors(of(changes))).not.toEqual([]);
  });
});
