/** Lines of `session_index.jsonl`: those of some threads taken out, or added to another home's (state-and-compression §5.4). */
import { closeSync } from "node:fs";
import { join } from "node:path";
import { type Look, lookAtPath, openSource } from "../compressor/files.ts";
import { parseUuid } from "../format/names.ts";
import { readAt, writeFully } from "../io/files.ts";
import type { Journal } from "../journal/journal.ts";
import type { Staged, Step } from "../journal/types.ts";
import { SESSION_INDEX } from "../readers/home.ts";

const NEWLINE = 10;

export interface NameLines {
  readonly path: string;
  /** Undefined when there is no file. */
  readonly look: Look | undefined;
  /** As they stand, each with its line end. */
  readonly own: readonly Buffer[];
  readonly others: readonly Buffer[];
}

/** @throws RolloutError `not-a-file` when it is a link: what it leads to is not written to. */
export function nameLines(codexHome: string, ids: ReadonlySet<string>): NameLines {
  const path = join(codexHome, SESSION_INDEX);
  if (lookAtPath(path) === undefined) return { path, look: undefined, own: [], others: [] };
  const { fd, look } = openSource(path);
  try {
    const bytes = Buffer.alloc(look.sizeBytes);
    const lines = [...linesOf(bytes.subarray(0, readAt(fd, bytes, 0, path)))];
    const isOwn = (line: Buffer): boolean => ids.has(idIn(line) ?? "");
    return { path, look, own: lines.filter(isOwn), others: lines.filter((line) => !isOwn(line)) };
  } finally {
    closeSync(fd);
  }
}

function* linesOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline + 1;
    yield bytes.subarray(start, end);
    start = end;
  }
}

function idIn(line: Buffer): string | undefined {
  try {
    const value: unknown = JSON.parse(line.toString("utf8"));
    const id = typeof value === "object" && value !== null && "id" in value ? value.id : undefined;
    return typeof id === "string" ? parseUuid(id) : undefined;
  } catch {
    return undefined;
  }
}

/** The file without the lines of these threads; nothing to do when there are none. */
export function withoutNames(journal: Journal, { path, look, own, others }: NameLines): readonly Step[] {
  if (look === undefined || own.length === 0) return [];
  return [{ kind: "replace", path, look, staged: stageLines(journal, path, others, look) }];
}

/** The file with these lines at its end, where the newest counts; the file, if there is none. */
export function withNames(
  journal: Journal,
  { path, look, own, others }: NameLines,
  added: readonly Buffer[],
): readonly Step[] {
  if (added.length === 0) return [];
  const staged = stageLines(journal, path, [...others, ...own, ...added], look);
  return [look === undefined ? { kind: "create", path, staged } : { kind: "replace", path, look, staged }];
}

/** A line that was cut off gets its end before another one follows. */
function stageLines(journal: Journal, path: string, lines: readonly Buffer[], look: Look | undefined): Staged {
  const write = (fd: number): void => {
    for (const [at, line] of lines.entries()) {
      writeFully(fd, line, null, path);
      if (line.at(-1) !== NEWLINE && at < lines.length - 1) writeFully(fd, Buffer.from("\n"), null, path);
    }
  };
  return look === undefined ? journal.stage(path, write) : journal.stage(path, write, look);
}
