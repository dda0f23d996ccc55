/** The report of `move --home` for people. Paths are escaped. */
import { escapeText } from "../io/console.ts";
import { formatBytes, formatCount } from "../io/text.ts";
import type { MoveHomeReport } from "../lifecycle/move-home.ts";
import type { CommandContext } from "./command.ts";
import { renderFields } from "./render.ts";

const HEADS: Readonly<Record<MoveHomeReport["how"], string>> = {
  renamed: "Moved the home",
  copied: "Moved the home, by a copy that was compared",
  rows: "Brought the home up to date",
  nothing: "Nothing to do",
  planned: "Would move the home; nothing was written",
};

export function renderMoveHome(report: MoveHomeReport, { paint }: Pick<CommandContext, "paint">): string {
  const { how, source, target, files, bytes, rows, rollouts, manifest, recovered } = report;
  const tables = Object.entries(rows).map(([table, count]) => `${table} ${formatCount(count)}`);
  const told = recovered.map(({ title, outcome }) => `cut off before, ${outcome}: ${title}`);
  const fields = renderFields(
    [
      ["from", source],
      ["to", target],
      ["files", files === 0 ? undefined : `${formatCount(files)}, ${formatBytes(bytes)}`],
      ["rows", tables.length === 0 ? undefined : tables.join(", ")],
      ["folders", rollouts === 0 ? undefined : `replaced in ${formatCount(rollouts)} rollouts`],
    ],
    paint,
  );
  const notes = [...told, ...report.notes].map((line) => `${paint.yellow("note")}: ${escapeText(line)}\n`).join("");
  // A home that was moved is moved back by the same command.
  const undo =
    manifest === undefined || how !== "rows"
      ? ""
      : `${paint.dim("undo")}  rollout-tool repair --undo ${escapeText(manifest)}\n`;
  return `${paint.bold(HEADS[how])}\n${fields}${notes}${undo}`;
}
