/**
 * `list` on homes that real releases wrote: the same threads in the same order, under the same names, as the real binary
 * lists, from the index and from the rollouts alone; and the same answer to every filter that both have.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { readTable, snapshot } from "../support/homes.ts";
import { runTool } from "../support/list-home.ts";
import { ALL_SOURCES, type ClientThread, describeWithCodex, type TestHome, testHome, withServer } from "./codex.ts";
import { type Corpus, CORPUS_NAMES, corpusFolder, unpackCorpus } from "./corpus.ts";
import { reindex } from "./tool.ts";

interface Listed {
  readonly id: string;
  readonly shown_name: string | null;
  readonly preview: string;
}

async function list(home: string, ...argv: readonly string[]): Promise<readonly Listed[]> {
  const { code, out } = await runTool(home, ["list", "--json", ...argv]);
  expect(code).toBe(0);
  return (JSON.parse(out) as { readonly threads: readonly Listed[] }).threads;
}

/** The binary lists a reverted thread once for each of its files (observed §7). */
function once(threads: readonly ClientThread[]): readonly ClientThread[] {
  return threads.filter(({ id }, index) => threads.findIndex((other) => other.id === id) === index);
}

const STARTED_BY_PEOPLE = ["--source", "cli", "--source", "vscode"];
const LISTS = [
  ["live", STARTED_BY_PEOPLE],
  ["archived", ["--archived", ...STARTED_BY_PEOPLE]],
  ["all", []],
  ["dbonly", STARTED_BY_PEOPLE],
] as const;

describe.skipIf(corpusFolder() === undefined).each(CORPUS_NAMES)("the home of %s", (name) => {
  let corpus: Corpus;
  beforeAll(() => {
    corpus = unpackCorpus(name);
  });
  afterAll(() => corpus.remove());

  it.each([["index", []] as const, ["rollouts", ["--from-files"]] as const])("from the %s", async (_from, option) => {
    const before = snapshot(corpus.home);
    for (const [which, argv] of LISTS) {
      const oracle = once(corpus.oracle("turns").lists[which]);
      const ours = await list(corpus.home, ...argv, ...option);
      expect(
        ours.map(({ id, shown_name: shown }) => [id, shown]),
        which,
      ).toEqual(oracle.map(({ id, name: shown }) => [id, shown]));
    }
    expect(snapshot(corpus.home)).toEqual(before);
  });
});

describeWithCodex("0.169.0", "filters and orders", (binary) => {
  const haveCorpus = corpusFolder() !== undefined;
  let corpus: Corpus;
  let home: TestHome;
  beforeAll(() => {
    if (!haveCorpus) return;
    corpus = unpackCorpus("0.169.0");
    home = testHome(corpus.home);
    reindex(home);
  });
  afterAll(() => {
    home.remove();
    corpus.remove();
  });

  it.skipIf(!haveCorpus)("give what the real binary gives", async () => {
    const edges = readTable(home.path, "thread_spawn_edges", "child_thread_id");
    const parents = new Set(edges.map((edge) => String(edge["parent_thread_id"])));
    const folder = `${corpus.writtenIn}/work`;
    const queries: readonly (readonly [Readonly<Record<string, unknown>>, readonly string[]])[] = [
      ...[...parents].flatMap((id) => [
        [{ parentThreadId: id }, ["--parent", id]] as const,
        [{ ancestorThreadId: id }, ["--ancestor", id]] as const,
      ]),
      ...(["created", "updated", "recency"] as const).flatMap((sort) => [
        [{ sortKey: `${sort}_at`, sortDirection: "desc" }, ["--sort", sort]] as const,
        [{ sortKey: `${sort}_at`, sortDirection: "asc" }, ["--sort", sort, "--reverse"]] as const,
      ]),
      [{ searchTerm: "tools2" }, ["--search", "tools2"]],
      [{ cwd: folder }, ["--cwd", `${folder}/`]],
      [{ cwd: [folder, `${folder}-plain`] }, ["--cwd", folder, "--cwd", `${folder}-plain`]],
      [{ modelProviders: ["mock"] }, ["--provider", "mock"]],
      [{ sourceKinds: ["exec"] }, ["--source", "exec"]],
      [{ sourceKinds: ["subAgent"] }, ["--source", "subagent"]],
      [{ sourceKinds: ["subAgentReview"] }, ["--source", "subagent:review"]],
      [{ sourceKinds: ["subAgentThreadSpawn"] }, ["--source", "subagent:thread_spawn"]],
      [{ archived: true }, ["--archived"]],
    ];
    expect(parents.size).toBeGreaterThan(4);
    await withServer(binary, home, async (server) => {
      for (const [query, argv] of queries) {
        const params = { limit: 100, modelProviders: [], sourceKinds: ALL_SOURCES, useStateDbOnly: true, ...query };
        const { data } = (await server.request("thread/list", params)) as { readonly data: readonly ClientThread[] };
        const ours = await list(home.path, ...argv);
        expect(
          ours.map(({ id }) => id),
          argv.join(" "),
        ).toEqual(data.map(({ id }) => id));
      }
    });
  });

  it.skipIf(!haveCorpus)(
    "leave out what is attached to another thread, as the real binary does everywhere",
    async () => {
      const id = corpus.threads.get("fork-attached");
      const params = { limit: 100, modelProviders: [], sourceKinds: ALL_SOURCES };
      const answers = await withServer(binary, home, async (server) => [
        await server.request("thread/list", params),
        await server.request("thread/list", { ...params, useStateDbOnly: true }),
      ]);
      for (const answer of answers) {
        expect((answer as { readonly data: readonly ClientThread[] }).data.map((thread) => thread.id)).not.toContain(
          id,
        );
      }
      expect((await list(home.path)).map((thread) => thread.id)).not.toContain(id);
      expect((await list(home.path, "--hidden")).map((thread) => thread.id)).toContain(id);
    },
  );
});
