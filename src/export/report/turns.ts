/** The turns of a thread as a timeline: how long each took, what of it tools took, its tokens, and its items, folded. */
import { formatCount, formatSeconds } from "../../io/text.ts";
import { figure, legend, moreNote, percent } from "./html.ts";
import { countOf } from "./lineage.ts";
import type { Excerpt, ItemView, ToolSpan, TurnLine, TurnsView } from "./model.ts";
import { attribute, recorded, shortCount, timeText } from "./text.ts";

export function turnsBody(view: TurnsView): string {
  const { items: turns, left, kinds } = view;
  if (turns.length + left === 0) return "";
  const longest = scaleOf(turns);
  const rows = turns.map((turn) => `<li>${turnOf(turn, longest)}</li>`);
  const counts = kinds.map(({ words, count }) => `${formatCount(count)} ${words}`).join(", ");
  const entries = legend([
    ["c0", "length of the turn"],
    ...(turns.some(({ tools }) => tools.length > 0) ? [["c4", "tools at work"] as const] : []),
  ]);
  return (
    (counts === "" ? "" : `<p>${counts}.</p>`) +
    figure(
      countOf(turns.length + left, "turn"),
      `${entries}<ol class="turns">${rows.join("\n")}</ol>`,
      `bars to ${msText(longest)}`,
    ) +
    moreNote(left, "turns, older than these")
  );
}

/** One turn that went on for a week must not make dots of the others. */
function scaleOf(turns: readonly TurnLine[]): number {
  const sorted = turns.flatMap(({ durationMs }) => durationMs ?? []).toSorted((a, b) => a - b);
  const longest = sorted.at(-1) ?? 0;
  const usual = sorted[Math.floor(sorted.length * 0.9)] ?? longest;
  return Math.max(1, longest > 6 * usual && usual > 0 ? 2 * usual : longest);
}

const STATES: Readonly<Record<TurnLine["status"], readonly [tone: string, words: string]>> = {
  completed: ["good", ""],
  interrupted: ["unclear", "interrupted"],
  failed: ["bad", "failed"],
  inProgress: ["neutral", "in progress"],
};
const QUESTION_LENGTH = 220;

function turnOf(turn: TurnLine, longest: number): string {
  const { number, question, status, startedAtMs, durationMs, isDerived, tokens, error, items } = turn;
  const [tone, words] = STATES[status];
  const state = words === "" ? "" : ` · <span class="status ${tone}">${words}</span>`;
  const asked = question.text.trim() === "" ? recorded(turn.id, 64) : excerpt(question, QUESTION_LENGTH);
  const length = durationMs === undefined ? "" : `${isDerived ? "≈ " : ""}${msText(durationMs)}`;
  const used =
    tokens === undefined
      ? ""
      : `<small>${shortCount(tokens.input + tokens.output)} tokens, ${cachedText(tokens)}</small>`;
  return (
    `<div class="turn"><div class="name"><span class="number-tag">${formatCount(number)}</span>${asked}<small>${timeText(startedAtMs)}${state}</small></div>` +
    `${bar(turn, longest)}<div class="figure">${length}${used}</div></div>` +
    (error === undefined ? "" : `<p class="fail">${excerpt(error, 400)}</p>`) +
    itemsOf(items.items, items.left)
  );
}

function excerpt({ text, length }: Excerpt, max: number): string {
  return recorded(text, max, length);
}

function cachedText({ input, cached }: NonNullable<TurnLine["tokens"]>): string {
  return input > 0 ? `${Math.round((100 * cached) / input)} % cached` : "no input";
}

const HEIGHT = 20;
/** Of one turn. */
const DRAWN_TOOLS = 100;

function bar({ number, durationMs, tools }: TurnLine, longest: number): string {
  if (durationMs === undefined) return "<span></span>";
  const isCut = durationMs > longest;
  const toolMs = tools.reduce((sum, tool) => sum + tool.durationMs, 0);
  const told = tools.length === 0 ? "" : `, ${countOf(tools.length, "tool call")} of ${msText(toolMs)}`;
  const label = `turn ${number}: ${msText(durationMs)}${told}${isCut ? ", longer than the scale" : ""}`;
  const width = percent(Math.min(1, durationMs / longest));
  const parts = toolRects(tools, durationMs, longest);
  const end = isCut ? `<text x="100%" y="14" text-anchor="end">→</text>` : "";
  return (
    `<svg class="bar" height="${HEIGHT}" role="img" aria-label="${attribute(label)}"><rect class="back" width="100%" y="8" height="4" rx="2"/>` +
    `<rect class="c0" width="${width}" y="4" height="12" rx="2"><title>${attribute(label)}</title></rect>${parts}${end}</svg>`
  );
}

/** Tools of which nobody wrote when they began are laid behind each other. */
function toolRects(tools: readonly ToolSpan[], turnMs: number, longest: number): string {
  let free = 0;
  const rects = tools.slice(0, DRAWN_TOOLS).map(({ name, fromMs, durationMs }) => {
    const from = Math.min(fromMs ?? free, turnMs);
    const to = Math.min(from + durationMs, turnMs);
    free = Math.max(free, to);
    if (to <= from || from >= longest) return "";
    const [x, width] = [percent(from / longest), percent((Math.min(to, longest) - from) / longest)];
    return `<rect class="c4" x="${x}" width="${width}" y="6" height="8"><title>${attribute(`${name}: ${msText(durationMs)}`)}</title></rect>`;
  });
  return rects.join("");
}

const ITEM_LENGTH = 300;

function itemsOf(items: readonly ItemView[], left: number): string {
  const all = items.length + left;
  if (all === 0) return "";
  const rows = items.map(({ word, text, outcome }) => {
    const end = outcome === "" ? "" : ` <span class="soft">${recorded(outcome, 80)}</span>`;
    return `<li><b>${word}</b><span>${excerpt(text, ITEM_LENGTH)}${end}</span></li>`;
  });
  return `<details><summary>${countOf(all, "item")}</summary><ul class="items">${rows.join("")}</ul>${moreNote(left, "items")}</details>`;
}

/** Milliseconds for people. */
export function msText(ms: number): string {
  if (ms >= 10_000) return formatSeconds(ms / 1000);
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms >= 10 ? Math.round(ms) : Number(ms.toPrecision(2))} ms`;
}
