import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { CONTENDERS, plainLines } from "../../src/bench/replay-contenders.ts";
import { report } from "../../src/bench/replay.ts";
import { writeSyntheticRollout } from "../../src/bench/synth.ts";
import type { ThreadState } from "../../src/thread/state.ts";

const root = mkdtempSync(join(tmpdir(), "rollout-tool-replay-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const rollout = writeSyntheticRollout(root, {
  seed: 3,
  shape: "legacy",
  bytes: 3_000_000,
  checkpoints: { due: { everyBytes: 800_000 }, keptBytes: 100_000 },
});
const path = join(root, rollout.path);

describe("plainLines", () => {
  it("gives every line once, across chunks", () => {
    expect(`${[...plainLines(path)].join("\n")}\n`).toBe(readFileSync(path, "utf8"));
  });
});

describe("contenders", () => {
  it("parse every line, and come to the same state by both ways to it", () => {
    const kept = CONTENDERS["JSON.parse, streaming, kept"](path) as readonly { readonly type: string }[];
    expect(kept.filter(({ type }) => type === "compacted")).toHaveLength(3);
    expect(CONTENDERS["JSON.parse, whole file"](path)).toBeUndefined();
    expect(CONTENDERS["JSON.parse, streaming"](path)).toBeUndefined();
    const state: ThreadState = CONTENDERS.replay(path);
    expect(CONTENDERS.history(path)).toEqual(state);
    expect(state.counts.compactions).toBe(3);
    expect(state.window.number).toBe(3);
    expect(state.history[0]?.origin).toBe("replacement");
  });
});

describe("report", () => {
  it("judges ours by the median of pairs, and memory by what is above Node and the result", () => {
    const mebibyte = 1024 * 1024;
    const sample = (wallMs: number, peak: number, kept: number) => ({
      wallMs,
      peakBytes: peak * mebibyte,
      retainedBytes: kept * mebibyte,
    });
    const samples = new Map([
      ["JSON.parse, streaming", [sample(100, 60, 0), sample(200, 60, 0), sample(100, 60, 0)]],
      ["replay", [sample(130, 150, 50), sample(240, 150, 50), sample(150, 150, 50)]],
      ["history", [sample(140, 170, 50), sample(300, 170, 50), sample(150, 170, 50)]],
    ]);
    expect(report(samples, 50 * mebibyte).slice(2)).toEqual([
      "| JSON.parse, streaming | 3 | 100 ms | 100 ms | 1.00 | 1.00 | 0 MiB | 10 MiB |",
      "| replay | 3 | 150 ms | 130 ms | 1.30; goal ≤ 1.3: met | 1.30 | 50 MiB | 50 MiB; goal ≤ 64 MiB: met |",
      "| history | 3 | 150 ms | 140 ms | 1.50; goal ≤ 1.3: missed | 1.40 | 50 MiB | 70 MiB; goal ≤ 64 MiB: missed |",
    ]);
  });
});
