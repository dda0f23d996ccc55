/** The tables of rollout-format §5.4 and §5.5, and what the real 0.142.3 and 0.169.0 made of each text. */
import { describe, expect, test } from "vitest";
import { developerPrefixes, isDeveloperContext, isSummaryText, userWrapperOf } from "../../src/format/contextual.ts";

const CONTEXT: readonly (readonly [name: string, text: string])[] = [
  ["environment_context", "<environment_context>x</environment_context>"],
  ["environment_context", "<ENVIRONMENT_CONTEXT>x</environment_CONTEXT>"],
  ["environment_context", "  \n<environment_context>x</environment_context>\n "],
  ["environment_context", "\u00a0\u0085<environment_context></environment_context>\u3000"],
  ["agents_md", "# AGENTS.md instructions for /x\n\n<INSTRUCTIONS>\nx\n</INSTRUCTIONS>"],
  ["agents_md", "# agents.md INSTRUCTIONS\n</instructions>"],
  ["skill", "<skill>x</skill>"],
  ["skill", "<SKILL>a</skill>b</skill>"],
  ["user_shell_command", "<user_shell_command>x</user_shell_command>"],
  ["turn_aborted", "<turn_aborted>x</turn_aborted>"],
  ["subagent_notification", "<subagent_notification>x</subagent_notification>"],
  ["goal_context", "<goal_context>x</goal_context>"],
  ["internal_context", '<codex_internal_context source="goal">x</codex_internal_context>'],
  ["internal_context", '<codex_internal_context source="a_b2"><b></codex_internal_context>'],
  ["hook_prompt", '<hook_prompt hook_run_id="1">x</hook_prompt>'],
  ["hook_prompt", "<hook_prompt a='2' hook_run_id = '1' >&amp; x > y</hook_prompt\n>"],
  ["hook_prompt", '<hook_prompt hook_run_id="1">x</hook_prompt>trail'],
  ["hook_prompt", '<?xml version="1.0"?><!-- c --><HOOK hook_run_id="1">a <!-- c --> b</HOOK>'],
  ["hook_prompt", '<hook_prompt hook_run_id="1"><![CDATA[<b>]]></hook_prompt>'],
  ["hook_prompt", '<hook_prompt hook_run_id="1">x<c/></hook_prompt>'],
  ["external", "<external_foo>x</external_foo>"],
  ["external", "<external_>x</external_>"],
  ["external", "<external_a b>x</external_a b>"],
  ["recommended_plugins", "<recommended_plugins>x</recommended_plugins>"],
  ["unified_exec_warning", "Warning: The maximum number of unified exec processes you can keep open is 60"],
  [
    "apply_patch_warning",
    "Warning: apply_patch was requested via shell. Use the apply_patch tool instead of exec_command.",
  ],
  ["flagged_warning", "Warning: Your account was flagged for potentially high-risk cyber activity and"],
];

const OWN_WORDS: readonly string[] = [
  "",
  "hello",
  "<environment_context>x",
  "x</environment_context>",
  "a<environment_context>x</environment_context>",
  "<environment_context>x</environment_context>b",
  '<environment_context a="1">x</environment_context>',
  "\ufeff<environment_context>x</environment_context>",
  "# AGENTS.md instructions for /x",
  "# AGENTS.md</INSTRUCTIONS>",
  "<user_instructions>x</user_instructions>",
  '<skill name="a">x</skill>',
  "<user_shell_command>x",
  "<goal_context>x",
  "<codex_internal_context>x</codex_internal_context>",
  '<codex_internal_context source="">x</codex_internal_context>',
  '<codex_internal_context source="Goal">x</codex_internal_context>',
  '<codex_internal_context source="a-b">x</codex_internal_context>',
  '<codex_internal_context source="goal" >x</codex_internal_context>',
  "<hook_prompt>x</hook_prompt>",
  '<hook_prompt hook_run_id="1">x',
  '<hook_prompt hook_run_id="">x</hook_prompt>',
  '<hook_prompt hook_run_id=" ">x</hook_prompt>',
  '<hook_prompt hook_run_id="1">  </hook_prompt>',
  '<hook_prompt hook_run_id="1">&#32;</hook_prompt>',
  '<hook_prompt hook_run_id="1"/>',
  '<hook_prompt hook_run_id="1">a & b</hook_prompt>',
  '<hook_prompt hook_run_id="1">&bad;</hook_prompt>',
  '<hook_prompt hook_run_id="1">x < y</hook_prompt>',
  '<hook_prompt hook_run_id="1">a<b>y</b>c</hook_prompt>',
  '<hook_prompt hook_run_id="1" hook_run_id="2">x</hook_prompt>',
  "<hook_prompt hook_run_id=1>x</hook_prompt>",
  'abc <hook_prompt hook_run_id="1">x</hook_prompt>',
  '<hook_prompt hook_run_id="1">x<!-- </hook_prompt>',
  "<external_foo>x</external_bar>",
  "<external_Foo>x</external_foo>",
  "<external>x</external>",
  "Warning: The maximum number of unified exec processes",
  "WARNING: The maximum number of unified exec processes you can keep open is 60",
  "Warning: apply_patch was requested via exec_command",
  "Warning: Your account was flagged for x",
  "<extension_context>x</extension_context>",
  "<image_resize_notice>x</image_resize_notice>",
  "<permissions instructions>x</permissions instructions>",
  "<multi_agent_role>x</multi_agent_role>",
  "<realtime_conversation>x</realtime_conversation>",
  "<system-reminder>x</system-reminder>",
  "<heartbeat>x</heartbeat>",
  "<task-notification>x</task-notification>",
  "<side_conversation>x</side_conversation>",
];

describe("a user's text part", () => {
  test.each(CONTEXT)("is %s: %j", (name, text) => {
    expect(userWrapperOf(text)).toBe(name);
    expect(userWrapperOf(text, "0.142.3")).toBe(name);
  });

  test.each(OWN_WORDS)("is the user's own: %j", (text) => {
    expect(userWrapperOf(text)).toBe(undefined);
  });

  test("is judged by release", () => {
    const board = "<agent_message_board_notification>x</agent_message_board_notification>";
    expect(userWrapperOf(board)).toBe("agent_message_board_notification");
    expect(userWrapperOf(board, "0.142.3")).toBe(undefined);
    expect(userWrapperOf("<user_instructions>x</user_instructions>", "0.40.0")).toBe("user_instructions");
    expect(userWrapperOf("<skill>x</skill>", "0.40.0")).toBe(undefined);
  });

  test("of any length is judged in linear time", () => {
    expect(userWrapperOf(`<hook_prompt hook_run_id="1">${"<b>".repeat(200_000)}`)).toBe(undefined);
    expect(userWrapperOf(`<hook_prompt ${"hook_run_id ".repeat(200_000)}`)).toBe(undefined);
    expect(userWrapperOf(`<external_${"a".repeat(2_000_000)}`)).toBe(undefined);
    expect(userWrapperOf(`<x>hook_run_id${"&".repeat(500_000)}`)).toBe(undefined);
  });
});

describe("a developer's text part", () => {
  test.each(developerPrefixes)("is context with $prefix", ({ prefix, knownTo }) => {
    expect(isDeveloperContext(`${prefix}x`)).toBe(true);
    expect(isDeveloperContext(` \n${prefix.toUpperCase()}`)).toBe(true);
    expect(isDeveloperContext(`a ${prefix}x`)).toBe(false);
    expect(isDeveloperContext(prefix.slice(0, -1))).toBe(false);
    expect(isDeveloperContext(`${prefix}x`, "0.142.3")).toBe(knownTo.includes("0.142.3"));
  });

  test.each(["plain", "<turn_aborted>x</turn_aborted>", "<network_rule>x", '<context_window a="1">', "<memory>"])(
    "is no context: %j",
    (text) => expect(isDeveloperContext(text)).toBe(false),
  );
});

test("a summary is told by how its fixed paragraph begins and ends", () => {
  const begins = "Another language model started to solve this problem and produced a summary of its thinking process.";
  const ends = "use the information in this summary to assist with your own analysis:";
  expect(isSummaryText(`${begins} You also have access … ${ends}\nDone: all.`)).toBe(true);
  expect(isSummaryText(`${begins} Said otherwise, ${ends}\n`)).toBe(true);
  expect(isSummaryText(`${begins} ${ends}`)).toBe(false);
  expect(isSummaryText(`${begins} ${ends} Done.`)).toBe(false);
  expect(isSummaryText(` ${begins} ${ends}\n`)).toBe(false);
  expect(isSummaryText(`${begins}\n`)).toBe(false);
});
