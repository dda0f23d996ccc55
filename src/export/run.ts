/**
 * One run of `export` over tables: threads in the order of their months, their rows through content rules and redactor into the files of
 * a part, or into one stream.
 */
import type { UnreadableFile } from "../analysis/inherited.ts";
import { assert } from "../errors.ts";
import { type Crew, exportUnits } from "./crew.ts";
import type { ByteSink, Row, RowWriter, TableFormat } from "./format.ts";
import { openPartFolder, type PartPlan } from "./part-folder.ts";
import { type TableName, TABLES } from "./schema.ts";
import type { Shard } from "./shard.ts";
import { exportThread, type RowSettings } from "./thread-rows.ts";
import { type ExportSource, findThreads } from "./threads.ts";
import { diskBytes, type ExportedFile, unitsOf } from "./unit.ts";

export interface TableExport extends RowSettings {
  readonly source: ExportSource;
  readonly shard: Shard;
  /** Told the bytes of each file that is done, as they lie on the disk. */
  readonly advance?: ((bytes: number) => void) | undefined;
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
      request.advance?.(diskBytes(thread));
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

export interface FolderFormat {
  readonly format: TableFormat;
  readonly about: Readonly<Record<string, string>>;
  /** Undefined: by this thread alone. */
  readonly crew?: Crew | undefined;
}

/**
 * Exports into the folder of a data set: the same files, however many threads write them.
 * @throws RolloutError as `openPartFolder`, and when a file cannot be written; files that are whole by then stay.
 */
export async function exportToFolder(
  request: TableExport,
  plan: PartPlan,
  { format, about, crew }: FolderFormat,
): Promise<ExportReport> {
  const { tables, content, redact, advance = () => undefined } = request;
  const folder = openPartFolder(plan);
  const { plain, unreadable } = findThreads(request.source, request.shard);
  const settings = { tables, content, redact, format, about, place: folder.place };
  const units = unitsOf(plain.threads);
  const reports = await exportUnits({ units, places: plain.places, settings, crew, advance });
  const files = reports.flatMap((report) => report.files);
  const rows: Partial<Record<string, number>> = Object.fromEntries(tables.map((table) => [table, 0]));
  for (const file of files) rows[file.table] = (rows[file.table] ?? 0) + file.rows;
  const report: ExportReport = {
    threads: reports.reduce((sum, { threads }) => sum + threads, 0),
    rows,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    files,
    unreadable: [...unreadable, ...reports.flatMap((unit) => unit.unreadable)],
  };
  folder.finish({ threads: report.threads, rows: report.rows, files, skipped: report.unreadable.length });
  return report;
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
