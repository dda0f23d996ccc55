import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { isCorruption, quoteName, removeDatabase, SqliteDatabase } from "../../src/io/sqlite.ts";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sqlite-"));
  path = join(folder, "a.sqlite");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const withCode = (code: string) => expect.objectContaining({ name: "RolloutError", code });

function filled(): SqliteDatabase {
  const db = SqliteDatabase.create(path);
  db.exec(
    "create table t (id integer primary key, name text not null unique); insert into t values (1, 'one'), (2, 'two')",
  );
  return db;
}

describe("statements", () => {
  test("all, get, run and iteration", () => {
    const db = filled();
    expect(db.all("select * from t where id > ?", [1])).toEqual([{ id: 2, name: "two" }]);
    expect(db.get("select name from t where id = ?", [9])).toBeUndefined();
    expect(db.prepare("update t set name = name || '!'").run()).toBe(2);
    expect([...db.rows("select name from t order by id")]).toEqual([{ name: "one!" }, { name: "two!" }]);
    db.close();
  });

  test("integers beyond 2^53 come out exactly where rows are read one by one", () => {
    const db = SqliteDatabase.fromImage(undefined);
    const rows = db.rows(
      "select 9007199254740993 as big, -9223372036854775808 as least, 9007199254740991 as safe, x'00ff' as bytes",
    );
    expect([...rows]).toEqual([
      { big: 9007199254740993n, least: -9223372036854775808n, safe: 9007199254740991, bytes: Buffer.from([0, 255]) },
    ]);
    db.close();
  });

  test("leaving a loop over rows early frees the connection", () => {
    const db = filled();
    for (const row of db.rows("select * from t")) {
      expect(row).toEqual({ id: 1, name: "one" });
      break;
    }
    db.exec("delete from t");
    db.close();
  });

  test("a transaction is kept as a whole, or undone as a whole", () => {
    const db = filled();
    expect(db.transaction(() => db.prepare("delete from t where id = 1").run())).toBe(1);
    const failing = () =>
      db.transaction(() => {
        db.exec("delete from t");
        throw new Error("no");
      });
    expect(failing).toThrowError("no");
    expect(db.all("select id from t")).toEqual([{ id: 2 }]);
    db.close();
  });

  test("names with quotes", () => {
    const db = SqliteDatabase.fromImage(undefined);
    db.exec(`create table ${quoteName('a"b')} (x)`);
    expect(db.all("select name from sqlite_schema")).toEqual([{ name: 'a"b' }]);
    db.close();
  });
});

describe("checks", () => {
  test("a sound database, and one with a broken reference", () => {
    const db = filled();
    db.exec("pragma foreign_keys = off; create table u (t integer references t (id)); insert into u values (1), (7)");
    expect(db.integrityProblems()).toEqual([]);
    expect(db.integrityProblems("quick")).toEqual([]);
    expect(db.brokenReferences()).toEqual([{ table: "u", rowid: 2, parent: "t", key: 0 }]);
    db.close();
  });

  test("sqlite_schema can be changed only where that is asked for", () => {
    const db = filled();
    db.withWritableSchema(() => db.exec("update sqlite_schema set rowid = 7 where name = 't'"));
    expect(db.all("select rowid, name from sqlite_schema order by rowid")[1]).toEqual({ rowid: 7, name: "t" });
    expect(() => db.exec("update sqlite_schema set rowid = 8 where name = 't'")).toThrowError(withCode("internal"));
    db.close();
  });
});

describe("files", () => {
  test("closing leaves nothing beside the file", () => {
    const db = filled();
    db.exec("pragma journal_mode = wal; insert into t values (3, 'three')");
    expect(readdirSync(folder).toSorted()).toEqual(["a.sqlite", "a.sqlite-shm", "a.sqlite-wal"]);
    expect(db.checkpoint()).toBe(true);
    db.close({ sync: true });
    expect(readdirSync(folder)).toEqual(["a.sqlite"]);
  });

  test("removeDatabase takes the companions with it", () => {
    for (const suffix of ["", "-wal", "-shm", "-journal", "-other"]) writeFileSync(path + suffix, "x");
    removeDatabase(path);
    expect(readdirSync(folder)).toEqual(["a.sqlite-other"]);
    removeDatabase(path);
  });

  test("create never opens what is there, open never makes what is not", () => {
    writeFileSync(path, "mine");
    expect(() => SqliteDatabase.create(path)).toThrowError(withCode("mismatch"));
    expect(readFileSync(path, "utf8")).toBe("mine");
    const other = join(folder, "b.sqlite");
    expect(() => SqliteDatabase.open(other)).toThrowError(withCode("not-found"));
    expect(existsSync(other)).toBe(false);
    expect(() => SqliteDatabase.open(folder)).toThrowError(withCode("not-a-file"));
    expect(() => SqliteDatabase.create(join(folder, "no", "b.sqlite"))).toThrowError(withCode("not-found"));
  });

  test("a database in memory, from nothing and from bytes", () => {
    filled().close();
    const db = SqliteDatabase.fromImage(readFileSync(path), path);
    db.exec("insert into t values (3, 'three')");
    expect(db.get("select count(*) as n from t")).toEqual({ n: 3 });
    db.close();
    expect(readdirSync(folder)).toEqual(["a.sqlite"]);
  });
});

describe("errors", () => {
  const failureOf = (body: () => unknown): RolloutError => {
    try {
      body();
    } catch (error) {
      if (error instanceof RolloutError) return error;
      throw error;
    }
    throw new Error("it did not fail");
  };

  test("not a database, with the place and a hint", () => {
    writeFileSync(path, "garbage ".repeat(600));
    const db = SqliteDatabase.open(path);
    const error = failureOf(() => db.all("select * from t"));
    db.close();
    expect([error.code, error.place.path, error.hint]).toEqual([
      "damaged",
      path,
      "Run `rollout-tool reindex` to rebuild it from the rollouts.",
    ]);
    expect(isCorruption(error)).toBe(true);
  });

  test("pages overwritten", () => {
    const db = filled();
    db.exec(
      "with recursive n(i) as (select 3 union all select i + 1 from n where i < 2000) insert into t select i, 'name ' || i from n",
    );
    db.close();
    const bytes = readFileSync(path);
    bytes.fill(0x5a, 4096, bytes.length - 4096);
    const damaged = SqliteDatabase.fromImage(bytes, path);
    expect(isCorruption(failureOf(() => damaged.all("select * from t")))).toBe(true);
    damaged.close();
  });

  test("a lock held by somebody else", () => {
    const holder = filled();
    holder.exec("begin exclusive");
    const db = SqliteDatabase.open(path, { timeoutMs: 1 });
    expect(failureOf(() => db.all("select * from t")).code).toBe("busy");
    db.close();
    holder.close();
  });

  test("a row that the schema refuses", () => {
    const db = filled();
    expect(failureOf(() => db.exec("insert into t values (3, 'two')")).code).toBe("mismatch");
    expect(failureOf(() => db.exec("insert into t values (3, null)")).code).toBe("mismatch");
    db.close();
  });

  test("a full disk", () => {
    const db = filled();
    db.exec("pragma max_page_count = 4");
    const error = failureOf(() => db.prepare("insert into t values (3, ?)").run(["x".repeat(100_000)]));
    expect(error.code).toBe("disk-full");
    db.close();
  });

  test("a wrong statement is a bug, not damage", () => {
    const db = filled();
    const error = failureOf(() => db.all("select no_such_column from t"));
    expect(error.code).toBe("internal");
    expect(isCorruption(error)).toBe(false);
    db.close();
  });

  test.skipIf(process.getuid?.() === 0)("a file that may not be written", () => {
    filled().close();
    mkdirSync(join(folder, "sub"));
    chmodSync(path, 0o444);
    chmodSync(folder, 0o555);
    const db = SqliteDatabase.open(path);
    expect(failureOf(() => db.exec("delete from t")).code).toBe("unwritable");
    db.close();
    chmodSync(folder, 0o755);
  });

  test.each([
    ["database disk image is malformed", true],
    ["malformed database schema (idx) - near", true],
    ["Error code 26: File opened that is not a database file", true],
    ["query failed (code: 11)", true],
    ["SQLITE_NOTADB", true],
    ["database is locked", false],
    ["database or disk is full", false],
    ["attempt to write a readonly database", false],
    ["migration 3 was previously applied but has been modified", false],
  ])("isCorruption by words: %s", (message, expected) => {
    expect(isCorruption(new Error(message))).toBe(expected);
    expect(isCorruption(new RolloutError("internal", "x", { cause: new Error(message) }))).toBe(expected);
  });

  test.each([undefined, null, "database disk image is malformed", { code: "SQLITE_CORRUPT" }])(
    "isCorruption of no error: %s",
    (value) => {
      expect(isCorruption(value)).toBe(false);
    },
  );
});
