/**
 * A rollout may end at any byte: after a crash, a full disk, a copy that was broken off. Whatever is left of it gives its
 * views, and nothing in them that no whole line has told.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeLine } from "../../src/format/decode.ts";
import type { Entry, Position } from "../../src/format/entry.ts";
import { splitLines } from "../../src/readers/lines.ts";
import { replay } from "../../src/thread/replay.ts";
import { turnsOf } from "../../src/thread/turns.ts";
import { usageOf } from "../../src/thread/usage.ts";
import { windowsOf } from "../../src/thread/windows.ts";
import { runs } from "../support/budget.ts";
import { chains } from "../support/generate-chain.ts";
import { paginatedThreads } from "../support/generate-turns.ts";
import { restPerRun } from "../support/rest.ts";
import { linesOf } from "../thread/shorthand.ts";

const LIMIT_MS = runs(300_000).numRuns;

function entriesOf(bytes: Buffer): Entry[] {
  return Array.from(splitLines([bytes]), (line) => decodeLine(line.bytes, line.position, line));
}

function checkCut(text: Buffer, whole: ReadonlyMap<number, Entry>, cut: number): void {
  const entries = entriesOf(text.subarray(0, cut));
  const check = ({ offset, length }: Position): Entry | undefined => {
    const entry = whole.get(offset);
    expect([entry?.ok, entry?.position.length]).toEqual([true, length]);
    expect(offset + length).toBeLessThanOrEqual(cut);
    return entry;
  };
  for (const { item, place, index, origin } of replay(entries, { explain: true }).history) {
    const entry = check(place);
    const record = entry?.ok === true ? entry.record : undefined;
    if (origin === "record") expect(item).toEqual(record?.payload);
    if (origin === "replacement" && record?.type === "compacted")
      expect(item).toEqual(record.payload.replacement_history?.[index ?? -1]);
  }
  for (const { opened, ended, items } of turnsOf(entries).places) {
    for (const place of [opened, ended ?? opened, ...items.flatMap(({ first, last }) => [first, last])]) check(place);
  }
  for (const { cause, start } of windowsOf(entries)) if (cause !== "start" && start !== undefined) check(start);
  usageOf(entries);
}

function wholeOf(text: Buffer): ReadonlyMap<number, Entry> {
  return new Map(entriesOf(text).map((entry) => [entry.position.offset, entry]));
}

test(
  "a cut at any byte invents nothing",
  async () => {
    const texts = fc.oneof(
      chains.map(([file]) => file?.text ?? Buffer.alloc(0)),
      paginatedThreads.map((rows) => Buffer.from(`${linesOf(rows.join("\n")).join("\n")}\n`)),
    );
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(texts, cuts, async (text, shares) => {
        await restPerRun();
        const whole = wholeOf(text);
        for (const share of shares) checkCut(text, whole, Math.round(share * text.length));
      }),
      runs(300),
    );
  },
  LIMIT_MS,
);

test.each(["META", "META paginated"])("a cut at every byte of a thread (%s) invents nothing", (meta) => {
  const rows = [
    `${meta} {"context_window":{"window_id":"019a3edc-0d64-7000-8000-00000000000a"}}`,
    "complete t1",
    'WS+ {"a":1}',
    "TS t2\nUE ü\nTX t2 m\nU ü\nFC c1\nFO c1 out",
    'CP+ {"window_number":1,"resume_metadata":{}}\n  SUM\n  U kept',
    'RECORD {"type":"event_msg","payload":{"type":"item_completed","thread_id":"01a1fb9b-c0ad-7e90-b655-f5b7c29304d6","turn_id":"t2","item":{"type":"Plan","id":"p","text":"plan"},"completed_at_ms":0}}',
    "A done\nTC t2\nRB 1",
    "CP- legacy",
    "complete t3",
  ];
  const text = Buffer.from(`${linesOf(rows.join("\n")).join("\n")}\n`);
  const whole = wholeOf(text);
  for (let cut = 0; cut <= text.length; cut += 1) checkCut(text, whole, cut);
});
