/** The laws of ARCHITECTURE.md as data. `tidy.test.ts` judges the sources by them, `docs.test.ts` compares the document. */

interface Law {
  /** Rooms (folders of src, or its single files) that this one may import. */
  readonly rooms: readonly string[];
  /** `none`: not even `node:`. `local`: all of Node but the network and other processes. `all`: all of Node. */
  readonly node: "none" | "local" | "all";
}

const READING = ["errors", "format", "thread", "readers", "io"];
const WORKING = [...READING, "indexer", "compressor"];
const CHANGING = [...WORKING, "journal", "proof"];
const ALL_ROOMS = [...CHANGING, "fork", "migrate", "verify", "lifecycle", "analysis", "export"];

/** By room. Rooms that do not exist yet have their law already. */
export const LAWS: Readonly<Record<string, Law>> = {
  errors: { rooms: [], node: "none" },
  format: { rooms: ["errors"], node: "none" },
  io: { rooms: ["errors"], node: "local" },
  thread: { rooms: ["errors", "format"], node: "none" },
  readers: { rooms: ["errors", "format", "io"], node: "local" },
  indexer: { rooms: ["errors", "format", "thread", "readers", "io"], node: "local" },
  compressor: { rooms: ["errors", "format", "readers", "io"], node: "all" },
  proof: { rooms: READING, node: "local" },
  journal: { rooms: WORKING, node: "local" },
  fork: { rooms: [...WORKING, "proof"], node: "local" },
  migrate: { rooms: CHANGING, node: "local" },
  verify: { rooms: [...CHANGING, "migrate"], node: "local" },
  lifecycle: { rooms: CHANGING, node: "local" },
  analysis: { rooms: WORKING, node: "local" },
  export: { rooms: [...WORKING, "analysis"], node: "local" },
  bench: { rooms: ALL_ROOMS, node: "all" },
  commands: { rooms: [...ALL_ROOMS, "bench"], node: "local" },
  cli: { rooms: ["errors", "io", "commands"], node: "none" },
  bin: { rooms: ["errors", "io", "cli", "analysis"], node: "all" },
  index: { rooms: [...ALL_ROOMS, "bench"], node: "none" },
};

/** Rooms of which another may use only some files. */
export const NARROW: readonly { readonly from: string; readonly room: string; readonly files: readonly string[] }[] = [
  { from: "compressor", room: "readers", files: ["bytes", "home"] },
  { from: "compressor", room: "format", files: ["names", "peek"] },
  { from: "cli", room: "io", files: ["console", "heap", "progress"] },
  { from: "bin", room: "analysis", files: ["search-crew"] },
];

/** Modules of Node that reach out of the process. */
export const OUTSIDE = ["child_process", "cluster", "dgram", "dns", "http", "http2", "https", "net", "tls"];

/** Each outside package is known to exactly one file. */
export const PACKAGES: Readonly<Record<string, string>> = {
  "@duckdb/node-api": "src/export/duckdb.ts",
  "@secretlint/core": "src/export/redact.ts",
  "@secretlint/secretlint-rule-preset-recommend": "src/export/redact.ts",
  "better-sqlite3": "src/io/sqlite.ts",
  "cli-progress": "src/io/progress.ts",
  "fs-ext": "src/io/locks.ts",
  "hyparquet-writer": "src/export/parquet.ts",
  "stream-json": "src/readers/legacy.ts",
  tinybench: "src/bench/measure.ts",
  yargs: "src/cli.ts",
  "zstd-napi": "src/io/zstd.ts",
};

/** The entry points, which alone may touch `process`. */
export const ENTRY_POINTS = ["src/bench/run.ts", "src/bin.ts"];

/** All that a command's own file may load besides others of `src/commands`: it is read for the help page too. */
export const LIGHT_FILES = ["src/errors.ts", "src/io/console.ts", "src/io/text.ts"];

export const MAX_FILE_LINES = 400;
export const MAX_FUNCTION_LINES = 70;

/** Files over the limit, and why. `.oxlintrc.json` has the same list. */
export const LONG_FILES: Readonly<Record<string, string>> = {
  "src/indexer/migrations.ts": "data: one row for every migration of every release",
};
