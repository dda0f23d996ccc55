import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { printAnswer, printStream, renderFields, toJson } from "../../src/commands/render.ts";
import { createPaint } from "../../src/io/console.ts";

function memory() {
  let text = "";
  return {
    write: (more: string) => {
      text += more;
    },
    flush: () => undefined,
    text: () => text,
  };
}

describe("toJson", () => {
  it("escapes what a terminal would obey, and stays the same JSON", () => {
    expect(toJson({ a: "\x1b\x9b\u202e\u{e0041}\ud800" })).toBe(
      String.raw`{"a":"\u001b\u009b\u202e\udb40\udc41\ud800"}`,
    );
  });

  it("keeps integers exact", () => {
    expect(toJson([5n, 2n ** 60n, 1.5])).toBe('[5,"1152921504606846976",1.5]');
  });

  it("reads back as what was given", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(toJson(value, 2))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe("printing", () => {
  it("makes the text only when it is wanted", () => {
    const out = memory();
    printAnswer(out, true, { threads: 2 }, () => {
      throw new Error("not wanted");
    });
    printAnswer(out, false, {}, () => "2 threads\n");
    expect(out.text()).toBe('{\n  "threads": 2\n}\n2 threads\n');
  });

  it("prints a stream item by item", () => {
    const out = memory();
    printStream(out, true, [{ a: 1 }, { a: 2 }], () => "");
    printStream(out, false, [{ a: 1 }, { a: 2 }], (item) => `a is ${item.a}\n`);
    expect(out.text()).toBe('{"a":1}\n{"a":2}\na is 1\na is 2\n');
  });

  it("lists fields below each other, leaving out what is not known", () => {
    const fields = [
      ["thread", "0195\x07"],
      ["size in bytes", 12],
      ["name", undefined],
    ] as const;
    expect(renderFields(fields, createPaint(false))).toBe("thread         0195\\x07\nsize in bytes  12\n");
  });
});
