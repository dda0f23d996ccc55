import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { undoRun } from "../../src/journal/undo.ts";
import { deleteThreads, type DeleteOptions } from "../../src/lifecycle/delete.ts";
import type { LifecycleReport } from "../../src/lifecycle/types.ts";
import { openHome } from "../../src/readers/home.ts";
import { cli } from "../support/cli.ts";
import {
  change,
  type HomeSpec,
  query,
  readTable,
  runReindex,
  snapshot,
  temporaryFolder,
  writeHome,
} from "../support/homes.ts";
import {
  archivedPath,
  base,
  meta,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  userItem,
  userMessage,
} from "../support/lines.ts";
import { openDatabase } from "../interop/database.ts";
import { hold } from "../support/processes.ts";

const folder = temporaryFolder();
const NOW_MS = Date.parse("2025-12-01T00:00:00.000Z");

function agentMeta(n: number, parent: number) {
  return meta(n, { source: { subagent: { thread_spawn: { parent_thread_id: threadId(parent), depth: 1 } } } });
}

const INDEX = [
  { id: threadId(1), thread_name: "one", updated_at: "2025-11-01T00:00:00Z" },
  { id: threadId(5), thread_name: "five", updated_at: "2025-11-01T00:00:00Z" },
  { id: threadId(1).toUpperCase(), thread_name: "uno", updated_at: "2025-11-01T00:00:00Z" },
];
const NAMES = `${INDEX.map((line) => JSON.stringify(line)).join("\n")}\nno name at all\n{"id":"torn`;

/** 1 has the agent 2, which is archived and has 4. 5 stands alone. */
const TREE: HomeSpec = {
  [sessionPath(1)]: rolloutText([meta(1), userMessage("one")]),
  [archivedPath(2)]: rolloutText([agentMeta(2, 1), userMessage("two")]),
  [`${sessionPath(4)}.zst`]: rolloutText([agentMeta(4, 2), userMessage("four")]),
  [sessionPath(5)]: rolloutText([meta(5), userMessage("five")]),
  "session_index.jsonl": NAMES,
};

function homeOf(spec: HomeSpec): string {
  const home = writeHome(join(folder.path, "home"), spec);
  runReindex(home);
  return home;
}

function remove(home: string, text: string, options: Partial<DeleteOptions> = {}): LifecycleReport {
  return deleteThreads(openHome({ codexHome: home }), [text], { now: () => NOW_MS, ...options });
}

/** The databases beside the index, with rows of thread 1 and of thread 5. */
function neighbours(home: string): void {
  const make = (file: string, sql: string): void => {
    const db = openDatabase(join(home, file), { create: true });
    db.script(sql);
    db.close();
  };
  const both = (sql: (id: string) => string): string => [threadId(1), threadId(5)].map(sql).join(";");
  make(
    "goals_1.sqlite",
    `create table thread_goals (thread_id text primary key not null, goal_id text);
     create table thread_goal_continuation_deferrals (thread_id text primary key not null references thread_goals(thread_id) on delete cascade);
     ${both((id) => `insert into thread_goals values ('${id}', 'g'); insert into thread_goal_continuation_deferrals values ('${id}')`)}`,
  );
  make(
    "queue_1.sqlite",
    `create table queued_items (id text primary key not null, thread_id text, payload_json text);
     create table queued_thread_revisions (revision integer primary key autoincrement, thread_id text unique);
     create trigger gone after delete on queued_items begin
       insert or replace into queued_thread_revisions (thread_id) values (old.thread_id); end;
     ${both((id) => `insert into queued_items values ('q${id}', '${id}', '{}')`)}`,
  );
  make(
    "memories_1.sqlite",
    `create table stage1_outputs (thread_id text primary key, raw_memory text);
     create table jobs (kind text not null, job_key text not null, status text, primary key (kind, job_key));
     ${both((id) => `insert into stage1_outputs values ('${id}', 'm'); insert into jobs values ('memory_stage1', '${id}', 'done')`)}`,
  );
  make(
    "logs_2.sqlite",
    `create table logs (id integer primary key autoincrement, thread_id text);
     ${both((id) => `insert into logs (thread_id) values ('${id}'), ('${id}')`)}`,
  );
  make(
    "thread_history_1.sqlite",
    `create table thread_turns (thread_id text not null, turn_id text not null, primary key (thread_id, turn_id));
     create table thread_history_projection_state (thread_id text primary key, next_rollout_byte_offset integer);
     ${both((id) => `insert into thread_turns values ('${id}', 't'); insert into thread_history_projection_state values ('${id}', 7)`)}`,
  );
  change(
    home,
    both(
      (id) =>
        `insert into thread_attachments values ('a${id}', '${id}', 'lab', 'k', '{}', 1);
         insert into thread_read_receipts (thread_id, revision) values ('${id}', 'r')`,
    ),
  );
}

const ASIDE: readonly (readonly [file: string, table: string, column: string])[] = [
  ["goals_1.sqlite", "thread_goals", "thread_id"],
  ["goals_1.sqlite", "thread_goal_continuation_deferrals", "thread_id"],
  ["queue_1.sqlite", "queued_items", "thread_id"],
  ["memories_1.sqlite", "stage1_outputs", "thread_id"],
  ["memories_1.sqlite", "jobs", "job_key"],
  ["logs_2.sqlite", "logs", "thread_id"],
  ["thread_history_1.sqlite", "thread_turns", "thread_id"],
  ["thread_history_1.sqlite", "thread_history_projection_state", "thread_id"],
  ["state_5.sqlite", "thread_attachments", "thread_id"],
  ["state_5.sqlite", "thread_read_receipts", "thread_id"],
];

function owners(home: string): readonly unknown[] {
  return ASIDE.map(([file, table, column]) => [
    table,
    query(home, `select distinct ${column} as id from ${table} order by 1`, file).map(({ id }) => id),
  ]);
}

describe("delete", () => {
  it("takes files, rows and names of a thread and of the agents below it, for good", () => {
    const home = homeOf(TREE);
    neighbours(home);
    const report = remove(home, threadId(1));
    expect(report.manifest).toBeUndefined();
    expect(report.families[0]).toMatchObject({
      outcome: "done",
      names: 2,
      rows: {
        thread_goals: 1,
        thread_goal_continuation_deferrals: 1,
        queued_items: 1,
        stage1_outputs: 1,
        jobs: 1,
        logs: 2,
        thread_turns: 1,
        thread_history_projection_state: 1,
        thread_attachments: 1,
        thread_read_receipts: 1,
        thread_spawn_edges: 2,
        threads: 3,
      },
    });
    expect(Object.keys(snapshot(home)).filter((path) => path.includes("rollout-2"))).toEqual([sessionPath(5)]);
    expect(readTable(home).map(({ id }) => id)).toEqual([threadId(5)]);
    expect(readTable(home, "thread_spawn_edges", "child_thread_id")).toEqual([]);
    expect(owners(home)).toEqual(ASIDE.map(([, table]) => [table, [threadId(5)]]));
    // As Codex leaves it: its trigger notes that the queue of the thread has changed.
    expect(query(home, "select thread_id from queued_thread_revisions", "queue_1.sqlite")).toEqual([
      { thread_id: threadId(1) },
    ]);
    expect(readFileSync(join(home, "session_index.jsonl"), "utf8")).toBe(
      `${JSON.stringify(INDEX[1])}\nno name at all\n{"id":"torn`,
    );
    expect(readdirSync(join(home, "rollout-tool", "changes"))).toEqual([]);
  });

  it("keeps them with --keep, and undo brings every byte and row back", () => {
    const home = homeOf(TREE);
    neighbours(home);
    const tables = ["threads", "thread_spawn_edges", "thread_attachments", "thread_read_receipts"] as const;
    const rows = (): unknown => tables.map((table) => readTable(home, table, "1"));
    const files = (): unknown => {
      const all = Object.entries(snapshot(home));
      return all.filter(([path]) => !/^rollout-tool|sqlite|\.tmp|\.lock|thread-writer-locks/.test(path));
    };
    const [rowsBefore, filesBefore] = [rows(), files()];
    const { manifest = "" } = remove(home, threadId(1), { keep: true });
    expect(existsSync(join(home, sessionPath(1)))).toBe(false);
    expect(undoRun(openHome({ codexHome: home }), manifest).units.map(({ outcome }) => outcome)).toEqual(["undone"]);
    expect(files()).toEqual(filesBefore);
    expect(rows()).toEqual(rowsBefore);
    // Logs are not kept, and what is projected is made anew.
    const kept = ASIDE.filter(([file]) => !/logs|history/.test(file)).map(([, table]) => table);
    expect(owners(home).filter((one) => kept.includes((one as [string])[0]))).toEqual(
      kept.map((table) => [table, expect.arrayContaining([threadId(5), threadId(1)]) as unknown]),
    );
  });

  it("is refused while another thread continues one that would go, and says which", () => {
    const text = rolloutText([paginatedMeta(1), userItem("first")], { paginated: true });
    const fork = (n: number, of: number) =>
      rolloutText(
        [
          paginatedMeta(n, {
            history_base: base(threadId(of), Buffer.byteLength(text), 2),
            forked_from_id: threadId(of),
          }),
        ],
        {
          paginated: true,
          firstOrdinal: 2,
        },
      );
    const home = homeOf({
      [sessionPath(1)]: text,
      [`${archivedPath(2)}.zst`]: fork(2, 1),
      [sessionPath(3)]: fork(3, 2),
    });
    const before = snapshot(join(home, "sessions"));
    expect(() => remove(home, threadId(1))).toThrow(
      `${threadId(1)} cannot go: the history of other threads is made of it: ${threadId(2)}`,
    );
    expect(() => remove(home, threadId(1), { dryRun: true })).toThrow("cannot go");
    expect(snapshot(join(home, "sessions"))).toEqual(before);
    // What is named together may continue each other, in any order.
    const all = [1, 3, 2, 3].map(threadId);
    const { families } = deleteThreads(openHome({ codexHome: home }), all, { now: () => NOW_MS });
    expect(families.map(({ id, outcome }) => [id, outcome])).toEqual([
      [threadId(1), "done"],
      [threadId(3), "done"],
      [threadId(2), "done"],
      [threadId(3), "already"],
    ]);
    expect(readTable(home)).toEqual([]);
  });

  it("is not refused for stages of the thread itself, and takes all of them", () => {
    const text = rolloutText([paginatedMeta(1), userItem("first")], { paginated: true });
    const stage = sessionPath(1, { stamp: "2025-11-02T08-00-00", segment: 7 });
    const home = homeOf({
      [sessionPath(1)]: text,
      [stage]: rolloutText([paginatedMeta(1, { history_base: base(threadId(1), Buffer.byteLength(text), 2) })], {
        paginated: true,
      }),
    });
    expect(remove(home, threadId(1)).families[0]?.threads[0]?.files.length).toBe(2);
    expect(existsSync(join(home, stage))).toBe(false);
  });

  it("is careful where a file cannot be read, unless forced", () => {
    const home = homeOf({
      [sessionPath(1)]: rolloutText([paginatedMeta(1), userItem("first")], { paginated: true }),
      [`${sessionPath(2)}.zst`]: Buffer.from("nothing that zstd knows"),
      [sessionPath(3)]: rolloutText([meta(3), userMessage("legacy")]),
    });
    expect(() => remove(home, threadId(1))).toThrow("cannot be read, and may hold a thread that continues this one");
    // Legacy threads are never continued.
    expect(remove(home, threadId(3)).families[0]?.outcome).toBe("done");
    expect(remove(home, threadId(1), { force: true }).families[0]?.outcome).toBe("done");
    // A file that cannot be read belongs to the thread in its name.
    expect(remove(home, threadId(2)).families[0]?.threads[0]?.files.length).toBe(1);
  });

  it("takes both copies, both forms, a row without a file, and a file without a row", () => {
    const text = rolloutText([meta(1), userMessage("one")]);
    const home = homeOf({
      [sessionPath(1)]: text,
      [`${sessionPath(1)}.zst`]: text,
      [archivedPath(1)]: text,
      [sessionPath(5)]: rolloutText([meta(5), userMessage("five")]),
      [sessionPath(6)]: rolloutText([meta(6), userMessage("six")]),
    });
    expect(remove(home, threadId(1)).families[0]?.threads[0]?.files.length).toBe(3);
    rmSync(join(home, sessionPath(5)));
    expect(remove(home, threadId(5)).families[0]).toMatchObject({ rows: { threads: 1 }, threads: [{ files: [] }] });
    change(home, "delete from threads");
    expect(remove(home, threadId(6)).families[0]).toMatchObject({ rows: {}, threads: [{ row: "none" }] });
    expect(Object.keys(snapshot(home)).filter((path) => path.includes("rollout-2"))).toEqual([]);
    expect(readTable(home)).toEqual([]);
  });

  it("leaves threads alone that somebody has, and names them", async () => {
    const home = homeOf(TREE);
    const before = snapshot(join(home, "sessions"));
    mkdirSync(join(home, "thread-writer-locks"));
    await hold("flock", join(home, "thread-writer-locks", `${threadId(4)}.lock`));
    expect(() => remove(home, threadId(1))).toThrow(`Codex has the thread ${threadId(4)} open`);
    expect(() => remove(home, threadId(1), { dryRun: true })).toThrow(`Codex has the thread ${threadId(4)} open`);
    expect(snapshot(join(home, "sessions"))).toEqual(before);
    expect(remove(home, threadId(5)).families[0]?.outcome).toBe("done");
    await hold("sqlite", join(home, "state_5.sqlite"));
    expect(() => remove(home, threadId(2))).toThrow("another process is using this home");
  });

  it("waits for nobody who writes to the list of names, and changes nothing then", async () => {
    const home = homeOf(TREE);
    const before = [snapshot(join(home, "sessions")), readFileSync(join(home, "session_index.jsonl"), "utf8")];
    await hold("flock", join(home, "session_index.jsonl.lock"));
    expect(() => remove(home, threadId(5))).toThrow("Codex has the list of names open");
    expect([snapshot(join(home, "sessions")), readFileSync(join(home, "session_index.jsonl"), "utf8")]).toEqual(before);
  });

  it("leaves nothing to read in what a killed run wrote down", () => {
    const home = homeOf(TREE);
    const { manifest = "" } = remove(home, threadId(5), { keep: true });
    const text = readFileSync(manifest, "utf8");
    expect(text).toContain("five");
    // As if it had been for good, and had been killed before it could tidy up.
    writeFileSync(manifest, text.replaceAll('"forGood":false', '"forGood":true'));
    remove(home, threadId(1), { keep: true });
    expect(existsSync(manifest)).toBe(false);
    expect(readdirSync(join(home, "rollout-tool", "changes")).length).toBe(1);
  });
});

describe("the command", () => {
  it("only tells what would go, until somebody agrees", async () => {
    const home = homeOf(TREE);
    const before = snapshot(join(home, "sessions"));
    const asked = await cli(home, ["delete", threadId(1)]);
    expect([asked.code, asked.err]).toEqual([
      1,
      "hint: nothing was deleted; pass --yes to do it, and --keep with it for a way back\n",
    ]);
    expect(asked.out.split("\n").slice(0, 8)).toEqual([
      "Would delete; nothing was written",
      `threads  ${threadId(1)}`,
      `         ${threadId(2)} (agent)`,
      `         ${threadId(4)} (agent)`,
      expect.stringMatching(/^files {4}3, /),
      "index    3 removed",
      "rows     thread_spawn_edges 2, threads 3",
      "names    2 in session_index.jsonl",
    ]);
    const dry = await cli(home, ["delete", threadId(1), "--dry-run"]);
    expect([dry.code, dry.err, dry.out]).toEqual([0, "", asked.out]);
    expect(snapshot(join(home, "sessions"))).toEqual(before);
    const done = await cli(home, ["delete", threadId(1), "--yes"]);
    expect([done.code, done.err]).toEqual([0, ""]);
    expect(existsSync(join(home, sessionPath(1)))).toBe(false);
  });

  it("names what it refuses, and goes on with the others", async () => {
    const home = homeOf(TREE);
    const one = await cli(home, ["delete", "--yes", "nothing"]);
    expect([one.code, one.out]).toEqual([2, ""]);
    const two = await cli(home, ["delete", "--yes", "nothing\u001b[2J", threadId(5)]);
    expect(two.code).toBe(1);
    expect(two.out).toContain("Refused: nothing\\x1b[2J\n");
    expect(two.out).toContain("Deleted\n");
    expect(two.out).not.toContain("\u001b");
  });
});
