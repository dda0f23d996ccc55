import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { openThread } from "../../src/analysis/open-thread.ts";
import { Donor } from "../../src/bench/resume-input.ts";
import { writeSyntheticRollout } from "../../src/bench/synth.ts";
import { acceptedBy } from "../../src/format/decode.ts";
import { openHome } from "../../src/readers/home.ts";
import { readRollout } from "../../src/readers/rollout.ts";

const root = mkdtempSync(join(tmpdir(), "rollout-tool-resume-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Entries of a file, each of which 0.169.0 takes. */
function accepted(path: string) {
  return [...readRollout(path)].map((entry) => {
    if (!entry.ok) throw new Error(`line ${String(entry.position.line)}: ${entry.defect.message}`);
    expect(acceptedBy(entry.record, "0.169.0")).toBe(true);
    return entry.record;
  });
}

describe("a tail from a donor", () => {
  const donor = new Donor(join(root, "donor"), 8, 200_000);
  const cases = [100_000, 900_000].map((bytes) => {
    const home = join(root, `tail-${String(bytes)}`);
    const rollout = writeSyntheticRollout(home, { seed: 7, shape: "paginated", bytes });
    const tailBytes = donor.appendTail(home, rollout);
    return { home, rollout, tailBytes, thread: openThread(openHome({ codexHome: home }), rollout.threadId) };
  });

  it("continues the ordinals, and is nearly as long whatever it is appended to", () => {
    const [first, second] = cases.map(({ tailBytes }) => tailBytes);
    expect(Math.abs((first ?? 0) - (second ?? 0))).toBeLessThan(200);
    for (const { home, rollout } of cases) {
      const records = accepted(join(home, rollout.path));
      expect(records.map(({ ordinal }) => ordinal)).toEqual(records.map((_, index) => index));
      expect(records.filter(({ type }) => type === "compacted")).toHaveLength(1);
    }
  });

  it("is enough to resume from, with the answer of a full replay", () => {
    for (const { thread, tailBytes } of cases) {
      const fast = thread.history();
      expect(fast.reading.how).toBe("fast");
      expect(fast.reading.bytesRead - tailBytes).toBeLessThan(128 * 1024);
      // Going backward, nobody knows the numbers of lines.
      const items = (state: typeof fast.state) => state.history.map(({ item, place }) => [item, place.offset]);
      const full = thread.history({ fullReplay: true }).state;
      expect(items(fast.state)).toEqual(items(full));
      expect(fast.state.window).toEqual(full.window);
      expect(fast.state.referenceContext).toEqual(full.referenceContext);
    }
  });

  it("can be forked by reference", () => {
    const [base] = cases;
    if (base === undefined) throw new Error("no base");
    const fork = donor.writeFork(base.home, base.rollout);
    const thread = openThread(openHome({ codexHome: base.home }), fork.threadId);
    expect(thread.segments.map(({ threadId }) => threadId)).toEqual([base.rollout.threadId, fork.threadId]);
    const { state, reading } = thread.history();
    expect(reading.how).toBe("fast");
    expect(state.history).toHaveLength(thread.history({ fullReplay: true }).state.history.length);
  });
});
