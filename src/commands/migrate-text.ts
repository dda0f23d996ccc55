/** The report of `migrate` for people. Paths and reasons are escaped. */
import { escapeText } from "../io/console.ts";
import { formatBytes, formatCount, formatSeconds } from "../io/text.ts";
import type { Recovered } from "../journal/types.ts";
import type { FileOutcome, MigrateReport, MigrateStatus } from "../migrate/report.ts";
import type { CommandContext } from "./command.ts";
import { moreFiles, section, SHOWN, shortPath } from "./compress-text.ts";
import { renderFields } from "./render.ts";
import { renderTable } from "./table.ts";

export type MigrateLook = Pick<CommandContext, "paint" | "columns" | "cwd"> & {
  /** Failures alone. */
  readonly quiet: boolean;
};

const HEADLINES: Readonly<Record<MigrateReport["action"], string>> = {
  migrated: "Migrated",
  "would-migrate": "Would migrate; nothing was written (--apply does it)",
};

/** Nothing is to be said of these by name: a home is full of them. */
const SILENT: ReadonlySet<MigrateStatus> = new Set(["already", "not-this-form", "empty"]);
const TROUBLE: ReadonlySet<MigrateStatus> = new Set(["refused", "busy", "failed"]);

export function renderMigrate(report: MigrateReport, look: MigrateLook): string {
  const seen = { ...look, cwd: report.codex_home };
  const isWanted = ({ status }: FileOutcome): boolean => (look.quiet ? TROUBLE.has(status) : !SILENT.has(status));
  const told = report.files.filter(isWanted);
  const trouble = told.filter(({ status }) => TROUBLE.has(status)).map((one) => troubleLine(one, seen));
  if (look.quiet) return section("Not migrated", trouble, look);
  const done = told.filter(({ status }) => !TROUBLE.has(status));
  return [
    `${look.paint.bold(`${HEADLINES[report.action]} to ${report.target}`)}\n`,
    fileTable(done.slice(0, SHOWN), seen),
    moreFiles(done.length),
    renderFields(fields(report, done, seen), look.paint),
    section("Decided on the way", [...notesOf(done), ...report.notes], look),
    section("Not migrated", trouble, look),
    section(
      "Not looked at",
      report.problems.map(({ path, message }) => `${shortPath(path, seen)}: ${message}`),
      look,
    ),
    section("Left by an earlier run", report.recovered.map(recoveredLine), look),
  ]
    .filter((part) => part !== "")
    .join("");
}

function fileTable(files: readonly FileOutcome[], look: MigrateLook): string {
  return renderTable(
    [
      { title: "file", value: ({ path }) => shortPath(path, look), flexible: true, min: 20 },
      { title: "before", value: ({ result }) => formatBytes(result?.bytes_before ?? 0), align: "right" },
      { title: "after", value: ({ result }) => formatBytes(result?.bytes_after ?? 0), align: "right" },
      { title: "turns", value: ({ result }) => formatCount(result?.proof.after.turns.count ?? 0), align: "right" },
      { title: "items", value: ({ result }) => formatCount(result?.proof.after.history.items ?? 0), align: "right" },
      { title: "set aside", value: ({ result }) => linesAside(result?.lines_aside ?? 0), align: "right" },
    ],
    files,
    look,
  );
}

function linesAside(count: number): string {
  return count === 0 ? "" : `${formatCount(count)} ${count === 1 ? "line" : "lines"}`;
}

function fields(
  report: MigrateReport,
  done: readonly FileOutcome[],
  look: MigrateLook,
): readonly (readonly [string, string | undefined])[] {
  const { totals, manifest, duration_ms: ms } = report;
  const counts = Object.entries(totals).map(([status, count]) => `${formatCount(count)} ${status}`);
  const asides = done.filter(({ result }) => result?.side_file !== undefined).length;
  const where = `${report.action === "migrated" ? "in" : "to be put into"} ${escapeText(shortPath(sideFolderOf(done), look))}`;
  const undo = manifest === undefined ? undefined : `repair --undo ${escapeText(manifest)}`;
  return [
    ["rollouts", counts.length === 0 ? "none" : counts.join(", ")],
    ["proven", done.length === 0 ? undefined : "history, context windows and turns, before and after"],
    ["side files", asides === 0 ? undefined : `${formatCount(asides)} ${where}`],
    ["undo", undo],
    ["took", formatSeconds(ms / 1000)],
  ];
}

function sideFolderOf(done: readonly FileOutcome[]): string {
  const file = done.find(({ result }) => result?.side_file !== undefined)?.result?.side_file ?? "";
  return file.slice(0, Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")));
}

/** Each once, with the number of files that it is said of. */
function notesOf(done: readonly FileOutcome[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { result } of done) {
    const allowed = result?.differences.map((one) => `${one.words}: ${one.allowed ?? ""}`) ?? [];
    for (const note of [...(result?.notes ?? []), ...allowed]) counts.set(note, (counts.get(note) ?? 0) + 1);
  }
  return [...counts].map(([note, count]) => (count === 1 ? note : `${note} (${formatCount(count)} rollouts)`));
}

function troubleLine({ path, status, reason }: FileOutcome, look: MigrateLook): string {
  return `${status}  ${shortPath(path, look)}${reason === undefined ? "" : `: ${reason}`}`;
}

function recoveredLine({ title, outcome, reason }: Recovered): string {
  return `${title}: ${outcome}${reason === undefined ? "" : `, ${reason}`}`;
}
