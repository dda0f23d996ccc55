import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linesOf, shorten } from "../../src/commands/history-blocks.ts";
import { itemText } from "../../src/commands/history-items.ts";
import type { ResponseItem } from "../../src/format/record.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { textWidth } from "../../src/io/text.ts";
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
  turnContext,
  userItem,
} from "../support/lines.ts";
import { runTool } from "../support/list-home.ts";

const folder = temporaryFolder();

const WINDOWS = ["019a3ed0-0000-7000-8000-00000000000a", "019a3ed0-0000-7000-8000-00000000000b"] as const;

function started(turn: string): LineRecord {
  return event("task_started", { turn_id: turn, started_at: 1_762_000_000, model_context_window: 1000 });
}

function completed(turn: string): LineRecord {
  return event("task_complete", { turn_id: turn, last_agent_message: null });
}

function item(type: string, members: Readonly<Record<string, unknown>>): LineRecord {
  return { type: "response_item", payload: { type, ...members } };
}

const CALL = item("function_call", { name: "shell", arguments: '{"command":["ls","a b"],"n":1}', call_id: "c1" });
const OUTPUT = item("function_call_output", { call_id: "c1", output: "one\ntwo" });

const SUMMARY = {
  type: "compacted",
  payload: {
    message: "",
    replacement_history: [{ type: "message", role: "user", content: [{ type: "input_text", text: "kept" }] }],
    window_number: 1,
    window_id: WINDOWS[1],
    first_window_id: WINDOWS[0],
    previous_window_id: WINDOWS[0],
  },
};

/** Two turns, a compaction, a third turn. */
const LINES: readonly (LineRecord | string)[] = [
  paginatedMeta(1, { context_window: { window_id: WINDOWS[0] } }),
  started("turn-one"),
  turnContext({ turn_id: "turn-one" }),
  userItem("first"),
  responseItem("first"),
  CALL,
  OUTPUT,
  completed("turn-one"),
  started("turn-two"),
  SUMMARY,
  completed("turn-two"),
  started("turn-three"),
  turnContext({ turn_id: "turn-three" }),
  userItem("third"),
  responseItem("third"),
  responseItem("done", "assistant"),
  completed("turn-three"),
];
const TEXT = rolloutText(LINES, { paginated: true });

function paginatedHome(text = TEXT): string {
  return writeHome(join(folder.path, "home"), { [sessionPath(1)]: text });
}

function legacyHome(lines: readonly (LineRecord | string)[]): string {
  return writeHome(join(folder.path, "home"), { [sessionPath(1)]: rolloutText([meta(1), ...lines]) });
}

const history = (home: string, ...argv: string[]) => runTool(home, ["history", threadId(1), ...argv], { columns: 60 });

/** One document for each line. */
function documents(out: string): readonly Readonly<Record<string, unknown>>[] {
  return out
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

describe("history as text", () => {
  it("has a heading for each item, its text indented, and says how it was read", async () => {
    const home = paginatedHome();
    const before = snapshot(home);
    expect(await history(home)).toEqual({
      code: 0,
      out: "1  user\n   kept\n\n2  user\n   third\n\n3  assistant\n   done\n",
      err: expect.stringMatching(/^3 items\nread from the end back to the newest checkpoint, .*\n$/) as string,
    });
    expect(snapshot(home)).toEqual(before);
    expect((await history(home, "--quiet")).err).toBe("");
  });

  it("names the rule for which everything was read", async () => {
    const { err } = await history(legacyHome([responseItem("x")]));
    expect(err).toMatch(
      /^1 item\nread as a whole, \d+ B: the thread is not paginated, .* \(legacy-thread, rollout-format §6\)\n$/,
    );
  });

  it("shows calls by name and argument, outputs by the call they answer, and sizes for what nobody can read", async () => {
    const { out } = await history(
      legacyHome([
        item("message", {
          role: "user",
          content: [
            { type: "input_text", text: "see" },
            { type: "input_image", image_url: `data:image/png;base64,${"A".repeat(4000)}` },
          ],
        }),
        item("reasoning", { summary: [{ type: "summary_text", text: "hm" }], encrypted_content: "x".repeat(1500) }),
        CALL,
        OUTPUT,
        item("message", { role: "developer", content: [{ type: "input_text", text: "<permissions instructions>no" }] }),
      ]),
    );
    expect(out).toBe(
      [
        "1  user  image/png, 3.0 kB\n   see\n",
        "2  reasoning  encrypted, 1.5 kB\n   hm\n",
        "3  shell  c1\n   command: ls 'a b'\n   n: 1\n",
        "4  output of shell  c1\n   one\n   two\n",
        "5  developer  context: permissions instructions\n   <permissions instructions>no\n",
      ].join("\n"),
    );
  });

  it("shortens long texts in their middle, unless told not to", async () => {
    const lines = Array.from({ length: 100 }, (_unused, n) => `line ${n + 1}`);
    const home = legacyHome([item("function_call_output", { call_id: "c1", output: lines.join("\n") })]);
    const { out, err } = await history(home);
    const shown = out.split("\n").map((line) => line.trim());
    expect(shown.slice(0, 3)).toEqual(["1  output  c1", "line 1", "line 2"]);
    expect(shown.slice(12, 15)).toEqual(["line 12", "⋯ 82 lines, 656 B", "line 95"]);
    expect(shown.slice(-2)).toEqual(["line 100", ""]);
    expect(err).toContain("1 text shortened (--full shows all)\n");
    const full = await history(home, "--full");
    expect(full.out.split("\n")).toHaveLength(102);
    expect(full.err).not.toContain("shortened");
  });

  it("lets no recorded text move the cursor, or pass for a heading", async () => {
    const text = "\u001b[2J\u0007\r\n2  user\nx\u202e\ty";
    const { out } = await history(legacyHome([responseItem(text, "us\u001b[31mer\n2  root"), responseItem(text)]));
    expect(out).not.toMatch(/[\x00-\x09\x0b-\x1f\u202e]/);
    expect(out.split("\n").filter((line) => /^\S/.test(line))).toEqual(["1  us\\x1b[31mer 2 root", "2  user"]);
    expect(out).toContain("\n   \\x1b[2J\\x07\n   2  user\n   x\\u202e    y\n");
  });
});

describe("history as JSON", () => {
  it("is one item a line, as recorded", async () => {
    const { code, out } = await history(paginatedHome(), "--json");
    expect(code).toBe(0);
    expect(documents(out)).toEqual([
      SUMMARY.payload.replacement_history[0],
      responseItem("third").payload,
      responseItem("done", "assistant").payload,
    ]);
  });

  it("is the same from a compressed file, by path, and read in full", async () => {
    const { out } = await history(paginatedHome(), "--json");
    const other = writeHome(join(folder.path, "other"), { [`${sessionPath(1)}.zst`]: TEXT });
    expect((await history(other, "--json")).out).toBe(out);
    expect((await history(other, "--json", "--full-replay")).out).toBe(out);
    const path = join(other, sessionPath(1));
    expect((await runTool(join(folder.path, "none"), ["history", path, "--json"])).out).toBe(out);
  });

  it("explains where each item is from, what is left out, and what the next turn hangs on", async () => {
    const home = paginatedHome();
    const { code, out, err } = await history(home, "--explain", "--json");
    expect([code, err]).toEqual([0, expect.stringMatching(/^3 items\nread as a whole, /)]);
    const path = join(home, sessionPath(1));
    const place = (line: number) => ({
      path,
      line,
      offset:
        Buffer.byteLength(
          TEXT.split("\n")
            .slice(0, line - 1)
            .join("\n"),
        ) + 1,
    });
    const [first, second, third, ...rest] = documents(out);
    expect(first).toEqual({
      kind: "item",
      ...place(10),
      origin: "replacement",
      index: 0,
      item: expect.anything() as unknown,
    });
    expect(second).toMatchObject({ kind: "item", ...place(15), origin: "record", index: null });
    expect(third).toMatchObject({ kind: "item", ...place(16), origin: "record" });
    expect(rest.slice(0, -1)).toMatchObject([
      { kind: "left_out", ...place(5), index: null, what: "message", rule: "before-checkpoint" },
      { kind: "left_out", ...place(6), what: "function_call", rule: "before-checkpoint" },
      {
        kind: "left_out",
        ...place(7),
        what: "function_call_output",
        meaning: "a later compaction replaced all history before it",
      },
    ]);
    expect(rest.at(-1)).toMatchObject({
      kind: "state",
      thread_id: threadId(1),
      files: [path],
      history_mode: "paginated",
      window: { number: 1, id: WINDOWS[1], first_id: WINDOWS[0], previous_id: WINDOWS[0] },
      previous_turn_settings: { model: "gpt-5.1-codex" },
      last_started_turn_id: "turn-three",
      reading: { how: "full", rule: "asked" },
    });
  });
});

describe("history --explain as text", () => {
  it("tells the same below the headings, and lists what is left out by rule", async () => {
    const { out } = await history(paginatedHome(), "--explain");
    expect(out).toMatch(/^1 {2}user\n {3}line 10, byte 2,\d{3}: compacted, replacement_history\[0\]\n {3}kept\n/);
    expect(out).toMatch(
      /\nLeft out: 3\n {2}a later compaction replaced all history before it\n {2}\(before-checkpoint, rollout-format §5\.2 step 3\)\n {4}line 5, byte 1,\d{3}: message\n/,
    );
    expect(out).toMatch(/\nwindow {9}1, 019a3ed0-0000-7000-8000-00000000000b\n/);
    expect((await history(legacyHome([responseItem("x")]), "--explain")).out).toContain("\nNothing is left out.\n");
  });

  it("ends with 1 when lines do not decode, and names them", async () => {
    const home = legacyHome([responseItem("x"), "garbage"]);
    const { code, out } = await history(home, "--explain");
    expect(code).toBe(1);
    expect(out).toMatch(/the line does not decode \(defect, .*\)\n {4}line 3, byte \d+: not-json\n/);
    const plain = await history(home);
    expect(plain.code).toBe(1);
    expect(plain.err).toMatch(/\n1 line does not decode, the first at line 3, byte \d+: not valid JSON\n$/);
  });

  it("ends with 1 when a compressed stream breaks, however little was needed of it", async () => {
    const filler = Array.from({ length: 3000 }, (_unused, n) => responseItem(`${n} ${Math.sin(n)}`));
    const whole = compressZstd(Buffer.from(rolloutText([...LINES, ...filler], { paginated: true })));
    const home = writeHome(join(folder.path, "home"), {
      [`${sessionPath(1)}.zst`]: whole.subarray(0, Math.floor(whole.length * 0.9)),
    });
    for (const argv of [[], ["--full-replay"], ["--explain"]]) {
      const { code, err } = await history(home, ...argv);
      expect(code).toBe(1);
      expect(err).toMatch(/not decode, the first at /);
    }
  });

  it("numbers the files of a chain", async () => {
    const source = rolloutText(LINES.slice(0, 8), { paginated: true });
    const home = writeHome(join(folder.path, "home"), {
      [sessionPath(2)]: source.replaceAll(threadId(1), threadId(2)),
      [sessionPath(1)]: rolloutText(
        [paginatedMeta(1, { history_base: base(threadId(2), Buffer.byteLength(source), 8) }), responseItem("mine")],
        { paginated: true, firstOrdinal: 8 },
      ),
    });
    const { out } = await history(home, "--explain");
    expect(out).toContain("\n   file 1, line 5, byte ");
    expect(out).toMatch(/4 {2}user\n {3}file 2, line 2, byte \d+: response_item\n {3}mine\n/);
    expect(out).toContain(`\nfile 1: ${join(home, sessionPath(2))}\nfile 2: ${join(home, sessionPath(1))}\n`);
  });
});

describe("history --as-request", () => {
  it("gives every call an output, and takes outputs without a call away", async () => {
    const lost = item("custom_tool_call_output", { call_id: "c9", output: "lost" });
    const { out, err } = await history(legacyHome([CALL, lost]), "--as-request", "--json");
    expect(documents(out)).toEqual([CALL.payload, { type: "function_call_output", call_id: "c1", output: "aborted" }]);
    expect(err).toMatch(/^2 items, 1 output made up, 1 item removed\n/);
    const explained = await history(legacyHome([CALL, lost]), "--as-request", "--explain");
    expect(explained.out).toContain("made up, for want of an output");
    expect(explained.out).toContain("an output whose call is not in the history (orphan-output,");
  });
});

describe("history --at", () => {
  const texts = async (at: string): Promise<readonly unknown[]> => {
    const { out } = await history(paginatedHome(), "--at", at, "--json");
    return documents(out).map(({ type, content }) => (content as { text: string }[] | undefined)?.[0]?.text ?? type);
  };

  it.each([
    ["turn-one", ["first", "function_call", "function_call_output"]],
    ["turn:turn-one", ["first", "function_call", "function_call_output"]],
    ["turn-o", ["first", "function_call", "function_call_output"]],
    ["turn-two", ["kept"]],
    ["turn-three", ["kept", "third", "done"]],
    ["0", ["first", "function_call", "function_call_output"]],
    ["window:0", ["first", "function_call", "function_call_output"]],
    [WINDOWS[0], ["first", "function_call", "function_call_output"]],
    [WINDOWS[1].toUpperCase(), ["kept", "third", "done"]],
    ["1", ["kept", "third", "done"]],
  ])("%s", async (at, expected) => {
    expect(await texts(at)).toEqual(expected);
  });

  it("refuses what there is not, or what fits several, and says what there is", async () => {
    const home = paginatedHome();
    const refused = async (at: string): Promise<string> => {
      const { code, out, err } = await history(home, "--at", at);
      expect([code, out]).toEqual([2, ""]);
      return err;
    };
    expect(await refused("nope")).toBe(
      'rollout-tool: "nope" is neither a turn nor a context window of the thread\n' +
        "hint: it has 3 turns: turn-one, turn-two, turn-three; windows go by their number, from 0\n",
    );
    expect(await refused("7")).toBe("rollout-tool: the thread has no context window 7\nhint: it has 2 windows: 0, 1\n");
    expect(await refused("window:x")).toMatch(
      /^rollout-tool: the thread has no context window "x"\nhint: rollout-tool windows /,
    );
    expect(await refused("turn-t")).toBe(
      'rollout-tool: "turn-t" fits 2 turns and windows\nhint: give more of the id: turn "turn-two", turn "turn-three"\n',
    );
  });
});

describe("history of what is not there", () => {
  it("is an error like that of show", async () => {
    const home = paginatedHome();
    expect((await runTool(home, ["history", "nobody"])).err).toMatch(
      /^rollout-tool: there is no thread "nobody" in this home/,
    );
    const absent = join(folder.path, "none");
    expect((await runTool(absent, ["history", threadId(1)])).err).toMatch(
      /^rollout-tool: the Codex home does not exist/,
    );
    expect((await runTool(absent, ["history", "x.jsonl"])).err).toMatch(/^rollout-tool: there is no such rollout/);
    mkdirSync(join(home, "folder.jsonl"));
    expect((await runTool(home, ["history", "folder.jsonl"])).code).toBe(2);
    expect((await runTool(home, ["history"])).err).toBe("rollout-tool: missing <thread>\n");
  });
});

describe("history of early 2025", () => {
  it("is read from both formats", async () => {
    const head = { id: threadId(1), timestamp: "2025-04-20T10:00:00.000Z", instructions: null };
    const message = responseItem("hi").payload;
    const output = {
      type: "function_call_output",
      call_id: "c",
      output: '{"output":"a\\nb\\n","metadata":{"exit_code":0}}',
    };
    const bare = [head, message, { record_type: "state" }, output].map((line) => `${JSON.stringify(line)}\n`).join("");
    const home = writeHome(folder.path, { [sessionPath(1)]: bare });
    const text = "1  user\n   hi\n\n2  output  c\n   exit_code 0\n   a\n   b\n";
    expect(await history(home)).toMatchObject({ code: 0, out: text });
    expect((await history(home, "--explain")).code).toBe(0);
    const path = join(folder.path, `rollout-2025-04-20-${threadId(1)}.json`);
    writeFileSync(path, JSON.stringify({ session: head, items: [message, output] }));
    expect((await runTool(home, ["history", path])).out).toBe(text);
  });
});

describe("text of a rollout", () => {
  it("is shortened to its beginning and end, and nothing short is", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", maxLength: 400 }), { maxLength: 40 }), (parts) => {
        const text = parts.join("\n");
        const { head, gone, tail } = shorten(text);
        if (gone === undefined) expect(head + tail).toBe(text);
        else {
          expect(text.startsWith(head) && text.endsWith(tail)).toBe(true);
          expect(head.length + tail.length).toBeLessThan(Math.min(text.length, 2_500));
        }
      }),
    );
    const half = shorten("\u{1f600}".repeat(5_000));
    expect(half.head + half.tail).not.toMatch(/\p{Surrogate}/u);
  });

  it("is broken into lines that fit, with nothing lost but white space", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), fc.integer({ min: 16, max: 40 }), (text, cells) => {
        const lines = linesOf(text, cells);
        for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(cells);
        const all = (list: readonly string[]): string => list.join("").replace(/\s/g, "");
        expect(all(lines)).toBe(all(linesOf(text, undefined)));
      }),
    );
    expect(linesOf("a word that goes on and on", 16)).toEqual(["a word that goes", "on and on"]);
  });
});

describe("an item in words", () => {
  const parts = (value: unknown) => itemText(value as ResponseItem, new Map());

  it.each<[string, unknown, unknown]>([
    [
      "a shell call of early releases",
      { type: "local_shell_call", call_id: "c", status: "completed", action: { type: "exec", command: ["ls", "-l"] } },
      { title: "local_shell", parts: [{ text: "ls -l" }] },
    ],
    [
      "a patch",
      { type: "custom_tool_call", call_id: "c", name: "apply_patch", input: "*** Begin" },
      { title: "apply_patch", parts: [{ text: "*** Begin" }] },
    ],
    [
      "a web search",
      { type: "web_search_call", action: { type: "search", query: "q" } },
      { title: "web search", parts: [{ text: "q" }] },
    ],
    [
      "a made image",
      { type: "image_generation_call", status: "completed", result: "A".repeat(4_000) },
      { parts: [{ kind: "note", text: "image, 3.0 kB" }] },
    ],
    [
      "an image elsewhere",
      { type: "message", role: "user", content: [{ type: "input_image", file_id: "f1" }] },
      { parts: [{ text: "image, file f1" }] },
    ],
    [
      "a compaction",
      { type: "compaction", encrypted_content: "xyz" },
      { title: "compaction", parts: [{ text: "encrypted, 3 B" }] },
    ],
    [
      "tools",
      { type: "additional_tools", role: "developer", tools: [{ name: "a" }, { type: "b" }, 3] },
      { parts: [{ text: "3 tools: a, b, ?" }] },
    ],
    [
      "an agent's message",
      {
        type: "agent_message",
        author: "/root",
        recipient: "/root/a",
        content: [{ type: "encrypted_content", encrypted_content: "xy" }],
      },
      { details: ["/root → /root/a"], parts: [{ text: "encrypted, 2 B" }] },
    ],
    [
      "arguments that are no object",
      { type: "function_call", name: "f", namespace: "n", call_id: "c", arguments: "[1]" },
      { title: "n.f", parts: [{ text: "[1]" }] },
    ],
    [
      "arguments that are no JSON",
      { type: "function_call", name: "f", call_id: "c", arguments: "{" },
      { parts: [{ text: "{" }] },
    ],
    [
      "something new",
      { type: "new_kind", x: 1 },
      { title: "new_kind", parts: [{ text: '{"type":"new_kind","x":1}' }] },
    ],
  ])("%s", (_label, value, expected) => {
    expect(parts(value)).toMatchObject(expected as object);
  });

  it("of arguments nested beyond measure shows them as they are", () => {
    const deep = `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
    const call = { type: "function_call", name: "f", call_id: "__proto__", arguments: deep };
    expect(parts(call).parts).toEqual([{ kind: "text", text: deep }]);
  });
});
