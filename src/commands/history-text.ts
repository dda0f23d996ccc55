/**
 * A thread's history for people: each item under a heading of its own, and with `--explain` where it comes from and what is
 * left out. Every text of the rollout is escaped and indented, so that none can pass for a heading.
 */
import type { OpenedThread } from "../analysis/open-thread.ts";
import { escapeText } from "../io/console.ts";
import { fitText, formatCount, padText } from "../io/text.ts";
import type { RequestItem } from "../thread/normalize.ts";
import { type Omission, OMISSION_RULES, type OmissionRule } from "../thread/omission.ts";
import type { ThreadState } from "../thread/state.ts";
import type { CommandContext } from "./command.ts";
import { linesOf, shorten } from "./history-blocks.ts";
import { type CallNames, type ItemPart, itemText, type Speaker } from "./history-items.ts";
import { fileLegend, placeText } from "./history-open.ts";
import { renderFields } from "./render.ts";

export interface HistoryLook extends Pick<CommandContext, "paint" | "columns"> {
  /** Nothing is shortened. */
  readonly full: boolean;
  /** With the place that each item is from. */
  readonly explain: boolean;
}

/** How many texts were shortened: known once all is printed. */
export interface Shortenings {
  count: number;
}

/** One text for each item. */
export function* renderItems(
  thread: OpenedThread,
  items: readonly RequestItem[],
  look: HistoryLook,
  shortenings: Shortenings,
): Generator<string> {
  const names: CallNames = new Map();
  const numberCells = String(items.length).length;
  for (const [index, entry] of items.entries()) {
    const gap = index === 0 ? "" : "\n";
    yield (
      gap +
        renderItem(
          thread,
          entry,
          { ...look, number: padText(String(index + 1), numberCells, "right") },
          names,
          shortenings,
        )
    );
  }
}

const GAP = "  ";

function renderItem(
  thread: OpenedThread,
  entry: RequestItem,
  look: HistoryLook & { readonly number: string },
  names: CallNames,
  shortenings: Shortenings,
): string {
  const { paint, columns, number, explain } = look;
  const { speaker, title, details, parts } = itemText(entry.item, names);
  const notes = parts.filter(({ kind }) => kind === "note").map((part) => part.text);
  const indent = " ".repeat(number.length + GAP.length);
  const besides = [...details.filter((detail) => detail !== ""), ...notes].map(oneLineOf).join(" · ");
  const cells = columns === undefined ? undefined : columns - indent.length;
  const heading = fitText(oneLineOf(title), cells ?? TITLE_CELLS);
  const left = cells === undefined ? HEADING_CELLS : cells - heading.length - GAP.length;
  const told = besides === "" || left < LEAST_BESIDES ? "" : GAP + paint.dim(fitText(besides, left));
  const origin = explain ? `${indent}${paint.dim(fitText(originText(thread, entry), cells ?? HEADING_CELLS))}\n` : "";
  const body = parts.flatMap((part) => (part.kind === "text" ? bodyLines(part, cells, look, shortenings) : []));
  const brush = speaker === "context" ? paint.dim : (line: string): string => line;
  return [
    `${paint.dim(number)}${GAP}${TONES[speaker](paint)(heading)}${told}\n`,
    origin,
    ...body.map((line) => (line === "" ? "\n" : `${indent}${brush(line)}\n`)),
  ].join("");
}

/** Where the line has no end of its own. */
const HEADING_CELLS = 240;
const TITLE_CELLS = 80;
const LEAST_BESIDES = 8;

const TONES: Readonly<Record<Speaker, (paint: CommandContext["paint"]) => (text: string) => string>> = {
  user: (paint) => (text) => paint.bold(paint.cyan(text)),
  assistant: (paint) => (text) => paint.bold(paint.green(text)),
  tool: (paint) => (text) => paint.bold(paint.yellow(text)),
  context: (paint) => paint.bold,
};

function oneLineOf(text: string): string {
  return escapeText(
    text
      .slice(0, 4 * HEADING_CELLS)
      .replace(/\s+/g, " ")
      .trim(),
  );
}

function bodyLines(
  { text }: ItemPart,
  cells: number | undefined,
  { full, paint }: HistoryLook,
  shortenings: Shortenings,
): readonly string[] {
  const { head, gone, tail } = full ? { head: text, gone: undefined, tail: "" } : shorten(text);
  const lines = linesOf(head, cells);
  if (gone === undefined) return lines;
  shortenings.count += 1;
  return [...lines, paint.cyan(`⋯ ${gone}`), ...linesOf(tail, cells)];
}

const ORIGINS: Readonly<Record<Exclude<RequestItem["origin"], "replacement">, string>> = {
  record: "response_item",
  communication: "inter_agent_communication",
  summary: "the message of a compaction",
  kept: "response_item, kept by a compaction",
  inserted: "made up, for want of an output",
};

function originText(thread: OpenedThread, { place, origin, index }: RequestItem): string {
  const what = origin === "replacement" ? replacementText(index) : ORIGINS[origin];
  return `${placeText(thread, place)}: ${what}`;
}

function replacementText(index: number | undefined): string {
  return `compacted, replacement_history[${index ?? 0}]`;
}

/** So many of one rule are listed, unless nothing is to be shortened. */
const SHOWN_OMISSIONS = 10;

/** Everything that is left out, by rule, in the order in which the rules first took hold. */
export function* renderOmissions(
  thread: OpenedThread,
  omissions: readonly Omission[],
  { paint, columns, full }: HistoryLook,
): Generator<string> {
  if (omissions.length === 0) {
    yield "\nNothing is left out.\n";
    return;
  }
  yield `\n${paint.bold(`Left out: ${formatCount(omissions.length)}`)}\n`;
  for (const [rule, left] of byRule(omissions)) {
    const { meaning, section } = OMISSION_RULES[rule];
    const words = `${meaning} (${rule}, ${section})`;
    for (const line of linesOf(words, columns === undefined ? undefined : columns - 2)) yield `  ${line}\n`;
    const shown = full ? left : left.slice(0, SHOWN_OMISSIONS);
    for (const { place, index, what } of shown) {
      const item = index === undefined ? "" : ` in ${replacementText(index)}`;
      const line = escapeText(`${placeText(thread, place)}: ${what}${item}`);
      yield `    ${paint.dim(fitText(line, (columns ?? HEADING_CELLS) - 4))}\n`;
    }
    if (shown.length < left.length) yield `    ${paint.cyan(`⋯ ${formatCount(left.length - shown.length)} more`)}\n`;
  }
}

function byRule(omissions: readonly Omission[]): ReadonlyMap<OmissionRule, readonly Omission[]> {
  const rules = new Map<OmissionRule, Omission[]>();
  for (const omission of omissions) {
    const known = rules.get(omission.rule);
    if (known === undefined) rules.set(omission.rule, [omission]);
    else known.push(omission);
  }
  return rules;
}

/** What else the next turn hangs on (rollout-format §5.1), and which file is which. */
export function renderState(thread: OpenedThread, state: ThreadState, { paint, columns }: HistoryLook): string {
  const { previousTurnSettings: settings, referenceContext: reference, worldStateBaseline: world, window } = state;
  const cells = Math.max((columns ?? HEADING_CELLS) - LABEL_CELLS, LEAST_BESIDES);
  const cut = (text: string): string => fitText(oneLineOf(text), cells);
  const fields = renderFields(
    [
      ["window", cut([formatCount(window.number), window.id ?? "without an id"].join(", "))],
      ["last settings", cut(settings === undefined ? "none" : [settings.model, settings.compHash ?? ""].join(" "))],
      ["last context", cut(reference === undefined ? NO_CONTEXT : contextText(reference))],
      ["world state", cut(world === undefined ? "none" : Object.keys(world).slice(0, SHOWN_KEYS).join(", "))],
    ],
    paint,
  );
  const legend = fileLegend(thread).map((line) => `${escapeText(line)}\n`);
  return `\n${fields}${legend.length === 0 ? "" : `\n${legend.join("")}`}`;
}

const LABEL_CELLS = 15;
const SHOWN_KEYS = 30;
const NO_CONTEXT = "none: the next turn tells the model everything again";

function contextText({ turn_id: turn, model, cwd }: NonNullable<ThreadState["referenceContext"]>): string {
  return `as of turn ${turn ?? "(without an id)"}: ${model}, ${cwd}`;
}
