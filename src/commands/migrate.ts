/** `rollout-tool migrate`: rollouts from one form to another, proven to come to the same. */
import { defineCommand } from "./command.ts";

export const command = defineCommand({
  describe:
    "Brings rollouts into another form: --to envelope the two formats of early 2025, --to paginated the legacy ones (as Codex's " +
    "own migrate-rollouts does, without its losses), --to legacy back to what older releases read. Each new file is read back and " +
    "must come to the same history, context windows and turns as the old one. Nothing is written without --apply; with it, old " +
    "files are kept, so that repair --undo brings them back.",
  options: {
    to: {
      type: "string",
      choices: ["envelope", "paginated", "legacy"],
      describe: "the form that the rollouts are to have",
    },
    apply: { type: "boolean", describe: "put the new files into place; without it nothing in the home is touched" },
    force: {
      type: "boolean",
      describe: "go on although Codex has the home open; threads in use are left alone",
      requires: ["apply"],
    },
  },
  positionals: {
    threads: { type: "strings", describe: "ids, names or paths of rollouts, instead of the whole home" },
  },
  examples: [
    ["migrate --to paginated", "what would become of each legacy thread of ~/.codex, and whether it could be done"],
    ["migrate --to paginated --apply", "do it"],
    ["migrate 01a1fb9c --to legacy --apply", "one thread, for an older release"],
    ["migrate --to envelope --apply --json", "bring the sessions of early 2025 forward, with a report for a script"],
  ],
  async run(options, context) {
    const { runMigrate } = await import("./migrate-run.ts");
    return runMigrate(options, context);
  },
});
