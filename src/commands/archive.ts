/** `rollout-tool archive`: threads out of the way, with their agents. */
import { defineCommand } from "./command.ts";
import { CHANGE_OPTIONS, THREADS } from "./archive-options.ts";

export const command = defineCommand({
  describe:
    "Moves threads and the agents below them into the archive of a Codex home, as Codex does it itself: every file of theirs, of " +
    "reverted threads all of them, in the form that it has, and their rows in the index. All of a family, or nothing of it. " +
    "`repair --undo` brings it back as it was.",
  options: CHANGE_OPTIONS,
  positionals: { threads: THREADS },
  examples: [
    ["archive 0199a213", "a thread and the agents that it spawned"],
    ['archive "Fix the build" 0199a2f7 --dry-run', "see which files and rows two of them come to"],
  ],
  async run(options, context) {
    const { runArchive } = await import("./archive-run.ts");
    return runArchive(options, context);
  },
});
