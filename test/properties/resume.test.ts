/**
 * What the end of a thread gives is what the whole gives: for every form of file, for chains of files, whatever stands in
 * them. `ROLLOUT_TOOL_RUNS=67` looks at 20,100 threads instead of 300.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type OpenedThread, openThread } from "../../src/analysis/open-thread.ts";
import { resumeFast } from "../../src/analysis/fast-resume.ts";
import { openHome } from "../../src/readers/home.ts";
import { lineageChain } from "../../src/readers/lineage.ts";
import { replay } from "../../src/thread/replay.ts";
import type { ThreadState } from "../../src/thread/state.ts";
import { runs } from "../support/budget.ts";
import { chains, type Form, type GeneratedFile, homeOf } from "../support/generate-chain.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import { restPerRun } from "../support/rest.ts";

const folder = temporaryFolder();
const LIMIT_MS = runs(300_000).numRuns;

/** Everything but line numbers, which a reader that comes from the end does not know, and counts. */
function essence(state: ThreadState, thread: OpenedThread): unknown {
  const { meta, historyMode, previousTurnSettings, referenceContext, worldStateBaseline, window } = state;
  const history = state.history.map(({ item, place, index, origin }) => {
    return [item, thread.segmentOf(place).logicalPath, place.offset, place.length, index, origin];
  });
  const { lastStartedTurnId } = state;
  return {
    history,
    meta,
    historyMode,
    previousTurnSettings,
    referenceContext,
    worldStateBaseline,
    window,
    lastStartedTurnId,
  };
}

function openIn(files: readonly GeneratedFile[], forms: readonly Form[]): OpenedThread {
  const home = join(folder.path, "home");
  rmSync(home, { recursive: true, force: true });
  writeHome(home, homeOf(files, forms));
  return openThread(openHome({ codexHome: home }), files.at(-1)?.path ?? "");
}

const forms = fc.array(fc.constantFrom<Form>("plain", "frame", "frames"), { minLength: 1, maxLength: 3 });
/** So little is held now and then that the rest has to be read a second time. */
const heldBytes = fc.constantFrom(undefined, undefined, 0, 700);

test(
  "a fast resume gives what a full replay gives",
  async () => {
    const seen = { fast: 0, full: 0, chains: 0 };
    await fc.assert(
      fc.asyncProperty(chains, forms, heldBytes, async (files, how, held) => {
        await restPerRun();
        const thread = openIn(files, how);
        const full = thread.history({ fullReplay: true });
        const chain = lineageChain(openHome({ codexHome: join(folder.path, "home") }), thread.file);
        const fast = resumeFast(chain, { heldBytes: held });
        expect(full.state).toEqual(replay([...thread.entries()]));
        seen[fast.state === undefined ? "full" : "fast"] += 1;
        if (files.length > 1) seen.chains += 1;
        expect(fast.state === undefined).toBe(fast.rule !== undefined);
        if (fast.state !== undefined) expect(essence(fast.state, thread)).toEqual(essence(full.state, thread));
        const either = thread.history();
        expect(essence(either.state, thread)).toEqual(essence(full.state, thread));
        expect(either.reading.how).toBe(fast.state === undefined ? "full" : "fast");
        const last = thread.windows().at(-1);
        if (fast.state !== undefined)
          expect(last).toMatchObject({ number: fast.state.window.number, id: fast.state.window.id });
      }),
      runs(300),
    );
    expect(seen.fast).toBeGreaterThan(40);
    expect(seen.full).toBeGreaterThan(40);
    expect(seen.chains).toBeGreaterThan(60);
  },
  LIMIT_MS,
);
