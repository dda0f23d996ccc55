import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  base,
  event,
  type LineRecord,
  meta,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  threadId,
} from "../support/lines.ts";
import { runTool } from "../support/list-home.ts";

const folder = temporaryFolder();

const id = (n: number): string => `019a3ed0-0000-7000-8000-${String(n).padStart(12, "0")}`;

function compacted(members: Readonly<Record<string, unknown>>): LineRecord {
  return { type: "compacted", payload: { message: "", ...members } };
}

const KEPT = { replacement_history: [responseItem("kept").payload] };
const started = (turn: string): LineRecord =>
  event("task_started", { turn_id: turn, started_at: 1, model_context_window: 1 });

function windows(home: string, columns: number | undefined, ...argv: string[]) {
  return runTool(home, ["windows", threadId(1), ...argv], { columns });
}

/** The first window, one numbered compaction, one that is only counted, and one of the old kind. */
const LINES: readonly LineRecord[] = [
  paginatedMeta(1, { context_window: { window_id: id(0) } }),
  responseItem("one"),
  responseItem("two"),
  compacted({ ...KEPT, window_number: 1, window_id: id(1), first_window_id: id(0), previous_window_id: id(0) }),
  responseItem("three"),
  compacted({ message: "so far" }),
];

describe("windows as text", () => {
  it("is a table of what began each window, where, and what it took in and gave out", async () => {
    const text = rolloutText(LINES, { paginated: true });
    const home = writeHome(folder.path, { [sessionPath(1)]: text });
    const before = snapshot(home);
    const { code, out, err } = await windows(home, 120);
    expect(out.split("\n").map((line) => line.trimEnd())).toEqual([
      "window  begun by           line   byte  items          bytes  id",
      "     0  start                 1      0                        019a3ed0-0000-7000-8000-000000000000",
      "     1  compaction            4    719  2 → 1   158 B → 80 B  019a3ed0-0000-7000-8000-000000000001",
      "   (2)  legacy compaction     6  1,275  2 → 3  161 B → 243 B  –",
      "",
    ]);
    expect([code, err]).toEqual([0, "3 windows\n(n): the record has no number, so it is counted\n"]);
    expect(snapshot(home)).toEqual(before);
  });

  it("fits a narrow terminal", async () => {
    const home = writeHome(folder.path, { [sessionPath(1)]: rolloutText(LINES, { paginated: true }) });
    const { out } = await windows(home, 60);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(60);
    expect(out).not.toContain("byte ");
  });

  it("says which compactions are only counted", async () => {
    const home = writeHome(folder.path, {
      [sessionPath(1)]: rolloutText([
        meta(1),
        started("a"),
        event("user_message", { message: "x", images: [] }),
        responseItem("x"),
        compacted({ ...KEPT, window_number: 1, window_id: id(1) }),
        event("thread_rolled_back", { num_turns: 1 }),
      ]),
    });
    const { out, err } = await windows(home, undefined);
    expect(out).toContain("     1  only counted");
    expect(err).toBe(
      "2 windows\nonly counted: the turn of that compaction was rolled back, so no history begins with it\n",
    );
  });

  it("numbers the files of a chain, and tells where ids disagree with the table", async () => {
    const source = rolloutText(LINES.slice(0, 4), { paginated: true }).replaceAll(threadId(1), threadId(2));
    const home = writeHome(folder.path, {
      [sessionPath(2)]: source,
      [sessionPath(1)]: rolloutText(
        [
          paginatedMeta(1, {
            context_window: { window_id: id(9) },
            history_base: base(threadId(2), Buffer.byteLength(source), 4),
          }),
          responseItem("mine"),
        ],
        { paginated: true, firstOrdinal: 4 },
      ),
    });
    const { out } = await windows(home, undefined);
    expect(
      out
        .split("\n")
        .slice(1)
        .map((line) => line.replace(/ {2,}/g, "  ")),
    ).toEqual([
      `  0  start  2  1  0  ${id(9)}`,
      `  1  compaction  1  4  719  2 → 1  158 B → 80 B  ${id(1)}`,
      "",
      `window 1 names another one as the one before it: ${id(0)}`,
      `first window of 0: ${id(9)}`,
      `first window of 1: ${id(0)}`,
      `file 1: ${join(home, sessionPath(2))}`,
      `file 2: ${join(home, sessionPath(1))}`,
      "",
    ]);
  });

  it("ends with 1 when lines do not decode", async () => {
    const home = writeHome(folder.path, { [sessionPath(1)]: rolloutText([meta(1), "garbage", "", "[]"]) });
    const { code, err } = await windows(home, undefined);
    expect(code).toBe(1);
    expect(err).toMatch(/^1 window\n2 lines do not decode, the first at line 2, byte \d+: not valid JSON\n$/);
  });

  it("escapes what the rollout says", async () => {
    const home = writeHome(folder.path, {
      [sessionPath(1)]: rolloutText([meta(1), compacted({ ...KEPT, window_number: 1, window_id: "\u001b[2J" })]),
    });
    expect((await windows(home, 80)).out).not.toContain("\u001b");
  });
});

describe("windows as JSON", () => {
  it("has every id, place and size in one document", async () => {
    const text = rolloutText(LINES, { paginated: true });
    const home = writeHome(folder.path, { [`${sessionPath(1)}.zst`]: text });
    const { code, out } = await windows(home, undefined, "--json");
    const path = join(home, sessionPath(1));
    const place = (line: number) => ({
      path,
      line,
      offset: text
        .split("\n")
        .slice(0, line - 1)
        .reduce((sum, each) => sum + each.length + 1, 0),
    });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      thread_id: threadId(1),
      path,
      history_mode: "paginated",
      files: [path],
      windows: [
        {
          number: 0,
          id: id(0),
          first_id: id(0),
          previous_id: null,
          is_numbered: true,
          cause: "start",
          start: place(1),
          end: place(4),
          is_last: false,
          compaction: null,
        },
        {
          number: 1,
          id: id(1),
          first_id: id(0),
          previous_id: id(0),
          is_numbered: true,
          cause: "replacement",
          start: place(4),
          end: place(6),
          is_last: false,
          compaction: { before: { items: 2, bytes: 158 }, after: { items: 1, bytes: 80 } },
        },
        {
          number: 2,
          id: null,
          first_id: null,
          previous_id: null,
          is_numbered: false,
          cause: "legacy",
          start: place(6),
          end: place(6),
          is_last: true,
          compaction: { before: { items: 2, bytes: 161 }, after: { items: 3, bytes: 243 } },
        },
      ],
    });
  });
});
