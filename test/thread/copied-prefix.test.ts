import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeLine } from "../../src/format/decode.ts";
import type { Entry } from "../../src/format/entry.ts";
import { uuidTimeMs } from "../../src/format/names.ts";
import { readRollout } from "../../src/readers/rollout.ts";
import { type CopiedPrefix, copiedPrefix } from "../../src/thread/copied-prefix.ts";
import { expectedOf, type LineageCase, lineageCase, lineageCases } from "../support/lineage-cases.ts";
import {
  event,
  type LineRecord,
  META_MS,
  meta,
  paginatedMeta,
  responseItem,
  rolloutText,
  settings,
  threadId,
} from "../support/lines.ts";

function entriesOf(
  lines: readonly (LineRecord | string)[],
  options: { readonly paginated?: boolean } = {},
): readonly Entry[] {
  return rolloutText(lines, options)
    .trimEnd()
    .split("\n")
    .map((text, index) => decodeLine(Buffer.from(text), { line: index + 1, offset: 0, length: text.length }));
}

/** Without places, which these tests say nothing about. */
function outline(found: CopiedPrefix): unknown {
  const { kind, sources, entries, own, rule, isExact, missing } = found;
  return { kind, sources, entries, ownLine: own?.line, rule, isExact, missing };
}

/** A version 7 id made so many milliseconds after thread 1 of these tests. */
function turnId(afterMs: number): string {
  const madeMs = (uuidTimeMs(threadId(1)) ?? 0) + afterMs;
  const digits = madeMs.toString(16).padStart(12, "0");
  return `${digits.slice(0, 8)}-${digits.slice(8)}-7000-9000-000000000000`;
}

function turn(afterMs: number): LineRecord {
  return event("task_started", {
    turn_id: turnId(afterMs),
    started_at: Math.floor(META_MS / 1000),
    model_context_window: null,
  });
}

const FORK = meta(1, { forked_from_id: threadId(5) });
const SOURCE = meta(5);

/** The file of a thread; of a reverted one the newest. */
function fileOf({ home }: LineageCase, id: string): string {
  const files = readdirSync(home, { recursive: true, encoding: "utf8" }).filter((path) => path.includes(`-${id}`));
  return join(home, files.toSorted().at(-1) ?? "");
}

describe("fixtures/lineage", () => {
  const cases = lineageCases().filter(({ fault }) => fault === undefined);

  it.each(cases.map((each) => [each.name, each] as const))("%s", (_name, each) => {
    expect(JSON.parse(JSON.stringify(copiedPrefix(readRollout(fileOf(each, each.thread ?? "")))))).toEqual(
      expectedOf(each).copied,
    );
  });

  it("copy-0.98: its turns have no ids, so only the source tells", () => {
    const each = lineageCase("copy-0.98");
    const source = fileOf(each, "01a1fb9e-79ef-7672-9b2c-b56f75f2ecaa");
    const found = copiedPrefix(readRollout(fileOf(each, each.thread ?? "")), readRollout(source));
    // Metadata of the fork, and the twelve records that the source had at that time.
    expect(outline(found)).toMatchObject({ kind: "fork", entries: 13, ownLine: 14, rule: "source", isExact: true });
  });

  it("agrees with the source wherever ids tell too", () => {
    for (const [name, source] of [
      ["copy-0.169", "01a1fb9b-efb1-7602-8ddf-f26d4860226a"],
      ["copy-of-copy-0.142", "01a1fb9a-802e-7b11-b9b3-904953bc84fb"],
    ] as const) {
      const each = lineageCase(name);
      const found = copiedPrefix(readRollout(fileOf(each, each.thread ?? "")), readRollout(fileOf(each, source)));
      expect(JSON.parse(JSON.stringify(found))).toEqual(expectedOf(each).copied);
    }
  });
});

describe("copiedPrefix", () => {
  it("finds none where a thread began on its own", () => {
    const lines = [meta(1), turn(5), responseItem("own")];
    expect(outline(copiedPrefix(entriesOf(lines)))).toEqual({
      kind: "none",
      sources: [],
      entries: 1,
      ownLine: 2,
      rule: "id",
      isExact: true,
      missing: 0,
    });
    expect(copiedPrefix([])).toMatchObject({ kind: "none", entries: 0, own: undefined, rule: "end", isExact: true });
    expect(copiedPrefix(entriesOf([meta(1)]))).toMatchObject({ kind: "none", entries: 1, rule: "end" });
  });

  it("finds none in a copy-on-write fork, whatever its metadata says", () => {
    const base = { thread_id: threadId(5), end_ordinal_exclusive: 9, end_byte_offset: 99 };
    const cow = paginatedMeta(1, { forked_from_id: threadId(5), history_base: base });
    expect(copiedPrefix(entriesOf([cow, responseItem("own")]))).toMatchObject({ kind: "none", entries: 1 });
    // Cut before the first turn: nothing to refer to, nothing copied.
    const bare = paginatedMeta(1, { forked_from_id: threadId(5) });
    expect(copiedPrefix(entriesOf([bare, settings()]))).toMatchObject({ kind: "none", entries: 1, rule: "id" });
  });

  it("ends it at a record that names this thread, or at a turn that is younger than it", () => {
    const copied = [FORK, SOURCE, turn(-50), responseItem("copied"), settings({ thread_id: undefined })];
    const named = event("thread_settings_applied", { ...settings().payload, thread_id: threadId(1) });
    expect(copiedPrefix(entriesOf([FORK, SOURCE, turn(-50), responseItem("copied"), named]))).toMatchObject({
      kind: "fork",
      sources: [threadId(5)],
      entries: 4,
      rule: "id",
      isExact: true,
    });
    expect(copied).toHaveLength(5);
    expect(copiedPrefix(entriesOf([FORK, SOURCE, turn(-50), turn(-1), "torn", turn(0)]))).toMatchObject({
      entries: 5,
      rule: "id",
    });
    expect(copiedPrefix(entriesOf([FORK, SOURCE, turn(-50), turn(-1)]))).toMatchObject({
      entries: 4,
      own: undefined,
      rule: "end",
      isExact: true,
    });
  });

  it("sees a copy also by its metadata alone, and by the metadata of another thread alone", () => {
    expect(copiedPrefix(entriesOf([FORK, "damaged", turn(-50), turn(9)]))).toMatchObject({
      kind: "fork",
      sources: [],
      entries: 3,
    });
    expect(copiedPrefix(entriesOf([meta(1), SOURCE, turn(-50), turn(9)]))).toMatchObject({
      kind: "fork",
      sources: [threadId(5)],
      entries: 3,
    });
  });

  it("says that ids do not tell, unless the source does", () => {
    const source = entriesOf([SOURCE, responseItem("a"), responseItem("b")], {});
    const fork = entriesOf([
      meta(1, { forked_from_id: threadId(5), timestamp: "2025-11-01T11:00:00.000Z" }),
      SOURCE,
      responseItem("a"),
      responseItem("b"),
      responseItem("c"),
    ]);
    expect(outline(copiedPrefix(fork))).toMatchObject({
      entries: 5,
      ownLine: undefined,
      rule: "untold",
      isExact: false,
    });
    expect(outline(copiedPrefix(fork, source))).toMatchObject({
      entries: 4,
      ownLine: 5,
      rule: "source",
      isExact: true,
    });
    // A record that the copy left out does not end it.
    const more = entriesOf([SOURCE, responseItem("a"), responseItem("left out"), responseItem("b")]);
    expect(outline(copiedPrefix(fork, more))).toMatchObject({ entries: 4, rule: "source" });
    // What the source wrote after the fork was made was not copied, even if it is the same.
    const late = rolloutText([responseItem("c")], { startMs: META_MS + 7_200_000 }).trimEnd();
    const grown = [...source, decodeLine(Buffer.from(late), { line: 4, offset: 0, length: late.length })];
    expect(outline(copiedPrefix(fork, grown))).toMatchObject({ entries: 4, rule: "source" });
  });

  it("of an agent goes by what the metadata declares", () => {
    const spawn = { subagent: { thread_spawn: { parent_thread_id: threadId(5), depth: 1 } } };
    const agent = (start: number) =>
      paginatedMeta(1, { source: spawn, forked_from_id: threadId(5), subagent_history_start_ordinal: start });
    const lines = [paginatedMeta(5), turn(-50), responseItem("copied"), turn(7), responseItem("own")];
    expect(outline(copiedPrefix(entriesOf([agent(4), ...lines], { paginated: true })))).toEqual({
      kind: "agent",
      sources: [threadId(5)],
      entries: 4,
      ownLine: 5,
      rule: "declared",
      isExact: true,
      missing: 0,
    });
    expect(copiedPrefix(entriesOf([agent(9), ...lines], { paginated: true }))).toMatchObject({
      entries: 6,
      rule: "end",
      missing: 3,
    });
    expect(copiedPrefix(entriesOf([agent(6), ...lines], { paginated: true }))).toMatchObject({
      entries: 6,
      rule: "end",
      missing: 0,
    });
  });

  it("reads no further than it has to", () => {
    let read = 0;
    const counted = function* (entries: readonly Entry[]): Generator<Entry> {
      for (const entry of entries) {
        read += 1;
        yield entry;
      }
    };
    const long = entriesOf([
      FORK,
      SOURCE,
      turn(-9),
      turn(9),
      ...Array.from({ length: 100 }, () => responseItem("own")),
    ]);
    expect(copiedPrefix(counted(long)).entries).toBe(3);
    expect(read).toBe(4);
  });
});
