/** What `rollout-tool migrate` does once its options are known; loaded only then. */
import type { Target } from "../migrate/conversion.ts";
import { migrate } from "../migrate/migrate.ts";
import type { MigrateReport } from "../migrate/report.ts";
import { openHome } from "../readers/home.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { renderMigrate } from "./migrate-text.ts";
import { usageError } from "./options.ts";
import { printAnswer } from "./render.ts";

export interface MigrateCall extends GlobalOptions {
  readonly to: Target | undefined;
  readonly apply: boolean;
  readonly force: boolean;
  readonly threads: readonly string[];
}

/** 1 when a rollout could not be migrated. */
export function runMigrate(options: MigrateCall, context: CommandContext): ExitCode {
  const { to: target, apply, force, threads } = options;
  if (target === undefined) throw usageError("into which form?", "say --to envelope, --to paginated or --to legacy");
  const home = openHome({
    codexHome: options.codexHome,
    sqliteHome: options.sqliteHome,
    sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"],
  });
  const report = migrate(home, {
    target,
    threads,
    apply,
    force,
    cwd: context.cwd,
    userHome: context.env["HOME"] ?? context.env["USERPROFILE"] ?? home.codexHome,
    now: context.now,
    progress: (label, totalBytes) => context.progress(label, totalBytes, "bytes"),
  });
  printAnswer(context.stdout, options.json, report, () => renderMigrate(report, { ...context, quiet: options.quiet }));
  return somethingFailed(report) ? 1 : 0;
}

function somethingFailed({ totals, problems, recovered }: MigrateReport): boolean {
  const failed = (totals.failed ?? 0) + (totals.refused ?? 0) + (totals.busy ?? 0);
  return failed > 0 || problems.length > 0 || recovered.some(({ outcome }) => outcome === "stuck");
}
