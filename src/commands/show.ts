/** `rollout-tool show`: one thread in detail. The work is in `show-run.ts`. */
import { defineCommand } from "./command.ts";
import { THREAD } from "./options.ts";

export const command = defineCommand({
  describe:
    "Shows what one rollout holds: identity, place, sizes, settings, where it comes from, its prompt cache key, context " +
    "window and tokens, its records by kind, and what is wrong with it, down to line and byte; and where the index says otherwise. Every record is read and parsed, in bounded " +
    "memory. Works on files of every generation. Defects are part of the answer: the exit code is 0 with them. Nothing is " +
    "ever written.",
  options: {},
  positionals: { thread: THREAD },
  examples: [
    ["show 019a3edc-0d64", "a thread by the beginning of its id"],
    ['show "Fix the parser"', "a thread by its name"],
    ["show ~/.codex/archived_sessions/rollout-….jsonl.zst --json", "a file, for a script"],
  ],
  async run(options, context) {
    const { runShow } = await import("./show-run.ts");
    return runShow(options, context);
  },
});
