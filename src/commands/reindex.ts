/** `rollout-tool reindex`: the index of a Codex home from its rollouts. The work is in `reindex-run.ts`. */
import { defineCommand } from "./command.ts";

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
  async run(options, context) {
    const { runReindex } = await import("./reindex-run.ts");
    return runReindex(options, context);
  },
});
