/**
 * Paginated threads as Codex writes them, in shorthand: every turn has an id of its own and begins with its start. Items may
 * be changed later, also after their turn has ended; lines may be damaged.
 */
import fc from "fast-check";
import { threadId } from "./lines.ts";

function item(turn: number, id: number, text: string): string {
  const members = {
    type: "item_completed",
    thread_id: threadId(1),
    turn_id: `turn-${turn}`,
    item: { type: "Plan", id: `item-${turn}-${id}`, text },
    completed_at_ms: id,
  };
  return `RECORD ${JSON.stringify({ type: "event_msg", payload: members })}`;
}

const words = fc.constantFrom("one", "two words", "日本語", "", "x".repeat(3000));
const inside = fc.oneof(
  fc.record({ kind: fc.constant("item" as const), id: fc.nat(2), text: words }),
  fc.record({ kind: fc.constant("late" as const), back: fc.integer({ min: 1, max: 3 }), id: fc.nat(3), text: words }),
  fc.record({
    kind: fc.constant("row" as const),
    row: fc.constantFrom(
      "U said",
      "A done",
      "LINE {torn",
      "LINE ",
      "WS+ {}",
      "CP+ {}",
      "SCORE",
      'RECORD {"type":"event_msg","payload":{"type":"token_count","info":null,"rate_limits":null}}',
    ),
  }),
);

const turns = fc.record({
  parts: fc.array(inside, { maxLength: 6 }),
  end: fc.constantFrom("TC", "TC", "TA", undefined),
});

/** Rows of shorthand; the first one is the metadata. */
export const paginatedThreads: fc.Arbitrary<readonly string[]> = fc.array(turns, { maxLength: 8 }).map((made) => [
  "META paginated",
  ...made.flatMap(({ parts, end }, at) => [
    `TS turn-${at}`,
    ...parts.map((part) => {
      if (part.kind === "row") return part.row;
      return item(part.kind === "late" ? Math.max(0, at - part.back) : at, part.id, part.text);
    }),
    ...(end === undefined ? [] : [`${end} turn-${at}`]),
  ]),
]);
