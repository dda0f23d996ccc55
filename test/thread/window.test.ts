/** Each row was read off the compaction that the real 0.169.0 wrote next. */
import { describe, expect, test } from "vitest";
import type { Compacted, SessionMeta } from "../../src/format/record.ts";
import { uuidV7, windowOfCompaction, windowOfMeta } from "../../src/thread/window.ts";

const ID = "019a3edc-0d64-7000-8000-00000000a002";
const FIRST = "019a3edc-0d64-7000-8000-00000000a000";

test.each([
  [ID, ID],
  [ID.toUpperCase(), ID],
  [`urn:uuid:${ID}`, ID],
  [`{${ID}}`, ID],
  [ID.replaceAll("-", ""), ID],
  ["019a3edc-0d64-7000-0000-00000000a000", "019a3edc-0d64-7000-0000-00000000a000"],
  ["019a3edc-0d64-4000-8000-00000000a000", undefined],
  ["019a3edc-0d6470008000-00000000a002", undefined],
  ["x", undefined],
  ["", undefined],
  [null, undefined],
])("%j as an id is %j", (text, expected) => expect(uuidV7(text)).toBe(expected));

describe("the window of a compaction", () => {
  const of = (members: Omit<Compacted, "message">) => windowOfCompaction({ message: "", ...members });

  test("is what it says", () => {
    expect(of({ window_number: 3, window_id: ID, first_window_id: FIRST, previous_window_id: FIRST })).toEqual({
      number: 3,
      id: ID,
      firstId: FIRST,
      previousId: FIRST,
    });
  });

  test("is none without a number, ids or not", () => expect(of({ window_id: ID })).toBe(undefined));

  test("has its number from the legacy field, unless there is a new one", () => {
    expect(of({ window_id: 7 })).toEqual({ number: 7, id: undefined, firstId: undefined, previousId: undefined });
    expect(of({ window_id: 7, window_number: 3 })?.number).toBe(3);
    expect(of({ window_id: 7, window_number: null })?.number).toBe(7);
  });

  test("is its own first where the first is not told", () => {
    expect(of({ window_number: 3, window_id: ID, first_window_id: "x" })?.firstId).toBe(ID);
    expect(of({ window_number: 3, window_id: "x", first_window_id: FIRST })).toMatchObject({
      id: undefined,
      firstId: FIRST,
    });
  });
});

test("the window of metadata is number 0", () => {
  const meta = (window_id: string) => ({ context_window: { window_id } }) as SessionMeta;
  expect(windowOfMeta(meta(ID))).toEqual({ number: 0, id: ID, firstId: ID, previousId: undefined });
  expect(windowOfMeta(meta("x"))).toBe(undefined);
  expect(windowOfMeta({} as SessionMeta)).toBe(undefined);
});
