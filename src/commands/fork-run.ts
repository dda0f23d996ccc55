/** What `rollout-tool fork` does once its options are known; loaded only then. */
import { forkThread } from "../fork/fork.ts";
import type { ForkCut, ForkKind } from "../fork/types.ts";
import { openHome } from "../readers/home.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { renderFork } from "./fork-text.ts";
import { printAnswer } from "./render.ts";

export interface ForkCall extends GlobalOptions, ForkCut {
  readonly thread: string;
  readonly copy: boolean;
  readonly reference: boolean;
  readonly asSubagent: boolean;
  readonly dryRun: boolean;
}

export function runFork(options: ForkCall, context: CommandContext): ExitCode {
  const { codexHome, sqliteHome, thread, lastTurn, beforeTurn, lastTurns, beforeUserMessage } = options;
  const home = openHome({ codexHome, sqliteHome, sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"] });
  const report = forkThread(home, thread, {
    lastTurn,
    beforeTurn,
    lastTurns,
    beforeUserMessage,
    kind: kindOf(options),
    asSubagent: options.asSubagent,
    dryRun: options.dryRun,
    nowMs: context.now(),
    cwd: context.cwd,
  });
  printAnswer(context.stdout, options.json, report, () => (options.quiet ? "" : renderFork(report, context)));
  return 0;
}

function kindOf({ copy, reference }: ForkCall): ForkKind | undefined {
  if (copy) return "copy";
  return reference ? "reference" : undefined;
}
