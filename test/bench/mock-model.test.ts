/** The mock model: what it answers over both transports, and what it counts. */
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { afterEach, describe, expect, it } from "vitest";

import {
  assistantMessage,
  countRequests,
  functionCall,
  type MockModel,
  startMockModel,
} from "../../src/bench/mock-model.ts";
import type { JsonObject } from "../../src/format/json.ts";
import { WsClient } from "../support/ws-client.ts";

let model: MockModel | undefined;
afterEach(() => model?.close());

interface Answer {
  readonly status: number | undefined;
  readonly events: readonly JsonObject[];
}

async function post(
  port: number,
  body: unknown,
  headers: Record<string, string> = {},
  path = "/v1/responses",
): Promise<Answer> {
  const request = httpRequest({ host: "127.0.0.1", port, path, method: "POST", headers });
  request.end(typeof body === "string" ? body : JSON.stringify(body));
  const [response] = (await once(request, "response")) as [AsyncIterable<Buffer> & { statusCode?: number }];
  let text = "";
  for await (const chunk of response) text += chunk.toString();
  const events = [...text.matchAll(/^event: (.+)\ndata: (.+)\n\n/gmu)].map(([, name, data = ""]) => {
    const event = JSON.parse(data) as JsonObject;
    expect(event["type"]).toBe(name);
    return event;
  });
  return { status: response.statusCode, events };
}

const TYPES = ["response.created", "response.output_item.added", "response.output_item.done", "response.completed"];

describe("startMockModel", () => {
  it("answers over HTTP by its script, with ids, and accounts for who asked", async () => {
    model = await startMockModel({
      script: ({ threadId }, body) => [
        assistantMessage(`${String(threadId)}: ${JSON.stringify(body["input"])}`),
        functionCall("exec_command", { cmd: "true" }),
      ],
    });
    const body = { model: "m", input: [1, 2], prompt_cache_key: "k", client_metadata: { thread_id: "t" } };
    const { status, events } = await post(model.port, body);
    expect(status).toBe(200);
    expect(events.map(({ type }) => type)).toEqual([TYPES[0], TYPES[1], TYPES[2], TYPES[1], TYPES[2], TYPES[3]]);
    expect(events[2]).toEqual({
      type: "response.output_item.done",
      output_index: 0,
      item: { id: "item_1_0", ...assistantMessage("t: [1,2]") },
    });
    expect(events[4]?.["item"]).toEqual({
      id: "item_1_1",
      call_id: "call_1_1",
      type: "function_call",
      name: "exec_command",
      arguments: '{"cmd":"true"}',
    });
    expect(model.requests).toMatchObject([
      {
        transport: "http",
        bytes: JSON.stringify(body).length,
        model: "m",
        threadId: "t",
        inputItems: 2,
        promptCacheKey: "k",
        isPrewarm: false,
        isGuardian: false,
      },
    ]);
  });

  it("answers over WebSocket, and a prewarm with nothing", async () => {
    model = await startMockModel();
    const client = await WsClient.connect(model.port, "/v1/responses", ["thread-id: t"]);
    client.send(JSON.stringify({ type: "response.create", generate: false, input: [] }));
    const types = async (count: number): Promise<unknown[]> => {
      const seen: unknown[] = [];
      while (seen.length < count) seen.push((JSON.parse((await client.receive()).text) as JsonObject)["type"]);
      return seen;
    };
    expect(await types(2)).toEqual([TYPES[0], TYPES[3]]);
    client.send(JSON.stringify({ type: "response.create", input: [{}], previous_response_id: "resp_1" }));
    expect(await types(4)).toEqual(TYPES);
    expect(model.requests.map(({ isPrewarm, transport, threadId }) => [isPrewarm, transport, threadId])).toEqual([
      [true, "websocket", "t"],
      [false, "websocket", "t"],
    ]);
    const ended = once(client.socket, "close");
    await model.close();
    await ended;
  });

  it("knows guardians by what they say of themselves, and counts their sessions", async () => {
    model = await startMockModel();
    const { port } = model;
    const guardian = { "x-openai-subagent": "guardian" };
    await post(port, { client_metadata: { thread_id: "main" } });
    await post(port, { generate: false, client_metadata: { thread_id: "g1", ...guardian } });
    const { events } = await post(port, { client_metadata: { thread_id: "g1", ...guardian } });
    await post(port, {}, { ...guardian, "thread-id": "g2" });
    await post(port, { prompt_cache_key: "guardian:main", client_metadata: { thread_id: "g2" } });
    await post(port, { client_metadata: { thread_id: "c", "x-openai-subagent": "collab_spawn" } });
    expect(countRequests(model.requests)).toEqual({ generating: 5, prewarm: 1, byGuardians: 4, guardianSessions: 2 });
    expect(JSON.stringify(events[2])).toContain('\\"outcome\\":\\"allow\\"');
  });

  it("waits for a request that came already, that comes, and not for ever", async () => {
    model = await startMockModel();
    const { port } = model;
    await post(port, { model: "first" });
    expect(await model.waitForRequest(({ model: name }) => name === "first", 1_000)).toBe(model.requests[0]);
    const waiting = model.waitForRequest(({ model: name }) => name === "second", 60_000);
    await post(port, { model: "second" });
    expect(await waiting).toBe(model.requests[1]);
    await expect(model.waitForRequest(() => false, 20)).rejects.toThrow(
      "no such request came to the mock model in 20 ms",
    );
  });

  it("survives what is no request, and a script that throws", async () => {
    model = await startMockModel({
      script: () => {
        throw new Error("no idea");
      },
    });
    expect((await post(model.port, {}, {}, "/v1/chat")).status).toBe(404);
    const { events } = await post(model.port, "no json");
    expect(events[1]).toMatchObject({ type: "response.failed", response: { error: { message: "Error: no idea" } } });
    const broken = connect(model.port, "127.0.0.1");
    broken.write("POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
    await new Promise((resolve) => void setTimeout(resolve, 20));
    broken.destroy();
    expect((await post(model.port, {})).status).toBe(200);
    expect(model.requests).toHaveLength(2);
  });

  it("listens on loopback alone", async () => {
    model = await startMockModel();
    const others = Object.values(networkInterfaces())
      .flat()
      .filter((address) => address?.family === "IPv4" && !address.internal);
    for (const address of others) {
      const socket = connect(model.port, address?.address);
      const [error] = (await once(socket, "error")) as [Error];
      expect(error.message).toContain("ECONNREFUSED");
    }
  });
});
