/** `rollout-tool verify`: what is broken in a Codex home, what that does to its user, and what mends it. */
import { defineCommand } from "./command.ts";

export const command = defineCommand({
  describe:
    "Checks a whole Codex home, or some of its rollouts: files, lines, ordinals, forks, tool calls, turns, archives, databases, " +
    "names and locks. Each finding has a code, a severity, its place, what it does to you, and the command that mends it, " +
    "if there is one. Nothing is written or changed, unless --repair asks for it: that mends what loses nothing, keeps all that it " +
    "replaces, and can be undone.",
  options: {
    only: {
      type: "strings",
      placeholder: "<codes>",
      describe: "look for these findings alone: codes with commas between, or error, warning, note",
    },
    "read-data": {
      type: "string",
      placeholder: "<share>",
      describe: "how much of the archives is decoded: all, none, or a share such as 10%, chosen by chance",
    },
    "all-places": { type: "boolean", describe: "list every place, not only the first 20 of a code in a file" },
    repair: { type: "boolean", describe: "mend what can be mended without loss, then verify again" },
    "dry-run": {
      type: "boolean",
      describe: "with --repair: say what would be done, and change nothing",
      requires: ["repair"],
    },
    force: {
      type: "boolean",
      describe: "with --repair: go on although Codex has its databases open",
      requires: ["repair"],
    },
    "pre-migrate": {
      type: "boolean",
      describe: "instead: what Codex's own migrate-rollouts would lose, line by line",
      conflicts: ["repair", "only", "read-data"],
    },
  },
  positionals: {
    threads: { type: "strings", describe: "ids, names or paths of rollouts, or folders of them, instead of the home" },
  },
  examples: [
    ["verify", "check ~/.codex, archives by their outside only"],
    ["verify --read-data all --json", "decode every archive too, for a script"],
    ["verify 01a1fb9c --only error,warning", "one thread, without notes"],
    ["verify --repair --dry-run", "what would be mended, and how"],
    ["verify --repair --only line-torn,row-path-wrong", "mend these alone"],
    ["verify --pre-migrate", "before codex migrate-rollouts --apply: what it would lose"],
    ["verify --read-data 10% --quiet", "a nightly job: silent but for errors, exit code 1 if there are any"],
  ],
  async run(options, context) {
    if (options.repair) return (await import("./verify-repair-run.ts")).runRepair(options, context);
    if (options.preMigrate) return (await import("./verify-pre-migrate-run.ts")).runPreMigrate(options, context);
    const { runVerify } = await import("./verify-run.ts");
    return runVerify(options, context);
  },
});
