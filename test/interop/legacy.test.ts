/**
 * Threads of 0.169.0 made legacy, to the real 0.142.3 and to 0.169.0 itself: both list and read them, show the turns that 0.169.0
 * showed before, and, resumed, send their models the history that the paginated thread had.
 */
import { existsSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

import { openThread } from "../../src/analysis/open-thread.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { openHome } from "../../src/readers/home.ts";
import { FALLBACK_TRUNCATION } from "../../src/thread/truncate.ts";
import { type Converted, convertHome } from "../migrate/legacy-drive.ts";
import {
  ALL_SOURCES,
  type ClientThread,
  type CodexBinary,
  codexRelease,
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
import { type Corpus, corpusFolder, unpackCorpus } from "./corpus.ts";
import { withFreshIndex } from "./fork-sides.ts";
import { comparable, type InputItem } from "./history-compare.ts";
import { type Probe, probeThreads } from "./history-probe.ts";
import { writeTable } from "./history-table.ts";
import { commonItemsOf, type CommonTurn, inheritsTurns } from "./legacy-turns.ts";

/** Threads of the corpus home that were paginated, those of agents included, and the archived ones among them. */
const PAGINATED = 67;
const ARCHIVED = 5;
/** That were legacy before, and how many 0.169.0 lists of all. */
const LEGACY = 7;
const LISTED = 51;
const table: (string | number)[][] = [];

afterAll(() => {
  const head = ["release", "threads", "read", "same turns", "resumed", "same history"];
  writeTable("Paginated threads made legacy", [head, ...table]);
});

interface Before {
  /** As items of a request. */
  readonly history: readonly InputItem[];
  readonly isArchived: boolean;
  readonly inherits: boolean;
  /** No list has these, and nobody but their parent may speak to them, in either mode and either release. */
  readonly isAgentWithoutUser: boolean;
}

interface World {
  readonly corpus: Corpus;
  /** By thread id. */
  readonly before: ReadonlyMap<string, Before>;
  readonly converted: readonly Converted[];
  /** As 0.169.0 showed them when they were paginated. */
  readonly shown: ReadonlyMap<string, ClientThread>;
}

let world: World;

if (corpusFolder() !== undefined) {
  beforeAll(() => {
    const corpus = unpackCorpus("0.169.0");
    const home = openHome({ codexHome: corpus.home });
    const before = new Map<string, Before>();
    const ids = new Set(corpus.oracle("rebuilt").threads.map((row) => String(row["id"])));
    for (const id of ids) before.set(id, beforeOf(home, id));
    const { converted } = convertHome(corpus.home);
    const shown = Object.values(corpus.oracle("turns").reads).filter(({ error }) => error === undefined);
    world = { corpus, before, converted, shown: new Map(shown.map((thread) => [thread.id, thread])) };
  });
  for (const release of ["0.142.3", "0.169.0"] as const) {
    describeWithCodex(release, `threads made legacy, to Codex ${release}`, (binary) => checks(release, binary));
  }
  describeWithCodex("0.169.0", "a home made legacy whose databases stay", keptDatabases);
}

function beforeOf(home: ReturnType<typeof openHome>, id: string): Before {
  const thread = openThread(home, id);
  const { request } = thread.history({ asRequest: true, truncation: FALLBACK_TRUNCATION });
  return {
    history: (request?.items ?? []).map(({ item }) => comparable(item)),
    isArchived: thread.found.archived,
    inherits: thread.meta !== undefined && inheritsTurns(thread.meta),
    isAgentWithoutUser: thread.meta?.subagent_history_start_ordinal != null,
  };
}

function checks(release: Release, binary: CodexBinary): void {
  let home: TestHome;
  beforeAll(() => {
    home = testHome(world.corpus.home);
    // Of a home that a newer release indexed nothing but the rollouts is left; what stays is the last test's affair.
    takeDatabasesAway(home);
  });
  afterAll(() => home.remove());

  test("all are converted, and proved to be the same", () => {
    expect(world.converted.length).toBe(PAGINATED);
    const differing = world.converted.flatMap(({ threadId, differences }) =>
      differences.filter(({ allowed }) => allowed === undefined).map(({ words }) => [threadId, words]),
    );
    expect(differing).toEqual([]);
  });

  test("are listed and read, and show the same turns", async () => {
    const same = { read: 0, turns: 0 };
    await withServer(binary, home, async (server) => {
      const listed = new Set((await listThreads(server, { sourceKinds: ALL_SOURCES })).map(({ id }) => id));
      for (const { threadId } of world.converted) {
        const { isAgentWithoutUser, isArchived, inherits } = world.before.get(threadId) as Before;
        const isListed = !isArchived && !isAgentWithoutUser;
        expect.soft([threadId, listed.has(threadId)]).toEqual([threadId, isListed]);
        const thread = await readThread(server, threadId);
        same.read += 1;
        const before = world.shown.get(threadId);
        if (before === undefined) continue;
        const [ours, theirs] = [turnsOf(thread, release), turnsOf(before, release)];
        const own = inherits ? ours.slice(ours.length - theirs.length) : ours;
        expect.soft(own, threadId).toEqual(theirs);
        same.turns += Number(isDeepStrictEqual(own, theirs));
      }
    });
    table.push([release, world.converted.length, same.read, same.turns]);
  });

  test("are resumed with the history that they had", async () => {
    const threads = world.converted
      .filter(({ threadId, after }) => world.before.get(threadId)?.isArchived === false && existsSync(after))
      .map(({ threadId, after }) => ({ id: threadId, path: after.replace(world.corpus.home, home.path) }));
    expect(threads.length).toBe(PAGINATED - ARCHIVED);
    const probes = await probeThreads(binary, home, threads);
    let equal = 0;
    const refused: string[] = [];
    for (const { id } of threads) {
      const { refusal, history } = probes.get(id) as Probe;
      if (refusal !== undefined) {
        refused.push(refusal);
        continue;
      }
      const [found, expected] = [history, world.before.get(id)?.history ?? []].map((items) =>
        items.map((item) => sent(item, release)),
      );
      expect.soft(found, id).toEqual(expected);
      equal += Number(isDeepStrictEqual(found, expected));
    }
    const ofAgents = expect.stringContaining("is not allowed for multi-agent v2 sub-agents") as string;
    expect(refused).toEqual([ofAgents, ofAgents, ofAgents]);
    table.at(-1)?.push(threads.length, equal);
  });
}

/** 0.142.3 does not know what may stand beside the text of an answer, and sends it no more. */
function sent(item: InputItem, release: Release): InputItem {
  const { content } = item;
  if (release !== "0.142.3" || !Array.isArray(content)) return comparable(item);
  return comparable({
    ...item,
    content: content.map(({ annotations: _annotations, logprobs: _logprobs, ...part }) => part),
  });
}

/** As a user would do it: the command, on a home that a newer release indexed, and then both releases by turns. */
function keptDatabases(binary: CodexBinary): void {
  test("is of use to both releases", async () => {
    const corpus = unpackCorpus("0.169.0");
    const home = testHome(corpus.home);
    try {
      await withFreshIndex(binary, home);
      const revertedId = corpus.threads.get("revert") ?? "";
      const run = () =>
        migrate(openHome({ codexHome: home.path }), {
          target: "legacy",
          threads: [],
          apply: true,
          cwd: home.root,
          userHome: home.root,
          now: () => Date.now(),
        });
      const migrated = run().files.filter(({ status }) => status === "migrated");
      expect(migrated.length).toBe(PAGINATED);
      expect(run().totals).toEqual({ already: PAGINATED + LEGACY });
      const other = codexRelease("0.142.3");
      for (const one of [binary, ...(other === undefined ? [] : [other]), binary]) {
        await withServer(one, home, async (server) => {
          expect((await listThreads(server)).length).toBe(LISTED);
          for (const { thread_id } of migrated) {
            const { historyMode = "legacy" } = await readThread(server, thread_id ?? "");
            expect(historyMode).toBe("legacy");
          }
          const { path, turns } = await readThread(server, revertedId);
          expect([path?.includes("_"), turns.length]).toEqual([false, 3]);
        });
      }
      const modes = stateRows(home.path).threads.map((row) => row["history_mode"]);
      expect(new Set(modes)).toEqual(new Set(["legacy"]));
    } finally {
      home.remove();
      corpus.remove();
    }
  });
}

function turnsOf({ turns }: ClientThread, release: Release): readonly CommonTurn[] {
  return (turns as readonly CommonTurn[]).map((turn) => {
    const { id, status, completedAt, durationMs, items } = turn;
    // 0.142.3 does not know of turns that failed.
    const ended = release === "0.142.3" && status === "failed" ? "completed" : status;
    return { id, status: ended, completedAt, durationMs, items: commonItemsOf(items, release) };
  });
}
