import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { gatherLatencies, MAX_SAMPLES } from "../../src/analysis/latency.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import {
  event,
  type LineRecord,
  meta,
  META_MS,
  responseItem,
  rolloutText,
  sessionPath,
  threadId,
  turnContext,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

/** Lines of a file are a second apart. */
function latencies(lines: readonly (LineRecord | string)[], n = 1): ReturnType<typeof gatherLatencies> {
  writeHome(home, { [sessionPath(n)]: rolloutText(lines) });
  return gatherLatencies(discoverRollouts(home).files);
}

/** `measure source origin` → samples. */
function samples(report: ReturnType<typeof gatherLatencies>): Readonly<Record<string, readonly number[]>> {
  return Object.fromEntries(
    report.series.map(({ measure, source, origin, samples: all }) => [`${measure}, ${source}, ${origin}`, all]),
  );
}

const started = (turn = "t1"): LineRecord => event("task_started", { turn_id: turn });
const complete = (members: Readonly<Record<string, unknown>> = {}): LineRecord =>
  event("task_complete", { turn_id: "t1", last_agent_message: null, ...members });
const reasoning: LineRecord = { type: "response_item", payload: { type: "reasoning", summary: [] } };

function call(id: string, name = "shell"): LineRecord {
  return { type: "response_item", payload: { type: "function_call", name, arguments: "{}", call_id: id } };
}

function output(id: string): LineRecord {
  return { type: "response_item", payload: { type: "function_call_output", call_id: id, output: "done" } };
}

function executed(id: string, secs: number, nanos: number): LineRecord {
  const item = {
    type: "CommandExecution",
    id,
    command: ["ls"],
    cwd: "file:///",
    parsed_cmd: [],
    source: "agent",
    status: "completed",
    duration: { secs, nanos },
  };
  return event("item_completed", { thread_id: threadId(1), turn_id: "t1", item, completed_at_ms: META_MS });
}

describe("turns", () => {
  it("have the times that Codex wrote, to the millisecond", () => {
    const lines = [meta(1), started(), reasoning, complete({ duration_ms: 208, time_to_first_token_ms: 72 })];
    expect(samples(latencies(lines))).toEqual({ "turn, user, written": [208], "first token, user, written": [72] });
  });

  it("have no first token where Codex wrote none, as for a compaction", () => {
    expect(samples(latencies([meta(1), started(), reasoning, complete({ duration_ms: 31 })]))).toEqual({
      "turn, user, written": [31],
    });
  });

  it("have the times of their lines where Codex wrote none", () => {
    const lines = [meta(1), started(), userMessage("a"), reasoning, responseItem("b", "assistant"), complete()];
    expect(samples(latencies(lines))).toEqual({
      "turn, user, derived": [4000],
      "first token, user, derived": [2000],
    });
  });

  it("of releases that did not mark them go from what the user said to what was last said", () => {
    const turn = [turnContext(), reasoning, call("c1"), output("c1"), responseItem("b", "assistant")];
    const lines = [
      meta(1),
      responseItem("a"),
      userMessage("a"),
      ...turn,
      responseItem("x"),
      userMessage("x"),
      reasoning,
    ];
    expect(samples(latencies(lines))).toEqual({
      "turn, user, derived": [5000, 1000],
      "first token, user, derived": [2000, 1000],
      "tool, user, derived": [1000],
    });
  });

  it("that failed or were aborted are told apart, and those that never ended not at all", () => {
    const lines = [
      meta(1),
      started(),
      complete({ duration_ms: 40, error: { message: "no" } }),
      started("t2"),
      event("turn_aborted", { turn_id: "t2", reason: "interrupted", duration_ms: 1508 }),
      started("t3"),
      event("turn_aborted", { turn_id: "t3", reason: "interrupted" }),
      started("t4"),
      started("t5"),
      userMessage("a"),
    ];
    expect(samples(latencies(lines))).toEqual({
      "failed turn, user, written": [40],
      "aborted turn, user, written": [1508],
      "aborted turn, user, derived": [1000],
    });
  });

  it.each([
    [{ subagent: { thread_spawn: { parent_thread_id: threadId(9), depth: 1 } } }, "sub-agent"],
    [{ subagent: "compact" }, "sub-agent"],
    [{ subagent: "review" }, "review"],
    [{ subagent: { other: "guardian" } }, "guardian"],
    [{ internal: "memory_consolidation" }, "internal"],
    ["exec", "user"],
  ])("of a thread from %j are by %s", (source, by) => {
    const report = latencies([meta(1, { source }), started(), complete({ duration_ms: 5 })]);
    expect(Object.keys(samples(report))).toEqual([`turn, ${by}, written`]);
  });

  it("with a review in them are by review", () => {
    const target = { type: "custom", instructions: "look" };
    const lines = [meta(1), started(), event("entered_review_mode", { target }), complete({ duration_ms: 5 })];
    expect(samples(latencies([...lines, started(), complete({ duration_ms: 6 })]))).toEqual({
      "turn, user, written": [6],
      "turn, review, written": [5],
    });
  });

  it("that a fork copied are not its own", () => {
    const turn = (id: string, ms: number): readonly LineRecord[] => [
      event("task_started", { turn_id: id }),
      event("task_complete", { turn_id: id, last_agent_message: null, duration_ms: ms }),
    ];
    latencies([meta(9), ...turn(threadId(8), 5)], 9);
    const copy = [meta(1, { forked_from_id: threadId(9) }), meta(9), ...turn(threadId(8), 5), ...turn(threadId(0), 7)];
    expect(samples(latencies(copy))).toEqual({ "turn, user, written": [5, 7] });
  });
});

describe("tools", () => {
  it("take what their events say, else the time to their output", () => {
    const lines = [
      meta(1),
      started(),
      call("c1"),
      executed("c1", 1, 500_000),
      output("c1"),
      call("c2", "apply_patch"),
      call("c3"),
      output("c3"),
      output("c2"),
      output("c9"),
      call("c4"),
      complete({ duration_ms: 9000 }),
    ];
    const report = latencies(lines);
    expect(samples(report)).toEqual({
      "turn, user, written": [9000],
      "tool, user, written": [1000.5],
      "tool, user, derived": [1000, 3000],
    });
    expect(report.tools).toEqual([
      { tool: "apply_patch", origin: "derived", totalMs: 3000, count: 1, samples: [3000] },
      { tool: "shell", origin: "written", totalMs: 1000.5, count: 1, samples: [1000.5] },
      { tool: "shell", origin: "derived", totalMs: 1000, count: 1, samples: [1000] },
    ]);
  });

  it("of old releases and of MCP servers say it in events of their own", () => {
    const old = event("exec_command_end", { call_id: "c1", exit_code: 0, duration: { secs: 2, nanos: 0 } });
    const mcp = event("mcp_tool_call_end", {
      call_id: "c2",
      invocation: { server: "s", tool: "t" },
      duration: { secs: 0, nanos: 7_000_000 },
      result: { Ok: { content: [] } },
    });
    const lines = [meta(1), call("c1"), old, output("c1"), call("c2", "mcp"), mcp, output("c2")];
    expect(samples(latencies(lines))).toEqual({ "tool, user, written": [2000, 7] });
  });

  it("a guardian's looks are assessments", () => {
    const look = { id: "g", turn_id: "t1", status: "approved", action: { type: "command" } };
    const lines = [meta(1), event("guardian_assessment", { ...look, started_at_ms: 1000, completed_at_ms: 1250 })];
    expect(samples(latencies(lines))).toEqual({ "assessment, guardian, written": [250] });
  });
});

it("keeps a fair choice of very many samples, the same in every run", () => {
  const turns = Array.from({ length: MAX_SAMPLES + 5000 }, (_unused, index) =>
    JSON.stringify({
      timestamp: "2025-11-01T10:00:00.000Z",
      type: "event_msg",
      payload: { type: "task_complete", turn_id: "t", duration_ms: index },
    }),
  );
  const [series] = latencies([meta(1), ...turns]).series;
  expect(series?.count).toBe(MAX_SAMPLES + 5000);
  expect(series?.samples).toHaveLength(MAX_SAMPLES);
  const late = series?.samples.filter((ms) => ms >= MAX_SAMPLES).length ?? 0;
  expect(late).toBeGreaterThan(4000);
  expect(late).toBeLessThan(5001);
});
