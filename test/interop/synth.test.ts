/** Synthetic homes are accepted by the real Codex: every rollout gets a row, lists show them, turns can be read and resumed. */
import { expect, it } from "vitest";

import { parseSynthetic, writeSynthetic } from "../../src/bench/input.ts";
import type { SynthRollout } from "../../src/bench/synth-house.ts";
import { SYNTH_SHAPES, type SynthShape } from "../../src/bench/synth-shapes.ts";
import { writeSyntheticHome } from "../../src/bench/synth.ts";
import {
  ALL_SOURCES,
  backfill,
  describeWithCodex,
  listThreads,
  readThread,
  resumeThread,
  testHome,
  withServer,
  type CodexBinary,
  type Release,
  type TestHome,
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

      const active = made.rollouts.filter((rollout) => !rollout.archived);
      const some = (["root", "fork", "sub-agent"] as const).flatMap((kind) =>
        active.filter((candidate) => candidate.kind === kind).slice(0, 3),
      );
      await listReadResume(binary, home, { active, some });
      home.remove();
    });
  });
}

type Known = Pick<SynthRollout, "threadId" | "kind" | "turns">;

/** Lists show all of `active`; `some` can be read with their turns, and resumed. */
async function listReadResume(
  binary: CodexBinary,
  home: TestHome,
  { active, some }: { readonly active: readonly Known[]; readonly some: readonly Known[] },
): Promise<void> {
  await withServer(binary, home, async (server) => {
    const listed = await listThreads(server, { sourceKinds: ALL_SOURCES });
    expect(listed.map((thread) => thread.id).toSorted()).toEqual(active.map(({ threadId }) => threadId).toSorted());
    for (const { kind, threadId, turns: written } of some) {
      await resumeThread(server, threadId);
      const { turns } = await readThread(server, threadId);
      expect(turns.length, `${kind} ${threadId}`).toBeGreaterThanOrEqual(written);
      // A turn that compacts shows nothing else.
      for (const turn of turns) expect(turn.items.length).toBeGreaterThanOrEqual(1);
      for (const turn of turns) expect((turn as { status?: unknown }).status).toBe("completed");
    }
  });
}

for (const release of ["0.142.3", "0.169.0"] as const) {
  const shapes = Object.entries(SYNTH_SHAPES).filter(
    ([, { dialect }]) => release === "0.169.0" || dialect.historyMode === "legacy",
  );
  describeWithCodex(release, "synthetic input", (binary) => {
    it.each(shapes.map(([shape]) => shape))("%s is listed, read and resumed", async (shape) => {
      const home = testHome();
      const { threads, main } = writeSynthetic(home.path, parseSynthetic(`${shape}:3MB`), 5);
      const { rows } = await backfill(binary, home);
      expect(rows.threads.map((row) => row["id"])).toEqual(threads.map(({ threadId }) => threadId).toSorted());
      expect(rows.edges).toHaveLength(threads.filter(({ kind }) => kind === "sub-agent").length);
      await listReadResume(binary, home, { active: threads, some: [...threads.slice(0, 7), main] });
      home.remove();
    });
  });
}
