import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import type { Entry } from "../../src/format/entry.ts";
import { peekKind } from "../../src/format/peek.ts";
import { ZstdEncoder, compressZstd } from "../../src/io/zstd.ts";
import { openRollout, readLines, readRollout } from "../../src/readers/rollout.ts";
import type { ReadOptions } from "../../src/readers/rollout.ts";

const ID = "019a0000-0000-7000-8000-000000000001";

function line(type: string, payload: object): string {
  return JSON.stringify({ timestamp: "2026-01-02T03:04:05.678Z", type, payload });
}

const LINES = [
  line("session_meta", {
    id: ID,
    timestamp: "2026-01-02T03:04:05.600Z",
    cwd: "/w",
    originator: "codex_exec",
    cli_version: "0.169.0",
  }),
  line("event_msg", { type: "agent_message", message: "h\u00e9llo \u{1f600}" }),
  line("response_item", { type: "message", role: "user", content: [{ type: "input_text", text: "question" }] }),
  line("event_msg", { type: "agent_message", message: "x".repeat(700) }),
  line("response_item", { type: "message", role: "assistant", content: [{ type: "output_text", text: "answer" }] }),
];
const TEXT = Buffer.from(LINES.map((text) => `${text}\n`).join(""));
const STARTS = LINES.map((_, index) =>
  Buffer.byteLength(
    LINES.slice(0, index)
      .map((text) => `${text}\n`)
      .join(""),
  ),
);
const KINDS = [
  "session_meta",
  "event_msg/agent_message",
  "response_item/message",
  "event_msg/agent_message",
  "response_item/message",
];

let folder = "";
let count = 0;
beforeAll(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "rollout-read-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

function file(content: Uint8Array | string, suffix = ".jsonl"): string {
  const path = join(folder, `rollout-${count++}${suffix}`);
  fs.writeFileSync(path, content);
  return path;
}

/** Kind and place of each entry. */
function outline(entries: Iterable<Entry>): string[] {
  return Array.from(entries, (entry) => {
    const { line: number, offset, length } = entry.position;
    return `${entry.ok ? kindOf(entry) : entry.defect.kind} ${number}:${offset}+${length}`;
  });
}

function kindOf(entry: Entry & { ok: true }): string {
  const { type, payload } = entry.record;
  return type === "event_msg" || type === "response_item" ? `${type}/${payload.type}` : type;
}

function outlineOf(content: Uint8Array | string, options?: ReadOptions): string[] {
  return outline(readRollout(file(content), options));
}

const WHOLE = LINES.map((text, index) => `${KINDS[index]} ${index + 1}:${STARTS[index]}+${Buffer.byteLength(text)}`);

function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error instanceof RolloutError ? error.code : error;
  }
  return "nothing thrown";
}

describe("readRollout", () => {
  it("gives every record with its place, plain or compressed", () => {
    expect(outlineOf(TEXT)).toEqual(WHOLE);
    expect(outlineOf(compressZstd(TEXT))).toEqual(WHOLE);
    expect(outline(readRollout(file(compressZstd(TEXT), ".jsonl.zst")))).toEqual(WHOLE);
    expect(outlineOf(compressZstd(TEXT), { chunkBytes: 3 })).toEqual(WHOLE);
  });

  it("gives the same backward, without line numbers", () => {
    const expected = WHOLE.map((text) => text.replace(/ \d+:/, " 0:")).toReversed();
    for (const chunkBytes of [1, 100, 100_000]) {
      expect(outlineOf(TEXT, { order: "backward", chunkBytes })).toEqual(expected);
    }
    expect(outlineOf(TEXT, { order: "backward", from: { offset: STARTS[2] ?? 0, line: 0 } })).toEqual(
      expected.slice(3),
    );
  });

  it("begins where it is told", () => {
    const from = { offset: STARTS[3] ?? 0, line: 4 };
    expect(outlineOf(TEXT, { from })).toEqual(WHOLE.slice(3));
    expect(outlineOf(compressZstd(TEXT), { from })).toEqual(WHOLE.slice(3));
  });

  it("gives only the kinds wanted, and damage of unknown kind", () => {
    const wanted = WHOLE.filter((text) => text.startsWith("event_msg/"));
    const kinds = new Set(["event_msg/agent_message"]);
    for (const chunkBytes of [1, 200, 100_000]) {
      expect(outlineOf(TEXT, { kinds, chunkBytes })).toEqual(wanted);
      expect(outlineOf(TEXT, { kinds: (kind) => kind.startsWith("event_msg/"), chunkBytes })).toEqual(wanted);
      expect(outlineOf(compressZstd(TEXT), { kinds, chunkBytes })).toEqual(wanted);
      expect(outlineOf(TEXT, { kinds, chunkBytes, order: "backward" })).toHaveLength(wanted.length);
    }
    const reordered = `{"payload":{"message":"m","type":"agent_message"},"type":"event_msg","timestamp":"x"}`;
    const other = `{"payload":${JSON.stringify({ type: "message", role: "user", content: [] })},"type":"response_item","timestamp":"x"}`;
    expect(outlineOf(`${reordered}\n${other}\n\nnoise\n`, { kinds })).toEqual([
      `event_msg/agent_message 1:0+${reordered.length}`,
      `blank 3:${reordered.length + other.length + 2}+0`,
      `not-json 4:${reordered.length + other.length + 3}+5`,
    ]);
  });

  it("tells kinds from reused chunks as from fresh ones", () => {
    const text = `${line("event_msg", { type: "kind_seen_first_here", text: "y".repeat(900) })}\n`.repeat(20);
    const seen = new Set<string | undefined>();
    const select = (buffer: Buffer, start: number, end: number): boolean => {
      seen.add(peekKind(buffer, start, end));
      return false;
    };
    expect([...readLines(file(text), { select, chunkBytes: 1500 })]).toEqual([]);
    expect([...seen]).toEqual(["event_msg/kind_seen_first_here"]);
  });

  it("gives all whole lines and one torn defect, wherever a plain file is cut", () => {
    for (let cut = 0; cut <= TEXT.length; cut++) {
      const whole = WHOLE.filter((_, index) => (STARTS[index] ?? 0) + Buffer.byteLength(LINES[index] ?? "") <= cut);
      const next = STARTS[whole.length] ?? TEXT.length;
      const torn = cut > next ? [`torn ${whole.length + 1}:${next}+${cut - next}`] : [];
      expect(outlineOf(TEXT.subarray(0, cut))).toEqual([...whole, ...torn]);
    }
  });

  it("gives a prefix and a broken-stream defect, wherever a compressed file is cut", () => {
    const encoder = new ZstdEncoder({ checksum: true });
    const frames = [TEXT.subarray(0, 300), TEXT.subarray(300, 900), TEXT.subarray(900)].map((part) =>
      Buffer.concat([...encoder.write(part), ...encoder.endFrame()]),
    );
    const compressed = Buffer.concat(frames);
    const borders = [0, frames[0]?.length ?? 0, compressed.length - (frames[2]?.length ?? 0)];
    for (let cut = 0; cut < compressed.length; cut++) {
      const entries = outline(readRollout(file(compressed.subarray(0, cut), ".jsonl.zst")));
      const last = entries.pop() ?? "";
      // Cut between two frames, the stream is a whole one with fewer lines; a cut line then shows as torn.
      if (cut > 0 && borders.includes(cut)) expect(last).toMatch(/^torn /);
      else expect(last).toMatch(/^broken-stream \d+:\d+\+0$/);
      const whole = entries.filter((text) => !text.startsWith("torn "));
      expect(whole).toEqual(WHOLE.slice(0, whole.length));
      expect(entries.length - whole.length).toBeLessThanOrEqual(1);
    }
  });

  it("says where the stream broke", () => {
    const encoder = new ZstdEncoder();
    const frame = Buffer.concat([...encoder.write(TEXT.subarray(0, (STARTS[1] ?? 0) + 10)), ...encoder.endFrame()]);
    const [meta, torn, broken, ...rest] = readRollout(file(Buffer.concat([frame, Buffer.from("noise")])));
    expect(meta?.ok).toBe(true);
    expect(torn).toMatchObject({
      ok: false,
      position: { line: 2, offset: STARTS[1], length: 10 },
      defect: { kind: "torn" },
    });
    expect(broken).toEqual({
      ok: false,
      position: { line: 3, offset: (STARTS[1] ?? 0) + 10, length: 0 },
      defect: { kind: "broken-stream", message: "not valid Zstandard data (Unknown frame descriptor)" },
    });
    expect(rest).toEqual([]);
  });

  it("never throws on damaged bytes, plain or compressed", () => {
    const compressed = compressZstd(TEXT);
    fc.assert(
      fc.property(
        fc.nat({ max: TEXT.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (at, flip, zstd) => {
          const damaged = Buffer.from(zstd ? compressed : TEXT);
          const index = at % damaged.length;
          damaged[index] = (damaged[index] ?? 0) ^ flip;
          expect(outline(readRollout(file(damaged, zstd ? ".jsonl.zst" : ".jsonl"))).length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it("reports lines beyond the limit", () => {
    expect(outlineOf(TEXT, { maxLineBytes: 500 })[3]).toBe(`too-long 4:${STARTS[3]}+${LINES[3]?.length}`);
    expect(outlineOf(TEXT, { maxLineBytes: 500, order: "backward" })[1]).toBe(
      `too-long 0:${STARTS[3]}+${LINES[3]?.length}`,
    );
  });

  it("reads the bare format, both ways", () => {
    const meta = JSON.stringify({ id: ID, timestamp: "2025-06-01T00:00:00Z", instructions: null });
    const item = JSON.stringify({ type: "message", role: "user", content: [] });
    const text = `${meta}\n{"record_type":"state"}\n${item}\n`;
    const at = meta.length + 1;
    const expected = [
      `session_meta 1:0+${meta.length}`,
      `state-marker 2:${at}+23`,
      `response_item/message 3:${at + 24}+${item.length}`,
    ];
    expect(outlineOf(text)).toEqual(expected);
    expect(outlineOf(text, { kinds: new Set(["session_meta"]) })).toEqual(expected.slice(0, 2));
    const [last] = readRollout(file(text), { order: "backward" });
    expect(last).toMatchObject({ position: { offset: at + 24 }, record: { timestamp: "2025-06-01T00:00:00Z" } });
  });

  it("reads the TypeScript document, forward only", () => {
    const item = { type: "message", role: "user", content: [] };
    const text = JSON.stringify({ session: { id: ID, timestamp: "2025-05-01T00:00:00Z" }, items: [item] }, null, 2);
    const path = file(text, ".json");
    expect(Array.from(readRollout(path), (entry) => entry.ok && entry.record.type)).toEqual([
      "session_meta",
      "response_item",
    ]);
    expect(Array.from(readRollout(path, { kinds: new Set(["response_item/message"]) }))).toHaveLength(1);
    expect(thrown(() => [...readRollout(path, { order: "backward" })])).toBe("unsupported");
  });

  it("cannot read a compressed file backward", () => {
    expect(thrown(() => outlineOf(compressZstd(TEXT), { order: "backward" }))).toBe("unsupported");
  });

  it("closes the file when the caller stops early", () => {
    const path = file(TEXT);
    for (const entry of readRollout(path)) {
      expect(entry.ok).toBe(true);
      expect(isOpen(path)).toBe(process.platform === "linux");
      break;
    }
    expect(isOpen(path)).toBe(false);
  });
});

/** Of this one file: the process opens and closes others at any time. */
function isOpen(path: string): boolean {
  if (process.platform !== "linux") return false;
  return fs.readdirSync("/proc/self/fd").some((fd) => {
    try {
      return fs.readlinkSync(join("/proc/self/fd", fd)) === fs.realpathSync(path);
    } catch {
      return false;
    }
  });
}

describe("openRollout", () => {
  it("takes the name given, else its other form", () => {
    const path = file(TEXT);
    expect(outline(readRollout(`${path}.zst`))).toEqual(WHOLE);
    const compressed = file(compressZstd(TEXT), ".jsonl.zst");
    expect(outline(readRollout(compressed.slice(0, -4)))).toEqual(WHOLE);
    fs.writeFileSync(`${path}.zst`, "");
    expect(outline(readRollout(path))).toEqual(WHOLE);
  });

  it("waits for a file that changes form at this moment", () => {
    const hidden = file(compressZstd(TEXT), ".hidden");
    const path = join(folder, "rollout-changing.jsonl");
    let waits = 0;
    vi.spyOn(Atomics, "wait").mockImplementation(() => {
      if (++waits === 3) fs.renameSync(hidden, `${path}.zst`);
      return "timed-out";
    });
    expect(outline(readRollout(path))).toEqual(WHOLE);
    expect(waits).toBe(3);
  });

  it("gives up on a file that stays away, and at once on other names", () => {
    const wait = vi.spyOn(Atomics, "wait").mockReturnValue("timed-out");
    expect(thrown(() => openRollout(join(folder, "rollout-none.jsonl")))).toBe("not-found");
    expect(wait).toHaveBeenCalledTimes(3);
    expect(thrown(() => openRollout(join(folder, "none.json")))).toBe("not-found");
    expect(wait).toHaveBeenCalledTimes(3);
  });

  it("refuses a folder and a FIFO", () => {
    const fifo = join(folder, "rollout-fifo.jsonl");
    execFileSync("mkfifo", [fifo]);
    expect(thrown(() => [...readRollout(fifo)])).toBe("not-a-file");
    expect(thrown(() => [...readRollout(folder)])).toBe("not-a-file");
  });
});

describe("readLines", () => {
  it("gives raw lines, forward and backward", () => {
    const texts = (options?: Parameters<typeof readLines>[1]): string[] =>
      Array.from(readLines(file(TEXT), options), ({ bytes }) => bytes.toString());
    expect(texts()).toEqual(LINES);
    expect(texts({ order: "backward" })).toEqual(LINES.toReversed());
    expect(texts({ select: (buffer, start, end) => buffer.subarray(start, end).includes("session_meta") })).toEqual(
      LINES.slice(0, 1),
    );
  });

  it("gives what a broken stream holds before it fails", () => {
    const seen: string[] = [];
    const path = file(Buffer.concat([compressZstd(TEXT), Buffer.from("noise")]));
    const work = (): void => {
      for (const { bytes } of readLines(path)) seen.push(bytes.toString());
    };
    expect(thrown(work)).toBe("damaged");
    expect(seen).toEqual(LINES);
  });
});
