/** Ways in which a home of Codex gets damaged, each with what it takes away for good. */
import {
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { Rng } from "../../src/bench/rng.ts";
import { openDatabase } from "./database.ts";
import type { UserValue } from "./user-data.ts";

const PAGE_BYTES = 4096;
/** So that a run can be repeated. */
const SEED = 20_261_121;

/** What a damage may touch. */
export interface Scene {
  /** The home; a damage that moves it says so by giving back another. */
  readonly home: string;
  readonly file: string;
  /** The state database, checkpointed, without companions. */
  readonly database: string;
}

export interface Damage {
  readonly name: string;
  /** Damages the home; gives the values that were written before the damage, where it wrote some first. */
  readonly apply: (scene: Scene) => Damaged;
}

export interface Damaged {
  /** Where the home lies afterwards. */
  readonly home: string;
  /** True for a value that nobody can bring back. */
  readonly gone: (value: UserValue) => boolean;
  /** Turns cannot be compared: the projection that held them was damaged, and is made anew only by a resume. */
  readonly turnsGone?: boolean;
  /** Values that changed after the home was prepared, by the names that `userValues` gives them. */
  readonly changed?: ReadonlyMap<string, string>;
}

const NOTHING = (): boolean => false;
const EVERYTHING = (): boolean => true;

function on(scene: Scene, gone: Damaged["gone"]): Damaged {
  return { home: scene.home, gone };
}

/** Overwrites part of a file. */
function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const content = readFileSync(path);
  content.set(bytes, offset);
  writeFileSync(path, content);
}

function noise(bytes: number, seed = SEED): Buffer {
  const rng = new Rng(seed);
  const buffer = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at++) buffer[at] = rng.bits() & 0xff;
  return buffer;
}

interface PageInfo {
  readonly page: number;
  readonly name: string;
  readonly kind: string;
}

function pages(database: string): readonly PageInfo[] {
  // Not read-only: closing a writable connection leaves no `-wal` and `-shm` behind.
  const open = openDatabase(database);
  const rows = open.all(
    "SELECT pageno AS page, name, pagetype AS kind FROM dbstat ORDER BY pageno",
  ) as unknown as PageInfo[];
  open.close();
  return rows;
}

/** True for the values whose row lies on one of these pages: its key stands there. Asked before the damage. */
function onPages(scene: Scene, numbers: ReadonlySet<number>): Damaged["gone"] {
  const content = readFileSync(scene.database);
  const lost = pages(scene.database)
    .filter(({ page, kind }) => numbers.has(page) && kind !== "internal")
    .map(({ page, name }) => ({ name, bytes: content.subarray((page - 1) * PAGE_BYTES, page * PAGE_BYTES) }));
  return ({ table, key }) => lost.some(({ name, bytes }) => name === table && bytes.includes(key));
}

function garblePage(scene: Scene, choose: (page: PageInfo) => boolean, fill: (bytes: number) => Buffer): Damaged {
  const candidates = pages(scene.database).filter(choose);
  const { page } = new Rng(SEED).pick(candidates);
  const gone = onPages(scene, new Set([page]));
  overwrite(scene.database, (page - 1) * PAGE_BYTES, fill(PAGE_BYTES));
  return on(scene, gone);
}

function truncateTo(scene: Scene, keptPages: number): Damaged {
  const gone = onPages(scene, new Set(pages(scene.database).flatMap(({ page }) => (page > keptPages ? [page] : []))));
  truncateSync(scene.database, keptPages * PAGE_BYTES);
  return on(scene, gone);
}

function sql(scene: Scene, statement: string, gone: Damaged["gone"] = NOTHING): Damaged {
  const database = openDatabase(scene.database);
  database.script(`${statement}; PRAGMA wal_checkpoint(TRUNCATE)`);
  database.close();
  return on(scene, gone);
}

/** Renames threads in two transactions that stay in the `-wal`; gives the new values and the bytes of the log after each. */
function writeAhead(scene: Scene): {
  readonly changed: ReadonlyMap<string, string>;
  readonly early: ReadonlySet<string>;
  readonly firstBytes: number;
} {
  const database = openDatabase(scene.database);
  const wal = `${scene.database}-wal`;
  database.script("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
  const rows = database.all("SELECT id FROM threads ORDER BY id DESC LIMIT 12").map((row) => String(row["id"]));
  const changed = new Map<string, string>();
  const early = new Set<string>();
  let firstBytes = 0;
  [rows.slice(0, 6), rows.slice(6)].forEach((part, step) => {
    database.script("BEGIN");
    for (const id of part) {
      const value = 1_795_300_000_000 + changed.size;
      database.run(
        "UPDATE threads SET recency_at_ms = ?, recency_at = ? WHERE id = ?",
        value,
        Math.floor(value / 1000),
        id,
      );
      changed.set(`threads.recency_at_ms/${id}`, String(value));
      if (step === 0) early.add(id);
    }
    database.script("COMMIT");
    if (step === 0) firstBytes = readFileSync(wal).length;
  });
  // Closing would checkpoint; the files are put back as they were at this moment.
  for (const path of [scene.database, wal]) copyFileSync(path, `${path}.kept`);
  database.close();
  for (const path of [scene.database, wal]) renameSync(`${path}.kept`, path);
  rmSync(`${scene.database}-shm`, { force: true });
  return { changed, early, firstBytes };
}

/** Moves the whole content into the `-wal`, as Codex often leaves it: the main file is one page long. */
function allInWal(scene: Scene): void {
  const draft = `${scene.database}.draft`;
  const database = openDatabase(draft, { create: true });
  database.script(
    "PRAGMA auto_vacuum = 2; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = OFF",
  );
  database.run("ATTACH ? AS old", scene.database);
  const schema = database.all(
    "SELECT type, name, sql FROM old.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'",
  );
  database.script("BEGIN");
  for (const { type, name, sql: text } of schema.toSorted(
    (one, other) => Number(one["type"] !== "table") - Number(other["type"] !== "table"),
  )) {
    // Triggers come after all rows, or they would change what is copied.
    if (type === "table")
      database.script(`${String(text)}; INSERT INTO main."${String(name)}" SELECT * FROM old."${String(name)}"`);
    else database.script(String(text));
  }
  database.script("COMMIT");
  database.script("DETACH old");
  for (const end of ["", "-wal"]) copyFileSync(`${draft}${end}`, `${scene.database}${end}.kept`);
  database.close();
  for (const end of ["", "-wal"]) renameSync(`${scene.database}${end}.kept`, `${scene.database}${end}`);
  for (const end of ["", "-wal", "-shm"]) rmSync(`${draft}${end}`, { force: true });
}

function damageHistory(scene: Scene, change: (path: string) => void): Damaged {
  const path = join(scene.home, "thread_history_1.sqlite");
  const database = openDatabase(path);
  database.script("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
  change(path);
  return { ...on(scene, NOTHING), turnsGone: true };
}

const isThreadLeaf = ({ name, kind }: PageInfo): boolean => name === "threads" && kind === "leaf";
const isIndexLeaf = ({ name, kind }: PageInfo): boolean => name.startsWith("idx_threads_") && kind === "leaf";

export const DAMAGES: readonly Damage[] = [
  { name: "nothing", apply: (scene) => on(scene, NOTHING) },
  {
    name: "header zeroed",
    apply: (scene) => {
      overwrite(scene.database, 0, Buffer.alloc(100));
      return on(scene, NOTHING);
    },
  },
  { name: "page of threads overwritten", apply: (scene) => garblePage(scene, isThreadLeaf, noise) },
  { name: "page of threads zeroed", apply: (scene) => garblePage(scene, isThreadLeaf, (bytes) => Buffer.alloc(bytes)) },
  {
    name: "root page of threads overwritten",
    apply: (scene) => garblePage(scene, ({ name, kind }) => name === "threads" && kind === "internal", noise),
  },
  { name: "page of an index overwritten", apply: (scene) => garblePage(scene, isIndexLeaf, noise) },
  {
    name: "schema page overwritten",
    apply: (scene) => {
      overwrite(scene.database, 100, noise(PAGE_BYTES - 100));
      return on(scene, NOTHING);
    },
  },
  {
    name: "truncated to half",
    apply: (scene) => truncateTo(scene, Math.floor(readFileSync(scene.database).length / PAGE_BYTES / 2)),
  },
  { name: "truncated to one page", apply: (scene) => truncateTo(scene, 1) },
  {
    name: "zero length",
    apply: (scene) => {
      truncateSync(scene.database, 0);
      return on(scene, EVERYTHING);
    },
  },
  {
    name: "garbage of the same length",
    apply: (scene) => {
      writeFileSync(scene.database, noise(readFileSync(scene.database).length));
      return on(scene, EVERYTHING);
    },
  },
  {
    name: "a text file in its place",
    apply: (scene) => {
      writeFileSync(scene.database, "this is not a database\n");
      return on(scene, EVERYTHING);
    },
  },
  {
    name: "database deleted",
    apply: (scene) => {
      unlinkSync(scene.database);
      return on(scene, EVERYTHING);
    },
  },
  {
    name: "database and session index deleted",
    apply: (scene) => {
      unlinkSync(scene.database);
      unlinkSync(join(scene.home, "session_index.jsonl"));
      return on(scene, EVERYTHING);
    },
  },
  {
    name: "everything in the WAL, main file's header zeroed",
    apply: (scene) => {
      allInWal(scene);
      overwrite(scene.database, 0, Buffer.alloc(100));
      return on(scene, NOTHING);
    },
  },
  {
    name: "WAL overwritten",
    apply: (scene) => {
      const { changed } = writeAhead(scene);
      writeFileSync(`${scene.database}-wal`, noise(readFileSync(`${scene.database}-wal`).length));
      return {
        ...on(scene, (value) => changed.has(`threads.recency_at_ms/${value.key}`) && value.group === "recency"),
        changed,
      };
    },
  },
  {
    name: "WAL overwritten from its second transaction on",
    apply: (scene) => {
      const { changed, early, firstBytes } = writeAhead(scene);
      const wal = `${scene.database}-wal`;
      overwrite(wal, firstBytes, noise(readFileSync(wal).length - firstBytes));
      const late = (value: UserValue): boolean =>
        changed.has(`threads.recency_at_ms/${value.key}`) && !early.has(value.key);
      return { ...on(scene, (value) => value.group === "recency" && late(value)), changed };
    },
  },
  {
    name: "WAL deleted",
    apply: (scene) => {
      const { changed } = writeAhead(scene);
      unlinkSync(`${scene.database}-wal`);
      return {
        ...on(scene, (value) => changed.has(`threads.recency_at_ms/${value.key}`) && value.group === "recency"),
        changed,
      };
    },
  },
  {
    name: "backfill stuck at running",
    apply: (scene) =>
      sql(scene, "UPDATE backfill_state SET status = 'running', updated_at = CAST(strftime('%s', 'now') AS INTEGER)"),
  },
  {
    name: "migration row with a wrong checksum",
    apply: (scene) => sql(scene, "UPDATE _sqlx_migrations SET checksum = zeroblob(48) WHERE version = 20"),
  },
  {
    name: "migration row with success = 0",
    apply: (scene) => sql(scene, "UPDATE _sqlx_migrations SET success = 0 WHERE version = 20"),
  },
  { name: "migration rows deleted", apply: (scene) => sql(scene, "DELETE FROM _sqlx_migrations WHERE version > 10") },
  {
    name: "migration row of an unknown level (999)",
    apply: (scene) =>
      sql(scene, "INSERT INTO _sqlx_migrations VALUES (999, 'future', CURRENT_TIMESTAMP, 1, zeroblob(48), 1)"),
  },
  {
    name: "half of the rows of threads deleted",
    apply: (scene) => {
      const database = openDatabase(scene.database);
      const ids = new Set(database.all("SELECT id FROM threads WHERE rowid % 2 = 0").map((row) => String(row["id"])));
      database.close();
      const columns = new Set(["threads", "thread_attachments", "guardian_review_feedback"]);
      // With foreign keys on, as Codex has them, attachments and feedback go with their thread.
      return sql(
        scene,
        "PRAGMA foreign_keys = ON; DELETE FROM threads WHERE rowid % 2 = 0",
        ({ table, key, value }) => columns.has(table) && (ids.has(key) || [...ids].some((id) => value.includes(id))),
      );
    },
  },
  {
    name: "thread_history_1: header zeroed",
    apply: (scene) => damageHistory(scene, (path) => overwrite(path, 0, Buffer.alloc(100))),
  },
  {
    name: "thread_history_1: truncated to half",
    apply: (scene) =>
      damageHistory(scene, (path) => truncateSync(path, (readFileSync(path).length >> 13) * PAGE_BYTES)),
  },
  {
    name: "home moved",
    apply: (scene) => {
      const home = `${scene.home}-moved`;
      if (existsSync(home)) rmSync(home, { recursive: true });
      renameSync(scene.home, home);
      return { home, gone: NOTHING };
    },
  },
];
