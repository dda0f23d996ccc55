/**
 * Homes with forks, reverts and agents, and with broken ones of them: `fixtures/lineage/<case>/` holds a home, `case.json` (what
 * to read in it) and, unless that must fail, `expected.json`. The layouts are those that released binaries wrote, cut short.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { LineageFault } from "../../src/readers/lineage.ts";
import type { CopiedPrefix } from "../../src/thread/copied-prefix.ts";
import { ROOT } from "./sources.ts";

const FOLDER = join(ROOT, "fixtures", "lineage");

export interface LineageCase {
  readonly name: string;
  readonly title: string;
  readonly home: string;
  /** The thread to look up, or the file to read. */
  readonly thread?: string;
  readonly file?: string;
  readonly fault?: LineageFault;
}

export interface LineageExpected {
  /** `file: bytes from to, ordinals from to`, root first. */
  readonly segments: readonly string[];
  /** `segment:line kind ordinal` */
  readonly entries: readonly string[];
  /** Of the file of the thread. */
  readonly copied: CopiedPrefix;
  /** `id stem; session rule id; key rule key`, by id. */
  readonly family: readonly string[];
}

export function lineageCases(): readonly LineageCase[] {
  return readdirSync(FOLDER)
    .toSorted()
    .map((name) => ({
      name,
      home: join(FOLDER, name, "home"),
      ...(readJson(name, "case") as { readonly title: string }),
    }));
}

export function lineageCase(name: string): LineageCase {
  const found = lineageCases().find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`there is no case ${name}`);
  return found;
}

export function expectedOf({ name }: LineageCase): LineageExpected {
  return readJson(name, "expected") as LineageExpected;
}

function readJson(name: string, file: string): unknown {
  return JSON.parse(readFileSync(join(FOLDER, name, `${file}.json`), "utf8"));
}
