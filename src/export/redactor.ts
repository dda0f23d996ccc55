/** The seam for `--redact`: rows go through here on their way to a format, in batches, since a redactor may have to be waited for. */
import { TABLES } from "./schema.ts";
import type { Row } from "./format.ts";
import type { TaggedRow } from "./tables-thread.ts";

/** As many texts as it was given, in their order, without their secrets. */
export type Redactor = (texts: readonly string[]) => Promise<readonly string[]>;

export interface PreparedRow {
  readonly table: TaggedRow["table"];
  readonly row: Row;
}

/** Together as many rows, or so many UTF-16 units of text. */
const BATCH_ROWS = 500;
const BATCH_LENGTH = 1 << 20;

/** Redacts the texts of the rows of a thread, a batch at a time. */
export async function* redactRows(rows: Iterable<PreparedRow>, redact: Redactor): AsyncGenerator<PreparedRow> {
  for (const batch of batchesOf(rows)) {
    const places = batch.flatMap(({ table, row }, index) => {
      return TEXT_COLUMNS[table].flatMap((name) => {
        const text = row[name];
        return typeof text === "string" && text !== "" ? [{ index, name, text }] : [];
      });
    });
    const clean = await redact(places.map(({ text }) => text));
    const rowsDone = batch.map(({ row }) => ({ ...row }));
    for (const [at, { index, name }] of places.entries()) {
      const done = rowsDone[index];
      // A text that did not come back must not go out as it was.
      if (done !== undefined) done[name] = clean[at] ?? null;
    }
    for (const [index, { table }] of batch.entries()) yield { table, row: rowsDone[index] ?? {} };
  }
}

function* batchesOf(rows: Iterable<PreparedRow>): Generator<readonly PreparedRow[]> {
  let batch: PreparedRow[] = [];
  let length = 0;
  for (const one of rows) {
    batch.push(one);
    for (const name of TEXT_COLUMNS[one.table]) {
      const text = one.row[name];
      if (typeof text === "string") length += text.length;
    }
    if (batch.length < BATCH_ROWS && length < BATCH_LENGTH) continue;
    yield batch;
    batch = [];
    length = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Columns of what people, models and tools wrote, by table. */
export const TEXT_COLUMNS = Object.fromEntries(
  Object.entries(TABLES).map(([table, columns]) => [
    table,
    columns.filter(({ type }) => type === "text").map(({ name }) => name),
  ]),
) as unknown as Readonly<Record<TaggedRow["table"], readonly string[]>>;
