import fc from "fast-check";
import { it } from "vitest";
import { writeFileSync } from "node:fs";
import { rollouts } from "../support/generate.ts";
import { readTable, runReindex, writeHome } from "../support/homes.ts";
import { sessionPath } from "../support/lines.ts";
import { backfill, codexRelease, takeDatabasesAway, testHome, writeCodexConfig } from "./codex.ts";
const SEED = Number(process.env["ROLLOUT_TOOL_SEED"] ?? 1);
const RUNS = Number(process.env["ROLLOUT_TOOL_RUNS"] ?? 300);
for (const [release, level] of [
  ["0.169.0", 62],
  ["0.142.3", 39],
] as const) {
  it("x" + release, async () => {
    const binary = codexRelease(release)!;
    const home = testHome();
    const samples0 = Array.from({ length: RUNS }, (_, index) => {
      const [sample] = fc.sample(rollouts({ thread: index + 1 }), { seed: SEED * 1_000_000 + index, numRuns: 1 });
      return [sessionPath(index + 1), sample?.text ?? ""] as const;
    });
    const samples = samples0.filter(([, t]) => release !== "0.142.3" || !t.includes('attached_thread":"yes'));
    writeHome(home.path, Object.fromEntries(samples));
    writeCodexConfig(home.path);
    const { rows } = await backfill(binary, home);
    takeDatabasesAway(home);
    runReindex(home.path, { rules: "codex", level });
    const texts = new Map(samples.map(([path, text]) => [`${home.path}/${path}`, text]));
    const theirs = new Map(rows.threads.map((row) => [String(row["rollout_path"]), row]));
    const ours = new Map(readTable(home.path).map((row) => [String(row["rollout_path"]), row as any]));
    const byCol: Record<string, any[]> = {};
    for (const path of texts.keys()) {
      const a: any = ours.get(path),
        b: any = theirs.get(path);
      if (!a && !b) continue;
      if (!a || !b) {
        (byCol["ROW"] ??= []).push([path, a && "row", b && "row"]);
        continue;
      }
      for (const k of Object.keys(b)) if (a[k] !== b[k]) (byCol[k] ??= []).push([path, a[k], b[k]]);
    }
    const out = Object.entries(byCol).map(([k, v]) => [k, v.map(([p, a, b]) => [a, b, texts.get(p)])]);
    console.log(
      release,
      "rows",
      theirs.size,
      Object.entries(byCol)
        .map(([k, v]) => `${k}:${v.length}`)
        .join(" "),
    );
    writeFileSync("/tmp/mine/probe-" + release + ".json", JSON.stringify(out));
    home.remove();
  });
}
