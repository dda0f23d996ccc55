/** Most expectations are published: by R 4 (`?wilcox.test`), SciPy's and SAS's documentation, with the data printed there. */
import { describe, expect, it } from "vitest";
import * as fc from "fast-check";

import { rankSumTest, signedRankTest } from "../../src/bench/rank-tests.ts";

/** Heights of cross- and self-fertilized plants, Darwin 1876; SciPy, `scipy.stats.wilcoxon`. */
const PLANTS = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75];

/** Hamilton depression scale before and after a tranquilizer, Hollander and Wolfe 1973, p. 29; R, `?wilcox.test`. */
const ADMITTED = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3];
const TREATED = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];

/** Permeability of a membrane at term and before, Hollander and Wolfe 1973, p. 69; R, `?wilcox.test`. */
const AT_TERM = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
const BEFORE = [1.15, 0.88, 0.9, 0.74, 1.21];

/** Reaction times under two stimulants, with many ties; SAS/STAT, PROC NPAR1WAY, "Exact Wilcoxon Two-Sample Test". */
const STIMULANT_1 = [1.94, 1.94, 2.92, 2.92, 2.92, 2.92, 3.27, 3.27, 3.27, 3.27, 3.7, 3.7, 3.74];
const STIMULANT_2 = [3.27, 3.27, 3.27, 3.7, 3.7, 3.74];

/** Ozone in May and in August 1973, 26 days each, R's `airquality`; the last example of `?wilcox.test`. */
const MAY = [41, 36, 12, 18, 28, 23, 19, 8, 7, 16, 11, 14, 18, 14, 34, 6, 30, 11, 1, 11, 4, 32, 23, 45, 115, 37];
const AUGUST = [
  39, 9, 16, 78, 35, 66, 122, 89, 110, 44, 28, 65, 22, 59, 23, 31, 44, 21, 9, 45, 168, 73, 76, 118, 84, 85,
];

describe("signedRankTest", () => {
  it("gives the exact p values that R and SciPy publish", () => {
    // SciPy: statistic 24 (the smaller sum; all ranks are 120), p = 0.041259765625.
    expect(signedRankTest(PLANTS)).toEqual({ statistic: 96, pValue: 0.041259765625 });
    // R: V = 40, p = 0.01953 one-sided.
    const differences = ADMITTED.map((score, index) => score - (TREATED[index] ?? 0));
    expect(signedRankTest(differences)).toEqual({ statistic: 40, pValue: 2 * 0.01953125 });
    // R 4.0.3, quoted by SciPy's own test: p = 0.10546875.
    const x = [1.81, 0.82, 1.56, -0.48, 0.81, 1.28, -1.04, 0.23, -0.75, 0.14];
    const y = [0.71, 0.65, -0.2, 0.85, -1.1, -0.45, -0.84, -0.24, -0.68, -0.76];
    expect(signedRankTest(x.map((value, index) => value - (y[index] ?? 0))).pValue).toBe(0.10546875);
  });

  it("gives the normal approximation that R publishes, corrected for ties and continuity", () => {
    // R, quoted by SciPy's tests: p = 0.7240816609153895, and 0.00190419504300439 for ten equal differences.
    const x = [120, 114, 181, 188, 180, 146, 121, 191, 132, 113, 127, 112];
    const y = [133, 143, 119, 189, 112, 199, 198, 113, 115, 121, 142, 187];
    const differences = x.map((value, index) => value - (y[index] ?? 0));
    expect(signedRankTest(differences, 0).pValue).toBeCloseTo(0.7240816609153895, 13);
    expect(
      signedRankTest(
        Array.from({ length: 10 }, () => 0.1),
        0,
      ).pValue,
    ).toBeCloseTo(0.00190419504300439, 14);
  });

  it("counts every way of dealing signs, also over tied ranks", () => {
    // By hand: ranks 1, 2.5, 2.5, all positive: 2 of 8 ways are as far from 3.
    expect(signedRankTest([1, 2, 2])).toEqual({ statistic: 6, pValue: 0.25 });
    // Ranks 1.5, 1.5, 3: sums 0, 1.5, 1.5, 3, 3, 4.5, 4.5, 6; 4.5 is 1.5 from 3, as are or farther 6 of 8.
    expect(signedRankTest([-1, 1, 2])).toEqual({ statistic: 4.5, pValue: 0.75 });
  });

  it("drops differences of 0, and has nothing to say when there are no others", () => {
    expect(signedRankTest([0, ...PLANTS, 0])).toEqual(signedRankTest(PLANTS));
    expect(signedRankTest([0, 0])).toEqual({ statistic: 0, pValue: 1 });
    expect(signedRankTest([])).toEqual({ statistic: 0, pValue: 1 });
    expect(signedRankTest(Array.from({ length: 60 }, () => 0))).toEqual({ statistic: 0, pValue: 1 });
  });

  it("cannot tell five pairs from chance, but six", () => {
    expect(signedRankTest([1, 2, 3, 4, 5]).pValue).toBe(0.0625);
    expect(signedRankTest([1, 2, 3, 4, 5, 6]).pValue).toBe(0.03125);
  });

  it("gives the same p whichever way round, and nearly the same by both ways to compute it", () => {
    const differences = fc.array(fc.integer({ min: -30, max: 30 }), { minLength: 20, maxLength: 50 });
    fc.assert(
      fc.property(differences, (list) => {
        const exact = signedRankTest(list).pValue;
        expect(exact).toBeGreaterThanOrEqual(0);
        expect(exact).toBeLessThanOrEqual(1);
        expect(signedRankTest(list.map((difference) => -difference)).pValue).toBe(exact);
        expect(Math.abs(signedRankTest(list, 0).pValue - exact)).toBeLessThan(0.03);
      }),
      { seed: 11 },
    );
  });
});

describe("rankSumTest", () => {
  it("gives the exact p values that R, SciPy and SAS publish", () => {
    // SciPy, `scipy.stats.mannwhitneyu`: U = 17, p = 0.1111111111111111.
    const ages = rankSumTest([19, 22, 16, 29, 24], [20, 11, 17, 12]);
    expect(ages.statistic).toBe(17);
    expect(ages.pValue).toBeCloseTo(1 / 9, 14);
    // R: W = 35, p = 0.1272 one-sided; SAS: 0.2544 two-sided.
    const permeability = rankSumTest(AT_TERM, BEFORE);
    expect(permeability.statistic).toBe(35);
    expect(permeability.pValue).toBeCloseTo(0.2544, 4);
    // SAS: rank sum of the second 79.5, with ties, p = 0.1054 two-sided.
    const reaction = rankSumTest(STIMULANT_2, STIMULANT_1);
    expect(reaction.statistic + (6 * 7) / 2).toBe(79.5);
    expect(reaction.pValue).toBeCloseTo(0.1054, 4);
  });

  it("gives the normal approximations that R, SciPy and SAS publish, corrected for ties and continuity", () => {
    // R: W = 127.5, p = 0.0001208.
    const ozone = rankSumTest(MAY, AUGUST);
    expect(ozone.statistic).toBe(127.5);
    expect(ozone.pValue).toBeCloseTo(0.0001208, 7);
    // SciPy, the same nine ages: p = 0.11134688653314041.
    expect(rankSumTest([19, 22, 16, 29, 24], [20, 11, 17, 12], 0).pValue).toBeCloseTo(0.11134688653314041, 14);
    // SAS: p = 0.0843.
    expect(rankSumTest(STIMULANT_1, STIMULANT_2, 0).pValue).toBeCloseTo(0.0843, 4);
  });

  it("has nothing to say of equal samples, or of none", () => {
    expect(rankSumTest([1, 1, 1], [1, 1])).toEqual({ statistic: 3, pValue: 1 });
    expect(rankSumTest(MAY, MAY).pValue).toBe(1);
    expect(rankSumTest([], [1, 2])).toEqual({ statistic: 0, pValue: 1 });
    expect(
      rankSumTest(
        Array.from({ length: 40 }, () => 2),
        Array.from({ length: 40 }, () => 2),
      ).pValue,
    ).toBe(1);
  });

  it("gives the same p whichever way round, and nearly the same by both ways to compute it", () => {
    const sample = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 12, maxLength: 25 });
    fc.assert(
      fc.property(sample, sample, (one, other) => {
        const { statistic, pValue } = rankSumTest(one, other);
        const turned = rankSumTest(other, one);
        expect(turned.statistic).toBe(one.length * other.length - statistic);
        expect(turned.pValue).toBeCloseTo(pValue, 12);
        expect(Math.abs(rankSumTest(one, other, 0).pValue - pValue)).toBeLessThan(0.03);
      }),
      { seed: 12 },
    );
  });

  it("keeps its digits far out in the tail", () => {
    // SciPy 1.17: mannwhitneyu(range(40), range(100, 140)).pvalue
    const far = rankSumTest(
      Array.from({ length: 40 }, (_, index) => index),
      Array.from({ length: 40 }, (_, index) => 100 + index),
    );
    expect(far.pValue / 1.435085306393668e-14).toBeCloseTo(1, 9);
  });
});
