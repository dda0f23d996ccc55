import { describe, expect, test } from "vitest";
import { windowsOf } from "../../src/thread/windows.ts";
import { entriesOf, linesOf } from "./shorthand.ts";

const ID = "019a3edc-0d64-7000-8000-00000000a00";

function rows(text: string) {
  return windowsOf(entriesOf(text)).map(({ number, cause, isNumbered, start, end, compaction: change }) => [
    number,
    cause,
    isNumbered,
    `${start?.line}–${end?.line}`,
    change === undefined ? "" : `${change.before.items}→${change.after.items}`,
  ]);
}

describe("windows", () => {
  test("of a thread without a compaction are one", () => {
    expect(rows("META\ncomplete t1")).toEqual([[0, "start", true, "1–7", ""]]);
    expect(windowsOf([])).toEqual([
      {
        number: 0,
        id: undefined,
        firstId: undefined,
        previousId: undefined,
        isNumbered: true,
        cause: "start",
        start: undefined,
        end: undefined,
        isLast: true,
        compaction: undefined,
      },
    ]);
  });

  test("begin where their compaction is", () => {
    const text = 'META\ncomplete t1\nCP+ {"window_number":1}\n  U k\n  SUM\ncomplete t2\nCP- S\nCP+\n  SUM';
    expect(rows(text)).toEqual([
      [0, "start", true, "1–8", ""],
      [1, "replacement", true, "8–15", "2→2"],
      [2, "legacy", false, "15–16", "4→4"],
      [3, "replacement", false, "16–16", "4→1"],
    ]);
  });

  test("of a turn that was rolled back are counted only, and the one after goes on from before", () => {
    const text =
      'META\ncomplete t1\nTS t2\nUE x\nU u2\nCP+ {"window_number":1}\n  SUM\nTC t2\nRB 1\ncomplete t3\nCP+ {"window_number":1}\n  SUM';
    expect(rows(text)).toEqual([
      [0, "start", true, "1–11", ""],
      [1, "counted", true, "11–20", "3→1"],
      [1, "replacement", true, "20–20", "4→1"],
    ]);
  });

  test("have ids: the first from the metadata, or from the compaction that ended it", () => {
    const compaction = `CP+ {"window_number":1,"window_id":"${ID}1","first_window_id":"${ID}0","previous_window_id":"${ID}0"}\n  SUM`;
    const ids = (text: string) =>
      windowsOf(entriesOf(text)).map(({ id, firstId, previousId }) => [id, firstId, previousId]);
    const second = [`${ID}1`, `${ID}0`, `${ID}0`];
    expect(ids(`META {"context_window":{"window_id":"${ID}5"}}\n${compaction}`)).toEqual([
      [`${ID}5`, `${ID}5`, undefined],
      second,
    ]);
    expect(ids(`META\n${compaction}`)).toEqual([[`${ID}0`, `${ID}0`, undefined], second]);
    expect(ids("META\nCP+\n  SUM")).toEqual([
      [undefined, undefined, undefined],
      [undefined, undefined, undefined],
    ]);
  });

  test("count the bytes of their items", () => {
    const item = '{"type":"message","role":"user","content":[{"type":"input_text","text":"zwölf"}]}';
    const metadata =
      '{"type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"ö"}]},"metadata":{"note":"ä"}}';
    const text = `META paginated\nU zwölf\nRECORD ${metadata}\nCP+\n  U zwölf`;
    const [, window] = windowsOf(entriesOf(text));
    const bytes = Buffer.byteLength(item);
    expect(window?.compaction).toEqual({ before: { items: 2, bytes: bytes + bytes - 4 }, after: { items: 1, bytes } });
    expect(linesOf(text)[2]).toContain("metadata");
  });

  test("name places as the caller wants them", () => {
    const [window] = windowsOf(entriesOf("META"), {
      placeOf: ({ position }) => Object.assign({ file: "a" }, position),
    });
    expect(window?.start).toMatchObject({ file: "a", line: 1 });
  });
});
