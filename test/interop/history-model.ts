/**
 * A model server on loopback for the real releases: keeps every request that it gets and answers each with the same short
 * message, over server-sent events.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import type { InputItem } from "./history-compare.ts";

export interface ModelRequest {
  readonly threadId: string;
  readonly windowNumber: number;
  readonly promptCacheKey: string;
  readonly input: readonly InputItem[];
}

interface Waiter {
  readonly threadId: string;
  readonly isIt: (request: ModelRequest) => boolean;
  readonly resolve: () => void;
}

const ANSWER = { type: "message", role: "assistant", content: [{ type: "output_text", text: "Noted." }] };
const USAGE = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };

export class ModelServer {
  readonly #server: Server;
  readonly #requests = new Map<string, ModelRequest[]>();
  readonly #waiters = new Set<Waiter>();

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response));
  }

  static async start(): Promise<ModelServer> {
    const model = new ModelServer();
    await new Promise<void>((resolve) => model.#server.listen(0, "127.0.0.1", resolve));
    return model;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What was asked for that thread so far, oldest first. */
  of(threadId: string): readonly ModelRequest[] {
    return this.#requests.get(threadId) ?? [];
  }

  /** Resolves once the thread has asked such a thing; rejects when it does not in that time. */
  asked(threadId: string, isIt: (request: ModelRequest) => boolean, timeoutMs: number): Promise<void> {
    if (this.of(threadId).some(isIt)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        threadId,
        isIt,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new Error(`${threadId} asked the model nothing of the kind in ${String(timeoutMs)} ms`));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.method !== "POST" || request.url?.endsWith("/responses") !== true) {
        response.writeHead(404).end();
        return;
      }
      this.#keep(JSON.parse(Buffer.concat(chunks).toString("utf8")) as Body);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(EVENTS.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(""));
    });
  }

  #keep({ input, prompt_cache_key: promptCacheKey, client_metadata: { "x-codex-window-id": window } }: Body): void {
    const at = window.lastIndexOf(":");
    const threadId = window.slice(0, at);
    const request = { threadId, windowNumber: Number(window.slice(at + 1)), promptCacheKey, input };
    this.#requests.set(threadId, [...this.of(threadId), request]);
    for (const waiter of this.#waiters) {
      if (waiter.threadId !== threadId || !waiter.isIt(request)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}

interface Body {
  readonly input: readonly InputItem[];
  readonly prompt_cache_key: string;
  readonly client_metadata: { readonly "x-codex-window-id": string };
}

const EVENTS = [
  { type: "response.created", response: { id: "resp_1" } },
  { type: "response.output_item.done", output_index: 0, item: { id: "msg_1", ...ANSWER } },
  { type: "response.completed", response: { id: "resp_1", status: "completed", usage: USAGE } },
];
