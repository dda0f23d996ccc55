import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { legacyConversion } from "../../src/migrate/legacy.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { writeHome } from "../support/homes.ts";
import { convertHome, sourceAt } from "./legacy-drive.ts";
import {
  agent,
  convert,
  ended,
  event,
  FOLDER,
  homeWith,
  item,
  type Json,
  type Line,
  meta,
  nameOf,
  OTHER,
  said,
  STAGE,
  started,
  text,
  THREAD,
  TIME,
} from "./legacy-lines.ts";

describe("the place of an item", () => {
  const outline = (lines: readonly (Line | string)[]): readonly string[] =>
    convert(lines).events.map(({ type, turn_id, message, text: thought }) =>
      [type, turn_id, message, thought].flatMap((word) => (typeof word === "string" ? word : [])).join(" "),
    );

  test("one that came late moves before the end of its turn", () => {
    expect(outline([started("t"), ended("t"), started("u"), item("t", agent("a", "late")), ended("u")])).toEqual([
      "task_started t",
      "agent_message late",
      "task_complete t",
      "task_started u",
      "task_complete u",
    ]);
  });

  test("also where nothing but the next turn ends it", () => {
    expect(outline([started("t"), started("u"), item("t", agent("a", "late")), ended("t"), ended("u")])).toEqual([
      "task_started t",
      "agent_message late",
      "task_started u",
      "task_complete t",
      "task_complete u",
    ]);
  });

  test("one that came early waits for its turn", () => {
    expect(outline([item("t", agent("a", "early")), started("t"), ended("t")])).toEqual([
      "task_started t",
      "agent_message early",
      "task_complete t",
    ]);
  });

  test("a turn of which only the end was written gets a beginning", () => {
    const { events } = convert([
      item("r", agent("a", "reviewed")),
      started("t"),
      ended("r", { started_at: 3, root_turn_id: "root" }),
    ]);
    expect(events).toEqual([
      started("t")[1],
      { type: "task_started", turn_id: "r", root_turn_id: "root", started_at: 3, model_context_window: null },
      { type: "agent_message", message: "reviewed", phase: null, memory_citation: null },
      ended("r", { started_at: 3, root_turn_id: "root" })[1],
    ]);
  });

  test("the first end of a turn counts", () => {
    const { events, asides } = convert([
      started("t"),
      ended("t"),
      event("turn_aborted", { turn_id: "t", reason: "interrupted" }),
    ]);
    expect(events.map(({ type }) => type)).toEqual(["task_started", "task_complete"]);
    expect(asides.map(([why]) => why)).toEqual(["a second end of a turn"]);
  });

  test("items of a turn that never began go aside", () => {
    const { events, asides } = convert([item("t", agent("a", "x"))]);
    expect(events).toEqual([]);
    expect(asides.map(([why]) => why)).toEqual(["an item of a turn that never began"]);
  });

  test("what is told again is told once, as it was told last", () => {
    const thoughts = (...summary_text: string[]): Line =>
      item("t", { type: "Reasoning", id: "r", summary_text, raw_content: [] });
    expect(
      outline([started("t"), thoughts("one"), item("t", agent("a", "x")), thoughts("one", "two"), ended("t")]),
    ).toEqual(["task_started t", "agent_reasoning one", "agent_reasoning two", "agent_message x", "task_complete t"]);
  });

  test("a turn that begins twice has each item once", () => {
    const told = item("t", agent("a", "x"));
    expect(outline([started("t"), started("u"), told, started("t"), told, ended("t")])).toEqual([
      "task_started t",
      "agent_message x",
      "task_started u",
      "task_started t",
      "task_complete t",
    ]);
  });

  test("two turns may have items of one id", () => {
    const lines = [
      started("t"),
      item("t", agent("a", "x")),
      ended("t"),
      started("u"),
      item("u", agent("a", "y")),
      ended("u"),
    ];
    expect(outline(lines).filter((line) => line.startsWith("agent"))).toEqual(["agent_message x", "agent_message y"]);
  });

  test("events that stand beside the items go aside, and are not doubled", () => {
    const { events, asides } = convert([
      started("t"),
      item("t", agent("a", "x")),
      event("agent_message", { message: "x" }),
      event("turn_aborted", { reason: "interrupted" }),
      ended("t"),
    ]);
    expect(events.map(({ type }) => type)).toEqual(["task_started", "agent_message", "task_complete"]);
    expect(asides.map(([why]) => why)).toEqual(Array(2).fill("an event that paginated threads do not show"));
  });
});

describe("what is there to do", () => {
  const judged = (first: Line | string) => {
    const home = homeWith({ [nameOf(THREAD)]: text([first, said("hi")]) });
    const [file] = discoverRollouts(home).files;
    if (file === undefined) throw new Error("no rollout");
    return legacyConversion({ codexHome: home }, { continuersOf: () => [] }).judge(sourceAt(file), {
      isContinued: false,
    });
  };

  test("only for paginated rollouts", () => {
    expect(judged(meta())).toEqual({ kind: "convert" });
    expect(judged(meta({ history_mode: "legacy" }))).toEqual({ kind: "already" });
    expect(judged(said("no metadata"))).toEqual({ kind: "not-this-form" });
    expect(judged(meta({ history_mode: "later" }))).toEqual({
      kind: "refuse",
      reason: "the metadata names a history mode that is not known",
    });
  });
});

describe("the other records", () => {
  test("stay as they are, without ordinals, and lines that are none go aside", () => {
    const { records, asides } = convert([
      started("t"),
      [
        "turn_context",
        { turn_id: "t", cwd: "/", approval_policy: "never", sandbox_policy: { type: "read-only" }, model: "m" },
      ],
      said("hi"),
      ["world_state", { full: true, state: {} }],
      ["inter_agent_communication_metadata", { trigger_turn: true }],
      "no record",
      "",
      event("token_count", { info: null }),
      ended("t"),
    ]);
    expect(records.map(({ type }) => type)).toEqual([
      "session_meta",
      "event_msg",
      "turn_context",
      "response_item",
      "world_state",
      "inter_agent_communication_metadata",
      "event_msg",
      "event_msg",
    ]);
    expect(records.filter((record) => "ordinal" in record)).toEqual([]);
    expect(asides).toEqual([["a line that is no record", "no record"]]);
  });

  test("metadata loses what only paginated threads have, and keeps the rest", () => {
    const { records } = convert(
      [["session_meta", { ...meta({ agent_nickname: "Nick" }, OTHER)[1] }]],
      meta({
        forked_from_id: OTHER,
        forked_from_ordinal_exclusive: 3,
        attached_thread: true,
        subagent_history_start_ordinal: 2,
        context_window: { window_id: STAGE },
        base_instructions: { text: "be" },
      }),
    );
    const common = { timestamp: TIME, cwd: "/work", originator: "t", cli_version: "0.169.0", source: "cli" };
    expect(records.map(({ payload }) => payload)).toEqual([
      {
        id: THREAD,
        session_id: THREAD,
        ...common,
        forked_from_id: OTHER,
        context_window: { window_id: STAGE },
        base_instructions: { text: "be" },
      },
      { id: OTHER, session_id: OTHER, ...common, agent_nickname: "Nick" },
    ]);
  });

  test("what 0.142.3 cannot read is noted", () => {
    const effort: Line = ["response_item", { type: "configuration_update", reasoning: { effort: "low" } }];
    expect(convert([effort, said("hi")]).notes).toEqual([]);
    const file: Line = [
      "response_item",
      { type: "message", role: "user", content: [{ type: "input_image", file_id: "f" }] },
    ];
    expect(convert([file, said("hi")]).notes).toEqual([
      "records that the model's history is made of, and Codex 0.142.3 passes over: 1",
    ]);
  });

  test("a rollback is refused: only legacy threads show one", () => {
    expect(() => convert([event("thread_rolled_back", { num_turns: 1 })])).toThrow("has a rollback");
    expect(convert([event("thread_rolled_back", { num_turns: 0 })]).events).toEqual([
      { type: "thread_rolled_back", num_turns: 0 },
    ]);
  });
});

const turn = (id: string, words: string): readonly Line[] => [
  started(id),
  said(words),
  item(id, { type: "UserMessage", id: `u-${id}`, content: [{ type: "text", text: words, text_elements: [] }] }),
  said(`answer to ${words}`, "assistant"),
  item(id, agent(`a-${id}`, `answer to ${words}`)),
  ended(id),
];

/** The first `count` lines of a text, as what another file continues. */
function baseOf(id: string, whole: string, count: number): Json {
  const kept = whole
    .split("\n")
    .slice(0, count)
    .map((line) => `${line}\n`)
    .join("");
  return { thread_id: id, end_ordinal_exclusive: count, end_byte_offset: Buffer.byteLength(kept) };
}

describe("a thread of several files", () => {
  const root = text([meta({}, OTHER), ...turn("t1", "one"), ...turn("t2", "two")]);
  const fork = text([meta({ forked_from_id: OTHER, history_base: baseOf(OTHER, root, 7) }), ...turn("t3", "three")], 7);

  test("a fork becomes a full copy, and then its source can be converted, too", () => {
    const home = homeWith({ [nameOf(OTHER)]: root, [nameOf(THREAD)]: fork });
    const { converted, left } = convertHome(home);
    expect(converted.map(({ threadId, differences }) => [threadId, differences])).toEqual([
      [THREAD, []],
      [OTHER, []],
    ]);
    expect([...left.values()]).toEqual([{ kind: "already" }, { kind: "already" }]);
    const lines = readFileSync(join(home, nameOf(THREAD)), "utf8")
      .trimEnd()
      .split("\n");
    const records = lines.map((line) => JSON.parse(line) as { type: string; payload: Json });
    expect(records.slice(0, 2).map(({ payload }) => payload["id"])).toEqual([THREAD, OTHER]);
    const messages = records.flatMap(({ payload }) => (payload["type"] === "user_message" ? [payload["message"]] : []));
    expect(messages).toEqual(["one", "three"]);
  });

  test("a rollout that another one continues is refused, as long as it does", () => {
    const home = homeWith({ [nameOf(OTHER)]: root, [nameOf(THREAD)]: fork });
    const file = discoverRollouts(home).files.find(({ name }) => name?.rolloutId === OTHER);
    if (file === undefined) throw new Error("no rollout");
    const conversion = legacyConversion({ codexHome: home }, { continuersOf: (id) => (id === OTHER ? [THREAD] : []) });
    const judgement = () => conversion.judge(sourceAt(file), { isContinued: true });
    expect(judgement()).toEqual({
      kind: "refuse",
      reason: "another rollout continues this one: convert that one first",
    });
    writeHome(home, { [nameOf(THREAD)]: text([meta({ forked_from_id: OTHER })]) });
    expect(judgement()).toEqual({ kind: "convert" });
  });

  const stages = (): Readonly<Record<string, string>> => {
    const first = text([meta(), ...turn("t1", "one"), ...turn("t2", "two")]);
    const second = text([meta({ history_base: baseOf(THREAD, first, 7) }), ...turn("t3", "three")], 7);
    return { [nameOf(THREAD)]: first, [nameOf(`${THREAD}_${STAGE}`, "00-31-00")]: second };
  };

  test("a reverted thread becomes one file of a plain name; what was reverted goes aside with the files before", () => {
    const home = homeWith(stages());
    const { converted } = convertHome(home);
    // Of the time when the thread was made, as near as can be.
    expect(readdirSync(join(home, FOLDER))).toEqual([nameOf(THREAD, "00-29-50").slice(FOLDER.length + 1)]);
    const [only] = converted;
    expect(converted.length).toBe(1);
    expect(only?.differences).toEqual([]);
    expect(only?.retired).toEqual([join(home, nameOf(THREAD))]);
    expect(only?.asides.map(([why]) => why)).toEqual(Array(6).fill("a turn that was reverted"));
    const written = readFileSync(only?.after ?? "", "utf8");
    expect(written.match(/"message":"(\w+)"/g)).toEqual(['"message":"one"', '"message":"three"']);
  });

  test("unless a fork hangs on a stage before", () => {
    const base = stages();
    const first = base[nameOf(THREAD)] ?? "";
    const forked = text([meta({ forked_from_id: THREAD, history_base: baseOf(THREAD, first, 13) }, OTHER)], 13);
    const home = homeWith({ ...base, [nameOf(OTHER)]: forked });
    const file = discoverRollouts(home).files.find(({ name }) => name?.rolloutId === STAGE);
    if (file === undefined) throw new Error("no stage");
    const conversion = legacyConversion(
      { codexHome: home },
      { continuersOf: (id) => (id === THREAD ? [STAGE, OTHER] : []) },
    );
    expect(conversion.judge(sourceAt(file), { isContinued: false })).toEqual({
      kind: "refuse",
      reason: "another rollout continues an earlier stage of this thread: convert that one first",
    });
    expect(convertHome(home).converted.map(({ threadId }) => threadId)).toEqual([OTHER, THREAD]);
  });

  test("a chain that breaks is refused with the reason", () => {
    const home = homeWith({ [nameOf(THREAD)]: fork });
    const [file] = discoverRollouts(home).files;
    if (file === undefined) throw new Error("no rollout");
    const conversion = legacyConversion({ codexHome: home }, { continuersOf: () => [] });
    expect(conversion.judge(sourceAt(file), { isContinued: false })).toEqual({
      kind: "refuse",
      reason: `the rollout ${OTHER}, which is continued here, is not in this home`,
    });
  });
});

describe("what is not compared", () => {
  test("turns that an agent was given are shown from now on, and all else is the same", () => {
    const own = turn("t2", "two");
    const first = meta({ subagent_history_start_ordinal: 7, source: { subagent: { other: "x" } } });
    const home = homeWith({ [nameOf(THREAD)]: text([first, ...turn("t1", "one"), ...own]) });
    const [only] = convertHome(home).converted;
    expect(only?.differences).toEqual([
      {
        view: "turns",
        index: 0,
        before: 0,
        after: 1,
        words: "1 turn more, from turn 1 on",
        allowed: "turns that the thread got from another one are shown, as older releases show them",
      },
    ]);
  });

  test("settings from before a checkpoint are remembered", () => {
    const context: Line = [
      "turn_context",
      { turn_id: "t1", cwd: "/", approval_policy: "never", sandbox_policy: { type: "read-only" }, model: "m" },
    ];
    const checkpoint: Line = ["compacted", { message: "", replacement_history: [], window_number: 1 }];
    const [begin, ...rest] = turn("t1", "one");
    const lines = [begin as Line, context, ...rest, started("t2"), checkpoint, ended("t2")];
    const home = homeWith({ [nameOf(THREAD)]: text([meta(), ...lines]) });
    const [only] = convertHome(home).converted;
    expect(only?.differences.map(({ view, allowed }) => [view, allowed])).toEqual([
      ["settings", "a legacy thread also goes by what precedes a checkpoint"],
    ]);
  });
});
