import { describe, expect, it } from "vitest";

import {
  formatMiB,
  formatMs,
  pairRatios,
  runNode,
  runProgram,
  runRounds,
  spawnNode,
  summarize,
  timeFunctions,
} from "../../src/bench/measure.ts";
import { Rng } from "../../src/bench/rng.ts";

describe("summarize", () => {
  it("takes the middle of an odd number and the mean of the middle two of an even one", () => {
    expect(summarize([5, 1, 3])).toEqual({ count: 3, median: 3, min: 1, max: 5 });
    expect(summarize([4, 1, 3, 2])).toEqual({ count: 4, median: 2.5, min: 1, max: 4 });
    expect(() => summarize([])).toThrow(RangeError);
  });
});

describe("pairRatios", () => {
  it("pairs samples by round and leaves out rounds that one of them skipped", () => {
    const one = [{ wallMs: 10 }, { wallMs: 30 }, { wallMs: 50 }];
    expect(pairRatios(one, [{ wallMs: 5 }, { wallMs: 10 }])).toEqual([2, 3]);
  });
});

describe("runNode", () => {
  it("measures a program from outside and asks it for its own peak", () => {
    const small = runNode(process.execPath, ["-e", "console.log('out')"]);
    const large = runNode(process.execPath, ["-e", "globalThis.kept = Buffer.alloc(200e6, 1)"]);
    expect(small.stdout).toBe("out\n");
    expect(small.peakBytes).toBeGreaterThan(10e6);
    expect((large.peakBytes ?? 0) - (small.peakBytes ?? 0)).toBeGreaterThan(190e6);
    expect(small.wallMs).toBeGreaterThan(0);
  });

  it("refuses to take a failed run for a measurement", () => {
    expect(() => runNode(process.execPath, ["-e", "console.error('bad'); process.exit(3)"])).toThrow(
      "a measured program failed (exit 3): bad",
    );
    expect(() => runProgram("/nonexistent/program", [])).toThrow(/ENOENT/u);
  });
});

describe("spawnNode", () => {
  const run = (script: string, options = {}) => spawnNode(process.execPath, ["-e", script], options);

  it("measures as runNode does, and keeps what was printed only on demand", async () => {
    const small = await run("console.log('x'.repeat(1e6))");
    expect([small.stdout, small.wallMs > 0]).toEqual(["", true]);
    expect(small.peakBytes).toBeGreaterThan(10e6);
    const kept = await run("console.log('x'.repeat(1e6))", { keepsOutput: true });
    expect(kept.stdout.length).toBe(1e6 + 1);
  });

  it("takes 1 for a good end where the program has answered, and nothing else", async () => {
    expect((await run("console.log('defects'); process.exitCode = 1", { keepsOutput: true })).stdout).toBe("defects\n");
    await expect(run("process.exitCode = 1")).rejects.toThrow("a measured program failed (exit 1)");
    await expect(run("console.error('no'); process.exit(2)")).rejects.toThrow("a measured program failed (exit 2): no");
    await expect(run("process.kill(process.pid, 'SIGKILL')")).rejects.toThrow("(exit SIGKILL)");
    await expect(spawnNode("/nowhere/node", [])).rejects.toThrow("ENOENT");
  });
});

describe("runRounds", () => {
  it("runs every contender once a round, prepared, in an order that changes, and lets slow ones stop early", async () => {
    const log: string[] = [];
    const contender = (name: string, rounds?: number): Parameters<typeof runRounds>[0][number] => ({
      name,
      rounds,
      prepare: () => void log.push(`${name}?`),
      run: () => {
        log.push(name);
        return { wallMs: log.length };
      },
    });
    const samples = await runRounds(
      [contender("a"), contender("b"), contender("slow", 2)],
      6,
      new Rng(1),
      () => undefined,
    );
    expect([...samples].map(([name, list]) => [name, list.length])).toEqual([
      ["a", 6],
      ["b", 6],
      ["slow", 2],
    ]);
    log.forEach((entry, index) => {
      if (index % 2 === 0) expect(log[index + 1]).toBe(entry.slice(0, -1));
    });
    const firsts = new Set(Array.from({ length: 4 }, (_, round) => log[12 + round * 4]));
    expect(firsts).toEqual(new Set(["a?", "b?"]));
  });
});

describe("timeFunctions", () => {
  it("times functions in this process and fails when one of them does", async () => {
    const found = await timeFunctions({ one: () => void Math.sqrt(2), two: () => void Buffer.alloc(1e5, 1) }, 10);
    expect([...found.keys()]).toEqual(["one", "two"]);
    for (const { count, min, median, max } of found.values()) {
      expect(count).toBeGreaterThanOrEqual(5);
      expect(min).toBeLessThanOrEqual(median);
      expect(median).toBeLessThanOrEqual(max);
    }
    const broken = (): void => {
      throw new Error("broken");
    };
    await expect(timeFunctions({ broken }, 10)).rejects.toThrow("broken");
  });
});

describe("formats", () => {
  it("keep to the unit that a person would choose", () => {
    expect([formatMs(0.01234), formatMs(12.34), formatMs(1234.5), formatMs(12_345), formatMiB(104_857_600)]).toEqual([
      "0.0123 ms",
      "12.3 ms",
      "1235 ms",
      "12.3 s",
      "100 MiB",
    ]);
  });
});
