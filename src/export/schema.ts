/**
 * The tables of an export, as data: what `export`, `query` and docs/export.md agree on. One row type per table is made from it, so that
 * a column which a table's maker forgets does not compile.
 *
 * The version goes up when a column is renamed, removed, or means something else; a new column at the end is no new version.
 */
export const EXPORT_VERSION = 1;

/** `timestamp`: microseconds since 1970, UTC. `text`: what people, models or tools wrote, which `--no-content` leaves out and `--redact` looks through. */
export type ColumnType = "string" | "text" | "boolean" | "int32" | "int64" | "double" | "timestamp";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Null is possible. */
  readonly nullable: boolean;
  /** One clause, for the documentation. */
  readonly describe: string;
}

/** What a value of a type is in a row. Integers beyond 2^53 do not occur: sizes, counts and times all are smaller. */
interface Values {
  readonly string: string;
  readonly text: string;
  readonly boolean: boolean;
  readonly int32: number;
  readonly int64: number;
  readonly double: number;
  readonly timestamp: number;
}

type Cell<C extends Column> = C["nullable"] extends true ? Values[C["type"]] | null : Values[C["type"]];

export type RowOf<T extends readonly Column[]> = { readonly [C in T[number] as C["name"]]: Cell<C> };

export const THREADS = [
  { name: "thread_id", type: "string", nullable: false, describe: "id of the thread, lower case" },
  {
    name: "root_thread_id",
    type: "string",
    nullable: false,
    describe: "the thread that this one's family of agents and forks begins with; itself for most",
  },
  { name: "parent_thread_id", type: "string", nullable: true, describe: "of an agent: the thread that spawned it" },
  { name: "forked_from_id", type: "string", nullable: true, describe: "of a fork: the thread that it was made from" },
  { name: "session_id", type: "string", nullable: true, describe: "as the rollout says" },
  {
    name: "kind",
    type: "string",
    nullable: false,
    describe: "main, fork, agent, review, guardian, helper or internal",
  },
  {
    name: "path",
    type: "string",
    nullable: false,
    describe: "of the newest rollout, relative to the home, without .zst",
  },
  { name: "archived", type: "boolean", nullable: false, describe: "lies in archived_sessions" },
  { name: "compressed", type: "boolean", nullable: false, describe: "is there as an archive" },
  { name: "history_mode", type: "string", nullable: false, describe: "legacy or paginated" },
  { name: "created_at", type: "timestamp", nullable: true, describe: "when the thread was begun" },
  { name: "updated_at", type: "timestamp", nullable: true, describe: "time of its last record" },
  { name: "source", type: "string", nullable: true, describe: "cli, vscode, exec, subagent, …" },
  { name: "originator", type: "string", nullable: true, describe: "the program that began it" },
  { name: "cli_version", type: "string", nullable: true, describe: "its version" },
  { name: "model_provider", type: "string", nullable: true, describe: "as the rollout says" },
  { name: "model", type: "string", nullable: true, describe: "of the last turn" },
  { name: "cwd", type: "string", nullable: true, describe: "working folder" },
  { name: "git_branch", type: "string", nullable: true, describe: "when the thread was begun" },
  { name: "git_commit", type: "string", nullable: true, describe: "when the thread was begun" },
  { name: "git_url", type: "string", nullable: true, describe: "of the repository, without user name and password" },
  { name: "agent_nickname", type: "string", nullable: true, describe: "of an agent" },
  { name: "agent_role", type: "string", nullable: true, describe: "of an agent" },
  { name: "name", type: "text", nullable: true, describe: "the name that the user gave it" },
  { name: "first_user_message", type: "text", nullable: true, describe: "what the user said first" },
  { name: "turns", type: "int32", nullable: false, describe: "turns that a client shows" },
  { name: "files", type: "int32", nullable: false, describe: "rollouts that the thread is made of" },
  { name: "plain_bytes", type: "int64", nullable: false, describe: "of all its rollouts, decompressed" },
  { name: "disk_bytes", type: "int64", nullable: false, describe: "of all its rollouts, as they lie on the disk" },
] as const satisfies readonly Column[];

export const TURNS = [
  { name: "thread_id", type: "string", nullable: false, describe: "the thread it belongs to" },
  { name: "turn_id", type: "string", nullable: false, describe: "unique in its thread" },
  { name: "turn_index", type: "int32", nullable: false, describe: "from 0, in the order a client shows" },
  {
    name: "inherited",
    type: "boolean",
    nullable: false,
    describe: "it is a copy of another thread's turn; sums leave these out",
  },
  { name: "status", type: "string", nullable: false, describe: "completed, interrupted, failed or in_progress" },
  { name: "started_at", type: "timestamp", nullable: true, describe: "as recorded, else the time of its first line" },
  {
    name: "completed_at",
    type: "timestamp",
    nullable: true,
    describe: "as recorded, else the time of the line that ended it",
  },
  { name: "duration_ms", type: "double", nullable: true, describe: "as recorded, else from the times of those lines" },
  { name: "duration_derived", type: "boolean", nullable: false, describe: "the duration is made from time stamps" },
  { name: "first_token_ms", type: "double", nullable: true, describe: "time to the first token, as recorded" },
  { name: "model", type: "string", nullable: true, describe: "that it ran with" },
  { name: "effort", type: "string", nullable: true, describe: "reasoning effort" },
  { name: "items", type: "int32", nullable: false, describe: "items that a client shows" },
  { name: "tool_calls", type: "int32", nullable: false, describe: "of those, commands, patches and calls of tools" },
  { name: "user_message", type: "text", nullable: true, describe: "the first text of the user in it" },
  { name: "agent_message", type: "text", nullable: true, describe: "the last text of the agent in it" },
] as const satisfies readonly Column[];

export const ITEMS = [
  { name: "thread_id", type: "string", nullable: false, describe: "the thread it belongs to" },
  { name: "turn_id", type: "string", nullable: false, describe: "the turn it belongs to" },
  { name: "item_id", type: "string", nullable: false, describe: "unique in its turn, for most" },
  { name: "item_index", type: "int32", nullable: false, describe: "from 0, in its turn" },
  { name: "inherited", type: "boolean", nullable: false, describe: "it is a copy of another thread's item" },
  {
    name: "type",
    type: "string",
    nullable: false,
    describe: "userMessage, agentMessage, reasoning, commandExecution, …",
  },
  { name: "started_at", type: "timestamp", nullable: true, describe: "as recorded" },
  { name: "completed_at", type: "timestamp", nullable: true, describe: "as recorded, else the time of its last line" },
  { name: "status", type: "string", nullable: true, describe: "of a command, a patch or a call" },
  { name: "exit_code", type: "int32", nullable: true, describe: "of a command" },
  { name: "duration_ms", type: "double", nullable: true, describe: "of a command or a call, as recorded" },
  { name: "tool", type: "string", nullable: true, describe: "of a call: server and name, or name" },
  { name: "text", type: "text", nullable: true, describe: "what was said, run or changed" },
  { name: "output", type: "text", nullable: true, describe: "what a command or a tool gave" },
  {
    name: "path",
    type: "string",
    nullable: false,
    describe: "of the rollout that it stands in, relative to the home, without .zst",
  },
  { name: "line", type: "int64", nullable: false, describe: "from 1, where it was first recorded" },
  { name: "offset", type: "int64", nullable: false, describe: "of that line, in bytes of the plain text" },
] as const satisfies readonly Column[];

export const USAGE = [
  { name: "thread_id", type: "string", nullable: false, describe: "the thread that asked for the response" },
  {
    name: "told_by",
    type: "string",
    nullable: false,
    describe: "the thread whose rollout this row is from: another one where it was copied",
  },
  {
    name: "response_key",
    type: "string",
    nullable: false,
    describe: "the same for a response wherever it is told: count distinct ones",
  },
  { name: "rung", type: "string", nullable: false, describe: "record, count or difference: how it is told" },
  { name: "inherited", type: "boolean", nullable: false, describe: "it stands in a copied prefix" },
  { name: "at", type: "timestamp", nullable: true, describe: "when it was told; of a copy, when its turn began" },
  { name: "model", type: "string", nullable: true, describe: "that gave it" },
  { name: "cwd", type: "string", nullable: true, describe: "working folder of the turn" },
  { name: "input_tokens", type: "int64", nullable: false, describe: "cached ones among them" },
  { name: "cached_input_tokens", type: "int64", nullable: false, describe: "read from the provider's cache" },
  { name: "output_tokens", type: "int64", nullable: false, describe: "reasoning among them" },
  { name: "reasoning_output_tokens", type: "int64", nullable: false, describe: "spent on reasoning" },
  {
    name: "echo",
    type: "boolean",
    nullable: false,
    describe: "a reviewer's response, told again by the thread that asked for the review (up to about 0.98)",
  },
] as const satisfies readonly Column[];

export const WINDOWS = [
  { name: "thread_id", type: "string", nullable: false, describe: "the thread it belongs to" },
  { name: "window_id", type: "string", nullable: true, describe: "where the rollout names it" },
  { name: "window_number", type: "int32", nullable: false, describe: "from 0" },
  { name: "previous_window_id", type: "string", nullable: true, describe: "of the window before" },
  {
    name: "cause",
    type: "string",
    nullable: false,
    describe: "start, replacement, legacy or counted: what began it (`windows`)",
  },
  { name: "is_last", type: "boolean", nullable: false, describe: "a resume goes on in it" },
  { name: "line", type: "int64", nullable: true, describe: "of the record that began it" },
  { name: "offset", type: "int64", nullable: true, describe: "of that line, in bytes of the plain text" },
  { name: "path", type: "string", nullable: true, describe: "of the rollout that the line stands in, as in items" },
  { name: "inherited", type: "boolean", nullable: false, describe: "it was begun in another thread" },
] as const satisfies readonly Column[];

export const EDGES = [
  { name: "source_thread_id", type: "string", nullable: false, describe: "the older thread" },
  { name: "target_thread_id", type: "string", nullable: false, describe: "the thread that came from it" },
  {
    name: "kind",
    type: "string",
    nullable: false,
    describe: "spawn, fork or base (continues its rollout where that lies)",
  },
] as const satisfies readonly Column[];

export const BYTES = [
  { name: "thread_id", type: "string", nullable: false, describe: "the thread whose rollout it is" },
  { name: "path", type: "string", nullable: false, describe: "of the rollout, relative to the home, without .zst" },
  { name: "label", type: "string", nullable: false, describe: "as in `stats bytes`" },
  { name: "inherited", type: "boolean", nullable: false, describe: "in the copied prefix" },
  { name: "records", type: "int64", nullable: false, describe: "lines, or line ends" },
  {
    name: "bytes",
    type: "int64",
    nullable: false,
    describe: "of the plain text, line ends included; a rollout's add up to its size",
  },
] as const satisfies readonly Column[];

/** By name, in the order of the documentation. Every row of a thread is in the month in which the thread was begun. */
export const TABLES = {
  threads: THREADS,
  turns: TURNS,
  items: ITEMS,
  usage: USAGE,
  windows: WINDOWS,
  edges: EDGES,
  bytes: BYTES,
} as const;

export type TableName = keyof typeof TABLES;
export type TableRow<N extends TableName> = RowOf<(typeof TABLES)[N]>;

/** Partition of what has no time: hive partitions need a value. */
export const NO_MONTH = "unknown";
