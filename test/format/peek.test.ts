/** The kind of a line from its first bytes: always what a full reading says, or nothing. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeLine } from "../../src/format/encode.ts";
import { kindOf, peekKind } from "../../src/format/peek.ts";
import { bytesOf, decode, lineOf, recordedLines, recordOf, TIME } from "./lines.ts";

const peek = (line: string) => peekKind(bytesOf(line));
const lines = recordedLines().map(({ line }) => line);

describe("lines as writers make them", () => {
  test("every recorded line tells its kind, which is that of its record", () => {
    for (const line of lines) expect(peek(line)).toBe(kindOf(recordOf(line)));
  });

  test("the first 512 bytes are enough", () => {
    for (const line of lines) expect(peekKind(bytesOf(line).subarray(0, 512))).toBe(kindOf(recordOf(line)));
  });

  test("a line inside a larger buffer is found by its bounds", () => {
    const first = lineOf("session_meta", {});
    const second = lineOf("event_msg", { type: "token_count" }, {});
    const buffer = bytesOf(`${first}\n${second}\n`);
    expect(peekKind(buffer, 0, first.length)).toBe("session_meta");
    expect(peekKind(buffer, first.length + 1, first.length + 1 + second.length)).toBe("event_msg/token_count");
  });

  test("the same kind is the same string", () => {
    const line = lineOf("response_item", { type: "future_item" });
    expect(peek(line)).toBe("response_item/future_item");
    expect(Object.is(peek(line), peek(line))).toBe(true);
  });

  test.each([
    ["turn_started", "event_msg", "event_msg/task_started"],
    ["turn_complete", "event_msg", "event_msg/task_complete"],
    ["compaction_summary", "response_item", "response_item/compaction"],
    ["turn_started", "response_item", "response_item/turn_started"],
    ["compaction_summary", "event_msg", "event_msg/compaction_summary"],
  ])("%s in %s counts as %s", (name, type, kind) => {
    expect(peek(lineOf(type, { type: name }))).toBe(kind);
  });
});

describe("lines that look otherwise", () => {
  const rest = '"type":"event_msg","payload":{"type":"token_count"}}';

  test.each([
    ["no time stamp", `{${rest}`],
    ["a time stamp that is no string", `{"timestamp":5,${rest}`],
    ["an escape in the time stamp", String.raw`{"timestamp":"a\"b",${rest}`],
    ["an endless time stamp", `{"timestamp":"${"x".repeat(300)}",${rest}`],
    ["a blank before the line", ` {"timestamp":"z",${rest}`],
    ["a blank after a colon", `{"timestamp": "z",${rest}`],
    ["a blank after a comma", `{"timestamp":"z", ${rest}`],
    ["an ordinal of null", `{"timestamp":"z","ordinal":null,${rest}`],
    ["an ordinal that is no number", `{"timestamp":"z","ordinal":"1",${rest}`],
    ["no digits in the ordinal", `{"timestamp":"z","ordinal":,${rest}`],
    ["an ordinal spelled as a fraction", `{"timestamp":"z","ordinal":1.0,${rest}`],
    ["the ordinal after the type", '{"timestamp":"z","type":"event_msg","ordinal":1,"payload":{"type":"token_count"}}'],
    ["another key first", `{"x":1,"timestamp":"z",${rest}`],
    [
      "metadata before the payload",
      '{"timestamp":"z","type":"response_item","metadata":{},"payload":{"type":"message"}}',
    ],
    ["another key before the payload's type", lineOf("event_msg", { x: 1, type: "token_count" })],
    ["a payload without members", lineOf("event_msg", {})],
    ["a payload that is no object", '{"timestamp":"z","type":"session_meta","payload":null}'],
    ["an escape in the type", String.raw`{"timestamp":"z","type":"session\u005fmeta","payload":{}}`],
    [
      "an escape in the payload's type",
      String.raw`{"timestamp":"z","type":"event_msg","payload":{"type":"token\u005fcount"}}`,
    ],
    ["a name beyond ASCII", lineOf("event_msg", { type: "token_cöunt" })],
    ["an endless name", lineOf("event_msg", { type: "x".repeat(300) })],
    ["an unknown record type", lineOf("rollout_reference", {})],
    ["a type that is the beginning of another", lineOf("inter_agent", {})],
    ["no line", ""],
  ])("%s: no kind", (_, line) => {
    expect(peek(line)).toBeUndefined();
  });

  test("too few bytes: no kind, or the right one", () => {
    fc.assert(
      fc.property(fc.constantFrom(...lines), fc.nat({ max: 200 }), (line, length) => {
        expect([undefined, kindOf(recordOf(line))]).toContain(
          peekKind(bytesOf(line), 0, Math.min(length, line.length)),
        );
      }),
    );
  });

  test("bytes beyond the given end do not count", () => {
    const bytes = bytesOf(lineOf("event_msg", { type: "token_count" }));
    const close = bytes.lastIndexOf(0x22);
    expect(peekKind(bytes, 0, close)).toBeUndefined();
    expect(peekKind(bytes, 0, close + 1)).toBe("event_msg/token_count");
  });

  test("with a key twice the first one is seen, though the last one counts", () => {
    const line =
      '{"timestamp":"z","type":"session_meta","payload":{},"type":"world_state","payload":{"full":true,"state":{}}}';
    expect(peek(line)).toBe("session_meta");
    expect(kindOf(recordOf(line))).toBe("world_state");
  });

  test("a hostile number of names is not remembered", () => {
    for (let index = 0; index < 5000; index += 1) {
      expect(peek(lineOf("event_msg", { type: `t${index}` }))).toBe(`event_msg/t${index}`);
    }
    expect(peek(lineOf("event_msg", { type: "token_count" }))).toBe("event_msg/token_count");
  });
});

describe("properties", () => {
  test("a changed line has the kind of its record, or none, unless a key came twice", () => {
    const edit = fc.tuple(fc.nat({ max: 150 }), fc.integer({ min: 0x20, max: 0x7e }));
    fc.assert(
      fc.property(fc.constantFrom(...lines), fc.array(edit, { minLength: 1, maxLength: 3 }), (line, edits) => {
        const bytes = bytesOf(line).slice();
        for (const [at, byte] of edits) bytes[at % bytes.length] = byte;
        const entry = decode(bytes);
        if (entry.ok) expect([undefined, kindOf(entry.record)]).toContain(peekKind(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  test("a line made by encode always has a kind", () => {
    const name = fc.stringMatching(/^[a-z_]{1,40}$/);
    const ordinal = fc.option(fc.nat(), { nil: undefined });
    fc.assert(
      fc.property(name, ordinal, fc.json(), (type, number, text) => {
        const more = number === undefined ? {} : { ordinal: number };
        const record = recordOf(lineOf("response_item", { type: `x${type}`, text }, more));
        expect(peek(encodeLine(record))).toBe(`response_item/x${type}`);
      }),
    );
  });

  test("any bytes give a kind or none", () => {
    const head = bytesOf(`{"timestamp":"${TIME}","type":"event_msg","payload":{"type":"`);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: head.length }), (bytes, length) => {
        const kind = peekKind(Uint8Array.from([...head.subarray(0, length), ...bytes]));
        expect(kind === undefined || /^[\x20-\x7e]+$/.test(kind)).toBe(true);
      }),
    );
  });
});
