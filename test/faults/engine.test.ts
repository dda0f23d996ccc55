/**
 * Threads that somebody made to break the engine: each view of them ends in an answer, or in one sentence that says what is
 * wrong and where. `test/support/hostile-threads.ts` has the shapes, which grow along what they are about.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type OpenedThread, openThread } from "../../src/analysis/open-thread.ts";
import { decodeLine } from "../../src/format/decode.ts";
import type { JsonObject } from "../../src/format/json.ts";
import { openHome } from "../../src/readers/home.ts";
import { mergePatch, worldStateAfter } from "../../src/thread/world-state.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import {
  compactionLine,
  eventLine,
  HOSTILE_SHAPES,
  LEGACY_META,
  messageLine,
  nested,
  worldLine,
} from "../support/hostile-threads.ts";
import { base, paginatedMeta, responseItem, rolloutText, sessionPath, threadId } from "../support/lines.ts";
import { runTool } from "../support/list-home.ts";
import { shownHistory } from "../thread/shorthand.ts";

const folder = temporaryFolder();

function homeOf(lines: Iterable<string>): string {
  const home = writeHome(join(folder.path, "home"), { [sessionPath(1)]: "" });
  const file = openSync(join(home, sessionPath(1)), "w");
  let text = "";
  for (const line of lines) {
    text += `${line}\n`;
    if (text.length < 2 ** 20) continue;
    writeSync(file, text);
    text = "";
  }
  writeSync(file, text);
  closeSync(file);
  return home;
}

function opened(lines: Iterable<string>): OpenedThread {
  return openThread(openHome({ codexHome: homeOf(lines) }), threadId(1));
}

const VERBS = [
  ["history"],
  ["history", "--explain"],
  ["history", "--json"],
  ["windows"],
  ["turns", "--items"],
] as const;

/** No stack, no raw control character. */
function expectPlain(text: string): void {
  expect(text).not.toMatch(/\n\s+at \S+ \(/);
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
}

describe("every shape of a hostile thread", () => {
  test.each(HOSTILE_SHAPES)("$name: is answered in every view", async ({ lines }) => {
    const home = homeOf(lines(150));
    for (const [verb, ...argv] of VERBS) {
      const { code, out, err } = await runTool(home, [verb, threadId(1), ...argv]);
      expect([0, 1], err).toContain(code);
      expectPlain(out + err);
    }
  });

  test.each(HOSTILE_SHAPES)("$name: is the same read from its end, and compressed", ({ lines }) => {
    const text = [...lines(60), ""].join("\n");
    const views = ["", ".zst"].map((suffix) => {
      const home = writeHome(join(folder.path, `home${suffix}`), { [`${sessionPath(1)}${suffix}`]: text });
      const thread = openThread(openHome({ codexHome: home }), threadId(1));
      const [fast, full] = [thread.history().state, thread.history({ fullReplay: true }).state];
      expect(shownHistory(fast.history)).toEqual(shownHistory(full.history));
      expect([fast.window, fast.worldStateBaseline]).toEqual([full.window, full.worldStateBaseline]);
      return [shownHistory(full.history), thread.windows(), thread.turns()];
    });
    expect(views[0]).toEqual(views[1]);
  });
});

describe("what a thread continues", () => {
  /** Each thread continues the next one; the last one what it is told to. */
  function chain(length: number, last: Readonly<Record<string, unknown>>): string {
    const files: Record<string, string> = {};
    let changes = last;
    for (let n = length; n > 0; n -= 1) {
      const text = rolloutText([paginatedMeta(n, changes)], { paginated: true });
      files[sessionPath(n)] = text;
      changes = { history_base: base(threadId(n), Buffer.byteLength(text), 2) };
    }
    return writeHome(join(folder.path, "home"), files);
  }

  test("may go on through 300 files", () => {
    const thread = openThread(openHome({ codexHome: chain(300, {}) }), threadId(1));
    expect(thread.segments.length).toBe(300);
    expect([thread.history().state.history, thread.turns().turns]).toEqual([[], []]);
  });

  test.each([
    ["goes round in a circle", { history_base: base(threadId(150), 1, 2) }, /goes round in a circle/],
    ["goes round to itself", { history_base: base(threadId(200), 1, 2) }, /goes round in a circle/],
    ["is not there", { history_base: base(threadId(999), 1, 2) }, /is not in this home/],
    ["is no id", { history_base: base("../../etc/passwd\u001b[2J", 1, 2) }, /has no usable metadata/],
  ])("is refused in one sentence when its 200th file %s", async (_, last, words) => {
    const home = chain(200, last);
    for (const [verb, ...argv] of VERBS) {
      const { code, out, err } = await runTool(home, [verb, threadId(1), ...argv]);
      expect([code, out], err).toEqual([2, ""]);
      expect(err.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
      expect(err).toMatch(words);
      expectPlain(err);
    }
  });

  test("may be cut at any byte; no item is invented, and beyond its end it is refused", () => {
    const items = [responseItem("a"), responseItem("b"), responseItem("c")];
    const source = rolloutText([paginatedMeta(2), ...items], { paginated: true });
    const start = source.indexOf("\n") + 1;
    const whole = ["U a", "U b", "U c", "U own"];
    const damage = new Set<number>();
    for (let end = start; end <= source.length + 2; end += 1) {
      const own = rolloutText([paginatedMeta(1, { history_base: base(threadId(2), end, 4) }), responseItem("own")], {
        paginated: true,
        firstOrdinal: 4,
      });
      const home = writeHome(join(folder.path, "home"), { [sessionPath(1)]: own, [sessionPath(2)]: source });
      const read = () => openThread(openHome({ codexHome: home }), threadId(1)).history();
      if (end > source.length) {
        expect(read).toThrow(/is continued from byte \d+ on, and has only \d+/);
        continue;
      }
      const { state, reading } = read();
      const shown = shownHistory(state.history);
      const kept = source.slice(start, end + 1).split("\n").length - 1;
      expect(shown).toEqual([...whole.slice(0, kept), "U own"]);
      damage.add(reading.defects.count);
    }
    expect(damage).toEqual(new Set([0, 1]));
  });
});

describe("many turns", () => {
  test("200,000 tiny ones are replayed, shown and put into windows", () => {
    const shape = HOSTILE_SHAPES.find(({ name }) => name === "tiny turns");
    const thread = opened(shape?.lines(200_000) ?? []);
    expect(thread.history().state).toMatchObject({
      history: { length: 200_000 },
      counts: { turnsStarted: 200_000 },
      lastStartedTurnId: "t199999",
    });
    expect(thread.turns().turns.length).toBe(200_000);
    expect(thread.windows().length).toBe(1);
  }, 300_000);

  test("are all rolled back by the largest number there is, and one more is no record", () => {
    const thread = (turns: number) =>
      opened([LEGACY_META, messageLine("u"), eventLine("thread_rolled_back", { num_turns: turns })]);
    const state = (turns: number) => {
      const { state: found, reading } = thread(turns).history();
      return [shownHistory(found.history), reading.defects.count, reading.defects.first?.defect.kind];
    };
    expect(state(2 ** 32 - 1)).toEqual([[], 0, undefined]);
    expect(state(2 ** 32)).toEqual([["U u"], 1, "wrong-shape"]);
    expect(state(-1)).toEqual([["U u"], 1, "wrong-shape"]);
  });
});

describe("windows", () => {
  test("whose numbers and ids repeat are told one by one, and the newest is meant", () => {
    const id = "019a3ed0-0000-7000-8000-00000000000a";
    const compaction = compactionLine({ window_number: 7, window_id: id, previous_window_id: id });
    const thread = opened([LEGACY_META, compaction, messageLine("a"), compaction, messageLine("b"), compaction]);
    expect(thread.windows().map(({ number, id: found, isLast }) => [number, found, isLast])).toEqual([
      [0, undefined, false],
      [7, id, false],
      [7, id, false],
      [7, id, true],
    ]);
    expect(shownHistory(thread.history({ at: { window: 7 } }).state.history)).toEqual([]);
    expect(thread.history().state.window).toMatchObject({ number: 7, id });
  });
});

describe("world states", () => {
  const context = (id: string): string =>
    `{"timestamp":"2025-11-01T10:00:00.000Z","type":"turn_context","payload":{"turn_id":"${id}","cwd":"/","approval_policy":"never","sandbox_policy":{"type":"read-only"},"model":"m","summary":"auto"}}`;
  const inTurn = (...worlds: readonly string[]): readonly string[] => [
    LEGACY_META,
    eventLine("task_started", { turn_id: "t", model_context_window: 1 }),
    ...worlds,
    context("t"),
    messageLine("u"),
    eventLine("task_complete", { turn_id: "t", last_agent_message: null }),
  ];

  test("may have the keys of every object, which stay keys", () => {
    const keys = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"hasOwnProperty":1}';
    const state = opened(
      inTurn(worldLine(true, keys), worldLine(false, '{"__proto__":{"b":2},"hasOwnProperty":null}')),
    );
    const baseline = state.history().state.worldStateBaseline;
    expect(JSON.stringify(baseline)).toBe(
      '{"__proto__":{"polluted":1,"b":2},"constructor":{"prototype":{"polluted":1}}}',
    );
    expect(Object.hasOwn(baseline ?? {}, "__proto__")).toBe(true);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test.each([130, 10_000, 200_000])("nested %d deep are defects, and the others count", (depth) => {
    const deep = worldLine(false, nested(depth));
    const { state, reading } = opened(inTurn(worldLine(true, { a: 1 }), deep, worldLine(false, { b: 2 }))).history();
    expect(state.worldStateBaseline).toEqual({ a: 1, b: 2 });
    expect([reading.defects.count, reading.defects.first?.defect]).toEqual([
      1,
      expect.objectContaining({
        kind: "wrong-shape",
        message: expect.stringContaining("nested deeper than 127 levels"),
      }),
    ]);
  });

  test("nested ten thousand deep are merged all the same by whoever has them from elsewhere", () => {
    const depth = 10_000;
    const at = (state: unknown): unknown => {
      let inner = state;
      for (let level = 0; level < depth; level += 1) inner = (inner as { readonly a: unknown }).a;
      return inner;
    };
    const parsed = (core: string): JsonObject => JSON.parse(nested(depth, "a", core)) as JsonObject;
    expect(at(mergePatch(parsed('{"b":1}'), parsed('{"b":null,"c":2}')))).toEqual({ c: 2 });
    const steps = [parsed('{"b":1}'), parsed('{"d":3}')].map((state, index) => ({ full: index === 0, state }));
    expect(at(worldStateAfter(steps))).toEqual({ b: 1, d: 3 });
  });

  test("of a line that cannot be decoded for its depth tell where it is", () => {
    const bytes = Buffer.from(worldLine(true, nested(10_000)));
    const entry = decodeLine(bytes, { line: 3, offset: 100, length: bytes.length });
    expect(entry).toMatchObject({ ok: false, position: { line: 3, offset: 100 }, defect: { kind: "wrong-shape" } });
  });
});
