/** The quick view of an export against the views that read every line. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openThread } from "../../src/analysis/open-thread.ts";
import { RolloutError } from "../../src/errors.ts";
import { WHOLE } from "../../src/export/shard.ts";
import { readThreadView } from "../../src/export/thread-view.ts";
import { findThreads } from "../../src/export/threads.ts";
import { discoverRollouts, openHome } from "../../src/readers/home.ts";
import type { ContextWindow } from "../../src/thread/windows.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import {
  event,
  type LineRecord,
  meta,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  userItem,
  userMessage,
} from "../support/lines.ts";
import { ROOT } from "../support/sources.ts";

const folder = temporaryFolder();

interface Views {
  readonly quick: unknown;
  readonly full: unknown;
}

function shown(windows: readonly ContextWindow[]): unknown {
  return windows.map(({ end: _end, compaction: _compaction, ...rest }) => rest);
}

/** Both views of every thread of a home that can be opened. */
function views(codexHome: string): readonly Views[] {
  const home = openHome({ codexHome });
  const { files, documents } = discoverRollouts(codexHome);
  const source = { codexHome, sqliteHome: home.sqliteHome, files, documents, others: undefined };
  return findThreads(source, WHOLE).threads.flatMap((thread) => {
    const view = readThreadView(thread);
    try {
      const opened = openThread(home, thread.newest.file.path);
      const { turns, places } = opened.turns();
      const full = { turns, places, windows: shown(opened.windows()) };
      return [{ quick: { turns: view.turns.turns, places: view.turns.places, windows: shown(view.windows) }, full }];
    } catch (error) {
      if (error instanceof RolloutError && error.code !== "internal") return [];
      throw error;
    }
  });
}

const cases = readdirSync(join(ROOT, "fixtures", "turns"));

describe("the same as the views of a thread", () => {
  it("with a prompt of a hook that has no id", () => {
    const text = '<hook_prompt hook_run_id="r1">be careful</hook_prompt>';
    const call = {
      type: "response_item",
      payload: { type: "function_call", name: "x", arguments: "{}", call_id: "c" },
    };
    const prompt = {
      type: "response_item",
      payload: { type: "message", role: "user", content: [{ type: "input_text", text }] },
    };
    const records = [meta(1), userMessage("hello"), event("task_started", { turn_id: "t" }), call, prompt];
    const [found] = views(writeHome(join(folder.path, "hook"), { [sessionPath(1)]: rolloutText(records) }));
    expect(JSON.stringify(found?.quick)).toContain("hook-prompt-4");
    expect(found?.quick).toEqual(found?.full);
  });

  it.each(cases)("fixtures/turns/%s", (name) => {
    const text = readFileSync(join(ROOT, "fixtures", "turns", name, "input.jsonl"));
    const home = writeHome(join(folder.path, "home"), { "sessions/rollout-case.jsonl": text });
    for (const { quick, full } of views(home)) expect(quick).toEqual(full);
  });

  it.each(readdirSync(join(ROOT, "fixtures", "lineage")))("fixtures/lineage/%s", (name) => {
    for (const { quick, full } of views(join(ROOT, "fixtures", "lineage", name, "home"))) expect(quick).toEqual(full);
  });

  it("for records in any order, and with rollbacks and compactions among them", () => {
    const compacted = (history: boolean): LineRecord => {
      return { type: "compacted", payload: { message: "so far", ...(history ? { replacement_history: [] } : {}) } };
    };
    const line = fc.constantFrom<LineRecord | string>(
      event("task_started", { turn_id: "t1", model_context_window: null }),
      event("task_started", { turn_id: "t2", model_context_window: null }),
      event("task_complete", { turn_id: "t1", last_agent_message: null }),
      event("turn_aborted", { turn_id: "t2", reason: "interrupted" }),
      event("thread_rolled_back", { num_turns: 1 }),
      userMessage("hello"),
      userItem("hello"),
      responseItem("hello"),
      responseItem("answer", "assistant"),
      { type: "response_item", payload: { type: "function_call_output", call_id: "c", output: "x" } },
      compacted(true),
      compacted(false),
      "no json",
      "",
    );
    let round = 0;
    const property = fc.property(fc.array(line, { maxLength: 20 }), fc.boolean(), (lines, paginated) => {
      const head = paginated ? paginatedMeta(1) : meta(1);
      const home = writeHome(join(folder.path, `home-${(round += 1)}`), {
        "sessions/rollout-case.jsonl": rolloutText([head, ...lines], { paginated }),
      });
      for (const { quick, full } of views(home)) expect(quick).toEqual(full);
    });
    fc.assert(property, { numRuns: 150 });
  });
});
