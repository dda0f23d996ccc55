/**
 * What a check is, and what it yields. The checks themselves are data: `checks-rollouts.ts`, `checks-home.ts` and
 * `checks-databases.ts`, put together in `checks.ts`. docs/findings.md lists them for users, and a test compares both.
 */

/**
 * `error`: Codex refuses a thread or does not start, or something is lost. `warning`: something is hidden or wrong, or goes wrong
 * with one of the releases. `note`: worth knowing; nothing has to be done.
 */
export type Severity = "error" | "warning" | "note";

export interface Check {
  readonly severity: Severity;
  /** What is wrong, as a clause; the message of a finding, where it has none of its own. */
  readonly meaning: string;
  /** What it does to a user. */
  readonly effect: string;
  /** The command that mends it, or what else helps. */
  readonly mend: string;
}

/** Where something was found. `line` from 1; `offset` in bytes of the plain text, or of the file where it is not of lines. */
export interface Place {
  readonly path?: string | undefined;
  readonly line?: number | undefined;
  readonly offset?: number | undefined;
  readonly threadId?: string | undefined;
}

export const NOTHING_TO_DO = "nothing has to be done";
/** Where `repairs.ts` has an entry. A place in which it cannot be done without loss is told by the run itself. */
export const REPAIR = "verify --repair";
