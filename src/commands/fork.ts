/** `rollout-tool fork`: a new thread that begins with the history of an old one. */
import { defineCommand } from "./command.ts";
import { THREAD } from "./options.ts";

const CUTS = ["last-turn", "before-turn", "last-turns", "before-user-message"] as const;

function others(name: (typeof CUTS)[number]): readonly string[] {
  return CUTS.filter((cut) => cut !== name);
}

export const command = defineCommand({
  describe:
    "Makes a new thread that begins with the history of another one, whole or up to a cut, as Codex does it itself: legacy " +
    "threads are copied, paginated ones continued where they lie. The source is never written to. The new file is checked to " +
    "give the model the same history before it gets its name, and its row is put into the index where there is a sound one.",
  options: {
    "last-turn": {
      type: "string",
      placeholder: "<turn>",
      describe: "keep up to the end of this turn",
      conflicts: others("last-turn"),
    },
    "before-turn": {
      type: "string",
      placeholder: "<turn>",
      describe: "keep what comes before this turn",
      conflicts: others("before-turn"),
    },
    "last-turns": {
      type: "integer",
      placeholder: "<n>",
      describe: "keep from the beginning of the last n turns on, without what was said before; always a copy",
      conflicts: others("last-turns"),
    },
    "before-user-message": {
      type: "integer",
      placeholder: "<n>",
      describe: "keep what comes before the user's message n, counted from 0 and without rolled-back ones",
      conflicts: others("before-user-message"),
    },
    copy: { type: "boolean", describe: "copy, also where the source could be continued", conflicts: ["reference"] },
    reference: { type: "boolean", describe: "continue the source where it lies, or fail" },
    "as-subagent": {
      type: "boolean",
      describe: "an agent of the source, with what such a one inherits, instead of a thread of the user's",
    },
    "dry-run": { type: "boolean", describe: "tell what would be done" },
  },
  positionals: { thread: THREAD },
  examples: [
    ["fork 0199a213", "the whole thread once more, to try something else with it"],
    ["fork 0199a213 --before-user-message 3", "go back to before the fourth thing you said"],
    ["fork 0199a213 --copy", "a file that depends on no other one"],
    ["fork 0199a213 --last-turns 2 --dry-run", "see what the last two turns would come to"],
  ],
  async run(options, context) {
    const { runFork } = await import("./fork-run.ts");
    return runFork(options, context);
  },
});
