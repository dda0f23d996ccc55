/**
 * Text for the report page. All that a rollout, a path or a name brings in passes `recorded` or `attribute`: cut, with what a
 * browser would obey or hide made visible, isolated from the direction of the text around it, and markup inert.
 */
import { escapeText } from "../../io/console.ts";
import { formatCount } from "../../io/text.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** For an element, or an attribute in quotes. Nothing is made visible: for words of ours. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? "");
}

/** UTF-16 units of one text that are shown where nothing else is asked for. */
const SHOWN = 160;
/** Fewer are cut off without saying how many. */
const TOLD_LEFT = 1000;

interface CutText {
  readonly shown: string;
  /** Units that were cut off. */
  readonly left: number;
}

/** On one line. What is cut off is never looked at, so that a giant text costs nothing. `length` is that of the whole. */
function cutText(text: string, max: number, length = text.length): CutText {
  const head = text
    .slice(0, 4 * max)
    .replace(/\s+/g, " ")
    .trim();
  const isCut = head.length > max || length > 4 * max;
  if (!isCut) return { shown: tamed(head), left: 0 };
  const end = /[\ud800-\udbff]/.test(head[max - 1] ?? "") ? max - 1 : max;
  return { shown: tamed(head.slice(0, end)), left: length - Math.min(end, head.length) };
}

/** A letter can carry any number of marks, which are drawn over the lines around it. */
function tamed(text: string): string {
  return text.replace(/(\p{M}{4})\p{M}+/gu, "$1…");
}

function ending(left: number): string {
  if (left === 0) return "";
  return left < TOLD_LEFT ? "…" : `… and ${formatCount(left)} more characters`;
}

/**
 * Recorded text as an element: escapes such as `\x1b` look different from a recorded backslash. `length` is that of the whole, where
 * `text` is only its beginning.
 */
export function recorded(text: string, max = SHOWN, length = text.length): string {
  const { shown, left } = cutText(text, max, length);
  const end = left === 0 ? "" : `<span class="soft">${ending(left)}</span>`;
  return `<bdi>${visible(shown)}</bdi>${end}`;
}

function visible(text: string): string {
  if (escapeText(text) === text) return escapeHtml(text);
  const parts: string[] = [];
  for (const char of text) {
    const escaped = escapeText(char);
    parts.push(escaped === char ? escapeHtml(char) : `<span class="esc">${escapeHtml(escaped)}</span>`);
  }
  return parts.join("").replaceAll('</span><span class="esc">', "");
}

/** Recorded text for an attribute in quotes, or an element that takes no others: a title. */
export function attribute(text: string, max = SHOWN): string {
  const { shown, left } = cutText(text, max);
  return escapeHtml(escapeText(shown) + ending(left));
}

/** Unix milliseconds as UTC, to the minute; empty for what is no time. */
export function timeText(ms: number | undefined): string {
  const date = new Date(ms ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 16).replace("T", " ");
}

/** A part of 1: `37 %`, `0.4 %`, `< 0.1 %`. */
export function shareText(share: number | null | undefined): string {
  if (share == null || !Number.isFinite(share)) return "";
  const percent = share * 100;
  if (percent > 0 && percent < 0.05) return "< 0.1 %";
  return `${percent > 0 && percent < 9.95 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** A count in three digits for plots and tiles: `1.2 M`. */
export function shortCount(count: number): string {
  const units = ["", " k", " M", " G", " T"];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? String(Math.round(value)) : `${Number(value.toPrecision(3))}${units[unit] ?? ""}`;
}
