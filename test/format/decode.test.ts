/** One line at a time: rollout-format §2.2, §3 and §10, with what the released binaries did where the text is silent. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { acceptedBy, decodeLine, isRetired } from "../../src/format/decode.ts";
import { bytesOf, decode, lineOf, outcome, recordedLines, recordOf, TIME } from "./lines.ts";

const MESSAGE = '"type":"event_msg","payload":{"type":"user_message","message":"hi"}';
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

describe("JSON rules", () => {
  test.each([
    ["a good line", `{"timestamp":"z",${MESSAGE}}`, "ok"],
    ["blanks, tabs and CR around it", `\t {"timestamp":"z",${MESSAGE}} \t\r`, "ok"],
    ["any text as a time stamp", `{"timestamp":"",${MESSAGE}}`, "ok"],
    ["an ordinal of null", `{"timestamp":"z","ordinal":null,${MESSAGE}}`, "ok"],
    ["the largest ordinal", `{"timestamp":"z","ordinal":18446744073709551615,${MESSAGE}}`, "ok"],
    ["unknown keys", `{"timestamp":"z","x":{"y":[1.0,1e3]},${MESSAGE}}`, "ok"],
    ["a key twice, the last one good", `{"timestamp":5,"timestamp":"z",${MESSAGE}}`, "ok"],
    ["a number beyond doubles in an unknown key", `{"timestamp":"z","x":1e400,${MESSAGE}}`, "ok"],
    ["an escaped pair", `{"timestamp":"\\ud83d\\uDE00",${MESSAGE}}`, "ok"],
    ["an escaped backslash before what looks like half a pair", `{"timestamp":"\\\\ud800",${MESSAGE}}`, "ok"],
    ["nesting up to the bound", `{"timestamp":"z","x":${nested(126)},${MESSAGE}}`, "ok"],
    ["metadata where none belongs", `{"timestamp":"z",${MESSAGE},"metadata":5}`, "ok"],
    ["no line at all", "", "blank: blank line"],
    ["only white space", " \t\r", "blank: blank line"],
    ["only white space of other scripts", "\u00a0\u2003\u3000", "blank: blank line"],
    ["a byte order mark", `\ufeff{"timestamp":"z",${MESSAGE}}`, "not-json: not valid JSON"],
    ["a no-break space before it", `\u00a0{"timestamp":"z",${MESSAGE}}`, "not-json: not valid JSON"],
    ["text after it", `{"timestamp":"z",${MESSAGE}} x`, "not-json: not valid JSON"],
    ["two objects", `{"timestamp":"z",${MESSAGE}}{"timestamp":"z",${MESSAGE}}`, "not-json: not valid JSON"],
    ["NUL bytes", "\0\0\0", "not-json: not valid JSON"],
    ["a raw control character", `{"timestamp":"a\u0001b",${MESSAGE}}`, "not-json: not valid JSON"],
    ["a comment", `{"timestamp":"z",/**/${MESSAGE}}`, "not-json: not valid JSON"],
    ["NaN", `{"timestamp":"z","x":NaN,${MESSAGE}}`, "not-json: not valid JSON"],
    ["an escaped high half", `{"timestamp":"\\ud800",${MESSAGE}}`, "not-json: half of a surrogate pair"],
    ["an escaped low half", `{"timestamp":"\\udc00",${MESSAGE}}`, "not-json: half of a surrogate pair"],
    ["halves in the wrong order", `{"timestamp":"\\udc00\\ud800",${MESSAGE}}`, "not-json: half of a surrogate pair"],
    ["halves apart", `{"timestamp":"\\ud800 \\udc00",${MESSAGE}}`, "not-json: half of a surrogate pair"],
    ["half a pair in a key", `{"timestamp":"z","\\udead":1,${MESSAGE}}`, "not-json: half of a surrogate pair"],
    ["an array", "[1]", "wrong-shape: not a JSON object"],
    ["a number", "5", "wrong-shape: not a JSON object"],
    ["null", "null", "wrong-shape: not a JSON object"],
    ["no time stamp", `{${MESSAGE}}`, "wrong-shape: timestamp is missing"],
    ["a time stamp of null", `{"timestamp":null,${MESSAGE}}`, "wrong-shape: timestamp is not a string"],
    ["a number as a time stamp", `{"timestamp":5,${MESSAGE}}`, "wrong-shape: timestamp is not a string"],
    [
      "a key twice, the last one bad",
      `{"timestamp":"z","timestamp":5,${MESSAGE}}`,
      "wrong-shape: timestamp is not a string",
    ],
    [
      "a negative ordinal",
      `{"timestamp":"z","ordinal":-1,${MESSAGE}}`,
      "wrong-shape: ordinal is not an integer in range",
    ],
    [
      "an ordinal with a fraction",
      `{"timestamp":"z","ordinal":1.5,${MESSAGE}}`,
      "wrong-shape: ordinal is not an integer in range",
    ],
    [
      "an ordinal spelled as a fraction",
      `{"timestamp":"z","ordinal":1.0,${MESSAGE}}`,
      "wrong-shape: ordinal is not an integer in range",
    ],
    [
      "an ordinal with an exponent",
      `{"timestamp":"z","ordinal":1e3,${MESSAGE}}`,
      "wrong-shape: ordinal is not an integer in range",
    ],
    [
      "an ordinal in quotes",
      `{"timestamp":"z","ordinal":"1",${MESSAGE}}`,
      "wrong-shape: ordinal is not an integer in range",
    ],
    [
      "nesting beyond the bound",
      `{"timestamp":"z","x":${nested(127)},${MESSAGE}}`,
      "wrong-shape: is nested deeper than 127 levels",
    ],
    ["no type", `{"timestamp":"z","payload":{}}`, "wrong-shape: type is not a string"],
    ["a number as a type", `{"timestamp":"z","type":5,"payload":{}}`, "wrong-shape: type is not a string"],
    ["no payload", `{"timestamp":"z","type":"event_msg"}`, "wrong-shape: payload is missing"],
    [
      "a payload of null",
      `{"timestamp":"z","type":"event_msg","payload":null}`,
      "wrong-shape: payload is not an object",
    ],
    [
      "a list as a payload",
      `{"timestamp":"z","type":"event_msg","payload":[]}`,
      "wrong-shape: payload is not an object",
    ],
    ["a number as an event's type", lineOf("event_msg", { type: 5 }), "wrong-shape: payload.type is not a string"],
    ["an event without a type", lineOf("event_msg", {}), "wrong-shape: payload.type is missing"],
    ["an unknown record", lineOf("rollout_reference", {}), "unknown-kind: unknown record type"],
    ["an unknown event", lineOf("event_msg", { type: "future_event" }), "unknown-kind: unknown event"],
    ["a record by the name of an inherited member", lineOf("constructor", {}), "unknown-kind: unknown record type"],
    [
      "an event by the name of an inherited member",
      lineOf("event_msg", { type: "__proto__" }),
      "unknown-kind: unknown event",
    ],
  ])("%s", (_, line, expected) => {
    expect(outcome(line)).toBe(expected);
  });

  test("the last line without its newline is torn when it does not parse, else as good as any", () => {
    const line = `{"timestamp":"z",${MESSAGE}}`;
    expect(outcome(line, false)).toBe("ok");
    expect(outcome(line.slice(0, -1), false)).toBe("torn: incomplete line at the end of the file");
    expect(outcome(Uint8Array.of(0x7b, 0x22, 0xc3), false)).toBe("torn: not valid UTF-8");
    expect(outcome("", false)).toBe("blank: blank line");
  });

  test.each([
    ["a lone byte", [0xff]],
    ["an overlong form", [0xc0, 0xaf]],
    ["half a character", [0xe2, 0x82]],
    ["a surrogate in UTF-8", [0xed, 0xa0, 0x80]],
  ])("bytes that are not UTF-8: %s", (_, bad) => {
    const line = Uint8Array.from([...bytesOf('{"timestamp":"'), ...bad, ...bytesOf(`",${MESSAGE}}`)]);
    expect(outcome(line)).toBe("not-utf8: not valid UTF-8");
  });

  test("a million levels are a defect like any other", () => {
    expect(outcome(nested(1_000_000))).toBe("wrong-shape: not a JSON object");
    expect(outcome("[".repeat(1_000_000))).toBe("not-json: not valid JSON");
    const deep = `{"a":`.repeat(500_000) + "1" + "}".repeat(500_000);
    const line = `{"timestamp":"z","type":"world_state","payload":{"full":true,"state":${deep}}}`;
    expect(outcome(line)).toBe("wrong-shape: payload.state is nested deeper than 127 levels");
    expect(outcome(lineOf("event_msg", { type: "context_compacted" }))).toBe("ok");
  });

  test("a defect names the record's type only where it looks like a name", () => {
    const typeIn = (line: string) => {
      const entry = decode(line);
      return entry.ok ? undefined : entry.defect.type;
    };
    expect(typeIn(lineOf("event_msg", { type: "user_message" }))).toBe("event_msg");
    expect(typeIn(lineOf("event_msg", { type: "future_event" }))).toBe("event_msg/future_event");
    expect(typeIn(lineOf("rollout_reference", {}))).toBe("rollout_reference");
    expect(typeIn(lineOf("\u001b[31mred", {}))).toBeUndefined();
    expect(typeIn(lineOf("x".repeat(200), {}))).toBeUndefined();
  });
});

describe("integers", () => {
  const count = (total: string, percent = "1") =>
    `{"timestamp":"z","type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":{"input_tokens":1,` +
    `"cached_input_tokens":0,"output_tokens":1,"reasoning_output_tokens":0,"total_tokens":${total}},"last_token_usage":` +
    `{"input_tokens":1,"cached_input_tokens":0,"output_tokens":1,"reasoning_output_tokens":0,"total_tokens":7}},` +
    `"rate_limits":{"primary":{"used_percent":${percent}}}}}`;

  test.each(["7", "-7", "0", "-0", "9007199254740993"])("%s is one", (spelled) => {
    expect(outcome(count(spelled))).toBe("ok");
  });

  test.each(["7.0", "7.00", "70e-1", "7e0", "7E+0", "0.0", "-0.0", "7.5", "1e30", "18446744073709551616e0"])(
    "%s is none",
    (spelled) => {
      const message = "wrong-shape: payload.info.total_token_usage.total_tokens is not an integer in range";
      expect(outcome(count(spelled))).toBe(message);
      expect(outcome(count(spelled).replace('"total_tokens":', '"total_tokens" :\t'))).toBe(message);
    },
  );

  test.each([
    ["9223372036854775807", "ok"],
    ["9223372036854775808", "not an integer in range"],
    ["9223372036854776000", "not an integer in range"],
    ["-9223372036854775808", "ok"],
    ["-9223372036854775809", "holds an integer of more than 64 bits"],
  ])("the edge of 64 bits with a sign: %s is %s", (spelled, expected) => {
    expect(outcome(count(spelled)).replace(/^wrong-shape: (?:\S+ is )?/, "")).toBe(expected);
  });

  test.each([
    ["9223372036854775808", "ok"],
    ["18446744073709551615", "ok"],
    ["18446744073709551616", "holds an integer of more than 64 bits"],
    ["18446744073709552000", "holds an integer of more than 64 bits"],
    ["1e19", "not an integer in range"],
  ])("the edge of 64 bits without a sign: %s is %s", (spelled, expected) => {
    const line = `{"timestamp":"z","ordinal":${spelled},${MESSAGE}}`;
    expect(outcome(line).replace(/^wrong-shape: (?:\S+ is )?/, "")).toBe(expected);
  });

  // All of them as 0.142.3 and 0.169.0 were seen to take them.
  test.each([
    ["18446744073709551615", true],
    ["18446744073709551616", false],
    ["-9223372036854775809", false],
    ["10000000000000000000000000", false],
    ["10000000000000000000000000.5", true],
    ["1e25", true],
    ["340282366920938463463374607431768211455", false],
    ["340282366920938463463374607431768211456", true],
    ["-170141183460469231731687303715884105728", false],
    ["-170141183460469231731687303715884105729", true],
    ["1".repeat(400), true],
    ['"18446744073709551616"', true],
  ])("%s where anything may stand: taken %s", (spelled, taken) => {
    const expected = taken ? "ok" : "wrong-shape: holds an integer of more than 64 bits";
    expect(outcome(`{"timestamp":"z","x":${spelled},${MESSAGE}}`)).toBe(expected);
    expect(outcome(`{"timestamp":"z","type":"world_state","payload":{"full":true,"state":{"a":[${spelled}]}}}`)).toBe(
      expected,
    );
  });

  test.each(["1e400", "-1e400", "1".repeat(400)])("%s is no fraction", (spelled) => {
    expect(outcome(count("7", spelled))).toBe("wrong-shape: payload.rate_limits.primary.used_percent is not a number");
  });

  test.each(["0", "0.0", "34.0", "1e2", "12.5"])("%s is a number where a fraction is expected", (spelled) => {
    expect(outcome(count("7", spelled))).toBe("ok");
  });

  test("texts that look like numbers are left alone", () => {
    const text = String.raw`{"total_tokens": 1.0, "ordinal":2e3} \" : 1.0`;
    expect(
      outcome(lineOf("event_msg", { type: "task_complete", turn_id: "t", last_agent_message: text, duration_ms: 5 })),
    ).toBe("ok");
    const line = lineOf("event_msg", { type: "task_complete", turn_id: "t", last_agent_message: text, duration_ms: 5 });
    expect(outcome(line.replace('"duration_ms":5', '"duration_ms":5.0'))).toBe(
      "wrong-shape: payload.duration_ms is not an integer in range",
    );
  });

  test("the value handed out is the one of the line, not the one it was judged by", () => {
    const record = recordOf(
      `{"timestamp":"z","x":3.0,"ordinal":3,"type":"security_risk_score","payload":{"scores":{"a":1.0}}}`,
    );
    expect(record).toEqual({
      timestamp: "z",
      x: 3,
      ordinal: 3,
      type: "security_risk_score",
      payload: { scores: { a: 1 } },
    });
  });

  test("an ordinal after the payload is looked at too", () => {
    expect(outcome(`{"timestamp":"z",${MESSAGE},"ordinal":1.0}`)).toBe(
      "wrong-shape: ordinal is not an integer in range",
    );
    expect(outcome(`{"timestamp":"z","ordinal":1,${MESSAGE},"ordinal":2.0}`)).toBe(
      "wrong-shape: ordinal is not an integer in range",
    );
  });
});

describe("payloads", () => {
  const message = { type: "message", role: "user", content: [] };

  test.each([
    ["a compaction's mark", lineOf("event_msg", { type: "context_compacted" }), "ok"],
    [
      "a compaction's mark with more than its name",
      lineOf("event_msg", { type: "context_compacted", message: "" }),
      "wrong-shape: payload has fields",
    ],
    ["an unknown item", lineOf("response_item", { type: "future_item", id: 5 }), "ok"],
    [
      "an unknown web search action",
      lineOf("response_item", { type: "web_search_call", action: { type: "x", url: 5 } }),
      "ok",
    ],
    [
      "an unknown content part",
      lineOf("response_item", { ...message, content: [{ type: "x" }] }),
      "wrong-shape: payload.content.0.type is not a known variant",
    ],
    [
      "content that is a bare string",
      lineOf("response_item", { ...message, content: "x" }),
      "wrong-shape: payload.content is not an array",
    ],
    [
      "tool output as an object",
      lineOf("response_item", { type: "function_call_output", call_id: "c", output: { content: "x", success: true } }),
      "wrong-shape: payload.output is not an array",
    ],
    [
      "metadata that is no object",
      lineOf("response_item", message, { metadata: 5 }),
      "wrong-shape: metadata is not an object",
    ],
    ["metadata of null", lineOf("response_item", message, { metadata: null }), "ok"],
    [
      "a null where a flag has a default",
      lineOf("response_item", message, { metadata: { client_authored: null } }),
      "wrong-shape: metadata.client_authored is not true or false",
    ],
    ["unknown metadata", lineOf("response_item", message, { metadata: { future: 1 } }), "ok"],
    [
      "local_images of null",
      lineOf("event_msg", { type: "user_message", message: "x", local_images: null }),
      "wrong-shape: payload.local_images is not an array",
    ],
    ["images of null", lineOf("event_msg", { type: "user_message", message: "x", images: null }), "ok"],
    [
      "a started task without its turn",
      lineOf("event_msg", { type: "task_started" }),
      "wrong-shape: payload.turn_id is missing",
    ],
    [
      "metadata for each of the items",
      lineOf("compacted", { message: "", replacement_history: [message], replacement_history_metadata: [{}] }),
      "ok",
    ],
    [
      "less metadata than items",
      lineOf("compacted", { message: "", replacement_history: [message], replacement_history_metadata: [] }),
      "wrong-shape: payload does not have one metadata entry per item",
    ],
    [
      "metadata of null for an item",
      lineOf("compacted", { message: "", replacement_history: [message], replacement_history_metadata: [null] }),
      "wrong-shape: payload has ill-formed metadata for item 0",
    ],
    [
      "metadata of null for a ghost snapshot",
      lineOf("compacted", {
        message: "",
        replacement_history: [{ type: "ghost_snapshot" }],
        replacement_history_metadata: [null],
      }),
      "ok",
    ],
    [
      "metadata without items",
      lineOf("compacted", { message: "", replacement_history_metadata: [] }),
      "wrong-shape: payload has metadata without a replacement history",
    ],
    ["the old window number", lineOf("compacted", { message: "", window_id: 3 }), "ok"],
    [
      "a negative window number",
      lineOf("compacted", { message: "", window_id: -3 }),
      "wrong-shape: payload.window_id is not an integer in range",
    ],
    [
      "a world state that is no object",
      lineOf("world_state", { full: true, state: [] }),
      "wrong-shape: payload.state is not an object",
    ],
    [
      "a path that is no agent's",
      lineOf("inter_agent_communication", { author: "/home", recipient: "/root", content: "", trigger_turn: true }),
      "wrong-shape: payload.author is not an agent path",
    ],
    [
      "keys that are names of built-in members",
      lineOf("world_state", { full: true, state: JSON.parse('{"__proto__":{"x":1},"constructor":{}}') as object }),
      "ok",
    ],
  ])("%s", (_, line, expected) => {
    expect(outcome(line)).toBe(expected);
  });

  test("a role and its alias are the same field twice", () => {
    const meta = {
      id: "01a1fba2-47ac-70c3-9da6-3f270a221423",
      timestamp: TIME,
      cwd: "/w",
      originator: "o",
      cli_version: "1",
    };
    expect(outcome(lineOf("session_meta", { ...meta, agent_type: "r" }))).toBe("ok");
    expect(outcome(lineOf("session_meta", { ...meta, agent_type: "r", agent_role: null }))).toBe(
      "wrong-shape: payload has agent_role twice",
    );
  });

  test("a complaint about a map does not repeat its keys", () => {
    const line = lineOf("security_risk_score", { scores: { "\u001b[31m": "x" } });
    expect(outcome(line)).toBe("wrong-shape: payload.scores.* is not a number");
  });

  test("names of old are handed out as those of today", () => {
    expect(recordOf(lineOf("event_msg", { type: "turn_started", turn_id: "t" })).payload).toEqual({
      type: "task_started",
      turn_id: "t",
    });
    expect(recordOf(lineOf("event_msg", { type: "turn_complete", turn_id: "t" })).payload).toEqual({
      type: "task_complete",
      turn_id: "t",
    });
    const compaction = { type: "compaction_summary", encrypted_content: "e" };
    expect(recordOf(lineOf("response_item", compaction)).payload).toEqual({
      type: "compaction",
      encrypted_content: "e",
    });
    const compacted = recordOf(lineOf("compacted", { message: "", replacement_history: [compaction] }));
    expect(compacted.payload).toEqual({
      message: "",
      replacement_history: [{ type: "compaction", encrypted_content: "e" }],
    });
    expect(recordOf(lineOf("response_item", { type: "turn_started" })).payload).toEqual({ type: "turn_started" });
  });

  test("a null that stands for nothing is not handed out", () => {
    const record = recordOf(
      `{"timestamp":"z","ordinal":null,"type":"response_item","payload":{"type":"compaction_trigger"},"metadata":null}`,
    );
    expect(record).toEqual({ timestamp: "z", type: "response_item", payload: { type: "compaction_trigger" } });
  });

  test("what no release of today knows is told from what it refuses", () => {
    const retired = (line: string) => isRetired(recordOf(line));
    expect(retired(lineOf("event_msg", { type: "thread_name_updated", thread_name: "n" }))).toBe(true);
    expect(retired(lineOf("event_msg", { type: "undo_completed", success: false, message: null }))).toBe(true);
    expect(retired(lineOf("event_msg", { type: "background_event", message: "m" }))).toBe(true);
    expect(retired(lineOf("response_item", { type: "ghost_snapshot", ghost_commit: {} }))).toBe(true);
    expect(
      retired(lineOf("event_msg", { type: "patch_apply_end", call_id: "c", stdout: "", stderr: "", success: true })),
    ).toBe(false);
    expect(retired(lineOf("response_item", message))).toBe(false);
  });
});

describe("properties", () => {
  const lines = recordedLines().map(({ line }) => bytesOf(line));

  test("every recorded line is read", () => {
    expect(lines.filter((line) => outcome(line) !== "ok")).toEqual([]);
  });

  test("any bytes at all give an entry", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, terminated) => {
        const position = { line: 7, offset: 9, length: bytes.length };
        expect(decodeLine(bytes, position, { terminated }).position).toBe(position);
      }),
    );
  });

  test("any JSON gives an entry", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        expect(outcome(text)).not.toMatch(/^(not-json|not-utf8|torn)/);
      }),
    );
  });

  test("a line with a few bytes changed gives an entry, and a judgement for each release", () => {
    const edit = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.constantFrom(...lines), fc.array(edit, { minLength: 1, maxLength: 4 }), (line, edits) => {
        const bytes = line.slice();
        for (const [at, byte] of edits) bytes[at % bytes.length] = byte;
        const entry = decode(bytes);
        if (entry.ok) expect(typeof acceptedBy(entry.record, "0.169.0")).toBe("boolean");
        else expect(entry.defect.message).toMatch(/^[\x20-\x7e]+$/);
      }),
      { numRuns: 2000 },
    );
  });

  test("a line cut short is torn, not damaged", () => {
    fc.assert(
      fc.property(fc.constantFrom(...lines), fc.nat(), (line, at) => {
        const length = 1 + (at % (line.length - 1));
        expect(outcome(line.subarray(0, length), false)).toMatch(/^torn: /);
      }),
    );
  });
});
