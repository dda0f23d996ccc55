/** `rollout-tool query`: SQL over the threads of a home, or over an export of them. */
import { defineCommand } from "./command.ts";

export const command = defineCommand({
  describe:
    "Asks a question in SQL over the tables of export (threads, turns, items, usage, windows, edges, bytes), straight from a Codex home " +
    "or over an export, by DuckDB inside this program. Only questions are run: the SQL can neither write nor reach other files or the " +
    "network. Rows with inherited are copies: sums leave them out. Recipes are in docs/query.md.",
  options: {
    tables: {
      type: "boolean",
      conflicts: ["file", "from", "limit", "memory"],
      describe: "list the tables with their columns, and ask nothing",
    },
    file: { type: "string", short: "f", placeholder: "<file>", describe: "the SQL is in this file" },
    from: {
      type: "string",
      placeholder: "<folder>",
      describe: "ask this export (export -o <folder>, Parquet) instead of the home",
    },
    limit: { type: "integer", short: "n", describe: "rows to show; 100 unless told, 0 or --json for all" },
    memory: {
      type: "integer",
      placeholder: "<MB>",
      min: 64,
      describe: "what DuckDB may hold in memory before it goes to the disk; 1024 unless told",
    },
  },
  positionals: { sql: { type: "string", describe: "one question, in quotes; - reads it from stdin" } },
  examples: [
    ["query --tables", "what there is to ask about"],
    ['query "select cwd, count(*) from threads group by cwd order by 2 desc"', "the folders with most threads"],
    ['query "from turns where not inherited order by duration_ms desc limit 5"', "the slowest turns, with all columns"],
    ["query --from data --file costs.sql --json", "a question of a file to an export; a JSON object for each row"],
  ],
  async run(options, context) {
    const { runQuery } = await import("./query-run.ts");
    return runQuery(options, context);
  },
});
