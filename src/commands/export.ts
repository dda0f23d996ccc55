/** `rollout-tool export`: the threads of a home as tables that other programs read. */
import { defineCommand } from "./command.ts";

export const command = defineCommand({
  describe:
    "Writes the threads of a Codex home, or some of them, as tables: threads, turns, items, usage, windows, edges and bytes. In a folder, " +
    "by table and month, so that parts of many homes make one data set; a scheduler gives each machine a shard. Or each thread as a " +
    "document: a trajectory (ATIF) or traces (OpenTelemetry). The home is only read. Columns are in docs/export.md.",
  options: {
    format: {
      type: "string",
      choices: ["parquet", "jsonl", "csv", "atif", "otel"],
      default: "parquet",
      describe: "what the files are",
    },
    out: {
      type: "string",
      short: "o",
      placeholder: "<folder>",
      describe: "where to; - for stdout, of one table as jsonl or csv",
    },
    table: {
      type: "strings",
      placeholder: "<a,b>",
      describe: "only these: threads, turns, items, usage, windows, edges, bytes",
    },
    shard: { type: "string", placeholder: "<i/n>", describe: "of n parts only the i-th, counted from 0" },
    "part-name": {
      type: "string",
      placeholder: "<name>",
      describe: "a name for this home's files; made from its path unless told",
    },
    "no-content": { type: "boolean", describe: "structure only: no words of people, models and tools" },
    redact: { type: "boolean", describe: "put [REDACTED:…] in the place of what looks like a secret" },
    "raw-csv": { type: "boolean", describe: "csv: text as it is, also what a spreadsheet takes for a formula" },
  },
  positionals: {
    threads: { type: "strings", describe: "ids, names or paths of rollouts, or folders of them, instead of the home" },
  },
  examples: [
    ["export -o data", "all tables of ~/.codex as Parquet"],
    ["export -o data --no-content", "without anything that was said"],
    ["export -o traces --format otel --redact", "OpenTelemetry traces, without keys and passwords"],
    ["export -o /shared/data --shard 3/16 --part-name host7", "the fourth of 16 parts of a home in a fleet"],
    ["export --format csv --table usage -o - > usage.csv", "one table on stdout"],
    ["export 01a1fb9c --format jsonl -o thread", "one thread"],
  ],
  async run(options, context) {
    const { runExport } = await import("./export-run.ts");
    return runExport(options, context);
  },
});
