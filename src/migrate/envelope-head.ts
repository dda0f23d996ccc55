/** What a rollout of early 2025 says of itself, and what has to be found elsewhere, since today's metadata needs it (rollout-format §3.1). */
import { basename } from "node:path";
import { RolloutError } from "../errors.ts";
import { userWrapperOf } from "../format/contextual.ts";
import { isJsonObject, type JsonObject, type JsonValue, parseObject } from "../format/json.ts";
import { parseTimestamp, parseUuid, stampToMs } from "../format/names.ts";
import { isOtherItem, type MessageItem } from "../format/response-item.ts";
import { statOrUndefined } from "../io/files.ts";
import type { Source } from "./conversion.ts";
import { partsOf } from "./envelope-parts.ts";

export interface Head {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** As the old metadata has it; undefined where it has none that can be read. */
  readonly timestamp: string | undefined;
  readonly cwd: string;
  readonly git: JsonObject | undefined;
  /** Undefined when there are none, or an item holds them anyway. */
  readonly instructions: string | undefined;
  /** The same, wherever else they are. */
  readonly allInstructions: string | undefined;
  /** What was not said in the file, as clauses. */
  readonly notes: readonly string[];
}

/** @throws RolloutError `unsupported` for a file that nothing gives an id for. */
export function headOf(source: Source, userHome: string): Head {
  const found = search(source);
  const notes: string[] = [];
  const named = nameOf(source.path);
  const id = parseUuid(textOr(found.meta["id"], "")) ?? named.id;
  if (id === undefined) {
    throw new RolloutError("unsupported", "neither the rollout nor its name tells the id of the thread", {
      path: source.path,
      hint: "rename it to rollout-<date>-<uuid> and try again",
    });
  }
  if (parseUuid(textOr(found.meta["id"], "")) === undefined) notes.push("the id is that of the file's name");
  const timestamp = textOr(found.meta["timestamp"], "");
  const ownMs = parseTimestamp(timestamp);
  const timeMs = ownMs ?? named.timeMs ?? Math.floor(statOrUndefined(source.path)?.mtimeMs ?? 0);
  if (ownMs === undefined)
    notes.push(`the time is that of the file${named.timeMs === undefined ? "'s last change" : "'s name"}`);
  if (found.cwd === undefined) notes.push("nothing tells the working folder: the user's home folder is put down");
  const { instructions, hasInstructionItem } = found;
  return {
    id,
    timeMs,
    timestamp: ownMs === undefined ? undefined : timestamp,
    cwd: found.cwd ?? userHome,
    git: gitOf(found.meta["git"]),
    instructions: hasInstructionItem ? undefined : instructions,
    allInstructions: instructions,
    notes,
  };
}

interface Found {
  readonly meta: JsonObject;
  readonly instructions: string | undefined;
  readonly hasInstructionItem: boolean;
  readonly cwd: string | undefined;
}

/** The metadata comes first, and the environment as a rule soon after; where it is missing, the whole file is searched. */
function search(source: Source): Found {
  let meta: JsonObject | undefined;
  let hasInstructionItem = false;
  let cwd: string | undefined;
  for (const part of partsOf(source)) {
    const { entry } = part;
    if (meta === undefined && (!entry.ok || entry.record.type === "session_meta")) meta = metaOf(part.bytes());
    if (!entry.ok || entry.record.type !== "response_item") continue;
    const item = entry.record.payload;
    if (isOtherItem(item) || item.type !== "message" || item.role !== "user") continue;
    for (const text of textsOf(item)) {
      const wrapper = userWrapperOf(text, "0.40.0") ?? userWrapperOf(text);
      if (wrapper === "user_instructions" || wrapper === "agents_md") hasInstructionItem = true;
      if (wrapper === "environment_context") cwd = folderIn(text);
    }
    if (cwd !== undefined && meta !== undefined) break;
  }
  const instructions = textOr(meta?.["instructions"], "");
  return { meta: meta ?? {}, instructions: instructions === "" ? undefined : instructions, hasInstructionItem, cwd };
}

/** The members of a line that may well be metadata which today's format refuses. */
function metaOf(bytes: Buffer): JsonObject | undefined {
  const value = parseObject(bytes.toString("utf8").replace(/^\ufeff/, ""));
  const isMeta = !("type" in value) && !("record_type" in value) && ("id" in value || "timestamp" in value);
  return isMeta ? value : undefined;
}

export function textsOf({ content }: MessageItem): string[] {
  return content.flatMap((part) => ("text" in part ? [part.text] : []));
}

/** Releases up to about 0.22 wrote it in words, later ones as an element. */
function folderIn(text: string): string | undefined {
  const folder = (/<cwd>([^<\n]*)<\/cwd>/.exec(text) ?? /^Current working directory: (.*)$/m.exec(text))?.[1]?.trim();
  if (folder === undefined || folder.includes("\0")) return undefined;
  return /^(?:\/|[A-Za-z]:[\\/]|\\\\)/.test(folder) ? folder : undefined;
}

function gitOf(value: JsonValue | undefined): JsonObject | undefined {
  if (!isJsonObject(value)) return undefined;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => typeof member === "string"));
}

/** Documents are named by day (`rollout-YYYY-MM-DD-<uuid>.json`), others by second. */
function nameOf(path: string): { readonly id: string | undefined; readonly timeMs: number | undefined } {
  const [, day, time, id] =
    /^rollout-(\d{4}-\d{2}-\d{2})(T\d{2}-\d{2}-\d{2})?-(.+?)\.jsonl?(?:\.zst)?$/.exec(basename(path)) ?? [];
  if (day === undefined || id === undefined) return { id: undefined, timeMs: undefined };
  return { id: parseUuid(id), timeMs: stampToMs(`${day}${time ?? "T00-00-00"}`) };
}

function textOr(value: JsonValue | undefined, fallback: string): string {
  return typeof value === "string" ? value : fallback;
}
