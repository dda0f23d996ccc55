/** `rollout-tool delete`: threads out of a home, for good. */
import { defineCommand } from "./command.ts";
import { CHANGE_OPTIONS, THREADS } from "./archive-options.ts";

export const command = defineCommand({
  describe:
    "Deletes threads and the agents below them: files, rows in all databases, names. Without --yes it only tells what would go. " +
    "Refused as long as the history of another thread is made of theirs. What is deleted is gone for good, unless --keep puts " +
    "it aside.",
  options: {
    yes: { type: "boolean", short: "y", describe: "do it" },
    keep: { type: "boolean", describe: "keep it in the folder of the run, so that repair --undo brings it back" },
    ...CHANGE_OPTIONS,
  },
  positionals: { threads: THREADS },
  examples: [
    ["delete 0199a213", "see what would go"],
    ["delete 0199a213 --yes", "for good"],
    ["delete 0199a213 --yes --keep", "with a way back"],
  ],
  async run(options, context) {
    const { runDelete } = await import("./delete-run.ts");
    return runDelete(options, context);
  },
});
