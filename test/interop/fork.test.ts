/**
 * Forks made by the tool against those that real releases make of the same threads: opened, read and resumed by the release,
 * and what it then sends to its model. Bounded by default; `ROLLOUT_TOOL_FORK_ALL=1` takes every turn of every thread.
 */
import { existsSync } from "node:fs";
import { afterAll, expect, test } from "vitest";

import { openThread } from "../../src/analysis/open-thread.ts";
import { forkThread } from "../../src/fork/fork.ts";
import type { ForkOptions } from "../../src/fork/types.ts";
import { openHome } from "../../src/readers/home.ts";
import { FALLBACK_TRUNCATION } from "../../src/thread/truncate.ts";
import {
  ALL_SOURCES,
  type ClientThread,
  type CodexBinary,
  describeWithCodex,
  listThreads,
  readThread,
  type Release,
  stateRows,
  takeDatabasesAway,
  type TestHome,
  testHome,
  withServer,
} from "./codex.ts";
import { type Corpus, corpusFolder, type CorpusName, unpackCorpus } from "./corpus.ts";
import {
  anonymous,
  casesOf,
  forkByCodex,
  forkByTool,
  type ForkPair,
  sourceThreads,
  withFreshIndex,
} from "./fork-sides.ts";
import { comparable } from "./history-compare.ts";
import { type Probe, probeThreads } from "./history-probe.ts";
import { writeTable } from "./history-table.ts";

const ALL = process.env["ROLLOUT_TOOL_FORK_ALL"] === "1";
/** So many threads are held open by one server at a time. */
const BATCH = 100;
const LIMIT_MS = ALL ? 1_800_000 : 300_000;
const table: (string | number)[][] = [];

afterAll(() => {
  const head = [
    "home",
    "release",
    "threads",
    "forks by both",
    "refused by both",
    "same request",
    "same turns",
    "references",
  ];
  writeTable("Forks by the tool and by the release", [head, ...table]);
});

type Made = Extract<ForkPair["ours"], { readonly id: string }>;

function made(side: ForkPair["ours"]): Made | undefined {
  return "id" in side ? side : undefined;
}

async function makePairs(binary: CodexBinary, home: TestHome, corpus: Corpus): Promise<readonly ForkPair[]> {
  const sources = await withServer(binary, home, (server) => sourceThreads(server, corpus.threads));
  // 0.142.3 does not know cuts: it forks the whole thread whatever it is asked for.
  const knowsCuts = binary.version !== "0.142.3";
  const step = ALL ? 1 : corpus.name === binary.version ? 2 : 6;
  const chosen = sources.filter((_source, rank) => rank % step === 0);
  const cases = chosen.flatMap((source, rank) => casesOf(source, rank, ALL).slice(0, knowsCuts ? undefined : 1));
  const ours = cases.map((one) => forkByTool(home, one));
  return withServer(binary, home, async (server) => {
    const pairs: ForkPair[] = [];
    for (const [at, one] of cases.entries()) {
      const { side, report } = ours[at] as (typeof ours)[number];
      pairs.push({ ...one, ours: side, report, theirs: await forkByCodex(server, one) });
    }
    return pairs;
  });
}

async function probeAll(
  binary: CodexBinary,
  home: TestHome,
  threads: readonly Made[],
): Promise<ReadonlyMap<string, Probe>> {
  const probes = new Map<string, Probe>();
  for (let at = 0; at < threads.length; at += BATCH) {
    for (const [id, probe] of await probeThreads(binary, home, threads.slice(at, at + BATCH))) probes.set(id, probe);
  }
  return probes;
}

/** What the release sent for the probed words, as far as two forks can be the same. */
function requestOf(probe: Probe | undefined, id: string): unknown {
  if (probe === undefined || probe.refusal !== undefined) return { refusal: probe?.refusal };
  const sent = probe.requests.map(({ input, windowNumber }) => ({ windowNumber, input: input.map(comparable) }));
  return anonymous(sent, { id });
}

/** Without the turn that was probed with. Two projections may give turns that overlap in another order. */
function turnsOfThread(thread: ClientThread, id: string): unknown {
  const turns = thread.turns.slice(0, -1).toSorted((one, other) => (one.id < other.id ? -1 : 1));
  return anonymous({ turns, mode: thread["historyMode"] }, { id });
}

function historyOf(home: TestHome, id: string): unknown {
  return openThread(openHome({ codexHome: home.path }), id)
    .history()
    .state.history.map(({ item }) => item);
}

function label({ source, title }: ForkPair): string {
  return `${source.label}, ${title}`;
}

/** Forks that are not to be the same in one thing, and why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "planmode by a newer release": "without recorded settings the fork stays in plan mode, as the source does",
  "override by a newer release": "without recorded settings the fork has those of its last turn",
  "fork-attached as a copy": "a copy of an attached thread holds what the thread was attached to, and shows it",
};

function exceptionOf(release: Release, name: CorpusName, { source, report }: ForkPair): string | undefined {
  const isNewer = release === "0.169.0" && !name.startsWith("0.169.0");
  const copied = report?.kind === "copy" && report.source.historyMode === "paginated";
  if (isNewer && EXCEPTIONS[`${source.label} by a newer release`] !== undefined) return "request";
  return copied && source.label === "fork-attached" ? "turns" : undefined;
}

function compareWith(release: Release, name: CorpusName): void {
  describeWithCodex(release, `forks of the threads of ${name}`, (binary) => {
    test("are to the release what its own are", { timeout: LIMIT_MS }, async () => {
      const corpus = unpackCorpus(name);
      const home = testHome(corpus.home);
      try {
        await withFreshIndex(binary, home);
        const pairs = await makePairs(binary, home, corpus);
        const refusedByOne = pairs.filter(
          ({ ours, theirs }) => "id" in ours !== "id" in theirs && !isOurs(ours, theirs),
        );
        expect(refusedByOne.map((pair) => [label(pair), pair.ours, pair.theirs])).toEqual([]);
        const both = pairs.flatMap((pair) => {
          const [ours, theirs] = [made(pair.ours), made(pair.theirs)];
          return ours === undefined || theirs === undefined ? [] : [{ pair, ours, theirs }];
        });
        const before = new Map(both.map(({ ours }) => [ours.id, historyOf(home, ours.id)]));
        // The sources grow by a turn each before their forks are resumed.
        const sources = [...new Map(pairs.map(({ source, report }) => [source.id, report?.source.path ?? ""]))];
        await probeAll(
          binary,
          home,
          sources.flatMap(([id, path]) => (existsSync(path) ? [{ id, path }] : [])),
        );
        for (const { ours, pair } of both) expect(historyOf(home, ours.id), label(pair)).toEqual(before.get(ours.id));
        const probes = await probeAll(
          binary,
          home,
          both.flatMap(({ ours, theirs }) => [ours, theirs]),
        );
        const turns = await readBoth(binary, home, both);
        const same = { requests: 0, turns: 0 };
        for (const { pair, ours, theirs } of both) {
          const exception = exceptionOf(release, name, pair);
          const requests = [ours, theirs].map(({ id }) => requestOf(probes.get(id), id));
          const shown = [ours, theirs].map(({ id }) => turns.get(id));
          expect.soft(probes.get(ours.id)?.refusal, label(pair)).toBeUndefined();
          if (exception !== "request") expect.soft(requests[0], label(pair)).toEqual(requests[1]);
          if (exception !== "turns") expect.soft(shown[0], label(pair)).toEqual(shown[1]);
          same.requests += Number(JSON.stringify(requests[0]) === JSON.stringify(requests[1]));
          same.turns += Number(JSON.stringify(shown[0]) === JSON.stringify(shown[1]));
        }
        const refused = pairs.filter(({ ours, theirs }) => "refusal" in ours && "refusal" in theirs).length;
        const references = both.filter(({ pair }) => pair.report?.kind === "reference").length;
        const threads = new Set(pairs.map(({ source }) => source.id)).size;
        table.push([name, release, threads, both.length, refused, same.requests, same.turns, references]);
      } finally {
        home.remove();
        corpus.remove();
      }
    });
  });
}

/** Archived threads are refused by the releases; the tool copies them. */
function isOurs(ours: ForkPair["ours"], theirs: ForkPair["theirs"]): boolean {
  return "id" in ours && "refusal" in theirs && /is archived/.test(theirs.refusal);
}

async function readBoth(
  binary: CodexBinary,
  home: TestHome,
  both: readonly { readonly pair: ForkPair; readonly ours: Made; readonly theirs: Made }[],
): Promise<ReadonlyMap<string, unknown>> {
  return withServer(binary, home, async (server) => {
    const listed = new Set((await listThreads(server, { useStateDbOnly: true })).map(({ id }) => id));
    const turns = new Map<string, unknown>();
    for (const { pair, ours, theirs } of both) {
      expect.soft(listed.has(ours.id), `${label(pair)} is listed`).toBe(listed.has(theirs.id));
      for (const { id } of [ours, theirs]) turns.set(id, turnsOfThread(await readThread(server, id), id));
    }
    return turns;
  });
}

if (corpusFolder() !== undefined) {
  const homes: readonly (readonly [Release, CorpusName])[] = [
    ["0.169.0", "0.169.0"],
    ["0.142.3", "0.142.3"],
    ["0.169.0", "0.142.3"],
    ["0.169.0", "0.169.0-zst"],
    ["0.142.3", "0.142.3-zst"],
    ["0.169.0", "0.128.0"],
    ["0.142.3", "0.128.0"],
    ["0.169.0", "0.98.0"],
    ["0.142.3", "0.98.0"],
    ["0.169.0", "0.77.0"],
    ["0.169.0", "0.47.0"],
  ];
  for (const [release, name] of homes) compareWith(release, name);
}

describeWithCodex("0.169.0", "forks that the release has no request for", (binary) => {
  test("are opened, read and resumed, and give the model what the engine says", { timeout: LIMIT_MS }, async () => {
    const corpus = unpackCorpus("0.169.0");
    const home = testHome(corpus.home);
    try {
      await withFreshIndex(binary, home);
      const all = await withServer(binary, home, (server) => sourceThreads(server, corpus.threads));
      const sources = all.filter(({ turns }, rank) => turns.length > 0 && (ALL || rank % 4 === 0));
      const forked = sources.flatMap((source) => OTHER.map((options) => forkOf(home, source.id, options)));
      const probes = await probeAll(binary, home, forked);
      for (const { id, title, expected } of forked) {
        expect.soft(probes.get(id)?.refusal, title).toBeUndefined();
        expect.soft(probes.get(id)?.history.map(comparable), title).toEqual(expected);
      }
      const agents = sources.map(({ id }) => forkOf(home, id, { asSubagent: true }));
      await withServer(binary, home, async (server) => {
        const listed = new Set((await listThreads(server, { sourceKinds: ALL_SOURCES })).map(({ id }) => id));
        for (const { id, title } of forked) expect.soft([title, listed.has(id)]).toEqual([title, true]);
        for (const { id } of [...forked, ...agents]) expect((await readThread(server, id)).id).toBe(id);
      });
      const edges = new Set(stateRows(home.path).edges.map((edge) => edge["child_thread_id"]));
      for (const { id } of agents) expect(edges.has(id)).toBe(true);
      // Their parents are none the worse for them.
      const parents = sources.flatMap(({ id }) => pathsOf(home, id));
      for (const [id, { refusal }] of await probeAll(binary, home, parents))
        expect.soft([id, refusal]).toEqual([id, undefined]);
    } finally {
      home.remove();
      corpus.remove();
    }
  });
});

/** Nothing for what is archived or compressed. */
function pathsOf(home: TestHome, id: string): readonly Made[] {
  const { path, found } = openThread(openHome({ codexHome: home.path }), id);
  return found.archived || !existsSync(path) ? [] : [{ id, path }];
}

const OTHER: readonly ForkOptions[] = [{ kind: "copy" }, { lastTurns: 1 }, { lastTurns: 99 }, { beforeUserMessage: 1 }];

interface OtherFork extends Made {
  readonly title: string;
  readonly expected: unknown;
}

function forkOf(home: TestHome, source: string, options: ForkOptions): OtherFork {
  const { id = "", path = "" } = forkThread(openHome({ codexHome: home.path }), source, options);
  const thread = openThread(openHome({ codexHome: home.path }), id);
  const { request } = thread.history({ asRequest: true, truncation: FALLBACK_TRUNCATION });
  const expected = request?.items.map(({ item }) => comparable(item));
  return { id, path, title: `${source} ${JSON.stringify(options)}`, expected };
}

describeWithCodex("0.142.3", "copies of the threads of 0.169.0", (binary) => {
  test("are listed and read", async () => {
    const corpus = unpackCorpus("0.169.0");
    const home = testHome(corpus.home);
    try {
      takeDatabasesAway(home);
      const forks = [...corpus.threads].flatMap(([, id]) => {
        const { side } = forkByTool(home, { source: { id, label: "", turns: [] }, title: "", cut: {} }, "copy");
        return made(side) ?? [];
      });
      expect(forks.length).toBeGreaterThan(60);
      await withServer(binary, home, async (server) => {
        for (const { id } of forks) expect((await readThread(server, id)).id).toBe(id);
      });
      const legacy = await probeAll(
        binary,
        home,
        forks.filter(({ id }) => modeOf(home, id) === "legacy"),
      );
      expect([...legacy.values()].flatMap(({ refusal }) => refusal ?? [])).toEqual([]);
      expect(legacy.size).toBeGreaterThan(3);
    } finally {
      home.remove();
      corpus.remove();
    }
  });
});

function modeOf(home: TestHome, id: string): string {
  return openThread(openHome({ codexHome: home.path }), id).historyMode;
}
