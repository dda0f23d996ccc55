/** `rollout-tool windows`: the context windows of a thread. The work is in `windows-run.ts`. */
import { defineCommand } from "./command.ts";
import { THREAD } from "./options.ts";

export const command = defineCommand({
  describe:
    "Lists the context windows of a thread, one for its beginning and one for each compaction: number and ids, what began it, " +
    "where it lies in the rollout, and how much its compaction took in and gave out. A compaction whose turn was rolled back " +
    "only counts. Reads the whole rollout, and those that it continues. Nothing is ever written.",
  options: {},
  positionals: { thread: THREAD },
  examples: [
    ["windows 019a3edc-0d64", "how often a thread was compacted, and where"],
    ["windows 019a3edc --json", "the same with every id, in one JSON document"],
    ["windows 019a3edc --json | jq '.windows[].compaction'", "what each compaction took in and gave out"],
  ],
  async run(options, context) {
    const { runWindows } = await import("./windows-run.ts");
    return runWindows(options, context);
  },
});
