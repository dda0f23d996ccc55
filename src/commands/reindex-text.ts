/** The report of a reindex for people. Every text from the home is escaped on its way out. */
import type { ReindexReport } from "../indexer/report.ts";
import { escapeText } from "../io/console.ts";
import { formatBytes } from "../io/text.ts";
import type { CommandContext } from "./command.ts";
import { renderFields } from "./render.ts";
import { renderTable } from "./table.ts";

type Look = Pick<CommandContext, "paint" | "columns">;

/** More than this of one kind is summed up; `--json` has all. */
const SHOWN = 20;

export function renderReindex(report: ReindexReport, look: Look): string {
  return [
    headline(report, look),
    renderFields(fields(report), look.paint),
    columnTable(report, look),
    differenceTable(report, look),
    list("Not indexed", report.files.rejected.filter(({ indexed }) => !indexed).map(rejectedLine), look),
    list("Indexed although damaged", report.files.rejected.filter(({ indexed }) => indexed).map(rejectedLine), look),
    list("Several files for one thread", duplicateLines(report), look),
    list("Rows without a rollout", report.threads.withoutRollout, look),
    list(
      "Rows that did not fit",
      report.rejectedRows.map(({ table, key, reason }) => `${table} ${key}: ${reason}`),
      look,
    ),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

const DONE: Readonly<Record<ReindexReport["action"], string>> = {
  created: "Built the index",
  rebuilt: "Rebuilt the index",
  updated: "Updated the index",
  unchanged: "The index is up to date",
  checked: "Compared the index with the rollouts; nothing was written",
};

function headline(report: ReindexReport, { paint }: Look): string {
  return `${paint.bold(DONE[report.action])}: ${escapeText(report.database)}\n`;
}

function fields(report: ReindexReport): readonly (readonly [string, string | undefined])[] {
  const { files, threads, before } = report;
  const state = before.state === "absent" ? "there was none" : before.state;
  return [
    ["before", [state, ...before.problems.slice(0, 3)].join("; ")],
    ["threads", threadsText(report)],
    ["files", `${files.found} found (${files.archived} archived, ${files.compressed} compressed), ${files.read} read`],
    [
      "documents",
      files.documents === 0 ? undefined : `${files.documents} of the 2025 TypeScript CLI, which Codex cannot list`,
    ],
    ["agents", report.edges === 0 ? undefined : `${report.edges} parent links`],
    ["level", `${report.level}, rules ${report.rules}`],
    ["salvaged", salvageText(report)],
    ["other files", neighbourText(report)],
    ["old files", report.backup],
    ["took", `${(report.durationMs / 1000).toFixed(2)} s, ${formatBytes(report.bytesRead)} read`],
  ].map(([label, value]) => [String(label), value] as const);

  function threadsText({ action }: ReindexReport): string {
    if (action === "created" || action === "rebuilt") return `${threads.indexed} indexed`;
    const would = action === "checked" ? "differ" : "changed";
    return `${threads.indexed} indexed, ${threads.added} ${action === "checked" ? "without a row" : "added"}, ${threads.changed} ${would}`;
  }
}

function salvageText({ salvage, tables, before }: ReindexReport): string | undefined {
  if (salvage === undefined || before.state === "healthy") return undefined;
  const others = tables.map(({ table, recovered }) => `${recovered} ${table}`);
  const unreadable =
    salvage.unreadablePages === 0 ? "" : ` (${salvage.unreadablePages} of ${salvage.pages} pages unreadable)`;
  return [`${salvage.threads} thread rows${unreadable}`, ...others].join(", ");
}

function neighbourText({ neighbours }: ReindexReport): string | undefined {
  const told = neighbours
    .filter(({ state }) => state !== "healthy")
    .map(({ file, state, movedAside }) => `${file} ${movedAside ? "was damaged and is moved aside" : `is ${state}`}`);
  return told.length === 0 ? undefined : told.join("; ");
}

/** Only what an old database decided, or what is gone with it. */
function columnTable(report: ReindexReport, look: Look): string {
  if (report.before.state !== "damaged" && report.before.state !== "refused") return "";
  const rows = report.columns.filter(({ recovered, lost }) => recovered > 0 || lost > 0);
  return renderTable(
    [
      { title: "column", value: ({ column }) => column },
      { title: "from rollouts", value: ({ derived }) => String(derived), align: "right" },
      { title: "recovered", value: ({ recovered }) => String(recovered), align: "right" },
      { title: "lost", value: ({ lost }) => String(lost), align: "right" },
    ],
    rows,
    look,
  );
}

function differenceTable({ differences }: ReindexReport, look: Look): string {
  const table = renderTable(
    [
      { title: "thread", value: ({ id }) => id },
      { title: "column", value: ({ column }) => column },
      { title: "in the index", value: ({ found }) => show(found), flexible: true },
      { title: "expected", value: ({ expected }) => show(expected), flexible: true },
    ],
    differences.slice(0, SHOWN),
    look,
  );
  return differences.length <= SHOWN
    ? table
    : `${table}… and ${differences.length - SHOWN} more differences (--json has all)\n`;
}

function show(value: unknown): string {
  return value === null ? "–" : JSON.stringify(value);
}

function rejectedLine({ path, reason, offset }: ReindexReport["files"]["rejected"][number]): string {
  return `${path}: ${reason}${offset === undefined ? "" : ` (at byte ${offset})`}`;
}

function duplicateLines({ duplicates }: ReindexReport): readonly string[] {
  return duplicates
    .filter(({ reverted }) => !reverted)
    .map(({ id, chosen, others }) => `${id}: ${chosen} is indexed, not ${others.join(", ")}`);
}

function list(title: string, lines: readonly string[], { paint }: Look): string {
  if (lines.length === 0) return "";
  const more = lines.length > SHOWN ? [`… and ${lines.length - SHOWN} more (--json has all)`] : [];
  const shown = [...lines.slice(0, SHOWN), ...more].map((line) => `  ${escapeText(line)}\n`);
  return `${paint.bold(title)}\n${shown.join("")}`;
}
