import { describe, expect, it } from "vitest";

import { resumePlan } from "../../src/bench/cases-resume.ts";
import { benchInput, caseContext, caseNames, sampleOf } from "../support/bench-inputs.ts";
import { snapshot, temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();

describe("bench resume", () => {
  it("measures this tool and each Codex, plain and archived, and pairs them", () => {
    const plan = resumePlan([benchInput(folder.path, "legacy:30kB")], caseContext(folder.path));
    const ways = [
      "rollout-tool.fast",
      "rollout-tool.full",
      "rollout-tool.process",
      ...["0.1.0", "0.2.0"].flatMap((version) => ["cold", "warm", "turns"].map((way) => `codex-${version}.${way}`)),
    ];
    const expected = ["plain", "zst"].flatMap((form) => ways.map((way) => `resume.legacy:30kB.${form}.${way}`));
    expect(caseNames(plan)).toEqual(expected);
    const pairs = plan.pairs.map((pair) => `${pair.case} ÷ ${pair.against}`.replaceAll("resume.legacy:30kB.", ""));
    expect(pairs.filter((pair) => pair.includes("zst") === pair.includes("plain")).length).toBe(ways.length);
    expect(pairs).toContain("plain.codex-0.2.0.cold ÷ plain.codex-0.1.0.cold");
    expect(pairs).toContain("zst.codex-0.1.0.warm ÷ zst.rollout-tool.fast");
  });

  it("reads less of a thread with a late checkpoint from its end than from its beginning, and only reads", async () => {
    const plan = resumePlan([benchInput(folder.path, "paginated-late:400kB")], caseContext(folder.path));
    const before = snapshot(folder.path);
    const [fast, full] = await Promise.all(
      ["fast", "full"].map((way) => sampleOf(plan, `resume.paginated-late:400kB.plain.rollout-tool.${way}`)),
    );
    expect(fast?.wallMs).toBeGreaterThan(0);
    expect(fast?.readBytes ?? 0).toBeLessThan(full?.readBytes ?? 0);
    expect(snapshot(folder.path)).toEqual(before);
  });
});
