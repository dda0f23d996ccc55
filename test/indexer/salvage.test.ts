import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Salvage, salvage, salvageImage } from "../../src/indexer/salvage.ts";
import { type Flavour, migrationRows, schemaAt } from "../../src/indexer/schema.ts";
import { type BackfillState, buildStateDb } from "../../src/indexer/state-db.ts";
import { SqliteDatabase, type SqlRow } from "../../src/io/sqlite.ts";
import { SqliteImage } from "../../src/io/sqlite-image.ts";
import { readWal } from "../../src/io/sqlite-wal.ts";

const PAGE = 4096;
const COMPLETE: BackfillState = { status: "complete", lastWatermark: null, lastSuccessAt: 1000, updatedAt: 1001 };
const PINNED = "01984de2-8f74-7c91-a3b2-5c5e937cf318";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "salvage-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const id = (index: number) => `01a1fb9b-${index.toString(16).padStart(4, "0")}-7e90-b655-f5b7c29304d6`;

function thread(index: number, more: SqlRow = {}): SqlRow {
  const created = 1_760_000_000 + index * 10;
  return {
    id: id(index),
    rollout_path: `/home/u/.codex/sessions/2026/01/02/rollout-2026-01-02T00-00-00-${id(index)}.jsonl`,
    created_at: created,
    created_at_ms: created * 1000 + 7,
    updated_at: created + 5,
    updated_at_ms: created * 1000 + 5001,
    recency_at: created + 3,
    recency_at_ms: created * 1000 + 3003,
    source: "cli",
    model_provider: "openai",
    cwd: "/work",
    title: `Title ${index}`,
    sandbox_policy: '{"type":"disabled"}',
    approval_mode: "never",
    first_user_message: `Message ${index}`,
    preview: `Message ${index}`,
    name: index % 3 === 0 ? `Name ${index}` : null,
    thread_section_id: index % 5 === 0 ? PINNED : null,
    section_position: index % 5 === 0 ? index * 1_000_000 : null,
    ...more,
  };
}

const OTHERS = {
  thread_spawn_edges: Array.from({ length: 30 }, (_, index) => ({
    parent_thread_id: id(index),
    child_thread_id: id(index + 30),
    status: index % 2 === 0 ? "open" : "closed",
  })),
  thread_sections: [
    { id: PINNED, name: "Pinned", appearance: null },
    { id: id(9000), name: "Later", appearance: '{"color":"red"}' },
  ],
  projects: [
    {
      id: id(9001),
      name: "Project",
      metadata: '{"k":1}',
      position: 3,
      created_at_ms: 1_760_000_000_001,
      updated_at_ms: 1_760_000_000_002,
    },
  ],
  project_roots: [{ project_id: id(9001), position: 0, path: "/home/u/project" }],
  project_idempotency_keys: [{ key: "key-1", project_id: id(9001), created_at_ms: 1_760_000_000_003 }],
  thread_attachments: [
    {
      id: id(9002),
      thread_id: id(1),
      attachment_type: "note",
      identity_key: "k",
      payload: "{}",
      created_at: 1_760_000_000,
    },
  ],
  guardian_review_feedback: [{ id: id(9003), thread_id: id(2), record: Buffer.from([0, 1, 254, 255]) }],
  thread_read_receipts: [
    { thread_id: id(3), first_unread_turn: null, revision: id(9004), last_published_turn: id(9005) },
  ],
  remote_control_enrollments: [
    {
      websocket_url: "wss://example.invalid/x",
      account_id: "acc",
      app_server_client_name: "app",
      server_id: "s",
      environment_id: "e",
      server_name: "n",
      updated_at: 1_760_000_000,
      remote_control_enabled: 1,
    },
  ],
  external_agent_config_imports: [
    { import_id: "imp", completed_at_ms: 1_760_000_000_000, successes: "[]", failures: "[1]", provider_id: null },
  ],
  thread_dynamic_tools: [
    {
      thread_id: id(4),
      position: 0,
      name: "tool",
      description: "d",
      input_schema: "{}",
      defer_loading: 1,
      namespace: null,
    },
  ],
  rollout_migration_state: [
    { migration_id: "m", last_checked_thread_created_at: 5, last_checked_thread_id: id(5), updated_at: 1_760_000_000 },
  ],
  rollout_migration_skipped_rollouts: [
    {
      migration_id: "m",
      rollout_path: "/a/b.jsonl",
      rollout_size_bytes: 10,
      rollout_modified_at_ns: 1_760_000_000_000_000_000n,
      skip_reason: "busy",
      skipped_at: 1_760_000_000,
    },
  ],
} satisfies Record<string, readonly SqlRow[]>;

let files = 0;
function newPath(): string {
  files += 1;
  return join(folder, `${files}.sqlite`);
}

function built(
  threads: readonly SqlRow[],
  more: { level?: number; flavour?: Flavour; others?: Record<string, readonly SqlRow[]> } = {},
): Buffer {
  const path = newPath();
  const { level = 62, flavour = "lf", others = OTHERS } = more;
  const report = buildStateDb(path, { level, flavour, rows: { threads, ...others }, backfill: COMPLETE });
  expect(report.rejections.filter((rejection) => rejection.reason === "constraint")).toEqual([]);
  return readFileSync(path);
}

const NO_LOG = readWal(Buffer.alloc(0));
const salvaged = (main: Buffer, wal = NO_LOG) => salvageImage(new SqliteImage("x", main, wal));

type Rows = Record<string, readonly SqlRow[]>;

/** Every row that SQLite reads, by table; tables without rows, and those not salvaged, left out. */
function truth(bytes: Buffer): Rows {
  const copy = Buffer.from(bytes);
  copy.fill(1, 18, 20);
  const db = SqliteDatabase.fromImage(copy);
  const names = [...schemaAt(62).tables.keys()].filter((name) => name !== "sqlite_sequence");
  const rows = names.map((name) => [name, [...db.rows(`select * from ${name}`)]] as const);
  db.close();
  return Object.fromEntries(rows.filter(([, found]) => found.length > 0));
}

const found = ({ tables }: Salvage): Rows =>
  Object.fromEntries(Object.entries(tables).map(([name, rows]) => [name, rows.map(({ row }) => row)]));

/** Pages of the main b-tree of a table, from SQLite's own account of them. */
function pagesOf(bytes: Buffer, name: string, kind: "leaf" | "internal" | "overflow"): readonly number[] {
  const copy = Buffer.from(bytes);
  copy.fill(1, 18, 20);
  const db = SqliteDatabase.fromImage(copy);
  const pages = db.all("select pageno from dbstat where name = ? and pagetype = ? order by path", [name, kind]);
  db.close();
  return pages.map((row) => Number(row["pageno"]));
}

function withPage(bytes: Buffer, page: number, change: (page: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy.subarray((page - 1) * PAGE, page * PAGE));
  return copy;
}

const zeroed = (page: Buffer) => void page.fill(0);
const garbled = (page: Buffer) => {
  for (let index = 0; index < page.length; index += 1) page[index] = (index * 131 + 89) & 0xff;
};

const byId = (rows: readonly SqlRow[] | undefined) => new Map((rows ?? []).map((row) => [String(row["id"]), row]));

describe("a sound file", () => {
  test("gives every row of every table, all reachable", () => {
    const bytes = built(Array.from({ length: 100 }, (_, index) => thread(index)));
    const result = salvaged(bytes);
    expect(found(result)).toEqual(truth(bytes));
    expect(
      Object.values(result.tables)
        .flat()
        .every((row) => row.origin === "reachable"),
    ).toBe(true);
    expect(result).toMatchObject({ level: 62, flavour: "lf", pages: bytes.length / PAGE, unreadablePages: 0 });
    expect(result.migrations).toEqual({ level: 62, flavour: "lf", problems: [] });
    expect(result.rowsByTable["threads"]).toBe(100);
  });

  test.each([17, 24, 39, 51, 58] as const)("of level %i", (level) => {
    const bytes = built([thread(1), thread(2)], { level, flavour: "crlf", others: {} });
    const result = salvaged(bytes);
    expect(result).toMatchObject({ level, flavour: "crlf" });
    const columns = schemaAt(level)
      .tables.get("threads")
      ?.map((column) => column.name);
    expect(Object.keys(result.tables["threads"]?.[0]?.row ?? {})).toEqual(columns);
  });

  test("attachments under their former name", () => {
    const bytes = built([thread(1)], {
      level: 51,
      others: {
        thread_artifacts: [
          { id: "a", thread_id: id(1), artifact_type: "t", identity_key: "k", payload: "p", created_at: 1 },
        ],
      },
    });
    expect(salvaged(bytes).tables["thread_attachments"]?.[0]?.row).toEqual({
      id: "a",
      thread_id: id(1),
      attachment_type: "t",
      identity_key: "k",
      payload: "p",
      created_at: 1,
    });
  });

  test("long titles and previews, on overflow pages", () => {
    const long = "\u{1f600} long text ".repeat(1500);
    const bytes = built([thread(1, { title: long, preview: `${long}!` }), thread(2), thread(3, { name: long })]);
    expect(pagesOf(bytes, "threads", "overflow").length).toBeGreaterThan(10);
    expect(found(salvaged(bytes))).toEqual(truth(bytes));
  });

  test("rows written before a column was added get its default", () => {
    const path = newPath();
    buildStateDb(path, { level: 47, flavour: "lf", rows: { threads: [thread(1)] }, backfill: COMPLETE });
    const db = SqliteDatabase.open(path);
    db.exec("alter table thread_sections add column appearance TEXT");
    const row = migrationRows(48, "lf").at(-1);
    db.prepare("insert into _sqlx_migrations values (48, ?, '', 1, ?, 0)").run([
      row?.description ?? "",
      row?.checksum ?? null,
    ]);
    db.close();
    const result = salvaged(readFileSync(path));
    expect(result.level).toBe(48);
    expect(result.tables["thread_sections"]?.[0]?.row).toEqual({ id: PINNED, name: "Pinned", appearance: null });
  });
});

describe("damage", () => {
  let bytes: Buffer = Buffer.alloc(0);
  let rows: Rows = {};
  beforeAll(() => {
    bytes = built(Array.from({ length: 120 }, (_, index) => thread(index)));
    rows = truth(bytes);
  });

  test.each([
    ["header zeroed", (page: Buffer) => void page.fill(0, 0, 100)],
    ["first page zeroed", zeroed],
    ["first page garbage", garbled],
  ])("%s", (_name, change) => {
    const result = salvaged(withPage(bytes, 1, change));
    expect(found(result)["threads"]?.length).toBe(120);
    expect(byId(found(result)["threads"])).toEqual(byId(rows["threads"]));
    expect(found(result)["thread_spawn_edges"]).toEqual(rows["thread_spawn_edges"]);
    expect(result).toMatchObject({ level: 62, flavour: "lf" });
  });

  test("all of SQLite's own list lost: rows are known by their looks", () => {
    let damaged = withPage(bytes, 1, garbled);
    for (const page of [...pagesOf(bytes, "sqlite_schema", "leaf"), ...pagesOf(bytes, "sqlite_schema", "overflow")]) {
      damaged = withPage(damaged, page, garbled);
    }
    const result = salvaged(damaged);
    const sorted = (given: Rows) =>
      Object.fromEntries(
        Object.entries(given).map(([name, list]) => [
          name,
          list.map((row) => JSON.stringify(row, bigintsAsText)).toSorted(),
        ]),
      );
    expect(sorted(found(result))).toEqual(sorted(rows));
    expect(
      Object.values(result.tables)
        .flat()
        .every((row) => row.origin === "orphan"),
    ).toBe(true);
    expect(result.level).toBe(62);
    expect(result.unreadablePages).toBeGreaterThan(1);
  });

  test.each([
    ["zeroed", zeroed],
    ["garbled", garbled],
  ])("each leaf of threads %s: the others whole, its own by what the indexes repeat", (_name, change) => {
    const leaves = pagesOf(bytes, "threads", "leaf");
    expect(leaves.length).toBeGreaterThan(8);
    for (const page of leaves) {
      const result = salvaged(withPage(bytes, page, change));
      const threads = byId(found(result)["threads"]);
      expect(threads.size).toBe(120);
      const partial = [...threads.values()].filter((row) => row["title"] === undefined);
      expect(partial.length).toBeGreaterThan(0);
      for (const row of threads.values()) expect(byId(rows["threads"]).get(String(row["id"]))).toMatchObject(row);
      for (const row of partial) {
        expect(Object.keys(row)).toEqual(
          expect.arrayContaining(["created_at_ms", "updated_at_ms", "recency_at_ms", "archived", "cwd", "source"]),
        );
      }
      expect(result.unreadablePages).toBe(1);
    }
  });

  test("sections of lost threads come back from the indexes", () => {
    let damaged = bytes;
    for (const page of pagesOf(bytes, "threads", "leaf")) damaged = withPage(damaged, page, zeroed);
    const threads = byId(found(salvaged(damaged))["threads"]);
    expect(threads.get(id(10))).toMatchObject({
      thread_section_id: PINNED,
      section_position: 10_000_000,
      recency_at_ms: 1_760_000_103_003,
    });
    expect(threads.get(id(11))?.["thread_section_id"]).toBeUndefined();
  });

  test("the tree above the leaves lost: nothing is", () => {
    for (const page of pagesOf(bytes, "threads", "internal")) {
      const result = salvaged(withPage(bytes, page, garbled));
      expect(byId(found(result)["threads"])).toEqual(byId(rows["threads"]));
      expect(result.tables["threads"]?.some((row) => row.origin === "orphan")).toBe(true);
    }
  });

  test("edges come back from their two indexes", () => {
    const [page] = pagesOf(bytes, "thread_spawn_edges", "leaf");
    const result = salvaged(withPage(bytes, page ?? 0, zeroed));
    const edges = found(result)["thread_spawn_edges"] ?? [];
    expect(edges).toHaveLength(30);
    expect(edges).toEqual(expect.arrayContaining([...(rows["thread_spawn_edges"] ?? [])]));
  });

  test("an overflow page lost: the columns before it stay, those on it are not guessed", () => {
    const long = "x".repeat(10_000);
    const sound = built([thread(1, { title: long }), thread(2)]);
    for (const page of pagesOf(sound, "threads", "overflow")) {
      const result = salvaged(withPage(sound, page, garbled));
      const row = byId(found(result)["threads"]).get(id(1)) ?? {};
      expect(row).toMatchObject({ rollout_path: thread(1)["rollout_path"], created_at: 1_760_000_010, cwd: "/work" });
      expect(row["title"]).toBeUndefined();
      expect(byId(found(result)["threads"]).get(id(2))).toEqual(byId(truth(sound)["threads"]).get(id(2)));
    }
  });

  test("migration rows lost: the level is guessed from what is there", () => {
    let damaged: Buffer = bytes;
    for (const page of pagesOf(bytes, "_sqlx_migrations", "leaf")) damaged = withPage(damaged, page, zeroed);
    expect(salvaged(damaged)).toMatchObject({ level: 62, flavour: undefined });
    const old = built([thread(1)], { level: 39, others: {} });
    damaged = old;
    for (const page of pagesOf(old, "_sqlx_migrations", "leaf")) damaged = withPage(damaged, page, zeroed);
    expect(salvaged(damaged)).toMatchObject({ level: 39, flavour: undefined });
  });

  test("cut: what is left is read, what is missing is counted", () => {
    const half = salvaged(bytes.subarray(0, bytes.length / 2));
    expect(half.pages).toBe(bytes.length / PAGE);
    expect(half.unreadablePages).toBeGreaterThanOrEqual(Math.floor(bytes.length / PAGE / 2));
    for (const row of half.tables["threads"] ?? [])
      expect(byId(rows["threads"]).get(String(row.row["id"]))).toMatchObject(row.row);
    for (const length of [0, 1, 99, 1000, PAGE, PAGE + 1])
      expect(() => salvaged(bytes.subarray(0, length))).not.toThrow();
  });

  test("no database at all", () => {
    expect(salvaged(Buffer.alloc(0))).toMatchObject({ tables: {}, level: undefined, flavour: undefined, pages: 0 });
    expect(salvaged(Buffer.from("plain text ".repeat(5000)))).toMatchObject({ tables: {}, level: undefined });
  });
});

describe("deleted and outdated rows", () => {
  function edited(sql: string): Buffer {
    const path = newPath();
    buildStateDb(path, {
      level: 62,
      flavour: "lf",
      rows: { threads: Array.from({ length: 60 }, (_, index) => thread(index)) },
      backfill: COMPLETE,
    });
    const db = SqliteDatabase.open(path);
    db.exec(sql);
    db.checkpoint();
    db.close();
    return readFileSync(path);
  }

  test("pages on the free list are not read while the tables are whole", () => {
    const bytes = edited(`delete from threads where id > '${id(10)}'`);
    expect(salvaged(bytes).rowsByTable["threads"]).toBe(11);
  });

  test("and only for keys that nothing better has", () => {
    const bytes = edited(`delete from threads where id > '${id(10)}'; update threads set title = 'new'`);
    const [first] = pagesOf(bytes, "threads", "leaf");
    const result = salvaged(withPage(bytes, first ?? 0, garbled));
    const threads = result.tables["threads"] ?? [];
    for (const { row, origin } of threads) if (origin === "reachable") expect(row["title"]).toBe("new");
    expect(new Set(threads.map(({ row }) => row["id"])).size).toBe(threads.length);
  });
});

describe("the log", () => {
  let main: Buffer = Buffer.alloc(0);
  let log: Buffer = Buffer.alloc(0);
  let rows: Rows = {};
  beforeAll(() => {
    const path = newPath();
    buildStateDb(path, { level: 62, flavour: "lf", rows: { threads: [] }, backfill: COMPLETE });
    const empty = readFileSync(path);
    const db = SqliteDatabase.open(path);
    db.exec("pragma wal_autocheckpoint = 0");
    const columns = Object.keys(thread(0));
    const insert = db.prepare(
      `insert into threads (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})`,
    );
    for (let index = 0; index < 40; index += 1) insert.run(Object.values(thread(index)));
    db.prepare("update threads set name = 'renamed' where id = ?").run([id(7)]);
    const copy = newPath();
    copyFileSync(path, copy);
    copyFileSync(`${path}-wal`, `${copy}-wal`);
    [main, log] = [readFileSync(copy), readFileSync(`${copy}-wal`)];
    db.close();
    rows = truth(readFileSync(path));
    expect(main.equals(empty)).toBe(true);
  });

  test("holds everything, whatever became of the main file", () => {
    const damaged = [
      main,
      withPage(main, 1, zeroed),
      withPage(main, 1, garbled),
      Buffer.alloc(main.length, 0x55),
      main.subarray(0, 5000),
    ];
    for (const bytes of damaged) {
      expect(byId(found(salvaged(bytes, readWal(log)))["threads"])).toEqual(byId(rows["threads"]));
    }
  });

  test("alone, with the main file deleted", () => {
    const path = newPath();
    writeFileSync(`${path}-wal`, log);
    expect(byId(found(salvage(path))["threads"])).toEqual(byId(rows["threads"]));
  });

  test("broken in the middle: later frames still count", () => {
    const broken = Buffer.from(log);
    broken.fill(0x33, 32 + 10 * (24 + PAGE), 32 + 11 * (24 + PAGE));
    const result = salvaged(main, readWal(broken));
    expect(byId(found(result)["threads"]).get(id(7))).toMatchObject({ name: "renamed" });
    expect(result.rowsByTable["threads"]).toBe(40);
  });

  test("its header lost", () => {
    const headless = Buffer.from(log);
    headless.fill(0, 0, 32);
    expect(byId(found(salvaged(main, readWal(headless)))["threads"])).toEqual(byId(rows["threads"]));
  });

  test("lost: the main file as it is", () => {
    expect(salvaged(main).rowsByTable).toEqual({ _sqlx_migrations: 62, backfill_state: 1, thread_sections: 1 });
  });

  test("an older copy of a page helps where the newest does not read", () => {
    const path = newPath();
    writeFileSync(path, main);
    writeFileSync(`${path}-wal`, log);
    const db = SqliteDatabase.open(path);
    db.checkpoint();
    db.close();
    const flat = readFileSync(path);
    const [leaf] = pagesOf(flat, "threads", "leaf").slice(2);
    // The log as it was, in front of a main file whose newest copy of one leaf is garbage that SQLite wrote.
    const frames = readWal(log).frames.filter((frame) => frame.page === leaf);
    expect(frames.length).toBeGreaterThan(1);
    const wal = readWal(log);
    const newest = frames.at(-1);
    wal.bytes.fill(0x11, newest?.offset, (newest?.offset ?? 0) + PAGE);
    const result = salvaged(main, { ...wal, bytes: wal.bytes });
    expect(result.rowsByTable["threads"]).toBe(40);
    expect(result.tables["threads"]?.some((row) => row.origin === "orphan")).toBe(true);
  });
});

describe("hostile files", () => {
  const sizes = { numRuns: 80 };
  let bytes: Buffer = Buffer.alloc(0);
  beforeAll(() => {
    bytes = built(
      Array.from({ length: 25 }, (_, index) => thread(index, index % 9 === 0 ? { title: "t".repeat(9000) } : {})),
    );
  });

  test("any bytes changed: never fails, never ends up with two rows of one key", () => {
    const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 200 }), (changes) => {
        const damaged = Buffer.from(bytes);
        for (const { at, value } of changes) damaged[at % damaged.length] = value;
        const threads = salvaged(damaged).tables["threads"] ?? [];
        expect(new Set(threads.map(({ row }) => row["id"])).size).toBe(threads.length);
      }),
      sizes,
    );
  });

  test("headers of pages changed: child, chain and cell pointers that lead anywhere, in circles too", () => {
    const pages = bytes.length / PAGE;
    const change = fc.record({
      page: fc.integer({ min: 0, max: pages - 1 }),
      at: fc.integer({ min: 0, max: 40 }),
      value: fc.oneof(fc.integer({ min: 0, max: pages + 1 }), fc.integer({ min: 0, max: 0xffffffff })),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 60 }), (changes) => {
        const damaged = Buffer.from(bytes);
        for (const { page, at, value } of changes) damaged.writeUInt32BE(value, page * PAGE + at);
        expect(() => salvaged(damaged)).not.toThrow();
      }),
      sizes,
    );
  });

  test("any bytes as a log beside it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), (log) => {
        expect(salvaged(bytes, readWal(Buffer.from(log))).rowsByTable["threads"]).toBe(25);
      }),
      { numRuns: 30 },
    );
  });

  test("a chain of overflow pages that bites its tail", () => {
    const chain = pagesOf(bytes, "threads", "overflow");
    const damaged = withPage(bytes, chain[1] ?? 0, (page) => page.writeUInt32BE(chain[0] ?? 0, 0));
    const result = salvaged(damaged);
    expect(byId(found(result)["threads"]).size).toBe(25);
  });

  test("a tree whose root is its own child", () => {
    const [root] = pagesOf(bytes, "threads", "internal");
    const damaged = withPage(bytes, root ?? 0, (page) => page.writeUInt32BE(root ?? 0, 8));
    expect(byId(found(salvaged(damaged))["threads"])).toEqual(byId(truth(bytes)["threads"]));
  });

  test("rows of another table under a table's name are not taken for its own", () => {
    const path = newPath();
    writeFileSync(path, bytes);
    const db = SqliteDatabase.open(path);
    db.withWritableSchema(() => {
      db.exec(
        "update sqlite_schema set rootpage = (select rootpage from sqlite_schema where name = 'threads') where name = 'projects'",
      );
    });
    db.close();
    const result = salvaged(readFileSync(path));
    expect(byId(found(result)["threads"]).size).toBe(25);
    expect(result.tables["projects"]?.map(({ row }) => row["name"]) ?? []).toEqual(["Project"]);
  });
});

function bigintsAsText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}
