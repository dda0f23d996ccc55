/** The report of `fork` for people. Paths and ids come from the disk, and are escaped. */
import type { ForkReport } from "../fork/types.ts";
import { counted, formatBytes, formatCount } from "../io/text.ts";
import type { CommandContext } from "./command.ts";
import { renderFields } from "./render.ts";

export function renderFork(report: ForkReport, { paint }: Pick<CommandContext, "paint">): string {
  const head = report.dryRun ? "Would fork; nothing was written" : "Forked";
  return `${paint.bold(head)}\n${renderFields(fields(report), paint)}`;
}

type Field = readonly [label: string, value: string];

function fields(report: ForkReport): readonly Field[] {
  const { source, id, path, dryRun, row } = report;
  return [
    ["source", `${source.id} (${source.historyMode})`],
    ...(id === undefined || path === undefined
      ? []
      : ([
          ["thread", id],
          ["file", path],
        ] as const)),
    ["kind", kindText(report)],
    ["keeps", keptText(report)],
    ...interruption(report),
    ...(dryRun ? [] : ([["written", formatBytes(report.bytesWritten)]] as const)),
    ["index", row.state === "left" ? `no row: ${row.reason ?? ""}; Codex or reindex will add it` : rowText(report)],
    ...(report.sourceIsOpen
      ? ([
          ["note", "the source is open in another process; what it writes from now on is not part of the fork"],
        ] as const)
      : []),
  ];
}

function kindText({ kind, whyCopy, base }: ForkReport): string {
  if (kind === "copy") return whyCopy === undefined ? "copy" : `copy: ${whyCopy}`;
  if (base === undefined) return "reference to nothing: all was cut off";
  return `reference to the first ${formatBytes(base.endByteOffset)} of ${base.path}`;
}

function keptText({ turns, historyItems, linesCopied, linesLeftOut }: ForkReport): string {
  const begun = counted(turns, "turn");
  if (historyItems === undefined) return begun;
  const left = linesLeftOut === 0 ? "" : `, ${formatCount(linesLeftOut)} left out`;
  return `${begun}; the model is shown ${counted(historyItems, "item")}; ${counted(linesCopied, "line")} copied${left}`;
}

function interruption({ interruptedTurn }: ForkReport): readonly Field[] {
  if (interruptedTurn === undefined) return [];
  return [
    ["closed", `${interruptedTurn === null ? "an open turn" : `the open turn ${interruptedTurn}`}, as interrupted`],
  ];
}

function rowText({ row }: ForkReport): string {
  if (row.state === "not-yet") return "would get a row";
  return row.edge ? "row and edge to its parent written" : "row written";
}
