/** Whatever a thread is made of, damage and odd cuts included: its fork gives the model the same history, or is not made. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openThread } from "../../src/analysis/open-thread.ts";
import { RolloutError } from "../../src/errors.ts";
import { forkThread } from "../../src/fork/fork.ts";
import type { ForkOptions, ForkReport } from "../../src/fork/types.ts";
import { type Home, openHome } from "../../src/readers/home.ts";
import { runs } from "../support/budget.ts";
import { chains, homeOf } from "../support/generate-chain.ts";
import { writeHome } from "../support/homes.ts";

const LIMIT_MS = runs(300_000).numRuns;

const options: fc.Arbitrary<ForkOptions> = fc.oneof(
  fc.constant({}),
  fc.constant({ kind: "copy" } as const),
  fc.constant({ asSubagent: true }),
  fc.record({ lastTurns: fc.nat(4) }),
  fc.record({ beforeUserMessage: fc.nat(4), kind: fc.constantFrom(undefined, "copy" as const) }),
);
const forms = fc.array(fc.constantFrom("plain" as const, "plain" as const, "frame" as const), { minLength: 1 });

/** Undefined for what the tool refuses, as Codex does. */
function tryFork(home: Home, id: string, how: ForkOptions): ForkReport | undefined {
  try {
    return forkThread(home, id, how);
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "mismatch" || error.code === "internal") throw error;
    return undefined;
  }
}

function historyOf(home: Home, id: string): readonly unknown[] {
  return openThread(home, id)
    .history({ fullReplay: true })
    .state.history.map(({ item }) => item);
}

test("a fork has the history of its source", { timeout: LIMIT_MS }, () => {
  fc.assert(
    fc.property(chains, forms, options, (files, inForms, how) => {
      const folder = mkdtempSync(join(tmpdir(), "rollout-tool-fork-"));
      try {
        const home = openHome({ codexHome: writeHome(join(folder, "home"), homeOf(files, inForms)) });
        const source = join(home.codexHome, files.at(-1)?.path ?? "");
        const report = tryFork(home, source, how);
        if (report?.id === undefined) return;
        const history = historyOf(home, report.id);
        if (report.historyItems !== undefined) expect(history).toHaveLength(report.historyItems);
        if (how.lastTurns !== undefined || how.beforeUserMessage !== undefined || how.asSubagent === true) return;
        // The end that an open turn gets may settle what a mismatched beginning left open: then only the proof inside tells.
        if (report.interruptedTurn === undefined) expect(history).toEqual(historyOf(home, source));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }),
    runs(60),
  );
});
