/** What each record of a legacy rollout becomes in a paginated one: the table of rollout-format §9.2. */
import { describe, expect, test } from "vitest";
import type { RolloutRecord } from "../../src/format/record.ts";
import { temporaryFolder } from "../support/homes.ts";
import { linesOf, THREAD_ID } from "../thread/shorthand.ts";
import { convertLines, convertText, forbidden, type Paginated } from "./paginated-drive.ts";

const folder = temporaryFolder();

function convert(text: string): Paginated {
  return convertText(folder.path, text);
}

/** An event as a line of its own. */
function event(payload: Readonly<Record<string, unknown>>): string {
  return `RECORD ${JSON.stringify({ type: "event_msg", payload })}`;
}

/** The item of the only `item_completed` of a turn with that event. */
function itemOf(payload: Readonly<Record<string, unknown>>): unknown {
  const { records } = convert(`META\nTS t1\n${event(payload)}\nTC t1`);
  return records.flatMap((record) => ("item" in record.payload ? [record.payload.item] : []))[0];
}

function payloadOf(record: RolloutRecord | undefined): unknown {
  return record?.payload;
}

const DURATION = { secs: 1, nanos: 500_000_000 };

describe("metadata", () => {
  test("the first one says paginated, and loses what only a paginated thread may say", () => {
    const { records } = convert(
      'META {"instructions":"old","history_base":{"thread_id":"01a20000-0000-7000-8000-000000000077","end_ordinal_exclusive":1,"end_byte_offset":1},"subagent_history_start_ordinal":4}\nU hi',
    );
    expect(payloadOf(records[0])).toMatchObject({ id: THREAD_ID, history_mode: "paginated", instructions: "old" });
    expect(Object.keys(records[0]?.payload ?? {})).not.toContain("history_base");
    expect(Object.keys(records[0]?.payload ?? {})).not.toContain("subagent_history_start_ordinal");
    expect(records.map(({ ordinal }) => ordinal)).toEqual([0, 1]);
  });

  test("those of others are set aside", () => {
    const { rows, asides } = convert("META\nMETA\nUE hi");
    expect(rows).toEqual(["TS rollout-2", "IC rollout-2 UserMessage item-1", "TC rollout-2"]);
    expect(asides).toEqual(["2: metadata of a thread that this one was copied from"]);
  });

  test("comes first, wherever it stood", () => {
    const { records } = convert("U before\nMETA\nU after");
    expect(records.map(({ type }) => type)).toEqual(["session_meta", "response_item", "response_item"]);
  });

  test("of an agent says that its own history begins behind all of this", () => {
    const { records, notes } = convert('META {"source":{"subagent":"review"}}\nTS t1\nUE a\nTC t1');
    expect(payloadOf(records[0])).toMatchObject({ subagent_history_start_ordinal: 4 });
    expect(notes).toEqual(["an agent: clients see only what comes from now on, as with Codex's own migration"]);
    const memory = convert('META {"source":{"subagent":"memory_consolidation"}}\nTS t1\nUE a\nTC t1');
    expect(Object.keys(memory.records[0]?.payload ?? {})).not.toContain("subagent_history_start_ordinal");
  });
});

describe("items", () => {
  test("a message of the user, with all that it can hold", () => {
    const found = itemOf({
      type: "user_message",
      message: "hi",
      client_id: "c9",
      images: ["data:a"],
      image_details: ["high"],
      file_ids: ["f1"],
      image_order: ["file", "inline"],
      local_images: ["/a.png"],
      audio: ["data:b"],
      local_audio: ["/x.wav"],
      text_elements: [{ byte_range: { start: 0, end: 2 }, placeholder: "p" }],
    });
    expect(found).toEqual({
      type: "UserMessage",
      id: "item-1",
      client_id: "c9",
      content: [
        { type: "text", text: "hi", text_elements: [{ byte_range: { start: 0, end: 2 }, placeholder: "p" }] },
        { type: "image", file_id: "f1" },
        { type: "image", image_url: "data:a", detail: "high" },
        { type: "local_image", path: "/a.png" },
        { type: "audio", audio_url: "data:b" },
        { type: "local_audio", path: "/x.wav" },
      ],
    });
  });

  test("a message of white space has no content", () => {
    expect(itemOf({ type: "user_message", message: "  " })).toEqual({ type: "UserMessage", id: "item-1", content: [] });
  });

  test("a message of the agent", () => {
    const more = { phase: "final_answer", delivery: "async", questions: [{ title: "t", options: ["a"] }] };
    expect(itemOf({ type: "agent_message", message: "x", memory_citation: null, ...more })).toEqual({
      type: "AgentMessage",
      id: "item-1",
      content: [{ type: "Text", text: "x" }],
      ...more,
    });
    expect(convert("META\nTS t1\nAE\nTC t1").rows).toEqual(["TS t1", "TC t1"]);
  });

  const TOOLS: Readonly<Record<string, readonly [event: object, item: object]>> = {
    "a command": [
      {
        type: "exec_command_end",
        call_id: "e1",
        process_id: "7",
        turn_id: "t1",
        command: ["ls", "-l"],
        cwd: "file:///w",
        parsed_cmd: [],
        source: "agent",
        stdout: "o",
        stderr: "e",
        aggregated_output: "oe",
        exit_code: 0,
        duration: DURATION,
        formatted_output: "f",
        status: "completed",
      },
      {
        type: "CommandExecution",
        id: "e1",
        process_id: "7",
        command: ["ls", "-l"],
        cwd: "file:///w",
        parsed_cmd: [],
        source: "agent",
        status: "completed",
        aggregated_output: "oe",
        exit_code: 0,
        duration: DURATION,
      },
    ],
    "a patch": [
      { type: "patch_apply_end", call_id: "p1", stdout: "ok", stderr: "bad", success: false, status: "declined" },
      { type: "FileChange", id: "p1", changes: {}, status: "declined", stdout: "ok", stderr: "bad" },
    ],
    "a tool of a server": [
      {
        type: "mcp_tool_call_end",
        call_id: "m1",
        invocation: { server: "s", tool: "t", arguments: { a: 1 } },
        duration: DURATION,
        result: { Ok: { content: [], isError: true } },
        connector_id: "c",
      },
      {
        type: "McpToolCall",
        id: "m1",
        server: "s",
        tool: "t",
        arguments: { a: 1 },
        connectorId: "c",
        status: "failed",
        result: { content: [], isError: true },
        duration: DURATION,
      },
    ],
    "a tool of a server that failed": [
      {
        type: "mcp_tool_call_end",
        call_id: "m2",
        invocation: { server: "s", tool: "t" },
        duration: DURATION,
        result: { Err: "boom" },
      },
      {
        type: "McpToolCall",
        id: "m2",
        server: "s",
        tool: "t",
        arguments: null,
        status: "failed",
        error: { message: "boom" },
        duration: DURATION,
      },
    ],
    "a search": [
      { type: "web_search_end", call_id: "w1", query: "q", action: { type: "open_page", url: "u" } },
      { type: "WebSearch", id: "w1", query: "q", action: { type: "open_page", url: "u" } },
    ],
    "an image": [
      { type: "image_generation_end", call_id: "i1", status: "completed", result: "AAA", saved_path: "/s.png" },
      {
        type: "Extension",
        kind: "image_gen.generation",
        id: "i1",
        status: "completed",
        revisedPrompt: null,
        result: "AAA",
        transparentBackground: null,
        failure: null,
        savedPath: "/s.png",
        generationId: null,
      },
    ],
    "the beginning of a review": [
      { type: "entered_review_mode", target: { type: "uncommittedChanges" } },
      {
        type: "EnteredReviewMode",
        id: "item-1",
        target: { type: "uncommittedChanges" },
        user_facing_hint: "Review requested.",
      },
    ],
    "the end of a review": [
      { type: "exited_review_mode", item_id: "r1", turn_id: "t1" },
      { type: "ExitedReviewMode", id: "r1", review_output: null },
    ],
    "what another agent does": [
      {
        type: "sub_agent_activity",
        event_id: "s1",
        agent_thread_id: THREAD_ID,
        agent_path: "/root/x",
        kind: "started",
      },
      {
        type: "SubAgentActivity",
        model: null,
        reasoning_effort: null,
        id: "s1",
        kind: "started",
        agent_thread_id: THREAD_ID,
        agent_path: "/root/x",
      },
    ],
    "a tool of the client": [
      {
        type: "dynamic_tool_call_response",
        call_id: "d1",
        turn_id: "t1",
        tool: "tt",
        arguments: { a: 1 },
        content_items: [],
        success: true,
        error: null,
        duration: DURATION,
      },
      {
        type: "DynamicToolCall",
        id: "d1",
        tool: "tt",
        arguments: { a: 1 },
        status: "completed",
        content_items: [],
        success: true,
        duration: DURATION,
      },
    ],
    "a compaction": [{ type: "context_compacted" }, { type: "ContextCompaction", id: "item-1" }],
  };

  test.each(Object.entries(TOOLS))("%s", (_title, [given, item]) => {
    expect(itemOf(given as never)).toEqual(item);
  });

  test("thoughts grow as long as nothing else is said in their turn", () => {
    const { records, rows } = convert(
      `META\nTS t1\n${event({ type: "agent_reasoning", text: "a" })}\nR\n${event({ type: "agent_reasoning_raw_content", text: "b" })}\nAE x\n${event({ type: "agent_reasoning", text: "c" })}\nTC t1`,
    );
    expect(rows).toEqual([
      "TS t1",
      "IC t1 Reasoning item-1",
      "reasoning",
      "IC t1 Reasoning item-1",
      "IC t1 AgentMessage item-2",
      "IC t1 Reasoning item-3",
      "TC t1",
    ]);
    expect(payloadOf(records[4])).toMatchObject({ item: { summary_text: ["a"], raw_content: ["b"] } });
  });

  test("more than 64 thoughts in a row are told once more, when they are over", () => {
    const thoughts = Array.from({ length: 200 }, (_one, at) => event({ type: "agent_reasoning", text: `${at}` }));
    const { rows } = convert(`META\nTS t1\n${thoughts.join("\n")}\nTC t1`);
    expect(rows.length).toBe(1 + 64 + 1 + 1);
  });

  test("prompts of hooks stand behind their message", () => {
    const { rows } = convert('META\nTS t1\nU <hook_prompt hook_run_id="h">do</hook_prompt> {"id":"msg_1"}\nTC t1');
    expect(rows).toEqual([
      "TS t1",
      'U <hook_prompt hook_run_id="h">do</hook_prompt>',
      "IC t1 HookPrompt msg_1",
      "TC t1",
    ]);
  });

  test("what is an item already keeps its form and gets the thread's id", () => {
    const item = { type: "Plan", id: "p", text: "plan" };
    const { records } = convert(
      `META\nTS t1\n${event({ type: "item_completed", thread_id: "01a20000-0000-7000-8000-000000000077", turn_id: "t1", item, completed_at_ms: 7 })}\nTC t1`,
    );
    expect(payloadOf(records[2])).toMatchObject({ thread_id: THREAD_ID, item, completed_at_ms: 7 });
  });

  test("have the time of their line", () => {
    const { records } = convert("META\nTS t1\nUE hi\nTC t1");
    expect(payloadOf(records[2])).toMatchObject({ completed_at_ms: Date.UTC(2026, 10, 21, 0, 30, 3) });
  });
});

describe("turns", () => {
  test("that nothing opened begin before the user's words, and end where the next one begins", () => {
    const { rows, records } = convert("META\nU a\nUE a\nAE b\nU c\nUE c");
    expect(rows).toEqual([
      "TS rollout-2",
      "U a",
      "IC rollout-2 UserMessage item-1",
      "IC rollout-2 AgentMessage item-2",
      "TC rollout-2",
      "TS rollout-5",
      "U c",
      "IC rollout-5 UserMessage item-3",
      "TC rollout-5",
    ]);
    expect(payloadOf(records[1])).toEqual({
      type: "task_started",
      turn_id: "rollout-2",
      started_at: Date.UTC(2026, 10, 21, 0, 30, 3) / 1000,
      model_context_window: null,
      collaboration_mode_kind: "default",
    });
    expect(payloadOf(records[5])).toEqual({
      type: "task_complete",
      turn_id: "rollout-2",
      last_agent_message: null,
      started_at: Date.UTC(2026, 10, 21, 0, 30, 3) / 1000,
      completed_at: Date.UTC(2026, 10, 21, 0, 30, 6) / 1000,
    });
  });

  test("end with the time that they began at, which clients would not know otherwise", () => {
    const { records } = convert('META\nTS t1 {"started_at":5}\nUE a\nTC t1 {"completed_at":9}');
    expect(payloadOf(records[3])).toMatchObject({ started_at: 5, completed_at: 9 });
  });

  test("an interruption that names none is that of the open one", () => {
    const { records } = convert("META\nTS t1\nUE a\nTA -");
    expect(payloadOf(records[3])).toMatchObject({ type: "turn_aborted", turn_id: "t1" });
  });

  test("an end that names one never begun is that of the open one, and nothing without", () => {
    const made = convert("META\nTS t1\nUE a\nTC zz\nTC yy");
    expect(made.rows).toEqual(["TS t1", "IC t1 UserMessage item-1", "TC t1"]);
    expect(made.asides).toEqual(["5: the end of a turn that was never begun"]);
    expect(forbidden(made)).toEqual([]);
  });

  test("events without effect today are set aside", () => {
    const made = convert(`META\nTS t1\n${event({ type: "warning", message: "w" })}\nGHOST\nTRIGGER\nLINE {"x":\nTC t1`);
    expect(made.rows).toEqual(["TS t1", "TC t1"]);
    expect(made.asides).toEqual([
      "3: warning: an event that Codex 0.169.0 makes nothing of",
      "4: a record of a kind that is no longer known",
      "5: a request for a compaction, which no release keeps now",
      "6: not valid JSON",
    ]);
  });

  test("an event counts for the names of turns, a snapshot and a bad line do not", () => {
    expect(convert(`META\n${event({ type: "warning", message: "w" })}\nUE a`).rows[0]).toBe("TS rollout-2");
    expect(convert("META\nGHOST\nLINE {\nUE a").rows[0]).toBe("TS rollout-1");
  });
});

describe("what cannot be migrated", () => {
  test("an item of a kind that is not known", () => {
    expect(() => convert("META\nOTHER weird")).toThrow("the rollout holds an item of a kind that is not known");
  });

  test("a time that is needed and cannot be read", () => {
    const line = '{"timestamp":"now","type":"event_msg","payload":{"type":"user_message","message":"a"}}';
    expect(() => convertLines(folder.path, [...linesOf("META"), line])).toThrow(
      "a line whose time is needed has none that can be read",
    );
  });
});
