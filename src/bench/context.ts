/** What a benchmark may use; made by `run.ts`, the only file of this room that touches the process. */
import type { CodexBinary } from "./codex.ts";

export interface BenchContext {
  /** Absolute path of the Node executable. */
  readonly node: string;
  /** Absolute path of the built command line program. */
  readonly program: string;
  /** An empty folder of its own, removed afterwards. */
  readonly scratch: string;
  readonly scale: "small" | "full";
  readonly seed: number;
  /** How often every contender is measured, unless it is too slow for that. */
  readonly rounds: number;
  readonly codex: CodexBinary | undefined;
  /** Homes of one's own to measure too, where a benchmark takes any; never written to. */
  readonly homes: readonly string[];
  /** A line of the result. */
  readonly print: (line: string) => void;
  /** A line about where the run stands. */
  readonly tell: (line: string) => void;
}
