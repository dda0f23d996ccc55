/** The findings of `verify` for people, file by file, and the counts below. Paths and messages are escaped. */
import { escapeText } from "../io/console.ts";
import { counted, formatBytes, formatCount, formatSeconds } from "../io/text.ts";
import type { Severity } from "../verify/check.ts";
import { checkOf, FINDING_CODES } from "../verify/checks.ts";
import type { Finding } from "../verify/findings.ts";
import type { VerifyReport } from "../verify/verify.ts";
import type { CommandContext } from "./command.ts";
import { shortPath } from "./compress-text.ts";
import { renderFields } from "./render.ts";

export type VerifyLook = Pick<CommandContext, "paint" | "cwd"> & {
  /** Errors alone, and no counts. */
  readonly quiet: boolean;
};

export function renderVerify(report: VerifyReport, look: VerifyLook): string {
  const seen = { ...look, cwd: report.codexHome ?? look.cwd };
  const shown = report.findings.filter(({ severity }) => !look.quiet || severity === "error");
  const groups = new Map<string, Finding[]>();
  for (const finding of shown) {
    const group = groups.get(finding.path ?? "");
    if (group === undefined) groups.set(finding.path ?? "", [finding]);
    else group.push(finding);
  }
  const parts = [...groups].map(([path, findings]) => renderGroup(path, findings, report, seen));
  return parts.join("") + (look.quiet ? "" : `${meanings(report, look)}${renderFields(fields(report), look.paint)}`);
}

function renderGroup(path: string, findings: readonly Finding[], { omitted }: VerifyReport, look: VerifyLook): string {
  const lines = findings.map((finding) => `  ${findingLine(finding, look)}\n`);
  const more = omitted
    .filter((one) => (one.path ?? "") === path)
    .filter(({ code }) => findings.some((finding) => finding.code === code))
    .map(({ code, count }) => `  … and ${formatCount(count)} more of ${code} (--all-places lists them)\n`);
  return `${look.paint.bold(escapeText(shortPath(path, look)))}\n${lines.join("")}${more.join("")}`;
}

function findingLine({ severity, code, line, offset, threadId, message }: Finding, { paint }: VerifyLook): string {
  const place = [
    line === undefined ? undefined : `line ${line}`,
    offset === undefined ? undefined : `byte ${offset}`,
    threadId === undefined ? undefined : `thread ${threadId}`,
  ].filter((part) => part !== undefined);
  const where = place.length === 0 ? "" : paint.dim(` (${place.join(", ")})`);
  return `${colours(paint)[severity](severity)}  ${code}: ${escapeText(message)}${where}`;
}

function colours(paint: VerifyLook["paint"]): Readonly<Record<Severity, (text: string) => string>> {
  return { error: paint.red, warning: paint.yellow, note: paint.dim };
}

/** Once for each code: what it does, and what mends it. */
function meanings({ codes }: VerifyReport, { paint }: VerifyLook): string {
  const met = FINDING_CODES.filter((code) => codes[code] !== undefined);
  const texts = met.map((code) => {
    const { meaning, effect, mend } = checkOf(code);
    return `${paint.bold(code)}: ${meaning}\n  effect  ${effect}\n  mend    ${mend}\n`;
  });
  return texts.length === 0 ? "" : `\n${texts.join("")}\n`;
}

function fields({ counts, files, bytesRead, durationMs }: VerifyReport): readonly (readonly [string, string])[] {
  const { rollouts, archives, archivesDecoded, documents, pairs } = files;
  const told = [
    `${formatCount(rollouts)} rollouts`,
    ...(archives > 0 ? [`${formatCount(archives)} of them compressed`] : []),
    ...(pairs > 0 ? [`${formatCount(pairs)} in both forms`] : []),
    ...(documents > 0 ? [`${formatCount(documents)} documents of 2025`] : []),
  ];
  const open = archives - archivesDecoded;
  const found = (["error", "warning", "note"] as const).map((severity) => counted(counts[severity], severity));
  return [
    ["checked", told.join(", ")],
    ...(open > 0 ? [["not decoded", `${counted(open, "archive")} (--read-data all)`] as const] : []),
    ["found", found.join(", ")],
    ["took", `${formatSeconds(durationMs / 1000)} for ${formatBytes(bytesRead)}`],
  ];
}
