/** What `rollout-tool history` does: open the thread, replay it, print item by item, say how it was read. */
import type { OpenedThread, Reading, ThreadHistory } from "../analysis/open-thread.ts";
import { escapeText } from "../io/console.ts";
import { counted, formatBytes } from "../io/text.ts";
import type { RequestItem } from "../thread/normalize.ts";
import { type Omission, OMISSION_RULES } from "../thread/omission.ts";
import type { ThreadState } from "../thread/state.ts";
import type { CommandContext, ExitCode } from "./command.ts";
import { historyAt } from "./history-at.ts";
import { damageMessages, jsonLine, jsonPlace, lookupMessages, openFor, type ThreadOptions } from "./history-open.ts";
import { type HistoryLook, renderItems, renderOmissions, renderState, type Shortenings } from "./history-text.ts";

export interface HistoryCommandOptions extends ThreadOptions {
  readonly at: string | undefined;
  readonly asRequest: boolean;
  readonly explain: boolean;
  readonly fullReplay: boolean;
  readonly full: boolean;
}

/** 1 when lines that were read do not decode, so that items may be missing. */
export function runHistory(options: HistoryCommandOptions, context: CommandContext): ExitCode {
  const thread = openFor(options, context);
  const { explain, asRequest, fullReplay } = options;
  const how = { explain, asRequest, fullReplay };
  const history = options.at === undefined ? thread.history(how) : historyAt(thread, options.at, how);
  const { state, request } = history;
  const items = request?.items ?? state.history;
  const omissions = [...state.omissions, ...(request?.removed ?? [])];
  const shortenings: Shortenings = { count: 0 };
  const lines = options.json
    ? jsonLines(thread, history, items, omissions, explain)
    : textOf(thread, state, items, omissions, { ...context, full: options.full, explain }, shortenings);
  for (const line of lines) context.stdout.write(line);
  // Messages belong below the items, also where both go to one terminal.
  context.stdout.flush();
  const { defects } = history.reading;
  const messages = [...messagesOf(thread, history, items, shortenings), ...damageMessages(thread, defects)];
  for (const message of messages) context.stderr.write(`${escapeText(message)}\n`);
  return defects.count > 0 ? 1 : 0;
}

function* textOf(
  thread: OpenedThread,
  state: ThreadState,
  items: readonly RequestItem[],
  omissions: readonly Omission[],
  look: HistoryLook,
  shortenings: Shortenings,
): Generator<string> {
  yield* renderItems(thread, items, look, shortenings);
  if (!look.explain) return;
  yield* renderOmissions(thread, omissions, look);
  yield renderState(thread, state, look);
}

/** The items as they are; explained, each in a document that says where it is from, then what is left out, then the rest. */
function* jsonLines(
  thread: OpenedThread,
  { state, reading }: ThreadHistory,
  items: readonly RequestItem[],
  omissions: readonly Omission[],
  explain: boolean,
): Generator<string> {
  if (!explain) {
    for (const { item } of items) yield jsonLine(item);
    return;
  }
  for (const { item, origin, place, index } of items) {
    yield jsonLine({ kind: "item", ...jsonPlace(thread, place), origin, index: index ?? null, item });
  }
  for (const { place, index, what, rule } of omissions) {
    const { meaning, section } = OMISSION_RULES[rule];
    const why = { rule, meaning, section };
    yield jsonLine({ kind: "left_out", ...jsonPlace(thread, place), index: index ?? null, what, ...why });
  }
  yield jsonLine({ kind: "state", ...jsonState(thread, state), reading: jsonReading(reading) });
}

function jsonState({ id, segments }: OpenedThread, state: ThreadState) {
  const { previousTurnSettings: settings, window } = state;
  return {
    thread_id: id ?? null,
    files: segments.map(({ logicalPath }) => logicalPath),
    history_mode: state.historyMode ?? null,
    window: {
      number: window.number,
      id: window.id ?? null,
      first_id: window.firstId ?? null,
      previous_id: window.previousId ?? null,
    },
    previous_turn_settings:
      settings === undefined
        ? null
        : {
            model: settings.model,
            comp_hash: settings.compHash ?? null,
            realtime_active: settings.realtimeActive ?? null,
            cyber_access_program: settings.cyberAccessProgram ?? null,
          },
    reference_context: state.referenceContext ?? null,
    world_state_baseline: state.worldStateBaseline ?? null,
    last_started_turn_id: state.lastStartedTurnId ?? null,
  };
}

function jsonReading({ how, rule, reason, bytesRead, bytesTotal }: Reading) {
  return { how, rule: rule ?? null, reason: reason ?? null, bytes_read: bytesRead, bytes_total: bytesTotal };
}

function messagesOf(
  thread: OpenedThread,
  { reading, request }: ThreadHistory,
  items: readonly RequestItem[],
  shortenings: Shortenings,
): readonly string[] {
  const inserted = items.filter(({ origin }) => origin === "inserted").length;
  const removed = request?.removed.length ?? 0;
  const changes = [
    ...(inserted === 0 ? [] : [`${counted(inserted, "output")} made up`]),
    ...(removed === 0 ? [] : [`${counted(removed, "item")} removed`]),
  ];
  return [
    ...lookupMessages(thread),
    [counted(items.length, "item"), ...changes].join(", "),
    readingText(reading),
    ...(shortenings.count === 0 ? [] : [`${counted(shortenings.count, "text")} shortened (--full shows all)`]),
  ];
}

function readingText({ how, rule, reason, bytesRead, bytesTotal }: Reading): string {
  const total = formatBytes(bytesTotal);
  if (how === "fast") {
    // What is read twice counts twice, which in a small file can be more than there is.
    const share = bytesRead < bytesTotal ? `${formatBytes(bytesRead)} of ${total}` : total;
    return `read from the end back to the newest checkpoint, ${share}`;
  }
  if (reason === undefined || rule === undefined) return `read as a whole, ${total}`;
  const [, section = "", meaning = reason] = /^([^:]+): (.*)$/s.exec(reason) ?? [];
  return `read as a whole, ${total}: ${meaning} (${[rule, section].filter((part) => part !== "").join(", ")})`;
}
