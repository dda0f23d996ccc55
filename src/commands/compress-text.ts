/** The report of `compress` for people. Paths come from the disk: tables and lists escape them. */
import { relative } from "node:path";
import type { CompressReport, FileReport, Recovery } from "../compressor/report.ts";
import { escapeText } from "../io/console.ts";
import { formatBytes, formatCount, formatSeconds } from "../io/text.ts";
import type { CommandContext } from "./command.ts";
import { renderFields } from "./render.ts";
import { renderTable } from "./table.ts";

type Look = Pick<CommandContext, "paint" | "columns" | "cwd">;

/** More files than this are summed up; `--json` has all. */
export const SHOWN = 30;

const HEADLINES: Readonly<Record<CompressReport["action"], string>> = {
  compressed: "Compressed",
  would_compress: "Would compress; nothing was written",
  estimated: "Estimated from samples; nothing was written",
};

export function renderCompress(report: CompressReport, look: Look): string {
  if (report.status !== "completed") return `${standBack(report.status)}\n`;
  const told = report.files.filter(({ outcome }) => !outcome.startsWith("skipped_not_cold"));
  return [
    `${look.paint.bold(HEADLINES[report.action])}\n`,
    fileTable(told.slice(0, SHOWN), look),
    moreFiles(told.length),
    renderFields(fields(report), look.paint),
    messages(report, look),
  ]
    .filter((part) => part !== "")
    .join("");
}

export function moreFiles(count: number): string {
  return count > SHOWN ? `… and ${formatCount(count - SHOWN)} more files (--json has all)\n` : "";
}

export function standBack(status: "skipped_maintenance" | "skipped_already_running"): string {
  return status === "skipped_maintenance"
    ? "Nothing done (skipped_maintenance): another maintenance run is at work on this home."
    : "Nothing done (skipped_already_running): another run began within the last six hours; --force runs all the same.";
}

function fileTable(files: readonly FileReport[], look: Look): string {
  return renderTable(
    [
      { title: "file", value: ({ path }) => shortPath(path, look), flexible: true, min: 20 },
      { title: "before", value: ({ source_bytes }) => formatBytes(source_bytes), align: "right" },
      {
        title: "after",
        value: ({ compressed_bytes: bytes }) => (bytes === undefined ? "" : formatBytes(bytes)),
        align: "right",
      },
      { title: "ratio", value: ratioOf, align: "right" },
      {
        title: "time",
        value: ({ duration_ms: ms }) => (ms === undefined ? "" : formatSeconds(ms / 1000)),
        align: "right",
      },
      { title: "outcome", value: ({ outcome, reason }) => (reason === undefined ? outcome : `${outcome} (${reason})`) },
    ],
    files,
    look,
  );
}

/** From where one stands, when that is shorter. */
export function shortPath(path: string, { cwd }: Pick<Look, "cwd">): string {
  const short = relative(cwd, path);
  return short.length < path.length && !short.startsWith("..") ? short : path;
}

function ratioOf({ source_bytes: source, compressed_bytes: compressed }: FileReport): string {
  return compressed === undefined || source === 0 ? "" : percent(compressed / source);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function fields({ totals, action }: CompressReport): readonly (readonly [string, string | undefined])[] {
  const outcomes = Object.entries(totals.outcomes).map(([outcome, count]) => `${formatCount(count)} ${outcome}`);
  const hasSizes = totals.ratio !== null;
  return [
    ["files", outcomes.length === 0 ? "none" : outcomes.join(", ")],
    ["before", hasSizes ? formatBytes(totals.source_bytes) : undefined],
    [
      action === "estimated" ? "after, about" : "after",
      hasSizes ? `${formatBytes(totals.compressed_bytes)} (${percent(totals.ratio ?? 0)})` : undefined,
    ],
    ["took", formatSeconds(totals.duration_ms / 1000)],
  ];
}

function messages({ files, recovered, problems, action }: CompressReport, look: Look): string {
  const failed = files.flatMap(({ path, message, kept }) =>
    message === undefined ? [] : [`${path}: ${message}${kept === undefined ? "" : ` (kept: ${kept})`}`],
  );
  const hasPairs = action !== "estimated" && files.some(({ outcome }) => outcome === "skipped_already_compressed");
  return [
    section("Failed", failed, look),
    section("Left by an earlier run", recovered.map(recoveryLine), look),
    section(
      "Not looked at",
      problems.map(({ path, message }) => `${path}: ${message}`),
      look,
    ),
    hasPairs ? "Some rollouts are there in both forms: decompress --resolve-pairs compares them.\n" : "",
  ].join("");
}

export function recoveryLine({ path, action, message }: Recovery): string {
  return `${path}: ${action.replace("_", " ")}${message === undefined ? "" : `, ${message}`}`;
}

export function section(title: string, lines: readonly string[], { paint }: Pick<Look, "paint">): string {
  if (lines.length === 0) return "";
  const more = lines.length > SHOWN ? [`… and ${lines.length - SHOWN} more (--json has all)`] : [];
  return `${paint.bold(title)}\n${[...lines.slice(0, SHOWN), ...more].map((line) => `  ${escapeText(line)}\n`).join("")}`;
}
