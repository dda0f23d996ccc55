/**
 * What a benchmark is to measure on, as the user names it: threads and homes of his own, which are only ever read, and made-up
 * ones. Looked at before anything is copied, so that what cannot be measured, and what it would take, is said first; `make`
 * then puts it into a folder of the run's own.
 */
import { basename, isAbsolute, join, relative, resolve, sep } from "node:path";
import { existsSync, rmSync } from "node:fs";

import type { OpenedThread } from "../analysis/open-thread.ts";
import { decompressRun } from "../compressor/decompress.ts";
import { type MetaReason, readFirstMeta } from "../compressor/eligibility.ts";
import { RolloutError } from "../errors.ts";
import { compressedPath, parseRolloutName } from "../format/names.ts";
import { escapeText } from "../io/console.ts";
import { statOrUndefined } from "../io/files.ts";
import { formatBytes, formatCount } from "../io/text.ts";
import { openBytes } from "../readers/bytes.ts";
import { discoverRollouts, type RolloutFile } from "../readers/home.ts";
import { copyWithTimes, type MadeThread, toForm } from "./case-home.ts";
import { parseSynthetic, syntheticDiskBytes, writeSynthetic } from "./input.ts";

/** Something to measure on: `Made` is what it is once it lies in a folder of the run. */
export interface Source<Made> {
  /** What it is called in the names of cases; not yet told from others of that name. */
  readonly label: string;
  /** Plain, at most. */
  readonly bytes: number;
  /** `folder` must be empty. */
  readonly make: (folder: string) => Made;
}

export interface MadeHome {
  readonly home: string;
  /** `mixed`: some of its rollouts are plain, and some are archives. */
  readonly form: "plain" | "zst" | "mixed";
  readonly note?: string | undefined;
}

const LABEL_CHARACTERS = 60;

/** A text as part of a case's name: letters, digits and a few signs, none that a criterion or a terminal takes for its own. */
export function labelOf(text: string, otherwise: string): string {
  const plain = text.replaceAll(/[^\p{L}\p{M}\p{N}._:+@~-]+/gu, "-").replaceAll(/^[-.]+|[-.]+$/gu, "");
  return plain === "" ? otherwise : Array.from(plain).slice(0, LABEL_CHARACTERS).join("");
}

/** The same labels, those that were there before with a number: `home`, `home-2`. */
export function uniqueLabels(labels: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return labels.map((label) => {
    let unique = label;
    for (let number = 2; taken.has(unique); number += 1) unique = `${label}-${String(number)}`;
    taken.add(unique);
    return unique;
  });
}

/** `legacy:20MB`. @throws RolloutError `usage` */
export function syntheticSource(name: string, seed: number): Source<MadeThread> {
  const spec = parseSynthetic(name);
  return {
    label: labelOf(name, "synthetic"),
    bytes: syntheticDiskBytes(spec),
    make(folder) {
      const { main, threads, bytes } = writeSynthetic(folder, spec, seed);
      const { threadId, historyMode } = main;
      return { home: folder, threadId, historyMode, paths: threads.map(({ path }) => path), bytes };
    },
  };
}

/** The same as a home. @throws RolloutError `usage` */
export function syntheticHomeSource(name: string, seed: number): Source<MadeHome> {
  const { label, bytes, make } = syntheticSource(name, seed);
  return { label, bytes, make: (folder) => ({ home: make(folder).home, form: "plain" }) };
}

export interface SourceOptions {
  /** Archives are decoded to learn their size, but no further than this. */
  readonly mostBytes: number;
}

/**
 * A thread of the user's, with all files that it continues.
 * @throws RolloutError `unsupported`, `damaged` when Codex could not resume it or it could not be compressed.
 */
export function threadSource(
  thread: OpenedThread,
  codexHome: string,
  { mostBytes }: SourceOptions,
): Source<MadeThread> {
  const { id, segments, historyMode } = thread;
  for (const { path } of segments) requireMeta(path);
  if (id === undefined) throw new RolloutError("unsupported", "the rollout names no thread", { path: thread.file });
  const own = segments.at(-1);
  const files = segments.map((segment) => ({
    path: segment.path,
    target: placeBelow(codexHome, segment.logicalPath, segment === own),
  }));
  const sizes = segments.map(({ path }) => plainBytes(path, mostBytes));
  const broken = sizes.find(({ failure }) => failure !== undefined)?.failure;
  if (broken !== undefined) throw broken;
  const bytes = sizes.reduce((sum, size) => sum + size.bytes, 0);
  // Ids are known by their beginning, which threads of one moment share; their end is random.
  const label = labelOf(id.slice(-12), "thread");
  const count = files.length === 1 ? "1 file" : `${String(files.length)} files`;
  return {
    label,
    bytes,
    make(folder) {
      for (const { path, target } of files) {
        copyWithTimes(path, join(folder, path.endsWith(".zst") ? compressedPath(target) : target));
      }
      toForm(folder, "plain");
      const paths = files.map(({ target }) => target);
      const note = `thread ${id}, ${historyMode}, ${count} of ${formatBytes(bytes)}`;
      return { home: folder, threadId: id, historyMode, paths, bytes, note };
    },
  };
}

const META_FAULTS: Readonly<Record<MetaReason, string>> = {
  missing_metadata: "it has no metadata",
  invalid_history_mode: "its metadata names a history mode that is not known",
  response_before_metadata: "its metadata does not come first",
  invalid_name: "its name is not one that Codex gives to a rollout",
};

/** What has none is resumed by no Codex, and not compressed. */
function requireMeta(path: string): void {
  const isNamed = parseRolloutName(basename(path)) !== undefined;
  const meta = isNamed ? readFirstMeta(path) : "invalid_name";
  if (typeof meta === "object") return;
  throw new RolloutError("unsupported", `the rollout cannot be measured: ${META_FAULTS[meta]}`, {
    path,
    hint: isNamed ? undefined : "Measured is what is called rollout-<time>-<id>.jsonl or .jsonl.zst.",
  });
}

/** Where it lies in its home, or would lie. The thread itself is measured as an active one: Codex resumes no other. */
function placeBelow(codexHome: string, path: string, isActive: boolean): string {
  const inside = relative(codexHome, path);
  const isInside = inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
  const [root] = inside.split(sep);
  if (isInside && (root === "sessions" || (root === "archived_sessions" && !isActive))) return inside;
  const [year = "", month = "", day = ""] = basename(path).slice("rollout-".length).split(/[-T]/u);
  return join("sessions", year, month, day, basename(path));
}

interface PlainSize {
  readonly bytes: number;
  readonly failure?: RolloutError | undefined;
}

/** Of an archive what can be decoded, as far as it matters. */
function plainBytes(path: string, mostBytes: number): PlainSize {
  const reader = openBytes(path);
  try {
    if (reader.form === "plain") return { bytes: reader.sizeBytes };
    let bytes = 0;
    for (const chunk of reader.forward()) {
      bytes += chunk.length;
      if (bytes > mostBytes) break;
    }
    const { failure } = reader;
    if (failure === undefined) return { bytes };
    const { message, offset } = failure;
    return { bytes, failure: new RolloutError("damaged", `the archive breaks: ${message}`, { path, offset }) };
  } finally {
    reader.close();
  }
}

export interface HomeOptions extends SourceOptions {
  readonly cwd: string;
  /** Whether its archives are to be unpacked. */
  readonly isPlain: boolean;
}

/** All rollouts of a home of the user's. @throws RolloutError `not-found`, `not-a-file` where there is no home, or an empty one */
export function homeSource(text: string, { cwd, isPlain, mostBytes }: HomeOptions): Source<MadeHome> {
  const codexHome = resolve(cwd, text);
  const files = rolloutsOf(codexHome);
  const bytes = files.reduce((sum, { path, sizeBytes }) => {
    return sum + (isPlain && path.endsWith(".zst") ? plainBytes(path, mostBytes).bytes : sizeBytes);
  }, 0);
  return {
    label: labelOf(basename(codexHome), "home"),
    bytes,
    make(folder) {
      const copied = files.filter(({ path, relativePath }) => isCopied(path, join(folder, relativePath)));
      const lost = files.length - copied.length + (isPlain ? unpackAll(folder) : 0);
      const kept = files.length - lost;
      if (kept === 0) throw new RolloutError("unreadable", "none of its rollouts can be read", { path: codexHome });
      const archives = isPlain ? 0 : copied.filter(({ path }) => path.endsWith(".zst")).length;
      const form = archives === 0 ? "plain" : archives === kept ? "zst" : "mixed";
      const leftOut = lost === 0 ? "" : `; ${formatCount(lost)} more could not be read`;
      const note = `${formatCount(kept)} ${kept === 1 ? "rollout" : "rollouts"} of ${formatBytes(bytes)} in ${escapeText(text)}${leftOut}`;
      return { home: folder, form, note };
    },
  };
}

function rolloutsOf(codexHome: string): readonly RolloutFile[] {
  const stat = statOrUndefined(codexHome);
  const hint = "Name a folder that holds sessions or archived_sessions.";
  if (stat === undefined) throw new RolloutError("not-found", "there is no such home", { path: codexHome, hint });
  if (!stat.isDirectory()) throw new RolloutError("not-a-file", "this is no folder", { path: codexHome, hint });
  const files = discoverRollouts(codexHome).files.filter(({ name }) => name !== undefined);
  if (files.length > 0) return files;
  throw new RolloutError("not-found", "there are no rollouts in this home", { path: codexHome, hint });
}

/** What vanishes meanwhile, or cannot be read, is no reason to measure nothing. */
function isCopied(source: string, target: string): boolean {
  try {
    copyWithTimes(source, target);
    return true;
  } catch (error) {
    if (error instanceof RolloutError && (error.code === "not-found" || error.code === "unreadable")) return false;
    throw error;
  }
}

/** Says how many could not be unpacked; those are gone. */
function unpackAll(folder: string): number {
  const { files } = decompressRun({ what: { codexHome: folder, scope: "all" }, mode: "write", now: Date.now });
  const failed = files.map(({ path }) => compressedPath(path)).filter((path) => existsSync(path));
  for (const path of failed) rmSync(path);
  return failed.length;
}
