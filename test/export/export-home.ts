/** A small home with one of everything that tables tell apart, and the rows that an export of it gives. */
import { join } from "node:path";
import type { Cell, Row } from "../../src/export/format.ts";
import { exportTables, type ExportReport, type RowTarget, type TableExport } from "../../src/export/run.ts";
import { type TableName, TABLES } from "../../src/export/schema.ts";
import { WHOLE } from "../../src/export/shard.ts";
import { discoverRollouts } from "../../src/readers/home.ts";
import { type HomeSpec, writeHome } from "../support/homes.ts";
import {
  agentItem,
  archivedPath,
  event,
  type LineRecord,
  meta,
  META_MS,
  META_TIME,
  paginatedMeta,
  responseItem,
  rolloutText,
  sessionPath,
  threadId,
  tokenCount,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";

export const T1 = threadId(1);
export const T2 = threadId(2);
export const T3 = threadId(3);
export const T4 = threadId(4);

/** 1: legacy, in a repository. 2: paginated, with a command. 3: an archived agent of 1, compressed. 4: a copied fork of 1, of December. */
export const HOME: HomeSpec = {
  [sessionPath(1)]: rolloutText(first()),
  [sessionPath(2)]: rolloutText(second(), { paginated: true }),
  [`${archivedPath(3)}.zst`]: rolloutText([agentMeta(), event("user_message", { message: "look", images: [] })]),
  [sessionPath(4, { stamp: "2025-12-01T12-00-00" })]: rolloutText(
    [meta(4, { forked_from_id: T1, timestamp: "2025-12-01T10:00:00.000Z" }), ...first(), ...turn(threadId(0), "again")],
    { startMs: Date.parse("2025-12-01T10:00:00.000Z") },
  ),
  "session_index.jsonl": `{"id":"${T1}","thread_name":"the first","updated_at":"${META_TIME}"}\n`,
};

function first(): readonly LineRecord[] {
  const git = { commit_hash: "abc", branch: "main", repository_url: "https://me:secret@example.invalid/r.git" };
  return [meta(1, { git }), ...turn(threadId(9), "hello"), tokenCount(100)];
}

/** A turn of a legacy thread, three seconds by its lines. */
export function turn(id: string, text: string): readonly LineRecord[] {
  return [
    event("task_started", { turn_id: id, model_context_window: null }),
    turnContext({ turn_id: id }),
    responseItem(text),
    userMessage(text),
    event("task_complete", { turn_id: id, last_agent_message: null, time_to_first_token_ms: 5 }),
  ];
}

function second(): readonly LineRecord[] {
  const item = {
    type: "CommandExecution",
    id: "c1",
    process_id: null,
    command: ["ls", "-l"],
    cwd: "file:///home/user/project",
    parsed_cmd: [],
    source: "unified_exec_startup",
    status: "completed",
    aggregated_output: "total 0\n",
    exit_code: 0,
    duration: { secs: 1, nanos: 500_000_000 },
  };
  const command = event("item_completed", {
    thread_id: T2,
    turn_id: "t1",
    item,
    started_at_ms: META_MS,
    completed_at_ms: META_MS + 1500,
  });
  const times = { started_at: META_MS / 1000 - 0.123, completed_at: META_MS / 1000 + 8.877 };
  return [
    paginatedMeta(2, { session_id: T2 }),
    event("task_started", { turn_id: "t1", started_at: times.started_at, model_context_window: null }),
    turnContext({ turn_id: "t1" }),
    userItem("list"),
    command,
    agentItem("done"),
    event("task_complete", { turn_id: "t1", last_agent_message: null, ...times, duration_ms: 9000 }),
    { type: "compacted", payload: { message: "", replacement_history: [], window_number: 1 } },
  ];
}

function agentMeta(): LineRecord {
  const spawn = { parent_thread_id: T1, depth: 1, agent_nickname: "Ada", agent_role: "scout" };
  return meta(3, { source: { subagent: { thread_spawn: spawn } } });
}

export type Rows = Readonly<Record<TableName, readonly Row[]>>;

/** Rows by table, each with its month. */
export class Collected implements RowTarget {
  readonly rows = Object.fromEntries(Object.keys(TABLES).map((table) => [table, []])) as unknown as {
    [N in TableName]: Record<string, Cell>[];
  };
  isDiscarded = false;

  add(month: string, table: TableName, row: Row): void {
    this.rows[table].push({ ...row, month });
  }

  finish(): readonly [] {
    return [];
  }

  discard(): void {
    this.isDiscarded = true;
  }
}

export function requestFor(codexHome: string, changes: Partial<TableExport> = {}): TableExport {
  const { files, documents } = discoverRollouts(codexHome);
  return {
    source: { codexHome, sqliteHome: codexHome, files, documents, others: undefined },
    shard: WHOLE,
    tables: Object.keys(TABLES) as readonly TableName[],
    content: true,
    ...changes,
  };
}

/** What an export of a home gives. */
export async function collect(
  codexHome: string,
  changes: Partial<TableExport> = {},
): Promise<ExportReport & { readonly by: Rows }> {
  const target = new Collected();
  const report = await exportTables(requestFor(codexHome, changes), target);
  return { ...report, by: target.rows };
}

export function writeExportHome(folder: string): string {
  return writeHome(join(folder, "home"), HOME);
}
