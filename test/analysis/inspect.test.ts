import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inspectRollout } from "../../src/analysis/inspect.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { temporaryFolder } from "../support/homes.ts";
import {
  event,
  fileName,
  meta,
  responseItem,
  rolloutText,
  taskStarted,
  threadId,
  tokenCount,
  userItem,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();

function inspect(text: string, name = "rollout.jsonl") {
  const path = join(folder.path, name);
  writeFileSync(path, name.endsWith(".zst") ? compressZstd(Buffer.from(text)) : text);
  return inspectRollout(path);
}

describe("inspectRollout", () => {
  it("accounts for every line and every byte, in either form, whatever the lines are", () => {
    const line = fc.oneof(
      fc.string({ unit: "binary" }).map((text) => text.replaceAll("\n", "")),
      fc.constantFrom(
        ...rolloutText([meta(1), userMessage("a"), taskStarted(), responseItem("b"), "{", ""]).split("\n"),
      ),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.boolean(), (lines, terminated) => {
        const text = lines.join("\n") + (terminated && lines.length > 0 ? "\n" : "");
        for (const name of ["rollout.jsonl", "other.jsonl.zst"]) {
          const found = inspect(text, name);
          if (found.generation !== "envelope") return;
          expect(found.plainBytes).toBe(Buffer.byteLength(text));
          expect(found.kinds.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(found.plainBytes);
          expect(found.kinds.reduce((sum, { records }) => sum + records, 0)).toBe(found.lines);
          const blank = found.kinds.find(({ kind }) => kind === "(blank)")?.records ?? 0;
          const good = found.lines - blank - found.defects.total;
          expect(good).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("counts turns, messages, compactions and rollbacks by their records", () => {
    const found = inspect(
      rolloutText([
        meta(1),
        taskStarted(),
        userMessage("one"),
        event("task_complete", { turn_id: "t1", last_agent_message: null }),
        event("turn_started", { turn_id: "t2", started_at: 0, model_context_window: 1 }),
        userItem("two"),
        event("turn_aborted", { turn_id: "t2", reason: "interrupted" }),
        { type: "compacted", payload: { message: "summary" } },
        event("thread_rolled_back", { num_turns: 1 }),
      ]),
      fileName(1),
    );
    expect(found.defects).toEqual({ total: 0, byKind: {}, first: [] });
    expect(found).toMatchObject({
      turns: { started: 2, completed: 1, aborted: 1 },
      userMessages: 2,
      compactions: 1,
      rollbacks: 1,
      facts: { ok: true, facts: { id: threadId(1), title: "one" } },
    });
  });

  it("takes the first metadata for the file's, and the place of a record by its kind in order of size", () => {
    const found = inspect(rolloutText([meta(1), meta(2), userMessage("x".repeat(5000))]));
    expect(found.meta?.id).toBe(threadId(1));
    expect(found.kinds.map(({ kind, records }) => [kind, records])).toEqual([
      ["event_msg/user_message", 1],
      ["session_meta", 2],
    ]);
  });

  it("keeps the size of the model's context when a newer record tells none", () => {
    const usage = {
      input_tokens: 4,
      cached_input_tokens: 1,
      output_tokens: 2,
      reasoning_output_tokens: 0,
      total_tokens: 6,
    };
    const ids = { thread_id: threadId(1), turn_id: "t", session_id: threadId(1), root_turn_id: "t", response_id: "r" };
    const found = inspect(
      rolloutText([
        meta(1),
        tokenCount(7),
        { type: "token_usage_record", payload: { ...ids, usage, turn_token_usage: usage, thread_token_usage: usage } },
      ]),
    );
    expect(found.usage).toMatchObject({ total: { total_tokens: 6 }, modelContextWindow: 258400, cachedShare: 0.25 });
    expect(inspect(rolloutText([meta(1)])).usage).toBeUndefined();
  });

  it("counts windows, unless another file has their beginning", () => {
    const compacted = { type: "compacted", payload: { message: "summary" } };
    const base = { thread_id: threadId(2), end_ordinal_exclusive: 5, end_byte_offset: 9 };
    const window = (...lines: Parameters<typeof rolloutText>[0]) => inspect(rolloutText(lines)).newestWindow?.number;
    expect(window(meta(1))).toBe(0);
    expect(window(meta(1), compacted, compacted)).toBe(2);
    const continued = meta(1, { history_mode: "paginated", history_base: base });
    expect(window(continued)).toBeUndefined();
    expect(window(continued, compacted)).toBeUndefined();
    expect(window(continued, { type: "compacted", payload: { message: "", window_number: 7 } }, compacted)).toBe(8);
  });

  it("says why a file gives no row", () => {
    expect(inspect("").facts).toMatchObject({ ok: false });
    expect(inspect("", fileName(1)).facts).toMatchObject({ ok: false });
    expect(inspect(rolloutText([userMessage("x")])).facts).toMatchObject({ ok: false });
  });
});
