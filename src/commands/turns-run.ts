/** What `rollout-tool turns` does: open the thread, project its turns, print turn by turn. */
import type { OpenedThread } from "../analysis/open-thread.ts";
import { RolloutError } from "../errors.ts";
import { escapeText } from "../io/console.ts";
import type { Position } from "../format/entry.ts";
import type { Turn, TurnPlace, Turns } from "../thread/items.ts";
import type { CommandContext, ExitCode } from "./command.ts";
import { jsonLine, jsonPlace, lookupMessages, openFor, type ThreadOptions } from "./history-open.ts";
import { quote } from "./options.ts";
import { renderTurn, turnMessages } from "./turns-text.ts";

export interface TurnsCommandOptions extends ThreadOptions {
  readonly items: boolean;
  readonly turn: string | undefined;
}

/** 1 when records had to be passed over, so that turns or items may be missing. */
export function runTurns(options: TurnsCommandOptions, context: CommandContext): ExitCode {
  const thread = openFor(options, context);
  const view = thread.turns();
  const shown =
    options.turn === undefined ? view.turns.map((_turn, at) => at) : [chosenTurn(view, options.turn, thread)];
  const look = { ...context, items: options.items, columns: context.columns };
  for (const [index, at] of shown.entries()) {
    const turn = view.turns[at] as Turn;
    const place = view.places[at] as TurnPlace;
    if (options.json) context.stdout.write(jsonLine(jsonTurn(thread, turn, place)));
    else context.stdout.write((index === 0 ? "" : "\n") + renderTurn(turn, at + 1, view.turns.length, look));
  }
  // Messages belong below the turns, also where both go to one terminal.
  context.stdout.flush();
  for (const message of [...lookupMessages(thread), ...turnMessages(thread, view)])
    context.stderr.write(`${escapeText(message)}\n`);
  return view.warnings.length > 0 ? 1 : 0;
}

/** Shorter beginnings of an id are not looked up. */
const MIN_PREFIX = 4;
const SHOWN = 8;

/** An id wins over the beginning of one, that over a number, from 1. */
function chosenTurn({ turns }: Turns, text: string, { id, path }: OpenedThread): number {
  const at = turns.findIndex((turn) => turn.id === text);
  if (at >= 0) return at;
  const fitting =
    text.length < MIN_PREFIX ? [] : turns.flatMap((turn, index) => (turn.id.startsWith(text) ? [index] : []));
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  if (only !== undefined) {
    throw new RolloutError("ambiguous", `${quote(text)} fits ${fitting.length} turns`, {
      hint: `give more of the id: ${shownIds(fitting.map((index) => turns[index]?.id ?? ""))}`,
    });
  }
  const number = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= turns.length) return number - 1;
  const numbered =
    turns.length === 0 ? "it has none" : `it has ${turns.length}: ${shownIds(turns.map((turn) => turn.id))}`;
  throw new RolloutError("not-found", `the thread ${id ?? quote(path)} shows no turn ${quote(text)}`, {
    hint: numbered,
  });
}

function shownIds(ids: readonly string[]): string {
  return [
    ...ids.slice(0, SHOWN).map((id) => (id.length > 64 ? `${id.slice(0, 63)}…` : id)),
    ...(ids.length > SHOWN ? ["…"] : []),
  ].join(", ");
}

/** As `thread/read` gives it, and where it is from. */
function jsonTurn(thread: OpenedThread, turn: Turn, place: TurnPlace) {
  const at = (position: Position) => jsonPlace(thread, position);
  const { opened, ended, items } = place;
  return {
    ...turn,
    place: {
      opened: at(opened),
      ended: ended === undefined ? null : at(ended),
      items: items.map(({ first, last }) => ({ first: at(first), last: at(last) })),
    },
  };
}
