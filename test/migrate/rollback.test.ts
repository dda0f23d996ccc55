/** Rollbacks carried out: cases M1 to M20 of rollout-format §9.3, and where the tool goes its own way. */
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/homes.ts";
import { convertText, forbidden, type Paginated } from "./paginated-drive.ts";

const folder = temporaryFolder();

function convert(text: string): Paginated {
  return convertText(folder.path, `META\n${text}`);
}

/** A turn as 0.142.3 writes it. */
function natural(id: string, words: string): string {
  return [`TS ${id}`, `TX ${id} m`, `U ${words}`, `UE ${words}`, `A ${words}!`, `AE ${words}!`, `TC ${id}`].join("\n");
}

const T1 = natural("t1", "one");
const T2 = natural("t2", "two");
const ONE = ["TS t1", "TX t1 m", "U one", "IC t1 UserMessage item-1", "A one!", "IC t1 AgentMessage item-2", "TC t1"];

const PERMISSIONS = 'D "<permissions instructions>x</permissions instructions>"';

interface Case {
  readonly text: string;
  readonly rows: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  "M1: the last turn goes, with its beginning": { text: `${T1}\n${T2}\nRB 1`, rows: ONE },
  "M2: all turns go, what stands before the first one stays": {
    text: `D hello\n${T1}\n${T2}\nRB 9`,
    rows: ["D hello"],
  },
  "M3: a second rollback counts from what the first one left": {
    text: `${T1}\n${T2}\nRB 1\n${natural("t3", "three")}\nRB 99\nU four\nUE four`,
    rows: ["TS rollout-2", "U four", "IC rollout-2 UserMessage item-1", "TC rollout-2"],
  },
  "M4: back to the middle of a turn": {
    text: `${T1}\nTS t2\nTX t2 m\nU two\nUE two\nAE two!\nU steer\nUE steer\nAE more\nTC t2\nRB 1`,
    rows: [...ONE, "TS t2", "TX t2 m", "U two", "IC t2 UserMessage item-3", "IC t2 AgentMessage item-4"],
  },
  "M5: turns without a user at the end go with the last one that has one": {
    text: `${T1}\n${T2}\nTS x\nAE alone\nTC x\nRB 1`,
    rows: ONE,
  },
  "M6: none": { text: `${T1}\nRB 0`, rows: ONE },
  "M8: a message and its event are one": { text: "U q\nUE q\nRB 1", rows: [] },
  "M9: the event first, they are two": {
    text: "TS t1\nUE q\nU q\nA a\nTC t1\nRB 1",
    rows: ["TS t1", "IC t1 UserMessage item-1"],
  },
  "M10: context right above goes too": {
    text: `U keep\nD <managed_developer_instructions>x\n${PERMISSIONS}\nENV\nU real\nRB 1`,
    rows: ["U keep"],
  },
  "M11: so does what tells of an interruption": {
    text: "U keep\nU gone\nU <turn_aborted>x</turn_aborted>\nRB 1",
    rows: ["U keep"],
  },
  "M12: what came from another agent": {
    text:
      `${T1}\nTS n\nRECORD {"type":"inter_agent_communication_metadata","payload":{"trigger_turn":true}}\n` +
      "AM /root/a news\nTC n\nRB 1\nTS m\nIAC /root/a more\nTC m\nRB 1",
    rows: ONE,
  },
  "M13: what belongs to a turn that stays": {
    text:
      "TS old\nUE o\nTS rem\nUE r\nTC old\n" +
      'RECORD {"type":"event_msg","payload":{"type":"patch_apply_end","call_id":"po","turn_id":"old","stdout":"","stderr":"","success":true,"status":"completed"}}\n' +
      'RECORD {"type":"event_msg","payload":{"type":"patch_apply_end","call_id":"pr","turn_id":"rem","stdout":"","stderr":"","success":true,"status":"completed"}}\n' +
      "TC rem\nRB 1\nTS new\nUE n\nTC new",
    rows: [
      "TS old",
      "IC old UserMessage item-1",
      "TC old",
      "IC old FileChange po",
      "TS new",
      "IC new UserMessage item-2",
      "TC new",
    ],
  },
  "M14: a checkpoint that was rolled back, and none before it": {
    text: 'TS k\nUE k\nTC k\nTS r\nUE r\nCP+ s {"window_number":1}\n  U old\nTC r\nRB 1\nTS n\nUE n\nTC n',
    rows: ["CP+[]", "TS k", "IC k UserMessage item-1", "TC k", "TS n", "IC n UserMessage item-2", "TC n"],
  },
  "M15: a checkpoint that was rolled back, and one before it": {
    text:
      'TS k\nU k\nUE k\nCP+ s {"window_number":1}\n  U kept\nTC k\nTS r\nU r\nUE r\nTX r m\n' +
      'CP+ s {"window_number":2}\n  U lost\nTC r\nRB 1\nTS n\nU n\nUE n\nTC n',
    rows: [
      "TS k",
      "U k",
      "IC k UserMessage item-1",
      "CP+[U kept]",
      "TC k",
      "TS n",
      "U n",
      "IC n UserMessage item-2",
      "TC n",
    ],
  },
  "M16: past a checkpoint": {
    text: `TS t1\nU one\nUE one\nCP+ s\n  U one\n  A one!\nTC t1\n${T2}\nRB 2\nU new\nUE new`,
    rows: ["CP+[]", "TS rollout-2", "U new", "IC rollout-2 UserMessage item-1", "TC rollout-2"],
  },
  "M17: not past a checkpoint": {
    text: `TS t1\nU one\nUE one\nCP+ s\n  U one\n  A one!\nTC t1\n${T2}\nRB 1`,
    rows: ["TS t1", "U one", "IC t1 UserMessage item-1", "CP+[U one, A one!]", "TC t1"],
  },
  "M18: a checkpoint behind the rollback, of the turn that is gone": {
    text: "U gone\nRB 1\nCP+ s\n  U old\nUE new",
    rows: ["CP+[]", "TS rollout-1", "IC rollout-1 UserMessage item-1", "TC rollout-1"],
  },
  "M19: a compaction without a replacement stays": {
    text: `${T1}\nCP- sum\n${T2}\nRB 1`,
    rows: [...ONE, "CP-"],
  },
  "M20: what was delivered in a turn that is gone": {
    text: `${T1}\n${natural("t2", "two").replace(
      "TC t2",
      'RECORD {"type":"retained_context","payload":{"type":"delivered_assistant_message","acceptance_order":1,"turn_id":"t2","text":"x","complete":true}}\nTC t2',
    )}\nRB 1`,
    rows: ONE,
  },
};

describe("rollbacks as Codex carries them out", () => {
  test.each(Object.entries(CASES))("%s", (_title, { text, rows }) => {
    const made = convert(text);
    expect(made.rows).toEqual(rows);
    expect(forbidden(made)).toEqual([]);
  });
});

describe("where the history that Codex resumes is another than that of its migration", () => {
  test("M7: a rollback takes the message that it takes on a resume", () => {
    const made = convert("U copied\nUE child\nRB 1\nUE new");
    expect(made.rows).toEqual(["TS rollout-1", "IC rollout-1 UserMessage item-1", "TC rollout-1"]);
    expect(made.asides).toEqual(["2: rolled back", "3: rolled back", "4: rolled back"]);
  });

  test("context that an answer stands behind stays", () => {
    const made = convert(`${T1}\n${PERMISSIONS}\nA more\n${T2}\nRB 1`);
    expect(made.rows).toEqual([...ONE, "D <permissions instructions>", "A more"]);
    expect(forbidden(made)).toEqual([]);
  });

  test("turns before a checkpoint that was rolled back stay in the history", () => {
    const made = convert(`${T1}\nTS c\nCP+ s\n  U one\nTC c\n${T2}\nRB 1\n${natural("t3", "three")}`);
    expect(made.rows.slice(0, 9)).toEqual([...ONE, "TS c", "CP+[U one]"]);
    const past = convert(`${T1}\n${T2.replace("A two!", "CP+ s\n  U two\nA two!")}\nRB 1\n${natural("t3", "three")}`);
    expect(past.rows.slice(0, 9)).toEqual(["CP+[]", ...ONE, "TS t3"]);
    expect(forbidden(past)).toEqual([]);
  });

  test("a state of the world goes with its turn", () => {
    const made = convert(`${T1}\n${T2.replace("TX t2 m", 'TX t2 m\nWS+ {"a":1}')}\nRB 1`);
    expect(made.rows).toEqual(ONE);
  });

  test("a rollback into what a compaction without a replacement left", () => {
    const made = convert(`${T1}\n${T2}\nCP- sum\n${natural("t3", "three")}\nRB 2`);
    expect(made.rows).toEqual([...ONE, "U two", "A two!", "CP+[U one, U two]"]);
    expect(made.notes).toContain("a rollback reached into a compaction, which now says itself what is left of it");
    expect(forbidden(made)).toEqual([]);
  });
});

test("everything that is gone is set aside, with its line", () => {
  const made = convert(`U q\nUE q\nRB 1\nU new`);
  expect(made.asides).toEqual(["2: rolled back", "3: rolled back", "4: rolled back"]);
  expect(made.notes).toEqual(["1 rollback carried out: what was rolled back is set aside"]);
});
