import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { rolloutsBelow } from "../../src/bench/case-home.ts";
import { forkPlan } from "../../src/bench/cases-fork.ts";
import type { SuitePlan } from "../../src/bench/suite.ts";
import { benchInput, caseContext, caseNames, sampleOf } from "../support/bench-inputs.ts";
import { snapshot, temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();

describe("bench fork", () => {
  it("copies every thread, and continues paginated ones where they are plain", () => {
    const own = (plan: SuitePlan) => caseNames(plan).filter((name) => name.includes("rollout-tool"));
    const plan = forkPlan([benchInput(folder.path, "legacy:30kB"), benchInput(folder.path, "paginated:30kB")], {
      ...caseContext(folder.path),
      binaries: [],
    });
    expect(own(plan)).toEqual([
      "fork.legacy:30kB.plain.rollout-tool.copy",
      "fork.legacy:30kB.zst.rollout-tool.copy",
      "fork.paginated:30kB.plain.rollout-tool.copy",
      "fork.paginated:30kB.plain.rollout-tool.reference",
      "fork.paginated:30kB.zst.rollout-tool.copy",
    ]);
    const codex = caseNames(
      forkPlan([benchInput(folder.path, "paginated:40kB")], {
        ...caseContext(folder.path),
        scratch: join(folder.path, "other"),
      }),
    ).filter((name) => name.includes("0.1.0"));
    expect(codex.map((name) => name.slice("fork.paginated:40kB.".length))).toEqual([
      "plain.codex-0.1.0.cold",
      "plain.codex-0.1.0.warm",
      "zst.codex-0.1.0.cold",
    ]);
  });

  it("forks anew for every sample, and the input stays as it is", async () => {
    const thread = benchInput(folder.path, "paginated:60kB");
    const plan = forkPlan([thread], { ...caseContext(folder.path), binaries: [] });
    const before = snapshot(thread.home);
    for (const kind of ["copy", "reference"]) {
      const name = `fork.paginated:60kB.plain.rollout-tool.${kind}`;
      const [first, second] = [await sampleOf(plan, name), await sampleOf(plan, name)];
      expect(first?.writtenBytes).toBeGreaterThan(0);
      expect(second?.writtenBytes).toBe(first?.writtenBytes);
      expect(rolloutsBelow(join(folder.path, "input-0-plain", `own-${kind}`))).toHaveLength(2);
    }
    expect(snapshot(thread.home)).toEqual(before);
  });
});
