/**
 * The homes that real Codex releases wrote, with what the real binaries answered about them, for tests.
 *
 * They are not part of this repository: `ROLLOUT_TOOL_CORPUS` names the folder of `<name>.tar.gz` archives, `../shared/corpus`
 * is where they are looked for otherwise. Without them the tests that need them are skipped, and one line says so.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { skipAloud, type ClientThread, type Row } from "./codex.ts";
import { removeScratch, scratchFolder } from "./scratch.ts";

export const CORPUS_NAMES = [
  "0.47.0",
  "0.77.0",
  "0.98.0",
  "0.128.0",
  "0.142.3",
  "0.142.3-zst",
  "0.169.0",
  "0.169.0-zst",
] as const;
export type CorpusName = (typeof CORPUS_NAMES)[number];

export interface Corpus {
  readonly name: CorpusName;
  /** Where it was unpacked; holds `home` and the oracles. A folder of the caller's own, to change and to remove. */
  readonly folder: string;
  readonly home: string;
  /** The folder that held `home` when it was written: the rollouts name `<writtenIn>/work` as their cwd. */
  readonly writtenIn: string;
  /** Label → thread id; threads that never got a file have none. */
  readonly threads: ReadonlyMap<string, string>;
  /** What the oracle of this home answered. */
  oracle<Name extends keyof Oracles>(name: Name): Oracles[Name];
  remove(): void;
}

export interface Rebuilt {
  readonly threads: readonly Row[];
  readonly thread_spawn_edges: readonly Row[];
  readonly backfill_state: readonly Row[];
  readonly migrations: readonly Row[];
}

export interface Turns {
  /** Label → thread, or the error that reading it gave. */
  readonly reads: Readonly<Record<string, ClientThread & { readonly error?: string }>>;
  readonly lists: Readonly<Record<"live" | "archived" | "all" | "dbonly", readonly ClientThread[]>>;
}

/** The documents beside a home, by their name without `.json`. */
export interface Oracles {
  readonly rebuilt: Rebuilt;
  readonly turns: Turns;
  /** By the release that wrote the home, where there is one. */
  readonly "thread-read": Turns["reads"];
}

/** Folder of the archives, or undefined, said aloud, when there is none. */
export function corpusFolder(): string | undefined {
  const folder = process.env["ROLLOUT_TOOL_CORPUS"] ?? join(import.meta.dirname, "../../../shared/corpus");
  if (existsSync(join(folder, "0.169.0.tar.gz"))) return folder;
  skipAloud("tests on homes of real releases: ROLLOUT_TOOL_CORPUS names no folder that holds them");
  return undefined;
}

/** Unpacks one into a temporary folder, modification times kept to the millisecond. */
export function unpackCorpus(name: CorpusName): Corpus {
  const archives = corpusFolder();
  if (archives === undefined) throw new Error("the corpus is not there");
  const folder = scratchFolder(`corpus-${name}`);
  execFileSync("tar", ["-xzf", join(archives, `${name}.tar.gz`), "--strip-components=1", "-C", folder]);
  const read = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), "utf8"));
  const manifest = read("manifest.json") as { home: string; threads: Record<string, { id?: string }> };
  const threads = new Map<string, string>();
  for (const [label, { id }] of Object.entries(manifest.threads)) if (id !== undefined) threads.set(label, id);
  return {
    name,
    folder,
    home: join(folder, "home"),
    writtenIn: manifest.home.replace(/\/home$/u, ""),
    threads,
    oracle: (file) => read(`${file}.json`) as never,
    remove: () => removeScratch(folder),
  };
}
