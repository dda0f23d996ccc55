/** What single records do to the facts of a file: the table of state-and-compression §2.4, row by row. */
import { describe, expect, test } from "vitest";
import { decodeLine } from "../../src/format/decode.ts";
import { parseRolloutName } from "../../src/format/names.ts";
import { FactsFold, type FactsResult } from "../../src/indexer/facts.ts";
import { rulesFor } from "../../src/indexer/rules.ts";
import {
  event,
  fileName,
  goal,
  type LineRecord,
  lineText,
  META_MS,
  META_TIME,
  meta,
  paginatedMeta,
  responseItem,
  settings,
  taskStarted,
  threadId,
  tokenCount,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";

const RULES = {
  best: rulesFor("best", 62),
  codex: rulesFor("codex", 62),
  older: rulesFor("codex", 39),
} as const;

interface Options {
  readonly rules?: keyof typeof RULES;
  readonly name?: string;
}

function fold(lines: readonly LineRecord[], { rules = "codex", name = fileName(1) }: Options = {}): FactsResult {
  const draft = new FactsFold(RULES[rules], parseRolloutName(name));
  for (const [index, line] of lines.entries()) {
    const bytes = Buffer.from(lineText(line, new Date(META_MS + index * 1000).toISOString()));
    const entry = decodeLine(bytes, { line: index + 1, offset: index * 1000, length: bytes.length });
    if (entry.ok) draft.add(entry.record, index * 1000);
  }
  return draft.finish();
}

function facts(lines: readonly LineRecord[], options?: Options) {
  const result = fold(lines, options);
  if (!result.ok) throw new Error(result.reason);
  return result.facts;
}

describe("identity", () => {
  test("comes from the first metadata, whatever the name says", () => {
    expect(facts([meta(2)])).toMatchObject({ id: threadId(2), createdAtMs: META_MS, historyMode: "legacy" });
    expect(facts([meta(1, { id: threadId(1).toUpperCase() })]).id).toBe(threadId(1));
    expect(facts([meta(2), meta(1)]).id).toBe(threadId(2));
  });

  test.each([
    ["RFC 3339", "2025-11-01T12:00:00.5+02:00", Date.parse("2025-11-01T10:00:00.500Z")],
    ["the form of file names", "2025-11-01T11-22-33", Date.parse("2025-11-01T11:22:33Z")],
  ])("was made at a time in %s", (_, timestamp, createdAtMs) => {
    expect(facts([meta(1, { timestamp })]).createdAtMs).toBe(createdAtMs);
  });

  test("comes from the name where there is no usable metadata, and the name's time is taken as UTC", () => {
    const named = { id: threadId(1), createdAtMs: Date.parse("2025-11-01T12:00:00Z"), historyMode: "legacy" };
    expect(facts([userMessage("hello")])).toMatchObject({
      ...named,
      source: "vscode",
      cliVersion: "",
      originator: undefined,
    });
    // Its other fields count all the same when it is of this thread.
    expect(facts([meta(1, { timestamp: "not-a-time" })])).toMatchObject({ ...named, source: "cli" });
    expect(facts([meta(2, { timestamp: "not-a-time" })])).toMatchObject({ ...named, source: "vscode" });
    expect(facts([meta(1, { dynamic_tools: 5 }), userMessage("hello")])).toMatchObject({ ...named, source: "vscode" });
  });

  test("0.142.3 cannot read the names that reverts make", () => {
    const name = fileName(1, { segment: 911 });
    expect(facts([userMessage("hello")], { name }).id).toBe(threadId(1));
    expect(fold([userMessage("hello")], { name, rules: "older" }).ok).toBe(false);
  });

  test.each([
    ["no record at all", [], "it holds no record of a format that Codex still reads"],
    ["only unknown ones", [{ type: "future", payload: {} }], "it holds no record of a format that Codex still reads"],
    [
      "an unknown history mode",
      [meta(1, { history_mode: "future" })],
      "its history mode is unknown; a newer release may have written it",
    ],
  ])("there is none with %s", (_, lines, reason) => {
    expect(fold(lines)).toEqual({ ok: false, reason });
  });

  test("there is none without metadata under a name that says nothing", () => {
    const result = fold([userMessage("hello")], { name: "rollout-foo.jsonl" });
    expect(result).toEqual({ ok: false, reason: "no session metadata, and no thread id in the name" });
  });

  test("an unknown history mode matters in the first metadata only, and not to 0.142.3", () => {
    expect(facts([meta(1), meta(1, { history_mode: "future", source: "exec" })]).source).toBe("cli");
    expect(facts([meta(1, { history_mode: "future" })], { rules: "older" }).id).toBe(threadId(1));
    expect(fold([meta(1, { history_mode: "future" })], { rules: "best" }).ok).toBe(false);
  });
});

describe("later metadata", () => {
  test("of the thread itself replaces what it names, and the git fields as one", () => {
    const git = { commit_hash: "a", branch: "b", repository_url: "c" };
    const found = facts([
      meta(1, {
        git,
        memory_mode: "enabled",
        agent_nickname: "Ada",
        creator_user_id: "u",
        forked_from_id: threadId(9),
        attached_thread: true,
      }),
      meta(1, {
        source: "exec",
        cwd: "",
        cli_version: "",
        originator: "later",
        git: { branch: "new" },
        memory_mode: "disabled",
      }),
    ]);
    expect(found).toMatchObject({
      source: "exec",
      cwd: "/home/user/project",
      cliVersion: "0.169.0",
      originator: "codex_cli_rs",
      git: { sha: undefined, branch: "new", url: undefined },
      memoryMode: "disabled",
      agentNickname: undefined,
      creatorUserId: "u",
      attachedParentId: undefined,
    });
  });

  test("of another thread was copied along by a fork and says nothing, but for the memory mode in Codex's own rebuild", () => {
    const foreign = meta(2, {
      source: "exec",
      cwd: "/elsewhere",
      model_provider: "other",
      git: { branch: "x" },
      memory_mode: "disabled",
    });
    const own = { source: "cli", cwd: "/home/user/project", provider: "openai", git: undefined };
    expect(facts([meta(1), foreign])).toMatchObject({ ...own, memoryMode: "disabled" });
    expect(facts([meta(1), foreign], { rules: "best" })).toMatchObject({ ...own, memoryMode: undefined });
  });

  test.each([
    ["absent", undefined, "other"],
    ["null", null, "other"],
    ["empty, which stands for the configured one", "", undefined],
  ])("a provider that is %s", (_, later, provider) => {
    expect(facts([meta(1, { model_provider: "other" }), meta(1, { model_provider: later })]).provider).toBe(provider);
  });
});

describe("settings", () => {
  test("the last turn context counts, and a broken one does not", () => {
    const found = facts([
      meta(1),
      turnContext(),
      turnContext({ model: "newer", effort: null }),
      turnContext({ cwd: "relative" }),
    ]);
    expect(found.turn).toMatchObject({ model: "newer", effort: undefined, approval: "on-request" });
    expect(facts([meta(1), turnContext({ sandbox_policy: { mode: "read-only" } })]).turn).toBeUndefined();
    expect(facts([meta(1), turnContext({ summary: undefined })], { rules: "older" }).turn).toBeUndefined();
  });

  test("the folder is the metadata's, else the first turn's, unless a settings record names one", () => {
    const turns = [turnContext({ cwd: "/a/first/" }), turnContext({ cwd: "/a/second" })];
    expect(facts([meta(1, { cwd: "relative/path" }), ...turns]).cwd).toBe("relative/path");
    expect(facts([meta(1, { cwd: "" }), ...turns]).cwd).toBe("/a/first");
    expect(facts([...turns]).cwd).toBe("/a/first");
    expect(facts([meta(1), ...turns, settings({ cwd: "/a/x/../third" })]).cwd).toBe("/a/third");
  });

  test("settings records override model, provider, effort, policy and approval from 0.150 on", () => {
    const lines = [
      meta(1),
      turnContext(),
      settings({ model: "set", model_provider_id: "other", reasoning_effort: "high" }),
    ];
    const policy = { permissionProfile: { type: "disabled" } };
    expect(facts(lines)).toMatchObject({
      provider: "other",
      turn: { model: "set", effort: "high", approval: "never", policy },
    });
    expect(facts(lines, { rules: "older" })).toMatchObject({ provider: "openai", turn: { model: "gpt-5.1-codex" } });
    expect(facts([meta(1), turnContext(), settings({ permission_profile: null })]).turn?.model).toBe("gpt-5.1-codex");
  });
});

describe("figures and times", () => {
  test("the last token count with figures counts; negatives are none", () => {
    expect(facts([meta(1), tokenCount(7), tokenCount(25), tokenCount(undefined)]).tokensUsed).toBe(25);
    expect(facts([meta(1), tokenCount(7), tokenCount(-3)]).tokensUsed).toBe(0);
  });

  test("the last turn began with the last task", () => {
    expect(
      facts([meta(1), taskStarted(), userMessage("a"), event("turn_started", taskStarted().payload)]).lastTurnStartMs,
    ).toBe(META_MS + 3000);
  });
});

describe("texts", () => {
  const texts = (lines: readonly LineRecord[], options?: Options) => {
    const { title, firstUserMessage, preview, previewOffset } = facts([meta(1), ...lines], options);
    return [title, firstUserMessage, preview, previewOffset];
  };
  const image = userMessage("", { images: ["data:image/png;base64,iVBORw0KGgo="] });

  test.each([
    ["the first message names the thread", [userMessage(" one "), userMessage("two")], ["one", "one", "one", 1000]],
    ["line breaks inside stay", [userMessage("a\n\n b ")], ["a\n\n b", "a\n\n b", "a\n\n b", 1000]],
    ["white space is no message", [userMessage(" \n\t\u0085\u3000"), userMessage("two")], ["two", "two", "two", 2000]],
    ["a byte order mark is no white space", [userMessage("\ufeffa")], ["\ufeffa", "\ufeffa", "\ufeffa", 1000]],
    ["an image is a message, but no title", [image, userMessage("two")], ["two", "[Image]", "[Image]", 1000]],
    [
      "what stands before the request does not count",
      [userMessage("x\n## My request for Codex:\n go ")],
      ["go", "go", "go", 1000],
    ],
    ["an item of a user counts", [userItem("item")], ["item", "item", "item", 1000]],
    ["a goal is a preview only", [goal(" win "), userMessage("one")], ["one", "one", "win", 1000]],
    ["a goal after the message changes nothing", [userMessage("one"), goal("win")], ["one", "one", "one", 1000]],
    ["what the model saw names nothing", [responseItem("hidden")], ["", "", "", undefined]],
    [
      "a name given by the user is not read here",
      [event("thread_name_updated", { thread_id: threadId(1), thread_name: "n" })],
      ["", "", "", undefined],
    ],
  ])("%s", (_, lines, expected) => {
    expect(texts(lines)).toEqual(expected);
  });

  test("items count from 0.150 on", () => {
    expect(texts([userItem("item"), userMessage("message")], { rules: "older" })).toEqual([
      "message",
      "message",
      "message",
      2000,
    ]);
  });

  test("a message before the metadata counts", () => {
    expect(facts([userMessage("early"), meta(1)]).title).toBe("early");
  });

  test("what a reviewer is asked names nothing, wherever its metadata stands", () => {
    const reviewer = meta(1, { source: { subagent: { other: "guardian" } } });
    for (const lines of [
      [reviewer, userMessage("may I?"), goal("win")],
      [userMessage("may I?"), reviewer],
    ]) {
      expect(facts(lines)).toMatchObject({ guardian: true, title: "", firstUserMessage: "", preview: "" });
      expect(facts(lines, { rules: "older" })).toMatchObject({ guardian: false, title: "may I?" });
    }
  });
});

describe("agents and forks", () => {
  test("a spawned agent names its parent", () => {
    const spawn = { parent_thread_id: threadId(7), depth: 1, agent_type: "explorer" };
    expect(facts([meta(1, { source: { subagent: { thread_spawn: spawn } } })])).toMatchObject({
      spawnParentId: threadId(7),
      source: `{"subagent":{"thread_spawn":{"parent_thread_id":"${threadId(7)}","depth":1,"agent_path":null,"agent_nickname":null,"agent_role":"explorer"}}}`,
      // Only what stands in the metadata itself becomes a column.
      agentRole: undefined,
    });
  });

  test("a fork by reference names the rollout that it continues, and where it leaves it", () => {
    const historyBase = { thread_id: threadId(7).toUpperCase(), end_ordinal_exclusive: 5, end_byte_offset: 999 };
    expect(facts([paginatedMeta(1, { history_base: historyBase, timestamp: META_TIME })])).toMatchObject({
      historyMode: "paginated",
      historyBase: { rolloutId: threadId(7), endByteOffset: 999 },
    });
  });

  test("an attached thread hangs on the one it was forked from", () => {
    expect(facts([meta(1, { attached_thread: true, forked_from_id: threadId(7) })]).attachedParentId).toBe(threadId(7));
    expect(facts([meta(1, { forked_from_id: threadId(7) })]).attachedParentId).toBeUndefined();
  });
});
