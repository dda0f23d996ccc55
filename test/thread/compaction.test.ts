/** Rows of rollout-format §5.6; each was replayed by the real 0.169.0. */
import { describe, expect, test } from "vitest";
import { replay } from "../../src/thread/replay.ts";
import { entriesOf, shownHistory } from "./shorthand.ts";

/** History after these rows, long runs of one character as `x×6000`. */
function after(...rows: readonly string[]): string[] {
  const { history } = replay(entriesOf(["META", ...rows].join("\n")));
  return shownHistory(history).map((line) =>
    line.replace(/(.)\1{20,}/gu, (run, character: string) => `${character}×${run.length / character.length}`),
  );
}

const x = (count: number) => `U ${"x".repeat(count)}`;
const SUMMARY =
  '"Another language model started to solve this problem and produced a summary of its thinking process. … to assist with your own analysis:\\nx"';

describe("a legacy compaction", () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ["keeps parts apart", ["U a | b", "CP- S"], ["U a | b", "U S"]],
    ["keeps what just fits", [x(80_000), "CP- S"], ["U x×80000", "U S"]],
    ["cuts what does not", [x(80_001), "CP- S"], ["U x×40000 | …1 tokens truncated… | x×40000", "U S"]],
    [
      "cuts the first from the end that does not",
      [`U old${"y".repeat(1_000)}end`, x(79_001), "CP- S"],
      ["U oldy×495 | …3 tokens truncated… | y×495end", "U x×79001", "U S"],
    ],
    [
      "cuts over parts",
      [`U ${"p".repeat(50_000)} | mid | ${"q".repeat(50_000)}`, "CP- S"],
      ["U p×40000 | …5001 tokens truncated… | q×40000", "U S"],
    ],
    [
      "counts all parts of a message as one",
      [`U ${"o".repeat(404)}`, "U x | y | z | w", x(79_592), "CP- S"],
      ["U o×404", "U x | y | z | w", "U x×79592", "U S"],
    ],
    ["stops when nothing is left, even for an empty message", ['U ""', x(80_000), "CP- S"], ["U x×80000", "U S"]],
    ["keeps an empty message as long as something is left", ['U ""', x(79_996), "CP- S"], ["U ", "U x×79996", "U S"]],
    ["makes an image an empty text", ["IMG", "CP- S"], ["U ", "U S"]],
    ["drops earlier summaries", [`U ${SUMMARY}`, "CP- S"], ["U S"]],
    [
      "takes a summary in a later part for a message",
      [`U a | ${SUMMARY}`, "CP- S"],
      [`U a | ${JSON.parse(SUMMARY) as string}`, "U S"],
    ],
    ["drops context, and messages that hold some", ["ENV", "U <skill>x</skill> | real", "CP- S"], ["U S"]],
    [
      "drops what is not the user's",
      ["AM /root/a hi", "IAC /root/a hi", "IAJ x", "D dev", "A a", "FC c1", "U a", "CP- S"],
      ["U a", "U S"],
    ],
    [
      "keeps a summary without the fixed words as a message",
      ["U a", "CP- S", "U b", "CP- T"],
      ["U a", "U S", "U b", "U T"],
    ],
    ["drops its own summary at the next one", ["U a", `CP- ${SUMMARY}`, "U b", "CP- T"], ["U a", "U b", "U T"]],
    ["has words for no summary", ['CP- ""'], ["U (no summary available)"]],
    [
      "cuts again what it had cut",
      [`U old${"y".repeat(1_000)}end`, x(79_001), "CP- S", "U b", "CP- T"],
      ["U oldy×491 | …8 tokens truncated… | y×491end", "U x×79001", "U S", "U b", "U T"],
    ],
  ])("%s", (_, rows, expected) => expect(after(...rows)).toEqual(expected));

  test("keeps a message's id, and its object where nothing is cut", () => {
    const entries = entriesOf('META\nU a {"id":"msg_1"}\nIMG {"id":"msg_2"}\nCP- S');
    const { history } = replay(entries);
    expect(history.map(({ item, origin, place }) => [item.id, origin, place.line])).toEqual([
      ["msg_1", "kept", 2],
      ["msg_2", "kept", 3],
      [undefined, "summary", 4],
    ]);
  });
});

describe("a rollback after one", () => {
  test("counts the messages that were kept", () => {
    expect(after("U a", "U b", "CP- S", "U c", "RB 2")).toEqual(["U a", "U b"]);
    expect(after("U a", "U b", `CP- ${SUMMARY}`, "U c", "RB 2")).toEqual(["U a"]);
    expect(after("U a", "U b", "CP- S", "RB 2", "U c", "CP- T")).toEqual(["U a", "U c", "U T"]);
    expect(after(x(80_001), x(80_001), "CP- S", "RB 1", "CP- T")).toEqual([
      "U x×40000 | …6 tokens truncated… | x×40000",
      "U T",
    ]);
  });
});
