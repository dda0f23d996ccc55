import { describe, expect, it } from "vitest";

import { searchHome } from "../../src/analysis/search.ts";
import type { SearchOptions, SearchQuery, SearchReport, TextKind } from "../../src/analysis/search-types.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { openHome } from "../../src/readers/home.ts";
import { snapshot, temporaryFolder, writeHome, type HomeSpec } from "../support/homes.ts";
import {
  agentItem,
  archivedPath,
  base,
  event,
  type LineRecord,
  lineText,
  META_MS,
  META_TIME,
  meta,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  taskStarted,
  threadId,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();

const ALL: readonly TextKind[] = ["message", "command", "output", "reasoning", "other"];

type Asked = Partial<SearchQuery> & Partial<SearchOptions>;

function search(spec: HomeSpec | string, text: string, asked: Asked = {}): SearchReport {
  const home = typeof spec === "string" ? spec : writeHome(folder.path, spec);
  const { isRegex = false, caseSensitive = false, kinds = ["message"] } = asked;
  const options: SearchOptions = {
    roots: "all",
    only: new Set(),
    cwds: new Set(),
    sinceMs: undefined,
    copies: false,
    limit: 0,
    jobs: 1,
    ...asked,
  };
  return searchHome(openHome({ codexHome: home }), { text, isRegex, caseSensitive, kinds }, options);
}

/** `speaker: snippet`, line and what tells it again. */
function told(report: SearchReport): readonly unknown[] {
  return report.threads.flatMap(({ hits }) =>
    hits.map(({ speaker, snippet, line, also }) => [`${speaker}: ${snippet.text}`, line, ...also]),
  );
}

/** A legacy thread in one file. */
const thread = (n: number, ...lines: readonly (LineRecord | string)[]): HomeSpec => ({
  [sessionPath(n)]: rolloutText([meta(n), ...lines]),
});

const call = (name: string, values: unknown, id = "c1"): LineRecord => ({
  type: "response_item",
  payload: { type: "function_call", name, arguments: JSON.stringify(values), call_id: id },
});
const result = (output: string, id = "c1"): LineRecord => ({
  type: "response_item",
  payload: { type: "function_call_output", call_id: id, output },
});

describe("a hit", () => {
  it("tells where it is, who said it, in which turn, and the same only once", () => {
    const report = search(
      thread(
        1,
        taskStarted(),
        turnContext(),
        responseItem("Where is the Needle?"),
        userMessage("Where is the Needle?"),
        event("agent_message", { message: "In the haystack: needle, needle." }),
        responseItem("In the haystack: needle, needle.", "assistant"),
      ),
      "needle",
    );
    const path = `${folder.path}/${sessionPath(1)}`;
    expect(report.threads).toEqual([
      {
        id: threadId(1),
        cwd: "/home/user/project",
        createdAt: META_TIME,
        archived: false,
        matches: 3,
        snippet: "Where is the Needle?",
        hiddenCopies: 0,
        hits: [
          {
            path,
            line: 4,
            also: [5],
            offset: 671,
            timestamp: new Date(META_MS + 3000).toISOString(),
            kind: "message",
            speaker: "user",
            turnId: "t1",
            matches: 1,
            snippet: { text: "Where is the Needle?", start: 13, end: 19 },
            isConversation: true,
            isCopied: false,
            isReverted: false,
          },
          {
            path,
            line: 6,
            also: [7],
            offset: 981,
            timestamp: new Date(META_MS + 5000).toISOString(),
            kind: "message",
            speaker: "assistant",
            turnId: "t1",
            matches: 2,
            snippet: { text: "In the haystack: needle, needle.", start: 17, end: 23 },
            isConversation: true,
            isCopied: false,
            isReverted: false,
          },
        ],
      },
    ]);
  });

  it("is told twice where it was said twice", () => {
    const said = [responseItem("go on"), userMessage("go on")];
    expect(told(search(thread(1, ...said, ...said), "go on"))).toEqual([
      ["user: go on", 2, 3],
      ["user: go on", 4, 5],
    ]);
  });

  it("is one message, whatever an editor put in front of it", () => {
    const text = "# Context\nneedle.ts\n## My request for Codex:\nfind the needle";
    const spec = thread(1, responseItem(text), userMessage(text));
    expect(told(search(spec, "find the"))).toEqual([
      ["user: # Context needle.ts ## My request for Codex: find the needle", 2, 3],
    ]);
    // What the event adds is shown without the context, and only the item has the words before it.
    expect(told(search(spec, "context"))).toEqual([
      ["user: # Context needle.ts ## My request for Codex: find the needle", 2],
    ]);
  });

  it("is in the words, not in names, ids, or what stands beside", () => {
    const spec = thread(1, {
      type: "response_item",
      payload: { type: "message", id: "needle", role: "user", content: [], needle: "needle" },
    });
    expect(told(search(spec, "needle"))).toEqual([]);
    expect(told(search(spec, "message"))).toEqual([]);
    expect(told(search(spec, "needle", { kinds: ALL }))).toEqual([["user: needle", 2]]);
  });

  it("lies in one piece of a message", () => {
    const content = ["one nee", "dle two", "needle"].map((text) => ({ type: "input_text", text }));
    const spec = thread(1, { type: "response_item", payload: { type: "message", role: "user", content } });
    expect(told(search(spec, "needle"))).toEqual([["user: one nee dle two needle", 2]]);
    expect(told(search(spec, "needle two"))).toEqual([]);
  });
});

describe("kinds", () => {
  const spec = thread(
    1,
    call("exec_command", { cmd: 'grep "needle" a.txt\n', workdir: "/tmp" }),
    result("a.txt: needle 1"),
    call("shell", { command: ["git", "grep", "needle"] }, "c2"),
    result(JSON.stringify({ output: "needle 2\n", metadata: { exit_code: 0 } }), "c2"),
    {
      type: "response_item",
      payload: { type: "reasoning", summary: [{ type: "summary_text", text: "needle 3" }], content: null },
    },
    event("agent_reasoning", { text: "needle 3" }),
    {
      type: "response_item",
      payload: { type: "message", role: "developer", content: [{ type: "input_text", text: "needle 4" }] },
    },
    event("exec_command_end", {
      call_id: "c2",
      turn_id: "t1",
      command: ["git", "grep", "needle"],
      cwd: "file:///tmp",
      parsed_cmd: [],
      stdout: "needle 2\n",
      stderr: "",
      aggregated_output: "",
      exit_code: 0,
      duration: { secs: 0, nanos: 1 },
      formatted_output: "",
      status: "completed",
    }),
  );

  it.each([
    ["message", []],
    [
      "command",
      [
        ['exec_command: grep "needle" a.txt', 2],
        ["shell: git grep needle", 4, 9],
      ],
    ],
    [
      "output",
      [
        ["output: a.txt: needle 1", 3],
        ["output: needle 2", 5, 9],
      ],
    ],
    ["reasoning", [["assistant: needle 3", 6, 7]]],
  ] as const)("%s", (kind, expected) => {
    expect(told(search(spec, "needle", { kinds: [kind] }))).toEqual(expected);
  });

  it("all of them, and whatever else a record tells, each line once", () => {
    const { threads } = search(spec, "needle", { kinds: ALL });
    expect(threads[0]?.hits.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 8]);
    expect(told(search(spec, "needle 4", { kinds: ALL }))).toEqual([["developer: needle 4", 8]]);
    expect(told(search(spec, "user/proj", { kinds: ALL }))).toEqual([["session_meta: /home/user/project", 1]]);
  });

  it("finds words of a command that stand in different elements, and what is escaped twice", () => {
    expect(told(search(spec, "git grep", { kinds: ["command"] })).length).toBe(1);
    expect(told(search(spec, 'grep "NEEDLE"', { kinds: ["command"] })).length).toBe(1);
  });
});

describe("texts", () => {
  it.each([
    ['say "hi"', 'SAY "Hi"'],
    ["a\\b", "a\\b"],
    ["line\nnext", "one line\nnext one"],
    ["größe", "GRÖSSE GRÖẞE"],
    ["straſſe", "STRASSE"],
    ["日本", "in 日本 today"],
    ["a.b", "a.b axb"],
  ])("%j is found in %j", (text, message) => {
    expect(search(thread(1, userMessage(message)), text).threads).toHaveLength(1);
  });

  it("are found where a writer escaped what need not be", () => {
    const line = lineText(userMessage("gr@oesse"), META_TIME).replace("@oesse", String.raw`\u00f6\u00DFe`);
    expect(told(search(thread(1, line), "Größe"))).toEqual([["user: größe", 2]]);
  });

  it("may be told apart by case", () => {
    const spec = thread(1, userMessage("Needle"));
    expect(search(spec, "needle", { caseSensitive: true }).threads).toHaveLength(0);
    expect(search(spec, "Needle", { caseSensitive: true }).threads).toHaveLength(1);
  });

  it("may be expressions", () => {
    const spec = thread(1, userMessage("TODO(ann): find 12 needles"), userMessage("12 haystacks"));
    expect(told(search(spec, String.raw`todo\((\w+)\)`, { isRegex: true }))).toEqual([
      ["user: TODO(ann): find 12 needles", 2],
    ]);
    expect(told(search(spec, String.raw`\d+`, { isRegex: true }))).toHaveLength(2);
    expect(told(search(spec, "x*", { isRegex: true }))).toHaveLength(0);
    expect(() => search(spec, "(", { isRegex: true })).toThrow("not a regular expression");
  });
});

it("an expression that takes forever is given up, and told", () => {
  const evil = userMessage(`needle ${"a".repeat(60)}!`);
  const spec = thread(1, userMessage("needle aaa"), evil);
  const report = search(spec, "needle (a+)+$", { isRegex: true });
  expect(told(report)).toEqual([["user: needle aaa", 2]]);
  expect(report.problems).toEqual([
    { path: `${folder.path}/${sessionPath(1)}`, line: 3, message: "the expression takes too long on this line" },
  ]);
});

describe("files", () => {
  const others: HomeSpec = {
    [`${sessionPath(2)}.zst`]: rolloutText([meta(2), userMessage("needle 2")]),
    [archivedPath(3)]: rolloutText([meta(3, { cwd: "/elsewhere" }), userMessage("needle 3")]),
    "sessions/2025/11/01/rollout-odd.jsonl": rolloutText([meta(4), userMessage("needle 4")]),
    "sessions/rollout-2025-03-01-00000000-0000-4000-8000-000000000005.json": JSON.stringify({
      session: { id: "00000000-0000-4000-8000-000000000005", timestamp: "2025-03-01T10:00:00.000Z", instructions: "" },
      items: [{ type: "message", role: "user", content: [{ type: "input_text", text: "needle 5" }] }],
    }),
    "sessions/rollout-2025-05-01T10-00-00-00000000-0000-4000-8000-000000000006.jsonl": [
      JSON.stringify({
        id: "00000000-0000-4000-8000-000000000006",
        timestamp: "2025-05-01T10:00:00.000Z",
        instructions: null,
      }),
      JSON.stringify({ type: "message", role: "user", content: [{ type: "input_text", text: "needle 6" }] }),
      "",
    ].join("\n"),
  };
  const texts = (report: SearchReport): readonly string[] => report.threads.map(({ snippet }) => snippet);

  it("of all forms and generations are searched, and told by their plain names", () => {
    const before = snapshot(writeHome(folder.path, { ...thread(1, userMessage("needle 1")), ...others }));
    const report = search(folder.path, "needle");
    expect(texts(report).toSorted()).toEqual([1, 2, 3, 4, 5, 6].map((n) => `needle ${n}`));
    expect(report.threads.flatMap(({ hits }) => hits.map(({ path }) => path))).toContain(
      `${folder.path}/${sessionPath(2)}`,
    );
    expect(report.files).toBe(6);
    expect(snapshot(folder.path)).toEqual(before);
  });

  it("are chosen by root, thread, folder and time", () => {
    writeHome(folder.path, { ...thread(1, userMessage("needle 1")), ...others });
    expect(texts(search(folder.path, "needle", { roots: "archived" }))).toEqual(["needle 3"]);
    expect(texts(search(folder.path, "needle", { only: new Set([threadId(2)]) }))).toEqual(["needle 2"]);
    expect(texts(search(folder.path, "needle", { cwds: new Set(["/elsewhere"]) }))).toEqual(["needle 3"]);
    const late = rolloutText([meta(7), userMessage("needle 7")], { startMs: META_MS + 86_400_000 });
    writeHome(folder.path, { [sessionPath(7)]: late });
    expect(texts(search(folder.path, "needle", { sinceMs: META_MS + 86_000_000 }))).toEqual(["needle 7"]);
  });

  it("are read from the newest on, as far as is asked for", () => {
    const stamps = ["2025-11-01T12-00-00", "2025-11-03T12-00-00", "2025-11-02T12-00-00"];
    const spec = Object.fromEntries(
      stamps.map((stamp, n) => [sessionPath(n, { stamp }), rolloutText([meta(n), userMessage(`needle ${n}`)])]),
    );
    const report = search(spec, "needle", { limit: 2 });
    expect(texts(report)).toEqual(["needle 1", "needle 2"]);
    expect([report.files, report.isCut]).toEqual([2, true]);
    expect(search(spec, "needle", { limit: 3 }).isCut).toBe(false);
    expect(texts(search(spec, "needle"))).toEqual(["needle 1", "needle 2", "needle 0"]);
  });

  it("may be compressed without saying so", () => {
    const text = rolloutText([meta(1), userMessage("first"), userMessage("the needle")]);
    const spec = { [sessionPath(1)]: compressZstd(Buffer.from(text)) };
    expect(told(search(spec, "needle"))).toEqual([["user: the needle", 3]]);
  });

  it("that are damaged are told, and searched as far as that goes", () => {
    const broken = lineText(userMessage("needle"), META_TIME).slice(0, -5);
    const spec = {
      ...thread(1, broken, userMessage("needle too")),
      [`${sessionPath(2)}.zst`]: Buffer.from("(\xb5/\xfdgarbage", "latin1"),
    };
    const report = search(spec, "needle");
    expect(told(report)).toEqual([["user: needle too", 3]]);
    expect(report.problems.map(({ line, message }) => [line, message])).toEqual([
      [2, "not valid JSON"],
      [0, "not valid Zstandard data (Dictionary mismatch)"],
    ]);
  });
});

describe("what stands in several files", () => {
  const source = [
    userMessage("needle first"),
    event("task_started", { turn_id: threadId(9), started_at: 1, model_context_window: 1 }),
  ];
  const fork: HomeSpec = {
    [sessionPath(1)]: rolloutText([
      meta(1, { forked_from_id: threadId(9) }),
      meta(9),
      ...source,
      event("task_started", { turn_id: threadId(0), started_at: 1, model_context_window: 1 }),
      userMessage("needle second"),
    ]),
  };
  const whole = { ...fork, [sessionPath(9)]: rolloutText([meta(9), ...source]) };

  it("is told where it was said, not where it was copied to", () => {
    const report = search(whole, "needle");
    expect(report.threads.map(({ id, snippet, hiddenCopies }) => [id, snippet, hiddenCopies])).toEqual([
      [threadId(1), "needle second", 1],
      [threadId(9), "needle first", 0],
    ]);
    expect(search(whole, "first").hiddenThreads).toBe(1);
  });

  it("is told with its copies where these are asked for, or are all that is left", () => {
    expect(told(search(whole, "needle", { copies: true }))).toHaveLength(3);
    const alone = search(writeHome(`${folder.path}/alone`, fork), "needle");
    expect(alone.threads.map(({ hits }) => hits.map(({ isCopied }) => isCopied))).toEqual([[true, false]]);
  });

  it("is a copy in a fork that has copied nothing but the model's items", () => {
    const own = event("task_started", { turn_id: threadId(0), started_at: 1, model_context_window: 1 });
    const items = [responseItem("needle one"), responseItem("needle two"), own, responseItem("needle three")];
    const lines = [meta(1, { forked_from_id: threadId(9) }), ...items];
    expect(copiesIn({ [sessionPath(1)]: rolloutText(lines) })).toEqual([true, true, false]);
  });

  it("is an agent's own from the number on that its metadata tells, be it an item", () => {
    const lines = [
      paginatedMeta(1, { subagent_history_start_ordinal: 4, source: { subagent: { other: "a" } } }),
      responseItem("needle one"),
      turnContext(),
      responseItem("needle two"),
      responseItem("needle three"),
      turnContext(),
    ];
    expect(copiesIn({ [sessionPath(1)]: rolloutText(lines, { paginated: true }) })).toEqual([true, true, false]);
  });

  function copiesIn(spec: HomeSpec): readonly boolean[] {
    const { threads } = search(spec, "needle", { copies: true, kinds: ALL });
    return threads.flatMap(({ hits }) => hits.map(({ isCopied }) => isCopied));
  }

  it("is told as taken back where a thread was reverted before it", () => {
    const kept = rolloutText([paginatedMeta(1), userItem("needle kept"), agentItem("needle answer")], {
      paginated: true,
    });
    const dropped = rolloutText([userItem("needle dropped")], { paginated: true, firstOrdinal: 3 });
    const spec: HomeSpec = {
      [sessionPath(1)]: kept + dropped,
      [sessionPath(1, { stamp: "2025-11-01T13-00-00", segment: 2 })]: rolloutText(
        [paginatedMeta(1, { history_base: base(threadId(1), Buffer.byteLength(kept), 3) }), userItem("needle new")],
        { paginated: true, firstOrdinal: 3 },
      ),
    };
    const [found, ...more] = search(spec, "needle").threads;
    expect(more).toEqual([]);
    expect(found?.hits.map(({ snippet, isReverted }) => [snippet.text, isReverted])).toEqual([
      ["needle kept", false],
      ["needle answer", false],
      ["needle dropped", true],
      ["needle new", false],
    ]);
  });
});
