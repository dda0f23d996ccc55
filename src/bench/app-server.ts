/**
 * Talks with `codex app-server`, the way in which every client of Codex works with its threads: JSON-RPC without the version
 * member, one message a line, over stdin and stdout. What goes wrong there is told as a `CodexRefusal` that names the binary;
 * nothing that a binary does or fails to do throws past the one who asked.
 */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { readFileSync } from "node:fs";

import { isJsonObject, type JsonObject, type JsonValue, parseObject } from "../format/json.ts";
import { type CodexBinary, CodexRefusal, exitOf, spawnCodex, Tail } from "./codex.ts";

const TIMEOUT_MS = 60_000;
/** What of stderr a refusal quotes. */
const QUOTED_CHARACTERS = 2_000;
/** Longer lines could not become a string anyway. */
const MAX_LINE_BYTES = 500_000_000;

interface Waiter {
  /** A question's method, or that of a notification. */
  readonly method: string;
  /** Only for notifications: whether it is the one that is waited for. */
  readonly accept?: (params: JsonObject) => boolean;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** What the operating system says about the server's process so far. */
export interface ProcessAccount {
  /** Largest resident set. */
  readonly peakBytes: number;
  /** Asked of the system, and handed to it: whatever it came from or went to, page cache and pipes included. */
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** One `codex app-server` on one home. Start it, ask, and always `stop` it: it holds locks on the home. */
export class AppServer {
  readonly binary: CodexBinary;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers = new Map<number, Waiter>();
  readonly #notifications = new Set<Waiter>();
  readonly #closed: Promise<void>;
  readonly #stderr = new Tail();
  #nextId = 1;
  #exit: number | NodeJS.Signals | null | undefined;
  /** Why it ended, where the exit alone does not say it. */
  #cause: string | undefined;

  constructor(binary: CodexBinary, home: string, maxLineBytes = MAX_LINE_BYTES) {
    this.binary = binary;
    this.#child = spawnCodex(binary, ["app-server"], home);
    this.#child.stderr.on("data", (chunk: Buffer) => this.#stderr.add(chunk));
    const split = lineSplitter(maxLineBytes, (line) => this.#take(line));
    this.#child.stdout.on("data", (chunk: Buffer) => {
      if (this.#cause !== undefined || split(chunk)) return;
      this.#cause = `a line of more than ${String(maxLineBytes)} bytes`;
      this.#child.kill("SIGKILL");
    });
    this.#closed = exitOf(this.#child).then(
      (exit) => this.#end(exit),
      (error: unknown) => {
        this.#cause = `could not be started: ${String(error)}`;
        this.#end(null);
      },
    );
  }

  /** The last 64 KiB that it wrote to stderr. */
  get stderr(): string {
    return this.#stderr.text;
  }

  /** Exit code or signal once it has ended, null when it never started, undefined while it runs. */
  get exit(): number | NodeJS.Signals | null | undefined {
    return this.#exit;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The handshake. Its answer comes only after the state database is open and its backfill done, hence the long time-out. */
  async initialize(timeoutMs = TIMEOUT_MS): Promise<void> {
    const clientInfo = { name: "rollout_tool", title: "rollout-tool", version: "0" };
    await this.request("initialize", { clientInfo, capabilities: { experimentalApi: true } }, timeoutMs);
    this.#write({ method: "initialized" });
  }

  /**
   * Asks and waits for the answer to that question.
   *
   * @throws CodexRefusal when the server answers an error, ends, or says nothing for `timeoutMs`.
   */
  request(method: string, params: unknown, timeoutMs = TIMEOUT_MS): Promise<unknown> {
    const id = this.#nextId++;
    return this.#wait({ method }, timeoutMs, (waiter) => {
      this.#answers.set(id, waiter);
      this.#write({ id, method, params });
      return () => this.#answers.delete(id);
    });
  }

  /**
   * Waits for a notification that has not come yet, and gives its params. Ask for it before the question that brings it about.
   *
   * @throws CodexRefusal when the server ends, or none of that kind comes for `timeoutMs`.
   */
  async notification(
    method: string,
    accept: (params: JsonObject) => boolean,
    timeoutMs = TIMEOUT_MS,
  ): Promise<JsonObject> {
    const params = await this.#wait({ method, accept }, timeoutMs, (waiter) => {
      this.#notifications.add(waiter);
      return () => this.#notifications.delete(waiter);
    });
    return isJsonObject(params) ? params : {};
  }

  /** Of its process, from its start until now; undefined when it has ended and where the system keeps no such account. */
  account(): ProcessAccount | undefined {
    if (this.pid === undefined || this.#exit !== undefined) return undefined;
    try {
      const status = readFileSync(`/proc/${String(this.pid)}/status`, "utf8");
      const io = readFileSync(`/proc/${String(this.pid)}/io`, "utf8");
      const [, peakKiB] = /^VmHWM:\s*(\d+) kB$/mu.exec(status) ?? [];
      const [, read] = /^rchar: (\d+)$/mu.exec(io) ?? [];
      const [, written] = /^wchar: (\d+)$/mu.exec(io) ?? [];
      // A process that has just died still has a folder there, but no memory.
      if (peakKiB === undefined || read === undefined || written === undefined) return undefined;
      return { peakBytes: Number(peakKiB) * 1024, readBytes: Number(read), writtenBytes: Number(written) };
    } catch {
      return undefined;
    }
  }

  /** Closes its stdin, which ends it; kills it when that takes longer than `graceMs`. */
  async stop(graceMs = 5_000): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), graceMs);
    await this.#closed;
    clearTimeout(timer);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  #wait(
    what: Pick<Waiter, "method" | "accept">,
    timeoutMs: number,
    register: (waiter: Waiter) => () => void,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#exit !== undefined) {
        reject(this.#gone(what.method));
        return;
      }
      const timer = setTimeout(() => {
        forget();
        const said = what.accept === undefined ? "no answer" : "no such notification";
        reject(new CodexRefusal(this.binary, `${what.method}: ${said} in ${String(timeoutMs)} ms`));
      }, timeoutMs);
      const forget = register({
        ...what,
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
  }

  #write(message: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  #take(line: string): void {
    const { id, method, error, params, result } = parseObject(line);
    if (typeof id === "number" && method === undefined) this.#answered(id, error, result);
    // A question of the server's; no turn here is such that it would need a true answer.
    else if (id !== undefined && method !== undefined) this.#write({ id, result: {} });
    else if (method !== undefined) this.#notified(plain(method), isJsonObject(params) ? params : {});
  }

  #answered(id: number, error: JsonValue | undefined, result: JsonValue | undefined): void {
    const waiter = this.#answers.get(id);
    if (waiter === undefined) return;
    this.#answers.delete(id);
    if (!isJsonObject(error)) waiter.resolve(result);
    else {
      const what = `${waiter.method}: ${plain(error["code"])} ${plain(error["message"])}`;
      waiter.reject(new CodexRefusal(this.binary, what));
    }
  }

  #notified(method: string, params: JsonObject): void {
    for (const waiter of this.#notifications) {
      if (waiter.method !== method || waiter.accept?.(params) !== true) continue;
      this.#notifications.delete(waiter);
      waiter.resolve(params);
    }
  }

  #end(exit: number | NodeJS.Signals | null): void {
    this.#exit = exit;
    for (const waiter of [...this.#answers.values(), ...this.#notifications]) waiter.reject(this.#gone(waiter.method));
    this.#answers.clear();
    this.#notifications.clear();
  }

  #gone(method: string): CodexRefusal {
    const why = this.#cause ?? this.stderr.slice(-QUOTED_CHARACTERS).trim();
    const code = this.#exit === null ? "not-found" : "unsupported";
    return new CodexRefusal(this.binary, `${method}: the server ended with ${String(this.#exit)}: ${why}`, code);
  }
}

/** A string or number as text, anything else as JSON. */
function plain(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

/** What it returns says no when a line grows too long. */
function lineSplitter(maxLineBytes: number, take: (line: string) => void): (chunk: Buffer) => boolean {
  let parts: Buffer[] = [];
  let bytes = 0;
  return (chunk) => {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, at));
      take(Buffer.concat(parts).toString("utf8"));
      parts = [];
      bytes = 0;
      from = at + 1;
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
    bytes += chunk.length - from;
    return bytes <= maxLineBytes;
  };
}
