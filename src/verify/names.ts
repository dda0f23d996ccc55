/** `session_index.jsonl` line by line, and whether the threads that it names are there (state-and-compression §5.4). */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { isJsonObject } from "../format/json.ts";
import { parseUuid } from "../format/names.ts";
import { openBytes } from "../readers/bytes.ts";
import { SESSION_INDEX } from "../readers/home.ts";
import { splitLines } from "../readers/lines.ts";
import type { Tell } from "./findings.ts";

/** Longer lines cannot be names. */
export const MAX_NAME_LINE_BYTES = 1024 * 1024;

/** `threads` are the ids of all rollouts; undefined where not all are known. */
export function checkNames(codexHome: string, threads: ReadonlySet<string> | undefined, tell: Tell): void {
  const path = join(codexHome, SESSION_INDEX);
  const named = new Map<string, { readonly line: number; readonly offset: number }>();
  try {
    const reader = openBytes(path);
    try {
      for (const line of splitLines(reader.forward(), { maxLineBytes: MAX_NAME_LINE_BYTES, skipEmpty: true })) {
        const { line: number, offset } = line.position;
        const id = line.tooLong === true ? undefined : namedThread(line.bytes.toString("utf8"));
        if (id === undefined) tell("name-malformed", { path, line: number, offset });
        else named.set(id, { line: number, offset });
      }
    } finally {
      reader.close();
    }
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    if (error.code !== "not-found") tell("file-unreadable", { path }, error.message);
  }
  for (const [threadId, at] of named) {
    if (threads?.has(threadId) === false) tell("name-without-thread", { path, ...at, threadId });
  }
}

/** The thread that an entry names; undefined for a line that is none. */
export function namedThread(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isJsonObject(value) || typeof value["thread_name"] !== "string") return undefined;
    return typeof value["id"] === "string" ? parseUuid(value["id"]) : undefined;
  } catch {
    return undefined;
  }
}
