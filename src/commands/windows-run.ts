/** What `rollout-tool windows` does: open the thread, walk over its compactions, print the chain. */
import type { OpenedThread } from "../analysis/open-thread.ts";
import type { ChainPosition } from "../readers/lineage.ts";
import { escapeText } from "../io/console.ts";
import type { Size } from "../thread/history.ts";
import type { ContextWindow } from "../thread/windows.ts";
import type { CommandContext, ExitCode } from "./command.ts";
import { damageMessages, jsonPlace, lookupMessages, openFor, type ThreadOptions } from "./history-open.ts";
import { printAnswer } from "./render.ts";
import { renderWindows, windowMessages } from "./windows-text.ts";

/** 1 when lines do not decode, so that windows may be missing, or items in them. */
export function runWindows(options: ThreadOptions, context: CommandContext): ExitCode {
  const thread = openFor(options, context);
  const { windows, defects } = thread.readWindows();
  printAnswer(context.stdout, options.json, options.json ? jsonAnswer(thread, windows) : undefined, () =>
    renderWindows(thread, windows, context),
  );
  context.stdout.flush();
  const messages = [...lookupMessages(thread), ...windowMessages(windows), ...damageMessages(thread, defects)];
  for (const message of messages) context.stderr.write(`${escapeText(message)}\n`);
  return defects.count > 0 ? 1 : 0;
}

function jsonAnswer(thread: OpenedThread, windows: readonly ContextWindow[]): unknown {
  return {
    thread_id: thread.id ?? null,
    path: thread.path,
    history_mode: thread.historyMode,
    files: thread.segments.map(({ logicalPath }) => logicalPath),
    windows: windows.map((window) => jsonWindow(thread, window)),
  };
}

function jsonWindow(thread: OpenedThread, window: ContextWindow) {
  const { compaction } = window;
  return {
    number: window.number,
    id: window.id ?? null,
    first_id: window.firstId ?? null,
    previous_id: window.previousId ?? null,
    /** False: the record does not number it, and it is one more than the one before. */
    is_numbered: window.isNumbered,
    cause: window.cause,
    start: jsonEnd(thread, window.start),
    /** The record that begins the next one; of the last window, the last record of the thread. */
    end: jsonEnd(thread, window.end),
    is_last: window.isLast,
    compaction:
      compaction === undefined ? null : { before: jsonSize(compaction.before), after: jsonSize(compaction.after) },
  };
}

function jsonEnd(thread: OpenedThread, place: ChainPosition | undefined) {
  return place === undefined ? null : jsonPlace(thread, place);
}

function jsonSize({ items, bytes }: Size) {
  return { items, bytes };
}
