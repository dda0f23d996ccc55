import { describe, expect, test } from "vitest";

import { acceptedBy, decodeLine } from "../../src/format/decode.ts";
import type { Entry } from "../../src/format/entry.ts";
import { agent, convert, ended, item, type Json, OTHER, started, THREAD, TIME } from "./legacy-lines.ts";

const DURATION = { secs: 1, nanos: 500_000_000 };

/** What stands for an item, between the beginning and the end of its turn. */
function eventsFor(content: Json): readonly Json[] {
  return convert([started("t"), item("t", content), ended("t")]).events.slice(1, -1);
}

describe("what stands for an item", () => {
  const call = { call_id: "c", turn_id: "t" };
  const cases: readonly (readonly [title: string, item: Json, events: readonly Json[]])[] = [
    [
      "a user's message",
      { type: "UserMessage", id: "u", client_id: "k", content: [{ type: "text", text: "hi", text_elements: [] }] },
      [{ type: "user_message", client_id: "k", message: "hi", images: [], local_images: [], text_elements: [] }],
    ],
    [
      "a user's message of many parts",
      {
        type: "UserMessage",
        id: "u",
        content: [
          { type: "local_image", path: "/a.png" },
          { type: "text", text: "één ", text_elements: [{ byte_range: { start: 0, end: 2 } }] },
          { type: "image", image_url: "data:1", detail: "high" },
          { type: "image", file_id: "f" },
          { type: "image", image_url: "data:2" },
          { type: "text", text: "two", text_elements: [{ byte_range: { start: 1, end: 2 }, placeholder: "p" }] },
          { type: "audio", audio_url: "data:3" },
          { type: "local_audio", path: "/a.wav" },
        ],
      },
      [
        {
          type: "user_message",
          message: "één two",
          images: ["data:1", "data:2"],
          image_details: ["high", null],
          file_ids: ["f"],
          image_order: ["inline", "file", "inline"],
          local_images: ["/a.png"],
          audio: ["data:3"],
          local_audio: ["/a.wav"],
          text_elements: [{ byte_range: { start: 0, end: 2 } }, { byte_range: { start: 7, end: 8 }, placeholder: "p" }],
        },
      ],
    ],
    [
      "an answer",
      { ...agent("a", "yes"), phase: "final_answer", questions: [{ title: "q" }] },
      [
        {
          type: "agent_message",
          message: "yes",
          phase: "final_answer",
          memory_citation: null,
          questions: [{ title: "q" }],
        },
      ],
    ],
    [
      "thoughts",
      { type: "Reasoning", id: "r", summary_text: ["one", "two"], raw_content: ["three"] },
      [
        { type: "agent_reasoning", text: "one" },
        { type: "agent_reasoning", text: "two" },
        { type: "agent_reasoning_raw_content", text: "three" },
      ],
    ],
    ["a compaction", { type: "ContextCompaction", id: "x" }, [{ type: "context_compacted" }]],
    [
      "a command",
      {
        type: "CommandExecution",
        id: "c",
        process_id: "7",
        command: ["ls", "a b"],
        cwd: "file:///work",
        parsed_cmd: [{ type: "unknown", cmd: "ls" }],
        source: "agent",
        status: "failed",
        aggregated_output: "no\n",
        exit_code: 2,
        duration: DURATION,
      },
      [
        {
          type: "exec_command_end",
          call_id: "c",
          process_id: "7",
          turn_id: "t",
          completed_at_ms: 7,
          command: ["ls", "a b"],
          cwd: "file:///work",
          parsed_cmd: [{ type: "unknown", cmd: "ls" }],
          source: "agent",
          stdout: "",
          stderr: "",
          aggregated_output: "no\n",
          exit_code: 2,
          duration: DURATION,
          formatted_output: "",
          status: "failed",
        },
      ],
    ],
    [
      "a command that was declined",
      {
        type: "CommandExecution",
        id: "c",
        command: ["rm"],
        cwd: "file:///work",
        parsed_cmd: [],
        source: "user_shell",
        status: "declined",
      },
      [
        {
          type: "exec_command_end",
          call_id: "c",
          turn_id: "t",
          completed_at_ms: 7,
          command: ["rm"],
          cwd: "file:///work",
          parsed_cmd: [],
          source: "user_shell",
          stdout: "",
          stderr: "",
          aggregated_output: "",
          exit_code: -1,
          duration: { secs: 0, nanos: 0 },
          formatted_output: "",
          status: "declined",
        },
      ],
    ],
    [
      "a patch",
      {
        type: "FileChange",
        id: "c",
        changes: { "/f": { type: "add", content: "x" } },
        status: "completed",
        stdout: "ok",
      },
      [
        {
          type: "patch_apply_end",
          ...call,
          stdout: "ok",
          stderr: "",
          success: true,
          changes: { "/f": { type: "add", content: "x" } },
          status: "completed",
        },
      ],
    ],
    [
      "an MCP call",
      {
        type: "McpToolCall",
        id: "c",
        server: "s",
        tool: "f",
        arguments: { a: 1 },
        connectorId: "k",
        pluginId: "p",
        readOnlyHint: true,
        status: "completed",
        result: { content: [] },
        duration: DURATION,
      },
      [
        {
          type: "mcp_tool_call_end",
          ...call,
          invocation: { server: "s", tool: "f", arguments: { a: 1 } },
          connector_id: "k",
          plugin_id: "p",
          read_only_hint: true,
          duration: DURATION,
          result: { Ok: { content: [] } },
        },
      ],
    ],
    [
      "an MCP call that failed",
      {
        type: "McpToolCall",
        id: "c",
        server: "s",
        tool: "f",
        arguments: null,
        status: "failed",
        error: { message: "no" },
      },
      [
        {
          type: "mcp_tool_call_end",
          ...call,
          invocation: { server: "s", tool: "f", arguments: null },
          duration: { secs: 0, nanos: 0 },
          result: { Err: "no" },
        },
      ],
    ],
    [
      "an MCP call that failed by its result",
      {
        type: "McpToolCall",
        id: "c",
        server: "s",
        tool: "f",
        arguments: null,
        status: "failed",
        result: { content: [] },
      },
      [
        {
          type: "mcp_tool_call_end",
          ...call,
          invocation: { server: "s", tool: "f", arguments: null },
          duration: { secs: 0, nanos: 0 },
          result: { Ok: { content: [], isError: true } },
        },
      ],
    ],
    [
      "a dynamic tool's call",
      {
        type: "DynamicToolCall",
        id: "c",
        tool: "lab",
        arguments: { q: "x" },
        status: "failed",
        content_items: [{ type: "inputText", text: "no" }],
        success: false,
        duration: DURATION,
      },
      [
        {
          type: "dynamic_tool_call_response",
          ...call,
          completed_at_ms: 7,
          namespace: null,
          tool: "lab",
          arguments: { q: "x" },
          content_items: [{ type: "inputText", text: "no" }],
          success: false,
          error: null,
          duration: DURATION,
        },
      ],
    ],
    [
      "a web search",
      { type: "WebSearch", id: "w", query: "q", action: { type: "open_page", url: "u" } },
      [{ type: "web_search_end", call_id: "w", query: "q", action: { type: "open_page", url: "u" } }],
    ],
    [
      "a web search of the extension",
      { type: "Extension", kind: "web.search", id: "w", query: "q", action: { type: "findInPage", pattern: "p" } },
      [{ type: "web_search_end", call_id: "w", query: "q", action: { type: "find_in_page", pattern: "p" } }],
    ],
    [
      "an image seen",
      { type: "ImageView", id: "c", path: "file:///a%20b.png" },
      [{ type: "view_image_tool_call", call_id: "c", path: "/a b.png" }],
    ],
    [
      "an image made",
      {
        type: "ImageGeneration",
        id: "c",
        status: "completed",
        revised_prompt: "dot",
        result: "iVBO",
        saved_path: "/i.png",
      },
      [
        {
          type: "image_generation_end",
          call_id: "c",
          status: "completed",
          revised_prompt: "dot",
          result: "iVBO",
          saved_path: "/i.png",
        },
      ],
    ],
    [
      "an image made by the extension",
      {
        type: "Extension",
        kind: "image_gen.generation",
        id: "c",
        status: "completed",
        revisedPrompt: "dot",
        fileId: "f",
        transparentBackground: null,
        savedPath: "/i.png",
      },
      [
        {
          type: "image_generation_end",
          call_id: "c",
          status: "completed",
          revised_prompt: "dot",
          saved_path: "/i.png",
          fileId: "f",
        },
      ],
    ],
    [
      "what another agent does",
      { type: "SubAgentActivity", id: "c", kind: "started", agent_thread_id: OTHER, agent_path: "/root/x", model: "m" },
      [
        {
          type: "sub_agent_activity",
          event_id: "c",
          occurred_at_ms: 7,
          agent_thread_id: OTHER,
          agent_path: "/root/x",
          kind: "started",
          model: "m",
        },
      ],
    ],
    [
      "a review that begins",
      { type: "EnteredReviewMode", id: "i", target: { type: "uncommittedChanges" }, user_facing_hint: "h" },
      [
        {
          type: "entered_review_mode",
          target: { type: "uncommittedChanges" },
          user_facing_hint: "h",
          turn_id: "t",
          item_id: "i",
        },
      ],
    ],
    [
      "a review that ends",
      { type: "ExitedReviewMode", id: "i", review_output: null },
      [{ type: "exited_review_mode", review_output: null, turn_id: "t", item_id: "i" }],
    ],
    ["a hook's prompt, which its message tells", { type: "HookPrompt", id: "h", fragments: [] }, []],
  ];

  test.each(cases)("%s", (_, content, events) => {
    expect(eventsFor(content)).toEqual(events);
  });

  const asTheyAre: readonly Json[] = [
    { type: "Plan", id: "p", text: "plan" },
    { type: "FunctionCallOutput", id: "f", name: "n", output: "o" },
    { type: "Extension", kind: "clock.sleep", id: "s", durationMs: 5 },
    { type: "Sleep", id: "s", duration_ms: 5 },
  ];

  test.each(asTheyAre)("$type is in legacy rollouts, too", (content) => {
    const [, payload] = item("t", content);
    expect(eventsFor(content)).toEqual([payload]);
  });

  const agentCall = { type: "CollabAgentToolCall", id: "c", status: "completed", sender_thread_id: THREAD };
  const reached = {
    receiver_thread_ids: [OTHER],
    receiver_agents: [{ thread_id: OTHER, agent_nickname: "Nick", agent_role: "r" }],
    agents_states: { [OTHER]: { completed: "done" } },
  };
  const received = {
    call_id: "c",
    sender_thread_id: THREAD,
    receiver_thread_id: OTHER,
    receiver_agent_nickname: "Nick",
    receiver_agent_role: "r",
    status: { completed: "done" },
  };

  test("tools of agents have events of their own", () => {
    expect(
      eventsFor({ ...agentCall, tool: "spawn_agent", prompt: "go", model: "m", reasoning_effort: "low", ...reached }),
    ).toEqual([
      {
        type: "collab_agent_spawn_end",
        call_id: "c",
        sender_thread_id: THREAD,
        new_thread_id: OTHER,
        new_agent_nickname: "Nick",
        new_agent_role: "r",
        prompt: "go",
        model: "m",
        reasoning_effort: "low",
        status: { completed: "done" },
      },
    ]);
    expect(eventsFor({ ...agentCall, tool: "spawn_agent", status: "failed", receiver_thread_ids: [] })).toEqual([
      {
        type: "collab_agent_spawn_end",
        call_id: "c",
        sender_thread_id: THREAD,
        new_thread_id: null,
        prompt: "",
        model: "",
        status: "not_found",
      },
    ]);
    expect(eventsFor({ ...agentCall, tool: "send_input", prompt: "more", ...reached })).toEqual([
      { type: "collab_agent_interaction_end", ...received, prompt: "more" },
    ]);
    expect(eventsFor({ ...agentCall, tool: "close_agent", ...reached })).toEqual([
      { type: "collab_close_end", ...received },
    ]);
    expect(eventsFor({ ...agentCall, tool: "resume_agent", ...reached })).toEqual([
      { type: "collab_resume_end", ...received },
    ]);
    expect(eventsFor({ ...agentCall, tool: "wait", ...reached })).toEqual([
      {
        type: "collab_waiting_end",
        sender_thread_id: THREAD,
        call_id: "c",
        agent_statuses: [{ thread_id: OTHER, agent_nickname: "Nick", agent_role: "r", status: { completed: "done" } }],
        statuses: { [OTHER]: { completed: "done" } },
      },
    ]);
  });

  test("is read by 0.142.3 and 0.169.0", () => {
    const contents = [...cases.map(([, content]) => content), { ...agentCall, tool: "wait", ...reached }];
    const { records } = convert([
      started("t"),
      ...contents.map((content, at) => item("t", { ...content, id: `${at}` })),
      ended("t"),
    ]);
    expect(records.length).toBeGreaterThan(25);
    const refusedBy = (release: "0.142.3" | "0.169.0") =>
      records.filter((record) => !acceptedBy(recordOf(record), release));
    expect(refusedBy("0.169.0")).toEqual([]);
    // An image that lies in a file elsewhere is newer than that.
    expect(refusedBy("0.142.3").map(({ payload }) => payload["fileId"])).toEqual(["f"]);
  });

  const lost: readonly (readonly [string, Json, number])[] = [
    ["an item that was not over", { type: "FileChange", id: "c", changes: {} }, 0],
    [
      "an item that was not over",
      { type: "McpToolCall", id: "c", server: "s", tool: "t", arguments: null, status: "inProgress" },
      0,
    ],
    ["a call of an agents' tool without an event", { ...agentCall, tool: "list_agents" }, 0],
    ["a call of an agents' tool without an event", { ...agentCall, tool: "send_input" }, 0],
    ["moderation of an item", { ...agent("a", "x"), moderation: { moderated: true } }, 1],
    [
      "a skill, a mention or a sound file in a user's message",
      { type: "UserMessage", id: "u", content: [{ type: "skill", name: "s", path: "/s" }] },
      1,
    ],
  ];

  test.each(lost)("goes aside: %s", (why, content, events) => {
    const { events: all, asides } = convert([started("t"), item("t", content), ended("t")]);
    expect(all.length).toBe(2 + events);
    const [, payload] = item("t", content);
    expect(asides).toEqual([[why, JSON.stringify({ timestamp: TIME, ordinal: 2, type: "event_msg", payload })]]);
  });
});

function recordOf(value: unknown) {
  const bytes = Buffer.from(JSON.stringify(value));
  const entry: Entry = decodeLine(bytes, { line: 1, offset: 0, length: bytes.length });
  if (!entry.ok) throw new Error(entry.defect.message);
  return entry.record;
}
