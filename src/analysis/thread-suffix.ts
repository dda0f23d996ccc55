/**
 * The client's view of a paginated thread without going through all of it again: on from where a saved projection was left,
 * or of the end alone (rollout-format §8.3). Each line of such a file says for itself what it adds, so that both are cheap.
 *
 * Used by `open-thread.ts`; what the lines add is in `thread/turns-canonical.ts`.
 */
import { RolloutError } from "../errors.ts";
import type { Entry } from "../format/entry.ts";
import type { ChainPosition, LineageSegment } from "../readers/lineage.ts";
import { type Line, splitLines } from "../readers/lines.ts";
import { entryOfLine } from "../readers/part.ts";
import { openRollout } from "../readers/rollout.ts";
import type { Turns } from "../thread/items.ts";
import { type CanonicalState, CanonicalTurns, emptyProjection } from "../thread/turns-canonical.ts";

/** A projection and how far into the thread's own file it reaches: plain data, fit to be stored as JSON. */
export interface SavedTurns {
  readonly state: CanonicalState;
  /** Of the first line that is not in it yet; in plain bytes. */
  readonly offset: number;
  readonly line: number;
}

export interface ProjectedTurns {
  readonly turns: Turns;
  /** To go on from. A last line without its end is in `turns` and not in here: it may still become a longer one. */
  readonly saved: SavedTurns;
}

export interface SuffixTurns {
  /** The turns that began in the suffix. */
  readonly turns: Turns;
  /** Ids of turns that ended in the suffix, and did not begin in it. */
  readonly begunBefore: readonly string[];
}

/**
 * Goes on with a projection of a chain; what changes is its last file.
 * @throws RolloutError `mismatch` when the file is shorter than it was.
 */
export function projectOn(
  segments: readonly LineageSegment[],
  start: SavedTurns,
  view: { readonly isRunning: boolean },
): ProjectedTurns {
  const projection = new CanonicalTurns(start.state);
  let { offset, line } = start;
  let open: Entry | undefined;
  for (const { entry, terminated } of linesFrom(segments, start)) {
    if (!terminated) {
      open = entry;
      break;
    }
    projection.add(entry);
    offset = entry.position.offset + entry.position.length + 1;
    line += 1;
  }
  const saved = { state: projection.state(), offset, line };
  if (open !== undefined) projection.add(open);
  return { turns: projection.turns(view), saved };
}

/**
 * The turns that began at or behind an offset of the thread's own file, which need not be the start of a line. They are those
 * of the full projection where ordinals ascend and no turn id is used twice, as in all files that Codex writes.
 */
export function suffixTurns(
  segments: readonly LineageSegment[],
  offset: number,
  view: { readonly isRunning: boolean },
): SuffixTurns {
  const sources = segments.flatMap(({ meta }) => meta ?? []);
  const begun = new Set<string>();
  let projection: CanonicalTurns | undefined;
  const early: Entry[] = [];
  for (const { entry } of linesFrom(segments, { offset, line: 0 })) {
    noteStart(entry, begun);
    const ordinal = entry.ok ? entry.record.ordinal : undefined;
    if (projection === undefined && ordinal === undefined) early.push(entry);
    else {
      // What precedes the first ordinal that is met is not missing, but not looked at.
      projection ??= projectionFrom(ordinal ?? 0, sources, early);
      projection.add(entry);
    }
  }
  projection ??= projectionFrom(0, sources, early);
  return begunIn(projection.turns(view), begun);
}

function projectionFrom(nextOrdinal: number, sources: NonNullable<LineageSegment["meta"]>[], early: readonly Entry[]) {
  const projection = new CanonicalTurns({ ...emptyProjection({ sources }), nextOrdinal, hasMetadata: true });
  for (const entry of early) projection.add(entry);
  return projection;
}

function noteStart(entry: Entry, begun: Set<string>): void {
  if (!entry.ok || entry.record.type !== "event_msg") return;
  const { payload } = entry.record;
  if (payload.type === "task_started") begun.add(payload.turn_id);
}

function begunIn({ mode, turns, places, warnings }: Turns, begun: ReadonlySet<string>): SuffixTurns {
  return {
    turns: {
      mode,
      turns: turns.filter(({ id }) => begun.has(id)),
      places: places.filter((_, at) => begun.has(turns[at]?.id ?? "")),
      warnings,
    },
    begunBefore: turns.flatMap(({ id }) => (begun.has(id) ? [] : [id])),
  };
}

/** Lines that begin at or behind an offset of the last file. `line` is the number of the first one; 0 when it is not known. */
function* linesFrom(
  segments: readonly LineageSegment[],
  { offset, line }: Pick<SavedTurns, "offset" | "line">,
): Generator<{ readonly entry: Entry; readonly terminated: boolean }> {
  const { path } = segments.at(-1) as LineageSegment;
  const reader = openRollout(path, { checked: true });
  try {
    // From the byte before, since that tells whether a line begins here; up to its end nothing counts.
    const from = Math.max(0, offset - 1);
    let isInside = offset > 0;
    const first = line === 0 ? 0 : isInside ? line - 1 : line;
    for (const piece of splitLines(reader.forward(from), { offset: from, line: first })) {
      if (!isInside) yield { entry: placed(piece, segments.length, line > 0), terminated: piece.terminated };
      isInside = false;
    }
    if (isInside) {
      throw new RolloutError("mismatch", "the rollout is shorter than the offset that is asked for", { path, offset });
    }
  } finally {
    reader.close();
  }
}

/** As the stream of the whole chain has it (`open-thread.ts`). */
function placed(piece: Line, files: number, hasLine: boolean): Entry {
  const position: ChainPosition = {
    ...piece.position,
    ...(hasLine ? {} : { line: 0 }),
    ...(files > 1 ? { segment: files - 1 } : {}),
  };
  return entryOfLine({ ...piece, position });
}
