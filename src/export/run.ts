/**
 * One run of `export` over tables: threads in the order of their months, their rows through content rules and redactor into the files of
 * a part, or into one stream.
 */
import { attempt, type UnreadableFile } from "../analysis/inherited.ts";
import { assert } from "../errors.ts";
import type { ByteSink, Cell, Row, RowWriter, TableFormat } from "./format.ts";
import { openPartFolder, type PartFile, type PartFolder, type PartPlan } from "./part-folder.ts";
import type { WrittenFile } from "./part-note.ts";
import { type PreparedRow, redactRows, type Redactor, TEXT_COLUMNS } from "./redactor.ts";
import { EXPORT_VERSION, type TableName, TABLES } from "./schema.ts";
import type { Shard } from "./shard.ts";
import { readRows, type TaggedRow } from "./tables.ts";
import { type ExportSource, type ExportThread, findThreads } from "./threads.ts";

export interface TableExport {
  readonly source: ExportSource;
  readonly shard: Shard;
  readonly tables: readonly TableName[];
  /** False: columns of type `text` are null. */
  readonly content: boolean;
  readonly redact?: Redactor | undefined;
  /** Told the bytes of each file that is done, as they lie on the disk. */
  readonly advance?: ((bytes: number) => void) | undefined;
}

export interface ExportedFile extends WrittenFile {
  readonly rows: number;
}

export interface ExportReport {
  readonly threads: number;
  readonly rows: Readonly<Partial<Record<TableName, number>>>;
  /** Of all files. */
  readonly bytes: number;
  readonly files: readonly ExportedFile[];
  /** Files that could not be read, or only in part. */
  readonly unreadable: readonly UnreadableFile[];
}

/** Where rows go. */
export interface RowTarget {
  add(month: string, table: TableName, row: Row): void;
  /** All rows are in. */
  finish(): readonly ExportedFile[];
  /** Something went wrong: leaves nothing unfinished behind. */
  discard(): void;
}

/**
 * Exports the threads of a shard. One that cannot be read is told in the report.
 * @throws RolloutError when the target cannot be written; files that are whole by then stay.
 */
export async function exportTables(request: TableExport, target: RowTarget): Promise<ExportReport> {
  const { threads, unreadable } = findThreads(request.source, request.shard);
  const problems = [...unreadable];
  const rows: Partial<Record<TableName, number>> = Object.fromEntries(request.tables.map((table) => [table, 0]));
  let done = 0;
  try {
    for (const thread of threads) {
      const isRead = await exportThread(
        thread,
        request,
        (table, row) => {
          target.add(thread.month, table, row);
          rows[table] = (rows[table] ?? 0) + 1;
        },
        problems,
      );
      if (isRead) done += 1;
      request.advance?.(thread.own.reduce((sum, { file }) => sum + file.sizeBytes, 0));
    }
    const files = target.finish();
    return {
      threads: done,
      rows,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      files,
      unreadable: problems,
    };
  } catch (error) {
    target.discard();
    throw error;
  }
}

async function exportThread(
  thread: ExportThread,
  { tables, content, redact }: TableExport,
  add: (table: TableName, row: Row) => void,
  problems: UnreadableFile[],
): Promise<boolean> {
  const read = attempt(thread.newest.file.logicalPath, () => readRows(thread, new Set(tables)));
  if ("message" in read) {
    problems.push(read);
    return false;
  }
  problems.push(...read.problems);
  const rows = prepared(read.rows, content);
  if (redact === undefined) for (const { table, row } of rows) add(table, row);
  else for await (const { table, row } of redactRows(rows, redact)) add(table, row);
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

/** Exports into the folder of a data set. @throws RolloutError as `openPartFolder` and `exportTables`. */
export async function exportToFolder(
  request: TableExport,
  plan: PartPlan,
  { format, about }: { readonly format: TableFormat; readonly about: Readonly<Record<string, string>> },
): Promise<ExportReport> {
  const folder = openPartFolder(plan);
  const report = await exportTables(request, new FolderTarget(folder, format, about));
  const { threads, rows, files, unreadable } = report;
  folder.finish({ threads, rows, files, skipped: unreadable.length });
  return report;
}

interface OpenTable {
  readonly file: PartFile;
  readonly writer: RowWriter;
  rows: number;
}

/** Files of a part, those of one month open at a time. */
class FolderTarget implements RowTarget {
  readonly #folder: PartFolder;
  readonly #format: TableFormat;
  readonly #about: Readonly<Record<string, string>>;
  readonly #files: ExportedFile[] = [];
  readonly #open = new Map<TableName, OpenTable>();
  #month: string | undefined;

  constructor(folder: PartFolder, format: TableFormat, about: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.#format = format;
    this.#about = about;
  }

  add(month: string, table: TableName, row: Row): void {
    if (month !== this.#month) this.#finishMonth();
    this.#month = month;
    let open = this.#open.get(table);
    if (open === undefined) this.#open.set(table, (open = this.#begin(table, month)));
    open.writer.add(row);
    open.rows += 1;
  }

  #begin(table: TableName, month: string): OpenTable {
    const file = this.#folder.file(table, month);
    const about = { ...this.#about, schema: String(EXPORT_VERSION), table, part: this.#folder.name };
    try {
      return { file, rows: 0, writer: this.#format.open({ table, columns: TABLES[table], about }, file.sink) };
    } catch (error) {
      file.discard();
      throw error;
    }
  }

  #finishMonth(): void {
    for (const [table, { file, writer, rows }] of this.#open) {
      writer.finish();
      const written = file.publish();
      this.#open.delete(table);
      this.#files.push({ ...written, rows });
    }
  }

  finish(): readonly ExportedFile[] {
    this.#finishMonth();
    return this.#files;
  }

  discard(): void {
    for (const { file } of this.#open.values()) file.discard();
    this.#open.clear();
  }
}

/** One table as one stream, whatever the months. */
export class StreamTarget implements RowTarget {
  readonly #writer: RowWriter;
  readonly #table: TableName;

  constructor(table: TableName, format: TableFormat, sink: ByteSink) {
    this.#table = table;
    this.#writer = format.open({ table, columns: TABLES[table], about: {} }, sink);
  }

  add(_month: string, table: TableName, row: Row): void {
    assert(table === this.#table, "a stream is of one table");
    this.#writer.add(row);
  }

  finish(): readonly ExportedFile[] {
    this.#writer.finish();
    return [];
  }

  discard(): void {
    // What was given out is gone.
  }
}
