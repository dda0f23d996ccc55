/** Rows of large threads, which are given out while the file is read: the same as those of a thread that is read as a whole. */
import { readdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type TableName, TABLES } from "../../src/export/schema.ts";
import { WHOLE } from "../../src/export/shard.ts";
import { readRows, type ThreadRows } from "../../src/export/tables.ts";
import { isLarge } from "../../src/export/thread-stream.ts";
import { type ExportThread, findThreads } from "../../src/export/threads.ts";
import { writeSyntheticHome } from "../../src/bench/synth.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { temporaryFolder, writeHome } from "../support/homes.ts";
import {
  agentItem,
  event,
  type LineRecord,
  meta,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";
import { ROOT } from "../support/sources.ts";
import { turn, writeExportHome } from "./export-home.ts";

const folder = temporaryFolder();
const ALL: ReadonlySet<TableName> = new Set(Object.keys(TABLES) as readonly TableName[]);
const NEVER = Infinity;
const ALWAYS = 0;

function threadsOf(codexHome: string): readonly ExportThread[] {
  const { files, documents } = discoverRollouts(codexHome);
  return findThreads({ codexHome, sqliteHome: codexHome, files, documents, others: undefined }, WHOLE).threads;
}

function told({ rows, problems }: ThreadRows): unknown {
  const lines = Array.from(rows, ({ table, row }) => `${table} ${JSON.stringify(row)}`);
  return { lines: lines.toSorted(), problems };
}

function expectSame(codexHome: string): void {
  for (const thread of threadsOf(codexHome))
    expect(told(readRows(thread, ALL, ALWAYS))).toEqual(told(readRows(thread, ALL, NEVER)));
}

describe("the rows of a large thread", () => {
  it.each(readdirSync(join(ROOT, "fixtures", "turns")))("fixtures/turns/%s", (name) => {
    const text = readFileSync(join(ROOT, "fixtures", "turns", name, "input.jsonl"));
    expectSame(writeHome(join(folder.path, name), { [sessionPath(1)]: text }));
  });

  it("are the same in a home with one of everything", () => {
    expectSame(writeExportHome(folder.path));
  });

  it.each(["legacy", "paginated", "compactions", "images"] as const)(
    "are the same over several megabytes: %s",
    (shape) => {
      const home = join(folder.path, shape);
      writeSyntheticHome(home, { seed: 1, shape, rollouts: 2, totalBytes: 5_000_000 });
      expectSame(home);
    },
  );

  it("are the same for whatever comes late, or again", () => {
    const ids = fc.integer({ min: 1, max: 4 }).map((number) => threadId(number));
    const legacy = fc.oneof(
      ids.map((turn_id) => [event("task_started", { turn_id, model_context_window: null })]),
      ids.map((turn_id) => [event("task_complete", { turn_id, last_agent_message: null })]),
      ids.map((turn_id) => [
        event("entered_review_mode", { turn_id, user_facing_hint: "look", target: { type: "uncommittedChanges" } }),
      ]),
      ids.map((id) => turn(id, "again")),
      fc.constant([userMessage("hello")]),
      fc.constant([event("thread_rolled_back", { num_turns: 1 })]),
    );
    fc.assert(
      fc.property(fc.array(legacy, { maxLength: 12 }), (parts) => {
        const records: readonly LineRecord[] = [meta(1), ...parts.flat()];
        expectSame(writeHome(join(folder.path, "late"), { [sessionPath(1)]: rolloutText(records) }));
      }),
      { numRuns: 60 },
    );
    const paginated = fc.oneof(
      ids.map((turn_id) => [event("task_started", { turn_id, model_context_window: null })]),
      ids.map((turn_id) => [event("task_complete", { turn_id, last_agent_message: null })]),
      ids.map((turn_id) => [turnContext({ turn_id })]),
      fc.constant([userItem("hello")]),
      fc.constant([agentItem("done")]),
    );
    fc.assert(
      fc.property(fc.array(paginated, { maxLength: 12 }), (parts) => {
        const records: readonly LineRecord[] = [paginatedMeta(2), ...parts.flat()];
        const text = rolloutText(records, { paginated: true });
        expectSame(writeHome(join(folder.path, "late"), { [sessionPath(1)]: text }));
      }),
      { numRuns: 60 },
    );
  });

  it.each(["legacy", "paginated"] as const)("come before its file was read to the end: %s", (shape) => {
    const home = join(folder.path, "cut");
    writeSyntheticHome(home, { seed: 3, shape, rollouts: 1, totalBytes: 12_000_000 });
    const [thread] = threadsOf(home);
    const all = [...readRows(thread!, ALL, ALWAYS).rows].filter(({ table }) => table === "items").length;
    const rows = readRows(thread!, ALL, ALWAYS).rows[Symbol.iterator]();
    let items = 0;
    let next = rows.next();
    for (; next.done !== true && items === 0; next = rows.next()) if (next.value.table === "items") items += 1;
    const { path } = thread!.newest.file;
    truncateSync(path, Math.floor(statSync(path).size / 2));
    for (; next.done !== true; next = rows.next()) if (next.value.table === "items") items += 1;
    expect(items).toBeGreaterThan(0);
    expect(items).toBeLessThan(all);
  });

  it("begins with so many bytes on the disk, and fewer of an archive", () => {
    const [thread] = threadsOf(writeExportHome(folder.path));
    const file = { ...thread!.newest.file, sizeBytes: 1000 };
    const sized = (path: string): ExportThread => ({
      ...thread!,
      newest: { ...thread!.newest, file: { ...file, path } },
    });
    expect([isLarge(sized(file.logicalPath), 1001), isLarge(sized(file.logicalPath), 1000)]).toEqual([false, true]);
    expect([isLarge(sized(`${file.logicalPath}.zst`), 8001), isLarge(sized(`${file.logicalPath}.zst`), 8000)]).toEqual([
      false,
      true,
    ]);
  });
});
