import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { itemLine } from "../../src/commands/turns-items.ts";
import type { ThreadItem } from "../../src/thread/items.ts";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import { event, type LineRecord, META_MS, meta, rolloutText, sessionPath, threadId } from "../support/lines.ts";
import { runTool } from "../support/list-home.ts";

const folder = temporaryFolder();

const START = Math.floor(META_MS / 1000);

function turn(id: string, message: string, ...inside: (LineRecord | string)[]): readonly (LineRecord | string)[] {
  return [
    event("task_started", { turn_id: id, started_at: START, model_context_window: 1 }),
    event("user_message", { message, images: [] }),
    ...inside,
    event("task_complete", { turn_id: id, last_agent_message: null, completed_at: START + 5, duration_ms: 5330 }),
  ];
}

const SEARCH = event("web_search_end", {
  call_id: "w1",
  query: "dark themes",
  action: { type: "search", query: "dark themes" },
});

const LINES: readonly (LineRecord | string)[] = [
  meta(1),
  ...turn("turn-one", "Add a dark\n theme", SEARCH, event("agent_message", { message: "Done." })),
  event("task_started", { turn_id: "turn-two", started_at: START + 60, model_context_window: 1 }),
  event("user_message", { message: "And \u001b[31mred\u0007", images: [] }),
  event("turn_aborted", { turn_id: "turn-two", reason: "interrupted" }),
];

function homeOf(lines: readonly (LineRecord | string)[]): string {
  return writeHome(folder.path, { [sessionPath(1)]: rolloutText(lines) });
}

function turns(home: string, argv: readonly string[] = [], columns: number | undefined = 80) {
  return runTool(home, ["turns", threadId(1), ...argv], { columns });
}

describe("turns as text", () => {
  it("has a paragraph for each: state, times, what was asked, and how many items", async () => {
    const home = homeOf(LINES);
    const before = snapshot(home);
    expect(await turns(home)).toEqual({
      code: 0,
      out: [
        "1  turn-one  completed  2025-11-01 10:00:00  5.33 s",
        "   Add a dark theme",
        "   1 user message, 1 web search, 1 answer",
        "",
        "2  turn-two  interrupted  2025-11-01 10:01:00",
        "   And \\x1b[31mred\\x07",
        "   1 user message",
        "",
      ].join("\n"),
      err: "2 turns, from the thread's events\n",
    });
    expect(snapshot(home)).toEqual(before);
    expect((await turns(home, ["-q"])).err).toBe("");
  });

  it("lists every item with --items", async () => {
    const { out } = await turns(homeOf(LINES), ["--items"]);
    expect(out).toBe(
      [
        "1  turn-one  completed  2025-11-01 10:00:00  5.33 s",
        "   user message  Add a dark theme",
        "   web search    dark themes",
        "   answer        Done.",
        "",
        "2  turn-two  interrupted  2025-11-01 10:01:00",
        "   user message  And \\x1b[31mred\\x07",
        "",
      ].join("\n"),
    );
  });

  it("fits a narrow terminal, where times give way first", async () => {
    const long = "x".repeat(500);
    const { out } = await turns(homeOf([meta(1), ...turn("turn-one", long)]), ["-i"], 40);
    expect(out).toBe(`1  turn-one  completed  5.33 s\n   user message  ${"x".repeat(22)}…\n`);
  });

  it("tells why a turn failed", async () => {
    const error = { message: "no\u001bquota", codex_error_info: "other" };
    const lines = [
      ...turn("t", "x").slice(0, 2),
      event("task_complete", { turn_id: "t", last_agent_message: null, error }),
    ];
    const { out } = await turns(homeOf([meta(1), ...lines]));
    expect(out).toContain("1  t  failed  ");
    expect(out).toContain("\n   failed: no\\x1bquota\n");
  });

  it("ends with 1 when records had to be passed over, and names them", async () => {
    const { code, err } = await turns(homeOf([meta(1), ...turn("t", "x"), ...Array<string>(12).fill("garbage")]));
    expect(code).toBe(1);
    expect(err).toMatch(/^1 turn, from the thread's events\nmalformed: line 5, byte \d+: not valid JSON\n/);
    expect(err).toMatch(/\n… and 2 more such records\n$/);
  });

  it("takes no offence at the state markers of early 2025", async () => {
    const session = { id: threadId(1), timestamp: "2025-07-20T10:00:00.000Z", instructions: null };
    const lines = [session, { record_type: "state" }, "", { record_type: "state" }];
    const text = lines.map((line) => (line === "" ? "" : JSON.stringify(line))).join("\n");
    const home = writeHome(folder.path, { [sessionPath(1)]: `${text}\n` });
    expect(await turns(home)).toEqual({ code: 0, out: "", err: "0 turns, from the thread's events\n" });
  });

  it("of a thread without turns is empty", async () => {
    expect(await turns(homeOf([meta(1)]))).toEqual({ code: 0, out: "", err: "0 turns, from the thread's events\n" });
  });
});

describe("turns --turn", () => {
  it.each(["turn-two", "turn-tw", "2"])("%s", async (text) => {
    const { out } = await turns(homeOf(LINES), ["--turn", text]);
    expect(out).toMatch(/^2 {2}turn-two {2}interrupted/);
    expect(out).not.toContain("turn-one");
  });

  it("refuses what there is not, or what fits several", async () => {
    const home = homeOf(LINES);
    expect(await turns(home, ["--turn", "turn"])).toEqual({
      code: 2,
      out: "",
      err: 'rollout-tool: "turn" fits 2 turns\nhint: give more of the id: turn-one, turn-two\n',
    });
    expect((await turns(home, ["--turn", "3"])).err).toBe(
      `rollout-tool: the thread ${threadId(1)} shows no turn "3"\nhint: it has 2: turn-one, turn-two\n`,
    );
    expect((await turns(homeOf([meta(1)]), ["--turn", "x"])).err).toContain("hint: it has none");
  });
});

describe("turns as JSON", () => {
  it("is a turn a line, as a client gets it, with the places of its items", async () => {
    const home = homeOf(LINES);
    const { code, out } = await turns(home, ["--json", "--turn", "turn-one"]);
    const path = join(home, sessionPath(1));
    const text = rolloutText(LINES);
    const place = (line: number) => ({
      path,
      line,
      offset: text
        .split("\n")
        .slice(0, line - 1)
        .reduce((sum, each) => sum + Buffer.byteLength(each) + 1, 0),
    });
    const both = (line: number) => ({ first: place(line), last: place(line) });
    expect(code).toBe(0);
    expect(out.split("\n")).toHaveLength(2);
    expect(JSON.parse(out)).toMatchObject({
      id: "turn-one",
      status: "completed",
      startedAt: START,
      completedAt: START + 5,
      durationMs: 5330,
      error: null,
      itemsView: "full",
      items: [
        { type: "userMessage", content: [{ type: "text", text: "Add a dark\n theme" }] },
        { type: "webSearch", id: "w1", query: "dark themes" },
        { type: "agentMessage", text: "Done." },
      ],
      place: { opened: place(2), ended: place(6), items: [both(3), both(4), both(5)] },
    });
  });
});

describe("an item in one line", () => {
  const none = { id: "i", startedAtMs: null, completedAtMs: null };
  const line = (item: Readonly<Record<string, unknown>>) => itemLine({ ...none, ...item } as unknown as ThreadItem);

  it.each<[Readonly<Record<string, unknown>>, string, string, string]>([
    [
      {
        type: "userMessage",
        content: [
          { type: "text", text: "a" },
          { type: "image", url: "u" },
          { type: "localImage", path: "/p" },
          { type: "skill", name: "s", path: "/s" },
        ],
      },
      "user message",
      "a [image] [image /p] [skill s]",
      "",
    ],
    [
      {
        type: "fileChange",
        status: "declined",
        changes: [
          { path: "a", kind: { type: "add" } },
          { path: "b", kind: { type: "update", move_path: "c" } },
        ],
      },
      "file change",
      "add a, move b → c",
      "declined",
    ],
    [
      { type: "mcpToolCall", server: "s", tool: "t", status: "failed", error: { message: "broken" }, durationMs: 20 },
      "MCP call",
      "s.t",
      "broken, 0.02 s",
    ],
    [
      { type: "dynamicToolCall", namespace: "n", tool: "t", status: "completed", success: false, durationMs: null },
      "tool call",
      "n.t",
      "failed",
    ],
    [
      { type: "collabAgentToolCall", tool: "wait", receiverThreadIds: ["x"], prompt: null, status: "inProgress" },
      "agent call",
      "wait x ",
      "unfinished",
    ],
    [
      { type: "subAgentActivity", kind: "started", agentPath: "/root/a", agentThreadId: "x" },
      "agent activity",
      "/root/a x",
      "started",
    ],
    [{ type: "webSearch", query: "q", results: [1, 2] }, "web search", "q", "2 results"],
    [{ type: "sleep", durationMs: 1500 }, "sleep", "1.5 s", ""],
    [
      { type: "functionCallOutput", namespace: null, name: "f", output: [{ type: "input_text", text: "x" }] },
      "output",
      'f: [{"type":"input_text","text":"x"}]',
      "",
    ],
    [{ type: "imageGeneration", revisedPrompt: null, savedPath: "/p.png", status: "completed" }, "image", "/p.png", ""],
    [{ type: "hookPrompt", fragments: [{ text: "a" }, { text: "b" }] }, "hook prompt", "a b", ""],
    [{ type: "contextCompaction" }, "compaction", "", ""],
    [{ type: "exitedReviewMode", review: "fine" }, "review done", "fine", ""],
    [{ type: "plan", text: "1. x" }, "plan", "1. x", ""],
    [{ type: "imageView", path: "/p" }, "image view", "/p", ""],
    [
      { type: "agentMessage", text: "a", phase: "commentary", questions: [{ title: "b?" }] },
      "answer",
      "a b?",
      "commentary",
    ],
    [{ type: "reasoning", summary: ["a"], content: ["b"] }, "reasoning", "a b", ""],
  ])("%j", (item, word, text, outcome) => {
    expect(line(item)).toEqual({ word, text, outcome });
  });
});
