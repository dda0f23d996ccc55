/** `rollout-tool history`: what the model is shown of a thread. The work is in `history-run.ts`. */
import { defineCommand } from "./command.ts";
import { THREAD } from "./options.ts";

export const command = defineCommand({
  describe:
    "Prints the model's history of a thread as Codex would rebuild it on a resume: checkpoints, compactions, rollbacks and " +
    "forks are followed, and what they took away is not shown. Long texts are shortened, and what nobody can read (images, " +
    "encrypted text) is told by its size; --full and --json show texts whole. Where the end of a rollout is enough, only that " +
    "is read. How it was read, and why, comes on stderr. Nothing is ever written.",
  options: {
    at: {
      type: "string",
      placeholder: "<turn|window>",
      describe: "as it stood at the end of a turn (its id) or a context window (its number or id)",
    },
    "as-request": {
      type: "boolean",
      describe: "as it would go into a request: outputs without a call removed, those that are missing made up",
    },
    explain: {
      type: "boolean",
      describe: "also tell which record each item comes from, and of each record that is left out by which rule",
    },
    "full-replay": { type: "boolean", describe: "read everything, also where the end of the rollout is enough" },
    full: { type: "boolean", describe: "do not shorten texts and lists" },
  },
  positionals: { thread: THREAD },
  examples: [
    ["history 019a3edc-0d64", "what the model knows of a thread"],
    ['history "Fix the parser" --json | jq -r .type', "its items, one JSON document a line"],
    ["history 019a3edc --at 1 --as-request --json", "what was sent before the second compaction"],
    ["history 019a3edc --explain --full | less", "where everything comes from, and why the rest is gone"],
    ["history 019a3edc --full-replay -q", "without the fast path, and without a word about it"],
  ],
  async run(options, context) {
    const { runHistory } = await import("./history-run.ts");
    return runHistory(options, context);
  },
});
