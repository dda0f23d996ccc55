import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SqliteDatabase, type SqlRow } from "../../src/io/sqlite.ts";
import { checkFile, checkHealth, readImage, readRemains } from "../../src/io/sqlite-image.ts";
import { readWal } from "../../src/io/sqlite-wal.ts";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sqlite-image-"));
  path = join(folder, "a.sqlite");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const withCode = (code: string) => expect.objectContaining({ name: "RolloutError", code });
const FRAME = 24 + 4096;

/** Runs SQL in WAL mode and keeps main file and log as they stand before the connection closes. */
function leftBehind(sql: string, more: (db: SqliteDatabase) => void = () => {}): void {
  const live = join(folder, "live.sqlite");
  const db = SqliteDatabase.create(live);
  db.exec("pragma page_size = 4096; pragma journal_mode = wal; pragma wal_autocheckpoint = 0");
  db.exec(sql);
  more(db);
  copyFileSync(live, path);
  copyFileSync(`${live}-wal`, `${path}-wal`);
  db.close();
  rmSync(live, { force: true });
}

const SCHEMA = "create table t (id integer primary key, v text);";
const manyRows = (from: number, to: number, text = "row") =>
  `with recursive n(i) as (select ${from} union all select i + 1 from n where i < ${to})
   insert into t select i, '${text} ' || i || printf('%.500c', 'x') from n;`;

/** What SQLite itself makes of copies of the two files. */
function bySqlite(): readonly SqlRow[] | string {
  const copy = join(folder, "copy.sqlite");
  for (const suffix of ["", "-wal", "-shm"]) rmSync(copy + suffix, { force: true });
  copyFileSync(path, copy);
  if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`);
  const db = SqliteDatabase.open(copy);
  try {
    return db.all("select id, v from t order by id");
  } catch (error) {
    return String(error);
  } finally {
    db.close();
  }
}

function byImage(): readonly SqlRow[] | string {
  const db = SqliteDatabase.fromImage(readImage(path).toBuffer(), path);
  try {
    return db.all("select id, v from t order by id");
  } catch (error) {
    return String(error);
  } finally {
    db.close();
  }
}

const told = (result: readonly SqlRow[] | string) => (typeof result === "string" ? "error" : result);

describe("readImage", () => {
  test("a closed file", () => {
    const db = SqliteDatabase.create(path);
    db.exec(SCHEMA + manyRows(1, 50));
    db.close();
    const image = readImage(path);
    expect([image.pageSize, image.pageCount * 4096, image.usesWal]).toEqual([4096, statSync(path).size, false]);
    expect(byImage()).toEqual(bySqlite());
  });

  test("everything in the log, nothing but a header page in the main file", () => {
    leftBehind(SCHEMA + manyRows(1, 100));
    expect(statSync(path).size).toBe(4096);
    const image = readImage(path);
    expect(image.usesWal).toBe(true);
    expect(image.toBuffer().length).toBe(image.pageCount * 4096);
    expect(byImage()).toHaveLength(100);
  });

  test("leaves no trace", () => {
    leftBehind(SCHEMA + manyRows(1, 10));
    const before = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mtimeMs]);
    byImage();
    checkFile(path);
    expect(readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mtimeMs])).toEqual(before);
  });

  test("changes after a checkpoint: log and main file together, and old frames not read", () => {
    leftBehind(SCHEMA + manyRows(1, 40), (db) => {
      db.all("pragma wal_checkpoint(restart)");
      db.exec("delete from t where id > 30; update t set v = 'new' where id = 1");
    });
    expect(readWal(readFileSync(`${path}-wal`)).frames.some((frame) => frame.state === "stale")).toBe(true);
    expect(byImage()).toEqual(bySqlite());
    expect(byImage()).toHaveLength(30);
  });

  test("a file that grew smaller", () => {
    leftBehind(SCHEMA + manyRows(1, 200), (db) => {
      db.checkpoint();
      db.exec("delete from t where id > 5; vacuum");
    });
    expect(readImage(path).pageCount * 4096).toBeLessThan(statSync(path).size);
    expect(byImage()).toEqual(bySqlite());
  });

  test("a transaction that was never finished does not count", () => {
    leftBehind(SCHEMA + manyRows(1, 10), (db) => {
      db.exec(`pragma cache_size = 5; begin; ${manyRows(11, 400)}`);
    });
    const states = new Set(readWal(readFileSync(`${path}-wal`)).frames.map((frame) => frame.state));
    expect(states).toEqual(new Set(["committed", "uncommitted"]));
    expect(byImage()).toHaveLength(10);
    expect(byImage()).toEqual(bySqlite());
  });

  test("cut at every frame and around it, as SQLite reads it", () => {
    leftBehind(`${SCHEMA}${manyRows(1, 10)}${manyRows(11, 30)}update t set v = 'z' where id = 5;`);
    const wal = readFileSync(`${path}-wal`);
    const edges = Array.from({ length: (wal.length - 32) / FRAME + 1 }, (_, index) => 32 + index * FRAME);
    for (const cut of [0, 1, 31, ...edges.flatMap((edge) => [edge - 1, edge, edge + 1, edge + 24])]) {
      writeFileSync(`${path}-wal`, wal.subarray(0, cut));
      expect(told(byImage()), `cut at ${cut}`).toEqual(told(bySqlite()));
    }
  });

  test("any byte of the log changed, as SQLite reads it", () => {
    leftBehind(`${SCHEMA}${manyRows(1, 10)}${manyRows(11, 20)}delete from t where id = 3;`);
    const wal = readFileSync(`${path}-wal`);
    const place = fc.oneof(fc.integer({ min: 0, max: 55 }), fc.integer({ min: 0, max: wal.length - 1 }));
    fc.assert(
      fc.property(place, fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Buffer.from(wal);
        damaged[at] = (damaged[at] ?? 0) ^ change;
        writeFileSync(`${path}-wal`, damaged);
        expect(told(byImage())).toEqual(told(bySqlite()));
      }),
      { numRuns: 60 },
    );
  });

  test("a log with big-endian checksums", () => {
    leftBehind(SCHEMA + manyRows(1, 20));
    writeFileSync(`${path}-wal`, asBigEndian(readFileSync(`${path}-wal`)));
    expect(byImage()).toHaveLength(20);
    expect(byImage()).toEqual(bySqlite());
  });

  test("a log of garbage, an empty log, and one of a page size of its own", () => {
    const db = SqliteDatabase.create(path);
    db.exec(SCHEMA + manyRows(1, 5));
    db.close();
    for (const wal of [Buffer.alloc(0), Buffer.alloc(10_000, 0x77), Buffer.from("377f0682002de21800000300", "hex")]) {
      writeFileSync(`${path}-wal`, wal);
      expect(byImage()).toHaveLength(5);
    }
  });

  test("an empty main file has no log", () => {
    leftBehind(SCHEMA + manyRows(1, 5));
    writeFileSync(path, "");
    expect(readImage(path).toBuffer()).toHaveLength(0);
    expect(bySqlite()).toContain("no such table");
  });

  test("what cannot be read whole", () => {
    leftBehind(SCHEMA + manyRows(1, 20));
    expect(() => readImage(path, { maxBytes: 8192 })).toThrowError(withCode("unsupported"));
    expect(() => readImage(join(folder, "none"))).toThrowError(withCode("not-found"));
    expect(() => readImage(folder)).toThrowError(withCode("not-a-file"));
  });

  test("readRemains takes a log whose main file is gone", () => {
    leftBehind(SCHEMA + manyRows(1, 5));
    rmSync(path);
    expect(() => readImage(path)).toThrowError(withCode("not-found"));
    expect(readRemains(path).wal.frames.length).toBeGreaterThan(2);
    rmSync(`${path}-wal`);
    expect(() => readRemains(path)).toThrowError(withCode("not-found"));
  });
});

describe("health", () => {
  const problemsOf = (count: number) => expect.objectContaining({ length: count });

  test("missing, empty, sound, not a database", () => {
    expect(checkFile(path)).toEqual({ status: "missing", problems: [] });
    writeFileSync(path, "");
    expect(checkFile(path)).toEqual({ status: "empty", problems: [] });
    writeFileSync(path, "plain text ".repeat(1000));
    expect(checkFile(path)).toEqual({ status: "not-a-database", problems: ["file is not a database"] });
    rmSync(path);
    leftBehind(SCHEMA + manyRows(1, 10));
    expect(checkFile(path)).toEqual({ status: "ok", problems: [] });
  });

  test("damaged in the middle, cut, and with an index that lies", () => {
    const db = SqliteDatabase.create(path);
    db.exec(`${SCHEMA}${manyRows(1, 300)}create index i on t (v)`);
    db.close();
    const sound = readFileSync(path);
    const middle = Buffer.from(sound);
    middle.fill(0x41, 8192, 16_384);
    writeFileSync(path, middle);
    expect(checkFile(path)).toEqual({ status: "corrupt", problems: expect.not.objectContaining({ length: 0 }) });
    writeFileSync(path, sound.subarray(0, sound.length / 2));
    expect(checkFile(path).status).toBe("corrupt");
    const lying = Buffer.from(sound);
    const at = lying.lastIndexOf("row 150");
    lying.write("wor", at);
    writeFileSync(path, lying);
    expect(checkFile(path).status).toBe("corrupt");
    expect(checkHealth(readImage(path), "quick")).toEqual({ status: "ok", problems: problemsOf(0) });
  });

  test("too large to be read whole: by its header", () => {
    const db = SqliteDatabase.create(path);
    db.exec(SCHEMA);
    db.close();
    expect(checkFile(path, { maxBytes: 100 })).toEqual({ status: "unchecked", problems: [] });
    writeFileSync(path, "no header ".repeat(100));
    expect(checkFile(path, { maxBytes: 100 }).status).toBe("not-a-database");
  });
});

describe("readWal", () => {
  test("frames after a broken one prove themselves", () => {
    leftBehind(`${SCHEMA}${manyRows(1, 10)}${manyRows(11, 30)}${manyRows(31, 60)}`);
    const wal = readFileSync(`${path}-wal`);
    const sound = readWal(wal).frames;
    expect(new Set(sound.map((frame) => frame.state))).toEqual(new Set(["committed"]));
    wal.fill(0, 32 + 2 * FRAME + 24, 32 + 3 * FRAME);
    const broken = readWal(wal).frames;
    // The frame after the broken one hangs on the checksum that the broken one still carries.
    expect(broken).toHaveLength(sound.length - 1);
    expect(broken[0]?.state).toBe("committed");
    expect(broken.slice(2).every((frame) => frame.state === "detached")).toBe(true);
  });

  test("a lost header costs the first frame", () => {
    leftBehind(SCHEMA + manyRows(1, 10));
    const wal = readFileSync(`${path}-wal`);
    const sound = readWal(wal).frames.length;
    wal.fill(0, 0, 32);
    const found = readWal(wal);
    expect([found.pageSize, found.frames.length]).toEqual([4096, sound - 1]);
    expect(new Set(found.frames.map((frame) => frame.state))).toEqual(new Set(["detached"]));
  });

  test("bytes that do not begin on a word boundary", () => {
    leftBehind(SCHEMA + manyRows(1, 10));
    const wal = readFileSync(`${path}-wal`);
    const shifted = Buffer.concat([Buffer.from([0]), wal]).subarray(1);
    expect(readWal(shifted).frames).toEqual(readWal(wal).frames);
  });

  test("any bytes are read without failing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(readWal(Buffer.from(bytes)).frames).toEqual([]);
      }),
    );
    appendFileSync(`${path}-wal`, "");
    expect(readWal(readFileSync(`${path}-wal`))).toMatchObject({ pageSize: 0, frames: [] });
  });
});

/** The same log as a machine with the other byte order would have written it. */
function asBigEndian(wal: Buffer): Buffer {
  const bytes = Buffer.from(wal);
  bytes.writeUInt32BE(0x377f0683, 0);
  let first = 0;
  let second = 0;
  const add = (from: number, to: number) => {
    for (let at = from; at < to; at += 8) {
      first = (first + bytes.readUInt32BE(at) + second) >>> 0;
      second = (second + bytes.readUInt32BE(at + 4) + first) >>> 0;
    }
  };
  const store = (at: number) => {
    bytes.writeUInt32BE(first, at);
    bytes.writeUInt32BE(second, at + 4);
  };
  add(0, 24);
  store(24);
  for (let at = 32; at + FRAME <= bytes.length; at += FRAME) {
    add(at, at + 8);
    add(at + 24, at + FRAME);
    store(at + 16);
  }
  return bytes;
}
