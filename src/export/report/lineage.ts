/** Families of threads, drawn: a row for each thread, lines that say what hangs on what, and its context windows as a bar. */
import { formatBytes, formatCount } from "../../io/text.ts";
import { figure, legend, moreNote, percent } from "./html.ts";
import type { FamilyDrawing, FamilyNode, WindowSpan } from "./model.ts";
import { attribute, escapeHtml, recorded } from "./text.ts";

/** Wider than this a tree would leave no room for words; then the depth is told as a number. */
const DRAWN_DEPTH = 6;
const STEP = 14;
/** Of the line on which a row's dot sits. */
const MIDDLE = 16;
const TITLE_LENGTH = 100;

export function familyFigure(family: FamilyDrawing, caption: string): string {
  const longest = Math.max(1, ...family.nodes.map(({ length = 0 }) => length));
  /** By depth, whether another branch follows further down. */
  const open: boolean[] = [];
  const rows = family.nodes.map((node) => {
    open.length = Math.min(node.depth, open.length);
    open[node.depth] = !node.isLast;
    return rowOf(node, open, longest);
  });
  const list = `<ol class="tree">${rows.join("\n")}</ol>${moreNote(family.left, "threads of this family")}`;
  return figure(caption, list, `bars to ${formatBytes(longest)}`);
}

export function lineageLegend(families: readonly FamilyDrawing[]): string {
  const nodes = families.flatMap((family) => family.nodes);
  const has = (holds: (node: FamilyNode) => boolean): boolean => nodes.some(holds);
  return legend([
    ["c0", "context windows, one beside the other"],
    ...(has(({ inheritedBytes }) => inheritedBytes > 0)
      ? [["c0 inherited", "inherited from another thread"] as const]
      : []),
    ...(has(({ by }) => by === "fork") ? [["ring c1", "fork"] as const] : []),
    ...(has(({ by }) => by === "agent") ? [["ring c3", "agent"] as const] : []),
    ...(has(({ cuts }) => cuts.length > 0) ? [["line c1", "continued from here by a fork"] as const] : []),
  ]);
}

function rowOf(node: FamilyNode, open: readonly boolean[], longest: number): string {
  const depth = Math.min(node.depth, DRAWN_DEPTH);
  const title = node.title === undefined ? "" : recorded(node.title, TITLE_LENGTH);
  const id = recorded(node.id, 64);
  const deep = node.depth > DRAWN_DEPTH ? [`depth ${formatCount(node.depth)}`] : [];
  const tags = [...deep, ...node.flags].map((flag) => `<span class="tag">${escapeHtml(flag)}</span>`).join("");
  const agent = node.agent === "" ? "" : `${recorded(node.agent, 60)} `;
  const small = `<small>${title === "" ? "" : `${id} `}${tags}</small>`;
  const how = node.by === undefined ? "" : `<span class="soft">${node.by}:</span> `;
  const figures = node.length === undefined ? "" : formatBytes(node.length);
  const windows = node.windows === undefined ? "" : `<small>${countOf(node.windows.length, "window")}</small>`;
  return (
    `<li${node.isAsked ? ' class="asked" aria-current="true"' : ""}>${guides(node, open, depth)}` +
    `<div class="name d${depth}">${how}${agent}${title === "" ? id : title}${small}</div>` +
    `${node.length === undefined ? "<span></span>" : bar(node, longest)}<div class="figure">${figures}${windows}</div></li>`
  );
}

/** Lines from the threads above to this one, and from this one on to what hangs on it. */
function guides({ by, isLast, hasBranches, length }: FamilyNode, open: readonly boolean[], depth: number): string {
  const x = (column: number): number => column * STEP + STEP / 2;
  const through = open
    .slice(1, depth)
    .map((isOpen, at) => (isOpen ? `<line x1="${x(at)}" x2="${x(at)}" y1="0" y2="100%"/>` : ""));
  const from = x(depth - 1);
  const bend = `<path class="${by ?? ""}" d="M${from},0V${MIDDLE - 7}Q${from},${MIDDLE} ${from + 7},${MIDDLE}H${x(depth)}"/>`;
  const on = isLast ? "" : `<line x1="${from}" x2="${from}" y1="0" y2="100%"/>`;
  const down = hasBranches ? `<line x1="${x(depth)}" x2="${x(depth)}" y1="${MIDDLE}" y2="100%"/>` : "";
  const look = length === undefined ? "gone" : (by ?? "");
  const lines = `${through.join("")}${by === undefined ? "" : on + bend}${down}`;
  return `<svg class="guides" width="${x(depth) + 8}" aria-hidden="true">${lines}<circle class="${look}" cx="${x(depth)}" cy="${MIDDLE}" r="5"/></svg>`;
}

const BAR_HEIGHT = 20;
/** Of one thread; a hostile one has a window on every line. */
const DRAWN_WINDOWS = 200;

function bar(node: FamilyNode, longest: number): string {
  const { length = 0, inheritedBytes, windows, cuts } = node;
  const told = windows === undefined ? "" : `, ${countOf(windows.length, "context window")}`;
  const label = `${formatBytes(length)} of history${inheritedBytes > 0 ? `, ${formatBytes(inheritedBytes)} of it inherited` : ""}${told}`;
  const marks = cuts.slice(0, DRAWN_WINDOWS).map((cut) => {
    const at = percent(cut / longest);
    return `<line class="cut" x1="${at}" x2="${at}" y1="0" y2="${BAR_HEIGHT}"/><circle class="cut" cx="${at}" cy="2" r="3"/>`;
  });
  const spans = windows === undefined ? [wholeSpan(length)] : windows;
  return (
    `<svg class="bar" height="${BAR_HEIGHT}" role="img" aria-label="${attribute(label)}">` +
    `${windowRects(spans, { total: longest, inheritedBytes, top: 4, height: BAR_HEIGHT - 8 })}${marks.join("")}</svg>`
  );
}

function wholeSpan(end: number): WindowSpan {
  return { number: 0, cause: "start", begin: 0, end, compaction: undefined };
}

interface RectOptions {
  /** Bytes of the whole width. */
  readonly total: number;
  readonly inheritedBytes: number;
  readonly top: number;
  readonly height: number;
}

/** Windows as rectangles side by side; where there are too many of them, the newest. */
export function windowRects(windows: readonly WindowSpan[], options: RectOptions): string {
  const { total, inheritedBytes, top, height } = options;
  const first = windows[Math.max(0, windows.length - DRAWN_WINDOWS)]?.begin ?? 0;
  const early = windows.length > DRAWN_WINDOWS ? [{ ...wholeSpan(first), number: -1 }] : [];
  const rect = (from: number, to: number, css: string, hint: string): string =>
    to > from
      ? `<rect class="c0${css}" x="${percent(from / total)}" width="${percent((to - from) / total)}" y="${top}" height="${height}"><title>${escapeHtml(hint)}</title></rect>`
      : "";
  const drawn = [...early, ...windows.slice(-DRAWN_WINDOWS)].map((span) => {
    const { number, begin, end } = span;
    const hint = number < 0 ? "earlier windows" : hintOf(span);
    const own = Math.min(Math.max(begin, inheritedBytes), Math.max(begin, end));
    const even = number % 2 === 0 ? "" : " even";
    return (
      rect(begin, own, ` inherited${even}`, `${hint}, inherited`) +
      rect(own, end, even, hint) +
      edge(begin / total, top, height)
    );
  });
  return drawn.join("");
}

function edge(share: number, top: number, height: number): string {
  if (share <= 0) return "";
  const at = percent(share);
  return `<line class="edge" x1="${at}" x2="${at}" y1="${top}" y2="${top + height}"/>`;
}

function hintOf({ number, begin, end, compaction }: WindowSpan): string {
  const size = `window ${formatCount(number)}: ${formatBytes(Math.max(0, end - begin))} of records`;
  if (compaction === undefined) return size;
  const { before, after } = compaction;
  return `${size}, begun by a compaction of ${formatBytes(before.bytes)} to ${formatBytes(after.bytes)}`;
}

export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
