/**
 * Whole homes, asked of the real releases today: each thread of a corpus home is resumed, and what its next turn sends to the
 * model is taken apart (`history-probe.ts`). Other than the recorded requests this shows where a history ends.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { openThread } from "../../src/analysis/open-thread.ts";
import { openHome } from "../../src/readers/home.ts";
import { FALLBACK_TRUNCATION } from "../../src/thread/truncate.ts";
import { codexRelease, type Release, takeDatabasesAway, testHome } from "./codex.ts";
import { corpusFolder, type CorpusName, unpackCorpus } from "./corpus.ts";
import { comparable, recordedRequests } from "./history-compare.ts";
import { writeTable } from "./history-table.ts";
import { type Probe, probeThreads } from "./history-probe.ts";

/** Home, release, and how many of its threads that can resume. */
const ASKED: readonly (readonly [CorpusName, Release, number])[] = [
  ["0.47.0", "0.169.0", 6],
  ["0.77.0", "0.169.0", 48],
  ["0.98.0", "0.169.0", 69],
  ["0.128.0", "0.169.0", 70],
  ["0.142.3", "0.142.3", 65],
  ["0.142.3", "0.169.0", 65],
  ["0.169.0", "0.169.0", 65],
];

const table: (string | number)[][] = [["home", "asked", "threads", "equal"]];
afterAll(() => writeTable("The history of every thread, asked of the real releases", table));

describe.skipIf(corpusFolder() === undefined).each(ASKED)("the home of %s, asked of %s", (name, release, count) => {
  const binary = codexRelease(release);
  const corpus = corpusFolder() === undefined || binary === undefined ? undefined : unpackCorpus(name);
  const requests =
    corpus === undefined ? [] : [...recordedRequests(corpus)].filter(([, { error }]) => error === undefined);
  const threads = requests.map(([id, { label }]) => ({ label, id }));
  let equal = 0;
  let probes: ReadonlyMap<string, Probe> | undefined;

  beforeAll(async () => {
    if (binary === undefined || corpus === undefined) return;
    const copy = testHome(corpus.home);
    takeDatabasesAway(copy);
    const home = openHome({ codexHome: copy.path });
    const files = threads.map(({ id }) => ({ id, path: openThread(home, id).path }));
    probes = await probeThreads(binary, copy, files, "mock");
    copy.remove();
  });
  afterAll(() => {
    corpus?.remove();
    if (probes !== undefined) table.push([name, release, threads.length, equal]);
  });

  const ask = test.skipIf(binary === undefined);

  ask("has as many threads as there should be", () => {
    expect(threads.length).toBe(count);
  });

  ask.each(threads)("$label $id", ({ id }) => {
    const probe = probes?.get(id);
    expect(probe?.refusal).toBeUndefined();
    const thread = openThread(openHome({ codexHome: corpus?.home ?? "" }), id);
    const { request, state } = thread.history({ release, asRequest: true, truncation: FALLBACK_TRUNCATION });
    expect(request?.items.map(({ item }) => comparable(item))).toEqual(probe?.history.map(comparable));
    expect(probe?.requests[0]?.windowNumber).toBe(state.window.number);
    equal += 1;
  });
});
