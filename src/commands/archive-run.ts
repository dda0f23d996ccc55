/** What `rollout-tool archive` and `unarchive` do once their options are known; loaded only then. */
import { archiveThreads, unarchiveThreads } from "../lifecycle/archive.ts";
import type { LifecycleReport } from "../lifecycle/types.ts";
import { openHome } from "../readers/home.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { renderLifecycle } from "./archive-text.ts";
import { printAnswer } from "./render.ts";

export interface ArchiveCall extends GlobalOptions {
  readonly threads: readonly string[];
  readonly dryRun: boolean;
  readonly force: boolean;
}

export function runArchive(options: ArchiveCall, context: CommandContext): ExitCode {
  return run(archiveThreads, options, context);
}

export function runUnarchive(options: ArchiveCall, context: CommandContext): ExitCode {
  return run(unarchiveThreads, options, context);
}

/** 1 when some of several threads were refused. */
function run(work: typeof archiveThreads, options: ArchiveCall, context: CommandContext): ExitCode {
  const { codexHome, sqliteHome, threads, dryRun, force } = options;
  const home = openHome({ codexHome, sqliteHome, sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"] });
  const report = work(home, threads, { dryRun, force, now: context.now, cwd: context.cwd });
  return answer(report, options, context);
}

/** `target`: the other home, of a move. */
export function answer(
  report: LifecycleReport,
  options: GlobalOptions,
  context: CommandContext,
  target?: string,
): ExitCode {
  printAnswer(context.stdout, options.json, report, () =>
    options.quiet ? "" : renderLifecycle(report, { ...context, home: options.codexHome, target }),
  );
  const isRefused = report.families.some(({ outcome }) => outcome === "refused");
  return isRefused || report.recovered.some(({ outcome }) => outcome === "stuck") ? 1 : 0;
}
