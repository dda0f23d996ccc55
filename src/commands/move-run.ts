/** What `rollout-tool move` does once its options are known; loaded only then. */
import { resolve } from "node:path";
import { folderMap, parseFolderPair } from "../lifecycle/cwd-map.ts";
import { moveHome } from "../lifecycle/move-home.ts";
import { moveThreads } from "../lifecycle/move-threads.ts";
import { openHome } from "../readers/home.ts";
import { type ArchiveCall, answer } from "./archive-run.ts";
import type { CommandContext, ExitCode } from "./command.ts";
import { renderMoveHome } from "./move-text.ts";
import { usageError } from "./options.ts";
import { printAnswer } from "./render.ts";

export interface MoveCall extends ArchiveCall {
  readonly home: string | undefined;
  readonly from: string | undefined;
  readonly toHome: string | undefined;
  readonly copy: boolean;
  readonly mapCwd: readonly string[];
}

export function runMove(options: MoveCall, context: CommandContext): ExitCode {
  const { home, toHome, threads } = options;
  if (home !== undefined) {
    if (threads.length > 0)
      throw usageError("--home moves a whole home", "name the other home with --to-home to move threads");
    return runMoveHome(options, home, context);
  }
  if (toHome === undefined)
    throw usageError("where to?", "--home <folder> moves the home, --to-home <folder> some threads of it");
  if (threads.length === 0) throw usageError("which threads?", "name them, or move the whole home with --home");
  return runMoveThreads(options, toHome, context);
}

/** 1 when something was left behind, or could not be settled. */
function runMoveHome(options: MoveCall, home: string, context: CommandContext): ExitCode {
  const { codexHome, sqliteHome, dryRun, force, from } = options;
  const { cwd, env, now } = context;
  const given = { codexHome, sqliteHome, sqliteHomeEnv: env["CODEX_SQLITE_HOME"] };
  const report = moveHome(given, {
    target: resolve(cwd, home),
    from: from === undefined ? undefined : resolve(cwd, from),
    folders: options.mapCwd.map(parseFolderPair),
    dryRun,
    force,
    now,
  });
  printAnswer(context.stdout, options.json, report, () => (options.quiet ? "" : renderMoveHome(report, context)));
  return report.recovered.some(({ outcome }) => outcome === "stuck") ? 1 : 0;
}

function runMoveThreads(options: MoveCall, toHome: string, context: CommandContext): ExitCode {
  const { codexHome, sqliteHome, threads, dryRun, force, copy, mapCwd } = options;
  const { cwd, env, now } = context;
  const source = openHome({ codexHome, sqliteHome, sqliteHomeEnv: env["CODEX_SQLITE_HOME"] });
  // What the command line and the environment say of databases is said of the home that the threads come from.
  const target = openHome({ codexHome: resolve(cwd, toHome) });
  const folders = mapCwd.length === 0 ? undefined : folderMap(mapCwd.map(parseFolderPair));
  const report = moveThreads(source, threads, { target, copy, folders, dryRun, force, now, cwd });
  return answer(report, options, context, target.codexHome);
}
