import { expect, it } from "vitest";

import { CODEX, pairsOf } from "../../src/bench/pairs.ts";

const caseOf = (name: string) => ({ labels: name.split(" "), run: () => ({ wallMs: 1 }) });
const RULES = [
  { case: ["rollout-tool", "full"], against: ["rollout-tool", "fast"] },
  { case: [CODEX, "cold"], against: ["rollout-tool", "fast"] },
  { case: [CODEX, "cold"], against: [CODEX, "cold"] },
] as const;

function pairs(...names: readonly string[]): readonly string[] {
  return pairsOf(names.map(caseOf), RULES).map((pair) => `${pair.case} ÷ ${pair.against}`);
}

it("pairs by rules within one input and form", () => {
  expect(pairs("r x plain rollout-tool fast", "r x plain rollout-tool full", "r y plain rollout-tool fast")).toEqual([
    "r.x.plain.rollout-tool.full ÷ r.x.plain.rollout-tool.fast",
  ]);
});

it("pairs each case on archives with the same on plain files", () => {
  expect(pairs("r x plain rollout-tool fast", "r x zst rollout-tool fast", "r y zst rollout-tool fast")).toEqual([
    "r.x.zst.rollout-tool.fast ÷ r.x.plain.rollout-tool.fast",
  ]);
});

it("pairs every Codex with this tool, and the later one with the earlier, not with itself", () => {
  const names = ["r x plain rollout-tool fast", "r x plain codex-1 cold", "r x plain codex-2 cold"];
  expect(pairs(...names)).toEqual([
    "r.x.plain.codex-1.cold ÷ r.x.plain.rollout-tool.fast",
    "r.x.plain.codex-2.cold ÷ r.x.plain.rollout-tool.fast",
    "r.x.plain.codex-2.cold ÷ r.x.plain.codex-1.cold",
  ]);
});
