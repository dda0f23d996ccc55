import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import type { Entry } from "../../src/format/entry.ts";
import { kindOf } from "../../src/format/peek.ts";
import { differencesOf } from "../../src/proof/differences.ts";
import { digestOfDigests, digestOfValue } from "../../src/proof/digest.ts";
import { LEFT_OUT, type Proof, proofOf, type ProofOptions, summaryOf } from "../../src/proof/proof.ts";
import { entriesOf } from "../thread/shorthand.ts";

function proofFor(rows: string, options?: ProofOptions): Proof {
  const entries = entriesOf(rows);
  return proofOf(() => entries, options);
}

function differ(before: string, after: string, options?: ProofOptions) {
  const found = differencesOf(proofFor(before, options), proofFor(after, options));
  return found.map(({ view, words }) => `${view}: ${words}`);
}

const TWO_TURNS = "META\ncomplete t1\ncomplete t2";
const PAGINATED = `META paginated
TS t1
TX t1 m1
U u1
RECORD {"type":"event_msg","payload":{"type":"item_completed","thread_id":"01a1fb9b-c0ad-7e90-b655-f5b7c29304d6","turn_id":"t1","item":{"type":"UserMessage","id":"item-1","content":[{"type":"text","text":"u1","text_elements":[]}]},"completed_at_ms":0}}
A a1
TC t1`;

describe("proofOf", () => {
  it.each([
    ["legacy", "META\ncomplete t1\nTS t2\nCP+\n  U kept\nTX t2 m2\nUE u2\nU u2\nTC t2", [2, 2, 2], 1],
    ["paginated", PAGINATED, [2, 1, 1], 0],
    ["without records", "", [0, 1, 0], 0],
  ])("counts what there is in each view: %s", (_, rows, counts, window) => {
    const proof = proofFor(rows);
    expect([proof.history.length, proof.windows.length, proof.turns.length]).toEqual(counts);
    expect(proof.next.windowNumber).toBe(window);
    for (const digest of [...proof.history, ...proof.windows, ...proof.turns]) expect(digest).toMatch(/^[0-9a-f]{64}$/);
  });

  it("asks for the kinds that a view needs, and for all where it needs them", () => {
    const entries = entriesOf(TWO_TURNS);
    const asked: boolean[] = [];
    const reading = (kinds?: (kind: string) => boolean): Entry[] => {
      asked.push(kinds !== undefined);
      return entries.filter((entry) => kinds === undefined || !entry.ok || kinds(kindOf(entry.record)));
    };
    expect(proofOf(reading)).toEqual(proofOf(() => entries));
    expect(asked).toEqual([true, true, false]);
  });

  it("refuses a history mode that nobody knows", () => {
    expect(() => proofFor('META {"history_mode":"scrolled"}')).toThrow(RolloutError);
  });

  it("sums itself up", () => {
    const proof = proofFor(TWO_TURNS);
    expect(summaryOf(proof)).toEqual({
      history: { items: 4, sha256: digestOfDigests(proof.history) },
      next: {
        sha256: digestOfValue([proof.next.settings, proof.next.reference, proof.next.worldState, 0]),
      },
      windows: { count: 1, sha256: digestOfDigests(proof.windows) },
      turns: { count: 2, sha256: digestOfDigests(proof.turns) },
    });
  });
});

describe("differencesOf", () => {
  it("finds none between a thread and itself, whatever stands between its records", () => {
    expect(differ(TWO_TURNS, `META\nLINE {\ncomplete t1\nSCORE\ncomplete t2\nLINE {"torn`)).toEqual([]);
  });

  it.each([
    [
      "another word",
      TWO_TURNS,
      TWO_TURNS.replace("complete t1", "TS t1\nUE u1\nTX t1 m1\nU other\nA a1\nTC t1"),
      ["history: item 1 differs"],
    ],
    ["several in a row", "META\nU a\nU b\nU c\nU d", "META\nU a\nU x\nU y\nU d", ["history: items 2 to 3 differ"]],
    [
      "two that are apart",
      "META\nU a\nU b\nU c",
      "META\nU x\nU b\nU z",
      ["history: item 1 differs", "history: item 3 differs"],
    ],
    ["one less", "META\nU a\nU b\nU c", "META\nU a\nU c", ["history: item 2 is missing"]],
    ["one more", "META\nU a\nU c", "META\nU a\nU b\nU c", ["history: 1 item more, from item 2 on"]],
    ["all gone", "META\nU a\nU b", "META", ["history: items 1 to 2 are missing"]],
    [
      "a turn less",
      TWO_TURNS,
      "META\ncomplete t1",
      [
        "history: items 3 to 4 are missing",
        "settings: the settings of the turn before differ",
        "reference: the turn context that the model was told differs",
        "turns: turn 2 is missing",
      ],
    ],
    [
      "the state of the world",
      'META\ncomplete t1\nWS+ {"permissions":"all"}',
      'META\ncomplete t1\nWS+ {"permissions":"none"}',
      ["worldState: the state of the world that the model was told differs"],
    ],
    [
      "a compaction's number",
      'META\nCP+ {"window_number":3}\n  U kept',
      'META\nCP+ {"window_number":4}\n  U kept',
      ["windowNumber: the number of the context window differs", "windows: context window 2 differs"],
    ],
    [
      "of a client's view alone",
      TWO_TURNS,
      TWO_TURNS.replace("complete t2", "TS t2\nUE u2\nTX t2 m2\nU u2\nAE a2\nA a2\nTC t2"),
      ["turns: turn 2 differs"],
    ],
  ])("tells %s", (_, before, after, words) => {
    expect(differ(before, after)).toEqual(words);
  });

  it("gives the place in the list before, and how many on either side", () => {
    const found = differencesOf(proofFor("META\nU a\nU b\nU c"), proofFor("META\nU a\nU x"));
    expect(found).toEqual([
      {
        view: "history",
        index: 1,
        before: 2,
        after: 1,
        words: "items 2 to 3 became 1 item",
        allowed: undefined,
      },
    ]);
  });

  it("says why a difference may be", () => {
    const found = differencesOf(proofFor(TWO_TURNS), proofFor(`${TWO_TURNS}\nUE more\nU more`), ({ view, before }) =>
      view === "turns" && before === 0 ? "a turn of one message" : undefined,
    );
    expect(found.map(({ view, allowed }) => [view, allowed])).toEqual([
      ["history", undefined],
      ["turns", "a turn of one message"],
    ]);
  });

  it("compares what the options make of each item, window and turn", () => {
    const options: ProofOptions = {
      item: ({ item }) => (item.type === "reasoning" ? LEFT_OUT : { ...item, id: null }),
      turn: (turn, index) => ({ ...turn, id: index, items: turn.items.length }),
      window: ({ number }) => number,
    };
    const before = 'META\nTS t1\nUE u\nU u {"id":"msg_1"}\nR\nA a\nTC t1';
    const after = 'META\nTS other\nUE u\nU u {"id":"msg_2"}\nA a\nTC other';
    expect(differ(before, after, options)).toEqual([]);
    expect(differ(before, after)).toEqual(["history: items 1 to 2 became 1 item", "turns: turn 1 differs"]);
  });
});

describe("digestOfValue", () => {
  it("is SHA-256 of the JSON", () => {
    expect(digestOfValue({ a: [1, "é", null, undefined], b: undefined })).toBe(
      createHash("sha256").update('{"a":[1,"é",null,null]}').digest("hex"),
    );
    expect(digestOfValue(undefined)).toBe(digestOfValue(null));
  });

  it("is the same for a value that is nested too deeply for JSON.stringify", () => {
    const depth = 200_000;
    const deep = (inside: unknown): unknown => {
      let value: unknown = inside;
      for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value, b: undefined };
      return value;
    };
    const text = `${'{"a":['.repeat(depth / 2)}"x"${"]}".repeat(depth / 2)}`;
    expect(digestOfValue(deep("x"))).toBe(createHash("sha256").update(text).digest("hex"));
    expect(digestOfValue(deep("y"))).not.toBe(digestOfValue(deep("x")));
  });

  it("is the same piece by piece for any JSON", () => {
    const wrap = (value: unknown): unknown => {
      let wrapped = value;
      for (let level = 0; level < 20_000; level += 1) wrapped = [wrapped];
      return wrapped;
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = `${"[".repeat(20_000)}${JSON.stringify(value)}${"]".repeat(20_000)}`;
        expect(digestOfValue(wrap(value))).toBe(createHash("sha256").update(text).digest("hex"));
      }),
      { numRuns: 50 },
    );
  });
});
