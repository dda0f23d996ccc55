import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { KNOWN_LEVEL, levelOfRelease } from "../../src/indexer/levels.ts";
import { MIGRATIONS } from "../../src/indexer/migrations.ts";
import {
  type MigrationRow,
  migrationRows,
  readMigrationState,
  schemaAt,
  threadColumns,
} from "../../src/indexer/schema.ts";
import { SqliteDatabase } from "../../src/io/sqlite.ts";

/** Facts about databases that real releases made in an empty home; `sqlite_sequence` and automatic indexes left out. */
interface Facts {
  readonly level: number;
  readonly objects: readonly string[];
  readonly columns: readonly (readonly unknown[])[];
  readonly indexes: readonly (readonly (string | number | null)[])[];
  readonly foreignKeys: Readonly<Record<string, readonly string[]>>;
  readonly migrations: readonly (readonly [version: number, description: string, lf: string, crlf: string])[];
}

function factsOf(level: number): Facts {
  const path = join(import.meta.dirname, `../../fixtures/schema/level-${level}/facts.json`);
  return JSON.parse(readFileSync(path, "utf8")) as Facts;
}

const open: SqliteDatabase[] = [];
afterEach(() => {
  for (const db of open.splice(0)) db.close();
});

/** An empty database with everything that `schemaAt` lists. */
function emptyAt(level: number): SqliteDatabase {
  const db = SqliteDatabase.fromImage(undefined);
  open.push(db);
  for (const object of schemaAt(level).objects) if (object.sql !== undefined) db.exec(object.sql);
  return db;
}

function tablesOf(db: SqliteDatabase): readonly string[] {
  return db.all("select name from sqlite_schema where type = 'table' order by rowid").map((row) => String(row["name"]));
}

function columnFacts(db: SqliteDatabase): unknown[][] {
  return tablesOf(db).flatMap((table) =>
    db
      .all(`pragma table_info("${table}")`)
      .map((row) => [table, row["cid"], row["name"], row["type"], row["notnull"], row["dflt_value"], row["pk"]]),
  );
}

function indexFacts(db: SqliteDatabase): unknown[][] {
  return tablesOf(db).flatMap((table) =>
    db.all(`pragma index_list("${table}")`).map((index) => {
      const keys = db.all(`pragma index_xinfo("${String(index["name"])}")`).filter((row) => row["key"] === 1);
      const columns = keys.map((row) => `${String(row["name"])}${row["desc"] === 1 ? " desc" : ""}`).join(", ");
      const sql = db.get("select sql from sqlite_schema where name = ?", [index["name"] ?? null])?.["sql"];
      const where = typeof sql === "string" ? (/\bwhere\s+(.*)$/is.exec(sql)?.[1] ?? null) : null;
      return [
        table,
        index["name"],
        index["unique"],
        index["origin"],
        index["partial"],
        columns,
        where?.toLowerCase() ?? null,
      ];
    }),
  );
}

function foreignKeyFacts(db: SqliteDatabase): Record<string, string[]> {
  const facts = tablesOf(db).map((table) => {
    const keys = db.all(`pragma foreign_key_list("${table}")`);
    const told = keys.map((key) => {
      const [from, parent, to, action] = ["from", "table", "to", "on_delete"].map((name) => String(key[name]));
      return `${from} -> ${parent}.${to} ${action?.toLowerCase()}`;
    });
    return [table, told] as const;
  });
  return Object.fromEntries(facts.filter(([, keys]) => keys.length > 0));
}

const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

describe.each([39, 62])("level %i against the database of a real release", (level) => {
  const facts = factsOf(level);

  test("the same objects in the same order", () => {
    const told = schemaAt(level).objects.filter((object) => object.sql !== undefined);
    expect(told.map((object) => `${object.type} ${object.name} on ${object.table}`)).toEqual(facts.objects);
  });

  test("the same columns: order, types, null, defaults, keys", () => {
    expect(columnFacts(emptyAt(level))).toEqual(facts.columns);
  });

  test("the same indexes: uniqueness, columns, direction, condition", () => {
    const expected = facts.indexes.map((fact) => [...fact.slice(0, 6), fact[6]?.toString().toLowerCase() ?? null]);
    expect(indexFacts(emptyAt(level)).toSorted(byText)).toEqual(expected.toSorted(byText));
  });

  test("the same foreign keys", () => {
    expect(foreignKeyFacts(emptyAt(level))).toEqual(facts.foreignKeys);
  });

  test("the same migration rows, in both flavours", () => {
    const rows = migrationRows(level, "lf").map((row, index) => [
      row.version,
      row.description,
      Buffer.from(row.checksum).toString("hex"),
      Buffer.from(migrationRows(level, "crlf")[index]?.checksum ?? []).toString("hex"),
    ]);
    expect(rows).toEqual(facts.migrations);
  });

  test("what Codex's file has from long ago is there too", () => {
    const names = schemaAt(level).objects.map((object) => object.name);
    expect(names.indexOf("sqlite_sequence")).toBe(names.indexOf("idx_threads_provider") + 1);
  });
});

describe("levels", () => {
  test("every level can be made, and each adds to or changes the one before", () => {
    const shapes = MIGRATIONS.map((step) => JSON.stringify(schemaAt(step.version).objects));
    expect(new Set(shapes).size).toBe(KNOWN_LEVEL - 1);
    // Step 57 only rewrites rows.
    expect(shapes[56]).toBe(shapes[55]);
  });

  test("numbers run without gaps", () => {
    expect(MIGRATIONS.map((step) => step.version)).toEqual(
      Array.from({ length: KNOWN_LEVEL }, (_, index) => index + 1),
    );
  });

  test.each([
    ["0.105.0", 17],
    ["0.120.0", 24],
    ["0.130.0", 31],
    ["0.142.3", 39],
    ["0.150.0", 51],
    ["0.160.0", 58],
    ["0.169.0", 62],
    ["v0.145.1-alpha.2", 39],
    ["1.0.0", 62],
    ["0.98.0", undefined],
    ["latest", undefined],
    ["", undefined],
  ])("release %s", (release, level) => {
    expect(levelOfRelease(release)).toBe(level);
  });

  test.each([0, -1, 63, 1.5, Number.NaN])("level %s is refused", (level) => {
    expect(() => schemaAt(level)).toThrowError(expect.objectContaining({ code: "unsupported" }));
  });

  test("columns of threads grow with the level", () => {
    expect(threadColumns(62)).toHaveLength(43);
    expect(threadColumns(39)).toEqual(threadColumns(62).slice(0, 31));
    expect(threadColumns(1).at(-1)).toBe("git_origin_url");
  });

  test("seed rows", () => {
    const pinned = { id: "01984de2-8f74-7c91-a3b2-5c5e937cf318", name: "Pinned", appearance: null };
    expect(schemaAt(62).seeds.get("thread_sections")).toEqual([pinned]);
    expect(schemaAt(62).seeds.get("backfill_state")).toEqual([expect.objectContaining({ id: 1, status: "pending" })]);
    expect([...schemaAt(39).seeds.keys()]).toEqual(["backfill_state"]);
  });
});

describe("triggers", () => {
  const insert = (db: SqliteDatabase, values: Record<string, number | null>) => {
    const row = { id: "t", created_at: 10, updated_at: 20, ...values };
    const texts = ["rollout_path", "source", "model_provider", "cwd", "title", "sandbox_policy", "approval_mode"];
    const names = [...Object.keys(row), ...texts];
    const marks = names.map(() => "?").join(", ");
    db.prepare(`insert into threads (${names.join(", ")}) values (${marks})`).run([
      ...Object.values(row),
      ...texts.map(() => ""),
    ]);
  };
  const times = (db: SqliteDatabase) =>
    Object.values(
      db.get("select created_at, created_at_ms, updated_at, updated_at_ms, recency_at, recency_at_ms from threads") ??
        {},
    );

  test("an insert with seconds only fills milliseconds and recency", () => {
    const db = emptyAt(62);
    insert(db, {});
    expect(times(db)).toEqual([10, 10_000, 20, 20_000, 20, 20_000]);
  });

  test("an insert with milliseconds keeps them, and recency follows the last change", () => {
    const db = emptyAt(62);
    insert(db, { created_at_ms: 10_111, updated_at_ms: 20_222 });
    expect(times(db)).toEqual([10, 10_111, 20, 20_222, 20, 20_222]);
  });

  test("an insert with recency keeps it", () => {
    const db = emptyAt(62);
    insert(db, { recency_at: 15, recency_at_ms: 15_333 });
    expect(times(db)).toEqual([10, 10_000, 20, 20_000, 15, 15_333]);
  });

  test("an update of seconds alone moves the milliseconds", () => {
    const db = emptyAt(39);
    insert(db, { created_at_ms: 10_111, updated_at_ms: 20_222 });
    db.exec("update threads set created_at = 11, updated_at = 21");
    expect(times(db)).toEqual([11, 11_000, 21, 21_000, 20, 20_222]);
  });

  test("an update of both, or to the same second, leaves the milliseconds as given", () => {
    const db = emptyAt(62);
    insert(db, { created_at_ms: 10_111, updated_at_ms: 20_222 });
    db.exec("update threads set created_at = 12, created_at_ms = 12345, updated_at = 20");
    expect(times(db)).toEqual([12, 12_345, 20, 20_222, 20, 20_222]);
  });

  test("goal states before and after step 33", () => {
    const put =
      "insert into thread_goals (thread_id, goal_id, objective, status, created_at_ms, updated_at_ms) values ('t', '', '', ?, 1, 1)";
    for (const [level, status, accepted] of [
      [29, "paused", true],
      [29, "blocked", false],
      [33, "blocked", true],
      [33, "lost", false],
    ] as const) {
      const db = emptyAt(level);
      insert(db, {});
      const attempt = () => db.prepare(put).run([status]);
      if (accepted) expect(attempt()).toBe(1);
      else expect(attempt).toThrowError(expect.objectContaining({ code: "mismatch" }));
    }
  });
});

describe("readMigrationState", () => {
  const lf = migrationRows(62, "lf");
  const crlf = migrationRows(62, "crlf");
  const without = (rows: readonly MigrationRow[], ...versions: number[]) =>
    rows.filter((row) => !versions.includes(row.version));
  const changed = (rows: readonly MigrationRow[], version: number, change: Partial<MigrationRow>) =>
    rows.map((row) => (row.version === version ? { ...row, ...change } : row));

  test.each([
    ["nothing", [], { level: 0, flavour: undefined, problems: [] }],
    ["Linux at 62", lf, { level: 62, flavour: "lf", problems: [] }],
    ["Windows at 39", migrationRows(39, "crlf"), { level: 39, flavour: "crlf", problems: [] }],
    [
      "both kinds",
      [...lf.slice(0, 40), ...crlf.slice(40)],
      { level: 62, flavour: "mixed", problems: [{ kind: "mixed", version: undefined }] },
    ],
    [
      "another checksum",
      changed(lf, 12, { checksum: Buffer.alloc(48) }),
      { level: 62, flavour: "lf", problems: [{ kind: "checksum", version: 12 }] },
    ],
    [
      "an unfinished step",
      changed(lf, 62, { success: false }),
      { level: 62, flavour: "lf", problems: [{ kind: "unfinished", version: 62 }] },
    ],
    [
      "a row missing in the middle",
      without(lf, 30),
      { level: 62, flavour: "lf", problems: [{ kind: "missing", version: 30 }] },
    ],
    ["rows missing at the end", without(lf, 61, 62), { level: 60, flavour: "lf", problems: [] }],
    [
      "a number from the future",
      [...lf, { version: 999, description: "x", success: true, checksum: Buffer.alloc(48) }],
      { level: 62, flavour: "lf", problems: [{ kind: "unknown", version: 999 }] },
    ],
    [
      "recency under number 38",
      [...migrationRows(37, "lf"), { ...(lf[38] as MigrationRow), version: 38 }],
      { level: 39, flavour: "lf", problems: [{ kind: "recency-collision", version: 38 }] },
    ],
    [
      "recency's checksum in row 38 beside a row 39",
      changed(migrationRows(39, "crlf"), 38, { checksum: (crlf[38] as MigrationRow).checksum }),
      { level: 39, flavour: "crlf", problems: [{ kind: "checksum", version: 38 }] },
    ],
  ] as const)("%s", (_name, rows, state) => {
    expect(readMigrationState(rows as readonly MigrationRow[])).toEqual(state);
  });
});
