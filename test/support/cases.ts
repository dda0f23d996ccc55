/**
 * The reference cases of state-and-compression §2.15 as files: `fixtures/index/case-NN/` holds a home, `case.json` (times
 * and links, which git does not keep) and `expected.json` (the rows that real releases made of it, and what the rules
 * `best` change in them).
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SqlRow } from "../../src/io/sqlite.ts";
import { setMtime } from "./homes.ts";
import { FILE_MS } from "./lines.ts";
import { ROOT } from "./sources.ts";

const FOLDER = join(ROOT, "fixtures", "index");

export interface IndexCase {
  /** As in the reference: `01` to `36`. */
  readonly number: string;
  readonly title: string;
  readonly folder: string;
}

interface CaseFile {
  readonly title: string;
  /** Modification times by path relative to the home, where they are not the usual one. */
  readonly mtimes?: Readonly<Record<string, string>>;
  /** Folders and symbolic links beside the home. */
  readonly folders?: readonly string[];
  readonly links?: Readonly<Record<string, string>>;
}

/** Columns that are NULL are left out; `$CASE` stands for the folder that the case was unpacked to. */
export type ExpectedRow = SqlRow;

export interface ExpectedIndex {
  readonly threads: readonly ExpectedRow[];
  readonly edges: readonly ExpectedRow[];
}

export interface Expected {
  /** Made by the released binaries. */
  readonly "0.169.0": ExpectedIndex;
  readonly "0.142.3": ExpectedIndex;
  /** By thread id: columns that the rules `best` give another value than 0.169.0 does. */
  readonly best: Readonly<Record<string, ExpectedRow>>;
}

export function listCases(): readonly IndexCase[] {
  return readdirSync(FOLDER)
    .filter((name) => name.startsWith("case-"))
    .toSorted()
    .map((name) => ({ number: name.slice(5), title: readCase(name).title, folder: join(FOLDER, name) }));
}

function readCase(name: string): CaseFile {
  return JSON.parse(readFileSync(join(FOLDER, name, "case.json"), "utf8")) as CaseFile;
}

/** Copies the case's home to `target/home`, sets its times, and makes what stands beside it. Gives the home. */
export function unpackCase({ number, folder }: IndexCase, target: string): string {
  const { mtimes = {}, folders = [], links = {} } = readCase(`case-${number}`);
  const home = join(target, "home");
  cpSync(join(folder, "home"), home, { recursive: true });
  for (const name of folders) mkdirSync(join(target, name));
  for (const [name, aim] of Object.entries(links)) symlinkSync(aim, join(target, name));
  for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    if (bytes.includes("$CASE")) writeFileSync(path, bytes.toString("utf8").replaceAll("$CASE", target));
    const mtime = mtimes[path.slice(home.length + 1)];
    setMtime(path, mtime === undefined ? FILE_MS : Date.parse(mtime));
  }
  return home;
}

export function readExpected({ folder }: IndexCase): Expected {
  return JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Expected;
}

/** Writes parts of `expected.json` anew, for whoever has looked at what changes in it. */
export function record(found: IndexCase, part: Partial<Expected>): void {
  const path = join(found.folder, "expected.json");
  const known = existsSync(path) ? readExpected(found) : {};
  const { "0.169.0": newest, "0.142.3": older, best }: Partial<Expected> = { ...known, ...part };
  writeFileSync(path, `${JSON.stringify({ "0.169.0": newest, "0.142.3": older, best }, null, 2)}\n`);
}

/** A row as it stands in `expected.json`. */
export function expectedForm(row: SqlRow, target: string): ExpectedRow {
  const kept = Object.entries(row).filter(([, value]) => value !== null);
  return Object.fromEntries(
    kept.map(([column, value]) => [column, typeof value === "string" ? value.replaceAll(target, "$CASE") : value]),
  );
}
