/** `rollout-tool bench`: latencies of this tool and of real Codex binaries, and whether they changed. */
import { defineCommand } from "./command.ts";

export const command = defineCommand({
  describe:
    "Measures how long it takes to resume or fork a thread, to start one, to rebuild an index, to compress and to parse; " +
    "with --codex also by real Codex binaries, on copies of the same files. Cases take turns in random order, and two of " +
    "them are called different only where the figures exclude chance. Homes and threads of yours are copied to a temporary " +
    "folder, and never touched. Nothing but loopback is reached, unless a release named by its version has to be installed.",
  options: {
    synthetic: {
      type: "strings",
      placeholder: "<shape:size>",
      describe:
        "measure on made-up rollouts, such as legacy:20MB; sizes of 1MB to 1000MB beside each other make an axis",
    },
    codex: {
      type: "strings",
      placeholder: "<path|version>",
      describe: "also measure this Codex: a binary, the folder npm installed it to, or a version",
    },
    rounds: { type: "integer", min: 1, default: 15, describe: "samples of each case; a verdict takes 6 or more" },
    warmup: { type: "integer", default: 2, describe: "rounds before these that do not count" },
    seed: { type: "integer", default: 1, describe: "of made-up rollouts, of the order and of the resampling" },
    timeout: {
      type: "string",
      default: "2m",
      placeholder: "<time>",
      describe: "how long a Codex may take for an answer: 30s, 2m",
    },
    baseline: { type: "string", placeholder: "<file>", describe: "compare with an earlier report (--json)" },
    "fail-if": {
      type: "strings",
      placeholder: "<criterion>",
      describe: "exit with 1 where the figures show this, such as 'resume.plain.median>1.10'",
    },
    markdown: { type: "string", placeholder: "<file>", describe: "also write the report as Markdown" },
    html: { type: "string", placeholder: "<file>", describe: "also write the report as one HTML page, with plots" },
  },
  positionals: {
    what: {
      type: "string",
      required: true,
      choices: ["resume", "fork", "start", "reindex", "compress", "parse", "compare"],
      describe: "what to measure, or compare for two reports",
    },
    inputs: {
      type: "strings",
      describe: "threads (resume, fork), homes (reindex, compress, parse) or reports (compare)",
    },
  },
  examples: [
    ["bench resume --synthetic paginated-late:120MB", "resume from the end and in full, plain and compressed"],
    ["bench resume --codex 0.169.0 --synthetic legacy:20MB", "the same, and a real Codex beside it"],
    ["bench resume --synthetic legacy:1MB --synthetic legacy:100MB", "how it grows with the size of a thread"],
    ["bench fork 019a", "a thread of yours; it is copied first"],
    ["bench resume --json > now.json", "a baseline for later"],
    ["bench resume --baseline now.json --fail-if 'resume.median>1.10'", "exit with 1 if it became slower by a tenth"],
    ["bench compare main.json branch.json", "two runs beside each other"],
  ],
  async run(options, context) {
    const { runBench } = await import("./bench-run.ts");
    return runBench(options, context);
  },
});
