/**
 * The one error type of the tool: what was being done, where, why it failed, and what to do next.
 *
 * Damage inside a rollout is never an error: it is a `Defect` in an entry (see `format/entry.ts`). An error is for the
 * things a run cannot go on from: a missing file, a locked home, a full disk, a wrong argument.
 */

/** A stable name per cause; tests and scripts may rely on it. Add one here when a new cause appears. */
export type ErrorCode =
  | "usage"
  | "not-found"
  | "ambiguous"
  | "not-a-file"
  | "unreadable"
  | "unwritable"
  | "disk-full"
  | "busy"
  | "unsupported"
  | "damaged"
  | "mismatch"
  | "internal";

/** Where in a file something was met. `offset` counts bytes of the plain (decompressed) stream. */
export interface ErrorPlace {
  readonly path?: string | undefined;
  readonly line?: number | undefined;
  readonly offset?: number | undefined;
}

export interface RolloutErrorOptions extends ErrorPlace {
  /** One sentence telling the user what to do next. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export class RolloutError extends Error {
  override readonly name = "RolloutError";
  readonly code: ErrorCode;
  readonly place: ErrorPlace;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: RolloutErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.place = { path: options.path, line: options.line, offset: options.offset };
    this.hint = options.hint;
  }
}

/** Throws an `internal` error when something that this program itself guarantees does not hold: a bug, exit code 70. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new RolloutError("internal", message);
}

/** The errno text of a Node system error (`ENOENT`, `EACCES` …), or undefined for any other value. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
