/** What `rollout-tool verify --repair` does once its options are known; loaded only then. */
import { repairHome } from "../verify/repair.ts";
import { RepairContext } from "../verify/repair-context.ts";
import { planRepair } from "../verify/repair-plan.ts";
import type { VerifyReport } from "../verify/verify.ts";
import type { CommandContext, ExitCode } from "./command.ts";
import { usageError } from "./options.ts";
import { printAnswer } from "./render.ts";
import { renderPlan, renderRepair } from "./verify-repair-text.ts";
import { checked, homeFor, type VerifyCall } from "./verify-run.ts";

/** 1 when errors are left. */
export function runRepair(options: VerifyCall, context: CommandContext): ExitCode {
  const home = homeFor(options, context);
  const look = { ...context, quiet: options.quiet };
  const verify = (): VerifyReport => inHome(checked(options, context), home.codexHome);
  if (options.dryRun) {
    const report = verify();
    const plan = planRepair(report, new RepairContext(home, context.now));
    const answer = { action: "would_repair", plan, counts: report.counts, codes: report.codes };
    printAnswer(context.stdout, options.json, answer, () => renderPlan(plan, look));
    return report.counts.error > 0 ? 1 : 0;
  }
  const report = repairHome(home, verify, { now: context.now, force: options.force });
  printAnswer(context.stdout, options.json, { action: "repaired", ...report }, () => renderRepair(report, look));
  return report.after.counts.error > 0 ? 1 : 0;
}

/** The old files are kept in a home, and its locks tell which threads are open. */
function inHome(report: VerifyReport, wanted: string): VerifyReport {
  const { codexHome } = report;
  if (codexHome === wanted) return report;
  throw usageError(
    codexHome === undefined ? "the rollouts are in no Codex home" : "the rollouts are of another home",
    codexHome === undefined ? "--repair keeps what it replaces in the home" : "name that home with --codex-home",
  );
}
