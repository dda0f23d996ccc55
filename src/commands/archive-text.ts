/** The reports of `archive`, `unarchive`, `delete` and `move` for people. Paths and ids come from the disk, and are escaped. */
import { relative } from "node:path";
import { escapeText } from "../io/console.ts";
import { formatBytes, formatCount } from "../io/text.ts";
import type { MoveReport } from "../lifecycle/move-threads.ts";
import type { FamilyChange, LifecycleReport, ThreadChange, Tie } from "../lifecycle/types.ts";
import type { CommandContext } from "./command.ts";
import { renderFields } from "./render.ts";

interface Look extends Pick<CommandContext, "paint"> {
  /** Folder that paths are told relative to. */
  readonly home: string;
  /** The other home, of a move. */
  readonly target?: string | undefined;
}

type Told = LifecycleReport & Partial<Pick<MoveReport, "targetManifest">>;

/** More files than this are summed up; `--json` has all. */
const SHOWN = 30;

const HEADS: Readonly<Record<LifecycleReport["action"], readonly [done: string, planned: string]>> = {
  archive: ["Archived", "Would archive; nothing was written"],
  unarchive: ["Brought back from the archive", "Would bring back; nothing was written"],
  delete: ["Deleted", "Would delete; nothing was written"],
  move: ["Moved", "Would move; nothing was written"],
};

export function renderLifecycle(report: Told, look: Look): string {
  return [...report.families.map((family) => familyText(report, family, look)), tail(report, look)].join("");
}

function familyText({ action }: LifecycleReport, family: FamilyChange, look: Look): string {
  const { paint } = look;
  if (family.outcome === "refused") {
    const { message = "", hint, path } = family.error ?? {};
    const place = path === undefined ? "" : ` (${escapeText(path)})`;
    const advice = hint === undefined ? "" : `  hint: ${escapeText(hint)}\n`;
    return `${paint.red("Refused")}: ${escapeText(family.asked)}\n  ${escapeText(message)}${place}\n${advice}`;
  }
  if (family.outcome === "already") return `Nothing to do: ${escapeText(family.id ?? family.asked)}\n`;
  const [done, planned] = HEADS[action];
  const head = paint.bold(family.outcome === "planned" ? planned : done);
  return `${head}\n${renderFields(fields(family), paint)}${fileLines(family, look)}`;
}

const TIES: Readonly<Record<Tie, string>> = {
  named: "",
  agent: " (agent)",
  base: " (others continue it)",
  fork: " (continues another one)",
};

type Field = readonly [label: string, value: string];

function fields({ threads, rows, names }: FamilyChange): readonly Field[] {
  const files = threads.flatMap((thread) => thread.files);
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const tables = Object.entries(rows).map(([table, count]) => `${table} ${formatCount(count)}`);
  return [
    ...threads.map(({ id, tie }, at): Field => [at === 0 ? "threads" : "", `${id}${TIES[tie]}`]),
    ["files", `${formatCount(files.length)}, ${formatBytes(bytes)}`],
    ["index", rowText(threads)],
    ...(tables.length === 0 ? [] : [["rows", tables.join(", ")] as const]),
    ...(names === 0 ? [] : [["names", `${formatCount(names)} in session_index.jsonl`] as const]),
  ];
}

const ROWS: Readonly<Record<ThreadChange["row"], string>> = {
  changed: "changed",
  made: "made",
  removed: "removed",
  right: "right already",
  none: "without a row",
};

function rowText(threads: readonly ThreadChange[]): string {
  const counts = new Map<ThreadChange["row"], number>();
  for (const { row } of threads) counts.set(row, (counts.get(row) ?? 0) + 1);
  return [...counts].map(([row, count]) => `${formatCount(count)} ${ROWS[row]}`).join(", ");
}

function fileLines({ threads }: FamilyChange, { home, paint }: Look): string {
  const files = threads.flatMap((thread) => thread.files);
  const short = (path: string): string => {
    const inside = relative(home, path);
    return escapeText(inside === "" || inside.startsWith("..") ? path : inside);
  };
  const lines = files
    .slice(0, SHOWN)
    .map(
      ({ path, target }) =>
        `  ${short(path)}${target === undefined ? "" : `\n    ${paint.dim("→")} ${short(target)}`}\n`,
    );
  const more = files.length > SHOWN ? `  … and ${formatCount(files.length - SHOWN)} more files (--json has all)\n` : "";
  return `${lines.join("")}${more}`;
}

function tail(report: Told, { paint, target }: Look): string {
  const told = report.recovered.map(({ title, outcome, reason }) => {
    const why = reason === undefined ? "" : `: ${reason}`;
    return `cut off before, ${outcome === "stuck" ? "and left as it is" : outcome}: ${title}${why}`;
  });
  const lines = [...told, ...report.notes].map((line) => `${paint.yellow("note")}: ${escapeText(line)}\n`);
  // In the order in which they have to be undone.
  const { manifest, targetManifest } = report;
  const undo = [
    ...(manifest === undefined ? [] : [manifest]),
    ...(targetManifest === undefined || target === undefined ? [] : [`${targetManifest} --codex-home ${target}`]),
  ];
  const label = (at: number): string => (at === 0 ? paint.dim("undo") : "    ");
  return [...lines, ...undo.map((words, at) => `${label(at)}  rollout-tool repair --undo ${escapeText(words)}\n`)].join(
    "",
  );
}
