import { describe, expect, it } from "vitest";
import { metricRatio, neededSamples, p95Ranks } from "../../src/bench/metrics.ts";
import { benchCase } from "../support/bench-reports.ts";

const OPTIONS = { paired: false, seed: 1 };

describe("the interval of a 95th percentile", () => {
  it.each([
    [86, [76, 85]],
    [100, [89, 99]],
  ] as const)("lies between ranks of %i samples", (count, ranks) => {
    expect(p95Ranks(count)).toEqual(ranks);
  });

  it.each([86, 100, 250, 1000])(
    "misses the truth on either side in at most 1.25 %% of the runs, with %i samples",
    (n) => {
      const [low, high] = p95Ranks(n);
      const chance = (below: number): number => {
        let logarithm = below * Math.log(0.95) + (n - below) * Math.log(0.05);
        for (let k = 1; k <= below; k++) logarithm += Math.log((n - below + k) / k);
        return Math.exp(logarithm);
      };
      const sum = (from: number, to: number): number => {
        let total = 0;
        for (let below = from; below <= to; below++) total += chance(below);
        return total;
      };
      // The truth is below the low rank when at most `low` samples are below it; above the high one when more than `high` are.
      expect(sum(0, low)).toBeLessThanOrEqual(0.0125);
      expect(sum(0, low + 1)).toBeGreaterThan(0.0125);
      expect(sum(high + 1, n)).toBeLessThanOrEqual(0.0125);
      expect(sum(high, n)).toBeGreaterThan(0.0125);
    },
  );

  it("needs 86 samples of either", () => {
    const sketch = (medianMs: number, rounds: number) => benchCase({ labels: ["a"], medianMs, rounds }, rounds);
    expect(neededSamples("p95")).toBe(86);
    expect(metricRatio("p95", sketch(2, 85), sketch(1, 200), OPTIONS).interval).toBeUndefined();
    const { ratio, interval } = metricRatio("p95", sketch(2, 200), sketch(1, 200), OPTIONS);
    const [low, high] = interval!;
    expect(low < ratio! && ratio! < high && low > 1.5 && high < 2.5).toBe(true);
  });
});

describe("the interval of means", () => {
  const one = benchCase({ labels: ["a"], medianMs: 12, rounds: 20, noise: 0.2 }, 1);
  const other = benchCase({ labels: ["b"], medianMs: 10, rounds: 20, noise: 0.2 }, 2);

  it("holds the ratio and is the same for a seed", () => {
    const { ratio, interval } = metricRatio("mean", one, other, OPTIONS);
    const [low, high] = interval!;
    expect(ratio).toBeCloseTo(one.statistics.mean / other.statistics.mean, 12);
    expect(low < ratio! && ratio! < high).toBe(true);
    expect(metricRatio("mean", one, other, OPTIONS).interval).toEqual(interval);
  });

  it("is a point where pairs have one ratio, since their noise is shared", () => {
    const double = { ...one, samples_ms: one.samples_ms.map((ms) => ms * 2) };
    const { interval } = metricRatio("mean", double, one, { paired: true, seed: 1 });
    expect(interval![0]).toBeCloseTo(2, 12);
    expect(interval![1]).toBeCloseTo(2, 12);
  });
});
