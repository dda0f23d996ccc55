/** The report of a run from what the run held in its hands. Pure. */
import { join } from "node:path";
import { plainPath } from "../format/names.ts";
import type { Discovery, Home } from "../readers/home.ts";
import type { Duplicate } from "./assemble.ts";
import { STATE_DB } from "./database-files.ts";
import type { DesiredIndex } from "./desired.ts";
import type { Differences } from "./differences.ts";
import { fileCounts } from "./look.ts";
import { type OldIndex, threadRows } from "./old-index.ts";
import { SALVAGED_COLUMNS } from "./overlay.ts";
import type { ReindexOptions } from "./options.ts";
import type { Action, ColumnCount, DuplicateReport, Neighbour, ReindexReport, TableCount } from "./report.ts";
import type { Rejection } from "./state-db.ts";

interface Run {
  readonly home: Home;
  readonly options: ReindexOptions;
  readonly discovery: Discovery;
  readonly startedMs: number;
  readonly old: OldIndex;
  readonly desired: DesiredIndex;
  readonly differences: Differences;
  readonly neighbours: readonly Neighbour[];
  readonly action: Action;
  readonly rejections: readonly Rejection[];
  readonly backup: string | undefined;
}

export function summarize(input: Run): ReindexReport {
  const { old, desired, differences, discovery, options } = input;
  const rows = threadRows(old);
  const wasThere = old.state !== "absent" && old.state !== "empty";
  return {
    codexHome: input.home.codexHome,
    database: join(input.home.sqliteHome, STATE_DB),
    rules: options.rules,
    level: desired.level,
    lineEnds: desired.flavour,
    before: { state: old.state, level: old.level, problems: old.problems },
    action: input.action,
    backup: input.backup,
    files: {
      ...fileCounts(discovery),
      read: desired.scan.filesRead,
      unchanged: discovery.files.length - desired.scan.filesRead,
      rejected: desired.rejected,
    },
    threads: {
      indexed: new Set([...desired.threads.map(({ id }) => id), ...desired.untouched]).size + desired.keptRows.length,
      added: differences.missing.length,
      changed: new Set(differences.columns.map(({ id }) => id)).size,
      withoutRollout: desired.withoutRollout,
    },
    edges: desired.edges.length,
    columns: columnCounts(input),
    tables: wasThere ? tableCounts(old, input.rejections) : [],
    salvage: wasThere ? { pages: old.pages, unreadablePages: old.unreadablePages, threads: rows.size } : undefined,
    duplicates: desired.duplicates.map(duplicateReport),
    rejectedRows: input.rejections,
    differences: options.mode === "write" ? [] : differences.columns,
    neighbours: input.neighbours.map((neighbour) => ({
      ...neighbour,
      movedAside: neighbour.movedAside && options.mode === "write",
    })),
    bytesRead: desired.scan.bytesRead,
    durationMs: options.now() - input.startedMs,
  };
}

function columnCounts({ old, desired }: Run): readonly ColumnCount[] {
  const rows = threadRows(old);
  const bare = desired.threads.filter(({ id }) => !rows.has(id));
  return SALVAGED_COLUMNS.map((column) => {
    const recovered = desired.recovered.get(column) ?? 0;
    const unknown = bare.filter((thread) => isDefault(thread[column])).length;
    return { column, derived: desired.threads.length - recovered - unknown, recovered, lost: unknown };
  });
}

/** A value that a row has when nothing is known of it. */
function isDefault(value: string | number | null): boolean {
  return value === null || value === "" || value === 0 || value === "enabled";
}

function tableCounts(old: OldIndex, rejections: readonly Rejection[]): readonly TableCount[] {
  return [...old.tables]
    .filter(([table, rows]) => table !== "threads" && rows.length > 0)
    .map(([table, rows]) => {
      const dropped = rejections.filter(
        (rejection) => rejection.table === table && rejection.reason !== "dangling-reference",
      ).length;
      return { table, recovered: rows.length - dropped, dropped };
    });
}

function duplicateReport({ id, chosen, others, reverted }: Duplicate): DuplicateReport {
  return { id, chosen: plainPath(chosen.path), others: others.map(({ path }) => plainPath(path)), reverted };
}
