/**
 * The cases of rollout-format §5.9 (`fixtures/history/case-NN`), in the reference's own shorthand (`shorthand.ts`). Case
 * 05 is the table's 5; letters tell apart what the table has in one row. `expected.json` holds all that a replay comes
 * to, and every value of it was compared with what the real 0.169.0 does on the same records: the request after a resume,
 * its window, whether it announces another model, and which world state it then writes.
 *
 * `ROLLOUT_TOOL_RECORD=1` writes the expectations anew; look at the difference before believing it.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { asRequest } from "../../src/thread/normalize.ts";
import { replay } from "../../src/thread/replay.ts";
import type { ThreadState } from "../../src/thread/state.ts";
import { windowsOf } from "../../src/thread/windows.ts";
import { ROOT } from "../support/sources.ts";
import { entriesOf, shown, shownHistory } from "./shorthand.ts";

const FOLDER = join(ROOT, "fixtures", "history");

interface Case {
  readonly name: string;
  readonly title: string;
  readonly text: string;
}

const cases: readonly Case[] = readdirSync(FOLDER)
  .toSorted()
  .map((name) => {
    const text = readFileSync(join(FOLDER, name, "input.txt"), "utf8");
    return { name, title: text.slice(2, text.indexOf("\n")), text };
  });

/** Everything of a state that the table speaks of, short enough to be read. */
function summary(state: ThreadState): Record<string, unknown> {
  const { window, referenceContext: reference } = state;
  const request = asRequest(state.history).items.map(({ item }) => shown(item));
  const history = shownHistory(state.history);
  return {
    history,
    ...(String(request) === String(history) ? {} : { request }),
    previous_turn_settings: state.previousTurnSettings?.model ?? null,
    reference_context: reference === undefined ? null : `${reference.turn_id ?? "-"} ${reference.model}`,
    world_state_baseline: state.worldStateBaseline ?? null,
    window: [window.number, window.id ?? null, window.firstId ?? null, window.previousId ?? null],
    last_started_turn_id: state.lastStartedTurnId ?? null,
    omissions: state.omissions.map(
      ({ place, index, what, rule }) => `${place.line}${index === undefined ? "" : `[${index}]`} ${what} ${rule}`,
    ),
  };
}

test("all cases of the table are here", () => {
  const numbers = new Set(cases.map(({ name }) => Number(/\d+/.exec(name)?.[0])));
  expect([...numbers]).toEqual(Array.from({ length: 78 }, (_, index) => index + 1));
});

describe.each(cases)("$name: $title", ({ name, text }) => {
  const entries = entriesOf(text);
  const file = join(FOLDER, name, "expected.json");

  test("gives what is expected", () => {
    const found = summary(replay(entries, { explain: true }));
    if (process.env["ROLLOUT_TOOL_RECORD"] === "1") writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
    expect(found).toEqual(JSON.parse(readFileSync(file, "utf8")));
  });

  test("gives the same when the entries can be read once only", () => {
    const once = replay(entries.values(), { explain: true });
    expect(once).toEqual(replay(() => entries, { explain: true }));
  });

  test("accounts for every item and compaction", () => {
    const { history, omissions } = replay(entries, { explain: true });
    const told = [...history, ...omissions].map(({ place, index }) => `${place.line} ${index ?? "-"}`);
    const missing = entries.flatMap((entry) => {
      if (!entry.ok) return [];
      const { record, position } = entry;
      if (record.type === "response_item" || record.type === "inter_agent_communication") return [`${position.line} -`];
      if (record.type !== "compacted") return [];
      const items = record.payload.replacement_history;
      const isUnused = omissions.some(({ place, rule }) => place === position && rule === "unused-checkpoint");
      return items == null || isUnused ? [`${position.line} -`] : items.map((_, index) => `${position.line} ${index}`);
    });
    expect(missing.filter((key) => !told.includes(key))).toEqual([]);
    expect(told.length).toBe(new Set(told).size);
  });

  test("has its windows in a row", () => {
    const windows = windowsOf(entries);
    expect(windows.map(({ isLast }) => isLast)).toEqual(windows.map((_, index) => index === windows.length - 1));
    for (const [index, window] of windows.entries())
      expect(windows[index + 1]?.start ?? window.end).toEqual(window.end);
  });
});
