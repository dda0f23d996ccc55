import fc from "fast-check";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

import { fillTurns } from "../../src/analysis/search-turns.ts";
import type { Draft } from "../../src/analysis/search-hits.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { temporaryFolder } from "../support/homes.ts";
import { event, type LineRecord, meta, rolloutText, turnContext, userMessage } from "../support/lines.ts";

const folder = temporaryFolder();

const RECORDS: Readonly<Record<string, LineRecord>> = {
  hit: userMessage("needle"),
  "start 1": event("task_started", { turn_id: "t1", started_at: 1, model_context_window: 1 }),
  "start 2": event("task_started", { turn_id: "t2", started_at: 1, model_context_window: 1 }),
  unnamed: event("task_started", { model_context_window: 1 }),
  settings: turnContext({ turn_id: "t3" }),
  "unnamed settings": turnContext({ turn_id: undefined }),
  end: event("task_complete", { turn_id: "t1", last_agent_message: null }),
  abort: event("turn_aborted", { turn_id: "t2", reason: "interrupted" }),
};

/** Turns of the hits among the records, read from a plain file or from a compressed one, which has no way back. */
function turnsOf(names: readonly string[], isPlain: boolean): readonly (string | undefined)[] {
  const text = rolloutText([meta(1), ...names.map((name) => RECORDS[name] as LineRecord)]);
  const path = join(folder.path, isPlain ? "a.jsonl" : "b.jsonl.zst");
  writeFileSync(path, isPlain ? text : compressZstd(Buffer.from(text)));
  const lines = text.split("\n");
  const hits = names.flatMap((name, index) => {
    const offset = Buffer.byteLength(`${lines.slice(0, index + 1).join("\n")}\n`);
    return name === "hit" ? [{ kind: "message", line: index + 2, offset, turnId: undefined } as unknown as Draft] : [];
  });
  fillTurns(path, hits);
  return hits.map(({ turnId }) => turnId);
}

it("is the turn that was begun last, unless it has ended", () => {
  const names = ["hit", "start 1", "hit", "unnamed", "hit", "settings", "hit", "end", "hit", "unnamed settings", "hit"];
  const turns = [undefined, "t1", "t1", "t3", undefined, undefined];
  expect(turnsOf(names, true)).toEqual(turns);
  expect(turnsOf(names, false)).toEqual(turns);
});

it("is the same read from either end", () => {
  const names = fc.array(fc.constantFrom("hit", ...Object.keys(RECORDS)), { maxLength: 12 });
  fc.assert(
    fc.property(names, (some) => {
      expect(turnsOf(some, true)).toEqual(turnsOf(some, false));
    }),
    { numRuns: 200 },
  );
});
