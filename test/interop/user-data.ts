/**
 * What only a database of Codex knows: puts much of it into one, and says later how much of it is still there.
 *
 * The corpus homes hold a value or two of each kind; a damage that hits one page in ninety would mostly miss them.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";

import type { Row } from "./codex.ts";
import { openDatabase, type TestDatabase } from "./database.ts";

/** Columns of `threads` that a rebuild from rollouts cannot give, or gives otherwise than the live database had them. */
const COLUMNS = {
  name: "names",
  title: "names",
  thread_section_id: "sections",
  section_position: "sections",
  section_entered_at_ms: "sections",
  recency_at_ms: "recency",
  created_at_ms: "others",
  is_pinned: "others",
  project_id: "others",
  memory_mode: "others",
  archived_at: "others",
  daybreak_enabled: "others",
  git_branch: "others",
} as const;

/** Tables that rollouts say nothing about, with the columns of their key. */
const TABLES = {
  thread_sections: { key: ["id"], group: "sections" },
  projects: { key: ["id"], group: "others" },
  project_roots: { key: ["project_id", "position"], group: "others" },
  project_idempotency_keys: { key: ["key"], group: "others" },
  thread_attachments: { key: ["id"], group: "others" },
  thread_read_receipts: { key: ["thread_id"], group: "receipts" },
  guardian_review_feedback: { key: ["id"], group: "others" },
  remote_control_enrollments: { key: ["server_id"], group: "others" },
  external_agent_config_imports: { key: ["import_id"], group: "others" },
} as const;

export const GROUPS = ["names", "sections", "recency", "edges", "receipts", "others"] as const;
export type Group = (typeof GROUPS)[number];

/** One value that only the database knows. */
export interface UserValue {
  readonly group: Group;
  readonly table: string;
  /** Text of the row's key as it stands in the row: where the page is that holds it. */
  readonly key: string;
  readonly value: string;
}

export type UserValues = ReadonlyMap<string, UserValue>;

/**
 * All of them in a database. `derived` are the rows that a rebuild gives: a column that has the same value there is no loss.
 *
 * @throws when the database does not open
 */
export function userValues(path: string, derived: ReadonlyMap<string, Row>): UserValues {
  const database = openDatabase(path);
  try {
    const found = new Map<string, UserValue>();
    const put = (group: Group, table: string, key: string, what: string, value: unknown): void =>
      void found.set(`${table}.${what}/${key}`, { group, table, key, value: JSON.stringify(value) });
    for (const row of database.all("SELECT * FROM threads")) {
      const id = String(row["id"]);
      for (const [column, group] of Object.entries(COLUMNS)) {
        if (column in row && row[column] !== derived.get(id)?.[column]) put(group, "threads", id, column, row[column]);
      }
    }
    for (const row of database.all("SELECT * FROM thread_spawn_edges WHERE status = 'closed'")) {
      put("edges", "thread_spawn_edges", String(row["child_thread_id"]), "status", row["status"]);
    }
    for (const [table, { key, group }] of Object.entries(TABLES)) {
      if (!hasTable(database, table)) continue;
      for (const row of database.all(`SELECT * FROM ${table}`)) {
        const parts = key.map((column) => String(row[column]));
        found.set(`${table}/${parts.join("/")}`, { group, table, key: parts[0] ?? "", value: JSON.stringify(row) });
      }
    }
    return found;
  } finally {
    database.close();
  }
}

function hasTable(database: TestDatabase, name: string): boolean {
  return database.all("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", name).length > 0;
}

/** Of two sets of values: how many of the first have the same value in the second, by group. */
export function kept(
  before: UserValues,
  after: UserValues,
): Readonly<Record<Group, { readonly of: number; readonly kept: number }>> {
  const counts = Object.fromEntries(GROUPS.map((group) => [group, { of: 0, kept: 0 }])) as Record<
    Group,
    { of: number; kept: number }
  >;
  for (const [name, { group, value }] of before) {
    counts[group].of++;
    if (after.get(name)?.value === value) counts[group].kept++;
  }
  return counts;
}

/** Fills the database of a home with user data. Ids and values are made from the rows' order: the same for the same home. */
export function enrich(home: string, file: string): void {
  const database = openDatabase(join(home, file));
  const ids = database.all("SELECT id FROM threads ORDER BY id").map((row) => String(row["id"]));
  const columns = new Set(database.all("PRAGMA table_info(threads)").map((row) => String(row["name"])));
  database.script("BEGIN");
  ids.forEach((id, index) => {
    const set = (column: string, value: unknown, where = "1"): void => {
      if (columns.has(column)) database.run(`UPDATE threads SET ${column} = ? WHERE id = ? AND ${where}`, value, id);
    };
    // The driver binds numbers as REAL: without the cast a quotient would be stored with its fraction.
    const recency =
      "UPDATE threads SET recency_at_ms = updated_at_ms + ?, recency_at = CAST((updated_at_ms + ?) / 1000 AS INTEGER) WHERE id = ?";
    database.run(recency, index * 1013 + 7, index * 1013 + 7, id);
    if (index % 6 === 1)
      nameThread(database, home, id, `Renamed thread number ${String(index)}`, index % 12 === 1, columns);
    if (index % 17 === 2) set("memory_mode", "polluted");
    if (index % 19 === 3) set("is_pinned", 1);
    if (index % 13 === 4) set("daybreak_enabled", 1);
    // A legacy thread would have it in its rollout.
    if (index % 11 === 5 && columns.has("name"))
      set("git_branch", `feature/${String(index)}`, "history_mode = 'paginated'");
  });
  database.script("UPDATE threads SET archived_at = archived_at + 123 WHERE archived_at IS NOT NULL");
  database.script("UPDATE thread_spawn_edges SET status = 'closed' WHERE rowid % 2 = 0");
  if (columns.has("thread_section_id")) fillNewTables(database, ids);
  database.script("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
}

/** As Codex does it: the column, and a line in the index; `indexed` false leaves the line out, as an index cut short would. */
function nameThread(
  database: TestDatabase,
  home: string,
  id: string,
  name: string,
  indexed: boolean,
  columns: ReadonlySet<string>,
): void {
  const paginated =
    columns.has("history_mode") &&
    database.all("SELECT 1 FROM threads WHERE id = ? AND history_mode = 'paginated'", id).length > 0;
  database.run(`UPDATE threads SET ${paginated ? "name" : "title"} = ? WHERE id = ?`, name, id);
  const line = JSON.stringify({ id, thread_name: name, updated_at: "2026-11-21T02:00:00Z" });
  if (indexed) appendFileSync(join(home, "session_index.jsonl"), `${line}\n`);
}

function fillNewTables(database: TestDatabase, ids: readonly string[]): void {
  const id = (kind: number, index: number): string =>
    `019f0000-000${String(kind)}-7000-8000-${String(index).padStart(12, "0")}`;
  for (let index = 0; index < 4; index++) {
    database.run(
      "INSERT INTO thread_sections (id, name, appearance) VALUES (?, ?, NULL)",
      id(1, index),
      `Section ${String(index)}`,
    );
    database.run(
      "INSERT INTO projects VALUES (?, ?, '{}', ?, 1795222000000, 1795222000001)",
      id(2, index),
      `Project ${String(index)}`,
      index + 1,
    );
    database.run("INSERT INTO project_roots VALUES (?, 0, ?)", id(2, index), `/srv/project-${String(index)}`);
    database.run(
      "INSERT INTO project_idempotency_keys VALUES (?, ?, 1795222000000)",
      `key-${String(index)}`,
      id(2, index),
    );
    database.run(
      "INSERT INTO guardian_review_feedback VALUES (?, ?, ?)",
      id(3, index),
      ids[index],
      Buffer.from(`feedback ${String(index)}`),
    );
    database.run(
      "INSERT INTO remote_control_enrollments VALUES (?, 'account', 'client', ?, 'environment', 'server', 1795222000, 1)",
      `wss://example.invalid/${String(index)}`,
      id(4, index),
    );
    database.run(
      "INSERT INTO external_agent_config_imports VALUES (?, 1795222000000, '[]', '[]', 'mock')",
      id(5, index),
    );
  }
  ids.forEach((thread, index) => {
    if (index % 3 === 0) {
      const values = [id(1, index % 4), index, 1_795_222_000_000 + index, thread];
      database.run(
        "UPDATE threads SET thread_section_id = ?, section_position = ?, section_entered_at_ms = ? WHERE id = ?",
        ...values,
      );
    }
    if (index % 7 === 0) database.run("UPDATE threads SET project_id = ? WHERE id = ?", id(2, index % 4), thread);
    if (index % 5 === 0)
      database.run(
        "INSERT INTO thread_attachments VALUES (?, ?, 'test', ?, '{}', 1795222000)",
        id(6, index),
        thread,
        String(index),
      );
  });
}
