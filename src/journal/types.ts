/**
 * What a change to a home is made of, and what is said of it afterwards: the types of the journal, by which `verify --repair`,
 * `migrate`, `archive`, `unarchive`, `delete` and `move` change files and rows, all of a unit or none of it.
 *
 * A run has one folder, `rollout-tool/changes/<run>/` in the home, with its manifest (one JSON document per line, only ever
 * appended to) and the files that it replaced or removed. A unit is written to the manifest before its first step and once more after its
 * last; what is found between the two was cut off.
 */
import type { Look } from "../compressor/files.ts";
import type { SqlRow } from "../io/sqlite.ts";

/** A new file, complete and on the disk, under a passing name beside the place that it is for. */
export interface Staged {
  readonly temporary: string;
  /** Absolute path that it is for. */
  readonly path: string;
  readonly look: Look;
  /** Hexadecimal, of the bytes as they lie on the disk. */
  readonly sha256: string;
}

/** One row before and after. Null: there is none. Of a row that is only changed, both name the changed columns alone. */
export interface RowChange {
  readonly table: string;
  /** Columns and values that tell the row apart. */
  readonly key: SqlRow;
  readonly before: SqlRow | null;
  readonly after: SqlRow | null;
}

/** Steps of a unit, carried out in their order and undone in the opposite one. Paths are absolute. */
export type Step =
  /** `look`: what the file was when it was read. A file that has changed since is not touched, and the unit fails whole. */
  | { readonly kind: "replace"; readonly path: string; readonly look: Look; readonly staged: Staged }
  /** Fails when something has the name by then. Folders on the way are made. */
  | { readonly kind: "create"; readonly path: string; readonly staged: Staged }
  /** Into the folder of the run. `forGood`: its bytes go once the unit is done, and cannot be brought back. */
  | { readonly kind: "remove"; readonly path: string; readonly look: Look; readonly forGood?: boolean }
  /** Within one file system (across two: `create` and `remove`). Nothing may have the new name. */
  | { readonly kind: "move"; readonly path: string; readonly target: string; readonly look: Look }
  /** In one transaction. Children before parents when rows go, the other way round when they come. */
  | { readonly kind: "rows"; readonly database: string; readonly changes: readonly RowChange[] }
  /**
   * Rows that Codex makes anew from rollouts (`thread_history_1.sqlite`): they go. An undo does not bring them back, but removes
   * those that were made since.
   */
  | { readonly kind: "forget"; readonly database: string; readonly table: string; readonly where: SqlRow };

/** Changes that only make sense together, such as those of one thread. */
export interface Unit {
  /** For people: `migrate 019a… to paginated`. */
  readonly title: string;
  /** Their writers' locks are held from before the first step until after the last. */
  readonly threadIds: readonly string[];
  readonly steps: readonly Step[];
  /** Anything worth keeping beside it, such as digests of a proof; plain JSON. */
  readonly notes?: unknown;
}

/** What became of a unit that a run before this one did not finish. */
export interface Recovered {
  readonly title: string;
  /** The manifest that it is in. */
  readonly manifest: string;
  /** `undone`: all is as before. `finished`: all is done. `stuck`: both were impossible; nothing was touched. */
  readonly outcome: "undone" | "finished" | "stuck";
  /** Of one that is stuck: the path in the way, and what is wrong with it. */
  readonly reason: string | undefined;
}

/** What became of a unit that was to be undone. */
export interface Undone {
  readonly title: string;
  /** `changed`: a file or row was changed since, which undoing would lose. `for-good`: it removed what nothing brings back. */
  readonly outcome: "undone" | "already" | "changed" | "for-good" | "busy";
  readonly reason: string | undefined;
}
