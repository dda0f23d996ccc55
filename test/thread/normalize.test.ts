/** Rows of rollout-format §5.8, and some more; each is what the real 0.169.0 made of the same items. */
import { describe, expect, test } from "vitest";
import { asRequest } from "../../src/thread/normalize.ts";
import { replay } from "../../src/thread/replay.ts";
import { entriesOf, shown } from "./shorthand.ts";

function request(...rows: readonly string[]) {
  return asRequest(replay(entriesOf(["META", ...rows].join("\n"))).history);
}

const ABORTED = '"aborted"';

describe("a request", () => {
  test.each<[readonly string[], readonly string[]]>([
    [
      ["FC c1", "A a"],
      ["FC c1", `FO c1 ${ABORTED}`, "A a"],
    ],
    [
      ["CC c1", "A a"],
      ["CC c1", `CO c1 ${ABORTED}`, "A a"],
    ],
    [
      ["LS c1", "A a"],
      ["LS c1", `FO c1 ${ABORTED}`, "A a"],
    ],
    [
      ["LS -", "A a"],
      ["LS -", "A a"],
    ],
    [
      ["TSC c1", "A a"],
      ["TSC c1", "TSO c1 0", "A a"],
    ],
    [['TSC c1 {"execution":"server"}'], ["TSC c1", "TSO c1 0"]],
    [['TSC c1 {"call_id":null}'], ["TSC -"]],
    [["FO c1 x", "A a"], ["A a"]],
    [["CO c1 x", "A a"], ["A a"]],
    [["TSO c1", "A a"], ["A a"]],
    [['TSO c1 {"execution":"server"}'], ["TSO c1 0"]],
    [['TSO c1 {"call_id":null}'], ["TSO - 0"]],
    [['FO c1 x {"call_id":null}'], ['FO - "x"']],
    [
      ["FC c1", "CO c1 x"],
      ["FC c1", `FO c1 ${ABORTED}`],
    ],
    [
      ["CC c1", "FO c1 x"],
      ["CC c1", `CO c1 ${ABORTED}`],
    ],
    [
      ["LS c1", "FO c1 x"],
      ["LS c1", 'FO c1 "x"'],
    ],
    [
      ["FC c1", "FO c1 x", "FO c1 y"],
      ["FC c1", 'FO c1 "x"', 'FO c1 "y"'],
    ],
    [
      ["FO c1 x", "FC c1"],
      ['FO c1 "x"', "FC c1"],
    ],
    [
      ["FC c1", "FC c1", "A a"],
      ["FC c1", `FO c1 ${ABORTED}`, "FC c1", `FO c1 ${ABORTED}`, "A a"],
    ],
    [
      ["FC c1", "FC c2", "FO c2 x"],
      ["FC c1", `FO c1 ${ABORTED}`, "FC c2", 'FO c2 "x"'],
    ],
    [
      ["CC c1", "LS c1", "FO c1 x"],
      ["CC c1", `CO c1 ${ABORTED}`, "LS c1", 'FO c1 "x"'],
    ],
    [
      [
        'RECORD {"type":"response_item","payload":{"type":"configuration_update","reasoning":{"effort":"high"}}}',
        "A a",
      ],
      ["A a"],
    ],
  ])("of %j", (rows, expected) => expect(request(...rows).items.map(({ item }) => shown(item))).toEqual(expected));

  test("says what it removed and what it made up", () => {
    const { items, removed } = request("FO c1 x", "FC c2");
    expect(removed).toMatchObject([{ what: "function_call_output", rule: "orphan-output", place: { line: 2 } }]);
    expect(items).toMatchObject([
      { origin: "record", place: { line: 3 } },
      {
        origin: "inserted",
        place: { line: 3 },
        item: { type: "function_call_output", call_id: "c2", output: "aborted" },
      },
    ]);
  });
});
