/** Tokens of a home or a thread: by day as a plot, by model as a table, and what simpler ways of counting would have said. */
import { formatCount } from "../../io/text.ts";
import type { TokenRow } from "../../analysis/tokens.ts";
import { type Column, figure, legend, meter, moreNote, percent, table } from "./html.ts";
import type { TokensView } from "./model.ts";
import { attribute, escapeHtml, recorded, shareText, shortCount } from "./text.ts";

export function tokensBody({ totals, models, days, naive }: TokensView): string {
  if (totals.responses === 0) return "";
  const entries = legend([
    ["c0", "input"],
    ["c5", "input from the cache"],
    ["c1", "output"],
  ]);
  const plot =
    days.items.length < 2 ? "" : figure("Tokens by day (UTC)", dayPlot(days.items) + entries, "days with any");
  return (
    plot +
    moreNote(days.left, "days, older than these") +
    table(columns("model"), models.items, { caption: "Tokens by model", isSortable: true }) +
    moreNote(models.left, "models") +
    (days.items.length === 0
      ? ""
      : `<details><summary>Tokens by day, as a table</summary>${table(columns("day"), days.items.toReversed(), { caption: "Tokens by day (UTC)", isSortable: true })}</details>`) +
    naiveNote(totals.total, naive)
  );
}

/** Only where somebody could be led astray. */
function naiveNote(total: number, naive: TokensView["naive"]): string {
  const ways = [
    ["every token count", naive.everyCount],
    ["the last sum of every file", naive.lastTotals],
    ["every usage record", naive.everyRecord],
  ] as const;
  const wrong = ways.filter(([, sum]) => sum > 0 && total > 0 && Math.abs(sum / total - 1) > 0.005);
  if (wrong.length === 0) return "";
  const told = wrong.map(([way, sum]) => `${way} would give ${formatCount(sum)} (${shareText(sum / total)})`);
  return `<p class="soft">Each response counts once, ${formatCount(total)} tokens in all. Adding up ${escapeHtml(told.join(", "))}.</p>`;
}

const HEIGHT = 170;
const BASE = HEIGHT - 22;

function dayPlot(days: readonly TokenRow[]): string {
  const most = Math.max(1, ...days.map(({ total }) => total));
  const height = (tokens: number): number => (tokens / most) * (BASE - 18);
  const step = 1 / days.length;
  const bars = days.map((day, at) => {
    const { key, input, cached, output, total } = day;
    const parts = [
      ["c5", cached],
      ["c0", Math.max(0, input - cached)],
      ["c1", output],
    ] as const;
    let top = BASE;
    const rects = parts.map(([css, tokens]) => {
      top -= height(tokens);
      return `<rect class="${css}" x="${percent((at + 0.1) * step)}" width="${percent(0.8 * step)}" y="${top.toFixed(1)}" height="${height(tokens).toFixed(1)}"/>`;
    });
    const hint = attribute(
      `${key}: ${formatCount(total)} tokens, ${shareText(day.cachedShare) || "0 %"} of the input cached`,
    );
    return `<g><title>${hint}</title>${rects.join("")}</g>`;
  });
  const marks = [most / 2, most].map((tokens) => {
    const y = (BASE - height(tokens)).toFixed(1);
    return {
      line: `<line x1="0" x2="100%" y1="${y}" y2="${y}"/>`,
      text: `<text x="0" y="${Number(y) - 4}">${shortCount(tokens)}</text>`,
    };
  });
  const label = attribute(`Tokens of ${formatCount(days.length)} days, at most ${formatCount(most)} on one`);
  return `<svg class="days" height="${HEIGHT}" role="img" aria-label="${label}"><g class="grid">${marks.map(({ line }) => line).join("")}</g>${bars.join("")}${marks.map(({ text }) => text).join("")}${dayTicks(days)}</svg>`;
}

const TICKS = 6;

function dayTicks(days: readonly TokenRow[]): string {
  const every = Math.ceil(days.length / TICKS);
  const ticks = days.map(({ key }, at) => {
    if (at % every !== 0) return "";
    const hidden = (at / every) % 2 === 1 ? ' class="second"' : "";
    return `<text x="${percent((at + 0.5) / days.length)}" y="${HEIGHT - 6}" text-anchor="${at === 0 && days.length > TICKS ? "start" : "middle"}"${hidden}>${attribute(key, 12)}</text>`;
  });
  return ticks.join("");
}

function columns(what: string): readonly Column<TokenRow>[] {
  const count = (title: string, value: (row: TokenRow) => number): Column<TokenRow> => ({
    title,
    kind: "number",
    value,
    cell: (row) => formatCount(value(row)),
  });
  return [
    { title: what, cell: ({ key }) => recorded(key, 80) },
    count("responses", ({ responses }) => responses),
    count("input", ({ input }) => input),
    {
      title: "cached",
      kind: "number",
      value: ({ cachedShare }) => cachedShare ?? -1,
      cell: ({ cachedShare }) => shareText(cachedShare),
    },
    { title: "", kind: "drawn", cell: ({ cachedShare }) => (cachedShare === null ? "" : meter([["c5", cachedShare]])) },
    count("output", ({ output }) => output),
    {
      title: "reasoning",
      kind: "number",
      value: ({ reasoningShare }) => reasoningShare ?? -1,
      cell: ({ reasoningShare }) => shareText(reasoningShare),
    },
    count("total", ({ total }) => total),
  ];
}
