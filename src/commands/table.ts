/**
 * Text tables: columns as data, cells made safe, and the whole fitted to the width of the terminal. Used by every command
 * that answers with rows; `--json` never comes here.
 */
import { escapeText, type Paint } from "../io/console.ts";
import { fitText, padText, textWidth } from "../io/text.ts";

export interface Column<Row> {
  readonly title: string;
  /** Any text; the table escapes it. Empty where there is nothing to say. */
  readonly value: (row: Row) => string;
  /** Numbers are aligned to the right. */
  readonly align?: "left" | "right";
  /** Gives way, down to `min` cells (8 unless told), when the table is wider than the terminal. */
  readonly flexible?: boolean;
  readonly min?: number;
  /** Colours the finished cell. */
  readonly paint?: (text: string, row: Row) => string;
}

export interface TableOptions {
  /** Width of the terminal in cells; undefined: no limit, nothing is cut. */
  readonly columns: number | undefined;
  readonly paint: Paint;
}

const GAP = 2;
const FLEXIBLE_MIN = 8;
const LAST_RESORT_MIN = 3;

/** The table with a heading line, each line ended by `\n`; empty for no rows. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], options: TableOptions): string {
  if (rows.length === 0) return "";
  const cells = rows.map((row) => columns.map((column) => escapeText(column.value(row))));
  const widths = fitWidths(columns, naturalWidths(columns, cells), options.columns);
  const heading = columns.map((column, index) => options.paint.bold(fitCell(column, column.title, widths, index)));
  const body = cells.map((line, rowIndex) =>
    columns.map((column, index) => {
      const text = fitCell(column, line[index] ?? "", widths, index);
      const row = rows[rowIndex];
      return column.paint === undefined || row === undefined ? text : column.paint(text, row);
    }),
  );
  return [heading, ...body].map((line) => `${line.join(" ".repeat(GAP))}\n`).join("");
}

function naturalWidths<Row>(columns: readonly Column<Row>[], cells: readonly (readonly string[])[]): number[] {
  const widths = columns.map((column) => textWidth(column.title));
  for (const line of cells) {
    for (const [index, cell] of line.entries()) widths[index] = Math.max(widths[index] ?? 0, textWidth(cell));
  }
  return widths;
}

/** Takes cells away, first from the flexible columns, then from all, always from the widest. */
function fitWidths<Row>(
  columns: readonly Column<Row>[],
  natural: readonly number[],
  limit: number | undefined,
): number[] {
  const widths = [...natural];
  if (limit === undefined) return widths;
  const surplus = () => widths.reduce((sum, width) => sum + width, GAP * (widths.length - 1)) - limit;
  const flexibleMin = (column: Column<Row>) => (column.flexible === true ? (column.min ?? FLEXIBLE_MIN) : Infinity);
  shrink(widths, columns.map(flexibleMin), surplus());
  shrink(
    widths,
    columns.map(() => LAST_RESORT_MIN),
    surplus(),
  );
  return widths;
}

/** Removes up to `surplus` cells from `widths`, never going below `least`. */
function shrink(widths: number[], least: readonly number[], surplus: number): void {
  for (let left = surplus; left > 0;) {
    const candidates = widths.map((width, index) => (width > (least[index] ?? Infinity) ? width : 0));
    const widest = Math.max(0, ...candidates);
    if (widest === 0) return;
    const index = candidates.indexOf(widest);
    // Down to the next widest in one step: a column may hold a message of a million characters.
    const next = Math.max(0, ...candidates.filter((width) => width < widest));
    const step = Math.max(1, Math.min(left, widest - Math.max(next, least[index] ?? 0)));
    widths[index] = widest - step;
    left -= step;
  }
}

function fitCell<Row>(column: Column<Row>, text: string, widths: readonly number[], index: number): string {
  const width = widths[index] ?? 0;
  const fitted = fitText(text, width);
  const isLast = index === widths.length - 1;
  if (isLast && column.align !== "right") return fitted;
  return padText(fitted, width, column.align);
}
