/**
 * Asks a real release for the history of threads: resumes each in one server, lets the user say `PROBE`, and takes what the
 * release sends to its model apart, with the help of what it then wrote behind the thread's rollout.
 */
import { readFileSync } from "node:fs";

import {
  type AppServer,
  type CodexBinary,
  resumeThread,
  type TestHome,
  withServer,
  writeCodexConfig,
} from "./codex.ts";
import { type InputItem, lastIndexOfUser, withoutBaseInstructions } from "./history-compare.ts";
import { type ModelRequest, ModelServer } from "./history-model.ts";

/** What is asked: a thread, and the file that its new records go to. */
export interface ProbedThread {
  readonly id: string;
  readonly path: string;
}

export interface Probe {
  /** Why there is no answer; then nothing else is there either. */
  readonly refusal?: string;
  /** The history, as items of the first request. */
  readonly history: readonly InputItem[];
  /** What the turn itself put between the history and the user's words; empty when it compacted the history first. */
  readonly context: readonly InputItem[];
  /** World states that the turn wrote. */
  readonly worlds: readonly { readonly full: boolean; readonly state: Readonly<Record<string, unknown>> }[];
  /** All requests for the thread, oldest first; the last one holds the user's words. */
  readonly requests: readonly ModelRequest[];
}

const WORDS = "PROBE";
/** Only a thread that asks nothing at all takes so long. */
const TIMEOUT_MS = 60_000;

/**
 * Another name of our model server. A thread keeps the provider that its metadata names, and "openai" is not ours to define:
 * what is to be asked of such threads must name this one, which is as long, so that no offset changes.
 */
export const STAND_IN = "openei";

function provider(name: string, port: number): string {
  const settings = { name, base_url: `http://127.0.0.1:${port}/v1`, wire_api: "responses", env_key: "MOCK_API_KEY" };
  const lines = Object.entries(settings).map(([key, value]) => `${key} = "${value}"`);
  return [`[model_providers.${name}]`, ...lines, ""].join("\n");
}

/** By thread id. `model`: what the turns name as theirs; it differs from that of every case, so that a switch is announced. */
export async function probeThreads(
  binary: CodexBinary,
  home: TestHome,
  threads: readonly ProbedThread[],
  model = "another-model",
): Promise<ReadonlyMap<string, Probe>> {
  const server = await ModelServer.start();
  writeCodexConfig(home.path, { modelPort: server.port, extra: provider(STAND_IN, server.port) });
  const before = new Map(threads.map(({ id, path }) => [id, readFileSync(path).length]));
  const refusals = new Map<string, string>();
  try {
    await withServer(binary, home, async (codex) => {
      for (const { id } of threads) {
        await say(codex, server, id, model).catch((error: unknown) => refusals.set(id, String(error)));
      }
    });
  } finally {
    await server.stop();
  }
  return new Map(
    threads.map(({ id, path }) => {
      const refusal = refusals.get(id);
      if (refusal !== undefined) return [id, { ...NOTHING, refusal }];
      const written = readFileSync(path).subarray(before.get(id)).toString("utf8");
      return [id, takeApart(server.of(id), written, binary)];
    }),
  );
}

const NOTHING: Probe = { history: [], context: [], worlds: [], requests: [] };

async function say(codex: AppServer, server: ModelServer, threadId: string, model: string): Promise<void> {
  await resumeThread(codex, threadId);
  await codex.request("turn/start", { threadId, model, input: [{ type: "text", text: WORDS }] });
  await server.asked(threadId, ({ input }) => lastIndexOfUser(input, WORDS) !== -1, TIMEOUT_MS);
}

interface Written {
  readonly type: string;
  readonly payload: InputItem;
}

function takeApart(requests: readonly ModelRequest[], written: string, { version }: CodexBinary): Probe {
  const records = written
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Written);
  const worlds = records.flatMap(({ type, payload }) => (type === "world_state" ? [payload as never] : []));
  const input = withoutBaseInstructions(requests[0]?.input ?? [], version === "0.142.3" ? "0.142.3" : "0.169.0");
  const end = lastIndexOfUser(input, WORDS);
  // A compaction's request is the history and, behind it, what the model is told to do with it.
  if (end === -1) return { history: input.slice(0, -1), context: [], worlds, requests };
  const items = records.flatMap(({ type, payload }) => (type === "response_item" ? [payload] : []));
  const start = end - lastIndexOfUser(items, WORDS);
  return { history: input.slice(0, start), context: input.slice(start, end), worlds, requests };
}
