import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SqliteDatabase, type SqlValue } from "../../src/io/sqlite.ts";
import { SqliteImage } from "../../src/io/sqlite-image.ts";
import { PageReader } from "../../src/io/sqlite-pages.ts";
import { readCell, readPageHeader, readRecord } from "../../src/io/sqlite-record.ts";
import { readWal } from "../../src/io/sqlite-wal.ts";

let folder = "";
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sqlite-pages-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Stored {
  readonly bytes: Buffer;
  readonly roots: Readonly<Record<string, number>>;
  /** The rows of `t` as SQLite reads them, row number first. */
  readonly rows: readonly (readonly SqlValue[])[];
}

function stored(sql: string, rows: readonly (readonly SqlValue[])[], pragmas = ""): Stored {
  files += 1;
  const path = join(folder, `${files}.sqlite`);
  const db = SqliteDatabase.create(path);
  db.exec(`${pragmas}; ${sql}`);
  const insert = db.prepare("insert into t values (?, ?, ?)");
  db.transaction(() => {
    for (const row of rows) insert.run(row);
  });
  const objects = db.all("select name, rootpage from sqlite_schema");
  const read = [...db.rows("select rowid as n, a, b, c from t order by rowid")].map((row) => Object.values(row));
  db.close();
  const roots = Object.fromEntries(objects.map((row) => [String(row["name"]), Number(row["rootpage"])]));
  return { bytes: readFileSync(path), roots, rows: read };
}

const reader = (bytes: Buffer) => new PageReader(new SqliteImage("x", bytes, readWal(Buffer.alloc(0))));

const readBack = ({ bytes, roots }: Stored) => {
  const { rows, isComplete } = reader(bytes).readTable(roots["t"] ?? 0);
  return { rows: rows.map(({ rowid, values }) => [rowid, ...values]), isComplete };
};

const value: fc.Arbitrary<SqlValue> = fc.oneof(
  fc.constant(null),
  fc.integer({ min: -200, max: 200 }).map(BigInt),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double({ noNaN: true }),
  fc.string({ unit: "grapheme" }),
  fc.integer({ min: 0, max: 20_000 }).map((length) => "é".repeat(length)),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
);

describe("PageReader", () => {
  test.each([512, 1024, 4096, 65_536])("any values come back as SQLite reads them, page size %i", (pageSize) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value, value), { maxLength: 40 }), (rows) => {
        const file = stored("create table t (a, b, c)", rows, `pragma page_size = ${pageSize}`);
        expect(readBack(file)).toEqual({ rows: file.rows, isComplete: true });
      }),
      { numRuns: 12 },
    );
  });

  test.each(["none", "full", "incremental"])("a tree of several levels, auto_vacuum %s", (mode) => {
    const rows = Array.from({ length: 3000 }, (_, index) => [index, `row ${index}`, null]);
    const file = stored(
      "create table t (a, b, c); create index i on t (b, a)",
      rows,
      `pragma page_size = 512; pragma auto_vacuum = ${mode}`,
    );
    expect(readBack(file)).toEqual({ rows: file.rows, isComplete: true });
    const pages = reader(file.bytes);
    const entries = pages.readIndex(file.roots["i"] ?? 0).map(({ values }) => values);
    const expected = rows.map(([a, b], index) => [b, a, index + 1]);
    const byRow = (x: readonly unknown[], y: readonly unknown[]) => Number(x[2]) - Number(y[2]);
    expect(entries.toSorted(byRow)).toEqual(expected);
    pages.readTable(1);
    pages.readTable(file.roots["t"] ?? 0);
    expect(pages.countPages()).toEqual({ pages: file.bytes.length / 512, unreadablePages: 0 });
  });

  test("a root that is no tree of that kind", () => {
    const file = stored("create table t (a, b, c); create index i on t (b)", [[1, 2, 3]]);
    for (const root of [0, -1, 0.5, 99, 2 ** 32, file.roots["i"] ?? 0]) {
      expect(reader(file.bytes).readTable(root)).toEqual({ rows: [], isComplete: false });
    }
    expect(reader(file.bytes).readIndex(file.roots["t"] ?? 0)).toEqual([]);
  });

  test("a page belongs to the first tree that claims it", () => {
    const file = stored("create table t (a, b, c)", [[1, 2, 3]]);
    const pages = reader(file.bytes);
    expect(pages.readTable(file.roots["t"] ?? 0).rows).toHaveLength(1);
    expect(pages.readTable(file.roots["t"] ?? 0)).toEqual({ rows: [], isComplete: false });
  });

  test("leaves that no tree has claimed, and free pages apart from them", () => {
    files += 1;
    const path = join(folder, `${files}.sqlite`);
    const db = SqliteDatabase.create(path);
    db.exec(
      "create table t (a); create table gone (a); insert into t values ('kept'); insert into gone values ('dropped'); drop table gone",
    );
    db.close();
    const leaves = (age: "present" | "freed") =>
      [...reader(readFileSync(path)).looseLeaves(age)].map((rows) => rows.map(({ values }) => values[0]));
    expect(leaves("present")).toEqual([["table"], ["kept"]]);
    // The first page of the free list holds the list itself, so the row is gone for good.
    expect(leaves("freed").flat()).not.toContain("kept");
  });
});

describe("records", () => {
  test.each([
    ["nothing", "", 0],
    ["a header longer than the record", "05", 1],
    ["a header of no columns", "01", 1],
    ["a header that ends within a type", "0281", 2],
    ["a reserved type", "020a", 2],
    ["values shorter than the header says", "0206", 2],
    ["values longer than the header says", "02010507", 4],
  ])("%s is none", (_name, hex, total) => {
    expect(readRecord(Buffer.from(hex, "hex"), total)).toBeUndefined();
  });

  test("values beyond the readable part are lost, those before are not", () => {
    expect(readRecord(Buffer.from("04018f010761", "hex"), 4 + 1 + 954)).toEqual([7, undefined]);
  });

  test("text that is not UTF-8 is lost", () => {
    expect(readRecord(Buffer.from("03110fff4142", "hex"), 6)).toEqual([undefined, "B"]);
  });

  test("any bytes are read without failing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 512, maxLength: 512 }), fc.nat(600), (bytes, at) => {
        const page = Buffer.from(bytes);
        expect(() => readPageHeader(page, 0, 512)).not.toThrow();
        expect(() => readRecord(page, at)).not.toThrow();
        for (const kind of ["table-leaf", "index-leaf"] as const)
          expect(() => readCell(page, at, 512, kind)).not.toThrow();
      }),
    );
  });
});
