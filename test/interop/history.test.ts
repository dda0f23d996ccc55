/**
 * The model's history as the engine makes it of every thread of the corpus homes, against the request that the real release
 * sent when it resumed that thread (`history.json`), and the prompt cache key that it sent along.
 *
 * The recorded requests do not say where the history ends and the new turn's own context begins. So the history must be what
 * the request begins with, and the rest up to the user's words must be context. `history-cases.test.ts` asks more exactly.
 *
 * With ROLLOUT_TOOL_TABLES=<file> a Markdown table, release × threads × equal, is appended to that file.
 */
import { afterAll, describe, expect, test } from "vitest";

import { openThread } from "../../src/analysis/open-thread.ts";
import type { CodexRelease } from "../../src/format/shape.ts";
import { openHome } from "../../src/readers/home.ts";
import { FALLBACK_TRUNCATION } from "../../src/thread/truncate.ts";
import { CORPUS_NAMES, corpusFolder, type CorpusName, unpackCorpus } from "./corpus.ts";
import {
  comparable,
  type InputItem,
  isTurnContext,
  type RecordedRequest,
  recordedRequests,
  textsOf,
  withoutBaseInstructions,
} from "./history-compare.ts";
import { writeTable } from "./history-table.ts";

/** Threads that were resumed, by home. */
const THREADS = {
  "0.47.0": 6,
  "0.77.0": 48,
  "0.98.0": 69,
  "0.128.0": 70,
  "0.142.3": 65,
  "0.142.3-zst": 65,
  "0.169.0": 65,
  "0.169.0-zst": 65,
};

/**
 * Threads whose history the recorded request does not show. Their last answer was that the window is full, so that the turn
 * which was to show the history compacted it first; `history-live.test.ts` asks the real releases again and looks at the
 * request of that compaction. Releases before 0.128.0 did not note that the window is full.
 */
function isCompactedFirst(name: CorpusName, label: string): boolean {
  return label === "ctxfull" && name !== "0.77.0" && name !== "0.98.0";
}

/** The release that was asked: homes older than 0.142.3 were looked at as after an upgrade. */
function releaseOf(name: CorpusName): CodexRelease {
  return name.startsWith("0.142.3") ? "0.142.3" : "0.169.0";
}

/** As in the table: how many threads, of how many the history and the key were equal, how many took only their end. */
interface Tally {
  threads: number;
  equal: number;
  fast: number;
  keys: number;
  madeUpKeys: number;
  /** Of these only the user's words were compared. */
  readonly others: readonly string[];
}

const tallies = new Map<CorpusName, Tally>();
afterAll(() => writeTable("The history of every thread against the recorded request", tableOf(tallies)));

describe.skipIf(corpusFolder() === undefined).each(CORPUS_NAMES)("the home of %s", (name) => {
  const corpus = corpusFolder() === undefined ? undefined : unpackCorpus(name);
  const home = openHome({ codexHome: corpus?.home ?? "" });
  const release = releaseOf(name);
  const recorded = corpus === undefined ? new Map<string, RecordedRequest>() : recordedRequests(corpus);
  const requests = [...recorded].filter(([, { error }]) => error === undefined);
  const named = requests.map(([id, request]) => [request.label, id, request] as const);
  const compacted = named.filter(([label]) => isCompactedFirst(name, label));
  const plain = named.filter((each) => !compacted.includes(each));

  const tally: Tally = {
    threads: requests.length,
    equal: 0,
    fast: 0,
    keys: 0,
    madeUpKeys: 0,
    others: compacted.map(([label]) => label),
  };
  if (corpus !== undefined) tallies.set(name, tally);
  afterAll(() => corpus?.remove());

  test("has as many threads as there should be", () => {
    expect(requests.length).toBe(THREADS[name]);
  });

  test.each(plain)("%s %s", (_, id, request) => compare(id, request));

  function compare(id: string, { input, probe_index }: RecordedRequest): void {
    const theirs = withoutBaseInstructions(input.slice(0, probe_index).map(comparable), release);
    const thread = openThread(home, id);
    for (const fullReplay of [true, false]) {
      const options = { release, asRequest: true, truncation: FALLBACK_TRUNCATION, fullReplay };
      const { request, reading } = thread.history(options);
      const ours = (request?.items ?? []).map(({ item }) => comparable(item));
      expect(ours).toEqual(theirs.slice(0, ours.length));
      expect(theirs.slice(ours.length).filter((item) => !isTurnContext(item))).toEqual([]);
      if (reading.how === "fast") tally.fast += 1;
    }
    tally.equal += 1;
  }

  test.each(compacted)("%s %s was compacted", (_, id, { input, window, probe_index }) => {
    const { state } = openThread(home, id).history({ release });
    const words = (items: readonly InputItem[]): readonly string[] =>
      items.filter((item) => item["role"] === "user" && !isTurnContext(item)).map((item) => textsOf(item).join(""));
    const ours = words(state.history.map(({ item }) => comparable(item)));
    const theirs = words(input.slice(0, probe_index));
    expect(window).toBe(`${id}:${state.window.number + 1}`);
    expect(theirs).toEqual([...ours, expect.stringMatching(/^Another language model started to solve this problem/)]);
  });

  test("of some only the end is read", () => {
    // Where the home is of a release that writes threads so that it can be.
    expect(tally.fast > 0).toBe(name.startsWith("0.169.0"));
  });

  test.each(named)("the key of %s %s", (label, id, { prompt_cache_key: key, window }) => {
    const { promptCacheKey, rule, windowHeader } = openThread(home, id).identity(release);
    if (!isCompactedFirst(name, label)) expect(windowHeader).toBe(window);
    if (rule === "made-up-at-resume") {
      // An agent that was written without a session: a new one, which nothing in the home foretells.
      expect(recorded.has(key)).toBe(false);
      tally.madeUpKeys += 1;
      return;
    }
    expect(promptCacheKey).toBe(key);
    tally.keys += 1;
  });
});

function tableOf(rows: ReadonlyMap<CorpusName, Tally>): readonly (readonly (string | number)[])[] {
  const head = ["home", "asked", "threads", "equal", "of them from their end", "others", "keys equal", "keys made up"];
  const body = [...rows].map(([name, { threads, equal, fast, keys, madeUpKeys, others }]) => {
    return [name, releaseOf(name), threads, equal, fast, others.join(", "), keys, madeUpKeys];
  });
  return [head, ...body];
}
