/** Runs of `migrate` over whole homes: what is written, what is kept, what a second run and an undo do. */
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { lockThread } from "../../src/compressor/thread-lock.ts";
import { undoRun } from "../../src/journal/undo.ts";
import { migrate, type MigrateOptions } from "../../src/migrate/migrate.ts";
import type { FileOutcome, MigrateReport } from "../../src/migrate/report.ts";
import { openHome } from "../../src/readers/home.ts";
import { readRollout } from "../../src/readers/rollout.ts";
import { change, NOW_MS, query, runReindex, snapshot, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  event,
  FILE_MS,
  meta,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  tokenCount,
  threadId,
  turnContext,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
let home = "";
beforeEach(() => {
  home = join(folder.path, "home");
});

function run(changes: Partial<MigrateOptions> = {}): MigrateReport {
  return migrate(openHome({ codexHome: home }), {
    target: "paginated",
    threads: [],
    apply: true,
    cwd: home,
    userHome: folder.path,
    now: () => NOW_MS,
    ...changes,
  });
}

function legacy(n: number): string {
  return rolloutText([
    meta(n),
    event("task_started", { turn_id: "t1", started_at: 5 }),
    turnContext({ turn_id: "t1" }),
    responseItem("hello"),
    userMessage("hello"),
    responseItem("hi", "assistant"),
    event("agent_message", { message: "hi" }),
    event("task_complete", { turn_id: "t1", last_agent_message: "hi" }),
  ]);
}

function outcomeOf({ files }: MigrateReport, n: number): FileOutcome | undefined {
  return files.find(({ thread_id }) => thread_id === threadId(n));
}

function linesAt(path: string): string[] {
  return readFileSync(join(home, path), "utf8").trimEnd().split("\n");
}

/** All of the home but what the tool and its locks leave beside it. */
function sessions(): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(snapshot(home)).filter(([path]) => /^(?:sessions|archived)/u.test(path)));
}

describe("migrate --to paginated", () => {
  test("touches nothing without --apply", () => {
    writeHome(home, { [sessionPath(1)]: legacy(1) });
    const before = snapshot(home);
    const report = run({ apply: false });
    expect(snapshot(home)).toEqual(before);
    expect(report.action).toBe("would-migrate");
    expect(report.totals).toEqual({ "would-migrate": 1 });
    expect(outcomeOf(report, 1)?.result).toMatchObject({ lines: 8, lines_aside: 0, differences: [] });
    expect(outcomeOf(report, 1)?.result?.proof.after).toMatchObject({
      history: { items: 2 },
      windows: { count: 1 },
      turns: { count: 1 },
    });
  });

  test("gives ordinals and items, and keeps name, time and mode; a second run changes nothing", () => {
    writeHome(home, { [sessionPath(1)]: legacy(1) });
    chmodSync(join(home, sessionPath(1)), 0o640);
    expect(run().totals).toEqual({ migrated: 1 });
    const { mtimeMs, mode } = statSync(join(home, sessionPath(1)));
    expect([Math.floor(mtimeMs), mode & 0o777]).toEqual([FILE_MS, 0o640]);
    const records = linesAt(sessionPath(1)).map((line) => JSON.parse(line) as { ordinal: number; payload: object });
    expect(records.map(({ ordinal }) => ordinal)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(records[0]?.payload).toMatchObject({ id: threadId(1), history_mode: "paginated" });
    expect(records[4]?.payload).toMatchObject({ type: "item_completed", item: { type: "UserMessage", id: "item-1" } });
    const after = sessions();
    expect(run().totals).toEqual({ already: 1 });
    expect(sessions()).toEqual(after);
  });

  test("goes from the newest active thread to the archived ones", () => {
    const spec = { [sessionPath(1)]: legacy(1), [sessionPath(2)]: legacy(2), [archivedPath(3)]: legacy(3) };
    writeHome(home, spec);
    // Thread 1 was made after thread 2, and its name sorts behind it.
    expect(run().files.map(({ thread_id }) => thread_id)).toEqual([threadId(1), threadId(2), threadId(3)]);
  });

  test("an archive stays one", () => {
    writeHome(home, { [`${archivedPath(3)}.zst`]: legacy(3) });
    expect(run().totals).toEqual({ migrated: 1 });
    expect(existsSync(join(home, archivedPath(3)))).toBe(false);
    expect([...readRollout(join(home, `${archivedPath(3)}.zst`))].filter(({ ok }) => ok).length).toBe(8);
    expect(Math.floor(statSync(join(home, `${archivedPath(3)}.zst`)).mtimeMs)).toBe(FILE_MS);
  });

  test("says it in the row, with the name that the session index has", () => {
    const named = JSON.stringify({ id: threadId(1), thread_name: "Mine", updated_at: "2025-11-01T00:00:00Z" });
    writeHome(home, { [sessionPath(1)]: legacy(1), [sessionPath(2)]: legacy(2), "session_index.jsonl": `${named}\n` });
    runReindex(home);
    change(home, "update threads set name = null");
    run();
    expect(query(home, "select id, history_mode, name from threads order by id desc")).toEqual([
      { id: threadId(1), history_mode: "paginated", name: "Mine" },
      { id: threadId(2), history_mode: "paginated", name: null },
    ]);
  });

  test("an undo brings back every byte and every row", () => {
    writeHome(home, { [sessionPath(1)]: legacy(1), [`${archivedPath(3)}.zst`]: legacy(3) });
    runReindex(home);
    const before = sessions();
    const { manifest } = run();
    expect(sessions()).not.toEqual(before);
    undoRun(openHome({ codexHome: home }), manifest ?? "");
    expect(sessions()).toEqual(before);
    expect(query(home, "select distinct history_mode from threads")).toEqual([{ history_mode: "legacy" }]);
    expect(run().totals).toEqual({ migrated: 2 });
  });

  test("keeps the lines that it does not take over in a side file", () => {
    const text = rolloutText([meta(1), meta(2), '{"torn":', userMessage("hello")]);
    const bytes = Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0x00, 0x0a])]);
    writeHome(home, { [sessionPath(1)]: bytes });
    const { result } = outcomeOf(run(), 1) ?? {};
    expect(result?.lines_aside).toBe(3);
    expect(result?.side_file).toMatch(/rollout-tool\/aside\/rollout-.*\.paginated\.jsonl$/u);
    const kept = readFileSync(result?.side_file ?? "", "utf8")
      .trimEnd()
      .split("\n");
    expect(kept.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        line: 2,
        why: "metadata of a thread that this one was copied from",
        record: JSON.parse(text.split("\n")[1] ?? "") as unknown,
      },
      { line: 3, why: "not valid JSON", base64: Buffer.from('{"torn":').toString("base64") },
      { line: 5, why: "not valid UTF-8", base64: Buffer.from([0xff, 0x00]).toString("base64") },
    ]);
  });

  test("keeps lines of any length, and their bytes as they are", () => {
    const long = "x".repeat(17 * 1024 * 1024);
    const turned =
      '{"type":"response_item","payload":{"type":"message","role":"user","content":[]},"timestamp":"2026-01-01T00:00:00Z"}';
    const exact =
      '{"timestamp":"2026-01-01T00:00:00.000Z","type":"world_state","payload":{"full":true,"state":{"n":12345678901234567890,"f":1.0}}}';
    const stamped = exact.replace('"type"', '"ordinal":7,"type"');
    writeHome(home, {
      [sessionPath(1)]: `${rolloutText([meta(1), responseItem(long)])}${turned}\r\n${exact}\n${stamped}\n`,
    });
    run();
    const lines = linesAt(sessionPath(1));
    expect(lines[1]?.length).toBeGreaterThan(long.length);
    expect(lines[1]?.includes(`"text":"${long}"`)).toBe(true);
    expect(lines[2]).toBe(`{"ordinal":2,${turned.slice(1)}`);
    expect(lines[3]).toBe(exact.replace('"type"', '"ordinal":3,"type"'));
    expect(lines[4]).toBe(exact.replace('"type"', '"ordinal":4,"type"'));
  });

  test("leaves what it cannot do, says why, and does the others", () => {
    writeHome(home, {
      [sessionPath(1)]: rolloutText([meta(1), { type: "response_item", payload: { type: "weird" } }]),
      [sessionPath(2)]: legacy(2),
      [sessionPath(3)]: "",
      [sessionPath(4)]: rolloutText([tokenCount(1)]),
      [sessionPath(5)]: legacy(5),
      [`${sessionPath(5)}.zst`]: legacy(5),
      [sessionPath(6)]: rolloutText([paginatedMeta(6)], { paginated: true }),
    });
    const before = sessions();
    const report = run();
    expect(report.totals).toEqual({ migrated: 1, refused: 3, empty: 1, already: 1 });
    expect(outcomeOf(report, 1)?.reason).toBe("the rollout holds an item of a kind that is not known");
    expect(outcomeOf(report, 4)?.reason).toBe("it has no metadata");
    expect(outcomeOf(report, 5)?.reason).toMatch(/^it is there in both forms/u);
    const after = sessions();
    for (const n of [1, 3, 4, 5, 6]) expect(after[sessionPath(n)], `${n}`).toBe(before[sessionPath(n)]);
  });

  test("refuses a rollout that would not be found again under its name", () => {
    writeHome(home, { [sessionPath(1)]: legacy(2) });
    expect(run().files).toMatchObject([
      { status: "refused", reason: "its name is that of another thread than its metadata" },
    ]);
  });

  test("leaves a thread alone that somebody writes to", () => {
    writeHome(home, { [sessionPath(1)]: legacy(1), [sessionPath(2)]: legacy(2) });
    const before = sessions()[sessionPath(1)];
    const lock = lockThread(home, threadId(1));
    const report = run();
    lock?.release();
    expect(report.totals).toEqual({ busy: 1, migrated: 1 });
    expect(sessions()[sessionPath(1)]).toBe(before);
    expect(run().totals).toEqual({ migrated: 1, already: 1 });
  });

  test("stops a file whose proof shows a difference", () => {
    // Its only rollback takes a state of the world away that no turn of its own holds.
    const world = { type: "world_state", payload: { full: true, state: { a: 1 } } };
    const lines = [
      meta(1),
      turnContext(),
      world,
      responseItem("a"),
      userMessage("a"),
      event("thread_rolled_back", { num_turns: 1 }),
    ];
    writeHome(home, { [sessionPath(1)]: rolloutText(lines) });
    const before = sessions();
    const report = run();
    expect(report.totals).toEqual({ failed: 1 });
    expect(outcomeOf(report, 1)?.reason).toMatch(/^the new file would not come to the same/u);
    expect(sessions()).toEqual(before);
    expect(report.manifest).toBeUndefined();
  });

  test("takes single threads by id or path, and none of another home", () => {
    writeHome(home, { [sessionPath(1)]: legacy(1), [sessionPath(2)]: legacy(2), [sessionPath(3)]: legacy(3) });
    expect(run({ threads: [threadId(2), sessionPath(3)] }).files.map(({ thread_id }) => thread_id)).toEqual([
      threadId(2),
      threadId(3),
    ]);
    const elsewhere = join(folder.path, `rollout-2025-11-01T12-00-00-${threadId(9)}.jsonl`);
    writeFileSync(elsewhere, legacy(9));
    expect(() => run({ threads: [elsewhere] })).toThrow("this is no rollout of the home");
    expect(() => run({ threads: [threadId(8)] })).toThrow();
  });
});
