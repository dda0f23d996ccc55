/** What `query --tables` prints: the tables that there are to ask, with their columns. */
import { queryColumns, sqlType } from "../export/query.ts";
import { EXPORT_VERSION, type TableName, TABLES } from "../export/schema.ts";
import type { CommandContext } from "./command.ts";
import { printAnswer } from "./render.ts";
import { type Column, renderTable } from "./table.ts";

const MEANINGS: Readonly<Record<TableName, string>> = {
  threads: "one row for each thread",
  turns: "what was asked and answered, as a client shows it; leave out inherited ones in sums",
  items: "messages, commands and calls in the turns; leave out inherited ones in sums",
  usage:
    "responses of the model and their tokens; leave out inherited ones and echoes in sums, count each response_key once",
  windows: "context windows",
  edges: "which thread came from which",
  bytes: "what the bytes of the rollouts are; leave out inherited ones in sums",
};

interface TableAnswer {
  readonly table: string;
  readonly describe: string;
  readonly columns: readonly ColumnAnswer[];
}

interface ColumnAnswer {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly describe: string;
}

export function printTables(json: boolean, context: CommandContext): void {
  const tables = (Object.keys(TABLES) as readonly TableName[]).map((table): TableAnswer => {
    const columns = queryColumns(table).map((column) => ({ ...column, type: sqlType(column.type) }));
    return { table, describe: MEANINGS[table], columns };
  });
  printAnswer(context.stdout, json, { version: EXPORT_VERSION, tables }, () =>
    tables.map((table) => renderOne(table, context)).join("\n"),
  );
}

const COLUMNS: readonly Column<ColumnAnswer>[] = [
  { title: "  column", value: ({ name }) => `  ${name}` },
  { title: "type", value: ({ type }) => SHORT_TYPES[type] ?? type },
  {
    title: "what it is",
    value: ({ describe, nullable }) => (nullable ? `${describe}; or NULL` : describe),
    flexible: true,
  },
];

const SHORT_TYPES: Readonly<Record<string, string>> = { "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ" };

function renderOne({ table, describe, columns }: TableAnswer, context: CommandContext): string {
  const { paint } = context;
  return `${paint.bold(table)}  ${describe}\n${renderTable(COLUMNS, columns, { ...context, paint: { ...paint, bold: paint.dim } })}`;
}
