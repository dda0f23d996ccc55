/** Projections that are left and gone on with, and what they say of ordinals. The rules themselves are in `turns.test.ts`. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeLine } from "../../src/format/decode.ts";
import type { Entry } from "../../src/format/entry.ts";
import { CanonicalTurns, type CanonicalState, emptyProjection, project } from "../../src/thread/turns-canonical.ts";
import { turnsOf } from "../../src/thread/turns.ts";
import { runs } from "../support/budget.ts";

const THREAD = "01a1fb9b-c0ad-7e90-b655-f5b7c29304d6";
const SOURCE = "01a1fb9b-eeee-7e90-b655-000000000001";
const META = {
  id: THREAD,
  timestamp: "2026-11-21T00:29:49.836Z",
  cwd: "/",
  originator: "x",
  cli_version: "0.169.0",
  history_mode: "paginated",
};

type Json = Readonly<Record<string, unknown>>;

/** A line that is not JSON, or a record; without `ordinal` it has the one that comes next. */
type Line = string | { readonly type: string; readonly payload: Json; readonly ordinal?: number | null };

function entriesOf(lines: readonly Line[]): Entry[] {
  let [next, offset] = [0, 0];
  return lines.map((line, index) => {
    let text = line as string;
    if (typeof line !== "string") {
      const ordinal = line.ordinal === undefined ? next : line.ordinal;
      next = (ordinal ?? next) + 1;
      text = JSON.stringify({ timestamp: META.timestamp, ordinal, type: line.type, payload: line.payload });
    }
    const bytes = Buffer.from(text);
    const position = { line: index + 1, offset, length: bytes.length };
    offset += bytes.length + 1;
    return decodeLine(bytes, position);
  });
}

const meta = (members: Json = {}): Line => ({ type: "session_meta", payload: { ...META, ...members } });
const event = (type: string, members: Json): Line => ({ type: "event_msg", payload: { type, ...members } });
const started = (turn_id: string, members: Json = {}): Line => event("task_started", { turn_id, ...members });
const completed = (turn_id: string, members: Json = {}): Line => event("task_complete", { turn_id, ...members });
const item = (turn_id: string, id: string, text = id, times: Json = {}): Line =>
  event("item_completed", { thread_id: THREAD, turn_id, item: { type: "Plan", id, text }, ...times });

const ids = fc.constantFrom("t1", "t2", "t3", "__proto__", "");
const moments = fc.option(fc.integer({ min: 0, max: 3 }));
const records: fc.Arbitrary<Line> = fc.oneof(
  fc
    .record({ id: ids, started_at: moments, root_turn_id: fc.option(fc.constant("r")) })
    .map(({ id, ...members }) => started(id, members)),
  fc
    .record({ id: ids, completed_at: moments, error: fc.option(fc.constant({ message: "e" })) })
    .map(({ id, ...members }) => completed(id, members)),
  fc.option(ids).map((turn_id) => event("turn_aborted", { turn_id, reason: "interrupted" })),
  fc
    .tuple(ids, ids, fc.string(), moments)
    .map(([turn, id, text, started_at_ms]) => item(turn, id, text, { started_at_ms })),
  fc.constant<Line>(event("user_message", { message: "x" })),
  fc.constant<Line>(
    event("item_completed", { thread_id: THREAD, turn_id: "t1", item: { type: "Sleep", id: "s", duration_ms: 1 } }),
  ),
  fc.nat(9).map((subagent_history_start_ordinal) => meta({ subagent_history_start_ordinal })),
);

/** Mostly as Codex writes it; at times torn, with an ordinal left out, lost, or from before. */
const rollouts: fc.Arbitrary<readonly Line[]> = fc
  .array(
    fc.oneof(
      { weight: 9, arbitrary: records },
      { weight: 1, arbitrary: fc.constantFrom<Line>("{", "", "null") },
      {
        weight: 1,
        arbitrary: fc
          .tuple(records, fc.option(fc.nat(20)))
          .map(([line, ordinal]) => (typeof line === "string" ? line : { ...line, ordinal })),
      },
    ),
    { maxLength: 30 },
  )
  .chain((lines) =>
    fc.nat(6).map((start) => [meta(start > 3 ? { subagent_history_start_ordinal: start } : {}), ...lines]),
  );

function stored(state: CanonicalState): CanonicalState {
  return JSON.parse(JSON.stringify(state)) as CanonicalState;
}

describe("a projection that is gone on with", () => {
  test("is the one that was never left, wherever that was, also if it was stored", () => {
    fc.assert(
      fc.property(rollouts, fc.nat(31), (lines, cut) => {
        const entries = entriesOf(lines);
        const full = project(emptyProjection(), entries);
        const first = project(emptyProjection(), entries.slice(0, cut));
        expect(project(first, entries.slice(cut))).toEqual(full);
        expect(project(stored(first), entries.slice(cut))).toEqual(full);
        expect(new CanonicalTurns(full).turns()).toEqual(turnsOf(entries, { historyMode: "paginated" }));
      }),
      runs(300),
    );
  });

  test("changes neither the state that it began with nor one that was given out", () => {
    fc.assert(
      fc.property(rollouts, fc.nat(31), (lines, cut) => {
        const entries = entriesOf(lines);
        const first = project(emptyProjection(), entries.slice(0, cut));
        const before = stored(first);
        const running = new CanonicalTurns(first);
        const given = running.state();
        for (const entry of entries.slice(cut)) running.add(entry);
        expect(stored(first)).toEqual(before);
        expect(stored(given)).toEqual(before);
      }),
      runs(100),
    );
  });

  test("takes no harm from lines that it has seen", () => {
    const entries = entriesOf([
      meta(),
      started("t1"),
      item("t1", "a"),
      completed("t1"),
      started("t2"),
      item("t2", "b"),
    ]);
    const first = project(emptyProjection(), entries.slice(0, 4));
    const again = project(first, entries.slice(2));
    expect(again.turns).toEqual(project(emptyProjection(), entries).turns);
    expect(again.warnings).toMatchObject([
      { kind: "old-ordinal", position: { line: 3 }, message: "the ordinal 2 is not greater than 3, which came before" },
      { kind: "old-ordinal", position: { line: 4 } },
    ]);
  });

  test("remembers items whose turn it has not heard of", () => {
    const entries = entriesOf([meta(), item("t1", "early"), item("never", "x"), started("t1")]);
    const first = project(emptyProjection(), entries.slice(0, 3));
    expect(first).toMatchObject({ nextOrdinal: 3, turns: [], pending: [{ turnId: "t1" }, { turnId: "never" }] });
    const { turns, pending } = project(first, entries.slice(3));
    expect(turns).toMatchObject([{ id: "t1", items: [{ id: "early" }] }]);
    expect(pending).toMatchObject([{ turnId: "never" }]);
  });
});

describe("the place", () => {
  test("of an item is where it stood first and last, that of a turn where it began and ended", () => {
    const { turns, places } = turnsOf(
      entriesOf([
        meta(),
        started("t1"),
        item("t1", "a"),
        item("t1", "b"),
        item("t1", "a", "new"),
        completed("t1"),
        completed("t1"),
      ]),
    );
    expect(turns).toMatchObject([{ items: [{ id: "a", text: "new" }, { id: "b" }] }]);
    expect(places).toMatchObject([
      {
        opened: { line: 2 },
        ended: { line: 6 },
        items: [
          { first: { line: 3 }, last: { line: 5 } },
          { first: { line: 4 }, last: { line: 4 } },
        ],
      },
    ]);
  });
});

describe("what is not shown", () => {
  const sourceMeta = { ...META, id: SOURCE };
  const fork = {
    forked_from_id: SOURCE,
    history_base: { thread_id: SOURCE, end_ordinal_exclusive: 4, end_byte_offset: 1 },
  };

  /** As a reader of lineages presents a fork of a thread of one turn: its own metadata first, then all records. */
  const stream = (members: Json) =>
    entriesOf([
      { ...(meta({ ...fork, ...members }) as Exclude<Line, string>), ordinal: 4 },
      { ...(started("p1") as Exclude<Line, string>), ordinal: 1 },
      item("p1", "a"),
      completed("p1"),
      { ...(started("t1") as Exclude<Line, string>), ordinal: 5 },
    ]);
  const sources = [{ type: "session_meta", timestamp: META.timestamp, ordinal: 0, payload: sourceMeta }] as const;
  const shown = (members: Json) => turnsOf(stream(members), { sources }).turns.map(({ id }) => id);

  test("are the turns of the source, in an attached fork", () => {
    expect(shown({})).toEqual(["p1", "t1"]);
    expect(shown({ attached_thread: true })).toEqual(["t1"]);
  });

  test("is what a source hides", () => {
    const hiding = [{ ...sources[0], payload: { ...sourceMeta, subagent_history_start_ordinal: 4 } }];
    expect(turnsOf(stream({}), { sources: hiding }).turns.map(({ id }) => id)).toEqual(["t1"]);
  });

  test("is told as missing if the metadata of the sources is not given", () => {
    expect(turnsOf(stream({}), { sources }).warnings).toEqual([]);
    expect(turnsOf(stream({})).warnings).toMatchObject([
      { kind: "ordinal-gap", position: { line: 2 }, message: "the ordinal 0 is missing" },
    ]);
  });
});

describe("ordinals", () => {
  const warnings = (...lines: Line[]) =>
    turnsOf(entriesOf([meta(), started("t1"), ...lines])).warnings.map(({ kind, message }) => `${kind}: ${message}`);
  const at = (ordinal: number | null): Line => ({ ...(item("t1", "x") as Exclude<Line, string>), ordinal });

  test.each([
    ["one that is missing", [at(3)], ["ordinal-gap: the ordinal 2 is missing"]],
    ["several that are missing", [at(9)], ["ordinal-gap: the ordinals 2 to 8 are missing"]],
    ["one that was there", [at(1)], ["old-ordinal: the ordinal 1 is not greater than 1, which came before"]],
    ["none", [at(null), at(2)], ["no-ordinal: the record has no ordinal"]],
    [
      "of lines that are no records",
      ["{", "}", at(4)],
      [
        "malformed: not valid JSON",
        "malformed: not valid JSON",
        "ordinal-gap: the ordinals 2 to 3 are missing, where 2 lines could not be read",
      ],
    ],
    ["of the metadata of another thread", [meta({ id: SOURCE }), at(3)], []],
    [
      "of a record that Codex cannot read",
      [
        event("item_completed", { thread_id: THREAD, turn_id: "t1", item: { type: "Sleep", id: "s", duration_ms: 1 } }),
        at(3),
      ],
      ["refused: Codex 0.169.0 cannot read this record"],
    ],
  ] as const)("%s", (_, lines, expected) => {
    expect(warnings(...lines)).toEqual(expected);
  });

  test("of a blank line are none", () => {
    expect(warnings("", at(2), "  ", at(3))).toEqual([]);
  });
});
