import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Rng } from "../../src/bench/rng.ts";
import { synthText } from "../../src/bench/synth-text.ts";
import { isSummaryText } from "../../src/format/contextual.ts";

const text = synthText(1);

/** The text as a JSON string says it. */
function said(escaped: string): string {
  return JSON.parse(`"${escaped}"`) as string;
}

describe("synthText", () => {
  it("gives the same words for the same seeds", () => {
    const [one, other] = [new Rng(7), new Rng(7)];
    const again = synthText(1);
    expect(text.output(one, 500)).toBe(again.output(other, 500));
    expect(text.answer(one)).toBe(again.answer(other));
    expect(synthText(2).output(new Rng(7), 500)).not.toBe(again.output(new Rng(7), 500));
  });

  it("gives whole lines of about the length asked for, ready to stand in a JSON string", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 50_000 }), (seed, bytes) => {
        const output = text.output(new Rng(seed), bytes);
        expect(output.length).toBeGreaterThanOrEqual(bytes);
        expect(output.length).toBeLessThan(bytes + 200);
        expect(said(output)).toMatch(/^[ -~\n]*\n$/u);
      }),
    );
  });

  it("escapes where it says so, and nowhere else", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const rng = new Rng(seed);
        expect(said(text.answer(rng))).toContain("\n\n```sh\n");
        expect(isSummaryText(said(text.summary(rng)))).toBe(true);
        const command = text.command(rng);
        expect(said(command)).toBe(command);
        expect(JSON.parse(JSON.stringify(text.prompt(rng)))).not.toBe("");
      }),
    );
  });

  it("gives base64 letters that do not pack", () => {
    for (const bytes of [1, 2, 3, 4, 5, 300, 3_000]) {
      const blob = text.blob(new Rng(3), bytes);
      expect(blob).toMatch(/^[A-Za-z0-9+/]+$/u);
      expect(blob.length - bytes).toBeGreaterThanOrEqual(0);
      expect(blob.length - bytes).toBeLessThan(4);
    }
  });
});
