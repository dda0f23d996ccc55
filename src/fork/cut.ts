/** From what was asked for to the part of the source that is kept (rollout-format §7.1). */
import { RolloutError } from "../errors.ts";
import type { HistoryMode } from "../format/record.ts";
import type { CutEnd, OpenTurn, Point, SourceScan, TurnSpan } from "./scan.ts";
import type { ForkCut } from "./types.ts";

export interface KeptPart {
  /** The first line kept; undefined: from the beginning. */
  readonly start: Point | undefined;
  /** A line before `start` that is kept as well: the beginning of the turn that `start` lies in. */
  readonly lead: Point | undefined;
  /** Before which it ends; undefined: to the end. */
  readonly end: Point | undefined;
  /** The turn that is open at the end. */
  readonly open: OpenTurn | undefined;
  /** The model is told of the interruption: everywhere but before a message, where the turn has not begun for it. */
  readonly tellsModel: boolean;
  /** With a recorded beginning in what is kept; rolled-back ones do not count. */
  readonly turns: number;
}

/** @throws RolloutError `usage` for more than one cut; `not-found` for a turn that is not there; `unsupported` for one still open. */
export function keptPart(cut: ForkCut, scan: SourceScan, mode: HistoryMode): KeptPart {
  requireOneCut(cut);
  const whole = { start: undefined, lead: undefined, ...scan.whole, tellsModel: true };
  if (cut.lastTurn !== undefined) {
    return { ...whole, ...endOf(requireTurn(scan, cut.lastTurn), scan, mode, cut.lastTurn) };
  }
  if (cut.beforeTurn !== undefined) return { ...whole, ...beginOf(requireTurn(scan, cut.beforeTurn), cut.beforeTurn) };
  if (cut.lastTurns !== undefined) return { ...whole, ...fromLast(scan, cut.lastTurns) };
  const message = cut.beforeUserMessage === undefined ? undefined : scan.userMessages[cut.beforeUserMessage];
  return message === undefined ? whole : { ...whole, ...message, open: explicit(message.open), tellsModel: false };
}

function requireOneCut({ lastTurn, beforeTurn, lastTurns, beforeUserMessage }: ForkCut): void {
  const given = [lastTurn, beforeTurn, lastTurns, beforeUserMessage].filter((one) => one !== undefined);
  if (given.length > 1) throw new RolloutError("usage", "a fork has one cut: give only one of them");
}

/** A turn that nothing but a message tells of is not there before that message. */
function explicit(open: OpenTurn | undefined): OpenTurn | undefined {
  return open?.started === undefined ? undefined : open;
}

function requireTurn({ turn, turnWasRolledBack }: SourceScan, id: string): TurnSpan {
  if (turn !== undefined) return turn;
  if (turnWasRolledBack)
    throw new RolloutError("not-found", `the turn ${shown(id)} was rolled back in the source thread`);
  throw new RolloutError("not-found", `the source thread has no turn ${shown(id)} that its records tell of`, {
    hint: "rollout-tool turns lists them; where a release recorded none (before 0.101), --before-user-message cuts by messages",
  });
}

function beginOf({ begin }: TurnSpan, id: string): CutEnd {
  if (begin !== undefined) return begin;
  throw new RolloutError("unsupported", `of the turn ${shown(id)} only the end is recorded in the source thread`, {
    hint: "fork after it, or before another turn",
  });
}

/** A legacy copy takes along what stands between the end of the turn and the next one; a reference ends with the turn. */
function endOf(turn: TurnSpan, scan: SourceScan, mode: HistoryMode, id: string) {
  if (turn.behind === undefined) {
    throw new RolloutError("unsupported", `the turn ${shown(id)} has no end in the source thread`, {
      hint: "fork before it, or take the whole thread: an open last turn is then closed as interrupted",
    });
  }
  if (mode === "paginated") return turn.behind;
  return turn.next ?? scan.whole;
}

function shown(id: string): string {
  return JSON.stringify(id.slice(0, 64));
}

function fromLast({ boundaries, whole }: SourceScan, count: number): Partial<KeptPart> {
  const first = count === 0 ? undefined : (boundaries.at(-count) ?? boundaries[0]);
  if (first === undefined) return { end: BEGINNING, open: undefined, turns: 0 };
  return { start: first.start, lead: first.lead, turns: whole.turns - first.turnsBefore };
}

/** Before everything: nothing is kept. */
const BEGINNING: Point = { segment: 0, offset: 0, line: 1 };
