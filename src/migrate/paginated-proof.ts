/**
 * What the proof of a migration to paginated form looks past, and why: the documented differences of docs/migrate.md. All else that
 * differs stops the file.
 */
import type { ProofView } from "../proof/differences.ts";
import { LEFT_OUT } from "../proof/proof.ts";
import type { ThreadItem, Turn } from "../thread/items.ts";
import type { ContextWindow } from "../thread/windows.ts";
import type { ConversionProof } from "./conversion.ts";
import type { OddTurns } from "./odd-turns.ts";

export interface ProofInput {
  readonly odd: OddTurns;
  /** Clients are shown nothing of what an agent has done so far. */
  readonly isAgent: boolean;
  /** A compaction says itself what is left of it. */
  readonly isRewritten: boolean;
  /** A rollback went back to the middle of a turn, whose beginning stays. */
  readonly isTurnCut: boolean;
  /** A checkpoint with a number, which in paginated threads cuts off all that precedes it (rollout-format §5.2 step 1). */
  readonly hasHardBase: boolean;
  /** Whether the record of a line was rolled back. */
  readonly isGone: (line: number) => boolean;
  /** Empty compactions at the start, which stand for ones that were rolled back. */
  readonly anchors: number;
}

export function paginatedProof(input: ProofInput): ConversionProof {
  const { odd, isAgent, anchors, isGone } = input;
  const leftOut = isAgent ? () => LEFT_OUT : undefined;
  const firstWindow = (window: ContextWindow): unknown => (anchors > 0 ? null : windowOf(window));
  return {
    before: {
      turn: leftOut ?? ((turn) => turnBefore(turn, odd)),
      window: (window, index) => {
        if (index > 0 && isGone(window.start?.line ?? 0)) return LEFT_OUT;
        return index === 0 ? firstWindow(window) : windowOf(window);
      },
    },
    after: {
      turn: leftOut ?? ((turn) => turnAfter(turn, odd)),
      window: (window, index) => {
        if (index > 0 && index <= anchors) return LEFT_OUT;
        return index === 0 ? firstWindow(window) : windowOf(window);
      },
    },
    allowance: (difference) => allowed(difference.view, input),
  };
}

/**
 * Settings and turn context are taken from the last turn of a user, and where no record begins a turn Codex takes all that there is
 * for one (rollout-format §5.2 step 2): settings come from the first context then, and with a rollback nothing is left.
 */
function allowed(view: ProofView, { odd, isRewritten, isTurnCut, hasHardBase }: ProofInput): string | undefined {
  if (odd.hasImplied && (view === "settings" || view === "reference"))
    return "turns that no record began count as turns now";
  if (view === "settings" && hasHardBase) return "a checkpoint cuts off what precedes it in paginated threads";
  if (isTurnCut && (view === "settings" || view === "reference" || view === "worldState"))
    return "a rollback went back to the middle of a turn, whose beginning counts now";
  if (view === "reference" && isRewritten) return "a compaction says itself what it left of the history";
  return undefined;
}

const IMPLIED = /^rollout-\d+$/;

function turnBefore(turn: Turn, odd: OddTurns): unknown {
  const isImplied = (IMPLIED.test(turn.id) && turn.startedAt === null) || odd.isImplied(turn.id);
  // One that holds a checkpoint alone shows nothing.
  if (odd.isOdd(turn.id) || (isImplied && turn.items.length === 0)) return LEFT_OUT;
  return comparable(turn, isImplied, turn.items);
}

function turnAfter(turn: Turn, odd: OddTurns): unknown {
  if (odd.isOdd(turn.id)) return LEFT_OUT;
  const items = turn.items.filter(({ id }) => !odd.isNew(turn.id, id));
  if (odd.isImplied(turn.id) && items.length === 0) return LEFT_OUT;
  return comparable(turn, odd.isImplied(turn.id), items);
}

/** Turns that nothing opened get an id and times; items get the time of their line. */
function comparable(turn: Turn, isImplied: boolean, items: readonly ThreadItem[]): unknown {
  const { id, startedAt, completedAt, ...rest } = turn;
  const own = isImplied ? {} : { id, startedAt, completedAt };
  return { ...rest, ...own, items: items.map(withoutTimes) };
}

/** Prompts of hooks without an id are named by the place of their record, which moves. */
function withoutTimes({ startedAtMs: _started, completedAtMs: _completed, ...item }: ThreadItem): unknown {
  return item.type === "hookPrompt" && item.id.startsWith("hook-prompt-") ? { ...item, id: "" } : item;
}

/** Not by its number, which is counted where a rollback took a compaction away; that of the last one is compared by itself. */
function windowOf({ id, firstId, previousId, isNumbered }: ContextWindow): unknown {
  return { id, firstId, previousId, isNumbered };
}
