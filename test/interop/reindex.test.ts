/**
 * `reindex` on homes that real releases wrote: by the rules of Codex it gives what Codex's own rebuild gives, column for column,
 * and the real binary finds nothing to complain about; by its own rules it comes nearer to what the live database held.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import {
  allLists,
  backfill,
  codexRelease,
  doctor,
  readThread,
  stateRows,
  takeDatabasesAway,
  withServer,
  writeCodexConfig,
  type ClientThread,
  type CodexBinary,
  type DoctorCheck,
  type Release,
  type StateRows,
  type TestHome,
} from "./codex.ts";
import { CORPUS_NAMES, corpusFolder, unpackCorpus, type Corpus, type CorpusName } from "./corpus.ts";
import { byId, distances, ids, migrationFacts, placelessRows, withoutPlace, type Distance } from "./oracle.ts";
import { reindex, type ToolRun } from "./tool.ts";

const haveCorpus = corpusFolder() !== undefined;
const binaries: Readonly<Record<Release, CodexBinary | undefined>> = {
  "0.142.3": codexRelease("0.142.3"),
  "0.169.0": codexRelease("0.169.0"),
};

/** The release that answered for a home: homes older than 0.142.3 are looked at as after an upgrade. */
function releaseOf(name: CorpusName): Release {
  return name.startsWith("0.142.3") ? "0.142.3" : "0.169.0";
}

/** What the real binary says about a home. */
interface Answers {
  readonly lists: Awaited<ReturnType<typeof allLists>>;
  /** Label → thread, or the refusal. */
  readonly reads: Readonly<Record<string, ClientThread | string>>;
  readonly parity: DoctorCheck | undefined;
}

async function ask(binary: CodexBinary, home: TestHome, corpus: Corpus): Promise<Answers> {
  const parity = (await doctor(binary, home))["state.rollout_db_parity"];
  const answers = await withServer(binary, home, async (server) => {
    const lists = await allLists(server);
    const reads: Record<string, ClientThread | string> = {};
    for (const [label, id] of corpus.threads) {
      reads[label] = await readThread(server, id).catch((error: unknown) => String(error));
    }
    return { lists, reads };
  });
  return { ...answers, parity };
}

/** A corpus home in a folder of its own, its state database taken away. */
function prepared(name: CorpusName): { readonly corpus: Corpus; readonly home: TestHome } {
  const corpus = unpackCorpus(name);
  const home = { root: corpus.folder, path: corpus.home, remove: () => corpus.remove() };
  writeCodexConfig(home.path);
  return { corpus, home };
}

for (const name of CORPUS_NAMES) {
  const binary = binaries[releaseOf(name)];
  describe.skipIf(!haveCorpus || binary === undefined)(`the home of ${name}, by the rules of Codex`, () => {
    let corpus: Corpus;
    let home: TestHome;
    let run: ToolRun;
    let rows: StateRows;
    let own: { readonly home: TestHome; readonly rows: StateRows; readonly answers: Answers };
    let answers: Answers;

    beforeAll(async () => {
      if (binary === undefined) return;
      const theirs = prepared(name);
      takeDatabasesAway(theirs.home, ["state_"]);
      own = {
        home: theirs.home,
        rows: (await backfill(binary, theirs.home)).rows,
        answers: await ask(binary, theirs.home, theirs.corpus),
      };
      ({ corpus, home } = prepared(name));
      takeDatabasesAway(home, ["state_"]);
      run = reindex(home, "--rules", "codex", "--schema", releaseOf(name));
      rows = stateRows(home.path);
      answers = await ask(binary, home, corpus);
    });
    afterAll(() => {
      own.home.remove();
      corpus.remove();
    });

    it("gives every column of every row that the corpus says", () => {
      const oracle = corpus.oracle("rebuilt");
      const ours = byId(placelessRows(rows.threads, home, corpus));
      for (const row of oracle.threads) expect(ours.get(String(row["id"]))).toEqual(row);
      expect(placelessRows(rows.edges, home, corpus)).toEqual(oracle.thread_spawn_edges);
      expect(rows.backfill).toHaveLength(1);
      expect(rows.backfill[0]).toMatchObject({
        id: 1,
        status: "complete",
        last_watermark: own.rows.backfill[0]?.["last_watermark"],
      });
    });

    it("gives what the real binary makes of the same files, no row more, no row less", () => {
      expect(run.exit).toBe(0);
      const plain = (side: StateRows, place: TestHome): unknown => placelessRows(side.threads, place, corpus);
      expect(plain(rows, home)).toEqual(plain(own.rows, own.home));
      expect(migrationFacts(rows)).toEqual(migrationFacts(own.rows));
    });

    it("is opened by the real binary, which doctors, lists and reads as after its own rebuild", () => {
      expect(answers.parity?.summary).toBe(own.answers.parity?.summary);
      expect(withoutPlace(answers.parity?.details, home, corpus)).toEqual(
        withoutPlace(own.answers.parity?.details, own.home, corpus),
      );
      for (const list of ["live", "archived", "all", "dbonly"] as const) {
        expect(withoutPlace(answers.lists[list], home, corpus), list).toEqual(
          withoutPlace(own.answers.lists[list], own.home, corpus),
        );
      }
      expect(withoutPlace(answers.reads, home, corpus)).toEqual(withoutPlace(own.answers.reads, own.home, corpus));
    });

    it("lists and shows the threads that the corpus says", () => {
      const oracle = corpus.oracle("turns");
      for (const list of ["live", "archived", "all"] as const) {
        expect(new Set(ids(answers.lists[list])), list).toEqual(new Set(ids(oracle.lists[list])));
      }
      // 0.142.3 told its own turns by its own rules; for the others 0.169.0 answered.
      const reads = releaseOf(name) === "0.142.3" ? corpus.oracle("thread-read") : oracle.reads;
      for (const [label, expected] of Object.entries(reads)) {
        const found = answers.reads[label];
        if (expected.error !== undefined) expect(typeof found, label).toBe("string");
        else expect(typeof found === "string" ? found : found?.turns, label).toEqual(expected.turns);
      }
    });
  });
}

const LIVE: readonly CorpusName[] = ["0.142.3", "0.142.3-zst", "0.169.0", "0.169.0-zst"];

for (const name of LIVE) {
  describe.skipIf(!haveCorpus)(`the home of ${name}, by the rules of this tool`, () => {
    it("comes nearer to the live database than Codex's rebuild in every column, and gets previews, titles and names right", () => {
      const { corpus, home } = prepared(name);
      const live = placelessRows(stateRows(home.path).threads, home, corpus);
      takeDatabasesAway(home, ["state_"]);
      const run = reindex(home, "--schema", releaseOf(name));
      expect(run.exit).toBe(0);
      const ours = distances(placelessRows(stateRows(home.path).threads, home, corpus), live);
      const codex = distances(corpus.oracle("rebuilt").threads, live);
      const columns = [...ours.keys()]
        .filter((column) => distanceOf(ours, column).rows + distanceOf(codex, column).rows > 0)
        .toSorted();
      writeTable(`### Columns that differ from the live database, home ${name} (${String(live.length)} rows)`, [
        ["column", "Codex's rebuild: rows", "ms apart", "reindex: rows", "ms apart"],
        ...columns.map((column) => [
          column,
          ...[codex, ours].flatMap((side) => distanceCells(distanceOf(side, column))),
        ]),
      ]);
      expect(
        columns.filter((column) => isFarther(column, distanceOf(ours, column), distanceOf(codex, column))),
      ).toEqual([]);
      for (const column of ["preview", "title", "name", "first_user_message"])
        expect(distanceOf(ours, column).rows, column).toBe(0);
      corpus.remove();
    });

    it("agrees with its rollouts afterwards, and a second run writes nothing", () => {
      const { corpus, home } = prepared(name);
      takeDatabasesAway(home, ["state_"]);
      reindex(home, "--schema", releaseOf(name));
      const file = join(home.path, "state_5.sqlite");
      const before = readFileSync(file);
      expect(reindex(home, "--check")).toMatchObject({ exit: 0, report: { action: "checked", differences: [] } });
      expect(reindex(home)).toMatchObject({ exit: 0, report: { action: "unchanged" } });
      expect(readFileSync(file).equals(before)).toBe(true);
      corpus.remove();
    });
  });
}

function distanceOf(side: ReadonlyMap<string, Distance>, column: string): Distance {
  return side.get(column) ?? { rows: 0, ms: 0 };
}

function distanceCells({ rows, ms }: Distance): readonly string[] {
  return [String(rows), ms === 0 ? "" : String(ms)];
}

/** A time is judged by its milliseconds; the column of whole seconds beside it says the same, but jumps at their edges. */
function isFarther(column: string, ours: Distance, codex: Distance): boolean {
  if (["created_at", "updated_at", "recency_at"].includes(column)) return false;
  return column.endsWith("_ms") ? ours.ms > codex.ms : ours.rows > codex.rows;
}

/** Appends to the file that ROLLOUT_TOOL_TABLES names, if it names one. */
function writeTable(title: string, rows: readonly (readonly string[])[]): void {
  const file = process.env["ROLLOUT_TOOL_TABLES"];
  if (file === undefined) return;
  const [head = [], ...body] = rows;
  const lines = [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`);
  appendFileSync(file, `${title}\n\n${lines.join("\n")}\n\n`);
}
