import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseProfile, planFrames } from "../../src/compressor/profile.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();
const MIB = 1024 * 1024;

function plan(text: string, profile: string): readonly number[] {
  const path = join(folder.path, "file");
  writeFileSync(path, text);
  const fd = openSync(path, "r");
  try {
    return planFrames(fd, Buffer.byteLength(text), parseProfile(profile));
  } finally {
    closeSync(fd);
  }
}

const line = (type: string, payload: unknown): string =>
  `${JSON.stringify({ timestamp: "2025-11-01T10:00:00.123Z", type, payload })}\n`;
const filler = line("response_item", { type: "message", text: "x".repeat(100_000) });
const compacted = line("compacted", { message: "", replacement_history: [], window_number: 1 });

describe("checkpoint", () => {
  it("cuts one line before the newest compaction", () => {
    const before = compacted + filler.repeat(25);
    const text = `${before}${filler}${compacted}${filler.repeat(3)}`;
    expect(plan(text, "checkpoint")).toEqual([before.length, text.length - before.length]);
  });

  it("finds it where it straddles the pieces in which the file is read", () => {
    for (let shift = 0; shift < 40; shift += 1) {
      const before = filler.repeat(25);
      const mark = line("event_msg", { type: "x" });
      const rest = MIB - compacted.length - 20 + shift;
      const text = `${before}${mark}${compacted}${"y".repeat(rest - 1)}\n`;
      expect(plan(text, "checkpoint")).toEqual([before.length, text.length - before.length]);
    }
  });

  it("makes one frame of a file without a compaction, of a short one, and where the compaction comes early", () => {
    const plain = filler.repeat(30);
    expect(plan(plain, "checkpoint")).toEqual([plain.length]);
    const short = filler + compacted + filler;
    expect(plan(short, "checkpoint")).toEqual([short.length]);
    const early = filler.repeat(5) + compacted + filler.repeat(30);
    expect(plan(early, "checkpoint")).toEqual([early.length]);
  });

  it("does not trust a compaction without a replacement history, or the words of one inside a line", () => {
    const old = `${filler.repeat(25)}${line("compacted", { message: "summary" })}${filler}`;
    expect(plan(old, "checkpoint")).toEqual([old.length]);
    const quoted = `${filler.repeat(25)}${line("response_item", { type: "message", text: compacted })}${filler}`;
    expect(plan(quoted, "checkpoint")).toEqual([quoted.length]);
    const only = `${compacted.trimEnd()}${" ".repeat(3 * MIB)}\n`;
    expect(plan(only, "checkpoint")).toEqual([only.length]);
  });
});

describe("the other profiles", () => {
  it("make one frame, or equal ones", () => {
    expect(plan("x".repeat(2 * MIB + 5), "single")).toEqual([2 * MIB + 5]);
    expect(plan("x".repeat(2 * MIB + 5), "seekable=1")).toEqual([MIB, MIB, 5]);
    expect(plan("", "seekable=1")).toEqual([0]);
    expect(plan("", "checkpoint")).toEqual([0]);
  });

  it("are refused when they are none", () => {
    for (const text of ["", "double", "seekable", "seekable=", "seekable=0", "seekable=1025", "seekable=1.5"]) {
      expect(() => parseProfile(text)).toThrow("--frames takes checkpoint, single or seekable=<MiB>");
    }
  });
});
