/** Codex homes for tests: written into a temporary folder, looked at as a whole, indexed with short options. */
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { ReindexOptions } from "../../src/indexer/options.ts";
import { reindex } from "../../src/indexer/reindex.ts";
import type { ReindexReport } from "../../src/indexer/report.ts";
import { readImage } from "../../src/io/sqlite-image.ts";
import { SqliteDatabase, type SqlRow } from "../../src/io/sqlite.ts";
import { compressZstd } from "../../src/io/zstd.ts";
import { openHome } from "../../src/readers/home.ts";
import { FILE_MS } from "./lines.ts";

/** A folder of its own for each test of the file that calls this; resolved, so that paths compare as text. */
export function temporaryFolder(): { readonly path: string } {
  const folder = { path: "" };
  beforeEach(() => {
    folder.path = realpathSync(mkdtempSync(join(tmpdir(), "rollout-tool-")));
  });
  afterEach(() => rmSync(folder.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  return folder;
}

export interface FileSpec {
  readonly text: string | Buffer;
  readonly mtimeMs?: number;
}

/** Files by path relative to the home. A name that ends in `.zst` is compressed on the way. */
export type HomeSpec = Readonly<Record<string, string | Buffer | FileSpec>>;

/** Writes files below `home`; modification times are `FILE_MS` where the specification names none. */
export function writeHome(home: string, spec: HomeSpec): string {
  mkdirSync(home, { recursive: true });
  for (const [relative, entry] of Object.entries(spec)) {
    const { text, mtimeMs = FILE_MS }: FileSpec =
      typeof entry === "string" || Buffer.isBuffer(entry) ? { text: entry } : entry;
    const path = join(home, relative);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, relative.endsWith(".zst") && typeof text === "string" ? compressZstd(Buffer.from(text)) : text);
    setMtime(path, mtimeMs);
  }
  return home;
}

/** Half a microsecond more: times travel as floating seconds, and some file systems cut what they get. */
export function setMtime(path: string, mtimeMs: number): void {
  utimesSync(path, (mtimeMs + 0.0005) / 1000, (mtimeMs + 0.0005) / 1000);
}

/** Time at which the runs of these tests think they take place. */
export const NOW_MS = Date.parse("2025-12-01T00:00:00.000Z");

export const DEFAULTS: ReindexOptions = {
  rules: "best",
  level: undefined,
  mode: "write",
  force: false,
  rebuild: false,
  prune: false,
  allDatabases: false,
  thorough: false,
  lineEnds: "lf",
  now: () => NOW_MS,
};

export function runReindex(codexHome: string, changes: Partial<ReindexOptions> = {}): ReindexReport {
  return reindex(openHome({ codexHome }), { ...DEFAULTS, ...changes });
}

/** Rows of one table, read from the bytes of the file and its log: nothing is opened, nothing is left behind. */
export function readTable(home: string, table = "threads", order = "id"): readonly SqlRow[] {
  return query(home, `select * from "${table}" order by ${order}`);
}

export function query(home: string, sql: string, file = "state_5.sqlite"): readonly SqlRow[] {
  const db = SqliteDatabase.fromImage(readImage(join(home, file)).toBuffer());
  try {
    return db.all(sql);
  } finally {
    db.close();
  }
}

/** Changes a database as Codex would: by SQL, leaving no log behind. */
export function change(home: string, sql: string, file = "state_5.sqlite"): void {
  const db = SqliteDatabase.open(join(home, file));
  try {
    db.exec(sql);
    db.checkpoint();
  } finally {
    db.close();
  }
}

/** Every path below a folder with what it is: kind, size, time of change of content, and a digest of the bytes. */
export function snapshot(folder: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const relative of readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted()) {
    const path = join(folder, relative);
    const stat = lstatSync(path, { bigint: true });
    if (stat.isSymbolicLink()) found[relative] = `link to ${readlinkSync(path)}`;
    else if (stat.isDirectory()) found[relative] = "folder";
    else if (!stat.isFile()) found[relative] = "special";
    else found[relative] = `${stat.size} ${stat.mtimeNs} ${digest(path)}`;
  }
  return found;
}

function digest(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16);
}
