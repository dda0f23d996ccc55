/** The table of state-and-compression §2.7, and what the released 0.169.0 stored for less common spellings. */
import { describe, expect, test } from "vitest";
import { isGuardian, sourceText, spawnFieldsOf, spawnParentOf } from "../../src/format/session-source.ts";

const PARENT = "01a1fb9c-38de-7d92-9d37-e75ffd4d0ddb";

test.each([
  [undefined, "vscode"],
  ["cli", "cli"],
  ["vscode", "vscode"],
  ["exec", "exec"],
  ["mcp", "mcp"],
  ["unknown", "unknown"],
  ["appServer", "unknown"],
  ["CLI", "unknown"],
  [{ cli: null }, "cli"],
  [{ exec: null }, "exec"],
  [{ unknown: null }, "unknown"],
  [{ custom: "x" }, '{"custom":"x"}'],
  [{ custom: 'a"b\u00e9\u0001' }, '{"custom":"a\\"b\u00e9\\u0001"}'],
  [{ internal: "memory_consolidation" }, '{"internal":"memory_consolidation"}'],
  [{ internal: { memory_consolidation: null } }, '{"internal":"memory_consolidation"}'],
  [{ internal: "guardian" }, '{"internal":"guardian"}'],
  [{ subagent: "review" }, '{"subagent":"review"}'],
  [{ subagent: { review: null } }, '{"subagent":"review"}'],
  [{ subagent: "compact" }, '{"subagent":"compact"}'],
  [{ subagent: { other: "guardian" } }, '{"subagent":{"other":"guardian"}}'],
  [
    { subagent: { thread_spawn: { parent_thread_id: PARENT, depth: 1 } } },
    `{"subagent":{"thread_spawn":{"parent_thread_id":"${PARENT}","depth":1,"agent_path":null,"agent_nickname":null,"agent_role":null}}}`,
  ],
  [
    {
      subagent: {
        thread_spawn: {
          agent_type: "r",
          x: 1,
          agent_nickname: "n",
          depth: 2,
          parent_thread_id: PARENT.toUpperCase(),
        },
      },
    },
    `{"subagent":{"thread_spawn":{"parent_thread_id":"${PARENT}","depth":2,"agent_path":null,"agent_nickname":"n","agent_role":"r"}}}`,
  ],
])("%j is stored as %s", (source, text) => {
  expect(sourceText(source)).toBe(text);
});

describe("what is no source", () => {
  test.each([null, 5, [], true, {}, { x: null }])("%j counts as unknown", (source) => {
    expect(sourceText(source)).toBe("unknown");
    expect(spawnParentOf(source)).toBeUndefined();
    expect(isGuardian(source)).toBe(false);
  });
});

test("the parent of a spawned agent, and of no other", () => {
  const source = { subagent: { thread_spawn: { parent_thread_id: PARENT, depth: 3, agent_path: "/root/x" } } };
  expect(spawnParentOf(source)).toBe(PARENT);
  expect(spawnFieldsOf(source)).toEqual({
    parentThreadId: PARENT,
    depth: 3,
    agentPath: "/root/x",
    agentNickname: null,
    agentRole: null,
  });
  expect(spawnParentOf({ subagent: "review" })).toBeUndefined();
  expect(spawnParentOf({ subagent: { thread_spawn: { depth: 3 } } })).toBeUndefined();
  expect(
    spawnParentOf(JSON.parse('{"subagent":{"__proto__":{"thread_spawn":{"parent_thread_id":"x","depth":1}}}}')),
  ).toBeUndefined();
});

test("the guardian is the sub-agent of that name", () => {
  expect(isGuardian({ subagent: { other: "guardian" } })).toBe(true);
  expect(isGuardian({ subagent: { other: "else" } })).toBe(false);
  expect(isGuardian({ internal: "guardian" })).toBe(false);
});
