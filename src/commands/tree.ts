/** `rollout-tool tree`: how threads hang together. The work is in `tree-run.ts`. */
import { defineCommand } from "./command.ts";

export const command = defineCommand({
  describe:
    "Draws the family of a thread, or of every thread of a Codex home, newest first: what was forked from what (⑂), which " +
    "agent spawned which (↳), and who is archived, attached, reverted, a review or a guardian. It is made from the first " +
    "record of each rollout; the index only adds names, and may be missing. What is named but not there is drawn as no-file. " +
    "Nothing is ever written.",
  options: {
    format: {
      type: "string",
      choices: ["text", "json", "mermaid", "dot"],
      describe: "text unless told; mermaid and dot are for Mermaid and Graphviz",
    },
    linked: { type: "boolean", describe: "leave out threads that stand alone" },
    limit: { type: "integer", short: "n", describe: "draw so many families, 0 for all (default: 0)" },
    ascii: {
      type: "boolean",
      describe: "draw with ASCII characters alone; done unasked where the locale is not UTF-8",
    },
  },
  positionals: {
    thread: {
      type: "string",
      describe: "only the family of this one: an id, the first 4 or more characters of one, a name, or a path",
    },
  },
  examples: [
    ["tree 019a3edc-0d64", "the whole family of a thread, up to its root"],
    ["tree --linked", "all families of more than one thread"],
    ["tree --format mermaid > threads.mmd", "a drawing for a document"],
    ["tree --format dot | dot -Tsvg > threads.svg", "a drawing by Graphviz"],
    ["tree 019a3edc-0d64 --json", "sessions, prompt cache keys and files, for a script"],
  ],
  async run(options, context) {
    const { runTree } = await import("./tree-run.ts");
    return runTree(options, context);
  },
});
