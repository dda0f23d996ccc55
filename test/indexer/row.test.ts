/** From facts to a row: every column, and what a second file of the same thread changes in it. */
import { describe, expect, test } from "vitest";
import type { FileFacts } from "../../src/indexer/facts.ts";
import { mergeRows, type RowContext, type ThreadRow, threadRow, withoutCredentials } from "../../src/indexer/row.ts";
import { rulesFor } from "../../src/indexer/rules.ts";
import { FILE_MS, META_MS, threadId } from "../support/lines.ts";

const BARE: FileFacts = {
  id: threadId(1),
  firstWindowMs: undefined,
  createdAtMs: META_MS,
  historyMode: "legacy",
  source: "cli",
  guardian: false,
  spawnParentId: undefined,
  threadSource: undefined,
  originator: undefined,
  provider: undefined,
  cwd: "",
  cliVersion: "",
  agentNickname: undefined,
  agentRole: undefined,
  agentPath: undefined,
  git: undefined,
  creatorUserId: undefined,
  creatorAccountId: undefined,
  attachedParentId: undefined,
  memoryMode: undefined,
  turn: undefined,
  tokensUsed: 0,
  firstUserMessage: "",
  title: "",
  preview: "",
  previewOffset: undefined,
  historyBase: undefined,
  lastTurnStartMs: undefined,
};

const FULL: FileFacts = {
  ...BARE,
  threadSource: "user",
  originator: "codex_cli_rs",
  provider: "openai",
  cwd: "/link",
  cliVersion: "0.169.0",
  agentNickname: "Ada",
  agentRole: "explorer",
  agentPath: "/root/a",
  git: { sha: "abc", branch: "main", url: "https://user:token@example.com/r.git" },
  creatorUserId: "u",
  creatorAccountId: "a",
  attachedParentId: threadId(7),
  memoryMode: "disabled",
  turn: {
    model: "gpt-5.1-codex",
    effort: "high",
    approval: "never",
    policy: { sandboxPolicy: { type: "danger-full-access" } },
    cwd: "/link",
  },
  tokensUsed: 25,
  firstUserMessage: "hello",
  title: "hello",
  preview: "win",
};

const FILE = { path: "/h/sessions/r.jsonl.zst", logicalPath: "/h/sessions/r.jsonl", archived: false, mtimeMs: FILE_MS };
const TIMES = { createdAtMs: META_MS, updatedAtMs: FILE_MS, recencyAtMs: FILE_MS + 1 };
const CONTEXT: RowContext = {
  defaultProvider: "configured",
  resolveFolder: (path) => (path === "/link" ? "/real" : undefined),
  exists: () => false,
};
const CODEX = rulesFor("codex", 62);
const OLDER = rulesFor("codex", 39);

function row(facts: FileFacts, { rules = CODEX, archived = false } = {}): ThreadRow {
  return threadRow({ ...FILE, archived }, facts, TIMES, rules, CONTEXT);
}

describe("a row", () => {
  test("of a file that says everything", () => {
    expect(row(FULL)).toEqual({
      id: threadId(1),
      rollout_path: "/h/sessions/r.jsonl.zst",
      created_at: 1761991200,
      updated_at: 1762300800,
      source: "cli",
      model_provider: "openai",
      cwd: "/real",
      title: "hello",
      sandbox_policy: '{"type":"disabled"}',
      approval_mode: "never",
      tokens_used: 25,
      has_user_event: 0,
      archived: 0,
      archived_at: null,
      git_sha: "abc",
      git_branch: "main",
      git_origin_url: "https://example.com/r.git",
      cli_version: "0.169.0",
      first_user_message: "hello",
      agent_nickname: "Ada",
      agent_role: "explorer",
      memory_mode: "disabled",
      model: "gpt-5.1-codex",
      reasoning_effort: "high",
      agent_path: "/root/a",
      created_at_ms: 1761991200123,
      updated_at_ms: 1762300800456,
      thread_source: "user",
      preview: "win",
      recency_at: 1762300800,
      recency_at_ms: 1762300800457,
      history_mode: "legacy",
      name: null,
      is_pinned: 0,
      thread_section_id: null,
      section_position: null,
      section_entered_at_ms: null,
      project_id: null,
      originator: "codex_cli_rs",
      daybreak_enabled: null,
      creator_user_id: "u",
      creator_account_id: "a",
      attached_thread_parent_id: threadId(7),
    });
  });

  test("of a file that says nothing", () => {
    const { id, rollout_path, created_at_ms, ...rest } = row(BARE, { archived: true });
    expect([id, rollout_path, created_at_ms]).toEqual([threadId(1), "/h/sessions/r.jsonl.zst", META_MS]);
    expect(Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null))).toEqual({
      created_at: 1761991200,
      updated_at: 1762300800,
      updated_at_ms: 1762300800456,
      recency_at: 1762300800,
      recency_at_ms: 1762300800457,
      source: "cli",
      model_provider: "configured",
      cwd: "",
      title: "",
      sandbox_policy: expect.stringContaining('"managed"') as string,
      approval_mode: "on-request",
      tokens_used: 0,
      has_user_event: 0,
      archived: 1,
      archived_at: 1762300800,
      cli_version: "",
      first_user_message: "",
      memory_mode: "enabled",
      preview: "",
      history_mode: "legacy",
      is_pinned: 0,
    });
  });

  test("names the plain path by our rules, which stays right when the form changes", () => {
    expect(row(FULL, { rules: rulesFor("best", 62) }).rollout_path).toBe("/h/sessions/r.jsonl");
  });

  test("of a reviewer has fixed texts, and as a paginated thread a name", () => {
    const guardian = { ...FULL, guardian: true, firstUserMessage: "" };
    expect(row(guardian)).toMatchObject({
      title: "Guardian review",
      preview: "Approval review",
      first_user_message: "",
      name: null,
    });
    expect(row({ ...guardian, historyMode: "paginated" }).name).toBe("Guardian review");
  });

  test.each([
    ["untrusted", "untrusted", "untrusted"],
    ["on-failure", "on-request", "on-failure"],
    [
      { granular: { rules: true, sandbox_approval: false, mcp_elicitations: true } },
      '{"granular":{"sandbox_approval":false,"rules":true,"skill_approval":false,"request_permissions":false,"mcp_elicitations":true}}',
      '{"granular":{"sandbox_approval":false,"rules":true,"skill_approval":false,"request_permissions":false,"mcp_elicitations":true}}',
    ],
  ])("stores approval %j", (approval, newest, older) => {
    const facts = { ...FULL, turn: { model: "m", effort: undefined, approval, policy: {}, cwd: "/" } };
    expect([row(facts).approval_mode, row(facts, { rules: OLDER }).approval_mode]).toEqual([newest, older]);
  });
});

test.each([
  ["https://user:token@example.com/r.git", "https://example.com/r.git"],
  ["https://token@example.com/a@b", "https://example.com/a@b"],
  ["ssh://git@example.com:22/r.git", "ssh://example.com:22/r.git"],
  ["git@example.com:r.git", "git@example.com:r.git"],
  ["https://example.com/r.git", "https://example.com/r.git"],
])("user information in %s", (url, expected) => {
  expect(withoutCredentials(url)).toBe(expected);
  expect(row({ ...BARE, git: { sha: undefined, branch: undefined, url } }, { rules: OLDER }).git_origin_url).toBe(url);
});

describe("a second file of the same thread", () => {
  const old = row({ ...FULL, historyMode: "paginated" });
  const next = { ...row(BARE), recency_at_ms: 5, source: "exec", rollout_path: "/next" };

  test("replaces what it says, and leaves what only the first one knows", () => {
    expect(mergeRows(old, next, false)).toEqual({
      ...next,
      preview: "win",
      git_sha: "abc",
      git_branch: "main",
      git_origin_url: "https://example.com/r.git",
      originator: "codex_cli_rs",
      creator_user_id: "u",
      creator_account_id: "a",
      attached_thread_parent_id: threadId(7),
      history_mode: "paginated",
      memory_mode: "disabled",
      recency_at: old.recency_at,
      recency_at_ms: old.recency_at_ms,
    });
    expect(mergeRows(old, next, true).memory_mode).toBe("enabled");
  });

  test("takes git column by column", () => {
    const first = { ...old, git_sha: null, git_branch: "main" };
    expect(mergeRows(first, { ...next, git_sha: "def", git_branch: "other" }, false)).toMatchObject({
      git_sha: "def",
      git_branch: "main",
    });
  });

  test.each([
    ["a given title stays over one taken from a message", ["Mine", "a"], ["b", "b"], "Mine"],
    ["a title from a message does not", ["a", "a"], ["b", "b"], "b"],
    ["none does not", ["", "a"], ["b", "b"], "b"],
    ["one given later wins", ["Mine", "a"], ["Yours", "b"], "Yours"],
    ["the reviewer's stays a given one", ["Guardian review", ""], ["b", "b"], "Guardian review"],
    ["the reviewer's does not come over a given one", ["Mine", "a"], ["Guardian review", ""], "Mine"],
  ])("%s", (_, [title = "", first = ""], [nextTitle = "", nextFirst = ""], expected) => {
    const merged = mergeRows(
      { ...old, title, first_user_message: first },
      { ...next, title: nextTitle, first_user_message: nextFirst },
      false,
    );
    expect([merged.title, merged.first_user_message]).toEqual([expected, nextFirst]);
  });
});
