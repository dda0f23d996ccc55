/** The context windows of one thread: a bar of them, how the history grew and was compacted, and a table. */
import { formatBytes, formatCount } from "../../io/text.ts";
import { type Column, figure, legend, moreNote, percent, table } from "./html.ts";
import { countOf, windowRects } from "./lineage.ts";
import type { WindowSpan, WindowsView } from "./model.ts";
import { attribute, recorded } from "./text.ts";

type Window = WindowsView["items"][number];

export function windowsBody(view: WindowsView): string {
  const { items, left, length, inheritedBytes } = view;
  const total = Math.max(1, length);
  const label = `${countOf(items.length + left, "context window")} in ${formatBytes(length)} of records`;
  const rects = windowRects(items, { total, inheritedBytes, top: 4, height: 22 });
  const bar = `<svg class="bar" height="30" role="img" aria-label="${attribute(label)}">${rects}</svg>`;
  const entries = legend([
    ["c0", "a context window"],
    ...(inheritedBytes > 0 ? [["c0 inherited", "inherited from another thread"] as const] : []),
    ...(items.some(({ compaction }) => compaction)
      ? [["line c1", "compaction: what the model was shown before and after"] as const]
      : []),
  ]);
  return (
    figure(label, bar + sawtooth(items, total) + entries, "from the first record to the last, by bytes") +
    table(COLUMNS, items, { caption: "Context windows" }) +
    moreNote(left, "windows")
  );
}

const HEIGHT = 110;

/** What the model was shown, as far as compactions tell: it grows to the one, and begins anew smaller. */
function sawtooth(windows: readonly Window[], total: number): string {
  const told = windows.flatMap(({ begin, compaction }) =>
    compaction === undefined ? [] : [{ at: begin, ...compaction }],
  );
  if (told.length === 0) return "";
  const most = Math.max(1, ...told.flatMap(({ before, after }) => [before.bytes, after.bytes]));
  const y = (bytes: number): number => Number((HEIGHT - 8 - (bytes / most) * (HEIGHT - 24)).toFixed(1));
  const x = (at: number): string => percent(at / total);
  let from = { at: windows[0]?.compaction === undefined ? 0 : (told[0]?.at ?? 0), bytes: 0 };
  const lines = told.map(({ at, before, after }) => {
    const grown = `<line class="path" x1="${x(from.at)}" y1="${y(from.bytes)}" x2="${x(at)}" y2="${y(before.bytes)}"/>`;
    const drop = `<line class="drop" x1="${x(at)}" y1="${y(before.bytes)}" x2="${x(at)}" y2="${y(after.bytes)}"/>`;
    from = { at, bytes: after.bytes };
    return `${grown}${drop}<circle cx="${x(at)}" cy="${y(after.bytes)}" r="2.5"/>`;
  });
  const grid = [0, most / 2, most].map((bytes) => `<line x1="0" x2="100%" y1="${y(bytes)}" y2="${y(bytes)}"/>`);
  const marks = [most / 2, most].map(
    (bytes) => `<text x="0" y="${y(bytes) - 3}">${formatBytes(Math.round(bytes))}</text>`,
  );
  const label = `History shown to the model: ${countOf(told.length, "compaction")}, at most ${formatBytes(most)}`;
  return `<svg class="sawtooth" height="${HEIGHT}" role="img" aria-label="${attribute(label)}"><g class="grid">${grid.join("")}</g>${lines.join("")}${marks.join("")}</svg>`;
}

const CAUSES: Readonly<Record<WindowSpan["cause"], string>> = {
  start: "beginning of the thread",
  replacement: "compaction with a new history",
  legacy: "compaction of an older release",
  counted: "compaction that was rolled back",
};

const COLUMNS: readonly Column<Window>[] = [
  {
    title: "window",
    cell: ({ number, id }) => `${formatCount(number)}${id === undefined ? "" : `<small>${recorded(id, 64)}</small>`}`,
  },
  { title: "begun by", cell: ({ cause }) => CAUSES[cause] },
  { title: "records", kind: "number", cell: ({ begin, end }) => formatBytes(Math.max(0, end - begin)) },
  { title: "model saw before", kind: "number", cell: ({ compaction }) => sizeText(compaction?.before) },
  { title: "and after", kind: "number", cell: ({ compaction }) => sizeText(compaction?.after) },
];

function sizeText(size: { readonly items: number; readonly bytes: number } | undefined): string {
  return size === undefined ? "" : `${formatBytes(size.bytes)}<small>${countOf(size.items, "item")}</small>`;
}
