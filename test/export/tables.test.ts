import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Row } from "../../src/export/format.ts";
import { exportTables } from "../../src/export/run.ts";
import { TABLES } from "../../src/export/schema.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { base, event, meta, META_MS, paginatedMeta, rolloutText, sessionPath, threadId } from "../support/lines.ts";
import { collect, Collected, requestFor, T1, T2, T3, T4, turn, writeExportHome } from "./export-home.ts";

const folder = temporaryFolder();

function micros(ms: number): number {
  return ms * 1000;
}

function of(rows: readonly Row[], id: string): readonly Row[] {
  return rows.filter((row) => row["thread_id"] === id);
}

describe("rows of a home", () => {
  it("have the columns of the schema, in their types", async () => {
    const { by } = await collect(writeExportHome(folder.path));
    for (const [table, columns] of Object.entries(TABLES)) {
      const rows = by[table as keyof typeof TABLES];
      expect([table, rows.length > 0]).toEqual([table, true]);
      for (const row of rows) {
        expect(Object.keys(row)).toEqual([...columns.map(({ name }) => name), "month"]);
        for (const { name, type, nullable } of columns) {
          const cell = row[name];
          if (cell === null && nullable) continue;
          const expected = { string: "string", text: "string", boolean: "boolean" }[type as string] ?? "number";
          expect([table, name, typeof cell]).toEqual([table, name, expected]);
          if (expected === "number" && type !== "double") expect(Number.isSafeInteger(cell)).toBe(true);
        }
      }
    }
  });

  it("of threads", async () => {
    const { by, threads, unreadable } = await collect(writeExportHome(folder.path));
    expect([threads, unreadable]).toEqual([4, []]);
    expect(of(by.threads, T1)).toEqual([
      {
        thread_id: T1,
        root_thread_id: T1,
        parent_thread_id: null,
        forked_from_id: null,
        session_id: null,
        kind: "main",
        path: sessionPath(1),
        archived: false,
        compressed: false,
        history_mode: "legacy",
        created_at: micros(META_MS),
        updated_at: micros(META_MS + 6000),
        source: "cli",
        originator: "codex_cli_rs",
        cli_version: "0.169.0",
        model_provider: "openai",
        model: "gpt-5.1-codex",
        cwd: "/home/user/project",
        git_branch: "main",
        git_commit: "abc",
        git_url: "https://example.invalid/r.git",
        agent_nickname: null,
        agent_role: null,
        name: "the first",
        first_user_message: "hello",
        turns: 1,
        files: 1,
        plain_bytes: expect.any(Number),
        disk_bytes: expect.any(Number),
        month: "2025-11",
      },
    ]);
    expect(of(by.threads, T3)).toMatchObject([
      {
        kind: "agent",
        parent_thread_id: T1,
        root_thread_id: T1,
        agent_nickname: "Ada",
        compressed: true,
        archived: true,
      },
    ]);
    expect(of(by.threads, T4)).toMatchObject([{ kind: "fork", forked_from_id: T1, month: "2025-12", turns: 2 }]);
  });

  it("of turns", async () => {
    const { by } = await collect(writeExportHome(folder.path));
    expect(of(by.turns, T1)).toEqual([
      {
        thread_id: T1,
        turn_id: threadId(9),
        turn_index: 0,
        inherited: false,
        status: "completed",
        started_at: micros(META_MS + 1000),
        completed_at: micros(META_MS + 5000),
        duration_ms: 4000,
        duration_derived: true,
        first_token_ms: 5,
        model: "gpt-5.1-codex",
        effort: "medium",
        items: 1,
        tool_calls: 0,
        user_message: "hello",
        agent_message: null,
        month: "2025-11",
      },
    ]);
    expect(of(by.turns, T2)).toMatchObject([
      {
        duration_ms: 9000,
        duration_derived: false,
        items: 3,
        tool_calls: 1,
        user_message: "list",
        agent_message: "done",
      },
    ]);
    expect(of(by.turns, T4)).toMatchObject([
      { inherited: true, started_at: null, duration_ms: null, duration_derived: false },
      { inherited: false, duration_ms: 4000, duration_derived: true, month: "2025-12" },
    ]);
  });

  it("of items", async () => {
    const { by } = await collect(writeExportHome(folder.path));
    expect(of(by.items, T2)[1]).toEqual({
      thread_id: T2,
      turn_id: "t1",
      item_id: "c1",
      item_index: 1,
      inherited: false,
      type: "commandExecution",
      started_at: micros(META_MS),
      completed_at: micros(META_MS + 1500),
      status: "completed",
      exit_code: 0,
      duration_ms: 1500,
      tool: null,
      text: "ls -l",
      output: "total 0\n",
      path: sessionPath(2),
      line: 5,
      offset: expect.any(Number),
      month: "2025-11",
    });
    expect(of(by.items, T1)).toMatchObject([
      { type: "userMessage", text: "hello", completed_at: micros(META_MS + 4000) },
    ]);
    expect(of(by.items, T4)).toMatchObject([
      { inherited: true, text: "hello", completed_at: null },
      { inherited: false, text: "again" },
    ]);
  });

  it("of usage, windows, edges and bytes", async () => {
    const { by } = await collect(writeExportHome(folder.path));
    const key = by.usage[0]?.["response_key"];
    expect(by.usage).toEqual([
      {
        thread_id: T1,
        told_by: T1,
        response_key: key,
        rung: "count",
        inherited: false,
        at: micros(META_MS + 6000),
        model: "gpt-5.1-codex",
        cwd: "/home/user/project",
        input_tokens: 100,
        cached_input_tokens: 0,
        output_tokens: 0,
        reasoning_output_tokens: 0,
        echo: false,
        month: "2025-11",
      },
      expect.objectContaining({ thread_id: T1, told_by: T4, response_key: key, inherited: true, month: "2025-12" }),
    ]);
    expect(of(by.windows, T2)).toEqual([
      {
        thread_id: T2,
        window_id: null,
        window_number: 0,
        previous_window_id: null,
        cause: "start",
        is_last: false,
        line: 1,
        offset: 0,
        path: sessionPath(2),
        inherited: false,
        month: "2025-11",
      },
      expect.objectContaining({ window_number: 1, cause: "replacement", is_last: true, line: 8 }),
    ]);
    expect(by.edges).toEqual([
      { source_thread_id: T1, target_thread_id: T3, kind: "spawn", month: "2025-11" },
      { source_thread_id: T1, target_thread_id: T4, kind: "fork", month: "2025-12" },
    ]);
    for (const thread of by.threads) {
      const sum = of(by.bytes, thread["thread_id"] as string).reduce((all, { bytes }) => all + Number(bytes), 0);
      expect(sum).toBe(thread["plain_bytes"]);
    }
    expect(of(by.bytes, T4).some(({ inherited }) => inherited === true)).toBe(true);
    expect(of(by.bytes, T1).every(({ inherited }) => inherited === false)).toBe(true);
  });

  it("are all in the month in which their thread was begun", async () => {
    const { by } = await collect(writeExportHome(folder.path));
    const months = new Map(by.threads.map((row) => [row["thread_id"], row["month"]]));
    for (const table of ["turns", "items", "windows", "bytes"] as const) {
      for (const row of by[table]) expect(row["month"]).toBe(months.get(row["thread_id"] as string));
    }
    for (const row of by.usage) expect(row["month"]).toBe(months.get(row["told_by"] as string));
  });
});

describe("what is chosen", () => {
  it("tables that are not wanted are not made", async () => {
    const { by, rows } = await collect(writeExportHome(folder.path), { tables: ["usage", "edges"] });
    expect(rows).toEqual({ usage: 2, edges: 2 });
    expect([by.threads, by.items]).toEqual([[], []]);
  });

  it("without content no column of words has any", async () => {
    const { by } = await collect(writeExportHome(folder.path), { content: false });
    for (const [table, columns] of Object.entries(TABLES)) {
      for (const { name, type } of columns) {
        if (type !== "text") continue;
        expect(by[table as keyof typeof TABLES].map((row) => row[name])).toEqual(
          by[table as keyof typeof TABLES].map(() => null),
        );
      }
    }
    expect(by.items.some(({ type }) => type === "commandExecution")).toBe(true);
  });

  it("a redactor sees every text once, and nothing else goes out", async () => {
    const seen: string[] = [];
    const { by } = await collect(writeExportHome(folder.path), {
      redact: (texts) => {
        seen.push(...texts);
        return Promise.resolve(texts.map(() => "[gone]"));
      },
    });
    expect(seen).toContain("hello");
    expect(seen).toContain("the first");
    expect(seen).toContain("total 0\n");
    expect(JSON.stringify(by)).not.toMatch(/hello|the first|total 0/);
    expect(of(by.items, T2)[1]).toMatchObject({ text: "[gone]", output: "[gone]", type: "commandExecution" });
  });

  it("a text that the redactor loses does not go out as it was", async () => {
    const { by } = await collect(writeExportHome(folder.path), { redact: () => Promise.resolve([]) });
    expect(of(by.items, T2)[1]).toMatchObject({ text: null, output: null });
  });
});

describe("threads of several files", () => {
  it("a fork by reference has the turns of its source as inherited ones, and a base", async () => {
    const source = rolloutText([paginatedMeta(1), ...turn(threadId(9), "hello")], { paginated: true });
    const fork = [
      paginatedMeta(2, { forked_from_id: T1, history_base: base(T1, source.length, 6) }),
      ...turn(threadId(0), "x"),
    ];
    const home = writeHome(join(folder.path, "home"), {
      [sessionPath(1)]: source,
      [sessionPath(2)]: rolloutText(fork, { paginated: true, firstOrdinal: 6 }),
    });
    const { by, unreadable } = await collect(home);
    expect(unreadable).toEqual([]);
    expect(of(by.turns, T2)).toMatchObject([
      { turn_id: threadId(9), inherited: true, started_at: null },
      { turn_id: threadId(0), inherited: false, duration_ms: 4000 },
    ]);
    expect(by.edges).toEqual([
      { source_thread_id: T1, target_thread_id: T2, kind: "fork", month: "2025-11" },
      { source_thread_id: T1, target_thread_id: T2, kind: "base", month: "2025-11" },
    ]);
    expect(of(by.bytes, T2).reduce((sum, { bytes }) => sum + Number(bytes), 0)).toBe(
      of(by.threads, T2)[0]?.["plain_bytes"],
    );
  });

  it("one whose source is gone has its own part, and is told", async () => {
    const fork = [paginatedMeta(2, { forked_from_id: T1, history_base: base(T1, 999, 6) }), ...turn(threadId(0), "x")];
    const text = rolloutText(fork, { paginated: true, firstOrdinal: 6 });
    const home = writeHome(join(folder.path, "home"), { [sessionPath(2)]: text });
    const { by, unreadable, threads } = await collect(home);
    expect(threads).toBe(1);
    expect(unreadable).toMatchObject([{ message: expect.stringContaining("is not in this home") as string }]);
    expect(by.turns).toMatchObject([{ thread_id: T2, turn_id: threadId(0), inherited: false }]);
  });

  it("a history mode that nobody knows has no turns, and is told", async () => {
    const lines = [meta(1, { history_mode: "sideways" }), ...turn(threadId(9), "hello")];
    const home = writeHome(join(folder.path, "home"), { [sessionPath(1)]: rolloutText(lines) });
    const { by, unreadable } = await collect(home);
    expect(unreadable).toHaveLength(1);
    expect(by.threads).toMatchObject([{ thread_id: T1, history_mode: "sideways", turns: 0 }]);
    expect(by.bytes.length).toBeGreaterThan(0);
  });
});

describe("odd homes", () => {
  it("an empty one gives nothing", async () => {
    const home = writeHome(join(folder.path, "home"), {});
    const { threads, rows, unreadable } = await collect(home);
    expect([threads, unreadable]).toEqual([0, []]);
    expect(Object.values(rows)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  it("a file that says nothing of itself goes by its path, in no month", async () => {
    const home = writeHome(join(folder.path, "home"), { "sessions/rollout-odd.jsonl": "no json\n" });
    const { by } = await collect(home);
    expect(by.threads).toMatchObject([{ thread_id: "sessions/rollout-odd.jsonl", month: "unknown", turns: 0 }]);
    expect(by.bytes).toMatchObject([
      { label: "defect.not-json", bytes: 7 },
      { label: "line ends", bytes: 1 },
    ]);
  });

  it("a document of early 2025 is a thread, too", async () => {
    const session = { id: T1, timestamp: "2025-04-20T10:00:00.000Z", instructions: "" };
    const items = [{ type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] }];
    const home = writeHome(join(folder.path, "home"), {
      [`sessions/rollout-2025-04-20-${T1}.json`]: JSON.stringify({ session, items }),
    });
    const { by } = await collect(home);
    expect(by.threads).toMatchObject([
      { thread_id: T1, month: "2025-04", path: `sessions/rollout-2025-04-20-${T1}.json` },
    ]);
  });

  it("a file that vanishes is told, and the others are there", async () => {
    const home = writeExportHome(folder.path);
    const request = requestFor(home);
    rmSync(join(home, sessionPath(2)));
    const target = new Collected();
    const report = await exportTables(request, target);
    expect(report.unreadable).toMatchObject([{ path: join(home, sessionPath(2)) }]);
    expect(new Set(target.rows.threads.map((row) => row["thread_id"]))).toEqual(new Set([T1, T3, T4]));
  });

  it("times and numbers beyond all reason become nulls", async () => {
    const done = { turn_id: "t1", last_agent_message: null, started_at: 1e18, completed_at: -1e18, duration_ms: 7 };
    const lines = [meta(1), event("task_started", { turn_id: "t1", started_at: 1e18 }), event("task_complete", done)];
    const home = writeHome(join(folder.path, "home"), { [sessionPath(1)]: rolloutText(lines) });
    const { by } = await collect(home);
    expect(by.turns).toMatchObject([{ turn_id: "t1", started_at: null, completed_at: null }]);
  });
});
