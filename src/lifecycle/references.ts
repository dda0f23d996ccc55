/** Sections and projects that rows of threads name: they come along to a home that does not have them. */
import { join } from "node:path";
import { STATE_DB } from "../indexer/database-files.ts";
import type { SqlRow } from "../io/sqlite.ts";
import type { RowChange } from "../journal/types.ts";
import type { FolderMap } from "./cwd-map.ts";
import { DatabaseView, keyOf } from "./rows.ts";

interface Reference {
  readonly column: string;
  readonly table: string;
  /** Columns that mean nothing without it. */
  readonly others: readonly string[];
  /** A table with rows of its own, by this column. */
  readonly parts?: { readonly table: string; readonly column: string };
}

const REFERENCES: readonly Reference[] = [
  { column: "thread_section_id", table: "thread_sections", others: ["section_position", "section_entered_at_ms"] },
  {
    column: "project_id",
    table: "projects",
    others: [],
    parts: { table: "project_roots", column: "project_id" },
  },
];

export class References {
  readonly #sqliteHome: string;
  readonly #folders: FolderMap | undefined;
  readonly #known = new Map<string, boolean>();
  readonly #added: RowChange[] = [];

  /** `sqliteHome`: of the home that the threads come from. */
  constructor(sqliteHome: string, folders: FolderMap | undefined) {
    this.#sqliteHome = sqliteHome;
    this.#folders = folders;
  }

  /** Rows that the other home has to get first. */
  get added(): readonly RowChange[] {
    return this.#added;
  }

  /** The row, without what the other home cannot have. */
  settled(target: DatabaseView, row: SqlRow): SqlRow {
    const lost = REFERENCES.filter(
      (reference) => row[reference.column] != null && !this.#isThere(target, reference, row),
    );
    const names = lost.flatMap(({ column, others }) => [column, ...others]);
    return { ...row, ...Object.fromEntries(names.map((name) => [name, null])) };
  }

  #isThere(target: DatabaseView, reference: Reference, row: SqlRow): boolean {
    const id = String(row[reference.column]);
    const key = `${reference.table} ${id}`;
    const known = this.#known.get(key) ?? this.#settle(target, reference, id);
    this.#known.set(key, known);
    return known;
  }

  #settle(target: DatabaseView, { table, parts }: Reference, id: string): boolean {
    if (!target.has(table)) return false;
    if (target.rows(table, ["id"], [id]).rows.length > 0) return true;
    const source = DatabaseView.read(join(this.#sqliteHome, STATE_DB));
    try {
      const own = source?.rows(table, ["id"], [id]).rows ?? [];
      if (source === undefined || own.length === 0) return false;
      const below = parts === undefined ? [] : source.rows(parts.table, [parts.column], [id]).rows;
      this.#added.push(...insertions(target, table, own));
      if (parts !== undefined)
        this.#added.push(
          ...insertions(
            target,
            parts.table,
            below.map((one) => this.#mapped(one)),
          ),
        );
      return true;
    } finally {
      source?.close();
    }
  }

  /** Roots of projects are working folders too. */
  #mapped(row: SqlRow): SqlRow {
    const { path } = row;
    const moved = typeof path === "string" ? this.#folders?.(path) : undefined;
    return moved === undefined ? row : { ...row, path: moved };
  }
}

function insertions(target: DatabaseView, table: string, rows: readonly SqlRow[]): readonly RowChange[] {
  const columns = target.columns(table);
  const keys = columns.filter(({ isKey }) => isKey).map(({ name }) => name);
  return rows.map((row) => {
    const known = columns.filter(({ name }) => Object.hasOwn(row, name));
    const after = Object.fromEntries(known.map(({ name }) => [name, row[name] ?? null]));
    return { table, key: keyOf(after, keys), before: null, after };
  });
}
