import { createHash } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";

import { openThread } from "../../src/analysis/open-thread.ts";
import {
  parseSynthetic,
  type SyntheticInput,
  type SyntheticThread,
  syntheticDiskBytes,
  writeSynthetic,
} from "../../src/bench/input.ts";
import type { SynthShape } from "../../src/bench/synth-shapes.ts";
import { findCheckpoint } from "../../src/compressor/checkpoint.ts";
import { RolloutError } from "../../src/errors.ts";
import { acceptedBy } from "../../src/format/decode.ts";
import { openHome } from "../../src/readers/home.ts";
import { readRollout } from "../../src/readers/rollout.ts";

const root = mkdtempSync(join(tmpdir(), "rollout-tool-input-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Expected {
  readonly fingerprint: string;
  readonly mode: "legacy" | "paginated";
  readonly kinds: Readonly<Record<string, number>>;
  /** Compactions of the main thread. */
  readonly compactions: number;
  readonly reading: "fast" | "full";
}

/** Of 3 MB each and the seed 1. */
const EXPECTED: Readonly<Record<SynthShape, Expected>> = {
  legacy: { fingerprint: "1a0fe1f909d12491", mode: "legacy", kinds: { root: 1 }, compactions: 0, reading: "full" },
  "legacy-early": {
    fingerprint: "ebaa278ddea35d2f",
    mode: "legacy",
    kinds: { root: 1 },
    compactions: 1,
    reading: "full",
  },
  "legacy-late": {
    fingerprint: "f296a66b0af63337",
    mode: "legacy",
    kinds: { root: 1 },
    compactions: 1,
    reading: "full",
  },
  paginated: {
    fingerprint: "d4cc2df496c53a4f",
    mode: "paginated",
    kinds: { root: 1 },
    compactions: 0,
    reading: "full",
  },
  "paginated-early": {
    fingerprint: "0b163fe7c1faf88f",
    mode: "paginated",
    kinds: { root: 1 },
    compactions: 1,
    reading: "fast",
  },
  "paginated-late": {
    fingerprint: "f2149f3fa955ae63",
    mode: "paginated",
    kinds: { root: 1 },
    compactions: 1,
    reading: "fast",
  },
  compactions: { fingerprint: "cf7fe96fa3dbb09a", mode: "legacy", kinds: { root: 1 }, compactions: 6, reading: "full" },
  "paginated-compactions": {
    fingerprint: "1f67611f54f8d887",
    mode: "paginated",
    kinds: { root: 1 },
    compactions: 6,
    reading: "fast",
  },
  images: { fingerprint: "4276dfd0c4e926b4", mode: "legacy", kinds: { root: 1 }, compactions: 5, reading: "full" },
  "tool-output": {
    fingerprint: "ea0e22ec80543ac8",
    mode: "legacy",
    kinds: { root: 1 },
    compactions: 0,
    reading: "full",
  },
  forks: {
    fingerprint: "bbe9a683f80d94ee",
    mode: "legacy",
    kinds: { root: 1, fork: 5 },
    compactions: 0,
    reading: "full",
  },
  agents: {
    fingerprint: "287a4d37ba64cbb5",
    mode: "legacy",
    kinds: { root: 1, "sub-agent": 6 },
    compactions: 0,
    reading: "full",
  },
  small: {
    fingerprint: "6480707e48652db8",
    mode: "legacy",
    kinds: { root: 175, fork: 10, "sub-agent": 15 },
    compactions: 0,
    reading: "full",
  },
};

function write(name: string, folder = name): SyntheticInput {
  return writeSynthetic(join(root, folder), parseSynthetic(name), 1);
}

/** Names, bytes and times of all rollouts. */
function fingerprint({ home, threads }: SyntheticInput): string {
  const hash = createHash("sha256");
  for (const { path } of threads) {
    const file = join(home, path);
    hash.update(`${path} ${String(Math.floor(statSync(file).mtimeMs))} `).update(readFileSync(file));
  }
  return hash.digest("hex").slice(0, 16);
}

function recordsOf({ home }: SyntheticInput, { path, historyMode }: SyntheticThread) {
  return [...readRollout(join(home, path))].map((entry) => {
    if (!entry.ok) throw new Error(`line ${String(entry.position.line)}: ${entry.defect.message}`);
    expect(acceptedBy(entry.record, "0.169.0")).toBe(true);
    if (historyMode === "legacy") expect(acceptedBy(entry.record, "0.142.3")).toBe(true);
    return entry.record;
  });
}

function checkpointShare({ home, main }: SyntheticInput): number | undefined {
  const fd = openSync(join(home, main.path), "r");
  try {
    const offset = findCheckpoint(fd, main.bytes);
    return offset === undefined ? undefined : offset / main.bytes;
  } finally {
    closeSync(fd);
  }
}

function countBy(items: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[item] = (counts[item] ?? 0) + 1;
  return counts;
}

describe("parseSynthetic", () => {
  it("reads shape and size", () => {
    expect(parseSynthetic("legacy:20MB")).toEqual({ shape: "legacy", bytes: 20_000_000 });
    expect(parseSynthetic("paginated-late:1GB")).toEqual({ shape: "paginated-late", bytes: 1_000_000_000 });
    expect(parseSynthetic("small:500kB")).toEqual({ shape: "small", bytes: 500_000 });
    expect(parseSynthetic("tool-output:64MiB")).toEqual({ shape: "tool-output", bytes: 67_108_864 });
    expect(parseSynthetic("images:1.5gb")).toEqual({ shape: "images", bytes: 1_500_000_000 });
    expect(parseSynthetic("forks:10kB").bytes).toBe(10_000);
    expect(parseSynthetic("forks:100GB").bytes).toBe(100_000_000_000);
  });

  it.each([
    "",
    "legacy",
    "legacy:",
    "legacy:20",
    "legacy:MB",
    "legacy:-1MB",
    "legacy:20 TB",
    "toString:20MB",
    "Legacy:20MB",
    "legacy:20MB ",
    "legacy:9999B",
    "legacy:101GB",
    `legacy:${"9".repeat(400)}MB`,
  ])("refuses %j, and says what there is", (name) => {
    const refused = (): unknown => parseSynthetic(name);
    expect(refused).toThrow(RolloutError);
    expect(refused).toThrow(
      expect.objectContaining({
        code: "usage",
        hint: "Write it as legacy:20MB. The shapes are legacy, legacy-early, legacy-late, paginated, paginated-early, paginated-late, compactions, paginated-compactions, images, tool-output, forks, agents, small.",
      }),
    );
  });
});

describe.each(Object.entries(EXPECTED))("the shape %s", (shape, expected) => {
  const name = `${shape}:3MB`;
  const made = write(name);

  it("is the same for the same seed, of the size asked for, and says what it wrote", () => {
    expect(fingerprint(write(name, `${shape}-again`))).toBe(fingerprint(made));
    expect(fingerprint(made)).toBe(expected.fingerprint);
    expect(fingerprint(writeSynthetic(join(root, `${shape}-other`), parseSynthetic(name), 2))).not.toBe(
      fingerprint(made),
    );
    for (const { path, bytes } of made.threads) expect(statSync(join(made.home, path)).size).toBe(bytes);
    expect(made.bytes).toBe(made.threads.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(made.bytes / 3e6).toBeGreaterThan(0.98);
    expect(made.bytes).toBeLessThanOrEqual(syntheticDiskBytes(parseSynthetic(name)));
    if (shape !== "tool-output") expect(made.bytes / 3e6).toBeLessThan(1.06);
    expect(countBy(made.threads.map(({ kind }) => kind))).toEqual(expected.kinds);
    expect(new Set(made.threads.map(({ historyMode }) => historyMode))).toEqual(new Set([expected.mode]));
  });

  it("has only lines that Codex accepts, and compactions where it should", () => {
    for (const thread of made.threads.slice(0, 20)) {
      const records = recordsOf(made, thread);
      expect(records[0]).toMatchObject({ type: "session_meta", payload: { id: thread.threadId } });
      if (thread !== made.main) continue;
      const numbers = records.flatMap((record) => (record.type === "compacted" ? [record.payload.window_number] : []));
      expect(numbers).toEqual(Array.from({ length: expected.compactions }, (_, index) => index + 1));
    }
  });

  it("is resumed in the way that it is for", () => {
    const thread = openThread(openHome({ codexHome: made.home }), made.main.threadId);
    const { reading, state } = thread.history();
    expect(reading.how).toBe(expected.reading);
    expect(state.history).toHaveLength(thread.history({ fullReplay: true }).state.history.length);
    if (shape === "paginated-late") expect(reading.bytesRead).toBeLessThan(600_000);
  });
});

describe("checkpoints", () => {
  it("stand where the name of the shape says", () => {
    const share = (name: string) => checkpointShare(write(name, `share-${name}`)) ?? Number.NaN;
    for (const mode of ["legacy", "paginated"]) {
      expect(share(`${mode}:2MB`)).toBeNaN();
      expect(Math.abs(share(`${mode}-early:6MB`) - 0.05)).toBeLessThan(0.03);
      expect(Math.abs(share(`${mode}-late:6MB`) - 0.95)).toBeLessThan(0.03);
    }
  });

  it("make most of a rollout that is compacted all the time, and repeat what was said before", () => {
    const made = write("compactions:6MB", "repeats");
    const lines = readFileSync(join(made.home, made.main.path), "utf8").split("\n");
    const compacted = lines.filter((line) => line.includes('"type":"compacted"'));
    const share = compacted.reduce((sum, line) => sum + line.length, 0) / made.bytes;
    expect(share).toBeGreaterThan(0.5);
    const items = lines.flatMap((line) => /"type":"response_item","payload":(.*)\}$/u.exec(line)?.[1] ?? []);
    const last = compacted.at(-1) ?? "";
    const kept = items.filter((item) => last.includes(item));
    expect(kept.length).toBeGreaterThan(10);
    expect(items.slice(items.indexOf(kept[0] ?? "")).filter((item) => last.includes(item))).toEqual(kept);
  });
});

describe("images", () => {
  it("are PNG files that can be read, most of them several times there", () => {
    const made = write("images:6MB", "pictures");
    const text = readFileSync(join(made.home, made.main.path), "utf8");
    const urls = text.match(/data:image\/png;base64,[A-Za-z0-9+/=]+/gu) ?? [];
    const counts = Object.values(countBy(urls)).toSorted((a, b) => a - b);
    expect(counts.length).toBeGreaterThan(3);
    expect(counts.at(counts.length >> 1)).toBeGreaterThanOrEqual(3);
    expect(urls.join("").length / made.bytes).toBeGreaterThan(0.8);
    const file = Buffer.from((urls[0] ?? "").slice("data:image/png;base64,".length), "base64");
    expect(file.toString("latin1", 1, 4)).toBe("PNG");
    expect(file.toString("latin1", 12, 16)).toBe("IHDR");
    const side = file.readUInt32BE(16);
    expect(file.readUInt32BE(20)).toBe(side);
    const length = file.readUInt32BE(33);
    expect(file.toString("latin1", 37, 41)).toBe("IDAT");
    expect(inflateSync(file.subarray(41, 41 + length))).toHaveLength(side * (side + 1));
    expect(file.toString("latin1", file.length - 8, file.length - 4)).toBe("IEND");
  });
});

describe("families", () => {
  it("have forks that begin with what they continue", () => {
    const made = write("forks:3MB", "family");
    const files = made.threads.map(({ path }) => readFileSync(join(made.home, path)));
    const bases = [undefined, 0, 0, 1, 2, 1];
    for (const [index, base] of bases.entries()) {
      const file = files[index] ?? Buffer.alloc(0);
      if (base === undefined) continue;
      const start = file.indexOf(10) + 1;
      const of = files[base] ?? Buffer.alloc(0);
      let common = 0;
      while (file[start + common] === of[common]) common++;
      expect(common / file.length).toBeGreaterThan(0.5);
      expect(file.toString("utf8", 0, start)).toContain(`"forked_from_id":"${made.threads[base]?.threadId ?? ""}"`);
    }
    expect(made.main).toBe(made.threads[5]);
  });

  it("have sub-agents that tell who spawned them, and share a session", () => {
    const made = write("agents:3MB", "tree");
    const metas = made.threads.map(({ path }) => {
      const [first] = readFileSync(join(made.home, path), "utf8").split("\n", 1);
      return (JSON.parse(first ?? "") as { payload: Record<string, unknown> }).payload;
    });
    const ids = made.threads.map(({ threadId }) => threadId);
    expect(metas.map((meta) => ids.indexOf(String(meta["parent_thread_id"])))).toEqual([-1, 0, 0, 1, 1, 3, 0]);
    expect(new Set(metas.map((meta) => meta["session_id"]))).toEqual(new Set([ids[0]]));
    expect(metas[5]?.["source"]).toMatchObject({ subagent: { thread_spawn: { parent_thread_id: ids[3], depth: 3 } } });
    expect(made.main).toBe(made.threads[0]);
  });

  it("are smaller when there are few bytes", () => {
    expect(write("forks:10kB", "few").threads).toHaveLength(2);
    expect(write("agents:900kB", "some").threads).toHaveLength(4);
    expect(write("small:10kB", "one").threads).toHaveLength(1);
  });
});
