/** What a migration changes in the databases of a home: the row of the thread, and the projection that Codex has made of the rollout. */
import { basename, join, relative, sep } from "node:path";
import { parseRolloutName } from "../format/names.ts";
import { STATE_DB } from "../indexer/database-files.ts";
import { freshRow } from "../indexer/fresh-row.ts";
import { KNOWN_LEVEL } from "../indexer/levels.ts";
import { readOldIndex, threadRows } from "../indexer/old-index.ts";
import { RolloutError } from "../errors.ts";
import { statOrUndefined } from "../io/files.ts";
import { SqliteDatabase, type SqlRow, type SqlValue } from "../io/sqlite.ts";
import type { Staged, Step } from "../journal/types.ts";
import type { Home, RolloutFile } from "../readers/home.ts";
import { readSessionNames } from "../readers/session-index.ts";
import type { Target } from "./conversion.ts";

export const HISTORY_DB = "thread_history_1.sqlite";
const STATE_TABLE = "thread_history_projection_state";
const HISTORY_TABLES = ["thread_items", "thread_turns", STATE_TABLE] as const;

export interface RowWork {
  readonly target: Target;
  readonly threadId: string;
  /** Under which the projection has it: of the old file, and of those that go with it. */
  readonly rolloutIds: readonly string[];
  /** Plain path, old and new. */
  readonly path: { readonly before: string; readonly after: string };
  /** Where the new file is until it has its name. */
  readonly staged: Staged;
}

export class RowSteps {
  readonly #home: Home;
  readonly #rows: ReadonlyMap<string, SqlRow>;
  readonly #names: ReadonlyMap<string, string>;
  /** Undefined where rows are left alone. */
  readonly #level: number | undefined;
  #projected: ReadonlyMap<string, ReadonlySet<SqlValue>> | undefined;
  /** Why rows are left alone; undefined when they are not, or when there is no database. */
  readonly problem: string | undefined;

  /** Reads the rows once; the journal sees to it that none has changed since. */
  constructor(home: Home) {
    this.#home = home;
    const index = readOldIndex(join(home.sqliteHome, STATE_DB));
    const isKnown = index.state === "healthy" && index.level !== undefined && index.level <= KNOWN_LEVEL;
    this.#level = isKnown ? index.level : undefined;
    this.#rows = isKnown ? threadRows(index) : new Map<string, SqlRow>();
    this.#names = isKnown ? readSessionNames(home.codexHome).byId : new Map<string, string>();
    const isThere = index.state !== "absent" && index.state !== "empty";
    this.problem =
      isThere && !isKnown ? "the index is damaged, or of a newer release: its rows stay as they are" : undefined;
  }

  /** A thread of early 2025 gets a row; of another one that has none nothing is changed. */
  of(work: RowWork): readonly Step[] {
    return [...this.#rowStep(work), ...this.#forgetSteps(work)];
  }

  *#rowStep({ target, threadId, path, staged }: RowWork): Generator<Step> {
    const row = this.#rows.get(threadId);
    if (row === undefined) {
      if (target === "envelope") yield* this.#newRow(threadId, path.after, staged);
      return;
    }
    const after: Record<string, SqlValue> = {};
    const mode = target === "paginated" ? "paginated" : "legacy";
    if ("history_mode" in row && row["history_mode"] !== mode) after["history_mode"] = mode;
    if (path.before !== path.after && "rollout_path" in row) after["rollout_path"] = path.after;
    // What was attached to its source stands for itself then.
    if (target === "legacy" && row["attached_thread_parent_id"] != null) after["attached_thread_parent_id"] = null;
    // Of a legacy thread the session index alone knows the name (rollout-format §9.5).
    const name = this.#names.get(threadId);
    if (target === "paginated" && "name" in row && row["name"] === null && name !== undefined) after["name"] = name;
    const columns = Object.keys(after);
    if (columns.length === 0) return;
    const before = Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));
    const changes = [{ table: "threads", key: { id: threadId }, before, after }];
    yield { kind: "rows", database: join(this.#home.sqliteHome, STATE_DB), changes };
  }

  /** Codex would make it only when it looks through all files, which it does once. */
  *#newRow(id: string, path: string, staged: Staged): Generator<Step> {
    if (this.#level === undefined) return;
    const selected = stagedRollout(this.#home, path, staged);
    const row = freshRow(this.#home, { id, selected, continued: [], level: this.#level, names: this.#names });
    if (row === undefined) return;
    const changes = [{ table: "threads", key: { id }, before: null, after: row }];
    yield { kind: "rows", database: join(this.#home.sqliteHome, STATE_DB), changes };
  }

  *#forgetSteps({ rolloutIds }: RowWork): Generator<Step> {
    const database = join(this.#home.sqliteHome, HISTORY_DB);
    this.#projected ??= projectedIds(database);
    for (const id of rolloutIds) {
      for (const [table, ids] of this.#projected) {
        // The state in any case: an undo must not leave that of the new file behind.
        if (table === STATE_TABLE || ids.has(id)) yield { kind: "forget", database, table, where: { thread_id: id } };
      }
    }
  }
}

/** As a walk over the home will find it. */
function stagedRollout({ codexHome }: Home, logicalPath: string, { temporary, look }: Staged): RolloutFile {
  const relativePath = relative(codexHome, logicalPath).split(sep).join("/");
  const mtimeMs = Number(look.mtimeNs / 1_000_000n);
  return {
    path: temporary,
    logicalPath,
    relativePath,
    archived: relativePath.startsWith("archived_sessions/"),
    name: parseRolloutName(basename(logicalPath)),
    sizeBytes: look.sizeBytes,
    mtimeMs,
    ctimeMs: mtimeMs,
    inode: 0,
    hasCompressedTwin: false,
  };
}

/** By table: what it has rows of. Nothing for a database that is absent, damaged or of another release. */
function projectedIds(database: string): ReadonlyMap<string, ReadonlySet<SqlValue>> {
  const found = new Map<string, ReadonlySet<SqlValue>>();
  if ((statOrUndefined(database)?.size ?? 0) === 0) return found;
  let db: SqliteDatabase | undefined;
  try {
    db = SqliteDatabase.open(database);
    for (const table of HISTORY_TABLES) {
      const rows = db.all(`select distinct thread_id as id from ${table}`);
      found.set(table, new Set(rows.map(({ id }) => id ?? null)));
    }
    return found;
  } catch (error) {
    if (!(error instanceof RolloutError) || error.code === "internal") throw error;
    return new Map();
  } finally {
    db?.close();
  }
}
