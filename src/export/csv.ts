/**
 * Tables as CSV (RFC 4180): UTF-8, a header, lines that end in CRLF. Null is an empty field, and empty text is `""`. Times are text
 * (ISO 8601, UTC). A NUL, which few readers survive, becomes U+FFFD.
 *
 * What a rollout holds is written by others, and a spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage
 * return for a formula. Text that begins so gets an apostrophe in front, and text that begins with apostrophes and then so gets one
 * more: taking one away from every cell that matches `^'+[=+\-@\t\r]` gives the text back.
 */
import { type Cell, isoTime, type Row, type RowWriter, type TableFormat, TextOutput, wellFormed } from "./format.ts";
import type { Column } from "./schema.ts";

/** For spreadsheets. */
export const CSV: TableFormat = csvFormat(true);
/** For programs: text as it is. */
export const RAW_CSV: TableFormat = csvFormat(false);

function csvFormat(isGuarded: boolean): TableFormat {
  return {
    extension: "csv",
    open: ({ columns }, sink) => new CsvWriter(columns, new TextOutput(sink), isGuarded),
  };
}

const LINE_END = "\r\n";

class CsvWriter implements RowWriter {
  readonly #columns: readonly Column[];
  readonly #output: TextOutput;
  readonly #isGuarded: boolean;

  constructor(columns: readonly Column[], output: TextOutput, isGuarded: boolean) {
    this.#columns = columns;
    this.#output = output;
    this.#isGuarded = isGuarded;
    output.write(columns.map(({ name }) => name).join(",") + LINE_END);
  }

  add(row: Row): void {
    for (const [index, { name, type }] of this.#columns.entries()) {
      if (index > 0) this.#output.write(",");
      this.#output.write(this.#field(row[name] ?? null, type));
    }
    this.#output.write(LINE_END);
  }

  #field(cell: Cell, type: Column["type"]): string {
    if (cell === null) return "";
    if (typeof cell === "string") return quoted(this.#isGuarded ? guarded(cell) : cell);
    return type === "timestamp" && typeof cell === "number" ? isoTime(cell) : String(cell);
  }

  finish(): void {
    this.#output.flush();
  }
}

const FORMULA = /^'*[=+\-@\t\r]/;

function guarded(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

const NEEDS_QUOTES = /[",\r\n]|^$|^ | $/;

function quoted(text: string): string {
  const safe = wellFormed(text).replaceAll("\0", "\ufffd");
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
