/**
 * The head of a rollout, and what of the file is another thread's: the three ways in which a fork is laid out, and where a
 * copied prefix ends (rollout-format §7). For every count over a home that must not count the same thing twice.
 */
import { RolloutError } from "../errors.ts";
import { parseUuid, uuidTimeMs } from "../format/names.ts";
import { historyModeOf, type RolloutRecord, type SessionMeta } from "../format/record.ts";
import type { RolloutFile } from "../readers/home.ts";
import { readRollout } from "../readers/rollout.ts";
import { type CopiedPrefix, copiedPrefix } from "../thread/copied-prefix.ts";
import { type FileFacts, factsOf } from "../thread/family-facts.ts";

/**
 * `own`: nothing of another thread. `reference`: continues another rollout where that lies, and copies nothing (§7.3).
 * `revert`: the same, of its own thread (§7.4). `copied-legacy`, `copied-paginated`: begins with a copy (§7.2, §7.5).
 */
export type ForkLayout = "own" | "reference" | "revert" | "copied-legacy" | "copied-paginated";

export interface FileHead {
  readonly file: RolloutFile;
  /** The first metadata; undefined where there is none. */
  readonly meta: SessionMeta | undefined;
  /** Undefined when neither metadata nor name say whose file it is. */
  readonly facts: FileFacts | undefined;
  readonly layout: ForkLayout;
}

export interface UnreadableFile {
  readonly path: string;
  /** One clause, safe to print. */
  readonly message: string;
}

/** Enough for the first two records of most files. */
const HEAD_BYTES = 64 * 1024;
/** Records that may stand before the metadata of a damaged file. */
const MAX_HEAD_ENTRIES = 64;

/** Reads the first records of a rollout. @throws RolloutError when it cannot be read. */
export function readFileHead(file: RolloutFile): FileHead {
  let meta: SessionMeta | undefined;
  let isFollowed = false;
  let entries = 0;
  for (const entry of readRollout(file.path, { chunkBytes: HEAD_BYTES, skipEmpty: true })) {
    if ((entries += 1) > MAX_HEAD_ENTRIES) break;
    if (!entry.ok) continue;
    if (entry.record.type !== "session_meta") {
      if (meta !== undefined) break;
      continue;
    }
    isFollowed = meta !== undefined && idOf(entry.record.payload.id) !== idOf(meta.id);
    if (meta !== undefined) break;
    meta = entry.record.payload;
  }
  const { archived, name, path, logicalPath } = file;
  const facts = factsOf({ path: logicalPath, archived, name, isCompressed: path !== logicalPath }, meta);
  return { file, meta, facts, layout: layoutOf(meta, facts, isFollowed) };
}

function layoutOf(meta: SessionMeta | undefined, facts: FileFacts | undefined, isFollowed: boolean): ForkLayout {
  if (meta === undefined || facts === undefined) return "own";
  if (facts.baseRolloutId !== undefined) return facts.forkedFromId === undefined ? "revert" : "reference";
  // An agent that begins without its parent's history is no copy, whatever its metadata hides.
  if (!isFollowed && facts.forkedFromId === undefined) return "own";
  return historyModeOf(meta) === "paginated" ? "copied-paginated" : "copied-legacy";
}

/** The thread a file belongs to; its path where nothing tells. */
export function threadOf({ facts, file }: FileHead): string {
  return facts?.threadId ?? file.logicalPath;
}

export interface Inherited {
  /** Plain offset of the first record of the thread's own; undefined where there is none. */
  readonly ownOffset: number | undefined;
  /** Where the copy itself begins: behind the thread's own metadata. */
  readonly copyOffset: number;
  /** The direct source first, its own source next. */
  readonly sources: readonly string[];
  /** `turns`: where the first turn begins that is younger than the thread; of files that Codex or this tool migrated. */
  readonly rule: CopiedPrefix["rule"] | "turns";
  /** False where the end of the copy is uncertain: no turn ids, and the source is not there to compare. */
  readonly isExact: boolean;
}

/**
 * Where the copied prefix of a file ends; undefined for a file that has none. `sourcePath` tells the file of a thread, if it is
 * at hand; it is read only where the records have no ids to go by (up to about 0.100).
 *
 * @throws RolloutError when the file cannot be read.
 */
export function inheritedPart(
  { file, facts, layout }: FileHead,
  sourcePath: (threadId: string) => string | undefined,
): Inherited | undefined {
  if (layout !== "copied-legacy" && layout !== "copied-paginated") return undefined;
  let prefix = copiedPrefix(readRollout(file.path, { skipEmpty: true }));
  if (!prefix.isExact) {
    const source = prefix.sources.map(sourcePath).find((path) => path !== undefined);
    if (source !== undefined) prefix = compared(file.path, source) ?? prefix;
  }
  if (prefix.sources.length === 0) return migratedPart(file.path, facts, prefix);
  return {
    ownOffset: prefix.rule === "untold" ? metaEnd(file.path) : prefix.own?.offset,
    copyOffset: metaEnd(file.path),
    sources: prefix.sources,
    rule: prefix.rule,
    isExact: prefix.isExact,
  };
}

/**
 * A migration drops the metadata of sources, and hides all that an agent ever wrote as if it were inherited (rollout-format §9.4). What
 * is whose is then told by turns alone. Without turns that have ids it is as the prefix says.
 */
function migratedPart(path: string, facts: FileFacts | undefined, prefix: CopiedPrefix): Inherited | undefined {
  const source = facts?.forkedFromId;
  if (source === undefined || prefix.entries === 0) return undefined;
  const ownMs = uuidTimeMs(facts?.threadId ?? "");
  let hasTurns = false;
  let ownOffset: number | undefined;
  for (const entry of readRollout(path, { kinds: TURNS, skipEmpty: true })) {
    const turnMs = uuidTimeMs(entry.ok ? turnIdOf(entry.record) : "");
    if (turnMs === undefined || ownMs === undefined) continue;
    hasTurns = true;
    if (turnMs < ownMs) continue;
    ownOffset = entry.position.offset;
    break;
  }
  if (!hasTurns && prefix.kind === "none") return undefined;
  return {
    ownOffset: hasTurns ? ownOffset : prefix.own?.offset,
    copyOffset: metaEnd(path),
    sources: [source],
    rule: hasTurns ? "turns" : prefix.rule,
    isExact: hasTurns || prefix.isExact,
  };
}

const TURNS: ReadonlySet<string> = new Set(["turn_context", "event_msg/task_started"]);

function turnIdOf({ type, payload }: RolloutRecord): string {
  if (type === "turn_context") return payload.turn_id ?? "";
  return type === "event_msg" && payload.type === "task_started" ? payload.turn_id : "";
}

function compared(path: string, source: string): CopiedPrefix | undefined {
  try {
    return copiedPrefix(readRollout(path, { skipEmpty: true }), readRollout(source, { skipEmpty: true }));
  } catch (error) {
    // A source that cannot be read is as good as none.
    if (error instanceof RolloutError && error.code !== "internal") return undefined;
    throw error;
  }
}

const META: ReadonlySet<string> = new Set(["session_meta"]);

function metaEnd(path: string): number {
  for (const { ok, position } of readRollout(path, { kinds: META, chunkBytes: HEAD_BYTES, skipEmpty: true })) {
    if (ok) return position.offset + position.length + 1;
  }
  return 0;
}

function idOf(text: string): string {
  return parseUuid(text) ?? text.toLowerCase();
}

export interface Heads {
  readonly heads: readonly FileHead[];
  readonly unreadable: readonly UnreadableFile[];
}

/** The heads of all files, in their order; what cannot be read is told beside. */
export function readHeads(files: readonly RolloutFile[]): Heads {
  const heads: FileHead[] = [];
  const unreadable: UnreadableFile[] = [];
  for (const file of files) {
    const head = attempt(file.logicalPath, () => readFileHead(file));
    if ("message" in head) unreadable.push(head);
    else heads.push(head);
  }
  return { heads, unreadable };
}

/** Runs a look at one file; what makes it unreadable becomes data. */
export function attempt<Value extends object>(path: string, look: () => Value): Value | UnreadableFile {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return { path, message: error.message };
  }
}

/** The newest file of each thread, by thread id. */
export function pathsByThread(heads: readonly FileHead[]): ReadonlyMap<string, string> {
  const newest = new Map<string, FileHead>();
  for (const head of heads) {
    const known = newest.get(threadOf(head));
    if ((known?.facts?.newness ?? "") <= (head.facts?.newness ?? "")) newest.set(threadOf(head), head);
  }
  return new Map([...newest].map(([id, { file }]) => [id, file.path]));
}
