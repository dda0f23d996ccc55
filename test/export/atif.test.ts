import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { documentOf } from "../../src/export/documents.ts";
import type { JsonObject } from "../../src/format/record.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { HOSTILE_SHAPES } from "../support/hostile-threads.ts";
import { CWD, META_TIME, sessionPath } from "../support/lines.ts";
import { atifErrors } from "./atif-rules.ts";
import { T4, writeExportHome } from "./export-home.ts";
import { otlpErrors } from "./otlp-rules.ts";
import { AGENT, PARENT, read, storyHome, threadsOf } from "./stories.ts";

const folder = temporaryFolder();
const FIXTURES = join(import.meta.dirname, "../../fixtures");

async function only(home: string, content = true): Promise<JsonObject> {
  const [thread] = threadsOf(home);
  if (thread === undefined) throw new Error("there is no thread");
  return read(thread, "atif", content);
}

const T1 = { extra: { turn_id: "t1" } };

describe("a trajectory", () => {
  it("has a step for each response, with its calls, their results and its tokens", async () => {
    const { steps, ...root } = await only(storyHome(folder.path));
    expect(steps).toEqual([
      {
        step_id: 1,
        timestamp: META_TIME,
        source: "system",
        message: "You are a coding agent.",
        extra: { kind: "instructions" },
      },
      {
        step_id: 2,
        timestamp: "2025-11-01T10:00:03.373Z",
        source: "user",
        message: [
          { type: "text", text: "Which files?" },
          { type: "image", source: { media_type: "image/png", path: "/home/user/project/plan.png" } },
          { type: "text", text: "[image]" },
        ],
        ...T1,
      },
      {
        step_id: 3,
        timestamp: "2025-11-01T10:00:03.373Z",
        source: "agent",
        model_name: "gpt-5.1-codex",
        reasoning_effort: "high",
        message: "",
        reasoning_content: "First look.",
        tool_calls: [
          {
            tool_call_id: "c1",
            function_name: "shell",
            arguments: { command: ["ls"] },
            extra: { status: "completed" },
          },
          {
            tool_call_id: "c2",
            function_name: "spawn_agent",
            arguments: { message: "count" },
            extra: { status: "started" },
          },
        ],
        observation: {
          results: [
            {
              source_call_id: "c1",
              content: "a.txt\n",
              extra: { exit_code: 0, duration_ms: 250, completed_at: "2025-11-01T10:00:03.373Z" },
            },
            {
              source_call_id: "c2",
              content: '{"agent_id":"x"}',
              subagent_trajectory_ref: [{ trajectory_id: AGENT, trajectory_path: `${AGENT}.json` }],
              extra: { completed_at: "2025-11-01T10:00:03.373Z" },
            },
          ],
        },
        metrics: { prompt_tokens: 100, completion_tokens: 20, cached_tokens: 40, extra: { reasoning_tokens: 5 } },
        llm_call_count: 1,
        ...T1,
      },
      {
        step_id: 4,
        timestamp: "2025-11-01T10:00:03.373Z",
        source: "agent",
        model_name: "gpt-5.1-codex",
        reasoning_effort: "high",
        message: "One file.",
        metrics: { prompt_tokens: 200, completion_tokens: 10, cached_tokens: 100, extra: { reasoning_tokens: 0 } },
        llm_call_count: 1,
        ...T1,
      },
      {
        step_id: 5,
        timestamp: "2025-11-01T10:00:03.373Z",
        source: "system",
        message: "Context compaction",
        observation: { results: [{ content: "So far: one file." }] },
        extra: { turn_id: "t1", kind: "compaction", context_management: { type: "compaction", boundary: "replace" } },
      },
      {
        step_id: 6,
        timestamp: "2025-11-01T10:00:03.373Z",
        source: "user",
        message: "And now?",
        extra: { turn_id: "t2" },
      },
      {
        step_id: 7,
        timestamp: "2025-11-01T10:00:20.123Z",
        source: "system",
        message: "The turn was interrupted.",
        extra: { turn_id: "t2", kind: "interrupted" },
      },
    ]);
    expect(root).toEqual({
      schema_version: "ATIF-v1.7",
      session_id: PARENT,
      trajectory_id: PARENT,
      agent: {
        name: "codex",
        version: "0.169.0",
        model_name: "gpt-5.1-codex",
        extra: { originator: "codex_cli_rs", source: "cli", model_provider: "openai" },
      },
      final_metrics: {
        total_prompt_tokens: 300,
        total_completion_tokens: 30,
        total_cached_tokens: 140,
        total_steps: 7,
        extra: { reasoning_tokens: 5, responses: 2 },
      },
      extra: {
        created_at: META_TIME,
        cwd: CWD,
        git: { branch: "main", commit: "abc", url: "https://example.invalid/r.git" },
        kind: "main",
        root_thread_id: PARENT,
        content: true,
      },
    });
  });

  it("without content has its structure, and no word", async () => {
    const document = await only(storyHome(folder.path), false);
    expect(atifErrors(document)).toEqual([]);
    const text = JSON.stringify(document);
    for (const word of [
      "coding agent",
      "Which files",
      "First look",
      '"message":"count"',
      "a.txt",
      "One file",
      "agent_id",
      "And now",
      "was interrupted",
    ]) {
      expect(text).not.toContain(word);
    }
    expect((document["steps"] as readonly JsonObject[]).map((step) => step["source"])).toEqual(
      "system user agent agent system user system".split(" "),
    );
    expect(document["final_metrics"]).toMatchObject({ total_prompt_tokens: 300 });
  });

  it("marks what a fork has copied, and counts only its own", async () => {
    const threads = threadsOf(writeExportHome(folder.path));
    const fork = threads.find(({ id }) => id === T4);
    if (fork === undefined) throw new Error("there is no fork");
    const { steps, final_metrics: final } = await read(fork, "atif");
    const told = (steps as readonly JsonObject[]).map((step) => [
      step["message"],
      step["is_copied_context"] ?? false,
      "metrics" in step,
    ]);
    expect(told).toEqual([
      ["hello", true, false],
      ["again", false, false],
    ]);
    expect(final).toMatchObject({ total_prompt_tokens: 0 });
  });

  it("of a thread without turns says so", async () => {
    const home = writeHome(join(folder.path, "home"), { [sessionPath(1)]: "{\n" });
    const [thread] = threadsOf(home);
    const made = thread && (await documentOf(thread, { format: "atif", content: true }));
    expect(made).toMatchObject({
      document: { steps: [{ step_id: 1, source: "system", message: "The thread has no turns." }] },
    });
  });
});

describe("the published rules hold", () => {
  it("for every thread of the demonstration home", async () => {
    const threads = threadsOf(join(FIXTURES, "homes/demo"));
    expect(threads.length).toBeGreaterThan(5);
    for (const thread of threads) await expectRules(thread);
  });

  it("for every thread of the cases of turns", async () => {
    for (const name of readdirSync(join(FIXTURES, "turns"))) {
      const text = readFileSync(join(FIXTURES, "turns", name, "input.jsonl"));
      const [thread] = threadsOf(writeHome(join(folder.path, name), { [sessionPath(1)]: text }));
      if (thread !== undefined) await expectRules(thread, name);
    }
  });

  it.each(HOSTILE_SHAPES.map(({ name, lines }) => [name, lines] as const))("for %s", async (name, lines) => {
    const home = writeHome(join(folder.path, "home"), { [sessionPath(1)]: `${[...lines(200)].join("\n")}\n` });
    const [thread] = threadsOf(home);
    if (thread !== undefined) await expectRules(thread, name);
  });
});

async function expectRules(thread: Parameters<typeof read>[0], name = thread.id): Promise<void> {
  for (const content of [true, false]) {
    expect([name, atifErrors(await read(thread, "atif", content))]).toEqual([name, []]);
    expect([name, otlpErrors(await read(thread, "otel", content))]).toEqual([name, []]);
  }
}

describe("the rules of the test", () => {
  const step = { step_id: 1, source: "user", message: "" };
  const least = { schema_version: "ATIF-v1.7", agent: { name: "a", version: "1" }, steps: [step] };

  it("take the least there is", () => {
    expect(atifErrors(least)).toEqual([]);
  });

  it.each([
    ["an unknown member", { ...least, more: 1 }],
    ["another version", { ...least, schema_version: "ATIF-v1.6" }],
    ["no steps", { ...least, steps: [] }],
    ["a gap in the numbers", { ...least, steps: [{ ...step, step_id: 2 }] }],
    ["metrics of a user", { ...least, steps: [{ ...step, metrics: {} }] }],
    [
      "a result of no call",
      { ...least, steps: [{ ...step, source: "agent", observation: { results: [{ source_call_id: "c" }] } }] },
    ],
    ["a time that is none", { ...least, steps: [{ ...step, timestamp: "today" }] }],
    [
      "a reference by session alone",
      {
        ...least,
        steps: [{ ...step, observation: { results: [{ subagent_trajectory_ref: [{ session_id: "s" }] }] } }],
      },
    ],
    ["a sum that is wrong", { ...least, final_metrics: { total_prompt_tokens: 1 } }],
  ])("refuse %s", (_, document) => {
    expect(atifErrors(document)).not.toEqual([]);
  });
});
