import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memberSpan } from "../../src/lifecycle/json-span.ts";

function valueAt(text: string, names: readonly string[]): unknown {
  const line = Buffer.from(text);
  const span = memberSpan(line, names);
  return span === undefined ? undefined : JSON.parse(line.toString("utf8", span.start, span.end));
}

describe("memberSpan", () => {
  it.each([
    ['{"a":1}', ["a"], 1],
    ['{"a":{"b":"x\\"}"},"c":2}', ["a", "b"], 'x"}'],
    ['{"b":{"a":0},"a":true}', ["a"], true],
    [' { "a" : [ "]" , {"a":3} ] , "b" : null } ', ["b"], null],
    ['{"a":1,"a":{"z":2}}', ["a", "z"], 2],
    ['{"\\u0061":"escaped"}', ["a"], "escaped"],
    ['{"a":"ü","b":"ö\\\\"}', ["b"], "ö\\"],
    ['{"a":[1]}', ["a", "b"], undefined],
    ['{"a":1}', ["b"], undefined],
    ["[1]", ["a"], undefined],
    ['{"a', ["a"], undefined],
    ["", ["a"], undefined],
  ])("%s %j", (text, names, value) => {
    expect(valueAt(text, names)).toEqual(value);
  });

  it("finds what the parser finds, in any object, and survives any text", () => {
    const names = fc.constantFrom("a", "b", "payload", 'q"', "\\");
    const object = fc.dictionary(names, fc.oneof(fc.jsonValue(), fc.dictionary(names, fc.jsonValue())));
    fc.assert(
      fc.property(object, names, names, (value, first, second) => {
        const text = JSON.stringify(value);
        const inner = value[first];
        const isObject = typeof inner === "object" && inner !== null && !Array.isArray(inner);
        const expected =
          isObject && Object.hasOwn(inner, second) ? (inner as Record<string, unknown>)[second] : undefined;
        expect(valueAt(text, [first, second])).toEqual(
          expected === undefined ? undefined : JSON.parse(JSON.stringify(expected)),
        );
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => void memberSpan(Buffer.from(`{"a":${text}`), ["a", "b"])));
    expect(memberSpan(Buffer.from(`{"a":${"[".repeat(1_000_000)}`), ["a"])?.start).toBe(5);
  });
});
