/** The answer of `stats tokens` for people. */
import type { CountedFile, TokenRow } from "../analysis/tokens.ts";
import { formatCount } from "../io/text.ts";
import type { CommandContext } from "./command.ts";
import { shortPath } from "./compress-text.ts";
import { renderFields } from "./render.ts";
import type { TokensAnswer } from "./stats-answer.ts";
import { formatShare, renderUnreadable } from "./stats-text.ts";
import { type Column, renderTable } from "./table.ts";

type Look = Pick<CommandContext, "paint" | "columns" | "cwd"> & { readonly top: number };

export function renderTokens(answer: TokensAnswer, look: Look): string {
  const { rows, totals, explain } = answer;
  const shown = answer.by === "day" ? rows : rows.slice(0, look.top);
  const hidden = rows.length - shown.length;
  const all: readonly TokenRow[] = [
    ...shown,
    { key: hidden > 0 ? `all ${formatCount(rows.length)}` : "all", ...totals },
  ];
  const parts = [
    rows.length === 0 ? "no responses\n" : renderTable(columnsOf(answer), rows.length === 1 ? shown : all, look),
    explain === undefined ? "" : `\n${renderTable(FILES(answer, look), explain, look)}`,
    `\n${renderFields(fieldsOf(answer), look.paint)}`,
    renderUnreadable(answer, look),
  ];
  return parts.join("");
}

function columnsOf({ by, currency }: TokensAnswer): readonly Column<TokenRow>[] {
  const cost: Column<TokenRow> = {
    title: currency ?? "",
    value: ({ cost: value, unpriced }) => (value === null ? "" : `${value.toFixed(4)}${unpriced > 0 ? "+" : ""}`),
    align: "right",
  };
  return [
    { title: by, value: ({ key }) => key, flexible: true, min: 12 },
    { title: "responses", value: ({ responses }) => formatCount(responses), align: "right" },
    { title: "input", value: ({ input }) => formatCount(input), align: "right" },
    { title: "cached", value: ({ cachedShare }) => formatShare(cachedShare), align: "right" },
    { title: "output", value: ({ output }) => formatCount(output), align: "right" },
    { title: "reasoning", value: ({ reasoningShare }) => formatShare(reasoningShare), align: "right" },
    { title: "total", value: ({ total }) => formatCount(total), align: "right" },
    ...(currency === null ? [] : [cost]),
  ];
}

function FILES({ codexHome }: TokensAnswer, look: Look): readonly Column<CountedFile>[] {
  const seen = { cwd: codexHome ?? look.cwd };
  return [
    { title: "file", value: ({ path }) => shortPath(path, seen), flexible: true, min: 20 },
    { title: "layout", value: ({ layout }) => layout },
    { title: "counted", value: ({ counted }) => formatCount(counted), align: "right" },
    { title: "by", value: rungsOf },
    { title: "left out", value: leftOutOf, flexible: true },
  ];
}

function rungsOf({ own }: CountedFile): string {
  const names = { record: "ids", count: "counts", difference: "differences" } as const;
  const rungs = (["record", "count", "difference"] as const).filter((rung) => own[rung] > 0);
  return rungs.map((rung) => names[rung]).join(", ");
}

function leftOutOf(file: CountedFile): string {
  const { inherited, countedInherited, repeated, estimates, isExact, sources } = file;
  const copied = inherited - countedInherited;
  const parts = [
    copied > 0 ? `${formatCount(copied)} copied from ${sources[0] ?? "another"}` : "",
    countedInherited > 0 ? `(${formatCount(countedInherited)} copied ones counted: their thread is gone)` : "",
    isExact ? "" : "(where the copy ends is uncertain)",
    repeated > 0 ? `${formatCount(repeated)} told again` : "",
    estimates > 0 ? `${formatCount(estimates)} estimated` : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function fieldsOf(answer: TokensAnswer): readonly (readonly [string, string])[] {
  const { totals, rungs, leftOut, naive, files, currency } = answer;
  const rungTexts = [
    [rungs.record, "by their ids"],
    [rungs.count, "by counts of tokens"],
    [rungs.difference, "by what sums grew"],
  ] as const;
  const told = rungTexts.filter(([count]) => count > 0).map(([count, how]) => `${formatCount(count)} ${how}`);
  const again = leftOut.inherited + leftOut.duplicates + leftOut.echoes;
  return [
    ["rollouts", formatCount(files)],
    ...(told.length > 0 ? [["responses", told.join(", ")] as const] : []),
    ...(again > 0 ? [["left out", `${formatCount(again)} told by forks, agents or copies`] as const] : []),
    ["counts added up", wrongBy(naive.everyCount, totals.total)],
    ["last sums added up", wrongBy(naive.lastTotals, totals.total)],
    ...(totals.unpriced > 0
      ? [["without a price", `${formatCount(totals.unpriced)} responses, not in ${currency ?? "costs"}`] as const]
      : []),
  ];
}

function wrongBy(tokens: number, total: number): string {
  return total === 0 ? formatCount(tokens) : `${formatCount(tokens)} (${(tokens / total).toFixed(2)} times the total)`;
}
