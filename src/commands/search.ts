/** `rollout-tool search`: what was said, found again. The work is in `search-run.ts`. */
import { defineCommand } from "./command.ts";

export const command = defineCommand({
  describe:
    "Finds a text, or with --regex an expression, in what people and agents said, in the commands they ran, in what these put out, " +
    "or in all that rollouts tell in words: in plain and compressed files, active and archived, whatever Codex hides. Case is of no " +
    "regard unless asked for. What a file tells twice, and what a fork has copied, counts once. The index is not needed, and " +
    "nothing is ever written. Ends with 0 where something was found, with 1 where nothing was.",
  options: {
    in: {
      type: "strings",
      placeholder: "<what>",
      describe: "where to look: messages (default), commands, outputs, reasoning or all; may be repeated",
      choices: ["messages", "commands", "outputs", "reasoning", "all"],
    },
    regex: { type: "boolean", short: "e", describe: "the text is a regular expression of JavaScript (flag u)" },
    "case-sensitive": { type: "boolean", short: "s", describe: "capital and small letters differ" },
    archived: { type: "boolean", describe: "only archived threads", conflicts: ["active"] },
    active: { type: "boolean", describe: "only active threads" },
    thread: { type: "strings", placeholder: "<thread>", describe: "only this thread: an id, a name or a path" },
    cwd: { type: "strings", placeholder: "<folder>", describe: "only threads that began in this folder" },
    since: {
      type: "string",
      placeholder: "<time>",
      describe: "only what was said since then: a date, a time, or how long ago, as 7d",
    },
    copies: { type: "boolean", describe: "also what forks and agents copied from a thread that is searched too" },
    limit: {
      type: "integer",
      short: "n",
      describe: "the newest so many threads, then stop; 0 for all (default: 20, with --json all)",
    },
    hits: { type: "integer", describe: "show so many hits of a thread, 0 for all (default: 5, with --json all)" },
  },
  positionals: {
    text: { type: "string", required: true, describe: "what to look for" },
  },
  examples: [
    ['search "race condition"', "who said that"],
    ["search --in commands --in outputs ECONNREFUSED -n 5", "the five newest threads that met an error"],
    ["search --regex 'TODO\\((\\w+)\\)' --in all --json", "an expression, anywhere, for a script"],
    ["search parser --cwd . --since 30d", "in this folder, the last month"],
  ],
  async run(options, context) {
    // Helpers are started before the rest is there: they load theirs meanwhile.
    const run = import("./search-run.ts");
    const { takeCrew } = await import("../analysis/search-crew.ts");
    const crew = takeCrew(options.jobs);
    const { runSearch } = await run;
    return runSearch(options, context, crew);
  },
});
