/** `rollout-tool stats`: where the bytes, the tokens and the time of a Codex home went. */
import { defineCommand } from "./command.ts";

export const command = defineCommand({
  describe:
    "Tells where the bytes, the tokens or the time of a whole Codex home went, or of some of its threads. Bytes by what lines " +
    "are, by thread, month and family of forks, with what is stored twice and what could be saved; tokens by the model's " +
    "responses, each counted once however often forks and agents repeat it; latencies of turns, first tokens and tools. " +
    "Nothing is written or changed.",
  options: {
    top: { type: "integer", min: 1, default: 10, describe: "how many rows of each list are shown" },
    by: {
      type: "string",
      choices: ["model", "day", "thread", "session", "cwd"],
      describe: "tokens: what the rows are; model unless told",
    },
    explain: { type: "boolean", describe: "tokens: tell of each file how it is laid out, and what of it was left out" },
    prices: { type: "string", placeholder: "<file>", describe: "tokens: a price table of yours (JSON), for costs" },
    compare: { type: "string", placeholder: "<home>", describe: "latency: set another Codex home beside this one" },
  },
  positionals: {
    what: { type: "string", required: true, choices: ["bytes", "tokens", "latency"], describe: "what to account for" },
    threads: { type: "strings", describe: "ids, names or paths of rollouts, or folders of them, instead of the home" },
  },
  examples: [
    ["stats bytes", "what fills ~/.codex/sessions, and what could be saved"],
    ["stats tokens --by day", "tokens by day, forks and agents counted once"],
    ["stats tokens --by thread --prices prices.json --json", "costs by thread, for a script"],
    ["stats tokens 01a1fb9c --explain", "one thread, and how its files were read"],
    ["stats latency --compare ~/old/.codex", "is it slower than it was?"],
  ],
  async run(options, context) {
    const { runStats } = await import("./stats-run.ts");
    return runStats(options, context);
  },
});
