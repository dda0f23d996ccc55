/**
 * How `history`, `windows` and `turns` come by their thread, and how they tell places in it. A thread may lie in several
 * files; a place then says in which.
 */
import { resolve } from "node:path";
import { openThread, type OpenedThread } from "../analysis/open-thread.ts";
import type { DefectsMet, StartProgress } from "../analysis/thread-walk.ts";
import type { ChainPosition } from "../readers/lineage.ts";
import { RolloutError } from "../errors.ts";
import { counted, formatCount } from "../io/text.ts";
import { openHome } from "../readers/home.ts";
import { findByPath, looksLikePath, noteText } from "../readers/lookup.ts";
import type { CommandContext, GlobalOptions } from "./command.ts";
import { toJson } from "./render.ts";

export interface ThreadOptions extends GlobalOptions {
  readonly thread: string;
}

/** @throws RolloutError as `openThread`. */
export function openFor(options: ThreadOptions, context: CommandContext): OpenedThread {
  const { cwd, env } = context;
  const progress: StartProgress = (label, totalBytes) => context.progress(label, totalBytes, "bytes");
  const { codexHome, sqliteHome, thread } = options;
  try {
    const home = openHome({ codexHome, sqliteHome, sqliteHomeEnv: env["CODEX_SQLITE_HOME"] });
    return openThread(home, thread, { cwd, progress });
  } catch (error) {
    const lacksHome = error instanceof RolloutError && error.code === "not-found" && error.place.path === codexHome;
    if (lacksHome && looksLikePath(thread)) return openWithoutHome(options, resolve(cwd, thread), progress);
    throw error;
  }
}

/** A file given by its path needs no home. What it continues cannot be found then. */
function openWithoutHome({ codexHome }: ThreadOptions, path: string, progress: StartProgress): OpenedThread {
  if (findByPath(path) === undefined)
    throw new RolloutError("not-found", "there is no such rollout", { path, hint: "check the path" });
  return openThread({ codexHome, sqliteHome: codexHome, defaultProvider: "" }, path, { progress });
}

/** What was passed over on the way to the thread; one clause each. */
export function lookupMessages({ found }: OpenedThread): readonly string[] {
  return found.notes.map((note) => `passed over: ${noteText(note)}`);
}

export interface JsonPlace {
  /** The plain path, as every report shows it. */
  readonly path: string;
  /** 1-based; null where the file was read from its end, and in documents that have no lines. */
  readonly line: number | null;
  /** Of the plain text, in bytes. */
  readonly offset: number;
}

export function jsonPlace(thread: OpenedThread, place: ChainPosition): JsonPlace {
  const { logicalPath } = thread.segmentOf(place);
  return { path: logicalPath, line: place.line > 0 ? place.line : null, offset: place.offset };
}

/** `line 12, byte 3,456`; of a thread in several files `file 2` before it, as `fileLegend` counts them. */
export function placeText(thread: OpenedThread, place: ChainPosition): string {
  const file = thread.segments.length > 1 ? `file ${fileNumber(thread, place)}, ` : "";
  const line = place.line > 0 ? `line ${formatCount(place.line)}, ` : "";
  return `${file}${line}byte ${formatCount(place.offset)}`;
}

/** Number of the file that a place counts in, from 1, in the order of the chain. */
export function fileNumber({ segments }: OpenedThread, { segment = segments.length - 1 }: ChainPosition): number {
  return segment + 1;
}

/** Which file is which; nothing for a thread in one file. */
export function fileLegend({ segments }: OpenedThread): readonly string[] {
  return segments.length < 2 ? [] : segments.map(({ logicalPath }, at) => `file ${at + 1}: ${logicalPath}`);
}

/** For stderr: how many lines a view had to do without, and what is wrong with the first of them. */
export function damageMessages(thread: OpenedThread, { count, first }: DefectsMet): readonly string[] {
  if (first === undefined) return [];
  const { position, defect } = first;
  const where = `${placeText(thread, position)}: ${defect.message}`;
  return [`${counted(count, "line does", "lines do")} not decode, the first at ${where}`];
}

/** One line of JSON. Values nested so deeply that they cannot be printed are told as such. */
export function jsonLine(value: unknown): string {
  try {
    return `${toJson(value)}\n`;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return `${toJson({ unprintable: "nested too deeply, or too long" })}\n`;
  }
}
