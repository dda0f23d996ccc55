/** In which turn a hit stands: records that name none belong to the one that was begun last, if it has not ended. */
import { RolloutError } from "../errors.ts";
import type { RolloutRecord } from "../format/record.ts";
import { readRollout } from "../readers/rollout.ts";
import { type Draft, turnIdOf } from "./search-hits.ts";

const TURN_KINDS: ReadonlySet<string> = new Set([
  "event_msg/task_started",
  "event_msg/task_complete",
  "event_msg/turn_aborted",
  "turn_context",
]);

/** For the hits of one file, in the order of its lines. @throws RolloutError as `readRollout` does. */
export function fillTurns(path: string, hits: readonly Draft[]): void {
  const open = hits.filter(({ turnId }) => turnId === undefined);
  if (open.length > 0 && !fillBackward(path, open)) fillForward(path, open);
}

/**
 * From the last hit back to what began or ended the turn of the first, mostly near. False where this cannot be told: a file that
 * is compressed or without lines, and hits in the very records that begin and end turns.
 */
function fillBackward(path: string, open: readonly Draft[]): boolean {
  if (path.endsWith(".zst") || open.some(({ kind, line }) => kind === "other" || line === 0)) return false;
  const from = { offset: open.at(-1)?.offset ?? 0, line: 0 };
  let waiting: Draft[] = [];
  let left = open.length;
  try {
    for (const entry of readRollout(path, { kinds: TURN_KINDS, order: "backward", from })) {
      if (!entry.ok) continue;
      for (; left > 0 && (open[left - 1] as Draft).offset > entry.position.offset; left -= 1)
        waiting.push(open[left - 1] as Draft);
      const turnId = turnIdOf(entry.record);
      if (!endsTurn(entry.record) && turnId === undefined) continue;
      if (!endsTurn(entry.record)) for (const hit of waiting) hit.turnId = turnId;
      waiting = [];
      if (left === 0) break;
    }
    return true;
  } catch (error) {
    if (error instanceof RolloutError && error.code === "unsupported") return false;
    throw error;
  }
}

function fillForward(path: string, open: readonly Draft[]): void {
  let at = 0;
  let turnId: string | undefined;
  for (const entry of readRollout(path, { kinds: TURN_KINDS })) {
    if (!entry.ok) continue;
    for (; at < open.length; at += 1) {
      const hit = open[at] as Draft;
      if (hit.line >= entry.position.line) break;
      hit.turnId = turnId;
    }
    if (at === open.length) return;
    turnId = endsTurn(entry.record) ? undefined : (turnIdOf(entry.record) ?? turnId);
  }
  for (; at < open.length; at += 1) (open[at] as Draft).turnId = turnId;
}

function endsTurn({ type, payload }: RolloutRecord): boolean {
  return type === "event_msg" && payload.type !== "task_started";
}
