import { describe, expect, it } from "vitest";
import * as fc from "fast-check";

import { Rng } from "../../src/bench/rng.ts";

describe("Rng", () => {
  it("gives the same numbers for a seed, other numbers for another", () => {
    const first = new Rng(42);
    expect([first.bits(), first.bits(), first.bits()]).toEqual([660444221, 3652823732, 77672526]);
    expect(new Rng(43).bits()).not.toBe(new Rng(42).bits());
    expect(new Rng(2 ** 40 + 1).bits()).not.toBe(new Rng(1).bits());
  });

  it("stays within the bounds asked for and reaches both ends", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: -100, max: 100 }), fc.nat(3), (seed, low, width) => {
        const rng = new Rng(seed);
        const seen = new Set(Array.from({ length: 400 }, () => rng.between(low, low + width)));
        expect([...seen].toSorted((a, b) => a - b)).toEqual(Array.from({ length: width + 1 }, (_, step) => low + step));
      }),
      { numRuns: 50 },
    );
  });

  it("makes version 7 UUIDs that carry their time", () => {
    const rng = new Rng(1);
    const id = rng.uuid(0x019f_a1b2_c3d4);
    expect(id).toMatch(/^019fa1b2-c3d4-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u);
    expect(new Set(Array.from({ length: 1000 }, () => rng.uuid(0))).size).toBe(1000);
  });

  it("gives each order of magnitude the same weight", () => {
    const rng = new Rng(5);
    const sizes = Array.from({ length: 20_000 }, () => rng.logBetween(10, 10_000));
    for (const [low, high] of [
      [10, 100],
      [100, 1_000],
      [1_000, 10_000],
    ] as const) {
      const share = sizes.filter((size) => size >= low && size < high).length / sizes.length;
      expect(share).toBeGreaterThan(0.31);
      expect(share).toBeLessThan(0.36);
    }
  });
});
