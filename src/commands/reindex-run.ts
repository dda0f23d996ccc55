/** What `rollout-tool reindex` does once its options are known; loaded only then. */
import { RolloutError } from "../errors.ts";
import { KNOWN_LEVEL, levelOfRelease } from "../indexer/levels.ts";
import type { ReindexOptions } from "../indexer/options.ts";
import { lookAround } from "../indexer/look.ts";
import type { ReindexReport } from "../indexer/report.ts";
import { isWindows } from "../io/paths.ts";
import { openHome } from "../readers/home.ts";
import type { CommandContext, ExitCode, GlobalOptions } from "./command.ts";
import { renderReindex } from "./reindex-text.ts";
import { printAnswer } from "./render.ts";

export interface ReindexCall extends GlobalOptions {
  readonly rules: "best" | "codex";
  readonly schema: string | undefined;
  readonly dryRun: boolean;
  readonly check: boolean;
  readonly rebuild: boolean;
  readonly prune: boolean;
  readonly allDatabases: boolean;
  readonly thorough: boolean;
  readonly force: boolean;
}

export async function runReindex(options: ReindexCall, context: CommandContext): Promise<ExitCode> {
  const home = openHome({
    codexHome: options.codexHome,
    sqliteHome: options.sqliteHome,
    sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"],
  });
  const wanted: ReindexOptions = {
    rules: options.rules,
    level: levelFor(options.schema),
    mode: options.check ? "check" : options.dryRun ? "dry-run" : "write",
    force: options.force,
    rebuild: options.rebuild,
    prune: options.prune,
    allDatabases: options.allDatabases,
    thorough: options.thorough,
    lineEnds: isWindows() ? "crlf" : "lf",
    jobs: options.jobs,
    now: context.now,
    progress: progressOf(context),
  };
  const look = lookAround(home, wanted);
  const report = look.unchanged ?? (await import("../indexer/reindex.ts")).reindexChanged(home, wanted, look);
  printAnswer(context.stdout, options.json, report, () => (options.quiet ? "" : renderReindex(report, context)));
  return somethingFound(report) ? 1 : 0;
}

function levelFor(release: string | undefined): number | undefined {
  if (release === undefined) return undefined;
  const level = levelOfRelease(release);
  if (level === undefined) {
    throw new RolloutError("usage", `--schema wants a Codex release from 0.105.0 on, such as 0.169.0`, {
      hint: `the newest level known to this version is ${KNOWN_LEVEL} (0.169.0)`,
    });
  }
  return level;
}

function progressOf({ progress }: CommandContext): ReindexOptions["progress"] {
  return (label, totalBytes) => progress(label, totalBytes, "bytes");
}

/** Exit code 1: a file could not be used, a database stays damaged, or a comparison found differences. */
export function somethingFound(report: ReindexReport): boolean {
  const checked = report.action === "checked";
  const differs =
    checked &&
    (report.differences.length > 0 ||
      report.threads.added > 0 ||
      report.threads.withoutRollout.length > 0 ||
      report.before.state !== "healthy");
  const damaged = report.neighbours.some(({ state, movedAside }) => state === "damaged" && !movedAside);
  return differs || damaged || report.files.rejected.length > 0;
}
