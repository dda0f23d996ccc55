/** `rollout-tool reindex`: the index of a Codex home from its rollouts. The work is in `indexer/reindex.ts`. */
import { RolloutError } from "../errors.ts";
import type { ReindexOptions } from "../indexer/options.ts";
import { reindex } from "../indexer/reindex.ts";
import type { ReindexReport } from "../indexer/report.ts";
import { KNOWN_LEVEL, levelOfRelease } from "../indexer/schema.ts";
import { isWindows } from "../io/paths.ts";
import { openHome } from "../readers/home.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { renderReindex } from "./reindex-text.ts";
import { printAnswer } from "./render.ts";

export const command = defineCommand({
  describe:
    "Rebuilds the index of a Codex home (state_5.sqlite) from its rollouts, so that Codex lists every thread again. " +
    "What only the old database knew (names, sections, recency, closed agents) is salvaged from it first, even if it is " +
    "damaged. The old files are kept in db-backups/; a sound database is updated in place. Rollouts are never changed.",
  options: {
    rules: {
      type: "string",
      choices: ["best", "codex"],
      default: "best",
      describe: "best: as near to the live index as possible; codex: exactly what Codex's own rebuild gives",
    },
    schema: {
      type: "string",
      placeholder: "<release>",
      describe: "Codex release to build for, such as 0.142.3 (default: the level found, else the newest known)",
    },
    "dry-run": {
      type: "boolean",
      describe: "build and compare, but leave everything as it is",
      conflicts: ["check"],
    },
    check: {
      type: "boolean",
      describe: "compare the existing index with the rollouts and write nothing; exit code 1 on any difference",
    },
    rebuild: { type: "boolean", describe: "build a new database even if the old one is sound" },
    prune: { type: "boolean", describe: "remove rows whose rollout is gone" },
    "all-databases": {
      type: "boolean",
      describe: "move every damaged database aside, not only state and thread history",
    },
    thorough: { type: "boolean", describe: "read every record of every rollout, and trust no earlier run" },
    force: { type: "boolean", describe: "go on although Codex seems to be running" },
  },
  positionals: {},
  examples: [
    ["reindex", "bring the index of ~/.codex back in order"],
    ["reindex --check", "tell whether the index agrees with the rollouts"],
    ["reindex --dry-run --json", "what would be done, for a script"],
    ["reindex --codex-home /mnt/backup/.codex --schema 0.142.3", "a moved home, for an older release"],
  ],
  run(options, context) {
    const home = openHome({
      codexHome: options.codexHome,
      sqliteHome: options.sqliteHome,
      sqliteHomeEnv: context.env["CODEX_SQLITE_HOME"],
    });
    const report = reindex(home, {
      rules: options.rules,
      level: levelFor(options.schema),
      mode: options.check ? "check" : options.dryRun ? "dry-run" : "write",
      force: options.force,
      rebuild: options.rebuild,
      prune: options.prune,
      allDatabases: options.allDatabases,
      thorough: options.thorough,
      lineEnds: isWindows() ? "crlf" : "lf",
      now: context.now,
      progress: progressOf(context),
    });
    printAnswer(context.stdout, options.json, report, () => (options.quiet ? "" : renderReindex(report, context)));
    return somethingFound(report) ? 1 : 0;
  },
});

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
