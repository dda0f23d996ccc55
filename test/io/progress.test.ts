import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { createProgressLine, formatBar, silentProgressLine } from "../../src/io/progress.ts";

/** A terminal of 80 columns whose output can be read, and a clock that stands still unless moved. */
function fakeTerminal() {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  let at_ms = 1_000_000;
  return {
    line: createProgressLine(stream, () => at_ms),
    wait: (milliseconds: number) => {
      at_ms += milliseconds;
    },
    /** What was written since the last call. */
    shown: () => String((stream.read() as Buffer | null) ?? ""),
  };
}

describe("a progress line", () => {
  it("shows nothing for work of less than half a second", () => {
    const { line, wait, shown } = fakeTerminal();
    const progress = line.start("reading", 100, "count");
    wait(499);
    progress.advance(100);
    progress.end();
    expect(shown()).toBe("");
  });

  it("shows a bar after that, and takes it away at the end", () => {
    const { line, wait, shown } = fakeTerminal();
    const progress = line.start("reading", 4_000_000, "bytes");
    progress.advance(1_000_000);
    wait(500);
    progress.advance(1_000_000);
    expect(shown()).toContain("reading  [===============---------------] 50%  2.0 MB of 4.0 MB");
    progress.end();
    // The cursor goes to the line's start, and the line is cleared.
    expect(shown()).toMatch(/\x1b\[1G\x1b\[2K$/);
    progress.end();
    progress.advance(1);
    expect(shown()).toBe("");
  });

  it("makes room for other output, and comes back with the next step", () => {
    const { line, wait, shown } = fakeTerminal();
    const progress = line.start("reading", 10, "count");
    wait(600);
    progress.advance(1);
    shown();
    line.hide();
    expect(shown()).toMatch(/\x1b\[2K$/);
    wait(100);
    progress.advance(1);
    expect(shown()).toContain("2 of 10");
    line.end();
  });

  it("shows one bar at a time", () => {
    const { line, wait, shown } = fakeTerminal();
    const outer = line.start("outer", 10, "count");
    const inner = line.start("inner", 10, "count");
    wait(600);
    outer.advance(1);
    expect(shown()).toContain("outer");
    inner.advance(1);
    expect(shown()).toBe("");
    outer.end();
    shown();
    wait(100);
    inner.advance(1);
    expect(shown()).toContain("inner");
    line.end();
  });

  it("can be silent", () => {
    const progress = silentProgressLine.start("x", 1, "count");
    progress.advance(1);
    progress.end();
    silentProgressLine.hide();
    silentProgressLine.end();
  });
});

describe("formatBar", () => {
  it("shows the amount alone where the whole is not known", () => {
    const options = { label: "reading", total: undefined, unit: "count" } as const;
    expect(formatBar(options, { value: 12_345, progress: 0, eta: "NULL", columns: 80 })).toBe("reading  12,345");
  });

  it("shows the time left where it is known", () => {
    const options = { label: "reading", total: 200, unit: "count" } as const;
    expect(formatBar(options, { value: 50, progress: 0.25, eta: 75, columns: 120 })).toBe(
      "reading  [========----------------------] 25%  50 of 200  1 min 15 s left",
    );
  });

  it("fits the terminal and escapes its label", () => {
    const options = { label: "a\x1b[2Jb", total: undefined, unit: "bytes" } as const;
    expect(formatBar(options, { value: 5, progress: 0, eta: 0, columns: 12 })).toBe("a\\x1b[2Jb …");
  });
});
