/** Rules of rollout-format §6.2 and §6.3, and what must hold whatever they say: the end gives what the whole gives. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entry } from "../../src/format/entry.ts";
import { replay } from "../../src/thread/replay.ts";
import type { ThreadState } from "../../src/thread/state.ts";
import {
  isResumeKind,
  type ResumeOptions,
  ResumeScan,
  type ResumeVerdict,
  replaySuffix,
} from "../../src/thread/resume.ts";
import { threads } from "./generate.ts";
import { entriesOf } from "./shorthand.ts";

/** Feeds a thread newest first, as a reader would; the suffix is what it has seen. */
function scan(entries: readonly Entry[], options: ResumeOptions): { verdict: ResumeVerdict; suffix: Entry[] } {
  const found = new ResumeScan(options);
  const suffix: Entry[] = [];
  for (const entry of entries.toReversed()) {
    suffix.unshift(entry);
    const verdict = found.see(entry);
    if (verdict.kind !== "continue") return { verdict, suffix };
  }
  return { verdict: found.end(), suffix };
}

function compared(state: ThreadState): unknown {
  const { history, previousTurnSettings, referenceContext, worldStateBaseline, window, lastStartedTurnId } = state;
  return {
    history: history.map(({ item, place, index, origin }) => [item, place.offset, index, origin]),
    previousTurnSettings,
    referenceContext,
    worldStateBaseline,
    window,
    lastStartedTurnId,
  };
}

const CHECKPOINT = 'CP+ {"window_number":1}\n  SUM';
const SUFFICIENT = 'CP+ {"window_number":1,"resume_metadata":{}}\n  SUM';

function verdictOf(text: string, options: ResumeOptions = {}): string {
  const { verdict, suffix } = scan(entriesOf(text), options);
  return verdict.kind === "must-replay" ? verdict.rule : `${verdict.kind} after ${suffix.length}`;
}

describe("a scan", () => {
  test.each([
    [
      "stops at a checkpoint that carries its settings",
      `META paginated\ncomplete t1\n${SUFFICIENT}\nU u2`,
      "complete after 2",
    ],
    [
      "goes on to a turn that tells them",
      `META paginated\ncomplete t1\ncomplete t2\n${CHECKPOINT}\nU u2`,
      "complete after 8",
    ],
    [
      "stops at the checkpoint when a turn after it has told them",
      `META paginated\ncomplete t1\n${CHECKPOINT}\ncomplete t2`,
      "complete after 7",
    ],
    [
      "takes a full world state for a user turn",
      `META paginated\ncomplete t0\nTS t1\n${CHECKPOINT}\nWS+ {}\nTX t1 m1\nTC t1`,
      "complete after 5",
    ],
    [
      "takes no world state from before the compaction for one",
      `META paginated\nTS t1\nWS+ {}\n${CHECKPOINT}\nTX t1 m1\nTC t1`,
      "no-settled-turn",
    ],
    [
      "does not count plain user items",
      `META paginated\nTS t1\nTX t1 m1\nU u1\nTC t1\n${CHECKPOINT}`,
      "no-settled-turn",
    ],
    [
      "counts an agent's message",
      `META paginated\nTS t1\nTX t1 m1\nAM /root/a go\nTC t1\n${CHECKPOINT}`,
      "complete after 5",
    ],
    ["needs a turn context", `META paginated\nTS t1\nUE x\nTC t1\n${CHECKPOINT}`, "no-settled-turn"],
    ["reads all for a rollback", `META paginated\ncomplete t1\n${SUFFICIENT}\nRB 1`, "rollback"],
    [
      "reads all for a rollback before the checkpoint too, when it gets there",
      `META paginated\nRB 1\n${CHECKPOINT}`,
      "rollback",
    ],
    ["reads all for a legacy compaction", `META paginated\n${SUFFICIENT}\nCP- S`, "legacy-compaction"],
    ["reads all for a compaction without a number", "META paginated\nCP+\n  SUM", "unnumbered-compaction"],
    ["reads all without a compaction", "META paginated\ncomplete t1", "no-checkpoint"],
    ["passes over damage", `META paginated\nLINE {torn\n${SUFFICIENT}\nLINE {torn`, "complete after 2"],
  ])("%s", (_, text, expected) => expect(verdictOf(text)).toBe(expected));

  test("counts the client's item of a user message, by its turn", () => {
    const item = (turn: string) =>
      `RECORD {"type":"event_msg","payload":{"type":"item_completed","thread_id":"01a1fb9b-c0ad-7e90-b655-f5b7c29304d6","turn_id":"${turn}","item":{"type":"UserMessage","id":"i","content":[]},"completed_at_ms":0}}`;
    const text = (turn: string) => `META paginated\nTS t1\n${item(turn)}\nTX t1 m1\nTC t1\n${CHECKPOINT}`;
    expect(verdictOf(text("t1"))).toBe("complete after 5");
    expect(verdictOf(text("t9"))).toBe("no-settled-turn");
    expect(isResumeKind("event_msg/item_completed")).toBe(true);
    expect(isResumeKind("event_msg/token_count")).toBe(false);
  });

  test("of a legacy thread reads all, unless eager", () => {
    const text = `META\ncomplete t1\n${SUFFICIENT}\nRB 1`;
    expect(verdictOf(text, { historyMode: "legacy" })).toBe("legacy-thread");
    expect(verdictOf(text, { historyMode: "legacy", eager: true })).toBe("complete after 2");
    expect(verdictOf(`META\n${CHECKPOINT}`, { historyMode: "legacy", eager: true })).toBe("legacy-thread");
  });

  test("that is eager stops at the first checkpoint that nothing reaches behind", () => {
    expect(verdictOf(`META paginated\ncomplete t1\n${CHECKPOINT}\nRB 7`, { eager: true })).toBe("complete after 2");
    expect(verdictOf(`META paginated\n${CHECKPOINT}\nCP- S`, { eager: true })).toBe("legacy-compaction");
  });

  test("stays with what it has said", () => {
    const found = new ResumeScan();
    const [, rollback, checkpoint] = entriesOf(`META paginated\nRB 1\n${SUFFICIENT}`) as [Entry, Entry, Entry];
    const verdict = { kind: "must-replay", rule: "rollback" };
    expect([found.see(rollback), found.see(checkpoint), found.end()]).toEqual([verdict, verdict, verdict]);
  });
});

test.each([false, true])("the end of a thread gives what the whole gives (eager: %j)", (eager) => {
  let complete = 0;
  fc.assert(
    fc.property(threads, (rows) => {
      const entries = entriesOf(rows.join("\n"));
      const { meta, historyMode } = replay(entries);
      const { verdict, suffix } = scan(entries, { historyMode, eager });
      if (verdict.kind !== "complete" || meta === undefined) return;
      complete += 1;
      expect(compared(replaySuffix(meta, suffix))).toEqual(compared(replay(entries)));
    }),
    { numRuns: 600 },
  );
  expect(complete).toBeGreaterThan(eager ? 60 : 10);
});
