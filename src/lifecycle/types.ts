/** What `archive`, `unarchive`, `delete` and `move` are asked for, and what they say afterwards: types that the room shares. */
import type { Recovered } from "../journal/types.ts";
import type { LookupOptions } from "../readers/lookup.ts";

export interface LifecycleOptions extends LookupOptions {
  /** Say what would be done, and write nothing. */
  readonly dryRun?: boolean | undefined;
  /** Go on although Codex has its databases open; threads that it has open are left alone in any case. */
  readonly force?: boolean | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Why a thread goes: `agent`: spawned below one that does; `base`: another one continues it; `fork`: it continues another one. */
export type Tie = "named" | "agent" | "base" | "fork";

/** One file of a thread. Paths are absolute. */
export interface FileChange {
  readonly path: string;
  /** Where it is afterwards; undefined for one that goes. */
  readonly target: string | undefined;
  readonly sizeBytes: number;
}

export interface ThreadChange {
  readonly id: string;
  readonly tie: Tie;
  readonly files: readonly FileChange[];
  /** Of `threads`. `right`: it said so already. `none`: there is no index, or no row in it. */
  readonly row: "changed" | "made" | "removed" | "right" | "none";
}

/** What became of one thread that was named, and of its family with it: all of them, or none. */
export interface FamilyChange {
  /** As it was typed. */
  readonly asked: string;
  /** Undefined when it was not found. */
  readonly id: string | undefined;
  /** `already`: nothing was left to do. `planned`: a dry run, or nobody has agreed to it yet. */
  readonly outcome: "done" | "planned" | "already" | "refused";
  /** Of one that was refused: its error. */
  readonly error:
    | {
        readonly code: string;
        readonly message: string;
        readonly path?: string | undefined;
        readonly hint?: string | undefined;
      }
    | undefined;
  readonly threads: readonly ThreadChange[];
  /** Rows that go or come, by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Lines of `session_index.jsonl` that go or come. */
  readonly names: number;
}

export interface LifecycleReport {
  readonly action: "archive" | "unarchive" | "delete" | "move";
  readonly dryRun: boolean;
  readonly families: readonly FamilyChange[];
  /** By which `repair --undo` brings everything back; undefined when nothing was changed, or all went for good. */
  readonly manifest: string | undefined;
  /** What runs before this one were cut off in. */
  readonly recovered: readonly Recovered[];
  /** What a person should know, one clause each. Not safe to print as it is. */
  readonly notes: readonly string[];
}
