/**
 * Every legacy thread of the corpus homes made paginated and legacy again: the model's history stays what it was. No release is
 * asked here; `legacy.test.ts` and the tests of the way forward do that.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

import { encodeLine } from "../../src/format/encode.ts";
import type { RolloutRecord } from "../../src/format/record.ts";
import { paginated } from "../../src/migrate/paginated.ts";
import { openSourceOf } from "../../src/migrate/source.ts";
import { differencesOf } from "../../src/proof/differences.ts";
import { proofOf } from "../../src/proof/proof.ts";
import { discoverRollouts, type RolloutFile } from "../../src/readers/home.ts";
import { readRollout } from "../../src/readers/rollout.ts";
import type { Turn } from "../../src/thread/items.ts";
import { convertHome } from "../migrate/legacy-drive.ts";
import { corpusFolder, type CorpusName, unpackCorpus } from "./corpus.ts";
import { writeTable } from "./history-table.ts";
import { commonItemsOf } from "./legacy-turns.ts";
import { removeScratch, scratchFolder } from "./scratch.ts";

/** Home, legacy threads in it, and how many had a compaction rolled back: an empty one stands for it afterwards, and a client shows a turn of it. */
const HOMES: readonly (readonly [name: CorpusName, threads: number, anchored: number])[] = [
  ["0.47.0", 6, 0],
  ["0.77.0", 54, 0],
  ["0.98.0", 74, 0],
  ["0.128.0", 76, 1],
  ["0.142.3", 75, 1],
  ["0.169.0", 7, 0],
];

const table: (string | number)[][] = [];
afterAll(() =>
  writeTable("Legacy threads, paginated and back", [["home", "threads", "same history", "same turns"], ...table]),
);

/** The paginated file that the way forward makes of one; undefined for one that is paginated already. */
function forward(file: RolloutFile): string | undefined {
  const source = openSourceOf(file.path, file);
  if (paginated.judge(source, { isContinued: false }).kind !== "convert") return undefined;
  const lines: string[] = [];
  const put = ({ ordinal: _ordinal, ...record }: RolloutRecord): void =>
    void lines.push(encodeLine({ ...record, ordinal: lines.length }));
  paginated.convert(source, { record: put, keep: put, aside: () => undefined, note: () => undefined });
  return `${lines.join("\n")}\n`;
}

/** What was said and done in it, whatever the turn is called. */
function words({ items }: Turn): unknown {
  return commonItemsOf(items as never, "0.142.3").map(({ id: _id, ...item }) => item);
}

describe.skipIf(corpusFolder() === undefined).each(HOMES)("the legacy threads of %s", (name, threads, anchored) => {
  test("come back with the history that they had", () => {
    const corpus = unpackCorpus(name);
    const folder = scratchFolder("round-trip");
    const target = join(folder, "sessions", "2026", "11", "21");
    mkdirSync(target, { recursive: true });
    const originals = new Map<string, string>();
    for (const file of discoverRollouts(corpus.home).files) {
      const text = forward(file);
      if (text === undefined) continue;
      const path = join(target, basename(file.logicalPath));
      writeFileSync(path, text);
      originals.set(path, file.path);
    }
    const { converted } = convertHome(folder);
    expect(converted.length).toBe(threads);
    const tally = { history: 0, turns: 0 };
    for (const { after, differences } of converted) {
      const original = originals.get(after) ?? "";
      const [before, now] = [original, after].map((path) =>
        proofOf((kinds) => readRollout(path, { kinds }), { turn: words }),
      ) as [ReturnType<typeof proofOf>, ReturnType<typeof proofOf>];
      const found = differencesOf(before, now).map(({ view }) => view);
      tally.history += Number(!found.includes("history"));
      tally.turns += Number(!found.includes("turns"));
      expect.soft([after, differences.filter(({ allowed }) => allowed === undefined)]).toEqual([after, []]);
    }
    removeScratch(folder);
    corpus.remove();
    table.push([name, threads, tally.history, tally.turns]);
    expect(tally).toEqual({ history: threads, turns: threads - anchored });
  });
});
