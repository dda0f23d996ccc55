/** Properties of the play of a legacy rollout: no input is too strange, and length costs no more than its share. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeLine } from "../../src/format/decode.ts";
import type { Entry } from "../../src/format/entry.ts";
import { LegacyTurns } from "../../src/thread/turns-legacy.ts";
import { turnsOf } from "../../src/thread/turns.ts";
import { runs } from "../support/budget.ts";
import { linesOf } from "./shorthand.ts";

function entriesOf(lines: readonly string[]): Entry[] {
  let offset = 0;
  return lines.map((text, index) => {
    const bytes = Buffer.from(text);
    const position = { line: index + 1, offset, length: bytes.length };
    offset += bytes.length + 1;
    return decodeLine(bytes, position);
  });
}

const turnIds = fc.constantFrom("t1", "t2", "rollout-1", "__proto__");
const callIds = fc.constantFrom("c1", "item-1", "item-2", "constructor");
const AGENT = "01a1fb9b-ffff-7e90-b655-f5b7c29304d6";

const rows: fc.Arbitrary<string> = fc.oneof(
  turnIds.map((id) => `TS ${id}`),
  fc
    .tuple(turnIds, fc.option(fc.constant({ message: "e" })))
    .map(([id, error]) => `TC ${id} ${JSON.stringify({ error })}`),
  fc.option(turnIds).map((id) => `TA ${id ?? "-"}`),
  fc.constantFrom(
    "UE hello",
    "UE",
    "AE hello",
    "AE",
    "U hello",
    "A hello",
    "CP- summary",
    "META",
    "{",
    'LINE {"type":1}',
    "R",
  ),
  fc.constantFrom(0, 1, 2, 2 ** 32 - 1).map((count) => `RB ${count}`),
  fc
    .constantFrom("agent_reasoning", "agent_reasoning_raw_content", "context_compacted")
    .map((type) => event({ type, text: "why" })),
  fc.tuple(callIds, fc.option(turnIds)).map(([call_id, turn_id]) =>
    event({
      type: "patch_apply_end",
      call_id,
      turn_id: turn_id ?? "",
      stdout: "",
      stderr: "",
      success: true,
      status: "completed",
    }),
  ),
  callIds.map((call_id) => event({ type: "web_search_end", call_id, query: "q", action: { type: "other" } })),
  fc
    .tuple(callIds, fc.option(turnIds))
    .map(([item_id, turn_id]) => event({ type: "exited_review_mode", item_id, turn_id })),
  callIds.map((event_id) =>
    event({
      type: "sub_agent_activity",
      event_id,
      agent_thread_id: AGENT,
      agent_path: "/root/a",
      kind: "started",
      occurred_at_ms: 5,
    }),
  ),
  fc.tuple(turnIds, callIds).map(([turn_id, id]) =>
    event({
      type: "item_completed",
      thread_id: AGENT,
      turn_id,
      item: { type: "Plan", id, text: "p" },
      started_at_ms: 1,
    }),
  ),
  callIds.map((id) => `U <h hook_run_id="x">y</h> ${JSON.stringify({ id })}`),
);

function event(payload: object): string {
  return `RECORD ${JSON.stringify({ type: "event_msg", payload })}`;
}

const rollouts = fc
  .array(rows, { maxLength: 40 })
  .map((found) => entriesOf(linesOf(["META", ...found.map(escaped)].join("\n"))));

/** A row of shorthand that is no JSON stands for itself. */
function escaped(row: string): string {
  return row === "{" ? "LINE {" : row;
}

describe("any rollout", () => {
  test("has a view at every length, with each item in its place", () => {
    fc.assert(
      fc.property(rollouts, (entries) => {
        for (let length = 0; length <= entries.length; length += 7) {
          const { turns, places } = turnsOf(entries.slice(0, length));
          expect(places.map(({ items }) => items.length)).toEqual(turns.map(({ items }) => items.length));
        }
      }),
      runs(200),
    );
  });

  test("has items only from lines that were read, and in the order of their first ones", () => {
    fc.assert(
      fc.property(rollouts, (entries) => {
        for (const { items } of turnsOf(entries).places) {
          const firsts = items.map(({ first }) => first.line);
          expect(firsts).toEqual(firsts.toSorted((one, other) => one - other));
          expect(
            items.every(({ first, last }) => entries[first.line - 1]?.ok === true && last.line >= first.line),
          ).toBe(true);
        }
      }),
      runs(200),
    );
  });
});

describe("an item that grows", () => {
  test("names the line that came last", () => {
    const entries = entriesOf(
      linesOf(
        ["META", event({ type: "agent_reasoning", text: "a" }), event({ type: "agent_reasoning", text: "b" })].join(
          "\n",
        ),
      ),
    );
    const { turns, places } = turnsOf(entries);
    expect(turns).toMatchObject([{ items: [{ summary: ["a", "b"] }] }]);
    expect(places).toMatchObject([
      { opened: { line: 2 }, ended: undefined, items: [{ first: { line: 2 }, last: { line: 3 } }] },
    ]);
  });
});

describe("numbers beyond reason", () => {
  test("of turns and of items are all there", () => {
    const turn = ["TS t", "UE u", "AE a", "TC t"].join("\n");
    const { turns } = turnsOf(entriesOf(linesOf(`META\n${Array.from({ length: 2_000 }, () => turn).join("\n")}`)));
    expect(turns.length).toBe(2_000);
    expect(turns.at(-1)?.items.map(({ id }) => id)).toEqual(["item-3999", "item-4000"]);

    const calls = Array.from({ length: 6_000 }, (_, index) =>
      event({ type: "web_search_end", call_id: `c${index % 3_000}`, query: String(index), action: { type: "other" } }),
    );
    const [one] = turnsOf(entriesOf(linesOf(`META\nTS t\n${calls.join("\n")}`))).turns;
    expect(one?.items.length).toBe(3_000);
    expect(one?.items[2_999]).toMatchObject({ id: "c2999", query: "5999" });
  });

  test("of rollbacks leave what comes after them", () => {
    const back = Array.from({ length: 3_000 }, () => `UE u\nRB ${2 ** 32 - 1}`).join("\n");
    expect(turnsOf(entriesOf(linesOf(`META\n${back}\nUE last`))).turns).toMatchObject([{ items: [{ id: "item-1" }] }]);
  });
});

test("nothing is added to a view that was taken", () => {
  const fold = new LegacyTurns();
  expect(fold.finish().turns).toEqual([]);
  expect(() => entriesOf(linesOf("UE u")).forEach((entry) => fold.add(entry))).toThrow("were taken before its end");
});
