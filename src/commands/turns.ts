/** `rollout-tool turns`: turns and items as a client shows them. The work is in `turns-run.ts`. */
import { defineCommand } from "./command.ts";
import { THREAD } from "./options.ts";

export const command = defineCommand({
  describe:
    "Lists the turns of a thread as a client of Codex 0.169 shows them: id, state, start and duration, what was asked, and " +
    "how many items of which kind there are. Turns that were rolled back are not among them. With --json each turn is one " +
    "line, in the words of Codex's app server, with the place of each item in the rollout. Nothing is ever written.",
  options: {
    items: { type: "boolean", short: "i", describe: "list every item, one line each" },
    turn: {
      type: "string",
      placeholder: "<id>",
      describe: "only this turn, by its id, the beginning of it, or its number",
    },
  },
  positionals: { thread: THREAD },
  examples: [
    ["turns 019a3edc-0d64", "what was asked in a thread, and how long it took"],
    ["turns 019a3edc --turn 3 --items", "what happened in its third turn"],
    ["turns 019a3edc --json | jq -r .status", "the state of every turn"],
  ],
  async run(options, context) {
    const { runTurns } = await import("./turns-run.ts");
    return runTurns(options, context);
  },
});
