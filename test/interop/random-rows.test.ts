/**
 * Rollouts made by chance, many to a home: the binary's rows and ours by `--rules codex` are the same, column by column.
 * `ROLLOUT_TOOL_SEED` and `ROLLOUT_TOOL_ROLLOUTS` look further.
 */
import fc from "fast-check";
import { expect, it } from "vitest";

import { rollouts } from "../support/generate.ts";
import { readTable, runReindex, writeHome, type FileSpec } from "../support/homes.ts";
import { FILE_MS, fileName, sessionPath } from "../support/lines.ts";
import { backfill, describeWithCodex, takeDatabasesAway, testHome, writeCodexConfig } from "./codex.ts";

const SEED = Number(process.env["ROLLOUT_TOOL_SEED"] ?? 1);
const RUNS = Number(process.env["ROLLOUT_TOOL_ROLLOUTS"] ?? 300);

/** Where a rollout may lie. A thread has one or, where `shared`, several of these. */
function placed(thread: number): fc.Arbitrary<string> {
  return fc.constantFrom(
    sessionPath(thread),
    sessionPath(thread, { stamp: "2025-11-01T13-00-00", segment: thread + 100_000 }),
    `archived_sessions/${fileName(thread)}`,
    `archived_sessions/2025/${fileName(thread)}`,
    `sessions/extra/${fileName(thread)}`,
    `sessions/2025/rollout-odd-${thread}.jsonl`,
    `${sessionPath(thread)}.zst`,
  );
}

function placedRollout(thread: number): fc.Arbitrary<readonly [string, FileSpec]> {
  return fc
    .tuple(placed(thread), rollouts({ thread }), fc.constantFrom(0, 1, 2, 500, 1000, 5000))
    .map(([path, { text }, laterMs]) => [path, { text, mtimeMs: FILE_MS + laterMs }]);
}

function samples(shared: boolean): Readonly<Record<string, FileSpec>> {
  const made = Array.from({ length: RUNS }, (_, index) => {
    const thread = shared ? Math.floor(index / 2) + 1 : index + 1;
    return fc.sample(placedRollout(thread), { seed: SEED * 1_000_000 + index, numRuns: 1 });
  });
  return Object.fromEntries(made.flat());
}

const CASES = [
  { release: "0.169.0", level: 62, shared: true },
  // After its backfill 0.142.3 repairs the paths of threads with two files (see test/indexer/golden.test.ts).
  { release: "0.142.3", level: 39, shared: false },
] as const;

for (const { release, level, shared } of CASES) {
  describeWithCodex(release, `Codex ${release}`, (binary) => {
    it("makes the rows that we make of rollouts by chance", async () => {
      const home = testHome();
      const all = Object.entries(samples(shared));
      // A member that 0.142.3 does not know is not judged by it, while our decoder always does.
      const fit = all.filter(([, { text }]) => release !== "0.142.3" || !text.includes('"attached_thread":"yes"'));
      writeHome(home.path, Object.fromEntries(fit));
      writeCodexConfig(home.path);
      const { rows } = await backfill(binary, home);
      takeDatabasesAway(home);
      runReindex(home.path, { rules: "codex", level });
      const ours = new Map(readTable(home.path).map((row) => [row["id"], row]));
      for (const row of rows.threads) {
        const path = String(row["rollout_path"]);
        const text = fit.find(([relative]) => path.endsWith(relative))?.[1].text;
        expect(ours.get(String(row["id"])), `${path}\n${String(text)}`).toEqual(row);
      }
      expect(ours.size).toBe(rows.threads.length);
      home.remove();
    });
  });
}
