/** The projection that is written with a migration, against what 0.169.0 writes with its own (rollout-format §8.3). */
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { migrate } from "../../src/migrate/migrate.ts";
import { writeProjections } from "../../src/migrate/projection.ts";
import { SqliteDatabase } from "../../src/io/sqlite.ts";
import { openHome } from "../../src/readers/home.ts";
import { NOW_MS, query, temporaryFolder, writeHome } from "../support/homes.ts";
import {
  agentItem,
  event,
  meta,
  paginatedMeta,
  rolloutText,
  sessionPath,
  taskStarted,
  threadId,
  userItem,
  userMessage,
} from "../support/lines.ts";

const folder = temporaryFolder();
const FILE = "thread_history_1.sqlite";

const SCHEMA = `
  create table thread_turns (thread_id text not null, turn_id text not null, rollout_ordinal integer not null, status text not null,
    error_json text, started_at integer, completed_at integer, duration_ms integer, first_user_item_id text,
    final_agent_item_id text, rollout_byte_offset integer, rollout_end_ordinal integer, rollout_end_byte_offset integer,
    root_turn_id text, primary key (thread_id, turn_id));
  create table thread_items (thread_id text not null, turn_id text not null, item_id text not null,
    rollout_ordinal integer not null, created_at_ms integer not null, item_json text not null, item_type text not null default '',
    updated_at_ordinal integer not null default 0, started_at_ms integer, completed_at_ms integer,
    primary key (thread_id, turn_id, item_id));
  create table thread_history_projection_state (thread_id text primary key, next_rollout_byte_offset integer not null,
    next_rollout_ordinal integer not null);
`;

function database(sql: string): string {
  const path = join(folder.path, FILE);
  const db = SqliteDatabase.create(path);
  db.exec(sql);
  db.close();
  return path;
}

function freely(_rollout: unknown, write: () => void): void {
  write();
}

function rollout(lines: Parameters<typeof rolloutText>[0]) {
  const text = rolloutText(lines, { paginated: true });
  const path = join(folder.path, "rollout.jsonl");
  writeFileSync(path, text);
  return { path, rolloutId: threadId(1), lines: lines.length, plainBytes: Buffer.byteLength(text) };
}

test("has turns and items with their places, and how far it goes", () => {
  const path = database(SCHEMA);
  const ended = event("task_complete", { turn_id: "t1", started_at: 5, completed_at: 9, duration_ms: 4 });
  const made = rollout([paginatedMeta(1), taskStarted(), userItem("hello"), agentItem("hi"), ended]);
  expect(writeProjections(path, [made], freely)).toBeUndefined();
  // A second time nothing is doubled.
  expect(writeProjections(path, [made], freely)).toBeUndefined();
  const starts = [0];
  for (const line of rolloutText([paginatedMeta(1), taskStarted()], { paginated: true })
    .split("\n")
    .slice(0, 2))
    starts.push((starts.at(-1) ?? 0) + Buffer.byteLength(line) + 1);
  expect(query(folder.path, "select * from thread_turns", FILE)).toEqual([
    {
      thread_id: threadId(1),
      turn_id: "t1",
      rollout_ordinal: 1,
      status: "completed",
      error_json: null,
      started_at: 5,
      completed_at: 9,
      duration_ms: 4,
      first_user_item_id: "u1",
      final_agent_item_id: "a1",
      rollout_byte_offset: starts[1],
      rollout_end_ordinal: 4,
      rollout_end_byte_offset: made.plainBytes,
      root_turn_id: null,
    },
  ]);
  expect(query(folder.path, "select item_id, item_type, rollout_ordinal, item_json from thread_items", FILE)).toEqual([
    {
      item_id: "u1",
      item_type: "userMessage",
      rollout_ordinal: 2,
      item_json:
        '{"type":"userMessage","id":"u1","clientId":null,"content":[{"type":"text","text":"hello","text_elements":[]}]}',
    },
    {
      item_id: "a1",
      item_type: "agentMessage",
      rollout_ordinal: 3,
      item_json:
        '{"type":"agentMessage","moderation":null,"id":"a1","text":"hi","phase":"final_answer","memoryCitation":null,' +
        '"delivery":null,"questions":null}',
    },
  ]);
  expect(query(folder.path, "select * from thread_history_projection_state", FILE)).toEqual([
    { thread_id: threadId(1), next_rollout_byte_offset: made.plainBytes, next_rollout_ordinal: 5 },
  ]);
});

test("leaves a turn open that has no end", () => {
  const path = database(SCHEMA);
  writeProjections(path, [rollout([paginatedMeta(1), taskStarted(), userItem("hello"), agentItem("hi")])], freely);
  const columns = "status, final_agent_item_id, rollout_end_ordinal, rollout_end_byte_offset";
  expect(query(folder.path, `select ${columns} from thread_turns`, FILE)).toEqual([
    { status: "inProgress", final_agent_item_id: null, rollout_end_ordinal: null, rollout_end_byte_offset: null },
  ]);
});

test("is not written without a database, nor into one of another shape", () => {
  const made = rollout([meta(1)]);
  expect(writeProjections(join(folder.path, FILE), [made], freely)).toBe(
    "there is no database of thread histories yet",
  );
  const path = database(SCHEMA.replace("root_turn_id text,", "root_turn_id text, more text not null,"));
  expect(writeProjections(path, [made], freely)).toBe("the database of thread histories is of another release");
  expect(writeProjections(path, [], freely)).toBeUndefined();
});

test("is left to who goes on with the thread before it is written", () => {
  database(SCHEMA);
  writeHome(folder.path, {
    [sessionPath(1)]: rolloutText([meta(1), userMessage("one")]),
    [sessionPath(2)]: rolloutText([meta(2), userMessage("two")]),
  });
  let done = 0;
  const advance = (): void => {
    done += 1;
    if (done === 2) appendFileSync(join(folder.path, sessionPath(2)), rolloutText([userItem("more")]));
  };
  const home = openHome({ codexHome: folder.path });
  const options = {
    target: "paginated",
    threads: [],
    apply: true,
    cwd: "/",
    userHome: "/",
    now: () => NOW_MS,
  } as const;
  const { totals, notes } = migrate(home, { ...options, progress: () => ({ advance, end: () => undefined }) });
  expect([totals, notes]).toEqual([{ migrated: 2 }, []]);
  expect(query(folder.path, "select thread_id from thread_history_projection_state", FILE)).toEqual([
    { thread_id: threadId(1) },
  ]);
});
