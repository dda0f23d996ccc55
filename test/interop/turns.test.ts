/**
 * Turns and items against Codex 0.169.0: what it was asked once about every thread of the corpus homes, and what it says
 * today of the cases in `fixtures/turns`, whose answers `test/thread/turns.test.ts` goes by.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { RecordOf } from "../../src/format/record.ts";
import { type LineageSegment, lineageChain, readLineage } from "../../src/readers/lineage.ts";
import { readRollout } from "../../src/readers/rollout.ts";
import type { Turns } from "../../src/thread/items.ts";
import { turnsOf } from "../../src/thread/turns.ts";
import { ROOT } from "../support/sources.ts";
import {
  type AppServer,
  type ClientThread,
  describeWithCodex,
  readThread,
  resumeThread,
  testHome,
  withServer,
} from "./codex.ts";
import { CORPUS_NAMES, corpusFolder, unpackCorpus } from "./corpus.ts";

/** The thread of all cases. */
const THREAD = "01a1fb9b-c0ad-7e90-b655-f5b7c29304d6";

/** Threads that were read, by home: all but those that never had a file. */
const THREADS = {
  "0.47.0": 6,
  "0.77.0": 52,
  "0.98.0": 64,
  "0.128.0": 65,
  "0.142.3": 63,
  "0.142.3-zst": 63,
  "0.169.0": 64,
  "0.169.0-zst": 64,
};

describe.skipIf(corpusFolder() === undefined).each(CORPUS_NAMES)("the home of %s", (name) => {
  const corpus = corpusFolder() === undefined ? undefined : unpackCorpus(name);
  afterAll(() => corpus?.remove());
  const reads = Object.entries(corpus?.oracle("turns").reads ?? {}).filter(([, { error }]) => error === undefined);

  test("has as many threads as there should be", () => {
    expect(reads.length).toBe(THREADS[name]);
  });

  test.each(reads)("%s", (_, thread) => {
    const { turns, warnings } = turnsOfFile(corpus?.home ?? "", thread.path ?? "");
    expect(turns).toStrictEqual(thread.turns);
    // Old context records are nothing that a client would see.
    expect(warnings).toEqual([]);
  });
});

/** Of a rollout that Codex named when the home still lay elsewhere. */
function turnsOfFile(codexHome: string, namedPath: string): Turns {
  const path = join(codexHome, namedPath.slice(namedPath.lastIndexOf("/home/") + "/home/".length));
  const chain = lineageChain({ codexHome }, path);
  return turnsOf(readLineage({ codexHome }, chain), { sources: chain.segments.slice(0, -1).map(metadataOf) });
}

function metadataOf({ path }: LineageSegment): RecordOf<"session_meta"> {
  for (const entry of readRollout(path)) if (entry.ok && entry.record.type === "session_meta") return entry.record;
  throw new Error(`${path} has no metadata`);
}

describeWithCodex("0.169.0", "the cases of fixtures/turns", (binary) => {
  // A thread of several files cannot be made of one stream.
  const cases = readCases().filter(({ folder }) => !existsSync(join(folder, "sources.jsonl")));

  test("are what the release answers", async () => {
    const home = testHome();
    const folder = join(home.path, "sessions", "2026", "11", "21");
    mkdirSync(folder, { recursive: true });
    for (const { id, text } of cases) writeFileSync(join(folder, `rollout-2026-11-21T00-29-49-${id}.jsonl`), text);
    const paginated = cases.filter(({ text }) => text.includes('"history_mode":"paginated"'));
    await withServer(binary, home, (server) => each(paginated, ({ id }) => resumeThread(server, id)));
    const found = await withServer(binary, home, (server: AppServer) =>
      each(cases, ({ id }) => readThread(server, id)),
    );
    home.remove();
    for (const [at, { number, id, expected }] of cases.entries()) {
      const turns = JSON.parse(JSON.stringify(found[at]?.turns).replaceAll(id, THREAD)) as ClientThread["turns"];
      expect(withoutMadeUpIds(turns, expected), number).toStrictEqual(expected);
    }
  });
});

interface Case {
  readonly number: string;
  readonly folder: string;
  /** An id of its own, in the place of the one that all cases share. */
  readonly id: string;
  readonly text: string;
  readonly expected: ClientThread["turns"];
}

function readCases(): readonly Case[] {
  const all = join(ROOT, "fixtures", "turns");
  return readdirSync(all).map((name, index) => {
    const folder = join(all, name);
    const id = `01a20000-0000-7000-8000-${String(index).padStart(12, "0")}`;
    const text = readFileSync(join(folder, "input.jsonl"), "utf8").replaceAll(THREAD, id);
    const { turns } = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as {
      readonly turns: readonly {
        readonly turn: { readonly id: string };
        readonly items: ClientThread["turns"][number]["items"];
      }[];
    };
    return {
      number: name.slice("case-".length),
      folder,
      id,
      text,
      expected: turns.map(({ turn, items }) => ({ ...turn, items })),
    };
  });
}

async function each<T, R>(list: readonly T[], ask: (member: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = [];
  for (const member of list) answers.push(await ask(member));
  return answers;
}

/** The id that is new on every read becomes what stands for it in the file. */
function withoutMadeUpIds(turns: ClientThread["turns"], expected: ClientThread["turns"]): ClientThread["turns"] {
  return turns.map((turn, at) => ({
    ...turn,
    items: turn.items.map((item, index) => {
      const id = expected[at]?.items[index]?.["id"];
      return id === "(made up)" && item["type"] === "hookPrompt" ? { ...item, id } : item;
    }),
  }));
}
