import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type NumberedRecord, restoreOrdinals } from "../../src/verify/repair-ordinals.ts";

/** `n`: a record with that number; `_`: a record without one; `x`: a damaged line. */
function records(text: string): NumberedRecord[] {
  let damagedBefore = 0;
  return text.split(" ").flatMap((word) => {
    if (word === "x") damagedBefore += 1;
    return word === "x" ? [] : [{ ordinal: word === "_" ? undefined : Number(word), damagedBefore }];
  });
}

/** The numbers afterwards, in the same words; what is uncertain stays as it is. */
function restored(text: string, first = 0, inheritedEnd = 0): string {
  const { ordinals, uncertain } = restoreOrdinals(records(text), { first, inheritedEnd });
  let index = 0;
  const words = text.split(" ").map((word) => (word === "x" ? "x" : (ordinals.get(index++) ?? word)));
  return `${words.join(" ")}${uncertain > 0 ? ` (${uncertain} uncertain)` : ""}`;
}

describe("numbers of records", () => {
  it.each([
    ["nothing is wrong", "0 1 2 3", "0 1 2 3"],
    ["one is missing", "0 _ 2", "0 1 2"],
    ["several are missing", "0 1 _ _ _ 5", "0 1 2 3 4 5"],
    ["the last are missing", "0 1 _ _", "0 1 2 3"],
    ["the metadata has none", "_ 1 2", "0 1 2"],
    ["one stands twice", "0 1 1 3", "0 1 2 3"],
    ["one stands twice at the end", "0 1 1", "0 1 2"],
    ["one is far too high", "0 1 7 3 4 5 6 7 8", "0 1 2 3 4 5 6 7 8"],
    ["one is far too high, and then the file ends", "0 1 7 3", "0 1 2 3"],
    ["a second writer has begun anew", "0 1 2 3 4 2 3 4 5", "0 1 2 3 4 5 6 7 8"],
    ["a damaged line had the number", "0 x _ 3", "0 x 2 3"],
    ["a damaged line had none", "0 x _ 2", "0 x 1 2"],
    ["records are lost", "0 1 5 6", "0 1 5 6"],
    ["records are lost, and one has no number", "0 1 _ 5 6", "0 1 _ 5 6 (1 uncertain)"],
    ["there are more records than numbers", "0 1 _ _ 3 4 5", "0 1 2 3 4 5 6"],
    ["two damaged lines, and one number too few for both", "0 x x _ 3", "0 x x _ 3 (1 uncertain)"],
  ])("%s", (_title, given, wanted) => {
    expect(restored(given)).toBe(wanted);
  });

  it("begin where the rollout that is continued ends", () => {
    expect(restored("_ 8 _", 7)).toBe("7 8 9");
  });

  it("are not made up for what an agent inherited", () => {
    expect(restored("0 1 _ _", 0, 10)).toBe("0 1 _ _ (2 uncertain)");
    expect(restored("0 1 _ _", 0, 2)).toBe("0 1 2 3");
    expect(restored("0 1 _ _ 4 5", 0, 5)).toBe("0 1 2 3 4 5");
  });

  it("rise wherever they are restored, and those that stay are right before", () => {
    const word = fc.option(fc.nat(30), { nil: undefined });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), fc.nat(3), (numbers, first) => {
        const given = [first, ...numbers].map((ordinal) => ({ ordinal, damagedBefore: 0 }));
        const { ordinals, uncertain } = restoreOrdinals(given, { first: 0, inheritedEnd: 0 });
        if (uncertain > 0) return;
        const after = given.map(({ ordinal }, index) => ordinals.get(index) ?? ordinal ?? -1);
        for (let at = 1; at < after.length; at += 1) expect(after[at]).toBeGreaterThan(after[at - 1] ?? Infinity);
      }),
    );
  });

  it("are all found again when any of them were lost between others", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), (lost) => {
        const given = [0, ...lost.map((isLost, index) => (isLost ? undefined : index + 1))];
        const { ordinals, uncertain } = restoreOrdinals(
          given.map((ordinal) => ({ ordinal, damagedBefore: 0 })),
          { first: 0, inheritedEnd: 0 },
        );
        expect(uncertain).toBe(0);
        expect(given.map((ordinal, index) => ordinals.get(index) ?? ordinal)).toEqual(
          given.map((_one, index) => index),
        );
      }),
    );
  });
});
