/** An export that exists, as something to ask: which tables it has, in which files, and what is missing of it. */
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { listFolder, lstatOrUndefined, readWholeFile, statOrUndefined } from "../io/files.ts";
import { NOTES } from "./part-folder.ts";
import { parseNote, type PartNote } from "./part-note.ts";
import { EXPORT_VERSION, type TableName } from "./schema.ts";

export interface DataSet {
  /** Absolute paths, in the order of the months. */
  readonly files: (table: TableName) => readonly string[];
  /** Whether columns of type `text` have what was said. */
  readonly content: boolean;
  /** What is not whole, one clause each. */
  readonly gaps: readonly string[];
}

/**
 * Opens the folder of a Parquet export, of any number of parts.
 * @throws RolloutError when it is none, is of another version, or lacks one of the tables
 */
export function openDataSet(folder: string, tables: ReadonlySet<TableName>): DataSet {
  const notes = notesIn(folder);
  for (const note of notes) checkNote(note, folder, tables);
  return {
    files: (table) => filesIn(join(folder, table)),
    content: notes.every(({ content }) => content),
    gaps: [...unfinished(notes), ...missingShards(notes)],
  };
}

function notesIn(folder: string): readonly PartNote[] {
  const stat = statOrUndefined(folder);
  if (stat === undefined) throw new RolloutError("not-found", "no such folder", { path: folder });
  if (!stat.isDirectory())
    throw new RolloutError("not-a-file", "it is a file, not the folder of an export", { path: folder });
  if (lstatOrUndefined(join(folder, NOTES))?.isDirectory() !== true) {
    throw new RolloutError("mismatch", "the folder is no export of tables", {
      path: folder,
      hint: "name the folder that export -o was given",
    });
  }
  return listFolder(join(folder, NOTES))
    .filter(({ name }) => name.endsWith(".json") && !name.startsWith("."))
    .flatMap(({ name }) => parseNote(readWholeFile(join(folder, NOTES, name)).toString("utf8")) ?? []);
}

function checkNote({ schema, format, tables: there }: PartNote, path: string, wanted: ReadonlySet<TableName>): void {
  if (format !== "parquet") {
    const hint = "export without --format, or ask the home itself";
    throw new RolloutError("unsupported", `the export is of ${JSON.stringify(format)}, not of Parquet`, { path, hint });
  }
  if (schema !== EXPORT_VERSION) {
    const message = `its tables are of version ${JSON.stringify(schema)}, and ${EXPORT_VERSION} is known here`;
    throw new RolloutError("mismatch", message, { path, hint: "export the home again, with this release" });
  }
  const missing = [...wanted].find((table) => Array.isArray(there) && !there.includes(table));
  if (missing === undefined) return;
  const hint = "it was made with --table; export all of them, or ask the home itself";
  throw new RolloutError("not-found", `the export has no table ${missing}`, { path, hint });
}

function* unfinished(notes: readonly PartNote[]): Generator<string> {
  for (const { part, state } of notes) {
    if (state !== "complete") yield `${part} is being written, or its export was interrupted`;
  }
}

/** Of homes that are there in shards: all shards have to be. */
function* missingShards(notes: readonly PartNote[]): Generator<string> {
  const sets = new Map<string, { readonly count: number; readonly there: Set<number> }>();
  for (const { part, shard } of notes) {
    const set = part.replace(/-\d+of\d+$/, "");
    const { count, there } = sets.get(set) ?? { count: shard.count, there: new Set() };
    sets.set(set, { count, there: there.add(shard.index) });
  }
  for (const [set, { count, there }] of sets) {
    const missing = count - there.size;
    if (missing > 0) yield `of ${set} there are ${there.size} of ${count} shards`;
  }
}

/** Hidden files are halves of what an export has not finished. */
function filesIn(folder: string): readonly string[] {
  if (lstatOrUndefined(folder)?.isDirectory() !== true) return [];
  const months = listFolder(folder).filter((entry) => entry.isDirectory() && entry.name.startsWith("month="));
  return months.flatMap(({ name: month }) =>
    listFolder(join(folder, month))
      .filter((entry) => entry.isFile() && entry.name.endsWith(".parquet") && !entry.name.startsWith("."))
      .map(({ name }) => join(folder, month, name)),
  );
}
