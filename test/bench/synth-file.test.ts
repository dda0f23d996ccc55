import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { SynthWriter } from "../../src/bench/synth-file.ts";

const folder = mkdtempSync(join(tmpdir(), "rollout-tool-writer-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("SynthWriter", () => {
  it("writes lines of any length, and counts their bytes", () => {
    const path = join(folder, "lines");
    const lines = ["short\n", `${"é✓".repeat(700_000)}\n`, "", `${"x".repeat(5_000_000)}\n`, "last\n"];
    const writer = new SynthWriter();
    writer.open(path);
    for (const line of lines) writer.line(line);
    expect(writer.bytes).toBe(Buffer.byteLength(lines.join("")));
    writer.close();
    expect(readFileSync(path, "utf8") === lines.join("")).toBe(true);
  });

  it("continues with what another file begins with", () => {
    const source = join(folder, "source");
    writeFileSync(source, Buffer.alloc(9_000_000, "abc"));
    const path = join(folder, "copy");
    const writer = new SynthWriter();
    writer.open(path);
    writer.line("head\n");
    writer.copyFrom(source, 8_500_000);
    writer.line("tail\n");
    writer.close();
    const expected = `head\n${"abc".repeat(3_000_000).slice(0, 8_500_000)}tail\n`;
    expect(readFileSync(path, "latin1") === expected).toBe(true);
  });

  it("refuses to write over a file, and to copy more than there is", () => {
    const writer = new SynthWriter();
    expect(() => writer.open(join(folder, "source"))).toThrow(/EEXIST/u);
    writer.open(join(folder, "short"));
    expect(() => writer.copyFrom(join(folder, "source"), 10_000_000)).toThrow("shorter than it was");
    writer.close();
  });
});
