/**
 * For each code of `verify` a home that yields it, and a neighbour of that home, as alike as can be, that does not. A missing or a
 * surplus code does not compile.
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SqliteDatabase } from "../../src/io/sqlite.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import type { FindingCode } from "../../src/verify/checks.ts";
import { change, type HomeSpec, NOW_MS, runReindex, writeHome } from "../support/homes.ts";
import {
  archivedPath,
  base,
  event,
  fileName,
  lineText,
  meta,
  META_TIME,
  paginatedMeta,
  rolloutText,
  sessionPath,
  threadId,
  turnContext,
  userItem,
  userMessage,
} from "../support/lines.ts";

/** Fills an empty folder. */
type Scene = (home: string) => void;

interface Case {
  readonly yields: Scene;
  readonly neighbour: Scene;
}

const A = sessionPath(1);
const B = sessionPath(2);

function files(spec: HomeSpec): Scene {
  return (home) => void writeHome(home, spec);
}

type Lines = Parameters<typeof rolloutText>[0];

/** A legacy thread with more lines. */
function thread(...more: Lines): string {
  return rolloutText([meta(1), userMessage("hello"), ...more]);
}

/** Thread 1 with these lines at its end, and the same without them. */
function withLines(...more: Lines): Case {
  return { yields: files({ [A]: thread(...more) }), neighbour: files({ [A]: thread() }) };
}

const named = (n: number, changes = {}) => rolloutText([meta(n, changes), userMessage("hello")]);
const GOOD = files({ [A]: thread() });

/** One file in two versions. */
function versions(yields: string | Buffer, neighbour: string | Buffer = thread()): Case {
  return { yields: files({ [A]: yields }), neighbour: files({ [A]: neighbour }) };
}

/** A paginated thread of which the records have these ordinals; undefined: none. */
function numbered(ordinals: readonly (number | undefined)[], changes = {}): string {
  const records = [paginatedMeta(1, changes), ...ordinals.slice(1).map((_ordinal, index) => userItem(`say ${index}`))];
  return records.map((record, index) => `${lineText(record, META_TIME, ordinals[index])}\n`).join("");
}

const SOURCE = rolloutText([paginatedMeta(1), userItem("one"), userItem("two")], { paginated: true });
const SOURCE_BYTES = Buffer.byteLength(SOURCE);

/** Thread 2, which continues thread 1 up to that byte. */
function fork(endByte = SOURCE_BYTES, ordinal = 3): string {
  const changes = { history_base: base(threadId(1), endByte, ordinal) };
  return rolloutText([paginatedMeta(2, changes), userItem("three")], { paginated: true, firstOrdinal: ordinal });
}

const FORKED = files({ [A]: SOURCE, [B]: fork() });

function forked(source: string, end = fork()): Case {
  return { yields: files({ [A]: source, [B]: end }), neighbour: FORKED };
}

const call = {
  type: "response_item",
  payload: { type: "function_call", name: "shell", arguments: "{}", call_id: "c1" },
};
const output = { type: "response_item", payload: { type: "function_call_output", call_id: "c1", output: "done" } };
const begin = (id: string) => event("task_started", { turn_id: id, model_context_window: 100 });
const end = (id: string) => event("task_complete", { turn_id: id, last_agent_message: null });

function lines(yields: Lines, neighbour: Lines): Case {
  return versions(thread(...yields), thread(...neighbour));
}

const PACKED = compressZstd(Buffer.from(thread()), { checksum: true });

function archive(yields: Buffer, neighbour: Buffer = PACKED): Case {
  return { yields: files({ [`${A}.zst`]: yields }), neighbour: files({ [`${A}.zst`]: neighbour }) };
}

/** A frame without a known size, with a window of 2^log, that holds the text in one raw block. */
function windowed(log: number): Buffer {
  const content = Buffer.from(thread());
  const block = Buffer.alloc(3);
  block.writeUIntLE((content.length << 3) | 1, 0, 3);
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3]), block, content]);
}

function pair(plain: string, packed: Buffer): Scene {
  return files({ [A]: plain, [`${A}.zst`]: packed });
}

const NO_PAIR = GOOD;
const LONGER = thread(userMessage("more"));

/** With one more file, which needs no content. */
function beside(path: string, neighbour: string, text = ""): Case {
  return { yields: files({ [A]: thread(), [path]: text }), neighbour: files({ [A]: thread(), [neighbour]: text }) };
}

/** A unit without steps: what there was to do does not matter, but that nobody knows whether it was done. */
const CUT_OFF = [
  { kind: "run", version: 1, command: "migrate", startedMs: 0 },
  { kind: "plan", unit: { number: 0, title: "migrate one", threadIds: [], steps: [] } },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join("");

const MARKER = "pid=1 started_at=SystemTime { tv_sec: 1, tv_nsec: 0 }";
const INDEX_LINE = (n: number) =>
  `${JSON.stringify({ id: threadId(n), thread_name: "a name", updated_at: META_TIME })}\n`;

/** A home with an index, and what SQL makes of it. */
function indexed(sql = "", spec: HomeSpec = { [A]: thread() }): Scene {
  return (home) => {
    writeHome(home, spec);
    runReindex(home);
    if (sql !== "") change(home, `pragma foreign_keys = off; ${sql}`);
  };
}

function database(sql: string, spec?: HomeSpec): Case {
  return { yields: indexed(sql, spec), neighbour: indexed("", spec) };
}

/** What another file of the home is, beside a good one. */
function stateFile(put: (path: string) => void): Case {
  return {
    yields: (home) => {
      writeHome(home, { [A]: thread() });
      put(join(home, "state_5.sqlite"));
    },
    neighbour: indexed(),
  };
}

const CRLF_1 = "54bbd6f47905a4e4c674034575963d82da7b534e66e9a37a81ec2afb6a4b56ce6de9b3ecf3032796a800f650239847d4";

/** A thread history that has gone to that byte of a rollout. */
function projected(id: string, byte: number): Scene {
  return (home) => {
    writeHome(home, { [A]: SOURCE });
    const db = SqliteDatabase.create(join(home, "thread_history_1.sqlite"));
    db.exec(`create table thread_history_projection_state (
      thread_id TEXT primary key, next_rollout_byte_offset INTEGER not null, next_rollout_ordinal INTEGER not null);
      insert into thread_history_projection_state values ('${id}', ${byte}, 3);`);
    db.close();
  };
}

export const CASES: { readonly [Code in FindingCode]: Case } = {
  "file-unreadable": {
    yields: (home) => {
      writeHome(home, { [A]: thread() });
      mkdirSync(join(home, "session_index.jsonl"));
    },
    neighbour: files({ [A]: thread(), "session_index.jsonl": "" }),
  },
  "file-empty": versions(""),
  "file-no-metadata": versions(rolloutText([userMessage("hello")])),
  "file-metadata-late": versions(`{"half\n${thread()}`, `\n${thread()}`),
  "file-metadata-again": versions(
    rolloutText([paginatedMeta(1), userItem("one"), paginatedMeta(1), userItem("two")], { paginated: true }),
    rolloutText([paginatedMeta(1), paginatedMeta(1), userItem("one"), userItem("two")], { paginated: true }),
  ),
  "file-bom": versions(`\ufeff${thread()}`),
  "file-unknown-mode": versions(named(1, { history_mode: "folded" }), named(1, { history_mode: "legacy" })),
  "file-odd-name": { yields: files({ "sessions/2025/11/01/rollout-foo.jsonl": thread() }), neighbour: GOOD },
  "file-odd-folder": { yields: files({ [`sessions/deep/er/${fileName(1)}`]: thread() }), neighbour: GOOD },
  "file-other-id": { yields: files({ [B]: thread() }), neighbour: GOOD },
  "file-special": {
    yields: (home) => {
      writeHome(home, { [A]: thread() });
      symlinkSync(join(home, A), join(home, "sessions", fileName(2)));
    },
    neighbour: GOOD,
  },
  "file-copy": {
    yields: files({ [A]: thread(), [archivedPath(1)]: thread() }),
    neighbour: files({ [A]: thread(), [sessionPath(1, { segment: 7 })]: thread() }),
  },
  "file-form": {
    yields: files({ [`${A}.zst`]: Buffer.from(thread()) }),
    neighbour: files({ [`${A}.zst`]: PACKED }),
  },
  "file-old-format": versions(
    `{"id":"${threadId(1)}","timestamp":"${META_TIME}"}\n{"type":"message","role":"user","content":[]}\n`,
  ),
  "agent-prefix-incomplete": versions(
    numbered([0, 1], { subagent_history_start_ordinal: 3 }),
    numbered([0, 1], { subagent_history_start_ordinal: 2 }),
  ),
  "line-torn": versions(`${thread()}{"timestamp":"2025`),
  "line-unterminated": versions(thread().slice(0, -1)),
  "line-nul": withLines("\0\0\0\0"),
  "line-not-utf8": versions(Buffer.concat([Buffer.from(thread()), Buffer.from([0x22, 0xff, 0x22, 0x0a])])),
  "line-not-json": withLines('{"timestamp":'),
  "line-wrong-shape": withLines(event("user_message", { message: 5 })),
  "line-refused": lines([turnContext({ sandbox_policy: { mode: "read-only" } })], [turnContext()]),
  "line-retired": withLines({ type: "response_item", payload: { type: "ghost_snapshot", ghost_commit: { id: "x" } } }),
  "line-unknown-kind": withLines({ type: "brand_new", payload: {} }),
  "line-huge": lines([userMessage("x".repeat(2 ** 24))], [userMessage("x".repeat(2 ** 24 - 1000))]),
  "line-too-long": lines([userMessage("x".repeat(2 ** 25))], [userMessage("x")]),
  "ordinal-missing": versions(numbered([0, undefined, 2]), numbered([0, 1, 2])),
  "ordinal-missing-last": versions(numbered([0, 1, undefined]), numbered([0, undefined, 2])),
  "ordinal-not-rising": versions(numbered([0, 1, 1]), numbered([0, 1, 2])),
  "ordinal-gap": versions(numbered([0, 1, 4]), numbered([0, 1, 2])),
  "ordinal-first": versions(numbered([5, 6]), numbered([0, 1])),
  "lineage-missing-source": { yields: files({ [B]: fork() }), neighbour: FORKED },
  "lineage-cycle": forked(
    rolloutText([paginatedMeta(1, { history_base: base(threadId(2), 10, 3) })], { paginated: true, firstOrdinal: 3 }),
    fork(10),
  ),
  "lineage-not-paginated": forked(SOURCE.replace(',"history_mode":"paginated"', "")),
  "lineage-cuts-metadata": forked(SOURCE, fork(SOURCE_BYTES, 0)),
  "lineage-past-end": forked(SOURCE, fork(SOURCE_BYTES + 1)),
  "lineage-identity": { yields: files({ [B]: SOURCE }), neighbour: files({ [A]: SOURCE }) },
  "lineage-no-metadata": forked(SOURCE.slice(SOURCE.indexOf("\n") + 1)),
  "lineage-unknown-mode": forked(SOURCE.replace('"paginated"', '"folded"')),
  "lineage-cut-in-line": forked(SOURCE, fork(SOURCE_BYTES - 1)),
  "call-output-orphan": lines([output], [call, output]),
  "call-no-output": lines([call], [call, output]),
  "turn-open-last": lines([begin("t1")], [begin("t1"), end("t1")]),
  "turn-not-ended": lines([begin("t1"), begin("t2"), end("t2")], [begin("t1"), end("t1"), begin("t2"), end("t2")]),
  "turn-other-id": lines([begin("t1"), end("t2")], [begin("t1"), end("t1")]),
  "turn-not-begun": lines([end("t1")], [begin("t1"), end("t1")]),
  "turn-ended-twice": lines([begin("t1"), end("t1"), end("t1")], [begin("t1"), end("t1")]),
  "turn-begun-twice": lines([begin("t1"), end("t1"), begin("t1")], [begin("t1"), end("t1"), begin("t2")]),
  "archive-broken": archive(PACKED.subarray(0, -6)),
  "archive-window": archive(windowed(28), windowed(27)),
  "archive-trailing": archive(Buffer.concat([PACKED, Buffer.from("what is this")])),
  "archive-no-checksum": archive(compressZstd(Buffer.from(thread()))),
  "pair-equal": { yields: pair(thread(), PACKED), neighbour: NO_PAIR },
  "pair-plain-longer": { yields: pair(LONGER, PACKED), neighbour: pair(thread(), PACKED) },
  "pair-archive-longer": { yields: pair(named(1).slice(0, 300), PACKED), neighbour: pair(thread(), PACKED) },
  "pair-different": { yields: pair(thread().replace("hello", "hallo"), PACKED), neighbour: pair(thread(), PACKED) },
  "pair-archive-damaged": { yields: pair(thread(), PACKED.subarray(0, -6)), neighbour: pair(thread(), PACKED) },
  "leftover-codex": beside("sessions/2025/rollout-compress-aB3.tmp", "sessions/2025/notes.txt"),
  "leftover-run": beside(
    `sessions/2025/.${fileName(1)}.packing.0123456789ab`,
    `sessions/2025/.${fileName(1)}.packing.by-hand`,
  ),
  "leftover-change": {
    yields: files({ [A]: thread(), "rollout-tool/changes/1/manifest.jsonl": CUT_OFF }),
    neighbour: files({
      [A]: thread(),
      "rollout-tool/changes/1/manifest.jsonl": `${CUT_OFF}{"kind":"undone","number":0}\n`,
    }),
  },
  "leftover-migration": beside("rollout-migrations/one.pending", "rollout-migrations/one.done"),
  "lock-left": beside(`thread-writer-locks/${threadId(1)}.lock`, "thread-writer-locks/.coordination.lock"),
  "lock-folder": beside("thread-writer-locks", "thread-writer-locks/.coordination.lock"),
  "lock-run-cut": {
    yields: files({ [A]: thread(), ".tmp/rollout-compression.lock": `${MARKER} rollout-tool is running` }),
    neighbour: files({ [A]: thread(), ".tmp/rollout-compression.lock": MARKER }),
  },
  "lock-run-future": {
    yields: files({ ".tmp/rollout-compression.lock": { text: MARKER, mtimeMs: NOW_MS + 3_600_000 } }),
    neighbour: files({ ".tmp/rollout-compression.lock": { text: MARKER, mtimeMs: NOW_MS - 3_600_000 } }),
  },
  "name-malformed": beside("session_index.jsonl", "session_index.json", "not an entry\n"),
  "name-without-thread": {
    yields: files({ [A]: thread(), "session_index.jsonl": INDEX_LINE(2) }),
    neighbour: files({ [A]: thread(), "session_index.jsonl": INDEX_LINE(1) }),
  },
  "database-absent": { yields: GOOD, neighbour: indexed() },
  "database-damaged": stateFile((path) => writeFileSync(path, "no database ".repeat(1000))),
  "database-unreadable": stateFile((path) => mkdirSync(path)),
  "database-newer": {
    yields: files({ [A]: thread(), "state_6.sqlite": "" }),
    neighbour: files({ [A]: thread(), "state_4.sqlite": "" }),
  },
  "database-reference": database("update threads set project_id = 'nowhere'"),
  "schema-incomplete": database("drop table thread_attachments"),
  "schema-unindexed": database("drop index idx_threads_archived"),
  "schema-extra": database("create table of_my_own (id TEXT)"),
  "migration-checksum": database("update _sqlx_migrations set checksum = x'00' where version = 5"),
  "migration-unfinished": database("update _sqlx_migrations set success = 0 where version = 5"),
  "migration-missing": database("delete from _sqlx_migrations where version = 5"),
  "migration-mixed": database(`update _sqlx_migrations set checksum = x'${CRLF_1}' where version = 1`),
  "migration-foreign": {
    yields: (home) => {
      writeHome(home, { [A]: thread() });
      runReindex(home, { lineEnds: process.platform === "win32" ? "lf" : "crlf" });
    },
    neighbour: (home) => {
      writeHome(home, { [A]: thread() });
      runReindex(home, { lineEnds: process.platform === "win32" ? "crlf" : "lf" });
    },
  },
  "migration-unknown": database(
    "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (999, 'x', 1, x'00', 1)",
  ),
  "migration-recency": database(
    `update _sqlx_migrations set checksum = (select checksum from _sqlx_migrations where version = 39) where version = 38;
     delete from _sqlx_migrations where version = 39`,
  ),
  "backfill-unknown": database("update backfill_state set status = 'lost'"),
  "backfill-running": database(`update backfill_state set status = 'running', updated_at = ${NOW_MS / 1000 - 10}`),
  "backfill-stale": {
    yields: indexed(`update backfill_state set status = 'running', updated_at = ${NOW_MS / 1000 - 1000}`),
    neighbour: indexed(`update backfill_state set status = 'running', updated_at = ${NOW_MS / 1000 - 10}`),
  },
  "row-bad-id": database("update threads set id = 'mine'"),
  "row-unknown-mode": database("update threads set history_mode = 'folded'"),
  "row-dangling-section": database("update threads set thread_section_id = 'nowhere'"),
  "row-file-missing": database(
    `update threads set rollout_path = replace(rollout_path, 'sessions', 'sessions/lost'), id = '${threadId(9)}'`,
  ),
  "row-path-wrong": database("update threads set rollout_path = replace(rollout_path, 'sessions', 'sessions/lost')"),
  "row-path-verbatim": database(String.raw`update threads set cwd = '\\?\C:\work'`),
  "row-other-thread": database(
    `update threads set rollout_path = replace(rollout_path, '${fileName(1)}', '${fileName(2)}')`,
    { [A]: thread(), [B]: named(2) },
  ),
  "row-archived-wrong": database("update threads set archived = 1"),
  "row-missing": database("delete from threads"),
  "row-differs": database("update threads set model = 'other', tokens_used = 99", { [A]: thread(turnContext()) }),
  "edge-dangling": database(`insert into thread_spawn_edges values ('${threadId(1)}', '${threadId(8)}', 'open')`),
  "projection-past-end": {
    yields: projected(threadId(1), SOURCE_BYTES + 1),
    neighbour: projected(threadId(1), SOURCE_BYTES),
  },
  "projection-no-rollout": {
    yields: projected(threadId(5), 10),
    neighbour: projected(threadId(1), 10),
  },
};
