/** Tables as JSON Lines: one object a row, its members in the order of the columns, nulls included. Times are text (ISO 8601, UTC). */
import { type Cell, isoTime, type Row, type RowWriter, type TableFormat, TextOutput, wellFormed } from "./format.ts";
import type { Column } from "./schema.ts";

export const JSONL: TableFormat = {
  extension: "jsonl",
  open: ({ columns }, sink) => new JsonlWriter(columns, new TextOutput(sink)),
};

class JsonlWriter implements RowWriter {
  readonly #columns: readonly Column[];
  /** What stands before the value of each column. */
  readonly #heads: readonly string[];
  readonly #output: TextOutput;

  constructor(columns: readonly Column[], output: TextOutput) {
    this.#columns = columns;
    this.#heads = columns.map(({ name }, index) => `${index === 0 ? "{" : ","}${JSON.stringify(name)}:`);
    this.#output = output;
  }

  add(row: Row): void {
    for (const [index, { name, type }] of this.#columns.entries()) {
      this.#output.write(this.#heads[index] ?? "");
      this.#output.write(JSON.stringify(cellOf(row[name] ?? null, type)));
    }
    this.#output.write("}\n");
  }

  finish(): void {
    this.#output.flush();
  }
}

function cellOf(cell: Cell, type: Column["type"]): Cell {
  if (typeof cell === "string") return wellFormed(cell);
  return type === "timestamp" && typeof cell === "number" ? isoTime(cell) : cell;
}
