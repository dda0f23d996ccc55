/** What `rollout-tool export` does once its options are known; loaded only then. */
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import type { UnreadableFile } from "../analysis/inherited.ts";
import { RolloutError } from "../errors.ts";
import { DOCUMENT_FORMATS, type DocumentExport, type DocumentFormat, exportDocuments } from "../export/documents.ts";
import { type FormatName, formatNamed } from "../export/formats.ts";
import { digestOf, isPartName, partName } from "../export/part-folder.ts";
import type { PartOwner } from "../export/part-note.ts";
import { createRedactor } from "../export/redact.ts";
import { exportTables, exportToFolder, type ExportReport, StreamTarget, type TableExport } from "../export/run.ts";
import { EXPORT_VERSION, type TableName, TABLES } from "../export/schema.ts";
import { parseShard, type Shard, WHOLE } from "../export/shard.ts";
import { escapeText } from "../io/console.ts";
import { readWholeFile } from "../io/files.ts";
import { keepOldGenerationSmall, letYoungGenerationGrow, settleYoungGeneration } from "../io/heap.ts";
import { openHome } from "../readers/home.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { type ExportAnswer, renderExport, unreadableMessages } from "./export-text.ts";
import { didYouMean, quote, usageError } from "./options.ts";
import { printAnswer } from "./render.ts";
import { type StatsTarget, targetOf } from "./stats-target.ts";

export interface ExportCall extends GlobalOptions {
  readonly threads: readonly string[];
  readonly format: FormatName | DocumentFormat;
  readonly out: string | undefined;
  readonly table: readonly string[];
  readonly shard: string | undefined;
  readonly partName: string | undefined;
  readonly noContent: boolean;
  readonly redact: boolean;
  readonly rawCsv: boolean;
}

/** 1 when something could not be read, or only in part. */
export async function runExport(call: ExportCall, context: CommandContext): Promise<ExitCode> {
  const { out, shard, tables } = checked(call);
  keepOldGenerationSmall();
  letYoungGenerationGrow();
  const target = targetOf(call, context);
  const redaction = call.redact ? await createRedactor() : undefined;
  const request = { ...requestOf(target, call, context), shard, content: !call.noContent };
  const { format } = call;
  if (isDocuments(format)) return toDocuments({ ...request, format, redaction }, target, { call, context, out });
  const tableRequest = { ...request, tables, redact: redaction?.redact };
  const run = { call, context, format };
  return out === "-" ? toStdout(tableRequest, target, run) : toFolder(tableRequest, target, { ...run, out });
}

function isDocuments(format: FormatName | DocumentFormat): format is DocumentFormat {
  return DOCUMENT_FORMATS.some((name) => name === format);
}

/** What only tables have. */
function refuseForDocuments({ format, table, partName: name, rawCsv, out }: ExportCall): void {
  if (table.length > 0) throw usageError(`--table means nothing for ${format}`, "each thread becomes a document");
  if (name !== undefined)
    throw usageError(`--part-name means nothing for ${format}`, "documents are named by their threads");
  if (rawCsv) throw usageError(`--raw-csv means nothing for ${format}`);
  if (out === "-") throw usageError(`${format} cannot go to stdout`, "name a folder: each thread becomes a document");
}

interface Checked {
  readonly out: string;
  readonly shard: Shard;
  readonly tables: readonly TableName[];
}

/** What is wrong with a call is told before anything is read. */
function checked(call: ExportCall): Checked {
  const { out, format, rawCsv, partName: name } = call;
  const shard = call.shard === undefined ? WHOLE : parseShard(call.shard);
  const tables = tablesOf(call.table);
  if (out === undefined) throw usageError("--out is missing", "name a folder, as in: rollout-tool export -o data");
  if (shard === undefined)
    throw usageError(`${quote(call.shard ?? "")} is no shard`, "of four shards the first is 0/4, the last is 3/4");
  if (name !== undefined && !isPartName(name))
    throw usageError(
      `${quote(name)} cannot be part of a file's name`,
      "letters, digits, - . _ and at most 100 of them",
    );
  if (isDocuments(format)) refuseForDocuments(call);
  if (rawCsv && format !== "csv") throw usageError(`--raw-csv means nothing for ${format}`);
  if (out === "-") {
    if (format === "parquet") throw usageError("Parquet cannot go to stdout", "use --format jsonl or csv, or a folder");
    if (tables.length !== 1) throw usageError("stdout takes one table", "name it, as in: --table usage");
    if (call.json) throw usageError("--json and -o - exclude each other", "both would print on stdout");
  }
  return { out, shard, tables };
}

/** In the order of the documentation, whatever the order they were named in. */
function tablesOf(given: readonly string[]): readonly TableName[] {
  const all = Object.keys(TABLES) as readonly TableName[];
  const named = given.flatMap((text) => text.split(",")).map((text) => text.trim());
  const unknown = named.find((name) => !Object.hasOwn(TABLES, name));
  if (unknown !== undefined) {
    throw usageError(`there is no table ${quote(unknown)}`, didYouMean(unknown, all) ?? `they are ${all.join(", ")}`);
  }
  return named.length === 0 ? all : all.filter((table) => named.includes(table));
}

function requestOf(
  { codexHome, files, documents, others }: StatsTarget,
  { sqliteHome }: ExportCall,
  context: CommandContext,
): Pick<TableExport, "source" | "advance"> {
  const sqliteHomeEnv = context.env["CODEX_SQLITE_HOME"];
  const home = codexHome === undefined ? undefined : openHome({ codexHome, sqliteHome, sqliteHomeEnv });
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const progress = context.progress("exporting", total, "bytes");
  return {
    source: { codexHome, sqliteHome: home?.sqliteHome, files, documents, others },
    advance: (bytes) => {
      progress.advance(bytes);
      settleYoungGeneration();
    },
  };
}

async function toStdout(
  request: TableExport,
  { problems }: StatsTarget,
  { call, context, format: name }: Omit<FolderCall, "out">,
): Promise<ExitCode> {
  const { stdout, stderr, isTTY } = context;
  const [table] = request.tables;
  const format = formatNamed(name, call);
  const sink = (bytes: Uint8Array): void => {
    const text = Buffer.from(bytes).toString("utf8");
    // A terminal obeys what a file keeps.
    stdout.write(isTTY ? escapeText(text.replaceAll("\r\n", "\n"), { newlines: "keep" }) : text);
  };
  const target = new StreamTarget(table as TableName, format, sink);
  const report = withProblems(problems, await exportTables(request, target));
  for (const message of unreadableMessages(report)) stderr.write(message);
  return exitCode(report);
}

interface FolderCall {
  readonly call: ExportCall;
  readonly context: CommandContext;
  readonly format: FormatName;
  readonly out: string;
}

async function toDocuments(
  request: DocumentExport,
  target: StatsTarget,
  { call, context, out: name }: Omit<FolderCall, "format">,
): Promise<ExitCode> {
  const out = resolve(context.cwd, name);
  const report = withProblems(target.problems, await exportDocuments(request, out));
  const { format, shard } = request;
  const codexHome = target.codexHome ?? null;
  const answer: ExportAnswer = { codexHome, out, format, schema: null, part: null, shard, ...report };
  printAnswer(context.stdout, call.json, answer, () => renderExport(answer, context));
  return exitCode(report);
}

async function toFolder(
  request: TableExport,
  target: StatsTarget,
  { call, context, format: name, out }: FolderCall,
): Promise<ExitCode> {
  const format = formatNamed(name, call);
  const settings = {
    format: call.rawCsv ? "raw-csv" : call.format,
    schema: EXPORT_VERSION,
    tables: request.tables,
    content: request.content,
    redacted: request.redact !== undefined,
  };
  const plan = {
    out: resolve(context.cwd, out),
    owner: ownerOf(target),
    name: call.partName,
    shard: request.shard,
    settings,
    extension: format.extension,
  };
  const about = { created_by: `rollout-tool ${context.version}` };
  const crew = { jobs: call.jobs, format: name, rawCsv: call.rawCsv, redacts: request.redact !== undefined };
  const report = withProblems(target.problems, await exportToFolder(request, plan, { format, about, crew }));
  const answer: ExportAnswer = {
    codexHome: target.codexHome ?? null,
    out: plan.out,
    format: call.format,
    schema: EXPORT_VERSION,
    part: partName(plan),
    shard: request.shard,
    ...report,
  };
  printAnswer(context.stdout, call.json, answer, () => renderExport(answer, context));
  return exitCode(report);
}

function withProblems(problems: readonly UnreadableFile[], report: ExportReport): ExportReport {
  return { ...report, unreadable: [...problems, ...report.unreadable] };
}

/** Named files are no home: which they are tells which export it is. */
function ownerOf({ scope, codexHome, files, documents }: StatsTarget): PartOwner {
  const host = hostname();
  if (scope === "home" && codexHome !== undefined)
    return { home: codexHome, host, installation: installationOf(codexHome) };
  const paths = [...files.map(({ logicalPath }) => logicalPath), ...documents];
  return { home: `files ${digestOf(paths)}`, host, installation: null };
}

const MAX_ID_LENGTH = 200;

/** The id that newer releases give a home. */
function installationOf(codexHome: string): string | null {
  try {
    return readWholeFile(join(codexHome, "installation_id")).toString("utf8").trim().slice(0, MAX_ID_LENGTH);
  } catch (error) {
    if (error instanceof RolloutError && error.code !== "internal") return null;
    throw error;
  }
}

function exitCode({ unreadable }: ExportReport): ExitCode {
  return unreadable.length > 0 ? 1 : 0;
}
