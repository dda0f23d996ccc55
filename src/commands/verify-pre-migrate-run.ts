/** What `rollout-tool verify --pre-migrate` does once its options are known; loaded only then. */
import { preMigrate } from "../migrate/pre-migrate.ts";
import { type Discovery, discoverRollouts } from "../readers/home.ts";
import type { CommandContext, ExitCode } from "./command.ts";
import { renderPreMigrate } from "./pre-migrate-text.ts";
import { printAnswer } from "./render.ts";
import { homeFor, targetOf, type VerifyCall } from "./verify-run.ts";

/** 1 when something would be lost, or a rollout would not be migrated. */
export function runPreMigrate(options: VerifyCall, context: CommandContext): ExitCode {
  const home = homeFor(options, context);
  const discovery = chosen(options, context);
  const bytes = discovery.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const bar = context.progress("reading rollouts", bytes, "bytes");
  const report = preMigrate(home, discovery, {
    maxPlaces: options.allPlaces ? Infinity : undefined,
    onFile: ({ sizeBytes }) => bar.advance(sizeBytes),
  });
  bar.end();
  const look = { ...context, quiet: options.quiet };
  printAnswer(context.stdout, options.json, report, () => renderPreMigrate(report, look));
  return report.files.length > 0 ? 1 : 0;
}

function chosen(options: VerifyCall, context: CommandContext): Discovery {
  if (options.threads.length === 0) return discoverRollouts(homeFor(options, context).codexHome);
  const { files, documents, problems } = targetOf(options, context);
  return { files, documents, problems };
}
