/** What holds for every thread; what holds for single ones is in `golden.test.ts`. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entry } from "../../src/format/entry.ts";
import type { MessageItem } from "../../src/format/response-item.ts";
import type { HistoryItem } from "../../src/thread/history.ts";
import { asRequest } from "../../src/thread/normalize.ts";
import { isReplayKind, replay } from "../../src/thread/replay.ts";
import type { ReplayOptions, ThreadState } from "../../src/thread/state.ts";
import { FALLBACK_TRUNCATION } from "../../src/thread/truncate.ts";
import { windowsOf } from "../../src/thread/windows.ts";
import { threads } from "./generate.ts";
import { entriesOf, linesOf, shownHistory } from "./shorthand.ts";

const RUNS = 150;

function texts(item: MessageItem): string[] {
  return item.content.flatMap((part) => ("text" in part ? [part.text] : []));
}

/** Complains about an item that is not in the record it claims to come from. */
function invented(
  { item, place, index, origin }: HistoryItem,
  byOffset: ReadonlyMap<number, Entry>,
): string | undefined {
  const entry = byOffset.get(place.offset);
  if (entry?.ok !== true) return "no such record";
  const { record } = entry;
  const written =
    record.type === "response_item"
      ? record.payload
      : record.type === "compacted"
        ? record.payload.replacement_history?.[index ?? -1]
        : undefined;
  if (origin === "record" || origin === "replacement") return item === written ? undefined : "another item";
  if (origin === "communication") return record.type === "inter_agent_communication" ? undefined : "no communication";
  const message = record.type === "compacted" ? record.payload.message || "(no summary available)" : "";
  const all = origin === "summary" ? message : texts(written as MessageItem).join("");
  const isThere = (text: string) => all.includes(text) || /^…\d+ tokens truncated…$/.test(text);
  return texts(item as MessageItem).every(isThere) ? undefined : "another text";
}

function check(entries: readonly Entry[]): ThreadState {
  const state = replay(entries, { explain: true });
  const byOffset = new Map(entries.map((entry) => [entry.position.offset, entry]));
  expect(state.history.map((item) => invented(item, byOffset)).filter((complaint) => complaint !== undefined)).toEqual(
    [],
  );
  return state;
}

describe("any thread", () => {
  test("cut after any record gives a history made of what it holds", () => {
    fc.assert(
      fc.property(threads, (rows) => {
        const entries = entriesOf(rows.join("\n"));
        for (let end = 0; end <= entries.length; end += 1) check(entries.slice(0, end));
      }),
      { numRuns: RUNS },
    );
  });

  test("cut at any byte gives one too, and nothing that was not there before the cut", () => {
    fc.assert(
      fc.property(threads, fc.double({ min: 0, max: 1, noNaN: true }), (rows, part) => {
        const bytes = Buffer.from(linesOf(rows.join("\n")).join("\n"));
        const end = Math.floor(bytes.length * part);
        const state = check(
          entriesOf(
            bytes
              .subarray(0, end)
              .toString("latin1")
              .split("\n")
              .map((line) => Buffer.from(line, "latin1").toString()),
          ),
        );
        for (const { place } of state.history) expect(place.offset).toBeLessThan(Math.max(end, 1));
      }),
      { numRuns: RUNS },
    );
  });

  test("is told the same whether its entries can be read again or not, and whether other kinds are among them", () => {
    fc.assert(
      fc.property(threads, (rows) => {
        const entries = entriesOf(rows.join("\n"));
        const whole = replay(entries, { explain: true });
        expect(replay(entries.values(), { explain: true })).toEqual(whole);
        expect(replay(() => entries, { explain: true })).toEqual(whole);
        const needed = entries.filter((entry) => !entry.ok || isReplayKind(kind(entry)));
        expect(replay(needed, { explain: true })).toEqual(whole);
      }),
      { numRuns: RUNS },
    );
  });

  test("has every item either in its history or among what is left out, once", () => {
    fc.assert(
      fc.property(threads, (rows) => {
        const entries = entriesOf(rows.join("\n"));
        const { history, omissions } = check(entries);
        const told = [...history, ...omissions].map(({ place, index }) => `${place.line} ${index ?? "-"}`);
        expect(told.length).toBe(new Set(told).size);
        const unused = new Set(
          omissions.filter(({ rule }) => rule === "unused-checkpoint").map(({ place }) => place.line),
        );
        const there = entries.flatMap((entry) => {
          if (!entry.ok) return entry.defect.kind === "blank" ? [] : [`${entry.position.line} -`];
          const { line } = entry.position;
          const { record } = entry;
          if (record.type === "response_item" || record.type === "inter_agent_communication") return [`${line} -`];
          if (record.type !== "compacted") return [];
          const list = record.payload.replacement_history;
          return list == null || unused.has(line) ? [`${line} -`] : list.map((_, index) => `${line} ${index}`);
        });
        expect(told.toSorted()).toEqual(there.toSorted());
      }),
      { numRuns: RUNS },
    );
  });

  test("loses as much by one rollback of two turns as by two of one", () => {
    fc.assert(
      fc.property(threads, (rows) => {
        const one = replay(entriesOf([...rows, "RB 2"].join("\n")));
        const two = replay(entriesOf([...rows, "RB 1", "RB 1"].join("\n")));
        expect({ ...two, counts: undefined }).toEqual({ ...one, counts: undefined });
      }),
      { numRuns: RUNS },
    );
  });

  test("makes a request that needs no further change", () => {
    fc.assert(
      fc.property(threads, (rows) => {
        const { history } = replay(entriesOf(rows.join("\n")));
        const { items } = asRequest(history);
        const again = asRequest(items as readonly HistoryItem[]);
        expect(again).toEqual({ items, removed: [] });
      }),
      { numRuns: RUNS },
    );
  });

  test("has one window more than compactions, and a resume goes on in one of them or in a counted one", () => {
    fc.assert(
      fc.property(threads, (rows) => {
        const entries = entriesOf(rows.join("\n"));
        const { counts, window } = replay(entries);
        const windows = windowsOf(entries);
        expect(windows.length).toBe(counts.compactions + 1);
        const numbers = windows.map(({ number }) => number);
        if (window.id !== undefined) expect(numbers).toContain(window.number);
        expect(windows.filter(({ cause }) => cause === "start")).toEqual([windows[0]]);
      }),
      { numRuns: RUNS },
    );
  });
});

function kind(entry: Entry & { readonly ok: true }): string {
  const { record } = entry;
  return record.type === "event_msg" || record.type === "response_item"
    ? `${record.type}/${record.payload.type}`
    : record.type;
}

describe("a state", () => {
  test("of nothing is empty", () => {
    expect(replay([])).toEqual({
      meta: undefined,
      historyMode: "legacy",
      history: [],
      previousTurnSettings: undefined,
      referenceContext: undefined,
      worldStateBaseline: undefined,
      window: { number: 0, id: undefined, firstId: undefined, previousId: undefined },
      lastStartedTurnId: undefined,
      counts: { responseItems: 0, compactions: 0, rollbacks: 0, turnsStarted: 0 },
      omissions: [],
    });
  });

  test("holds the first metadata, and all settings of the turn", () => {
    const context = '{"comp_hash":"h","realtime_active":true,"cyber_access_program":"daybreak_blue"}';
    const rows = `META\nMETA {"id":"01a1fb9b-c0ad-7e90-b655-000000000000"}\nTS t1\nUE x\nTX t1 m1 ${context}\nTC t1`;
    const { meta, previousTurnSettings } = replay(entriesOf(rows));
    expect(meta?.id).toBe("01a1fb9b-c0ad-7e90-b655-f5b7c29304d6");
    expect(previousTurnSettings).toEqual({
      model: "m1",
      compHash: "h",
      realtimeActive: true,
      cyberAccessProgram: "daybreak_blue",
    });
  });

  test("knows nothing of a turn context that 0.169.0 refuses", () => {
    const old = '{"sandbox_policy":{"mode":"read-only"}}';
    const { previousTurnSettings, omissions } = replay(entriesOf(`META\nUE x\nTX - m1 ${old}\nU x`), { explain: true });
    expect(previousTurnSettings).toBe(undefined);
    expect(omissions.map(({ what, rule }) => `${what} ${rule}`)).toEqual(["turn_context refused"]);
  });

  test("has tool outputs cut when asked to", () => {
    const rows = `META\nFC c1\nFO c1 ${"x".repeat(12_001)}`;
    const [, output] = replay(entriesOf(rows), { truncation: FALLBACK_TRUNCATION }).history;
    expect(output?.item).toMatchObject({ output: `${"x".repeat(6_000)}…1 chars truncated…${"x".repeat(6_000)}` });
    expect(replay(entriesOf(rows)).history[1]?.item).toMatchObject({ output: "x".repeat(12_001) });
  });

  test("has no empty text parts in tool outputs, which 0.142.3 keeps", () => {
    const output = (type: string) => (parts: readonly string[]) =>
      `RECORD ${JSON.stringify({ type: "response_item", payload: { type, call_id: "c", output: parts.map((text) => ({ type: "input_text", text })) } })}`;
    const [of, ofCustom] = [output("function_call_output"), output("custom_tool_call_output")];
    const long = "y".repeat(12_000);
    const entries = entriesOf(["META", of(["a", "", "b"]), ofCustom([""]), of([long, "", "c"])].join("\n"));
    const told = (options: ReplayOptions) =>
      replay(entries, options).history.map(({ item }) =>
        "output" in item && Array.isArray(item.output)
          ? item.output.map((part) => (part.type === "input_text" ? part.text : part.type))
          : item.type,
      );
    expect(told({})).toEqual([["a", "b"], [], [long, "c"]]);
    expect(told({ truncation: FALLBACK_TRUNCATION })).toEqual([["a", "b"], [], [long, "[omitted 1 text items ...]"]]);
    expect(told({ truncation: FALLBACK_TRUNCATION, release: "0.142.3" })).toEqual([
      ["a", "", "b"],
      [""],
      [long, "[omitted 2 text items ...]"],
    ]);
  });

  test("names places as the caller wants them", () => {
    const entries = entriesOf("META\nU x\nS rules");
    const { history, omissions } = replay(entries, {
      explain: true,
      placeOf: ({ position }) => Object.assign({ file: "a" }, position),
    });
    expect([history[0]?.place, omissions[0]?.place]).toMatchObject([
      { file: "a", line: 2 },
      { file: "a", line: 3 },
    ]);
  });

  test("follows the wrappers of an older release when asked to", () => {
    const summary =
      '"Another language model started to solve this problem and produced a summary of its thinking process. to assist with your own analysis:\\nx"';
    const entries = entriesOf(`META\nU u1\nU ${summary}\nU u2\nRB 2`);
    expect(shownHistory(replay(entries).history)).toEqual([]);
    expect(shownHistory(replay(entries, { release: "0.142.3" }).history)).toEqual(["U u1"]);
  });

  /** What 0.169.0 and what 0.142.3 make of checkpoints of turns that were rolled back; both were asked. */
  const CHECKPOINTS: readonly (readonly [
    what: string,
    rows: string,
    now: readonly string[],
    then: readonly string[],
  ])[] = [
    [
      "the only one empties the list",
      "complete t1\nTS t2\nU u2\nCP+\n  U k\nA a\nTC t2\nRB 1\ncomplete t3",
      ["U u1", "A a1", "U u3", "A a3"],
      ["A a", "U u3", "A a3"],
    ],
    [
      "and what a legacy compaction left before it",
      "complete t1\nCP- S\nTS t2\nU u2\nCP+\n  U k\nTC t2\nRB 1\ncomplete t3",
      ["U u1", "U S", "U u3", "A a3"],
      ["U u3", "A a3"],
    ],
    [
      "the newest of a turn counts",
      "complete t1\nTS t2\nU u2\nCP+\n  U k\nA a\nCP+\n  U l\nA b\nTC t2\nRB 1",
      ["U u1", "A a1"],
      ["A b"],
    ],
    [
      "of two turns the later one takes effect",
      "complete t1\nTS t2\nU u2\nCP+\n  D k\nTC t2\nTS t3\nU u3\nCP+\n  D l\nA b\nTC t3\nRB 2",
      ["U u1", "A a1"],
      ["D l", "A b"],
    ],
    [
      "behind one that counts it takes effect",
      "TS t1\nU u1\nTX t1 m\nCP+\n  D k\nTC t1\nTS t2\nU u2\nCP+\n  D l\nA b\nTC t2\nRB 1",
      ["D k"],
      ["D l", "A b"],
    ],
    [
      "a hard base is none",
      'complete t1\nTS t2\nU u2\nCP+ {"window_number":1,"resume_metadata":{}}\n  D k\nA a\nTC t2\nRB 1',
      ["D k", "A a"],
      ["A a"],
    ],
  ];

  test.each(CHECKPOINTS)("asked of 0.142.3: %s", (_, rows, now, then) => {
    const entries = entriesOf(`META\n${rows}`);
    expect(shownHistory(replay(entries).history)).toEqual(now);
    expect(shownHistory(replay(entries, { release: "0.142.3" }).history)).toEqual(then);
    expect(shownHistory(replay(entries.values(), { release: "0.142.3" }).history)).toEqual(then);
  });
});

describe("a large thread", () => {
  const context = `TX - m1 ${JSON.stringify({ collaboration_mode: { mode: "custom", settings: { model: "m", reasoning_effort: null, developer_instructions: "x".repeat(100_000) } } })}`;
  const many = Array.from({ length: 200 }, (_, index) => [
    `TS t${index}`,
    "UE x",
    context,
    `U u${index}`,
    `TC t${index}`,
  ]).flat();

  test("is read again for a turn context of long ago", () => {
    const entries = entriesOf(
      ["META", "TS first", "UE x", "TX first m0", "U u", "TC first", ...many, "RB 200"].join("\n"),
    );
    const state = replay(entries);
    expect(state.referenceContext).toMatchObject({ turn_id: "first", model: "m0" });
    expect(shownHistory(state.history)).toEqual(["U u"]);
    expect(replay(entries.values())).toEqual(state);
  });

  test("is read once, however many snapshots of the world it holds, since only the newest counts", () => {
    const snapshot = (n: number): string => `WS+ ${JSON.stringify({ n, text: "x".repeat(100_000) })}`;
    const rows = Array.from({ length: 200 }, (_unused, n) => snapshot(n));
    const entries = entriesOf(["META", "TS t", "U u", "TX t m", ...rows, 'WS~ {"p":1,"text":null}', "TC t"].join("\n"));
    let walks = 0;
    const { worldStateBaseline } = replay(() => {
      walks += 1;
      return entries;
    });
    expect([walks, worldStateBaseline]).toEqual([1, { n: 199, p: 1 }]);
  });

  test("with a million rolled back turns, and more than there ever were, is no trouble", () => {
    const one = entriesOf("META\nTS t\nU u\nTC t\nRB 4294967295");
    const [meta, ...turn] = one as [Entry, ...Entry[]];
    function* endless() {
      yield meta;
      for (let count = 0; count < 50_000; count += 1) yield* turn;
    }
    expect(replay(() => endless())).toMatchObject({ history: [], counts: { rollbacks: 50_000 } });
  });
});
