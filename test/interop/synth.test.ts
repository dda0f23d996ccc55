/** Synthetic homes are accepted by the real Codex: every rollout gets a row, lists show them, turns can be read and resumed. */
import { expect, it } from "vitest";

import { writeSyntheticHome, type SynthShape } from "../../src/bench/synth.ts";
import {
  ALL_SOURCES,
  backfill,
  describeWithCodex,
  listThreads,
  readThread,
  resumeThread,
  testHome,
  withServer,
  type Release,
} from "./codex.ts";

const CASES: readonly (readonly [Release, SynthShape])[] = [
  ["0.142.3", "legacy"],
  ["0.142.3", "small"],
  ["0.169.0", "legacy"],
  ["0.169.0", "small"],
  ["0.169.0", "paginated"],
];

for (const [release, shape] of CASES) {
  describeWithCodex(release, `a synthetic home of the shape ${shape}`, (binary) => {
    it("is backfilled, listed, read and resumed", async () => {
      const home = testHome();
      const made = writeSyntheticHome(home.path, {
        seed: 7,
        shape,
        rollouts: 60,
        totalBytes: shape === "small" ? 1_000_000 : 12_000_000,
        forks: 0.2,
      });
      const { rows } = await backfill(binary, home);
      expect(rows.threads.map((row) => row["id"])).toEqual(made.rollouts.map((rollout) => rollout.threadId).toSorted());
      expect(rows.edges).toHaveLength(made.rollouts.filter((rollout) => rollout.kind === "sub-agent").length);
      const times = new Map(made.rollouts.map((rollout) => [rollout.threadId, rollout.mtimeMs]));
      for (const row of rows.threads) expect(row["updated_at_ms"]).toBe(times.get(String(row["id"])));
      const empty = rows.threads.filter(
        (row) => row["preview"] === "" || row["model"] === null || row["tokens_used"] === 0,
      );
      expect(empty).toEqual([]);

      await withServer(binary, home, async (server) => {
        const listed = await listThreads(server, { sourceKinds: ALL_SOURCES });
        const active = made.rollouts.filter((rollout) => !rollout.archived);
        expect(listed.map((thread) => thread.id).toSorted()).toEqual(
          active.map((rollout) => rollout.threadId).toSorted(),
        );
        for (const kind of ["root", "fork", "sub-agent"] as const) {
          for (const rollout of active.filter((candidate) => candidate.kind === kind).slice(0, 3)) {
            await resumeThread(server, rollout.threadId);
            const { turns } = await readThread(server, rollout.threadId);
            expect(turns.length, `${kind} ${rollout.threadId}`).toBeGreaterThanOrEqual(rollout.turns);
            for (const turn of turns) expect(turn.items.length).toBeGreaterThanOrEqual(2);
            for (const turn of turns) expect((turn as { status?: unknown }).status).toBe("completed");
          }
        }
      });
      home.remove();
    });
  });
}
