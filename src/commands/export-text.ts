/** The answer of `export` for people. */
import type { ExportReport } from "../export/run.ts";
import type { Shard } from "../export/shard.ts";
import { escapeText } from "../io/console.ts";
import { formatBytes, formatCount } from "../io/text.ts";
import type { CommandContext } from "./command.ts";
import { shortPath } from "./compress-text.ts";
import { renderFields } from "./render.ts";
import { type Column, renderTable } from "./table.ts";

type Look = Pick<CommandContext, "paint" | "columns" | "cwd">;

/** What `--json` prints: the report, and of what it is. */
export interface ExportAnswer extends ExportReport {
  /** Null for files that lie in no home, or in several. */
  readonly codexHome: string | null;
  readonly out: string;
  readonly format: string;
  /** Version of the tables; null for documents. */
  readonly schema: number | null;
  /** What its files are called, without their extension; null for documents, which are named by their threads. */
  readonly part: string | null;
  readonly shard: Shard;
}

interface TableLine {
  readonly table: string;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
}

export function renderExport(answer: ExportAnswer, look: Look): string {
  return (
    (answer.part === null ? "" : renderTable(TABLE, tableLines(answer), look)) +
    renderFields(fieldsOf(answer, look), look.paint) +
    unreadable(answer, look)
  );
}

const TABLE: readonly Column<TableLine>[] = [
  { title: "table", value: ({ table }) => table },
  { title: "rows", value: ({ rows }) => formatCount(rows), align: "right" },
  { title: "files", value: ({ files }) => formatCount(files), align: "right" },
  { title: "bytes", value: ({ bytes }) => formatBytes(bytes), align: "right" },
];

function tableLines({ rows, files }: ExportAnswer): readonly TableLine[] {
  return Object.entries(rows).map(([table, count]) => {
    const own = files.filter((file) => file.table === table);
    return { table, rows: count, files: own.length, bytes: own.reduce((sum, { bytes }) => sum + bytes, 0) };
  });
}

function fieldsOf(
  { threads, out, part, shard, bytes, format }: ExportAnswer,
  look: Look,
): readonly (readonly [string, string])[] {
  const { index, count } = shard;
  return [
    ["threads", count === 1 ? formatCount(threads) : `${formatCount(threads)} in shard ${index} of ${count}`],
    ["folder", shortPath(out, look)],
    part === null ? ["documents", `${formatBytes(bytes)} of ${format}`] : ["files", `${part}.*`],
  ];
}

const SHOWN = 10;

function unreadable(report: ExportReport, { paint }: Look): string {
  return unreadableMessages(report)
    .map((message) => paint.yellow(message.trimEnd()) + "\n")
    .join("");
}

/** What is missing, one a line. */
export function unreadableMessages({ unreadable: problems }: ExportReport): readonly string[] {
  const lines = problems.slice(0, SHOWN).map(({ path, message }) => {
    return `not exported, or only in part  ${escapeText(path)}: ${escapeText(message)}\n`;
  });
  const more = problems.length - lines.length;
  return more > 0 ? [...lines, `… and ${more} more\n`] : lines;
}
