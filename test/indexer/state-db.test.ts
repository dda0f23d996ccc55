import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migrationRows, readMigrationState, schemaAt, storedMigrationRows } from "../../src/indexer/schema.ts";
import { type BackfillState, type BuildOptions, buildStateDb } from "../../src/indexer/state-db.ts";
import { updateStateDb } from "../../src/indexer/state-update.ts";
import { SqliteDatabase, type SqlRow } from "../../src/io/sqlite.ts";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "state-db-"));
  path = join(folder, "state_5.sqlite");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const A = "01a1fb9b-c0ad-7e90-b655-f5b7c29304d6";
const B = "01a1fb9c-2d44-7d02-935a-efc5b556b2f6";
const C = "01a1fb9c-2d9f-7612-b22a-49b1501e9e74";
const PINNED = "01984de2-8f74-7c91-a3b2-5c5e937cf318";

const COMPLETE: BackfillState = {
  status: "complete",
  lastWatermark: "sessions/x.jsonl",
  lastSuccessAt: 1000,
  updatedAt: 1001,
};

function thread(id: string, more: SqlRow = {}): SqlRow {
  return {
    id,
    rollout_path: `/home/u/.codex/sessions/${id}.jsonl`,
    created_at: 1_760_000_000,
    updated_at: 1_760_000_100,
    source: "cli",
    model_provider: "openai",
    cwd: "/work",
    title: "Say hello",
    sandbox_policy: '{"type":"disabled"}',
    approval_mode: "never",
    first_user_message: "Say hello",
    preview: "Say hello",
    ...more,
  };
}

function build(rows: BuildOptions["rows"], more: Partial<BuildOptions> = {}) {
  return buildStateDb(path, { level: 62, flavour: "lf", rows, backfill: COMPLETE, ...more });
}

function read<T>(body: (db: SqliteDatabase) => T): T {
  const db = SqliteDatabase.open(path);
  try {
    return body(db);
  } finally {
    db.close();
  }
}

const select = (sql: string) => read((db) => db.all(sql));
const row = (id: string) => read((db) => db.get("select * from threads where id = ?", [id])) ?? {};

describe("buildStateDb", () => {
  test("leaves one closed file in WAL mode, laid out as Codex lays it out", () => {
    build({ threads: [thread(A)] });
    expect(readdirSync(folder)).toEqual(["state_5.sqlite"]);
    const bytes = readFileSync(path);
    expect(bytes.subarray(0, 16).toString("latin1")).toBe("SQLite format 3\0");
    // Page size; write and read version (2 is WAL); incremental vacuum: largest root page set, and its flag.
    expect([bytes.readUInt16BE(16), bytes[18], bytes[19]]).toEqual([4096, 2, 2]);
    expect(bytes.readUInt32BE(52)).toBeGreaterThan(0);
    expect(bytes.readUInt32BE(64)).toBe(1);
  });

  test.each([1, 17, 24, 31, 39, 51, 58, 62])("objects of level %i, in Codex's order", (level) => {
    build({ threads: [] }, { level });
    const listed = select("select type, name, tbl_name from sqlite_schema order by rowid");
    expect(listed).toEqual(schemaAt(level).objects.map(({ type, name, table }) => ({ type, name, tbl_name: table })));
    expect(read((db) => db.integrityProblems())).toEqual([]);
  });

  test("migration rows, seeds and backfill state", () => {
    const report = build({}, { flavour: "crlf" });
    const stored = read(storedMigrationRows);
    expect(stored).toEqual(migrationRows(62, "crlf"));
    expect(readMigrationState(stored)).toEqual({ level: 62, flavour: "crlf", problems: [] });
    expect(select("select * from thread_sections")).toEqual([{ id: PINNED, name: "Pinned", appearance: null }]);
    expect(select("select * from backfill_state")).toEqual([
      { id: 1, status: "complete", last_watermark: "sessions/x.jsonl", last_success_at: 1000, updated_at: 1001 },
    ]);
    expect(report).toEqual({
      rowsByTable: { _sqlx_migrations: 62, backfill_state: 1, thread_sections: 1 },
      rejections: [],
    });
  });

  test("missing columns get their defaults, unknown ones are ignored", () => {
    build({
      threads: [thread(A, { from_the_future: 1 }), thread(B, { memory_mode: null, tokens_used: 7, name: "n" })],
    });
    expect(row(A)).toMatchObject({
      memory_mode: "enabled",
      history_mode: "legacy",
      tokens_used: 0,
      name: null,
      git_sha: null,
    });
    expect(row(B)).toMatchObject({ memory_mode: "enabled", tokens_used: 7, name: "n" });
  });

  test("the same row at level 39 loses only the later columns", () => {
    build({ threads: [thread(A, { name: "n", history_mode: "paginated" })] }, { level: 39 });
    expect(Object.keys(row(A))).toHaveLength(31);
  });

  test.each([
    ["seconds only", {}, [1_760_000_000_000, 1_760_000_100_000, 1_760_000_100, 1_760_000_100_000]],
    ["milliseconds", { created_at_ms: 1, updated_at_ms: 2 }, [1, 2, 1_760_000_100, 2]],
    ["recency", { recency_at: 5, recency_at_ms: 5001 }, [1_760_000_000_000, 1_760_000_100_000, 5, 5001]],
    ["recency zero", { updated_at_ms: 2, recency_at: 5, recency_at_ms: 0 }, [1_760_000_000_000, 2, 1_760_000_100, 2]],
  ])("times as Codex's triggers would fill them: %s", (_name, given, expected) => {
    build({ threads: [thread(A, given)] });
    const built = row(A);
    expect([built["created_at_ms"], built["updated_at_ms"], built["recency_at"], built["recency_at_ms"]]).toEqual(
      expected,
    );
    // The same row through the triggers of the finished file.
    read((db) => {
      const values = Object.entries(thread(B, given));
      const names = values.map(([name]) => name).join(", ");
      db.prepare(`insert into threads (${names}) values (${values.map(() => "?").join(", ")})`).run(
        values.map(([, value]) => value),
      );
    });
    expect({ ...row(B), id: A, rollout_path: "" }).toEqual({ ...built, rollout_path: "" });
  });

  test("other tables by name, in any order, references kept", () => {
    build({
      thread_attachments: [
        { id: "a", thread_id: A, attachment_type: "t", identity_key: "k", payload: "{}", created_at: 1 },
      ],
      guardian_review_feedback: [{ id: "g", thread_id: A, record: Buffer.from([0, 255]) }],
      threads: [thread(A, { thread_section_id: "s", project_id: "p" })],
      project_roots: [{ project_id: "p", position: 0, path: "/p" }],
      projects: [{ id: "p", name: "P", position: 1, created_at_ms: 1, updated_at_ms: 2 }],
      thread_sections: [
        { id: "s", name: "S", appearance: null },
        { id: PINNED, name: "Favourites", appearance: "star" },
      ],
      thread_spawn_edges: [{ parent_thread_id: "gone", child_thread_id: A, status: "closed" }],
    });
    expect(row(A)).toMatchObject({ thread_section_id: "s", project_id: "p" });
    expect(select("select id, name from thread_sections order by name")).toEqual([
      { id: PINNED, name: "Favourites" },
      { id: "s", name: "S" },
    ]);
    expect(select("select metadata from projects")).toEqual([{ metadata: "{}" }]);
    expect(select("select record from guardian_review_feedback")).toEqual([{ record: Buffer.from([0, 255]) }]);
    expect(select("select * from thread_spawn_edges")).toEqual([
      { parent_thread_id: "gone", child_thread_id: A, status: "closed" },
    ]);
  });

  test("what the schema refuses is reported, and the rest is stored", () => {
    const report = build({
      threads: [thread(A, { thread_section_id: "no such section" }), thread(A), { id: B, title: "no path" }],
      project_roots: [{ project_id: "no such project", position: 3, path: "/p" }],
      jobs: [{ kind: "k", job_key: "j" }],
    });
    expect(report.rejections).toEqual([
      { table: "threads", key: A, reason: "constraint" },
      { table: "threads", key: B, reason: "constraint" },
      { table: "jobs", key: "k", reason: "no-such-table" },
      { table: "project_roots", key: "no such project 3", reason: "orphan" },
      { table: "threads", key: A, reason: "dangling-reference" },
    ]);
    expect(row(A)["thread_section_id"]).toBeNull();
    expect(report.rowsByTable["threads"]).toBe(1);
  });

  test("an existing file is not touched", () => {
    writeFileSync(path, "mine");
    expect(() => build({})).toThrowError(expect.objectContaining({ code: "mismatch" }));
    expect(readFileSync(path, "utf8")).toBe("mine");
  });

  test("when the rows themselves fail, nothing is left behind", () => {
    function* failing(): Generator<SqlRow> {
      yield thread(A);
      throw new Error("rollout vanished");
    }
    expect(() => build({ threads: failing() })).toThrowError("rollout vanished");
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("an unknown level is refused before anything is written", () => {
    expect(() => build({}, { level: 63 })).toThrowError(expect.objectContaining({ code: "unsupported" }));
    expect(readdirSync(folder)).toEqual([]);
  });

  test("many rows", () => {
    const count = 3000;
    const id = (index: number) => `01a1fb9b-0000-7000-8000-${index.toString(16).padStart(12, "0")}`;
    const rows = Array.from({ length: count }, (_, index) =>
      thread(id((index * 7919) % count), { archived: index % 2 }),
    );
    const report = build({ threads: rows });
    expect(report.rowsByTable["threads"]).toBe(count);
    expect(select("select count(*) as n from threads where archived = 1 and recency_at_ms > 0")).toEqual([
      { n: count / 2 },
    ]);
  });
});

describe("updateStateDb", () => {
  const other = {
    rollout_path: "/new/path.jsonl",
    created_at: 1_760_000_001,
    updated_at: 1_760_000_500,
    source: "exec",
    title: "Other",
    first_user_message: "Other",
    preview: "Other",
    tokens_used: 9,
    archived: 1,
    archived_at: 77,
    git_sha: "new-sha",
    git_branch: "new-branch",
    originator: "new",
    attached_thread_parent_id: "new-parent",
    history_mode: "legacy",
    memory_mode: "disabled",
    recency_at: 99,
    recency_at_ms: 99_000,
    name: "new name",
    project_id: null,
  };

  test("a new thread is inserted, times filled in", () => {
    build({ threads: [thread(A)] });
    const report = updateStateDb(path, { threads: [thread(B)] });
    expect(report).toEqual({ inserted: 1, updated: 0, patched: 0, removed: 0, edgesInserted: 0, checkpointed: true });
    expect(row(B)).toEqual({ ...row(A), id: B, rollout_path: thread(B)["rollout_path"] });
  });

  test("an existing row is overlaid by Codex's rules", () => {
    build({ threads: [thread(A, { git_branch: "old-branch", recency_at: 3, recency_at_ms: 3000, name: "old name" })] });
    expect(updateStateDb(path, { threads: [thread(A, other)] })).toMatchObject({ inserted: 0, updated: 1 });
    expect(row(A)).toMatchObject({
      ...other,
      git_sha: "new-sha",
      git_branch: "old-branch",
      recency_at: 3,
      recency_at_ms: 3000,
      name: "old name",
      created_at_ms: 1_760_000_001_000,
      updated_at_ms: 1_760_000_500_000,
    });
  });

  test.each([
    ["an explicit title stays", { title: "Mine" }, other, { title: "Mine", first_user_message: "Other" }],
    ["an empty preview changes nothing", {}, { ...other, preview: "" }, { preview: "Say hello" }],
    [
      "paginated stays paginated, with its memory mode",
      { history_mode: "paginated" },
      other,
      { history_mode: "paginated", memory_mode: "enabled" },
    ],
    [
      "legacy becomes paginated",
      {},
      { ...other, history_mode: "paginated" },
      { history_mode: "paginated", memory_mode: "disabled" },
    ],
    [
      "no memory mode stated",
      { memory_mode: "polluted" },
      { ...other, memory_mode: null },
      { memory_mode: "polluted" },
    ],
    ["originator stays", { originator: "old" }, other, { originator: "old" }],
    [
      "attached parent stays when none comes",
      { attached_thread_parent_id: "old" },
      { ...other, attached_thread_parent_id: null },
      { attached_thread_parent_id: "old" },
    ],
    [
      "no longer archived",
      { archived: 1, archived_at: 5 },
      { ...other, archived: 0, archived_at: null },
      { archived: 0, archived_at: null },
    ],
  ])("%s", (_name, before, change, after) => {
    build({ threads: [thread(A, before)] });
    updateStateDb(path, { threads: [thread(A, change)] });
    expect(row(A)).toMatchObject(after);
  });

  test("at level 39 the columns that are there", () => {
    build({ threads: [thread(A)] }, { level: 39 });
    updateStateDb(path, { threads: [thread(A, other), thread(B, other)] });
    expect(row(A)).toMatchObject({ title: "Other", memory_mode: "disabled" });
    expect(row(B)).toMatchObject({ recency_at_ms: 99_000 });
  });

  test("patches, removals, edges and backfill state, all at once", () => {
    build({
      threads: [thread(A), thread(B)],
      thread_spawn_edges: [{ parent_thread_id: A, child_thread_id: B, status: "closed" }],
      thread_attachments: [
        { id: "a", thread_id: B, attachment_type: "t", identity_key: "k", payload: "{}", created_at: 1 },
      ],
    });
    const report = updateStateDb(path, {
      patches: [
        { id: A, values: { name: "N", thread_section_id: PINNED, no_such_column: 1 } },
        { id: C, values: { name: "x" } },
      ],
      removed: [B],
      edges: [
        { parent_thread_id: C, child_thread_id: B, status: "open" },
        { parent_thread_id: A, child_thread_id: C, status: "open" },
      ],
      backfill: { ...COMPLETE, lastWatermark: "sessions/y.jsonl" },
    });
    expect(report).toEqual({ inserted: 0, updated: 0, patched: 1, removed: 1, edgesInserted: 1, checkpointed: true });
    expect(row(A)).toMatchObject({ name: "N", thread_section_id: PINNED });
    expect(select("select child_thread_id, status from thread_spawn_edges order by status")).toEqual([
      { child_thread_id: B, status: "closed" },
      { child_thread_id: C, status: "open" },
    ]);
    expect(select("select id from thread_attachments")).toEqual([]);
    expect(select("select last_watermark from backfill_state")).toEqual([{ last_watermark: "sessions/y.jsonl" }]);
  });

  test("leaves no -wal and keeps the file sound", () => {
    build({ threads: [thread(A)] });
    updateStateDb(path, { threads: [thread(B), thread(C)] });
    expect(readdirSync(folder)).toEqual(["state_5.sqlite"]);
    expect(read((db) => db.integrityProblems())).toEqual([]);
  });

  test("all or nothing", () => {
    build({ threads: [thread(A)] });
    const before = readFileSync(path);
    const changes = { threads: [thread(B)], patches: [{ id: A, values: { thread_section_id: "no such section" } }] };
    expect(() => updateStateDb(path, changes)).toThrowError(expect.objectContaining({ code: "mismatch" }));
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("another process's write lock is told as busy", () => {
    build({ threads: [thread(A)] });
    const holder = SqliteDatabase.open(path);
    holder.exec("begin immediate");
    try {
      expect(() => updateStateDb(path, { removed: [A] }, { timeoutMs: 10 })).toThrowError(
        expect.objectContaining({ code: "busy" }),
      );
    } finally {
      holder.close();
    }
  });

  test("a reader of an old state does not stop the change; its -wal stays", () => {
    build({ threads: [thread(A)] });
    const reader = SqliteDatabase.open(path);
    reader.exec("begin; select * from threads");
    try {
      expect(updateStateDb(path, { removed: [A] }, { timeoutMs: 10 })).toMatchObject({
        removed: 1,
        checkpointed: false,
      });
    } finally {
      reader.close();
    }
    expect(select("select id from threads")).toEqual([]);
  });

  test("a missing file is not made", () => {
    expect(() => updateStateDb(path, {})).toThrowError(expect.objectContaining({ code: "not-found" }));
    expect(readdirSync(folder)).toEqual([]);
  });
});
