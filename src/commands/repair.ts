/** `rollout-tool repair`: what a run has changed, brought back. The work is in `repair-run.ts`. */
import { defineCommand } from "./command.ts";

export const command = defineCommand({
  describe:
    "Undoes what `verify --repair`, `migrate`, `archive`, `unarchive` or `move` did to a home: every file gets its old bytes, name, " +
    "mode and time back, and every row its old values. What was changed since is left alone, and told. `verify --repair` is what mends.",
  options: {
    undo: {
      type: "string",
      placeholder: "<manifest>",
      describe: "the manifest of a run, or its folder",
      conflicts: ["list"],
    },
    list: { type: "boolean", describe: "the runs of this home that can be undone, the newest first" },
    "dry-run": {
      type: "boolean",
      describe: "with --undo: say what would be done, and change nothing",
      requires: ["undo"],
    },
    force: {
      type: "boolean",
      describe: "with --undo: go on although Codex has its databases open",
      requires: ["undo"],
    },
  },
  positionals: {},
  examples: [
    ["repair --list", "which runs there are"],
    [
      "repair --undo ~/.codex/rollout-tool/changes/20261121T110000Z-repair-0a1b2c --dry-run",
      "what undoing one would do",
    ],
    ["repair --undo ~/.codex/rollout-tool/changes/20261121T110000Z-repair-0a1b2c", "bring back what it changed"],
  ],
  async run(options, context) {
    const { runRepair } = await import("./repair-run.ts");
    return runRepair(options, context);
  },
});
