/** `rollout-tool report`: a home or a thread as one page for a browser. The work is in `report-run.ts`. */
import { defineCommand } from "./command.ts";

export const command = defineCommand({
  describe:
    "Makes one page of a whole Codex home, or of one thread: how threads, forks, agents and context windows hang together, a " +
    "timeline of turns, tokens, latencies, sizes, and what verify finds. The page is a single file that needs no network, is " +
    "readable on a phone and on paper, and shows what was recorded as text only. It is readable by you alone; what was said is " +
    "in it. Nothing else is written or changed.",
  options: {
    out: {
      type: "string",
      short: "o",
      placeholder: "<file>",
      default: "rollout-report.html",
      describe: "where to write the page; a name that ends in .html",
    },
    open: { type: "boolean", describe: "show the page in the system's browser" },
    force: { type: "boolean", describe: "replace a file that is no report of this tool, too" },
  },
  positionals: {
    thread: {
      type: "string",
      describe: "this thread instead of the home: an id, the first 4 or more characters of one, a name, or a path",
    },
  },
  examples: [
    ["report", "the whole home, as rollout-report.html in this folder"],
    ["report 01a1fb9c -o thread.html --open", "one thread: its windows, turns and items"],
    ["report --codex-home ~/old/.codex -o old.html --json", "another home; what was written, for a script"],
  ],
  async run(options, context) {
    const { runReport } = await import("./report-run.ts");
    return runReport(options, context);
  },
});
