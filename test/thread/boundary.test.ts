/** Rows of rollout-format §5.4; each was put before the real 0.169.0 as the only message of a turn that is rolled back. */
import { describe, expect, test } from "vitest";
import { classOf, communicationIn, itemOfCommunication } from "../../src/thread/boundary.ts";
import type { ContentItem, MessageItem } from "../../src/format/response-item.ts";

function message(role: string, ...texts: readonly string[]): MessageItem {
  const type = role === "assistant" ? "output_text" : "input_text";
  return { type: "message", role, content: texts.map((text) => ({ type, text })) };
}

function withContent(part: ContentItem): MessageItem {
  return { type: "message", role: "user", content: [part] };
}

const COMMUNICATION = {
  author: "/root/a",
  recipient: "/root",
  other_recipients: [],
  content: "do it",
  trigger_turn: true,
};
const SUMMARY =
  "Another language model started to solve this problem and produced a summary of its thinking process. … to assist with your own analysis:\nx";

describe("a boundary", () => {
  test.each([
    ["a user's message", message("user", "hello")],
    ["one of no parts", message("user")],
    ["one of an image", withContent({ type: "input_image", image_url: "data:," })],
    ["context that is no input text", withContent({ type: "output_text", text: "<skill>x</skill>" })],
    ["a user's message that looks like a communication", message("user", JSON.stringify(COMMUNICATION))],
    ["a communication in an assistant's name", message("assistant", JSON.stringify(COMMUNICATION))],
    ["one that starts nothing", message("assistant", JSON.stringify({ ...COMMUNICATION, trigger_turn: false }))],
    ["one with white space around it", message("assistant", ` \n${JSON.stringify(COMMUNICATION)}\n`)],
    [
      "one with other members",
      message("assistant", JSON.stringify({ ...COMMUNICATION, other_recipients: undefined, more: 1 })),
    ],
  ])("is %s", (_, item) => expect(classOf(item)).toBe("boundary"));

  test("is an agent's message", () => {
    expect(classOf({ type: "agent_message", author: "/root/a", recipient: "/root", content: [] })).toBe("boundary");
  });
});

describe("no boundary", () => {
  test.each([
    ["wrapped context", "context", message("user", "<environment_context>x</environment_context>")],
    ["context and real text", "context", message("user", "hello", "<skill>x</skill>")],
    ["context of a developer", "context", message("developer", "<permissions instructions>x")],
    ["context and a developer's own words", "context", message("developer", "plain", "<model_switch>x")],
    ["a developer's own words", "plain", message("developer", "plain")],
    ["the summary of a compaction", "plain", message("user", SUMMARY)],
    ["a summary with more beside it", "plain", message("user", "a", SUMMARY)],
    ["another role", "plain", message("User", "hello")],
    ["an assistant's message", "plain", message("assistant", "done")],
    ["JSON of another shape", "plain", message("assistant", '{"author":"/root/a"}')],
    [
      "a communication of an unknown agent",
      "plain",
      message("assistant", JSON.stringify({ ...COMMUNICATION, author: "bob" })),
    ],
    ["a communication in two parts", "plain", message("assistant", JSON.stringify(COMMUNICATION), "")],
    ["a communication with text behind it", "plain", message("assistant", `${JSON.stringify(COMMUNICATION)}x`)],
  ] as const)("is %s", (_, expected, item) => expect(classOf(item)).toBe(expected));

  test("is a summary to 0.169.0 only", () => {
    expect(classOf(message("user", SUMMARY), "0.142.3")).toBe("boundary");
  });
});

describe("the four forms of an agent's message", () => {
  test("typed and as JSON are told apart from ordinary text", () => {
    expect(communicationIn(message("assistant", JSON.stringify(COMMUNICATION)))).toEqual(COMMUNICATION);
    expect(communicationIn(message("assistant", "done"))).toBe(undefined);
  });

  test("a record becomes an item", () => {
    expect(
      itemOfCommunication({ ...COMMUNICATION, id: "x1", internal_chat_message_metadata_passthrough: { turn_id: "t" } }),
    ).toEqual({
      type: "agent_message",
      id: "x1",
      author: "/root/a",
      recipient: "/root",
      content: [{ type: "input_text", text: "do it" }],
      internal_chat_message_metadata_passthrough: { turn_id: "t" },
    });
  });

  test("an encrypted record becomes an item with a readable head", () => {
    expect(itemOfCommunication({ ...COMMUNICATION, encrypted_content: "zz" }).content).toEqual([
      { type: "input_text", text: "Message Type: NEW_TASK\nTask name: /root\nSender: /root/a\nPayload:\n" },
      { type: "encrypted_content", encrypted_content: "zz" },
    ]);
    expect(itemOfCommunication({ ...COMMUNICATION, trigger_turn: false, encrypted_content: "zz" }).content[0]).toEqual({
      type: "input_text",
      text: "Message Type: MESSAGE\nTask name: /root\nSender: /root/a\nPayload:\n",
    });
  });
});
