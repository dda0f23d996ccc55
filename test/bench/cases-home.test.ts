import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { rolloutsBelow } from "../../src/bench/case-home.ts";
import { compressPlan, type HomeInput, parsePlan, reindexPlan } from "../../src/bench/cases-home.ts";
import { benchInput, caseContext, caseNames, sampleOf } from "../support/bench-inputs.ts";
import { temporaryFolder } from "../support/homes.ts";

const folder = temporaryFolder();

function homeInput(name: string): HomeInput {
  const { home } = benchInput(folder.path, name);
  return { name, home, form: "plain", folder: join(folder.path, name) };
}

describe("benchmarks of homes", () => {
  it("have a case for each way, by the form of the home", () => {
    const home = homeInput("small:40kB");
    const mixed: HomeInput = { ...home, name: "mine", form: "mixed" };
    expect(caseNames(reindexPlan([mixed], caseContext(folder.path)))).toEqual([
      "reindex.mine.mixed.rollout-tool.first",
      "reindex.mine.mixed.rollout-tool.again",
      "reindex.mine.mixed.codex-0.1.0.first",
      "reindex.mine.mixed.codex-0.2.0.first",
    ]);
    expect(caseNames(compressPlan([home], caseContext(folder.path)))).toEqual([
      "compress.small:40kB.plain.rollout-tool.jobs-1",
      "compress.small:40kB.plain.rollout-tool.jobs-2",
    ]);
  });

  it("parse in four ways, compared with JSON.parse; a damaged line does not end it", async () => {
    const home = homeInput("small:40kB");
    for (const path of rolloutsBelow(home.home)) appendFileSync(join(home.home, path), '{"torn');
    const plan = parsePlan([home]);
    expect(caseNames(plan)).toEqual(
      ["read", "split", "decode", "json"].map((way) => `parse.small:40kB.plain.rollout-tool.${way}`),
    );
    expect(plan.pairs.map(({ against }) => against)).toEqual(
      Array.from({ length: 3 }, () => "parse.small:40kB.plain.rollout-tool.json"),
    );
    for (const name of caseNames(plan)) expect((await sampleOf(plan, name))?.wallMs).toBeGreaterThan(0);
  });
});
