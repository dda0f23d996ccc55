/** The answer of `stats latency` for people. */
import { formatCount, formatSeconds } from "../io/text.ts";
import type { CommandContext } from "./command.ts";
import { renderFields } from "./render.ts";
import type { LatencyFigures } from "../export/report/model.ts";
import type { LatencyAnswer, LatencyComparison, LatencyRow, ToolRow } from "./stats-latency.ts";
import { renderUnreadable } from "./stats-text.ts";
import { type Column, renderTable } from "./table.ts";

type Look = Pick<CommandContext, "paint" | "columns" | "cwd">;

const FIGURES: readonly Column<LatencyFigures>[] = [
  { title: "count", value: ({ count }) => formatCount(count), align: "right" },
  { title: "mean", value: ({ meanMs }) => formatMs(meanMs), align: "right" },
  { title: "median", value: ({ medianMs }) => formatMs(medianMs), align: "right" },
  { title: "p95", value: ({ p95Ms }) => formatMs(p95Ms), align: "right" },
  { title: "max", value: ({ maxMs }) => formatMs(maxMs), align: "right" },
];

const ROWS: readonly Column<LatencyRow>[] = [
  { title: "what", value: ({ measure }) => measure },
  { title: "by", value: ({ source }) => source },
  { title: "times", value: ({ origin }) => origin },
  ...FIGURES,
];

const TOOLS: readonly Column<ToolRow>[] = [
  { title: "tool", value: ({ tool }) => tool, flexible: true },
  { title: "times", value: ({ origin }) => origin },
  { title: "total", value: ({ totalMs }) => formatMs(totalMs), align: "right" },
  ...FIGURES,
];

const COMPARISONS: readonly Column<LatencyComparison>[] = [
  { title: "what", value: ({ measure }) => measure },
  { title: "by", value: ({ source }) => source },
  { title: "times", value: ({ origin }) => origin },
  { title: "median", value: ({ medianMs }) => formatMs(medianMs), align: "right" },
  { title: "other", value: ({ otherMedianMs }) => formatMs(otherMedianMs), align: "right" },
  { title: "ratio", value: ({ ratio }) => ratio.toFixed(2), align: "right" },
  { title: "95 %", value: ({ interval: [low, high] }) => `${low.toFixed(2)}–${high.toFixed(2)}`, align: "right" },
  { title: "verdict", value: ({ verdict }) => verdict },
];

export function renderLatency(answer: LatencyAnswer, look: Look): string {
  const parts = [
    answer.rows.length === 0 ? "no turns\n" : renderTable(ROWS, answer.rows, look),
    answer.tools.length === 0 ? "" : `\n${renderTable(TOOLS, answer.tools, look)}`,
    answer.comparisons === undefined ? "" : `\n${renderComparisons(answer.comparisons, look)}`,
    `\n${renderFields(fieldsOf(answer), look.paint)}`,
    renderUnreadable(answer, look),
    answer.against === undefined ? "" : renderUnreadable(answer.against, look),
  ];
  return parts.join("");
}

function renderComparisons(comparisons: readonly LatencyComparison[], look: Look): string {
  return comparisons.length === 0
    ? "nothing that both homes have can be compared\n"
    : renderTable(COMPARISONS, comparisons, look);
}

function fieldsOf({ files, tools, toolCount, against }: LatencyAnswer): readonly (readonly [string, string])[] {
  return [
    ["rollouts", formatCount(files)],
    ...(toolCount > tools.length
      ? [["tools", `${formatCount(toolCount)}, ${tools.length} shown (--top)`] as const]
      : []),
    ...(against === undefined ? [] : [["of the other", formatCount(against.files)] as const]),
  ];
}

/** Milliseconds for people: below ten seconds with what matters of them. */
function formatMs(ms: number): string {
  if (ms >= 10_000) return formatSeconds(ms / 1000);
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms >= 10 ? Math.round(ms) : Number(ms.toPrecision(2))} ms`;
}
