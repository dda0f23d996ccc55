import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, symlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { openThread } from "../../src/analysis/open-thread.ts";
import { RolloutError } from "../../src/errors.ts";
import { forkThread } from "../../src/fork/fork.ts";
import type { ForkOptions, ForkReport } from "../../src/fork/types.ts";
import { openHome } from "../../src/readers/home.ts";
import { linesOf, outline, turn } from "../support/fork-lines.ts";
import { readTable, runReindex, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  event,
  fileName,
  meta,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  settings,
  threadId,
} from "../support/lines.ts";
import { hold } from "../support/processes.ts";

const NOW = "2025-12-01T00:00:00.000Z";
const legacy = rolloutText([
  meta(1, { git: { branch: "main" }, memory_mode: "disabled", thread_source: "user" }),
  ...turn("a"),
  settings(),
  ...turn("b"),
]);
const PAGINATED = [
  paginatedMeta(2),
  ...turn("a", { mode: "paginated" }),
  settings(),
  ...turn("b", { mode: "paginated" }),
];
const paginated = rolloutText(PAGINATED, { paginated: true });

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = writeHome(join(folder.path, "home"), { [sessionPath(1)]: legacy, [sessionPath(2)]: paginated });
});

function fork(n: number, options: ForkOptions = {}): ForkReport & { readonly id: string; readonly path: string } {
  const {
    id = "",
    path = "",
    ...report
  } = forkThread(openHome({ codexHome: home }), threadId(n), {
    nowMs: Date.parse(NOW),
    ...options,
  });
  return { ...report, id, path };
}

function withLines(n: number, lines: Parameters<typeof rolloutText>[0], options = {}): void {
  writeHome(home, { [sessionPath(n)]: rolloutText(lines, options) });
}

/** The fork's lines without the metas that it begins with. */
function body(report: { readonly path: string }): readonly string[] {
  return outline(report.path).filter((line) => !line.includes("session_meta"));
}

function historyOf(id: string): readonly string[] {
  const { history } = openThread(openHome({ codexHome: home }), id).history().state;
  return history.map(({ item }) => JSON.stringify(item));
}

/** Bytes of the paginated source before its line with that ordinal. */
function bytesBefore(ordinal: number): number {
  const lines = paginated.split("\n").slice(0, ordinal);
  return Buffer.byteLength(lines.join("\n")) + 1;
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof RolloutError) return error.code;
    throw error;
  }
  return "none";
}

const A = [
  "- task_started a",
  "- turn_context a",
  "- message ask a",
  "- user_message",
  "- message answer a",
  "- task_complete a",
];
const B = A.map((line) => line.replace(/ a$/u, " b"));
const SETTINGS = "- thread_settings_applied";

describe("a copy of a legacy thread", () => {
  it("is all of it under a new name, between new metadata and new settings", () => {
    const report = fork(1);
    expect(report).toMatchObject({
      source: { id: threadId(1), historyMode: "legacy" },
      kind: "copy",
      whyCopy: undefined,
      turns: 2,
      historyItems: 4,
      interruptedTurn: undefined,
      linesCopied: 14,
      linesLeftOut: 0,
      row: { state: "left", reason: "there is no index in this home", edge: false },
    });
    expect(outline(report.path)).toEqual([
      `- session_meta ${report.id}`,
      `- session_meta ${threadId(1)}`,
      ...A,
      SETTINGS,
      ...B,
      SETTINGS,
    ]);
    expect(historyOf(report.id)).toEqual(historyOf(threadId(1)));
    expect(readdirSync(join(home, "thread-writer-locks"))).toEqual([".coordination.lock"]);
  });

  it("has metadata of its own, and the time of the copying on every line", () => {
    const report = fork(1);
    const [first, copied] = linesOf(report.path);
    expect(first?.payload).toEqual({
      session_id: report.id,
      id: report.id,
      forked_from_id: threadId(1),
      timestamp: NOW,
      cwd: "/home/user/project",
      originator: "codex_cli_rs",
      cli_version: "0.169.0",
      source: "cli",
      model_provider: "openai",
      history_mode: "legacy",
      context_window: { window_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/u) as string },
    });
    expect(copied?.payload).toMatchObject({ id: threadId(1), memory_mode: "disabled" });
    expect(new Set(linesOf(report.path).map(({ timestamp }) => timestamp))).toEqual(new Set([NOW]));
  });

  it.each([
    ["the end of a turn", { lastTurn: "a" }, [...A, SETTINGS, SETTINGS]],
    ["the last turn", { lastTurn: "b" }, [...A, SETTINGS, ...B, SETTINGS]],
    ["the beginning of a turn", { beforeTurn: "b" }, [...A, SETTINGS, SETTINGS]],
    ["the first turn", { beforeTurn: "a" }, [SETTINGS]],
    ["the last turns", { lastTurns: 1 }, [...B.filter((line) => !line.includes("context")), SETTINGS]],
    [
      "more turns than there are",
      { lastTurns: 9 },
      [...A, SETTINGS, ...B, SETTINGS].filter((line) => !line.includes("context")),
    ],
    ["no turns", { lastTurns: 0 }, [SETTINGS]],
    ["a message", { beforeUserMessage: 1 }, [...A, SETTINGS, ...B.slice(0, 2), "- turn_aborted b", SETTINGS]],
    ["a message that there is not", { beforeUserMessage: 2 }, [...A, SETTINGS, ...B, SETTINGS]],
  ] as const)("is cut at %s", (_title, cut, expected) => {
    expect(body(fork(1, cut))).toEqual(expected);
  });

  it("closes a turn that is open at its end, and tells the model", () => {
    withLines(1, [meta(1), ...turn("a"), ...turn("b", { open: true })]);
    const report = fork(1);
    expect(report.interruptedTurn).toBe("b");
    expect(body(report).slice(-3)).toEqual(["- message answer b", "- message <turn_aborted>", "- turn_aborted b"]);
    expect(historyOf(report.id)).toHaveLength(historyOf(threadId(1)).length + 1);
  });

  it("takes a message without an end of its turn for an open turn without an id", () => {
    withLines(1, [meta(1), responseItem("ask"), responseItem("answer", "assistant")]);
    const report = fork(1);
    expect(report.interruptedTurn).toBeNull();
    expect(linesOf(report.path).at(-1)?.payload).toEqual({
      type: "turn_aborted",
      turn_id: null,
      reason: "interrupted",
    });
  });

  it("takes an end of no known turn for that of the open one, as reviews have it", () => {
    withLines(1, [meta(1), ...turn("a", { open: true }), event("task_complete", { turn_id: "outer" })]);
    expect(fork(1).interruptedTurn).toBeUndefined();
  });

  it("leaves out what Codex does not write again, and lines that are no records", () => {
    withLines(1, [meta(1), ...turn("a"), "{garbage", event("error", { message: "x" }), "", '{"timestamp":"']);
    const report = fork(1);
    expect([report.linesCopied, report.linesLeftOut]).toEqual([7, 3]);
    expect(body(report)).toEqual(A);
  });

  it("writes lines anew that begin in another way, and keeps what it does not know in the others", () => {
    const odd = JSON.stringify({
      payload: { type: "message", role: "user", content: [] },
      type: "response_item",
      timestamp: "x",
    });
    const known = responseItem("ask");
    withLines(1, [meta(1), odd, { ...known, payload: { ...known.payload, later: 12 } }]);
    const [, , first, second] = linesOf(fork(1).path);
    expect(first).toEqual({
      timestamp: NOW,
      type: "response_item",
      payload: { type: "message", role: "user", content: [] },
    });
    expect(second?.payload["later"]).toBe(12);
  });

  it("keeps rolled-back turns with the marker, and finds its cuts among those that are left", () => {
    withLines(1, [meta(1), ...turn("a"), ...turn("b"), event("thread_rolled_back", { num_turns: 1 }), ...turn("c")]);
    expect(historyOf(fork(1).id)).toEqual(historyOf(threadId(1)));
    expect(codeOf(() => fork(1, { lastTurn: "b" }))).toBe("not-found");
    const report = fork(1, { beforeUserMessage: 1 });
    expect(report.interruptedTurn).toBe("c");
    expect(historyOf(report.id).map((item) => item.includes("ask a") || item.includes("answer a"))).toEqual([
      true,
      true,
    ]);
  });
});

describe("a reference to a paginated thread", () => {
  it("names the bytes and the ordinals that it continues, and counts on from there", () => {
    const report = fork(2);
    expect(report).toMatchObject({
      kind: "reference",
      base: {
        path: join(home, sessionPath(2)),
        rolloutId: threadId(2),
        endByteOffset: paginated.length,
        endOrdinalExclusive: 14,
      },
      turns: 2,
      historyItems: undefined,
      linesCopied: 0,
    });
    expect(outline(report.path)).toEqual([`14 session_meta ${report.id}`, "15 thread_settings_applied"]);
    expect(linesOf(report.path)[0]?.payload).toMatchObject({
      forked_from_id: threadId(2),
      forked_from_ordinal_exclusive: 14,
      history_mode: "paginated",
      history_base: { thread_id: threadId(2), end_ordinal_exclusive: 14, end_byte_offset: paginated.length },
    });
    expect(linesOf(report.path)[1]?.payload["thread_id"]).toBe(report.id);
    expect(historyOf(report.id)).toEqual(historyOf(threadId(2)));
  });

  it.each([
    ["the end of a turn", { lastTurn: "a" }, 7],
    ["the beginning of a turn", { beforeTurn: "b" }, 8],
    ["a message", { beforeUserMessage: 1 }, 10],
  ] as const)("is cut at %s", (_title, cut, ordinal) => {
    const { base } = fork(2, cut);
    expect(base).toMatchObject({ endOrdinalExclusive: ordinal, endByteOffset: bytesBefore(ordinal) });
  });

  it("continues nothing where all was cut off", () => {
    const report = fork(2, { beforeTurn: "a" });
    expect([report.kind, report.base]).toEqual(["reference", undefined]);
    expect(outline(report.path)).toEqual([`0 session_meta ${report.id}`, "1 thread_settings_applied"]);
    expect(linesOf(report.path)[0]?.payload).not.toHaveProperty("history_base");
  });

  it("of a fork continues the file that the cut lies in", () => {
    const first = fork(2);
    const again = { nowMs: Date.parse(NOW) + 5000 };
    const home2 = openHome({ codexHome: home });
    expect(forkThread(home2, first.id, again).base).toMatchObject({ rolloutId: first.id, endOrdinalExclusive: 16 });
    expect(forkThread(home2, first.id, { ...again, lastTurn: "a" }).base).toMatchObject({
      rolloutId: threadId(2),
      endOrdinalExclusive: 7,
    });
  });

  it("ends before a torn line, and stays what it was when the source grows", () => {
    withLines(2, [...PAGINATED, "x"], { paginated: true });
    truncateSync(join(home, sessionPath(2)), paginated.length + 1);
    const report = fork(2);
    expect(report.base?.endByteOffset).toBe(paginated.length);
    const before = historyOf(report.id);
    withLines(2, [...PAGINATED, ...turn("c", { mode: "paginated" })], { paginated: true });
    expect(historyOf(report.id)).toEqual(before);
  });

  it("closes an open turn behind its settings", () => {
    withLines(2, [paginatedMeta(2), ...turn("a", { mode: "paginated", open: true })], { paginated: true });
    const report = fork(2);
    expect(outline(report.path)).toEqual([
      `6 session_meta ${report.id}`,
      "7 message <turn_aborted>",
      "8 turn_aborted a",
    ]);
  });
});

describe("a copy of a paginated thread", () => {
  it.each([
    ["archived", "the source is archived, and an archive may be rewritten"],
    ["compressed", "the source is compressed, and its archive may be rewritten"],
    ["outside", "the source's file is not in this home"],
    ["unnumbered", "the last record that is kept has no ordinal to count on from"],
  ])("is made when the source is %s, and a reference refused", (how, why) => {
    const path = join(home, sessionPath(2));
    let text = threadId(2);
    if (how === "archived") writeHome(home, { [archivedPath(2)]: readFileSync(path) });
    if (how === "compressed") writeHome(home, { [`${sessionPath(2)}.zst`]: paginated });
    if (how === "outside") text = writeHome(join(folder.path, "other"), { [fileName(2)]: paginated });
    if (how === "outside") text = join(text, fileName(2));
    renameSync(path, join(folder.path, "gone"));
    if (how === "unnumbered")
      withLines(2, [...PAGINATED.slice(0, 13), JSON.stringify({ timestamp: "x", ...PAGINATED[13] })], {
        paginated: true,
      });
    const opened = openHome({ codexHome: home });
    const report = forkThread(opened, text, { nowMs: Date.parse(NOW) });
    expect([report.kind, report.whyCopy?.startsWith(why)]).toEqual(["copy", true]);
    expect(outline(report.path ?? "").map((line) => line.split(" ")[0])).toEqual(
      Array.from({ length: 16 }, (_unused, ordinal) => String(ordinal)),
    );
    expect(codeOf(() => forkThread(opened, text, { kind: "reference" }))).toBe("unsupported");
  });

  it("flattens a chain", () => {
    const first = fork(2, { lastTurn: "a" });
    const copy = forkThread(openHome({ codexHome: home }), first.id, { kind: "copy", nowMs: Date.parse(NOW) + 5000 });
    expect(outline(copy.path ?? "")).toEqual([
      `0 session_meta ${copy.id ?? ""}`,
      `1 session_meta ${first.id}`,
      "2 task_started a",
      "3 turn_context a",
      "4 message ask a",
      "5 item_completed a",
      "6 message answer a",
      "7 task_complete a",
      "8 thread_settings_applied",
      "9 thread_settings_applied",
    ]);
    expect(historyOf(copy.id ?? "")).toEqual(historyOf(first.id));
  });
});

describe("an agent", () => {
  const work = [
    { type: "response_item", payload: { type: "reasoning", summary: [], encrypted_content: null } },
    { type: "response_item", payload: { type: "function_call", name: "x", arguments: "{}", call_id: "c" } },
    { type: "response_item", payload: { type: "function_call_output", call_id: "c", output: "done" } },
    { type: "token_usage_record", payload: usageRecord() },
    { type: "response_item", payload: { type: "message", role: "assistant", phase: "final_answer", content: [] } },
  ];

  it("of version 1 inherits what was said, without the work", () => {
    withLines(1, [meta(1), ...turn("a"), ...work]);
    const report = fork(1, { asSubagent: true });
    expect(body(report)).toEqual([
      "- task_started a",
      "- turn_context a",
      "- message ask a",
      "- task_complete a",
      "- message",
    ]);
    expect(linesOf(report.path)[0]?.payload).toMatchObject({
      session_id: threadId(1),
      parent_thread_id: threadId(1),
      forked_from_id: threadId(1),
      thread_source: "subagent",
      multi_agent_version: "v1",
      source: { subagent: { thread_spawn: { parent_thread_id: threadId(1), depth: 1 } } },
    });
  });

  it("of version 2 inherits the work, and knows where its own records begin", () => {
    const lines = [
      paginatedMeta(2, { multi_agent_version: "v2" }),
      ...turn("a", { mode: "paginated", open: true }),
      ...work,
      settings(),
    ];
    withLines(2, lines, { paginated: true });
    const report = fork(2, { asSubagent: true });
    expect(report.whyCopy).toBe("what an agent inherits is always copied");
    expect(body(report)).toEqual([
      "2 task_started a",
      "3 turn_context a",
      "4 message ask a",
      "5 message answer a",
      "6 reasoning",
      "7 function_call",
      "8 function_call_output",
      "9 message",
      "10 turn_aborted a",
      "11 thread_settings_applied",
    ]);
    expect(linesOf(report.path)[0]?.payload).toMatchObject({
      subagent_history_start_ordinal: 11,
      multi_agent_version: "v2",
      agent_path: `/root/fork_${report.id.slice(-8)}`,
    });
  });

  it("gets an edge to its parent in the index", () => {
    runReindex(home);
    const report = fork(1, { asSubagent: true });
    expect(report.row).toEqual({ state: "written", reason: undefined, edge: true });
    expect(readTable(home, "thread_spawn_edges", "child_thread_id")).toEqual([
      { parent_thread_id: threadId(1), child_thread_id: report.id, status: "open" },
    ]);
  });
});

function usageRecord() {
  const usage = {
    input_tokens: 1,
    cached_input_tokens: 0,
    output_tokens: 1,
    reasoning_output_tokens: 0,
    total_tokens: 2,
  };
  const ids = { thread_id: threadId(1), turn_id: "a", session_id: threadId(1), root_turn_id: "a", response_id: "r" };
  return { ...ids, usage, turn_token_usage: usage, thread_token_usage: usage };
}

describe("the index", () => {
  it("gets the row that reindex would write", () => {
    runReindex(home);
    const ids = [fork(1).id, fork(2, { lastTurn: "a" }).id];
    const rows = readTable(home).filter(({ id }) => ids.includes(String(id)));
    expect(rows).toHaveLength(2);
    const named = Object.fromEntries(rows.map((row) => [String(row["history_mode"]), row]));
    expect(named["legacy"]).toMatchObject({
      title: "ask a",
      preview: "ask a",
      first_user_message: "ask a",
      archived: 0,
      git_branch: null,
    });
    expect(named["paginated"]).toMatchObject({
      title: "",
      preview: "ask a",
      first_user_message: "",
      memory_mode: "enabled",
    });
    expect(named["legacy"]).toMatchObject({
      created_at_ms: Date.parse(NOW),
      updated_at_ms: Date.parse(NOW),
      recency_at_ms: Date.parse(NOW),
    });
    const report = runReindex(home);
    expect([report.threads.added, report.threads.changed]).toEqual([0, 0]);
  });

  it("is left alone where it is damaged", () => {
    runReindex(home);
    truncateSync(join(home, "state_5.sqlite"), 5000);
    const { row, path } = fork(1);
    expect([row.state, row.reason, existsSync(path)]).toEqual(["left", "the index is damaged", true]);
  });
});

describe("nothing is written", () => {
  it("by a dry run", () => {
    const before = snapshot(home);
    for (const options of [{}, { kind: "copy" }, { asSubagent: true }] as const) {
      const report = fork(2, { ...options, dryRun: true });
      expect(report).toMatchObject({ dryRun: true, id: "", path: "", bytesWritten: 0, turns: 2 });
    }
    expect(snapshot(home)).toEqual(before);
  });

  it.each([
    ["two cuts", 1, { lastTurn: "a", beforeTurn: "b" }, "usage"],
    ["an unknown turn", 1, { lastTurn: "x" }, "not-found"],
    ["a thread that is not there", 9, {}, "not-found"],
    ["a reference to a legacy thread", 1, { kind: "reference" }, "unsupported"],
    ["a reference to an end", 2, { kind: "reference", lastTurns: 1 }, "unsupported"],
  ] as const)("for %s", (_title, n, options, code) => {
    const before = snapshot(home);
    expect(codeOf(() => fork(n, options))).toBe(code);
    expect(snapshot(home)).toEqual(before);
  });

  it("for a turn that has no end", () => {
    withLines(1, [meta(1), ...turn("a", { open: true }), ...turn("b")]);
    expect(codeOf(() => fork(1, { lastTurn: "a" }))).toBe("unsupported");
    expect(fork(1, { beforeTurn: "b" }).interruptedTurn).toBe("a");
  });

  it("for a file of early 2025", () => {
    writeHome(home, {
      [sessionPath(3)]: `{"id":"${threadId(3)}","timestamp":"2025-06-01T00:00:00.000Z","instructions":null}\n`,
    });
    expect(codeOf(() => forkThread(openHome({ codexHome: home }), join(home, sessionPath(3)), {}))).toBe("unsupported");
  });

  it("where what has to be written anew is nested too deeply", () => {
    const deep = "[".repeat(50_000) + "]".repeat(50_000);
    withLines(1, [
      JSON.stringify({ timestamp: NOW, ...meta(1, { dynamic_tools: [] }) }).replace(
        '"dynamic_tools":[]',
        `"dynamic_tools":${deep}`,
      ),
    ]);
    const before = snapshot(home);
    expect(["unsupported", "damaged"]).toContain(codeOf(() => fork(1)));
    expect(snapshot(home)).toEqual(before);
  });

  it("where a folder leads out of the home", () => {
    renameSync(join(home, "sessions/2025"), join(folder.path, "2025"));
    symlinkSync(join(folder.path, "2025"), join(home, "sessions/2025"));
    const source = join(folder.path, "2025/11/01", fileName(1));
    expect(codeOf(() => forkThread(openHome({ codexHome: home }), source, { nowMs: Date.parse(NOW) }))).toBe(
      "unsupported",
    );
    expect(existsSync(join(folder.path, "2025/12"))).toBe(false);
  });

  it.skipIf(process.getuid?.() === 0)("where the folder is closed", () => {
    chmodSync(join(home, "sessions/2025"), 0o500);
    expect(codeOf(() => fork(1))).toBe("unwritable");
    chmodSync(join(home, "sessions/2025"), 0o700);
  });
});

describe("locks", () => {
  it("tells of a source that another process has open, and forks what is there", async () => {
    writeHome(home, { [`thread-writer-locks/${threadId(2)}.lock`]: "" });
    await hold("flock", join(home, "thread-writer-locks", `${threadId(2)}.lock`));
    const report = fork(2);
    expect([report.sourceIsOpen, report.kind, report.turns]).toEqual([true, "reference", 2]);
  });
});
