/**
 * A model server for real Codex binaries, on loopback: it speaks as much of the Responses API as a turn needs, over HTTP
 * (server-sent events) and over WebSocket, answers from a script, and keeps an account of who asked what and when.
 *
 * What released binaries were seen to do (0.142.3 and 0.169.0, with a provider of one's own):
 * - Over HTTP a thread's first request is that of its first turn. Only with `supports_websockets` in the provider's settings
 *   does Codex connect when a thread starts and send a request with `generate: false` ahead (a prewarm); the turn's request
 *   then names that answer as its `previous_response_id` and holds only what is new.
 * - A thread whose approvals go to the automatic reviewer (`approvalsReviewer: "auto_review"`) has a guardian: a thread of
 *   its own, whose requests say `x-openai-subagent: guardian` and share the cache key `guardian:<thread id>`. Over HTTP it
 *   begins with the first command to approve, over WebSocket with its thread, and with a prewarm of its own.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { RolloutError } from "../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue, parseObject } from "../format/json.ts";
import { acceptWebSocket } from "./websocket.ts";

export interface ModelRequest {
  /** `performance.now()` of this process when its head (HTTP) or its first bytes (WebSocket) had come. */
  readonly atMs: number;
  readonly transport: "http" | "websocket";
  /** Of its body, JSON. */
  readonly bytes: number;
  readonly model: string | undefined;
  /** The thread that asks; a guardian is one of its own. */
  readonly threadId: string | undefined;
  readonly inputItems: number;
  readonly promptCacheKey: string | undefined;
  /** `generate: false`: nothing is to be answered, only prepared. */
  readonly isPrewarm: boolean;
  /** By the automatic reviewer of another thread's approvals. */
  readonly isGuardian: boolean;
}

/** The items that the model answers. A prewarm is never asked about. */
export type ModelScript = (request: ModelRequest, body: JsonObject) => readonly JsonObject[];

export interface MockModel {
  readonly port: number;
  /** In the order of arrival; grows. */
  readonly requests: readonly ModelRequest[];
  /** The first request, also of those that came already, for which `predicate` holds. @throws RolloutError after `timeoutMs` */
  waitForRequest(predicate: (request: ModelRequest) => boolean, timeoutMs: number): Promise<ModelRequest>;
  /** Ends every connection. */
  close(): Promise<void>;
}

export interface RequestCounts {
  /** Those that ask for an answer, guardians' included. */
  readonly generating: number;
  readonly prewarm: number;
  /** Of both, those that a guardian made. */
  readonly byGuardians: number;
  /** Threads of guardians. */
  readonly guardianSessions: number;
}

export function countRequests(requests: readonly ModelRequest[]): RequestCounts {
  const guardians = requests.filter(({ isGuardian }) => isGuardian);
  const prewarm = requests.filter(({ isPrewarm }) => isPrewarm).length;
  return {
    generating: requests.length - prewarm,
    prewarm,
    byGuardians: guardians.length,
    guardianSessions: new Set(guardians.map(({ threadId }) => threadId)).size,
  };
}

/** An answer in words. */
export function assistantMessage(text: string): JsonObject {
  return { type: "message", role: "assistant", content: [{ type: "output_text", text, annotations: [] }] };
}

/** A call of one of the tools that the request offers. */
export function functionCall(name: string, args: JsonObject): JsonObject {
  return { type: "function_call", name, arguments: JSON.stringify(args) };
}

/** A guardian lets everything pass, in the form it is asked for; everybody else gets one word. */
export const plainScript: ModelScript = ({ isGuardian }) => [
  assistantMessage(
    isGuardian
      ? JSON.stringify({ risk_level: "low", user_authorization: "high", outcome: "allow", rationale: "harmless" })
      : "Done.",
  ),
];

/** Listens on a free port of 127.0.0.1 until it is closed. */
export async function startMockModel(options: { readonly script?: ModelScript } = {}): Promise<MockModel> {
  const account = new Account(options.script ?? plainScript);
  const sockets = new Set<Duplex>();
  const server = createServer((request, response) => serveHttp(account, request, response));
  server.on("upgrade", (request, socket: Duplex, head) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    acceptWebSocket(request, socket, head, ({ text, bytes, atMs }, send) => {
      const body = parseObject(text);
      const events = account.answer({ atMs, bytes, transport: "websocket" }, body, request);
      for (const event of events) send(JSON.stringify(event));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    // Listening on TCP, hence never a path or null.
    port: (server.address() as AddressInfo).port,
    requests: account.requests,
    waitForRequest: (predicate, timeoutMs) => account.wait(predicate, timeoutMs),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function serveHttp(account: Account, request: IncomingMessage, response: ServerResponse): void {
  const atMs = performance.now();
  const chunks: Buffer[] = [];
  // A client that is killed in the middle is no request; its response goes nowhere.
  request.on("error", () => undefined);
  response.on("error", () => undefined);
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
    if (request.method !== "POST" || !pathname.endsWith("/responses")) {
      response.writeHead(404).end();
      return;
    }
    const text = Buffer.concat(chunks);
    const events = account.answer(
      { atMs, bytes: text.length, transport: "http" },
      parseObject(text.toString("utf8")),
      request,
    );
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    response.end();
  });
}

interface Arrival {
  readonly atMs: number;
  readonly bytes: number;
  readonly transport: ModelRequest["transport"];
}

type ServerEvent = JsonObject & { readonly type: string };

interface Waiter {
  readonly predicate: (request: ModelRequest) => boolean;
  readonly resolve: (request: ModelRequest) => void;
}

/** Who asked so far, and who waits for what. */
class Account {
  readonly requests: ModelRequest[] = [];
  readonly #script: ModelScript;
  readonly #waiters = new Set<Waiter>();
  #answers = 0;

  constructor(script: ModelScript) {
    this.#script = script;
  }

  /** The events of the answer, ids included; a script that throws becomes a failed response. */
  answer(arrival: Arrival, body: JsonObject, { headers }: IncomingMessage): readonly ServerEvent[] {
    const request = describe(arrival, body, headers);
    this.requests.push(request);
    for (const waiter of this.#waiters) {
      if (!waiter.predicate(request)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(request);
    }
    const number = String(++this.#answers);
    const id = `resp_${number}`;
    const created: ServerEvent = { type: "response.created", response: { id } };
    try {
      const items = request.isPrewarm ? [] : this.#script(request, body);
      return [
        created,
        ...items.flatMap((item, index) => itemEvents(item, index, number)),
        completed(id, arrival.bytes),
      ];
    } catch (error) {
      const failure = { code: "server_error", message: String(error) };
      return [created, { type: "response.failed", response: { id, status: "failed", error: failure } }];
    }
  }

  wait(predicate: Waiter["predicate"], timeoutMs: number): Promise<ModelRequest> {
    const found = this.requests.find(predicate);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        predicate,
        resolve: (request) => {
          clearTimeout(timer);
          resolve(request);
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new RolloutError("unsupported", `no such request came to the mock model in ${String(timeoutMs)} ms`));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }
}

function describe(arrival: Arrival, body: JsonObject, headers: IncomingMessage["headers"]): ModelRequest {
  const metadata = isJsonObject(body["client_metadata"]) ? body["client_metadata"] : {};
  const promptCacheKey = textOf(body["prompt_cache_key"]);
  const subagent = textOf(metadata["x-openai-subagent"]) ?? textOf(headers["x-openai-subagent"]);
  return {
    ...arrival,
    model: textOf(body["model"]),
    // On a connection that is kept, the head speaks of its first request.
    threadId: textOf(metadata["thread_id"]) ?? textOf(headers["thread-id"]),
    inputItems: Array.isArray(body["input"]) ? body["input"].length : 0,
    promptCacheKey,
    isPrewarm: body["generate"] === false,
    isGuardian: subagent === "guardian" || promptCacheKey?.startsWith("guardian:") === true,
  };
}

function textOf(value: JsonValue | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function itemEvents(item: JsonObject, index: number, answer: string): readonly ServerEvent[] {
  const id = `item_${answer}_${String(index)}`;
  const call = item["type"] === "function_call" ? { call_id: `call_${answer}_${String(index)}` } : {};
  const whole: JsonObject = { id, ...call, ...item };
  return [
    { type: "response.output_item.added", output_index: index, item: whole },
    { type: "response.output_item.done", output_index: index, item: whole },
  ];
}

/** With a usage: about four bytes make a token, and what was answered counts little. */
function completed(id: string, requestBytes: number): ServerEvent {
  const inputTokens = Math.ceil(requestBytes / 4);
  const usage = {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 10,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: inputTokens + 10,
  };
  return { type: "response.completed", response: { id, status: "completed", usage } };
}
