/**
 * A unit of an export: the threads of a month, as many as come to a certain size, and one file for each of their tables. Units are cut by
 * what is in the home alone, so that the files are the same whoever writes them, and however many at once.
 */
import type { UnreadableFile } from "../analysis/inherited.ts";
import type { Row, RowWriter, TableFormat } from "./format.ts";
import { type FileUnit, type PartFile, partFile, type PartPlace } from "./part-folder.ts";
import type { WrittenFile } from "./part-note.ts";
import { EXPORT_VERSION, type TableName, TABLES } from "./schema.ts";
import { exportThread, type RowSettings } from "./thread-rows.ts";
import { type PlainPlaces, type PlainThread, placesOf, threadAt } from "./threads.ts";

export interface ExportUnit extends FileUnit {
  readonly threads: readonly PlainThread[];
  /** Of their rollouts, as they lie on the disk. */
  readonly bytes: number;
}

/** A month of more than this is cut; a thread of more is a unit of its own. */
const UNIT_BYTES = 128 * 1024 * 1024;

/** The threads in their order, which is that of the months. */
export function unitsOf(threads: readonly PlainThread[], unitBytes = UNIT_BYTES): readonly ExportUnit[] {
  const units: (ExportUnit & { threads: PlainThread[]; bytes: number })[] = [];
  for (const thread of threads) {
    const last = units.at(-1);
    const bytes = diskBytes(thread);
    if (last?.month === thread.month && last.bytes + bytes <= unitBytes) {
      last.threads.push(thread);
      last.bytes += bytes;
    } else {
      const number = last?.month === thread.month ? last.number + 1 : 1;
      units.push({ month: thread.month, number, threads: [thread], bytes });
    }
  }
  return units;
}

export function diskBytes({ own }: PlainThread): number {
  return own.reduce((sum, { file }) => sum + file.sizeBytes, 0);
}

export interface ExportedFile extends WrittenFile {
  readonly rows: number;
}

export interface UnitReport {
  readonly threads: number;
  readonly files: readonly ExportedFile[];
  readonly unreadable: readonly UnreadableFile[];
}

export interface UnitSettings extends RowSettings {
  readonly format: TableFormat;
  readonly place: PartPlace;
  readonly about: Readonly<Record<string, string>>;
}

/**
 * Writes the files of a unit. `advance` is told the bytes of each thread that is done.
 * @throws RolloutError when they cannot be written; none of them is left then.
 */
export async function exportUnit(
  unit: ExportUnit,
  places: PlainPlaces,
  settings: UnitSettings,
  advance: (bytes: number) => void,
): Promise<UnitReport> {
  const files = new UnitFiles(unit, settings);
  const where = placesOf(places);
  const unreadable: UnreadableFile[] = [];
  let threads = 0;
  try {
    for (const thread of unit.threads) {
      const add = (table: TableName, row: Row): void => files.add(table, row);
      if (await exportThread(threadAt(thread, where), settings, add, unreadable)) threads += 1;
      advance(diskBytes(thread));
    }
    return { threads, files: files.finish(), unreadable };
  } catch (error) {
    files.discard();
    throw error;
  }
}

interface OpenTable {
  readonly file: PartFile;
  readonly writer: RowWriter;
  rows: number;
}

/** A file for each table that has rows. */
class UnitFiles {
  readonly #unit: FileUnit;
  readonly #settings: UnitSettings;
  readonly #open = new Map<TableName, OpenTable>();

  constructor(unit: FileUnit, settings: UnitSettings) {
    this.#unit = unit;
    this.#settings = settings;
  }

  add(table: TableName, row: Row): void {
    let open = this.#open.get(table);
    if (open === undefined) this.#open.set(table, (open = this.#begin(table)));
    open.writer.add(row);
    open.rows += 1;
  }

  #begin(table: TableName): OpenTable {
    const { format, place, about } = this.#settings;
    const file = partFile(place, table, this.#unit);
    const told = { ...about, schema: String(EXPORT_VERSION), table, part: place.name };
    try {
      return { file, rows: 0, writer: format.open({ table, columns: TABLES[table], about: told }, file.sink) };
    } catch (error) {
      file.discard();
      throw error;
    }
  }

  finish(): readonly ExportedFile[] {
    const done: ExportedFile[] = [];
    for (const [table, { file, writer, rows }] of this.#open) {
      writer.finish();
      done.push({ ...file.publish(), rows });
      this.#open.delete(table);
    }
    return done;
  }

  discard(): void {
    for (const { file } of this.#open.values()) file.discard();
    this.#open.clear();
  }
}
