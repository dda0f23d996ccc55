/** What a reindex is asked to do. */
import type { RuleSetName } from "./rules.ts";
import type { Flavour } from "./schema.ts";

export interface ReindexOptions {
  readonly rules: RuleSetName;
  /** Migration level to build; by default the one found, else the newest known. */
  readonly level: number | undefined;
  /** `dry-run` builds the new file beside the old one and removes it again; `check` writes nothing at all. */
  readonly mode: "write" | "dry-run" | "check";
  /** Go on although Codex seems to be running. */
  readonly force: boolean;
  /** Build a new file even if the old one is sound. */
  readonly rebuild: boolean;
  /** Remove rows whose rollout is gone. */
  readonly prune: boolean;
  /** Move every damaged database aside, not only the one that Codex never mends. */
  readonly allDatabases: boolean;
  /** Read every record of every file. */
  readonly thorough: boolean;
  /** Line ends of the migrations where the old file does not tell: those of the builds for this platform. */
  readonly lineEnds: Flavour;
  /** Threads to use; undefined: as the machine allows. */
  readonly jobs?: number | undefined;
  readonly now: () => number;
  readonly progress?:
    | ((label: string, totalBytes: number) => { advance(bytes: number): void; end(): void })
    | undefined;
}

/** Of a look at what a reindex would write, by the rules that it follows when nothing else is asked for. */
export function checkOptions({
  jobs,
  now,
  progress,
}: Pick<ReindexOptions, "jobs" | "now" | "progress">): ReindexOptions {
  return {
    rules: "best",
    level: undefined,
    mode: "check",
    force: false,
    rebuild: false,
    prune: false,
    allDatabases: false,
    thorough: false,
    lineEnds: "lf",
    jobs,
    now,
    progress,
  };
}
