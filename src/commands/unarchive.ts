/** `rollout-tool unarchive`: archived threads back among the active ones. */
import { defineCommand } from "./command.ts";
import { CHANGE_OPTIONS, THREADS } from "./archive-options.ts";

export const command = defineCommand({
  describe:
    "Brings archived threads and the agents below them back, as Codex 0.169.0 does it: each file into the folder of the day in its " +
    "name, and their rows in the index. They count as changed now. All of a family, or nothing of it.",
  options: CHANGE_OPTIONS,
  positionals: { threads: THREADS },
  examples: [
    ["unarchive 0199a213", "go on with a thread that was archived"],
    ["unarchive 0199a213 --dry-run --json", "what a script would want to know before"],
  ],
  async run(options, context) {
    const { runUnarchive } = await import("./archive-run.ts");
    return runUnarchive(options, context);
  },
});
