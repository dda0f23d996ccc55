/**
 * Fills a home by a real release, as a day of work does: turns with commands, a name, a compaction, what the release has to take
 * turns back, forks, an agent, an archive, an interrupted turn, and a turn that a crash cut off.
 */
import { readFileSync } from "node:fs";

import { isJsonObject, type JsonObject } from "../../src/format/json.ts";
import { assistantMessage, functionCall, type ModelScript, startMockModel } from "../../src/bench/mock-model.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { waitUntil } from "../support/wait.ts";
import { AppServer, type CodexBinary, type TestHome, withServer, writeCodexConfig } from "./codex.ts";

const TURN_MS = 60_000;
/** A release tells its client of a thing, and writes it down, at the same time: for that to be in the file as well. */
const WRITTEN_MS = 30_000;

/** Words of the user by which the model calls something; any others are just answered. */
const RUN = "Look around.";
const SLOW = "Take your time.";
const SLOW_COMMAND = "sleep 20";
const DELEGATE = "Let somebody else do it.";

const script: ModelScript = (_request, body) => {
  const input = objectsIn(body["input"]);
  const at = input.findLastIndex(({ role }) => role === "user");
  const isAnswered = input.slice(at + 1).some(({ type }) => typeof type === "string" && type.endsWith("_output"));
  const said = JSON.stringify(input[at] ?? "");
  const tools = [body, ...input].flatMap(({ tools: listed }) => toolsIn(listed));
  if (!isAnswered && said.includes(RUN)) return [shell(tools, "echo hello")];
  if (!isAnswered && said.includes(SLOW)) return [shell(tools, SLOW_COMMAND)];
  if (!isAnswered && said.includes(DELEGATE))
    return [called(tools, "spawn_agent", { message: "Do it.", task_name: "it" })];
  return [assistantMessage("Done.")];
};

interface Tool {
  readonly name: string;
  readonly namespace: string | undefined;
}

function toolsIn(listed: unknown, namespace?: string): readonly Tool[] {
  return objectsIn(listed).flatMap(({ type, name, tools }) => {
    if (typeof name !== "string") return [];
    return type === "namespace" ? toolsIn(tools, name) : [{ name, namespace }];
  });
}

function objectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function shell(tools: readonly Tool[], command: string): JsonObject {
  return tools.some(({ name }) => name === "exec_command")
    ? called(tools, "exec_command", { cmd: command, yield_time_ms: 25_000 })
    : called(tools, "shell_command", { command });
}

function called(tools: readonly Tool[], name: string, args: JsonObject): JsonObject {
  const found = tools.find((tool) => tool.name === name);
  if (found === undefined) throw new Error(`${name} is not offered`);
  return { ...functionCall(name, args), ...(found.namespace === undefined ? {} : { namespace: found.namespace }) };
}

function isSlowCall(line: string): boolean {
  return line.includes('"function_call"') && line.includes(SLOW_COMMAND);
}

function isCommand(item: unknown): boolean {
  return isJsonObject(item) && item["type"] === "commandExecution";
}

/** The lines of every rollout of a home, or of one thread. */
function rolloutLines(home: TestHome, threadId = ""): readonly (readonly string[])[] {
  const files = discoverRollouts(home.path).files.filter(({ path }) => path.includes(threadId));
  return files.map(({ path }) => readFileSync(path, "utf8").split("\n"));
}

/** The turn that was begun last, if there is one, is over. */
function isSettled(lines: readonly string[]): boolean {
  const last = lines.findLast((line) => /"type":"(?:task_started|task_complete|turn_aborted)"/.test(line));
  return last?.includes('"task_started"') !== true;
}

/** What the release is asked; each answer is awaited. */
class Client {
  readonly #server: AppServer;
  readonly #home: TestHome;

  constructor(server: AppServer, home: TestHome) {
    this.#server = server;
    this.#home = home;
  }

  ask(method: string, params: JsonObject): Promise<unknown> {
    return this.#server.request(method, params, TURN_MS);
  }

  async begin(
    method: "thread/start" | "thread/fork",
    params: JsonObject,
    ...words: readonly string[]
  ): Promise<string> {
    const { thread } = (await this.ask(method, params)) as { thread: { id: string } };
    await this.say(thread.id, ...words);
    return thread.id;
  }

  async say(threadId: string, ...words: readonly string[]): Promise<void> {
    for (const text of words) {
      const ended = this.#ended(threadId);
      await this.start(threadId, text);
      await ended;
    }
  }

  async start(threadId: string, text: string): Promise<string> {
    const { turn } = (await this.ask("turn/start", { threadId, input: [{ type: "text", text }] })) as {
      turn: { id: string };
    };
    return turn.id;
  }

  async compact(threadId: string): Promise<void> {
    const ended = this.#ended(threadId);
    await this.ask("thread/compact/start", { threadId });
    await ended;
  }

  /** A turn that is in the middle of a command, which its rollout already tells. Gives its id. */
  async beginSlowly(threadId: string): Promise<string> {
    const runs = this.#server.notification("item/started", ({ item }) => isCommand(item), TURN_MS);
    const turnId = await this.start(threadId, SLOW);
    await runs;
    await waitUntil(() => rolloutLines(this.#home, threadId).some((lines) => lines.some(isSlowCall)), WRITTEN_MS);
    return turnId;
  }

  async interrupt(threadId: string): Promise<void> {
    const ended = this.#ended(threadId);
    const turnId = await this.beginSlowly(threadId);
    await this.ask("turn/interrupt", { threadId, turnId });
    await ended;
  }

  /** Back to before the third turn. */
  async revert(threadId: string): Promise<void> {
    const { data } = (await this.ask("thread/turns/list", { threadId, sortDirection: "asc" })) as {
      data: readonly { id: string }[];
    };
    await this.ask("thread/revert", { threadId, beforeTurnId: data[2]?.id ?? "" });
  }

  #ended(threadId: string): Promise<unknown> {
    return this.#server.notification("turn/completed", (params) => params["threadId"] === threadId, TURN_MS);
  }
}

/** Moments at which somebody looks at the home. */
export type Moment = "threads are open" | "a turn runs" | "the release was killed" | "all is over";

/** Drives the release through it, and calls `look` at each of the moments. */
export async function fillHome(
  binary: CodexBinary,
  home: TestHome,
  look: (moment: Moment) => Promise<void>,
): Promise<void> {
  const model = await startMockModel({ script });
  writeCodexConfig(home.path, { modelPort: model.port, features: { multi_agent: true } });
  const isNew = binary.version !== "0.142.3";
  try {
    await withServer(binary, home, async (server) => {
      await dayOf(new Client(server, home), isNew ? ["legacy", "paginated"] : [undefined], isNew);
      await waitUntil(() => rolloutLines(home).every(isSettled), WRITTEN_MS);
      await look("threads are open");
    });
    const cut = await killedInTurn(binary, home, look);
    await look("the release was killed");
    await withServer(binary, home, async (server) => {
      const client = new Client(server, home);
      await client.ask("thread/resume", { threadId: cut });
      await client.say(cut, RUN);
    });
    await look("all is over");
  } finally {
    await model.close();
  }
}

async function killedInTurn(
  binary: CodexBinary,
  home: TestHome,
  look: (moment: Moment) => Promise<void>,
): Promise<string> {
  const server = new AppServer(binary, home.path);
  try {
    await server.initialize();
    const client = new Client(server, home);
    const cut = await client.begin("thread/start", {}, "Hello.");
    await client.beginSlowly(cut);
    await look("a turn runs");
    return cut;
  } finally {
    await server.kill();
  }
}

async function dayOf(client: Client, modes: readonly (string | undefined)[], isNew: boolean): Promise<void> {
  for (const mode of modes) {
    const how: JsonObject = mode === undefined ? {} : { historyMode: mode };
    const first = await client.begin("thread/start", how, "Hello.", RUN, "Thanks.", RUN);
    await client.ask("thread/name/set", { threadId: first, name: "A day of work" });
    const fork = await client.begin("thread/fork", { threadId: first }, RUN);
    await client.begin("thread/fork", { threadId: fork }, "And on.");
    if (!isNew) await client.ask("thread/rollback", { threadId: first, numTurns: 2 });
    else if (mode === "paginated") await client.revert(first);
    await client.say(first, RUN);
    const compacted = await client.begin("thread/start", how, RUN, "More.");
    await client.compact(compacted);
    await client.say(compacted, RUN);
    await client.begin("thread/fork", { threadId: compacted }, RUN);
    const parent = await client.begin("thread/start", how, DELEGATE);
    await client.say(parent, "Hello again.");
    const interrupted = await client.begin("thread/start", how, RUN);
    await client.interrupt(interrupted);
    await client.say(interrupted, RUN);
    const archived = await client.begin("thread/start", how, RUN);
    await client.ask("thread/archive", { threadId: archived });
    await client.begin("thread/start", how);
  }
}
