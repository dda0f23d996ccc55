/** The parts of which the report page is put together: its frame with the policy, sections, tables, tiles, meters. */
import { createHash } from "node:crypto";
import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";
import { escapeHtml } from "./text.ts";

/** By which a file is known as a page of this tool, which may be replaced by a newer one. */
export const GENERATOR = "rollout-tool report";
const OPENING = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="${GENERATOR}">
`;

/** Whether a file that begins like this is a report page. */
export function looksLikeReport(head: Uint8Array): boolean {
  return (
    Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, OPENING.length)).toString("latin1") === OPENING
  );
}

/** Bytes of a file that `looksLikeReport` needs. */
export const REPORT_HEAD_BYTES = OPENING.length;

function digest(text: string): string {
  return `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'`;
}

/** Nothing is loaded, and nothing runs or styles but what this tool wrote: whatever a rollout may hold. */
const POLICY = `default-src 'none'; style-src ${digest(STYLE)}; script-src ${digest(SCRIPT)}; base-uri 'none'; form-action 'none'`;

export interface Part {
  readonly id: string;
  readonly title: string;
  /** Plain words. */
  readonly hint?: string | undefined;
  /** Finished HTML; an empty part is left out. */
  readonly body: string;
}

/** `title` is escaped text, `header` and the bodies are finished HTML. */
export function frame(title: string, header: string, parts: readonly Part[]): string {
  const shown = parts.filter(({ body }) => body !== "");
  const links = shown.map(({ id, title: name }) => `<a href="#${id}">${escapeHtml(name)}</a>`);
  return `${OPENING}<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
${header}
<nav aria-label="Parts of this page">${links.join("")}</nav>
</header>
${shown.map(section).join("\n")}
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

function section({ id, title, hint, body }: Part): string {
  const said = hint === undefined ? "" : `<p>${escapeHtml(hint)}</p>\n`;
  return `<section id="${id}" aria-labelledby="${id}-title">\n<h2 id="${id}-title">${escapeHtml(title)}</h2>\n${said}${body}\n</section>`;
}

export interface Column<Row> {
  readonly title: string;
  readonly kind?: "number" | "drawn" | "time";
  /** Finished HTML. */
  readonly cell: (row: Row) => string;
  /** By which the column is sorted, where the text of the cell will not do. */
  readonly value?: (row: Row) => number | undefined;
}

export interface TableOptions {
  readonly caption: string;
  readonly isSortable?: boolean;
  /** Hundreds of rows: they can be filtered, and paper has only the first. */
  readonly isLong?: boolean;
}

/** Columns that have nothing to say in any row are left out; empty without rows. The first cell of a row is its head. */
export function table<Row>(all: readonly Column<Row>[], rows: readonly Row[], options: TableOptions): string {
  if (rows.length === 0) return "";
  const cells = rows.map((row) => all.map((column) => column.cell(row)));
  const kept = all.map((_column, at) => cells.some((row) => row[at] !== ""));
  const head = all.map((column, at) =>
    kept[at] ? `<th scope="col"${css(column)}>${escapeHtml(column.title)}</th>` : "",
  );
  const body = rows.map((row, number) => {
    const line = all.map((column, at) => (kept[at] ? cellOf(column, row, cells[number]?.[at] ?? "", at) : ""));
    return `<tr>${line.join("")}</tr>`;
  });
  const { caption, isSortable = false, isLong = false } = options;
  const classes = [isSortable ? "sortable" : "", isLong ? "long" : ""].filter((name) => name !== "").join(" ");
  return (
    `<div class="wide" role="region" tabindex="0" aria-label="${escapeHtml(caption)}"><table${classes === "" ? "" : ` class="${classes}"`}>` +
    `<caption><span>${escapeHtml(caption)}</span></caption><thead><tr>${head.join("")}</tr></thead>\n<tbody>${body.join("\n")}</tbody></table></div>`
  );
}

function css<Row>({ kind }: Column<Row>): string {
  return kind === undefined ? "" : ` class="${kind}"`;
}

function cellOf<Row>(column: Column<Row>, row: Row, html: string, at: number): string {
  const value = column.value?.(row);
  const sorted = column.value === undefined ? "" : ` data-v="${value ?? -1}"`;
  return at === 0 ? `<th scope="row"${sorted}>${html}</th>` : `<td${css(column)}${sorted}>${html}</td>`;
}

/** Values are finished HTML. */
export function fields(values: readonly (readonly [label: string, html: string])[]): string {
  return `<dl>${values.map(([label, html]) => `<dt>${escapeHtml(label)}</dt><dd>${html}</dd>`).join("")}</dl>`;
}

/** The figures that matter most; words of ours. */
export function tiles(values: readonly (readonly [label: string, value: string, more?: string])[]): string {
  const tile = ([label, value, more = ""]: readonly [string, string, string?]): string =>
    `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}${more === "" ? "" : `<small>${escapeHtml(more)}</small>`}</dd></div>`;
  return `<dl class="tiles">${values.map(tile).join("")}</dl>`;
}

/** Parts of 1, side by side on a grey ground. */
export function meter(shares: readonly (readonly [color: string, share: number])[]): string {
  let from = 0;
  const parts = shares.map(([color, share]) => {
    const width = Math.min(Math.max(share, 0), 1 - from);
    const rect = width > 0 ? `<rect class="${color}" x="${percent(from)}" width="${percent(width)}" height="10"/>` : "";
    from += width;
    return rect;
  });
  return `<svg class="meter" height="10" aria-hidden="true"><rect class="back" width="100%" height="10"/>${parts.join("")}</svg>`;
}

/** A part of 1 as a place in an SVG. */
export function percent(share: number): string {
  return `${Number((Number.isFinite(share) ? share * 100 : 0).toFixed(3))}%`;
}

/** Words of ours behind a coloured square. */
export function legend(entries: readonly (readonly [css: string, word: string])[]): string {
  const items = entries.map(([name, word]) => `<li><i class="${name}" aria-hidden="true"></i>${escapeHtml(word)}</li>`);
  return `<ul class="legend">${items.join("")}</ul>`;
}

export function figure(caption: string, body: string, scale = ""): string {
  const right = scale === "" ? "" : `<span class="scale">${escapeHtml(scale)}</span>`;
  return `<figure><figcaption><span>${escapeHtml(caption)}</span>${right}</figcaption>${body}</figure>`;
}

/** `and 12,345 more`, as a paragraph; empty for none. */
export function moreNote(left: number, what: string): string {
  return left > 0 ? `<p class="soft">… and ${left.toLocaleString("en-US")} more ${escapeHtml(what)}.</p>` : "";
}
