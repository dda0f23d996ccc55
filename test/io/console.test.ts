import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { BrokenPipe, createPaint, escapeText, fdWriter, wantsColor } from "../../src/io/console.ts";
import type { RolloutError } from "../../src/errors.ts";

/** A file descriptor that takes at most `capacity` bytes a call, and fails first with the given errnos. */
function fakeDescriptor(capacity: number, failures: string[] = []) {
  const chunks: Buffer[] = [];
  const writeBytes = (_fd: number, bytes: Uint8Array): number => {
    const errno = failures.shift();
    if (errno !== undefined) throw Object.assign(new Error(errno), { code: errno });
    const part = Buffer.from(bytes.subarray(0, capacity));
    chunks.push(part);
    return part.length;
  };
  return { writeBytes, chunks, text: () => Buffer.concat(chunks).toString("utf8") };
}

describe("fdWriter", () => {
  it("collects until flushed", () => {
    const fake = fakeDescriptor(1e9);
    const writer = fdWriter(1, { buffered: true, writeBytes: fake.writeBytes });
    writer.write("a");
    writer.write("b");
    expect(fake.chunks.length).toBe(0);
    writer.flush();
    writer.flush();
    expect(fake.chunks.map(String)).toEqual(["ab"]);
  });

  it("writes large output before the flush, and at once when not buffered", () => {
    const fake = fakeDescriptor(1e9);
    const buffered = fdWriter(1, { buffered: true, writeBytes: fake.writeBytes });
    buffered.write("x".repeat(70_000));
    expect(fake.chunks.length).toBe(1);
    fdWriter(2, { buffered: false, writeBytes: fake.writeBytes }).write("now");
    expect(fake.chunks.length).toBe(2);
  });

  it("goes on after short writes and full pipes, and loses no byte", () => {
    const fake = fakeDescriptor(3, ["EAGAIN", "EAGAIN"]);
    const writer = fdWriter(1, { buffered: true, writeBytes: fake.writeBytes });
    writer.write("größer als drei 🙂");
    writer.flush();
    expect(fake.text()).toBe("größer als drei 🙂");
  });

  it("turns a gone reader into BrokenPipe, or into silence for messages", () => {
    const strict = fdWriter(1, { buffered: false, writeBytes: fakeDescriptor(9, ["EPIPE"]).writeBytes });
    expect(() => strict.write("x")).toThrow(BrokenPipe);
    const fake = fakeDescriptor(9, ["EPIPE"]);
    const lenient = fdWriter(2, { buffered: false, ignoreBrokenPipe: true, writeBytes: fake.writeBytes });
    lenient.write("lost");
    lenient.write("kept");
    expect(fake.text()).toBe("kept");
  });

  it.each([
    ["ENOSPC", "disk-full", "no space left to write the output"],
    ["EIO", "unwritable", "cannot write the output (EIO)"],
  ])("turns %s into an error of code %s", (errno, code, message) => {
    const writer = fdWriter(1, { buffered: false, writeBytes: fakeDescriptor(9, [errno]).writeBytes });
    expect(() => writer.write("x")).toThrow(expect.objectContaining({ code, message }) as RolloutError);
  });
});

describe("escapeText", () => {
  it.each([
    ["plain text, ünïcode, 漢字 and 👩‍👩‍👧", "plain text, ünïcode, 漢字 and 👩‍👩‍👧"],
    ["\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"],
    ["a\nb\tc\rd\0e\x7f", "a\\nb\\tc\\rd\\x00e\\x7f"],
    ["\x9b31m", "\\x9b31m"],
    ["file\u202egpj.exe", "file\\u202egpj.exe"],
    ["zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"],
    ["tag\u{e0041}", "tag\\u{e0041}"],
    ["lone \ud800 surrogate", "lone \\ud800 surrogate"],
  ])("%j becomes %j", (text, expected) => {
    expect(escapeText(text)).toBe(expected);
  });

  it("keeps line ends when asked to, and only them", () => {
    expect(escapeText("a\nb\r\nc", { newlines: "keep" })).toBe("a\nb\\r\nc");
  });

  it("leaves no character that a terminal obeys", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(escapeText(text)).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });
});

describe("colour", () => {
  it("is wanted on a terminal, unless something says otherwise", () => {
    const wants = (env: Record<string, string>, isTTY = true, noColor = false) => wantsColor({ env, isTTY, noColor });
    expect(wants({})).toBe(true);
    expect(wants({}, false)).toBe(false);
    expect(wants({ TERM: "dumb" })).toBe(false);
    expect(wants({ NO_COLOR: "1" })).toBe(false);
    expect(wants({ NO_COLOR: "" })).toBe(true);
    expect(wants({ FORCE_COLOR: "1" }, false)).toBe(true);
    expect(wants({ FORCE_COLOR: "0" })).toBe(false);
    expect(wants({ FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(false);
    expect(wants({ FORCE_COLOR: "1" }, true, true)).toBe(false);
  });

  it("wraps the text, or leaves it alone", () => {
    expect(createPaint(true).red("x")).toBe("\x1b[31mx\x1b[39m");
    expect(createPaint(true).bold("")).toBe("");
    expect(createPaint(false).red("x")).toBe("x");
  });
});
