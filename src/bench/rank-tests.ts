/**
 * Wilcoxon's two tests of whether times differ, by ranks alone, so that no outlier weighs more than its place: signed-rank
 * for pairs, rank-sum (Mann–Whitney) for two samples. Equal figures share the mean of their ranks.
 *
 * Up to `EXACT_UP_TO` figures the p value is exact, with equal figures as well: every way to deal signs, or places, over the
 * ranks at hand is counted (Streitberg and Röhmel, "Exact distributions for permutation and rank tests", 1986), and two-sided
 * means as far from the mean as what was seen, or farther. Above, it is the normal approximation with the corrections for
 * ties and for continuity that R and SciPy make (Hollander and Wolfe, "Nonparametric Statistical Methods", 1973, §3.1, §4.1).
 */

export interface RankTest {
  /** Signed-rank: the sum of the ranks of positive differences. Rank-sum: how many pairs (one, other) have `one` above. */
  readonly statistic: number;
  /** Two-sided. */
  readonly pValue: number;
}

/** 2^50 ways are still counted without rounding. */
const EXACT_UP_TO = 50;

/**
 * Signed-rank test of differences against symmetry about 0. Differences of 0 are dropped before ranking (Wilcoxon's own
 * convention, the default of R and SciPy). With fewer than six differences no p value is below 0.05.
 */
export function signedRankTest(differences: readonly number[], exactUpTo = EXACT_UP_TO): RankTest {
  const kept = differences.filter((difference) => difference !== 0);
  const ranks = doubledRanks(kept.map(Math.abs));
  const total = sum(ranks);
  const positive = sum(ranks.filter((_, index) => (kept[index] ?? 0) > 0));
  const statistic = positive / 2;
  if (kept.length <= exactUpTo) return { statistic, pValue: exactP(subsetSums(ranks), positive, total / 2) };
  const variance = sum(ranks.map((rank) => rank ** 2)) / 16;
  return { statistic, pValue: normalP(statistic - total / 4, variance) };
}

/** Rank-sum test of two samples against being of one distribution. */
export function rankSumTest(one: readonly number[], other: readonly number[], exactUpTo = EXACT_UP_TO): RankTest {
  const count = one.length + other.length;
  const ranks = doubledRanks([...one, ...other]);
  const rankSum = sum(ranks.slice(0, one.length));
  const statistic = rankSum / 2 - (one.length * (one.length + 1)) / 2;
  const expected = one.length * (count + 1);
  if (count <= exactUpTo) return { statistic, pValue: exactP(subsetSumsOf(ranks, one.length), rankSum, expected) };
  const spread = sum(ranks.map((rank) => (rank - (count + 1)) ** 2)) / 4;
  const variance = (one.length * other.length * spread) / (count * (count - 1));
  return { statistic, pValue: normalP((rankSum - expected) / 2, variance) };
}

/** Twice the rank of each value, from 2 upward: whole numbers, though equal values share the mean of their ranks. */
function doubledRanks(values: readonly number[]): readonly number[] {
  const order = values.map((value, index) => ({ value, index })).toSorted((one, other) => one.value - other.value);
  const ranks = Array.from(values, () => 0);
  for (let start = 0, end = 0; start < order.length; start = end) {
    while (end < order.length && order[end]?.value === order[start]?.value) end++;
    for (const { index } of order.slice(start, end)) ranks[index] = start + 1 + end;
  }
  return ranks;
}

/** How many subsets of `ranks` have each sum. */
function subsetSums(ranks: readonly number[]): Float64Array {
  const ways = new Float64Array(sum(ranks) + 1);
  ways[0] = 1;
  let reached = 0;
  for (const rank of ranks) {
    reached += rank;
    for (let at = reached; at >= rank; at--) ways[at] = (ways[at] ?? 0) + (ways[at - rank] ?? 0);
  }
  return ways;
}

/** The same for the subsets of `size` ranks. */
function subsetSumsOf(ranks: readonly number[], size: number): Float64Array {
  const sums = Array.from({ length: size + 1 }, () => new Float64Array(sum(ranks) + 1));
  const none = sums[0];
  if (none !== undefined) none[0] = 1;
  for (const rank of ranks) {
    for (let taken = size; taken > 0; taken--) {
      const [from, to] = [sums[taken - 1], sums[taken]];
      if (from === undefined || to === undefined) continue;
      for (let at = to.length - 1; at >= rank; at--) to[at] = (to[at] ?? 0) + (from[at - rank] ?? 0);
    }
  }
  return sums[size] ?? new Float64Array(1);
}

/** Share of the ways whose sum is as far from `expected` as `seen`, or farther. */
function exactP(ways: Float64Array, seen: number, expected: number): number {
  let all = 0;
  let far = 0;
  for (const [at, count] of ways.entries()) {
    all += count;
    if (Math.abs(at - expected) >= Math.abs(seen - expected)) far += count;
  }
  return far / all;
}

function normalP(distance: number, variance: number): number {
  const corrected = Math.max(0, Math.abs(distance) - 0.5);
  return variance > 0 ? Math.min(1, 2 * upperTail(corrected / Math.sqrt(variance))) : 1;
}

/**
 * P(Z > z) of the standard normal distribution for z ≥ 0, to nearly all digits of a double: the power series near the
 * middle (Abramowitz and Stegun 26.2.11), the continued fraction in the tail (26.2.14).
 */
function upperTail(z: number): number {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z < 3) {
    let term = z;
    let series = z;
    for (let step = 3; term > series * Number.EPSILON; step += 2) {
      term *= (z * z) / step;
      series += term;
    }
    return 0.5 - density * series;
  }
  let fraction = z;
  for (let step = 100; step > 0; step--) fraction = z + step / fraction;
  return density / fraction;
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0);
}
