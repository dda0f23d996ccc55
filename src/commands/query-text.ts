/** The answer of `query` for people: rows as a table, or one below the other where a table would be too wide to be read. */
import type { UnreadableFile } from "../analysis/inherited.ts";
import type { SqlColumn, SqlValue } from "../export/duckdb.ts";
import type { QueryPlan } from "../export/query.ts";
import type { DataSet } from "../export/query-data.ts";
import { escapeText } from "../io/console.ts";
import { counted, fitText, formatCount, padText, textWidth } from "../io/text.ts";
import type { CommandContext } from "./command.ts";
import { toJson } from "./render.ts";
import { type Column, renderTable } from "./table.ts";

type Look = Pick<CommandContext, "paint" | "columns">;
type SqlRow = readonly SqlValue[];

/** UTF-16 units of a cell in a table. `--json` has all of them. */
const MAX_CELL_LENGTH = 1000;
/** Cells below which a column of text is not worth reading. */
const READABLE_WIDTH = 8;
const GAP = 2;

export function renderRows(columns: readonly SqlColumn[], rows: readonly SqlRow[], look: Look): string {
  const cells = rows.map((row) => row.map(cellText));
  return isTooWide(columns, cells, look)
    ? renderRecords(columns, cells, look)
    : renderCells(columns, rows, cells, look);
}

/** Text of a cell, not made safe. */
function cellText(value: SqlValue | undefined): string {
  if (value === null || value === undefined) return "NULL";
  const text = typeof value === "object" ? toJson(value) : String(value);
  return text.length <= MAX_CELL_LENGTH ? text : `${text.slice(0, MAX_CELL_LENGTH).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** Names of columns come from the statement, and with `pivot` from rollouts. */
function titleOf({ name }: SqlColumn): string {
  return escapeText(cellText(name));
}

function isTooWide(
  columns: readonly SqlColumn[],
  cells: readonly (readonly string[])[],
  { columns: limit }: Look,
): boolean {
  if (limit === undefined || cells.length === 0) return false;
  const least = columns.map((column, index) => {
    const title = textWidth(titleOf(column));
    const widest = cells.reduce((most, row) => Math.max(most, row[index]?.length ?? 0), title);
    return column.isNumber ? widest : Math.min(widest, READABLE_WIDTH);
  });
  return least.reduce((sum, width) => sum + width, GAP * (columns.length - 1)) > limit;
}

function renderCells(
  columns: readonly SqlColumn[],
  rows: readonly SqlRow[],
  cells: readonly (readonly string[])[],
  look: Look,
): string {
  const shown = columns.map((column, index): Column<number> => {
    return {
      title: titleOf(column),
      value: (at) => cells[at]?.[index] ?? "",
      align: column.isNumber ? "right" : "left",
      flexible: !column.isNumber,
      paint: (text, at) => (rows[at]?.[index] === null ? look.paint.dim(text) : text),
    };
  });
  return renderTable(shown, [...rows.keys()], look);
}

function renderRecords(
  columns: readonly SqlColumn[],
  cells: readonly (readonly string[])[],
  { paint, columns: limit = Infinity }: Look,
): string {
  const titles = columns.map(titleOf);
  const widest = Math.max(...titles.map(textWidth));
  const width = Math.min(widest, Math.max(READABLE_WIDTH, Math.floor(limit / 2)));
  return cells
    .map((row, index) => {
      const lines = row.map((cell, at) => {
        const label = paint.dim(padText(fitText(titles[at] ?? "", width), width));
        return `${label}  ${fitText(escapeText(cell), Math.max(READABLE_WIDTH, limit - width - GAP))}\n`;
      });
      return `${paint.bold(`row ${formatCount(index + 1)}`)}\n${lines.join("")}`;
    })
    .join("\n");
}

/** What `explain` draws, as it is drawn. */
export function renderPlan(rows: readonly SqlRow[]): string {
  return rows.map((row) => `${escapeText(planText(row.at(-1)).trimEnd(), { newlines: "keep" })}\n`).join("");
}

function planText(value: SqlValue | undefined): string {
  return typeof value === "string" ? value : "";
}

export interface Printed {
  readonly shown: number;
  /** All that there are; as many as were shown where nobody counted on. */
  readonly count: number;
}

export interface QueryTelling extends Printed {
  readonly plan: QueryPlan;
  /** Undefined where the question asks for nothing of a home. */
  readonly data: DataSet | undefined;
  readonly unreadable: readonly UnreadableFile[];
}

const SHOWN_PROBLEMS = 10;

/** What belongs to the answer and is no row, for stderr. */
export function* queryMessages({ shown, count, plan, data, unreadable }: QueryTelling): Generator<string> {
  if (count === 0) yield "no rows\n";
  if (count > shown) yield `… and ${counted(count - shown, "more row")}; --limit 0 shows all\n`;
  if (data?.content === false && plan.content)
    yield "the export has no content: what people, models and tools said is NULL\n";
  for (const gap of data?.gaps ?? []) yield `not whole: ${escapeText(gap)}\n`;
  for (const { path, message } of unreadable.slice(0, SHOWN_PROBLEMS)) {
    yield `not read, or only in part  ${escapeText(path)}: ${escapeText(message)}\n`;
  }
  const more = unreadable.length - SHOWN_PROBLEMS;
  if (more > 0) yield `… and ${formatCount(more)} more that could not be read\n`;
}
