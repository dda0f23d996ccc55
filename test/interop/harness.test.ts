/** The harness itself: what it gets from the real binary on a corpus home is what the corpus says it answers. */
import { expect, it } from "vitest";

import {
  allLists,
  backfill,
  describeWithCodex,
  doctor,
  readThread,
  takeDatabasesAway,
  testHome,
  withServer,
} from "./codex.ts";
import { corpusFolder, unpackCorpus } from "./corpus.ts";

describeWithCodex("0.169.0", "the harness on a corpus home", (binary) => {
  it.skipIf(corpusFolder() === undefined)("gets from the real binary what the corpus says it answers", async () => {
    const corpus = unpackCorpus("0.169.0");
    const home = testHome(corpus.home);
    takeDatabasesAway(home, ["state_"]);
    const { rows } = await backfill(binary, home);
    const rebuilt = corpus.oracle("rebuilt");
    const written = corpus.writtenIn;
    const relative = (row: Readonly<Record<string, unknown>>): unknown =>
      Object.fromEntries(
        Object.entries(row).map(([column, value]) => [
          column,
          typeof value === "string" ? value.replaceAll(home.root, "$DIR").replaceAll(written, "$DIR") : value,
        ]),
      );
    expect(rows.threads.map(relative)).toEqual(rebuilt.threads);
    expect(rows.edges.map(relative)).toEqual(rebuilt.thread_spawn_edges);
    expect(rows.backfill[0]).toMatchObject({ status: "complete" });

    const multi = corpus.threads.get("multi") ?? "";
    const { lists, read } = await withServer(binary, home, async (server) => ({
      lists: await allLists(server),
      read: await readThread(server, multi),
    }));
    expect(lists.archived.map((thread) => thread.id)).toHaveLength(5);
    expect(lists.all.length).toBeGreaterThan(60);
    expect(read.turns).toEqual(corpus.oracle("turns").reads["multi"]?.turns);
    expect((await doctor(binary, home))["state.paths"]).toMatchObject({ status: "ok" });
    home.remove();
    corpus.remove();
  });
});
