/** Tables in which a thread has rows, as data (state-and-compression §1.8, §1.9, §5.7). */
import { STATE_DB } from "../indexer/database-files.ts";

export interface OwnedTable {
  /** Name of the database in the folder of databases. */
  readonly file: string;
  readonly table: string;
  /** Columns that hold ids of threads: a row with one of them is the thread's. */
  readonly columns: readonly string[];
  /** Whether the row means anything in another home. */
  readonly movable: boolean;
}

const GOALS = "goals_1.sqlite";
const MEMORIES = ["memories_1.sqlite", "memories_v2_1.sqlite"];
const QUEUE = "queue_1.sqlite";
const HISTORY = "thread_history_1.sqlite";

/** Within one database, rows that refer to others come first. */
export const OWNED_TABLES: readonly OwnedTable[] = [
  { file: GOALS, table: "thread_goal_continuation_deferrals", columns: ["thread_id"], movable: true },
  { file: GOALS, table: "thread_goals", columns: ["thread_id"], movable: true },
  ...MEMORIES.flatMap((file): OwnedTable[] => [
    { file, table: "stage1_outputs", columns: ["thread_id"], movable: true },
    // Of jobs for a single thread the key is its id.
    { file, table: "jobs", columns: ["job_key"], movable: false },
  ]),
  // Codex leaves `queued_thread_revisions` to its triggers, and so does this.
  { file: QUEUE, table: "queued_items", columns: ["thread_id"], movable: true },
  { file: STATE_DB, table: "thread_dynamic_tools", columns: ["thread_id"], movable: true },
  { file: STATE_DB, table: "thread_attachments", columns: ["thread_id"], movable: true },
  { file: STATE_DB, table: "guardian_review_feedback", columns: ["thread_id"], movable: true },
  { file: STATE_DB, table: "thread_read_receipts", columns: ["thread_id"], movable: true },
  { file: STATE_DB, table: "thread_spawn_edges", columns: ["parent_thread_id", "child_thread_id"], movable: true },
  { file: STATE_DB, table: "threads", columns: ["id"], movable: true },
];

/** What a client is shown of a paginated thread, by rollout: a thread has several after a revert. */
export interface ProjectedTable {
  readonly file: string;
  readonly table: string;
  /** Columns that count bytes of the rollout's plain text. */
  readonly offsets: readonly string[];
}

/**
 * Codex makes these rows anew when the thread is resumed; until then it shows no turn of it. Within the database, rows whose going
 * takes others along come last.
 */
export const PROJECTED_TABLES: readonly ProjectedTable[] = [
  { file: HISTORY, table: "thread_items", offsets: [] },
  { file: HISTORY, table: "thread_turns", offsets: ["rollout_byte_offset", "rollout_end_byte_offset"] },
  { file: HISTORY, table: "thread_realtime_items", offsets: [] },
  { file: HISTORY, table: "thread_history_projection_state", offsets: ["next_rollout_byte_offset"] },
];

/** Lines of diagnosis, which nobody brings back. */
export const LOGS = { file: "logs_2.sqlite", table: "logs" } as const;
