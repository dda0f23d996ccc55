/** What `rollout-tool delete` does once its options are known; loaded only then. */
import { deleteThreads } from "../lifecycle/delete.ts";
import { openHome } from "../readers/home.ts";
import { type ArchiveCall, answer } from "./archive-run.ts";
import type { CommandContext, ExitCode } from "./command.ts";

export interface DeleteCall extends ArchiveCall {
  readonly yes: boolean;
  readonly keep: boolean;
}

/** 1 also when nobody has agreed to it. */
export function runDelete(options: DeleteCall, context: CommandContext): ExitCode {
  const { codexHome, sqliteHome, threads, force, keep, yes } = options;
  const dryRun = options.dryRun || !yes;
  const home = openHome({ codexHome, sqliteHome, sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"] });
  const report = deleteThreads(home, threads, { dryRun, force, keep, now: context.now, cwd: context.cwd });
  const code = answer(report, options, context);
  if (options.dryRun || yes) return code;
  context.stdout.flush();
  context.stderr.write("hint: nothing was deleted; pass --yes to do it, and --keep with it for a way back\n");
  return 1;
}
