/** What Codex's own migration would lose, for people: rollout by rollout, then the sums. Paths and messages are escaped. */
import { escapeText } from "../io/console.ts";
import { formatBytes, formatCount } from "../io/text.ts";
import {
  type LossCount,
  LOSSES,
  type LossKind,
  type LostLine,
  type PreMigrateFailure,
  type PreMigrateFile,
  type PreMigrateReport,
} from "../migrate/pre-migrate-types.ts";
import type { CommandContext } from "./command.ts";
import { shortPath } from "./compress-text.ts";
import { renderFields } from "./render.ts";

export type PreMigrateLook = Pick<CommandContext, "paint" | "cwd"> & {
  /** Rollouts that fail alone, and no sums. */
  readonly quiet?: boolean;
};

export function renderPreMigrate(report: PreMigrateReport, context: PreMigrateLook): string {
  const look = { ...context, cwd: report.codexHome };
  const shown = report.files.filter(({ status }) => context.quiet !== true || status === "failed");
  const parts = shown.map((file) => renderFile(file, look));
  if (context.quiet === true) return parts.join("");
  return `${parts.join("")}${renderKinds(report, look)}${renderFields(fieldsOf(report), context.paint)}`;
}

function renderFile(file: PreMigrateFile, look: PreMigrateLook): string {
  const head = look.paint.bold(escapeText(shortPath(file.path, look)));
  const failure = file.failure === undefined ? "" : `  ${failureLine(file.failure, look)}\n`;
  const lines = file.lost.map((loss) => `  ${lossLine(loss, look)}\n`);
  return `${head}\n${failure}${lines.join("")}${renderMore(file)}`;
}

function failureLine({ reason, message, line, offset }: PreMigrateFailure, { paint }: PreMigrateLook): string {
  const place = line === undefined ? "" : paint.dim(` (line ${line}, byte ${offset})`);
  return `${paint.red("fails")}  ${reason}: ${escapeText(message)}${place}`;
}

function lossLine({ line, offset, bytes, kind, what }: LostLine, { paint }: PreMigrateLook): string {
  const place = paint.dim(` (line ${line}, byte ${offset}, ${formatBytes(bytes)})`);
  return `${paint.yellow("loses")}  ${kind}: ${escapeText(what)}${place}`;
}

/** What of each kind is not listed. */
function renderMore({ losses, lost }: PreMigrateFile): string {
  const listed = new Map<LossKind, number>();
  for (const { kind } of lost) listed.set(kind, (listed.get(kind) ?? 0) + 1);
  return entriesOf(losses)
    .map(([kind, { lines }]) => ({ kind, more: lines - (listed.get(kind) ?? 0) }))
    .filter(({ more }) => more > 0)
    .map(({ kind, more }) => `  … and ${formatCount(more)} more of ${kind}\n`)
    .join("");
}

/** Once for each kind: what it is, and how much of it there is. */
function renderKinds({ losses }: PreMigrateReport, { paint }: PreMigrateLook): string {
  const texts = entriesOf(losses).map(
    ([kind, { lines, bytes }]) =>
      `${paint.bold(kind)}: ${LOSSES[kind]}\n  ${formatCount(lines)} ${lines === 1 ? "line" : "lines"}, ${formatBytes(bytes)}\n`,
  );
  return texts.length === 0 ? "" : `\n${texts.join("")}\n`;
}

function fieldsOf({ release, counts, files, unharmed }: PreMigrateReport): [string, string | undefined][] {
  const losing = files.filter(({ status }) => status === "migrated").length;
  return [
    ["release", release],
    ["would be migrated", `${formatCount(counts.migrated)}, ${formatCount(losing)} of them with losses`],
    ["would fail", counts.failed === 0 ? undefined : formatCount(counts.failed)],
    ["already paginated", counts.already_paginated === 0 ? undefined : formatCount(counts.already_paginated)],
    ["empty", counts.skipped_empty === 0 ? undefined : formatCount(counts.skipped_empty)],
    ["lose nothing", formatCount(unharmed)],
  ];
}

function entriesOf(losses: PreMigrateReport["losses"]): [LossKind, LossCount][] {
  return Object.entries(losses) as [LossKind, LossCount][];
}
