/** What the cases of any benchmark are given. */
import type { CodexBinary } from "./codex.ts";

export interface CaseContext {
  /** Absolute path of the Node executable, and of the built program. */
  readonly node: string;
  readonly program: string;
  /** An existing folder, removed afterwards. */
  readonly scratch: string;
  readonly binaries: readonly CodexBinary[];
  /** For every answer of a binary. */
  readonly timeoutMs: number;
}

/** The label of this tool, where a binary has its version. */
export const TOOL = "rollout-tool";
