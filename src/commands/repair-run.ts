/** What `rollout-tool repair` does once its options are known; loaded only then. */
import { dirname, resolve } from "node:path";
import { escapeText } from "../io/console.ts";
import { formatCount } from "../io/text.ts";
import type { UnitState } from "../journal/manifest.ts";
import type { Undone } from "../journal/types.ts";
import { listRuns, undoRun, type UndoReport } from "../journal/undo.ts";
import { openHome } from "../readers/home.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { usageError } from "./options.ts";
import { printAnswer } from "./render.ts";
import { type Column, renderTable } from "./table.ts";

export interface RepairCall extends GlobalOptions {
  readonly undo: string | undefined;
  readonly list: boolean;
  readonly dryRun: boolean;
  readonly force: boolean;
}

/** 1 when something could not be brought back. */
export function runRepair(options: RepairCall, context: CommandContext): ExitCode {
  const { codexHome, sqliteHome } = options;
  const home = openHome({ codexHome, sqliteHome, sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"] });
  if (options.list) {
    const runs = listRuns(home).map(listed);
    printAnswer(context.stdout, options.json, { runs }, () => renderRuns(runs, context));
    return 0;
  }
  if (options.undo === undefined) {
    throw usageError("repair needs --undo or --list", "to mend what verify finds, run `rollout-tool verify --repair`");
  }
  const { force, dryRun } = options;
  const report = undoRun(home, resolve(context.cwd, options.undo), { force, dryRun });
  const answer = { action: dryRun ? "would_undo" : "undone", ...report };
  printAnswer(context.stdout, options.json, answer, () => (options.quiet ? "" : renderUndo(report, dryRun, context)));
  return report.units.some(({ outcome }) => LEFT.has(outcome)) ? 1 : 0;
}

const LEFT: ReadonlySet<Undone["outcome"]> = new Set(["changed", "for-good", "busy"]);

interface ListedRun {
  readonly manifest: string;
  readonly command: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly units: number;
  /** Of these, those that are done and not undone. */
  readonly standing: number;
}

type Run = ReturnType<typeof listRuns>[number];

function listed({ manifest, command, startedMs, units }: Run): ListedRun {
  const standing: UnitState = "done";
  return {
    manifest,
    command,
    started: new Date(startedMs).toISOString(),
    units: units.length,
    standing: units.filter(({ state }) => state === standing).length,
  };
}

function renderRuns(runs: readonly ListedRun[], { paint, columns }: CommandContext): string {
  if (runs.length === 0) return "no run has changed this home\n";
  return renderTable(COLUMNS, runs, { paint, columns });
}

const COLUMNS: readonly Column<ListedRun>[] = [
  { title: "started", value: ({ started }) => started },
  { title: "command", value: ({ command }) => command },
  { title: "can be undone", value: ({ standing, units }) => `${formatCount(standing)} of ${formatCount(units)}` },
  { title: "folder", value: ({ manifest }) => dirname(manifest) },
];

const DONE: Readonly<Record<Undone["outcome"], string>> = {
  undone: "brought back",
  already: "was brought back before, or never done",
  changed: "left as it is",
  "for-good": "cannot be brought back",
  busy: "left alone",
};

function renderUndo({ units }: UndoReport, dryRun: boolean, { paint }: CommandContext): string {
  const lines = units.map(({ title, outcome, reason }) => {
    const word = dryRun && outcome === "undone" ? "would be brought back" : DONE[outcome];
    const why = reason === undefined ? "" : ` (${reason})`;
    const colour = LEFT.has(outcome) ? paint.yellow : paint.green;
    return `${colour(word)}  ${escapeText(title + why)}\n`;
  });
  const back = units.filter(({ outcome }) => outcome === "undone").length;
  const verb = dryRun ? "would be brought back; nothing was changed" : "brought back";
  return `${lines.join("")}${formatCount(back)} of ${formatCount(units.length)} changes ${verb}\n`;
}
