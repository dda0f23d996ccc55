/**
 * `bench start`: how long a real Codex needs from the wish for a new thread to its first request to the model, which comes to
 * a mock on loopback; how many requests it sends ahead (prewarm); and how long its automatic reviewer, the guardian, takes to
 * ask about a command. See `mock-model.ts` for what is known of the requests.
 *
 * All times end when the first byte of a generating request arrives. They begin
 * - `process`: before the process is started, its handshake included;
 * - `cold`: with the writing of `thread/start` to a process that has just answered the handshake;
 * - `warm`: with the writing of `thread/start` to the process that all samples share;
 * - `review`: with the request that is answered by a command to approve; they end with the guardian's.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { isJsonObject, type JsonObject, ownValue } from "../format/json.ts";
import { AppServer } from "./app-server.ts";
import { type CodexBinary, codexLabels, CodexRefusal, writeCodexConfig } from "./codex.ts";
import {
  assistantMessage,
  countRequests,
  functionCall,
  type MockModel,
  type ModelRequest,
  type ModelScript,
  plainScript,
  type RequestCounts,
  startMockModel,
} from "./mock-model.ts";
import type { BenchCase, BenchSample } from "./results.ts";

type Way = "process" | "cold" | "warm" | "review";
/** How the model is reached; `guardian`: by WebSocket, and the automatic reviewer decides about commands. */
type Setup = "http" | "websocket" | "guardian";

const COMBINATIONS: readonly (readonly [Way, Setup])[] = [
  ["process", "http"],
  ["process", "websocket"],
  ["cold", "http"],
  ["cold", "websocket"],
  ["cold", "guardian"],
  ["warm", "http"],
  ["warm", "websocket"],
  ["warm", "guardian"],
  ["review", "guardian"],
];

const TIMEOUT_MS = 60_000;

export interface StartOptions {
  readonly binaries: readonly CodexBinary[];
  /** An existing folder; every case has a home of its own below it while it is measured. */
  readonly scratch: string;
  /** For every answer of a binary. */
  readonly timeoutMs?: number | undefined;
}

export interface StartCount {
  readonly case: string;
  /** Samples, those that warm it up and those that failed included. */
  readonly runs: number;
  /** Of all runs together. */
  readonly requests: RequestCounts;
}

export interface StartBenchmark {
  readonly cases: readonly BenchCase[];
  /** What was asked of the model so far, case by case. */
  readonly counts: () => readonly StartCount[];
  /** The same in words, for people; cases that have not run are left out. */
  readonly notes: () => readonly string[];
}

/** Nothing is started before a case is prepared. */
export function startCases({ binaries, scratch, timeoutMs = TIMEOUT_MS }: StartOptions): StartBenchmark {
  const labels = codexLabels(binaries);
  const starts = binaries.flatMap((binary, number) =>
    COMBINATIONS.map(([way, setup]) => {
      const names = ["start", way, setup, labels[number] ?? binary.version];
      return new StartCase(binary, way, setup, names, { folder: join(scratch, names.join("-")), timeoutMs });
    }),
  );
  const counts = (): readonly StartCount[] => starts.map((start) => start.count());
  return {
    cases: starts.map((start) => ({
      labels: start.labels,
      prepare: () => start.prepare(),
      run: () => start.run(),
      release: () => start.release(),
    })),
    counts,
    notes: () => counts().flatMap((count) => (count.runs === 0 ? [] : [noteOf(count)])),
  };
}

function noteOf({ case: name, runs, requests }: StartCount): string {
  const { generating, prewarm, byGuardians, guardianSessions } = requests;
  const guardians = guardianSessions === 0 ? "" : `; ${guardianSessions} guardian sessions made ${byGuardians} of them`;
  return `${name}: ${runs} threads, ${generating} requests, ${prewarm} prewarm requests${guardians}`;
}

interface Place {
  readonly folder: string;
  readonly timeoutMs: number;
}

/** One case: its home, its model, and the server that is running now. */
class StartCase {
  readonly labels: readonly string[];
  readonly #binary: CodexBinary;
  readonly #way: Way;
  readonly #setup: Setup;
  readonly #place: Place;
  readonly #home: string;
  #model: MockModel | undefined;
  #server: AppServer | undefined;
  #runs = 0;

  constructor(binary: CodexBinary, way: Way, setup: Setup, labels: readonly string[], place: Place) {
    this.#binary = binary;
    this.#way = way;
    this.#setup = setup;
    this.labels = labels;
    this.#place = place;
    this.#home = join(place.folder, "home");
  }

  async prepare(): Promise<void> {
    this.#model ??= await this.#open();
    if (this.#way !== "process" && this.#server === undefined) await this.#start();
  }

  async run(): Promise<BenchSample> {
    const model = (this.#model ??= await this.#open());
    this.#runs++;
    try {
      const began = performance.now();
      const before = this.#server?.account();
      const server = this.#server ?? (await this.#start());
      const from = model.requests.length;
      const asked = this.#way === "process" ? began : performance.now();
      await this.#turn(server);
      const wallMs = this.#measure(asked, model.requests.slice(from));
      const account = server.account();
      if (this.#way === "process" || this.#way === "cold") await this.#stop();
      return {
        wallMs,
        peakBytes: account?.peakBytes,
        readBytes: account && account.readBytes - (before?.readBytes ?? 0),
        writtenBytes: account && account.writtenBytes - (before?.writtenBytes ?? 0),
      };
    } catch (error) {
      // It may hang: the next sample gets another.
      await this.#stop(0);
      throw error;
    }
  }

  async release(): Promise<void> {
    await this.#stop();
    await this.#model?.close();
    rmSync(this.#place.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  count(): StartCount {
    return { case: this.labels.join("."), runs: this.#runs, requests: countRequests(this.#model?.requests ?? []) };
  }

  /** A new home, its databases made, so that no sample pays for that. */
  async #open(): Promise<MockModel> {
    const model = await startMockModel({ script: this.#setup === "guardian" ? commandScript : plainScript });
    try {
      mkdirSync(join(this.#place.folder, "work"), { recursive: true });
      writeCodexConfig(this.#home, { modelPort: model.port, websocket: this.#setup !== "http" });
      await this.#start();
      await this.#stop();
      return model;
    } catch (error) {
      await model.close();
      throw error;
    }
  }

  async #start(): Promise<AppServer> {
    const server = new AppServer(this.#binary, this.#home);
    this.#server = server;
    try {
      await server.initialize(this.#place.timeoutMs);
      return server;
    } catch (error) {
      await this.#stop(0);
      throw error;
    }
  }

  async #stop(graceMs?: number): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.stop(graceMs);
  }

  /** A new thread, and a turn from its start to its end. */
  async #turn(server: AppServer): Promise<void> {
    const { folder, timeoutMs } = this.#place;
    const reviewed = { approvalPolicy: "on-request", approvalsReviewer: "auto_review", sandbox: "read-only" };
    const settings = { cwd: join(folder, "work"), ...(this.#setup === "guardian" ? reviewed : {}) };
    const started = await server.request("thread/start", settings, timeoutMs);
    const threadId = memberOf(memberOf(started, "thread"), "id");
    if (typeof threadId !== "string") throw new CodexRefusal(this.#binary, "thread/start: the answer names no thread");
    const isOurs = (params: JsonObject): boolean => params["threadId"] === threadId;
    const completed = server.notification("turn/completed", isOurs, timeoutMs);
    const input = [{ type: "text", text: "Hello." }];
    // Both are awaited together: where the question fails, nobody waits for the end of the turn any more.
    const [params] = await Promise.all([completed, server.request("turn/start", { threadId, input }, timeoutMs)]);
    const turn = memberOf(params, "turn");
    if (memberOf(turn, "status") === "completed") return;
    throw new CodexRefusal(
      this.#binary,
      `turn/start: the turn did not complete: ${JSON.stringify(turn)}`.slice(0, 1000),
    );
  }

  #measure(asked: number, requests: readonly ModelRequest[]): number {
    const generating = requests.filter(({ isPrewarm }) => !isPrewarm);
    const first = generating.find(({ isGuardian }) => !isGuardian);
    if (first === undefined) throw new CodexRefusal(this.#binary, "the turn ended without a request to its model");
    const review = generating.find(({ isGuardian }) => isGuardian);
    if (this.#setup === "guardian" && review === undefined) {
      throw new CodexRefusal(this.#binary, "no guardian asked about the command; this release may have none");
    }
    return this.#way === "review" && review !== undefined ? review.atMs - first.atMs : first.atMs - asked;
  }
}

function memberOf(value: unknown, key: string): unknown {
  return isJsonObject(value) ? ownValue(value, key) : undefined;
}

/** By the tool that a release offers to run commands: a harmless one that asks to leave the sandbox. */
const COMMANDS: Readonly<Record<string, JsonObject>> = {
  exec_command: { cmd: "true" },
  shell_command: { command: "true" },
  shell: { command: ["true"] },
};

/** One command, and a word when its result is there; over WebSocket a request holds no more than the result. */
const commandScript: ModelScript = (request, body) => {
  if (request.isGuardian) return plainScript(request, body);
  const input = Array.isArray(body["input"]) ? body["input"] : [];
  if (String(memberOf(input.at(-1), "type")).endsWith("_output")) return [assistantMessage("Done.")];
  const tools = Array.isArray(body["tools"]) ? body["tools"] : [];
  const names = new Set(tools.map((tool) => memberOf(tool, "name")));
  const name = Object.keys(COMMANDS).find((tool) => names.has(tool)) ?? "shell";
  const permission = { sandbox_permissions: "require_escalated", justification: "May this run outside the sandbox?" };
  return [functionCall(name, { ...COMMANDS[name], ...permission })];
};
