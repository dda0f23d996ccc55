/**
 * What clients show of a thread. `fixtures/turns/case-<number>` holds a rollout each, with the turns that Codex 0.169.0 made
 * of it (`test/interop/turns.test.ts` asks it again) and the warnings of this tool: P the numbered cases of rollout-format
 * §8.2, L more rules of legacy rollouts, C the rules of §8.3, I items of every kind. A new case is a new folder. The stream
 * of a fork is written as a reader of lineages presents it, with the metadata that it leaves out in `sources.jsonl`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { decodeLine } from "../../src/format/decode.ts";
import type { Entry } from "../../src/format/entry.ts";
import type { RecordOf } from "../../src/format/record.ts";
import { readRollout } from "../../src/readers/rollout.ts";
import type { Turn } from "../../src/thread/items.ts";
import { turnsOf } from "../../src/thread/turns.ts";
import { ROOT } from "../support/sources.ts";
import { linesOf } from "./shorthand.ts";

const FOLDER = join(ROOT, "fixtures", "turns");

interface Expected {
  readonly title: string;
  /** Kind and line. */
  readonly warnings: readonly string[];
  readonly turns: readonly { readonly turn: Omit<Turn, "items">; readonly items: Turn["items"] }[];
}

const cases = readdirSync(FOLDER)
  .toSorted()
  .map((name) => {
    const folder = join(FOLDER, name);
    const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Expected;
    return { number: name.slice("case-".length), folder, expected, title: expected.title };
  });

function sourcesOf(folder: string): RecordOf<"session_meta">[] {
  const file = join(folder, "sources.jsonl");
  if (!existsSync(file)) return [];
  return [...readRollout(file)].map((entry) => {
    if (!entry.ok || entry.record.type !== "session_meta") throw new Error("a source that is no metadata");
    return entry.record;
  });
}

/** Codex makes up another id on each read for a hook's prompt that has none; in the files all of them are this one. */
function withoutMadeUpIds(turns: readonly Turn[]): readonly Turn[] {
  return turns.map((turn) => ({
    ...turn,
    items: turn.items.map((item) => (/^hook-prompt-\d+$/.test(item.id) ? { ...item, id: "(made up)" } : item)),
  }));
}

test("all numbered cases of the reference are here", () => {
  const numbers = new Set(cases.map(({ number }) => number.replace(/[a-z]$/, "")));
  for (let number = 1; number <= 35; number += 1) expect(numbers).toContain(`P${String(number).padStart(2, "0")}`);
});

describe.each(cases)("case $number: $title", ({ folder, expected }) => {
  const found = turnsOf(readRollout(join(folder, "input.jsonl")), { sources: sourcesOf(folder) });

  test("has the turns that Codex shows", () => {
    const turns = expected.turns.map(({ turn, items }) => ({ ...turn, items }));
    expect(withoutMadeUpIds(found.turns)).toStrictEqual(turns);
  });

  test("says what it passed over", () => {
    expect(found.warnings.map(({ kind, position }) => `${kind} ${position.line}`)).toEqual(expected.warnings);
  });

  test("has a place for every item", () => {
    expect(found.places.map(({ items }) => items.length)).toEqual(found.turns.map(({ items }) => items.length));
  });
});

function entriesOf(...lines: readonly string[]): Entry[] {
  let offset = 0;
  return lines.map((text, index) => {
    const bytes = Buffer.from(text);
    const position = { line: index + 1, offset, length: bytes.length };
    offset += bytes.length + 1;
    return decodeLine(bytes, position);
  });
}

describe("the history mode", () => {
  const legacy = "META\nTS t1\nUE hello\nTC t1";
  const paginated = "META paginated\nTS t1\nUE hello\nTC t1";

  test("is that of the first metadata", () => {
    expect(turnsOf(entriesOf(...linesOf(legacy)))).toMatchObject({
      mode: "legacy",
      turns: [{ items: [{ id: "item-1" }] }],
    });
    expect(turnsOf(entriesOf(...linesOf(paginated)))).toMatchObject({
      mode: "paginated",
      turns: [{ id: "t1", items: [] }],
    });
  });

  test("is found behind lines that are no records, whose warnings come first", () => {
    const { mode, warnings } = turnsOf(entriesOf("{", ...linesOf(paginated)));
    expect(mode).toBe("paginated");
    expect(warnings).toMatchObject([{ kind: "malformed", position: { line: 1, offset: 0 } }]);
  });

  test("can be given", () => {
    expect(turnsOf(entriesOf(...linesOf(paginated)), { historyMode: "legacy" }).turns).toMatchObject([
      { id: "t1", items: [{ id: "item-1" }] },
    ]);
  });

  test("is legacy without metadata, and without anything", () => {
    expect(turnsOf(entriesOf(...linesOf("UE hello"))).turns).toMatchObject([{ id: "rollout-0" }]);
    expect(turnsOf(entriesOf("{"))).toMatchObject({ mode: "legacy", turns: [], warnings: [{ kind: "malformed" }] });
    expect(turnsOf([])).toEqual({ mode: "legacy", turns: [], places: [], warnings: [] });
  });

  test("that is not known is an error", () => {
    const entries = entriesOf(...linesOf('META {"history_mode":"segmented"}\nUE hello'));
    expect(() => turnsOf(entries)).toThrow(RolloutError);
    expect(() => turnsOf(entries)).toThrow("the metadata names a history mode that is not known");
  });
});

describe("a thread that is loaded somewhere", () => {
  test.each(["META", "META paginated"])("may go on with its last turn (%s)", (meta) => {
    const entries = entriesOf(...linesOf(`${meta}\nTS t1\nTS t2`));
    expect(turnsOf(entries, { isRunning: true }).turns.map(({ status }) => status)).toEqual([
      "interrupted",
      "inProgress",
    ]);
    expect(turnsOf(entries).turns.map(({ status }) => status)).toEqual(["interrupted", "interrupted"]);
  });
});
