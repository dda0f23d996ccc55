/** How long turns, first tokens and tools took: a table with a bar from median to 95th percentile, on one logarithmic scale. */
import { formatCount } from "../../io/text.ts";
import { type Column, moreNote, percent, table } from "./html.ts";
import type { LatencyFigures, LatencyView } from "./model.ts";
import { msText } from "./turns.ts";
import { attribute, recorded } from "./text.ts";

export function latencyBody({ rows, tools }: LatencyView): string {
  const scale = logScale([...rows, ...tools.items]);
  const measured = table(
    [
      { title: "what", cell: (row) => row.measure },
      { title: "by", cell: (row) => row.source },
      { title: "times", cell: (row) => row.origin },
      ...figures<LatencyView["rows"][number]>(scale),
    ],
    rows,
    { caption: "Turns, first tokens and tools", isSortable: true },
  );
  const byTool = table(
    [
      { title: "tool", cell: (row) => recorded(row.tool, 80) },
      { title: "times", cell: (row) => row.origin },
      { title: "total", kind: "number", value: (row) => row.totalMs, cell: (row) => msText(row.totalMs) },
      ...figures<LatencyView["tools"]["items"][number]>(scale),
    ],
    tools.items,
    { caption: "Tools, those that took most time first", isSortable: true },
  );
  return measured + byTool + moreNote(tools.left, "tools");
}

function figures<Row extends LatencyFigures>(place: (ms: number) => number): readonly Column<Row>[] {
  const time = (title: string, value: (row: Row) => number): Column<Row> => ({
    title,
    kind: "number",
    value,
    cell: (row) => msText(value(row)),
  });
  return [
    { title: "count", kind: "number", value: ({ count }) => count, cell: ({ count }) => formatCount(count) },
    time("median", ({ medianMs }) => medianMs),
    time("p95", ({ p95Ms }) => p95Ms),
    time("max", ({ maxMs }) => maxMs),
    { title: "", kind: "drawn", cell: (row) => range(row, place) },
  ];
}

/** From a time to its place, 0 to 1. */
function logScale(rows: readonly LatencyFigures[]): (ms: number) => number {
  const logOf = (ms: number): number => Math.log(Math.max(ms, 0.5));
  const low = Math.min(...rows.map(({ medianMs }) => logOf(medianMs)));
  const high = Math.max(...rows.map(({ maxMs }) => logOf(maxMs)));
  return (ms) => (high > low ? (logOf(ms) - low) / (high - low) : 0);
}

function range({ medianMs, p95Ms, maxMs }: LatencyFigures, place: (ms: number) => number): string {
  const label = attribute(`median ${msText(medianMs)}, 95th percentile ${msText(p95Ms)}, longest ${msText(maxMs)}`);
  const [from, to, end] = [medianMs, p95Ms, maxMs].map((ms) => 0.02 + 0.96 * place(ms)) as [number, number, number];
  return (
    `<svg class="meter" height="10" role="img" aria-label="${label}"><rect class="back" width="100%" y="4" height="2"/>` +
    `<rect class="c2" x="${percent(from)}" width="${percent(Math.max(0, to - from))}" y="2" height="6"/>` +
    `<circle class="c2" cx="${percent(from)}" cy="5" r="4"/><circle class="c1" cx="${percent(end)}" cy="5" r="2.5"/></svg>`
  );
}
