/** Threads for the formats of whole threads: a home with all that they tell apart, and every thread of the fixtures. */
import { join } from "node:path";
import { documentOf, type DocumentFormat } from "../../src/export/documents.ts";
import { WHOLE } from "../../src/export/shard.ts";
import { type ExportThread, findThreads } from "../../src/export/threads.ts";
import type { JsonObject } from "../../src/format/record.ts";
import { writeHome } from "../support/homes.ts";
import {
  event,
  type LineRecord,
  META_MS,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  turnContext,
} from "../support/lines.ts";
import { requestFor } from "./export-home.ts";

export const PARENT = threadId(1);
export const AGENT = threadId(2);

/** Two turns: one with two responses, a command, an agent and a compaction; one that failed. */
export function parentLines(): readonly LineRecord[] {
  return [
    paginatedMeta(1, {
      session_id: PARENT,
      git: { branch: "main", commit_hash: "abc", repository_url: "https://me:pw@example.invalid/r.git" },
      base_instructions: { text: "You are a coding agent." },
    }),
    event("task_started", { turn_id: "t1", model_context_window: null }),
    turnContext({ turn_id: "t1", model: "gpt-5.1-codex", effort: "high" }),
    completed("t1", { type: "UserMessage", id: "u1", content: userParts() }),
    completed("t1", { type: "Reasoning", id: "r1", summary_text: ["First look."], raw_content: [] }),
    call("c1", "shell", '{"command":["ls"]}'),
    call("c2", "spawn_agent", '{"message":"count"}'),
    record("t1", "resp_1", { input: 100, cached: 40, output: 20, reasoning: 5 }),
    completed("t1", commandItem()),
    output("c1", "Exit code: 0\na.txt"),
    completed("t1", agentItem()),
    output("c2", '{"agent_id":"x"}'),
    completed("t1", {
      type: "AgentMessage",
      id: "m1",
      content: [{ type: "Text", text: "One file." }],
      phase: "final_answer",
    }),
    record("t1", "resp_2", { input: 200, cached: 100, output: 10, reasoning: 0 }),
    { type: "compacted", payload: { message: "So far: one file.", replacement_history: [], window_number: 1 } },
    completed("t1", { type: "ContextCompaction", id: "x1" }),
    event("task_complete", {
      turn_id: "t1",
      last_agent_message: "One file.",
      time_to_first_token_ms: 7,
      duration_ms: 9000,
    }),
    event("task_started", { turn_id: "t2", model_context_window: null }),
    turnContext({ turn_id: "t2", model: "gpt-5.1-codex" }),
    completed("t2", {
      type: "UserMessage",
      id: "u2",
      content: [{ type: "text", text: "And now?", text_elements: [] }],
    }),
    event("turn_aborted", { turn_id: "t2", reason: "interrupted" }),
  ];
}

function userParts(): readonly unknown[] {
  return [
    { type: "text", text: "Which files?", text_elements: [] },
    { type: "local_image", path: "/home/user/project/plan.png" },
    { type: "image", image_url: "data:image/png;base64,AAAA" },
  ];
}

function commandItem(): Readonly<Record<string, unknown>> {
  return {
    type: "CommandExecution",
    id: "c1",
    process_id: null,
    command: ["ls"],
    cwd: "file:///home/user/project",
    parsed_cmd: [],
    source: "agent",
    status: "completed",
    aggregated_output: "a.txt\n",
    exit_code: 0,
    duration: { secs: 0, nanos: 250_000_000 },
  };
}

function agentItem(): Readonly<Record<string, unknown>> {
  return { type: "SubAgentActivity", id: "c2", kind: "started", agent_thread_id: AGENT, agent_path: "/root/count" };
}

function completed(turnId: string, item: Readonly<Record<string, unknown>>): LineRecord {
  const times = { started_at_ms: META_MS + 3000, completed_at_ms: META_MS + 3250 };
  return event("item_completed", { thread_id: PARENT, turn_id: turnId, item, ...times });
}

function call(id: string, name: string, given: string): LineRecord {
  return { type: "response_item", payload: { type: "function_call", name, arguments: given, call_id: id } };
}

function output(id: string, text: string): LineRecord {
  return { type: "response_item", payload: { type: "function_call_output", call_id: id, output: text } };
}

interface Tokens {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly reasoning: number;
}

function record(turnId: string, id: string, { input, cached, output: made, reasoning }: Tokens): LineRecord {
  const usage = {
    input_tokens: input,
    cached_input_tokens: cached,
    output_tokens: made,
    reasoning_output_tokens: reasoning,
    total_tokens: input + made,
  };
  const of = { thread_id: PARENT, turn_id: turnId, session_id: PARENT, root_turn_id: turnId, response_id: id };
  return { type: "token_usage_record", payload: { ...of, usage, turn_token_usage: usage, thread_token_usage: usage } };
}

/** The home of `parentLines`, as one thread. */
export function storyHome(folder: string): string {
  return writeHome(join(folder, "home"), { [sessionPath(1)]: rolloutText(parentLines(), { paginated: true }) });
}

export function threadsOf(home: string): readonly ExportThread[] {
  return findThreads(requestFor(home).source, WHOLE).threads;
}

/** The document of a thread, as it would be read back. */
export async function read(thread: ExportThread, format: DocumentFormat, content = true): Promise<JsonObject> {
  const made = await documentOf(thread, { format, content });
  if ("message" in made) throw new Error(`${made.path}: ${made.message}`);
  return JSON.parse(JSON.stringify(made.document)) as JsonObject;
}
