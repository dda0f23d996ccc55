import { describe, expect, it } from "vitest";
import * as fc from "fast-check";

import { Rng } from "../../src/bench/rng.ts";
import { compareSamples, quantile, ratioInterval, statisticsOf } from "../../src/bench/statistics.ts";

describe("statisticsOf", () => {
  it("gives the figures of a case", () => {
    expect(statisticsOf([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({
      count: 8,
      mean: 5,
      median: 4.5,
      p95: 8.299999999999999,
      min: 2,
      max: 9,
      coefficient_of_variation: Math.sqrt(32 / 7) / 5,
      outliers: 1,
    });
  });

  it("counts as outliers what is farther from the quartiles than 1.5 times their distance", () => {
    // Quartiles 2 and 4: fences at −1 and 7.
    expect(statisticsOf([1, 2, 3, 4, 7]).outliers).toBe(0);
    expect(statisticsOf([1, 2, 3, 4, 7.01]).outliers).toBe(1);
    expect(statisticsOf([-1.01, 2, 3, 4, 7.01]).outliers).toBe(2);
  });

  it("takes one sample, or equal ones, and refuses none", () => {
    const alone = { mean: 3, median: 3, p95: 3, min: 3, max: 3, coefficient_of_variation: 0, outliers: 0 };
    expect(statisticsOf([3])).toEqual({ count: 1, ...alone });
    expect(statisticsOf([3, 3, 3])).toEqual({ count: 3, ...alone });
    expect(statisticsOf([0, 0]).coefficient_of_variation).toBe(0);
    expect(() => statisticsOf([])).toThrow("nothing to summarize");
  });

  it("does not depend on the order, nor change what it is given", () => {
    const samples = Object.freeze([9, 1, 5, 3]);
    expect(statisticsOf(samples)).toEqual(statisticsOf([1, 3, 5, 9]));
  });
});

describe("quantile", () => {
  it("is that of R and NumPy by default", () => {
    // R: quantile(c(1, 2, 4, 8, 16, 32), c(0, .1, .25, .5, .75, .95, 1))
    const found = [0, 0.1, 0.25, 0.5, 0.75, 0.95, 1].map((share) => quantile([1, 2, 4, 8, 16, 32], share));
    expect(found).toEqual([1, 1.5, 2.5, 6, 14, 28, 32]);
  });
});

/** Times of two equal cases in one round, around 1. */
type Noise = (rng: Rng) => readonly [one: number, other: number];

function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.unit())) * Math.cos(2 * Math.PI * rng.unit());
}

const logNormal = (rng: Rng, sigma: number): number => Math.exp(sigma * normal(rng));
const outlier = (rng: Rng, share: number): number => (rng.chance(share) ? 1.2 + 1.8 * rng.unit() : 1);
const twice = (draw: (rng: Rng) => number): Noise => {
  return (rng) => [draw(rng), draw(rng)];
};

const NOISES: Readonly<Record<string, Noise>> = {
  "log-normal of 3 %": twice((rng) => logNormal(rng, 0.03)),
  "the same with 10 % of outliers": twice((rng) => logNormal(rng, 0.03) * outlier(rng, 0.1)),
  "mostly shared by a round": (rng) => {
    const round = logNormal(rng, 0.06) * outlier(rng, 0.05);
    return [round * logNormal(rng, 0.02), round * logNormal(rng, 0.02)];
  },
  "a long tail": twice((rng) => 1 - 0.06 * Math.log(1 - rng.unit())),
  "two modes": twice((rng) => (rng.chance(0.3) ? 1.12 : 1) * logNormal(rng, 0.01)),
  "rounded, with ties": twice((rng) => Math.round(100 * logNormal(rng, 0.03)) / 100),
};

/** Times of both cases over so many rounds. */
function drawTimes(noise: Noise, rounds: number, rng: Rng): readonly [readonly number[], readonly number[]] {
  const pairs = Array.from({ length: rounds }, () => noise(rng));
  return [pairs.map(([one]) => one), pairs.map(([, other]) => other)];
}

const SEED = 20261121;
const TURNS = 200;

describe("ratioInterval", () => {
  it.each(Object.entries(NOISES))("holds the true ratio about as often as it says: %s", (_, noise) => {
    const rng = new Rng(SEED);
    for (const [rounds, atLeast] of [
      [6, 0.88],
      [10, 0.91],
      [30, 0.92],
    ] as const) {
      for (const paired of [true, false]) {
        let held = 0;
        for (let turn = 0; turn < TURNS; turn++) {
          const [one, other] = drawTimes(noise, rounds, rng);
          const [low, high] = ratioInterval(one, other, { paired, seed: turn, resamples: 300 });
          if (low <= 1 && 1 <= high) held++;
        }
        expect(held / TURNS).toBeGreaterThanOrEqual(atLeast);
      }
    }
  });

  it("gets narrower with more rounds, and by pairs when noise is shared", () => {
    const widthOf = (rounds: number, paired: boolean) => {
      const [one, other] = drawTimes(NOISES["mostly shared by a round"] ?? twice(() => 1), rounds, new Rng(SEED));
      const [low, high] = ratioInterval(one, other, { paired, seed: 1 });
      return high - low;
    };
    expect(widthOf(200, true)).toBeLessThan(widthOf(20, true) / 2);
    expect(widthOf(50, true)).toBeLessThan(widthOf(50, false));
  });

  it("gives the same ends for the same seed, on every machine", () => {
    const one = [10, 11, 12, 13, 14, 15, 16];
    const other = [9, 10, 12, 11, 13, 14, 12];
    const paired = ratioInterval(one, other, { paired: true, seed: 1 });
    expect(paired).toEqual(ratioInterval(one, other, { paired: true, seed: 1 }));
    expect(paired.map((end) => end.toFixed(3))).toEqual(["1.000", "1.250"]);
    const unpaired = ratioInterval(one, other, { paired: false, seed: 1 });
    expect(unpaired.map((end) => end.toFixed(3))).toEqual(["0.917", "1.400"]);
  });

  it("is a point where nothing varies, and refuses what it cannot draw from", () => {
    expect(ratioInterval([3, 3, 3], [2, 2, 2], { paired: true, seed: 1 })).toEqual([1.5, 1.5]);
    expect(ratioInterval([6], [2, 2], { paired: false, seed: 1 })).toEqual([3, 3]);
    expect(() => ratioInterval([1, 2], [1], { paired: true, seed: 1 })).toThrow(RangeError);
    expect(() => ratioInterval([], [], { paired: true, seed: 1 })).toThrow(RangeError);
  });

  it("turns with the cases, and does not care for the unit", () => {
    const samples = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 3, maxLength: 12 });
    fc.assert(
      fc.property(samples, (one) => {
        const other = one.toReversed();
        const options = { paired: true, seed: 3, resamples: 201 };
        const [low, high] = ratioInterval(one, other, options);
        const scaled = ratioInterval(
          one.map((time) => time * 8),
          other.map((time) => time * 8),
          options,
        );
        expect(scaled).toEqual([low, high]);
        expect(low).toBeLessThanOrEqual(high);
        const [turnedLow, turnedHigh] = ratioInterval(other, one, options);
        expect(1 / turnedHigh / low).toBeCloseTo(1, 12);
        expect(1 / turnedLow / high).toBeCloseTo(1, 12);
      }),
      { seed: 13, numRuns: 50 },
    );
  });
});

describe("compareSamples", () => {
  const base = { case: "new", against: "old", kind: "paired", seed: 1 } as const;
  const steady = [100, 101, 99, 100, 102, 98, 100, 101];
  const times = (factor: number) => steady.map((time, index) => (time + (index % 3)) * factor);

  it("tells faster, slower and same apart, and gives what it tells from", () => {
    const { interval, ...slower } = compareSamples({ ...base, one: times(1.2), other: steady });
    expect(slower).toEqual({
      case: "new",
      against: "old",
      kind: "paired",
      count: 8,
      ratio: 1.206,
      p_value: 0.0078125,
      verdict: "slower",
    });
    expect(interval[0]).toBeGreaterThan(1.19);
    expect(interval[1]).toBeLessThan(1.23);
    expect(compareSamples({ ...base, one: times(0.8), other: steady }).verdict).toBe("faster");
    expect(compareSamples({ ...base, one: times(1), other: steady }).verdict).toBe("same");
    const unpaired = { ...base, kind: "unpaired" } as const;
    expect(compareSamples({ ...unpaired, one: times(1.2), other: steady }).verdict).toBe("slower");
    expect(compareSamples({ ...unpaired, one: times(0.8), other: steady }).verdict).toBe("faster");
    expect(compareSamples({ ...unpaired, one: times(1), other: steady }).verdict).toBe("same");
  });

  it("calls a difference that is certain but does not matter the same", () => {
    const [one, other] = [times(1.03), times(1)];
    expect(compareSamples({ ...base, one, other })).toMatchObject({ p_value: 0.0078125, verdict: "same" });
    expect(compareSamples({ ...base, one, other, margin: 0.01 }).verdict).toBe("slower");
    expect(compareSamples({ ...base, one: other, other: one, margin: 0.01 }).verdict).toBe("faster");
  });

  it("gives no verdict on fewer than six samples, however clear they look", () => {
    const of = (count: number, kind: "paired" | "unpaired") =>
      compareSamples({ ...base, kind, one: times(2).slice(0, count), other: steady }).verdict;
    expect([1, 2, 5, 6].map((count) => of(count, "paired"))).toEqual(["unclear", "unclear", "unclear", "slower"]);
    expect([1, 2, 5, 6].map((count) => of(count, "unpaired"))).toEqual(["unclear", "unclear", "unclear", "slower"]);
    expect(compareSamples({ ...base, one: [1, 1], other: [1, 1] }).verdict).toBe("unclear");
  });

  it("gives no verdict when interval and test disagree, or the noise is large", () => {
    // Seven of eight pairs say 50 % more, with medians that may as well be equal.
    const noisy = [50, 200, 80, 140, 60, 190, 100, 110];
    expect(compareSamples({ ...base, one: noisy, other: steady }).verdict).toBe("unclear");
    const drifting = [10, 20, 30, 40, 50, 60, 70, 80];
    const one = drifting.map((time) => time * 1.06);
    expect(compareSamples({ ...base, one, other: drifting })).toMatchObject({ p_value: 0.0078125 });
    expect(compareSamples({ ...base, one, other: drifting }).verdict).toBe("slower");
    expect(compareSamples({ ...base, kind: "unpaired", one, other: drifting }).verdict).toBe("unclear");
  });

  it("pairs only the rounds that both have", () => {
    const long = [...times(1.2), 1, 1, 1, 1, 1, 1];
    expect(compareSamples({ ...base, one: long, other: steady })).toEqual(
      compareSamples({ ...base, one: times(1.2), other: steady }),
    );
    expect(compareSamples({ ...base, kind: "unpaired", one: long, other: steady }).count).toBe(8);
  });

  it("takes equal ratios for equal, whichever way round", () => {
    const one = [10, 11, 10, 11, 10, 11, 10, 11];
    const other = [11, 10, 11, 10, 11, 10, 11, 10];
    expect(compareSamples({ ...base, one, other }).p_value).toBe(1);
  });

  it("refuses what is no time", () => {
    for (const bad of [[], [0], [-1], [Number.NaN], [Number.POSITIVE_INFINITY]]) {
      expect(() => compareSamples({ ...base, one: bad, other: [1] })).toThrow(RangeError);
      expect(() => compareSamples({ ...base, kind: "unpaired", one: [1], other: bad })).toThrow(RangeError);
    }
  });

  it.each(Object.entries(NOISES))("raises few false alarms and finds what is there: %s", (_, noise) => {
    const rng = new Rng(SEED + 1);
    for (const kind of ["paired", "unpaired"] as const) {
      const found = { alarms: 0, slower: 0 };
      for (let turn = 0; turn < 50; turn++) {
        const [one, other] = drawTimes(noise, 30, rng);
        const verdictOf = (factor: number) =>
          compareSamples({ ...base, kind, seed: turn, one: one.map((time) => time * factor), other }).verdict;
        const itself = verdictOf(1);
        if (itself === "faster" || itself === "slower") found.alarms++;
        if (verdictOf(1.15) === "slower") found.slower++;
      }
      expect(found.alarms).toBeLessThanOrEqual(5);
      expect(found.slower).toBeGreaterThanOrEqual(45);
    }
  });
});
