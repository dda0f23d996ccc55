/**
 * What a statement may be, and what it needs, told from the tree that DuckDB's parser makes of it. Only questions are run: one statement that
 * selects, with no function behind `from` but those of a list. Others can write: `from enable_logging(storage_path = …)` is a select too.
 */
import { RolloutError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../format/json.ts";
import { TEXT_COLUMNS } from "./redactor.ts";
import { TABLES } from "./schema.ts";

export interface QueryShape {
  /** False for `describe` and `show`, which ask for no rows. */
  readonly rows: boolean;
  /** Whether the columns of type `text` may matter. True where that cannot be told. */
  readonly content: boolean;
}

/** Functions that may stand behind `from`: none of them opens a file by a name, runs a text, or changes anything. */
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  "duckdb_columns",
  "duckdb_functions",
  "duckdb_keywords",
  "duckdb_tables",
  "duckdb_types",
  "duckdb_views",
  "generate_series",
  "histogram",
  "histogram_values",
  "json_each",
  "json_tree",
  "pg_timezone_names",
  "pragma_table_info",
  "query_table",
  "range",
  "repeat",
  "summary",
  "unnest",
]);

const EXPLAIN = /^\s*explain\s+(?:analyze\s+)?(?:\(\s*format\s+\w+\s*\)\s*)?/i;

/** The question in a statement, which `explain` stands in front of, and whether it does. */
export function questionIn(sql: string): { readonly question: string; readonly isExplain: boolean } {
  const question = sql.replace(EXPLAIN, "");
  return { question, isExplain: question.length !== sql.length };
}

/** Whether the parser did not understand it. Where is told by looking at the statement itself (`SqlDatabase.inspect`). */
export function isUnparsed(tree: string): boolean {
  return (JSON.parse(tree) as JsonObject)["error_type"] === "parser";
}

/** Reads the parser's JSON of a question. @throws RolloutError `usage` for what is none */
export function shapeOf(tree: string, question: string): QueryShape {
  const { statements } = JSON.parse(tree) as JsonObject;
  if (!Array.isArray(statements)) throw notAQuestion(question);
  if (statements.length !== 1) throw refusal(`there are ${statements.length} statements, and one can be run`);
  const seen = walk(statements);
  const foreign = [...seen.functions].find((name) => !TABLE_FUNCTIONS.has(name));
  if (foreign !== undefined) throw refusal(`${foreign}(…) cannot stand behind from here`);
  return { rows: !isDescription(statements[0]), content: seen.content };
}

function notAQuestion(statement: string): RolloutError {
  if (/\bpivot\b/i.test(statement)) {
    const hint = "as in: pivot turns on status in ('completed', 'failed') using count(*) group by model";
    return new RolloutError("usage", "a pivot has to name its values", { hint });
  }
  const [word = "this"] = /[a-z]+/i.exec(statement) ?? [];
  return refusal(`${word.toUpperCase()} is not run here`);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "?";
}

function refusal(message: string): RolloutError {
  return new RolloutError("usage", message, {
    hint: "a query is one select (or with, from, values, describe, summarize, show, explain); it writes nothing, changes no settings, and reads its tables only",
  });
}

function isDescription(statement: unknown): boolean {
  const node = isJsonObject(statement) ? statement["node"] : undefined;
  const from = isJsonObject(node) ? node["from_table"] : undefined;
  return isJsonObject(from) && from["type"] === "SHOW_REF" && from["show_type"] !== "SUMMARY";
}

interface Seen {
  /** Behind `from`, lower case. */
  readonly functions: Set<string>;
  content: boolean;
}

/** Every node, in no order, and no recursion: trees are as deep as somebody writes them. */
function walk(root: unknown): Seen {
  const seen: Seen = { functions: new Set(), content: false };
  const references: (readonly string[])[] = [];
  const tables = new Set<string>();
  const open: unknown[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    // One by one: a list of values may be longer than a call's arguments.
    if (Array.isArray(value)) for (const one of value as readonly unknown[]) open.push(one);
    else if (isJsonObject(value)) {
      if (typeof value["class"] === "string") expression(value, seen, references);
      else if ("sample" in value && "query_location" in value) tableReference(value, seen, tables);
      // Not only where a table is expected: this is what keeps a question from writing.
      if (isJsonObject(value["function"])) seen.functions.add(textOf(value["function"]["function_name"]).toLowerCase());
      open.push(...Object.values(value).filter((member) => typeof member === "object" && member !== null));
    }
  }
  // A table's name where a value is expected is its whole row.
  if (references.some((names) => names.some(isTextColumn) || tables.has(names.at(-1) ?? ""))) seen.content = true;
  return seen;
}

/** Expressions that touch no columns but those that they name. */
const PLAIN_CLASSES: ReadonlySet<unknown> = new Set([
  "BETWEEN",
  "CASE",
  "CAST",
  "COLLATE",
  "COLUMN_REF",
  "COMPARISON",
  "CONJUNCTION",
  "CONSTANT",
  "FUNCTION",
  "OPERATOR",
  "SUBQUERY",
  "WINDOW",
]);

function expression(node: JsonObject, seen: Seen, references: (readonly string[])[]): void {
  if (!PLAIN_CLASSES.has(node["class"])) seen.content = true;
  if (node["class"] === "COLUMN_REF") references.push(lowerCase(node["column_names"]));
}

const PLAIN_TABLES: ReadonlySet<unknown> = new Set(["BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "SUBQUERY"]);
const PLAIN_JOINS: ReadonlySet<unknown> = new Set([undefined, "REGULAR", "CROSS"]);

function tableReference(node: JsonObject, seen: Seen, tables: Set<string>): void {
  for (const name of lowerCase([node["alias"], node["table_name"]])) tables.add(name);
  const renamed = node["column_name_alias"];
  const isPlain = PLAIN_TABLES.has(node["type"]) && PLAIN_JOINS.has(node["ref_type"]);
  if (!isPlain || (Array.isArray(renamed) && renamed.length > 0)) seen.content = true;
  if (lowerCase(node["using_columns"]).some(isTextColumn)) seen.content = true;
}

function lowerCase(names: unknown): readonly string[] {
  if (!Array.isArray(names)) return [];
  return names.flatMap((name: unknown) => (typeof name === "string" ? [name.toLowerCase()] : []));
}

const TEXT_NAMES: ReadonlySet<string> = new Set(
  Object.keys(TABLES).flatMap((table) => TEXT_COLUMNS[table as keyof typeof TABLES]),
);

function isTextColumn(name: string): boolean {
  return TEXT_NAMES.has(name);
}
