/** The report of `decompress` for people. Paths come from the disk: tables and lists escape them. */
import type { DecompressReport, UnpackReport } from "../compressor/decompress.ts";
import { formatBytes, formatCount, formatSeconds } from "../io/text.ts";
import type { CommandContext } from "./command.ts";
import { moreFiles, recoveryLine, section, shortPath, SHOWN, standBack } from "./compress-text.ts";
import { renderFields } from "./render.ts";
import { renderTable } from "./table.ts";

type Look = Pick<CommandContext, "paint" | "columns" | "cwd">;

const HEADLINES: Readonly<Record<DecompressReport["action"], string>> = {
  decompressed: "Decompressed",
  would_decompress: "Would decompress; nothing was written",
  verified: "Checked; nothing was written",
  resolved: "Rollouts in both forms",
  would_resolve: "Rollouts in both forms; nothing was written",
};

export function renderDecompress(report: DecompressReport, look: Look): string {
  if (report.status !== "completed") return `${standBack(report.status)}\n`;
  const { files, problems, recovered } = report;
  return [
    `${look.paint.bold(HEADLINES[report.action])}\n`,
    fileTable(files.slice(0, SHOWN), look),
    moreFiles(files.length),
    renderFields(fields(report), look.paint),
    section(
      "Damaged or failed",
      files.flatMap((file) => (file.message === undefined ? [] : [messageLine(file)])),
      look,
    ),
    section("Left by an earlier run", recovered.map(recoveryLine), look),
    section(
      "Not looked at",
      problems.map(({ path, message }) => `${path}: ${message}`),
      look,
    ),
  ].join("");
}

function fileTable(files: readonly UnpackReport[], look: Look): string {
  return renderTable(
    [
      { title: "file", value: ({ path }) => shortPath(path, look), flexible: true, min: 20 },
      { title: "archive", value: ({ compressed_bytes: bytes }) => formatBytes(bytes), align: "right" },
      {
        title: "plain",
        value: ({ plain_bytes: bytes }) => (bytes === undefined ? "" : formatBytes(bytes)),
        align: "right",
      },
      { title: "outcome", value: ({ outcome, pair }) => (pair === undefined ? outcome : `${outcome} (${pair})`) },
    ],
    files,
    look,
  );
}

function messageLine({ path, message, offset }: UnpackReport): string {
  return `${path}: ${message ?? ""}${offset === undefined ? "" : ` (after ${formatCount(offset)} plain bytes)`}`;
}

function fields({ outcomes, duration_ms }: DecompressReport): readonly (readonly [string, string])[] {
  const told = Object.entries(outcomes).map(([outcome, count]) => `${formatCount(count)} ${outcome}`);
  return [
    ["files", told.length === 0 ? "none" : told.join(", ")],
    ["took", formatSeconds(duration_ms / 1000)],
  ];
}
