/** The rows of one thread on their way to a file: through the rule on content, the limit on cells, and the redactor. */
import { attempt, type UnreadableFile } from "../analysis/inherited.ts";
import type { Cell, Row } from "./format.ts";
import { type PreparedRow, redactRows, type Redactor, TEXT_COLUMNS } from "./redactor.ts";
import type { TableName } from "./schema.ts";
import { readRows } from "./tables.ts";
import type { TaggedRow } from "./tables-thread.ts";
import type { ExportThread } from "./threads.ts";

export interface RowSettings {
  readonly tables: readonly TableName[];
  /** False: columns of type `text` are null. */
  readonly content: boolean;
  readonly redact?: Redactor | undefined;
}

/** Gives the rows of a thread; false for one that cannot be read, which the problems tell. */
export async function exportThread(
  thread: ExportThread,
  { tables, content, redact }: RowSettings,
  add: (table: TableName, row: Row) => void,
  problems: UnreadableFile[],
): Promise<boolean> {
  const read = attempt(thread.newest.file.logicalPath, () => readRows(thread, new Set(tables)));
  if ("message" in read) {
    problems.push(read);
    return false;
  }
  const rows = prepared(read.rows, content);
  if (redact === undefined) for (const { table, row } of rows) add(table, row);
  else for await (const { table, row } of redactRows(rows, redact)) add(table, row);
  problems.push(...read.problems);
  return true;
}

/** UTF-16 units of a cell; what is longer is cut, so that every format can hold it however it escapes. */
const MAX_CELL_LENGTH = 1 << 26;

function* prepared(rows: Iterable<TaggedRow>, content: boolean): Generator<PreparedRow> {
  for (const { table, row } of rows) {
    yield { table, row: shortened(content ? row : withoutContent(table, row)) };
  }
}

function withoutContent(table: TableName, row: Row): Row {
  const bare: Record<string, Cell> = { ...row };
  for (const name of TEXT_COLUMNS[table]) bare[name] = null;
  return bare;
}

function shortened(row: Row): Row {
  let short: Record<string, Cell> | undefined;
  for (const name in row) {
    const cell = row[name];
    if (typeof cell !== "string" || cell.length <= MAX_CELL_LENGTH) continue;
    short ??= { ...row };
    short[name] = cell.slice(0, MAX_CELL_LENGTH);
  }
  return short ?? row;
}
