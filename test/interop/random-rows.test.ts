/**
 * Rollouts made by chance, many to a home: the binary's rows and ours by `--rules codex` are the same, column by column.
 * `ROLLOUT_TOOL_SEED` and `ROLLOUT_TOOL_RUNS` look further.
 */
import fc from "fast-check";
import { expect, it } from "vitest";

import { rollouts } from "../support/generate.ts";
import { readTable, runReindex, writeHome } from "../support/homes.ts";
import { sessionPath } from "../support/lines.ts";
import { backfill, describeWithCodex, takeDatabasesAway, testHome, writeCodexConfig } from "./codex.ts";

const SEED = Number(process.env["ROLLOUT_TOOL_SEED"] ?? 1);
const RUNS = Number(process.env["ROLLOUT_TOOL_RUNS"] ?? 300);

for (const [release, level] of [
  ["0.169.0", 62],
  ["0.142.3", 39],
] as const) {
  describeWithCodex(release, `Codex ${release}`, (binary) => {
    it("makes the rows that we make of rollouts by chance", async () => {
      const home = testHome();
      const samples = Array.from({ length: RUNS }, (_, index) => {
        const [sample] = fc.sample(rollouts({ thread: index + 1 }), { seed: SEED * 1_000_000 + index, numRuns: 1 });
        return [sessionPath(index + 1), sample?.text ?? ""] as const;
      });
      writeHome(home.path, Object.fromEntries(samples));
      writeCodexConfig(home.path);
      const { rows } = await backfill(binary, home);
      takeDatabasesAway(home);
      runReindex(home.path, { rules: "codex", level });
      const texts = new Map(samples.map(([path, text]) => [`${home.path}/${path}`, text]));
      const theirs = new Map(rows.threads.map((row) => [String(row["rollout_path"]), row]));
      const ours = new Map(readTable(home.path).map((row) => [String(row["rollout_path"]), row]));
      for (const path of texts.keys()) {
        expect(ours.get(path), `${path}\n${texts.get(path) ?? ""}`).toEqual(theirs.get(path));
      }
      home.remove();
    });
  });
}
