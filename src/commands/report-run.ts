/** What `rollout-tool report` does: gather, make the page, put it into its place in one step. */
import { resolve } from "node:path";
import { RolloutError } from "../errors.ts";
import { looksLikeReport, REPORT_HEAD_BYTES } from "../export/report/html.ts";
import type { Report } from "../export/report/model.ts";
import { pageOf } from "../export/report/page.ts";
import { closeFile, lstatOrUndefined, openRegularFile, readAt, statOrUndefined, writeFileAtomic } from "../io/files.ts";
import { formatBytes, formatCount } from "../io/text.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { usageError } from "./options.ts";
import { printAnswer, renderFields } from "./render.ts";
import { gatherHome } from "./report-home.ts";
import { gatherThread } from "./report-thread.ts";

export interface ReportCall extends GlobalOptions {
  readonly out: string;
  readonly open: boolean;
  readonly force: boolean;
  readonly thread: string | undefined;
}

/** 1 when something could not be read, so that figures lack it. */
export async function runReport(call: ReportCall, context: CommandContext): Promise<ExitCode> {
  const path = resolve(context.cwd, call.out);
  // Who may not write wants to know before everything is read.
  requirePlace(path, call.force);
  const { thread } = call;
  const report = thread === undefined ? gatherHome(call, context) : gatherThread({ ...call, thread }, context);
  const page = Buffer.from(pageOf(report), "utf8");
  requirePlace(path, call.force);
  writeFileAtomic(path, page, { mode: 0o600 });
  printAnswer(context.stdout, call.json, jsonAnswer(path, page.length, report), () =>
    renderFields(fieldsOf(path, page.length, report), context.paint),
  );
  if (call.open) {
    const problem = await context.openPage(path);
    if (problem !== undefined) context.stderr.write(`the page is not shown: ${problem}\n`);
  }
  return report.unreadable.length > 0 ? 1 : 0;
}

/** @throws RolloutError `usage` for a name that is no page's; `mismatch` for a file that is none of ours. */
function requirePlace(path: string, force: boolean): void {
  if (!/\.html?$/i.test(path)) {
    throw usageError("the page needs a name that ends in .html", "a browser would not open it otherwise");
  }
  const link = lstatOrUndefined(path);
  if (link === undefined) return;
  if (!link.isFile()) {
    throw new RolloutError("not-a-file", "there is something that is no file in the place of the page", {
      path,
      hint: "choose another name with -o",
    });
  }
  if (!force && !isReport(path)) {
    throw new RolloutError("mismatch", "the file that is there is no report of this tool", {
      path,
      hint: "choose another name with -o, or replace it with --force",
    });
  }
}

function isReport(path: string): boolean {
  const { fd } = openRegularFile(path, { followLinks: false });
  try {
    const head = Buffer.alloc(Math.min(REPORT_HEAD_BYTES, statOrUndefined(path)?.size ?? 0));
    return looksLikeReport(head.subarray(0, readAt(fd, head, 0, path)));
  } finally {
    closeFile(fd);
  }
}

function jsonAnswer(path: string, bytes: number, report: Report) {
  const { kind: scope, findings, unreadable } = report;
  return { path, bytes, scope, findings: findings.counts, unreadable };
}

function fieldsOf(path: string, bytes: number, report: Report): readonly (readonly [string, string])[] {
  const { findings, unreadable } = report;
  const counts = (["error", "warning", "note"] as const).map((severity) =>
    countText(findings.counts[severity], severity),
  );
  return [
    ["page", path],
    ["size", formatBytes(bytes)],
    ["found", counts.join(", ")],
    ...(unreadable.length === 0 ? [] : [["not read whole", countText(unreadable.length, "file")] as const]),
  ];
}

function countText(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? "" : "s"}`;
}
