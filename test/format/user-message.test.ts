/** The table of state-and-compression §2.6, and what the released 0.169.0 and 0.142.3 stored for each message. */
import { describe, expect, test } from "vitest";
import type { CodexRelease } from "../../src/format/decode.ts";
import type { EventOf, TurnItemOf } from "../../src/format/record.ts";
import { trimmed, userMessageText } from "../../src/format/user-message.ts";

type UserEvent = EventOf<"user_message">;
type UserItem = TurnItemOf<"UserMessage">;

function ofEvent(message: string, more: Partial<UserEvent> = {}, release?: CodexRelease): string | undefined {
  return shown(userMessageText({ type: "user_message", message, ...more }, release));
}

function ofItem(...content: UserItem["content"]): string | undefined {
  return shown(userMessageText({ type: "UserMessage", id: "i", content }));
}

function shown(found: ReturnType<typeof userMessageText>): string | undefined {
  if (found === undefined) return undefined;
  return "text" in found ? `text ${JSON.stringify(found.text)}` : `placeholder ${found.placeholder}`;
}

describe("events", () => {
  test.each([
    ["plain", "hi", 'text "hi"'],
    ["inner white space", "a \n b", String.raw`text "a \n b"`],
    ["a marker", "ctx\n## My request for Codex:\n  do it  \n", 'text "do it"'],
    ["two markers", "x## My request for Codex: a ## My request for Codex: b", 'text "a ## My request for Codex: b"'],
    ["nothing after the marker", "x ## My request for Codex:  ", undefined],
    ["nothing", "", undefined],
    ["white space of other scripts", " \u00a0\u3000\u0085", undefined],
    ["what only JavaScript takes for white space", " \ufeff ", 'text "\ufeff"'],
    ["what nobody takes for white space", "\u000b\u001cx\u001c", String.raw`text "\u001cx\u001c"`],
    [
      "a wrapper",
      "<environment_context>x</environment_context>",
      'text "<environment_context>x</environment_context>"',
    ],
  ])("%s", (_, message, expected) => {
    expect(ofEvent(message)).toBe(expected);
  });

  test.each([
    ["images", { images: ["u"] }, "placeholder [Image]"],
    ["local images", { local_images: ["/p"] }, "placeholder [Image]"],
    ["files", { file_ids: ["f"] }, "placeholder [Image]"],
    ["audio", { audio: ["a"] }, "placeholder [Audio]"],
    ["local audio", { local_audio: ["/p"] }, "placeholder [Audio]"],
    ["both", { audio: ["a"], images: ["u"] }, "placeholder [Image]"],
    ["empty lists", { images: [], local_images: [], audio: [] }, undefined],
    ["nulls", { images: null, audio: null, file_ids: null }, undefined],
  ])("%s without text", (_, more, expected) => {
    expect(ofEvent(" ", more)).toBe(expected);
    expect(ofEvent("x ## My request for Codex: ", more)).toBe(expected);
    expect(ofEvent("x", more)).toBe('text "x"');
  });

  test("0.142.3 knows neither file ids nor audio", () => {
    expect(ofEvent("", { images: ["u"] }, "0.142.3")).toBe("placeholder [Image]");
    expect(ofEvent("", { local_images: ["/p"] }, "0.142.3")).toBe("placeholder [Image]");
    expect(ofEvent("", { file_ids: ["f"] }, "0.142.3")).toBeUndefined();
    expect(ofEvent("", { audio: ["a"], local_audio: ["/p"] }, "0.142.3")).toBeUndefined();
  });
});

describe("items", () => {
  const text = (words: string) => ({ type: "text", text: words }) as const;

  test("text parts are joined as they are", () => {
    expect(ofItem(text("a"), text("b"))).toBe('text "ab"');
    expect(ofItem(text("a"), { type: "image", image_url: "u" }, text("b"))).toBe('text "ab"');
    expect(ofItem(text(" a "), { type: "skill", name: "n", path: "/p" }, text(" b "))).toBe('text "a  b"');
    expect(ofItem(text("x## My request for Codex:"), text(" b "))).toBe('text "b"');
  });

  test("media without text, images before audio", () => {
    expect(ofItem({ type: "image", file_id: "f" })).toBe("placeholder [Image]");
    expect(ofItem({ type: "local_image", path: "/p" })).toBe("placeholder [Image]");
    expect(ofItem({ type: "audio", audio_url: "u" }, { type: "local_image", path: "/p" })).toBe("placeholder [Image]");
    expect(ofItem({ type: "audio", file_id: "u" })).toBe("placeholder [Audio]");
    expect(ofItem({ type: "local_audio", path: "/p" })).toBe("placeholder [Audio]");
  });

  test("skills and mentions alone are nothing", () => {
    expect(ofItem({ type: "skill", name: "n", path: "/p" }, { type: "mention", name: "n", path: "p" })).toBeUndefined();
    expect(ofItem()).toBeUndefined();
  });
});

test("a long run of blanks inside a text costs no more than its length", () => {
  expect(trimmed(`a${" ".repeat(200_000)}b`)).toHaveLength(200_002);
});
