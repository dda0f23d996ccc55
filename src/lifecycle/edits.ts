/**
 * What has to change in rollouts when working folders have moved: the `cwd` of metadata, turns and settings, from which a resume takes
 * it, and, where that makes a file longer or shorter, the offsets by which others continue it (rollout-format §3.1, §3.2, §7.3). Only
 * these values get other bytes. What the model was shown stays as it was.
 */
import { parseUuid } from "../format/names.ts";
import { peekKind } from "../format/peek.ts";
import { readLines } from "../readers/rollout.ts";
import type { FolderMap } from "./cwd-map.ts";
import { memberSpan, type Span } from "./json-span.ts";
import type { OwnedRollout } from "./survey.ts";

/** Bytes of the plain stream that are replaced by others. */
export interface Edit {
  readonly offset: number;
  readonly length: number;
  readonly bytes: Buffer;
}

/** In the order of their offsets, none over another. */
export type Edits = readonly Edit[];

/** Where in each kind of line the folder stands. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  session_meta: ["payload", "cwd"],
  turn_context: ["payload", "cwd"],
  "event_msg/thread_settings_applied": ["payload", "thread_settings", "cwd"],
};

/** By logical path; those that stay as they are have none. @throws RolloutError when one cannot be read to its end. */
export function editsOf(rollouts: readonly OwnedRollout[], map: FolderMap): ReadonlyMap<string, Edits> {
  const byRollout = new Map(
    rollouts.flatMap((one) => (one.name === undefined ? [] : [[one.name.rolloutId, one] as const])),
  );
  const drafts = new Map(rollouts.map((rollout) => [rollout.logicalPath, draftOf(rollout, map)]));
  const edits = new Map<string, Edits>();
  for (const rollout of basesFirst(rollouts, byRollout)) {
    const { cwds, base } = drafts.get(rollout.logicalPath) ?? { cwds: [], base: undefined };
    const source = base === undefined ? undefined : byRollout.get(base.rolloutId);
    const shift =
      base === undefined || source === undefined ? 0 : shiftAt(edits.get(source.logicalPath) ?? [], base.endOffset);
    const moved = base === undefined || shift === 0 ? [] : [offsetEdit(base, shift)];
    const all = [...cwds, ...moved].toSorted((a, b) => a.offset - b.offset);
    if (all.length > 0) edits.set(rollout.logicalPath, all);
  }
  return edits;
}

interface Draft {
  readonly cwds: readonly Edit[];
  readonly base: BaseOffset | undefined;
}

/** Where the first metadata says how much of another file counts. */
interface BaseOffset {
  readonly rolloutId: string;
  readonly endOffset: number;
  readonly offset: number;
  readonly length: number;
}

function draftOf({ forms, facts }: OwnedRollout, map: FolderMap): Draft {
  const cwds: Edit[] = [];
  let base: BaseOffset | undefined;
  const [path = ""] = forms;
  for (const { bytes, position } of readLines(path, { select: isWanted })) {
    const kind = peekKind(bytes) ?? kindByParsing(bytes);
    const place = PLACES[kind ?? ""];
    if (place === undefined) continue;
    const edit = cwdEdit(bytes, position.offset, memberSpan(bytes, place), map);
    if (edit !== undefined) cwds.push(edit);
    if (kind === "session_meta" && base === undefined && facts?.baseRolloutId !== undefined) {
      base = baseOffset(bytes, position.offset, facts.baseRolloutId);
    }
  }
  return { cwds, base };
}

function isWanted(buffer: Buffer, start: number, end: number): boolean {
  const kind = peekKind(buffer, start, end);
  return kind === undefined || Object.hasOwn(PLACES, kind);
}

/** Of a line that begins in another way than all writers begin theirs. */
function kindByParsing(bytes: Buffer): string | undefined {
  try {
    const { type, payload } = JSON.parse(bytes.toString("utf8")) as { type?: unknown; payload?: { type?: unknown } };
    return type === "event_msg" ? `event_msg/${String(payload?.type)}` : String(type);
  } catch {
    return undefined;
  }
}

function cwdEdit(line: Buffer, offset: number, span: Span | undefined, map: FolderMap): Edit | undefined {
  if (span === undefined) return undefined;
  const value = valueIn(line, span);
  const moved = typeof value === "string" ? map(value) : undefined;
  if (moved === undefined || moved === value) return undefined;
  return { offset: offset + span.start, length: span.end - span.start, bytes: Buffer.from(JSON.stringify(moved)) };
}

function baseOffset(line: Buffer, offset: number, rolloutId: string): BaseOffset | undefined {
  const span = memberSpan(line, ["payload", "history_base", "end_byte_offset"]);
  const value = span === undefined ? undefined : valueIn(line, span);
  if (span === undefined || typeof value !== "number") return undefined;
  const id = parseUuid(rolloutId) ?? rolloutId;
  return { rolloutId: id, endOffset: value, offset: offset + span.start, length: span.end - span.start };
}

function valueIn(line: Buffer, { start, end }: Span): unknown {
  try {
    return JSON.parse(line.toString("utf8", start, end));
  } catch {
    return undefined;
  }
}

function offsetEdit({ endOffset, offset, length }: BaseOffset, shift: number): Edit {
  return { offset, length, bytes: Buffer.from(String(endOffset + shift)) };
}

/** By how much a place in the plain stream moves. */
export function shiftAt(edits: Edits, offset: number): number {
  return edits.reduce((sum, edit) => (edit.offset < offset ? sum + edit.bytes.length - edit.length : sum), 0);
}

/** What goes in a circle, which no Codex reads, comes in any order. */
function basesFirst(
  rollouts: readonly OwnedRollout[],
  byRollout: ReadonlyMap<string, OwnedRollout>,
): readonly OwnedRollout[] {
  const ordered = new Set<OwnedRollout>();
  for (const rollout of rollouts) {
    const chain = new Set<OwnedRollout>();
    for (let next: OwnedRollout | undefined = rollout; next !== undefined && !chain.has(next) && !ordered.has(next);) {
      chain.add(next);
      next = next.facts?.baseRolloutId === undefined ? undefined : byRollout.get(next.facts.baseRolloutId);
    }
    for (const one of [...chain].toReversed()) ordered.add(one);
  }
  return [...ordered];
}
