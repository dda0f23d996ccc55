/** The rows of turns and of their items, from a thread's view. */
import type { ChainPosition } from "../readers/lineage.ts";
import type { ItemPlace, ThreadItem, Turn, TurnPlace } from "../thread/items.ts";
import { finite, int32, lines, micros } from "./cells.ts";
import type { TableRow } from "./schema.ts";
import { inputText, isToolCall, itemTold } from "./tables-items.ts";
import type { ThreadView } from "./view-fold.ts";
import type { ExportThread } from "./threads.ts";

type IsInherited = (place: ChainPosition) => boolean;

/** A view, or the next turns of one that is made in parts, with the place of the turn behind them. */
export interface SomeTurns extends Pick<ThreadView, "notes" | "segments"> {
  readonly turns: Pick<ThreadView["turns"], "turns" | "places">;
}

/** What the user said first, in any turn. */
export function firstUserMessage(turns: readonly Turn[]): string | null {
  for (const { items } of turns) {
    const text = userText(items);
    if (text !== null) return text;
  }
  return null;
}

function userText(items: readonly ThreadItem[]): string | null {
  for (const item of items) {
    if (item.type !== "userMessage") continue;
    const typed = item.content.flatMap((input) => (input.type === "text" ? [inputText(input)] : []));
    if (typed.length > 0) return lines(typed);
  }
  return null;
}

export function* turnRows(
  thread: ExportThread,
  { turns: { turns, places }, notes }: SomeTurns,
  isInherited: IsInherited,
  firstIndex = 0,
): Generator<TableRow<"turns">> {
  for (const [index, turn] of turns.entries()) {
    const place = places[index] as TurnPlace;
    const inherited = isInherited(place.opened);
    const setting = notes.settingOf(turn.id, place, places[index + 1]);
    const answer = turn.items.findLast((item) => item.type === "agentMessage");
    yield {
      thread_id: thread.id,
      turn_id: turn.id,
      turn_index: firstIndex + index,
      inherited,
      status: turn.status === "inProgress" ? "in_progress" : turn.status,
      ...turnTimes(turn, place, inherited ? undefined : notes),
      first_token_ms: finite(notes.firstTokenMs(turn.id)),
      model: setting?.model ?? null,
      effort: setting?.effort ?? null,
      items: turn.items.length,
      tool_calls: turn.items.filter(isToolCall).length,
      user_message: userText(turn.items),
      agent_message: answer?.text ?? null,
    };
  }
}

type TurnTimes = Pick<TableRow<"turns">, "started_at" | "completed_at" | "duration_ms" | "duration_derived">;

/** As recorded, else by the lines; those of a copy were all written at one time, so that it comes without notes. */
function turnTimes(turn: Turn, place: TurnPlace, notes: ThreadView["notes"] | undefined): TurnTimes {
  const end = place.ended ?? (turn.status === "completed" ? place.items.at(-1)?.last : undefined);
  const openedMs = notes?.times.at(place.opened);
  const endedMs = end && notes?.times.at(end);
  const derivedMs = openedMs === undefined || endedMs === undefined ? undefined : endedMs - openedMs;
  const isDerived = turn.durationMs === null && derivedMs !== undefined && derivedMs >= 0;
  return {
    started_at: micros(msOf(turn.startedAt) ?? openedMs),
    completed_at: micros(msOf(turn.completedAt) ?? endedMs),
    duration_ms: isDerived ? derivedMs : finite(turn.durationMs),
    duration_derived: isDerived,
  };
}

function msOf(seconds: number | null): number | undefined {
  return seconds === null ? undefined : seconds * 1000;
}

export function* itemRows(
  thread: ExportThread,
  { turns: { turns, places }, notes, segments }: SomeTurns,
  isInherited: IsInherited,
): Generator<TableRow<"items">> {
  const paths = segments.map(({ logicalPath }) => thread.relativePathOf(logicalPath));
  for (const [turnIndex, { id: turnId, items }] of turns.entries()) {
    const { items: itemPlaces } = places[turnIndex] as TurnPlace;
    for (const [index, item] of items.entries()) {
      const { first, last } = itemPlaces[index] as ItemPlace;
      const inherited = isInherited(first);
      const told = itemTold(item);
      yield {
        thread_id: thread.id,
        turn_id: turnId,
        item_id: item.id,
        item_index: index,
        inherited,
        type: item.type,
        started_at: micros(item.startedAtMs),
        completed_at: micros(item.completedAtMs ?? (inherited ? undefined : notes.times.at(last))),
        status: told.status ?? null,
        exit_code: int32(told.exitCode),
        duration_ms: finite(told.durationMs),
        tool: told.tool ?? null,
        text: told.text ?? null,
        output: told.output ?? null,
        path: paths[(first as ChainPosition).segment ?? segments.length - 1] ?? "",
        line: first.line,
        offset: first.offset,
      };
    }
  }
}
