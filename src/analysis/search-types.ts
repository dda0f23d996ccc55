/** What is asked of a search, and what it answers: mostly plain data that can be handed to another thread as it is. */
import type { Crew } from "./search-crew.ts";

/** `message`: said by people and agents; `other`: instructions, summaries, settings and whatever else a record tells in words. */
export type TextKind = "message" | "command" | "output" | "reasoning" | "other";

export interface SearchQuery {
  readonly text: string;
  /** `text` is an expression of JavaScript, read with its flag `u`. */
  readonly isRegex: boolean;
  readonly caseSensitive: boolean;
  readonly kinds: readonly TextKind[];
}

/** A short piece of a text around its first match, white space collapsed (state-and-compression §5.6). */
export interface Snippet {
  readonly text: string;
  /** Of the match in it, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

/** One thing said, done or thought in which something was found, however often it is written down. */
export interface SearchHit {
  readonly path: string;
  /** Where it first stands; `also` are the lines of the same file that tell it again. Line 0: the file has no lines. */
  readonly line: number;
  readonly also: readonly number[];
  /** Of the first line, in the plain stream. */
  readonly offset: number;
  /** As written in the line. */
  readonly timestamp: string;
  readonly kind: TextKind;
  /** `user`, `assistant`, the name of a tool, or the record's own name. */
  readonly speaker: string;
  /** Undefined where no line up to this one names a turn. */
  readonly turnId: string | undefined;
  /** Matches in it, at most 1000 are counted. */
  readonly matches: number;
  readonly snippet: Snippet;
  /** What Codex's own search looks at: user and assistant messages. */
  readonly isConversation: boolean;
  /** Taken over from another thread, into a fork or an agent. */
  readonly isCopied: boolean;
  /** In a file that a revert left behind, after the point that was gone back to. */
  readonly isReverted: boolean;
}

/** Something that kept a file, or a part of it, from being searched. */
export interface SearchProblem {
  readonly path: string;
  /** 0 for the file as a whole. */
  readonly line: number;
  /** Safe to print. */
  readonly message: string;
}

/** What the first metadata of a file says, as far as results show it. */
export interface SearchedMeta {
  readonly id: string | undefined;
  readonly cwd: string;
  readonly timestamp: string;
  /** Where a revert or a fork hangs on another file: its rollout id and the byte of its plain text. */
  readonly base: { readonly rolloutId: string; readonly endOffset: number } | undefined;
}

/** One file in which something was found. */
export interface FileHits {
  readonly meta: SearchedMeta;
  readonly hits: readonly SearchHit[];
  /** Threads of which records were copied to the front of the file; empty for none. */
  readonly copiedFrom: readonly string[];
}

/** What was found in a file, and what could not be searched of it. */
export interface FileOutcome {
  readonly found: FileHits | undefined;
  readonly problems: readonly SearchProblem[];
}

export interface SearchOptions {
  readonly roots: "all" | "active" | "archived";
  /** Only these threads, by id, or files, by their plain path; empty for all. */
  readonly only: ReadonlySet<string>;
  /** Only threads that began in one of these folders; empty for all. */
  readonly cwds: ReadonlySet<string>;
  /** Only what was written down at or after this, milliseconds since 1970. */
  readonly sinceMs: number | undefined;
  /** Also tell what forks and agents took over from a thread that is searched itself. */
  readonly copies: boolean;
  /** So many threads; the pass ends when they are found. 0 for all. */
  readonly limit: number;
  /** Threads of this program; undefined: as the machine allows. */
  readonly jobs?: number | undefined;
  readonly crew?: Crew | undefined;
  readonly progress?: ((files: number) => { advance(files: number): void; end(): void }) | undefined;
}

/** A thread in which something was found. */
export interface ThreadHits {
  /** Undefined for a file that names none. */
  readonly id: string | undefined;
  readonly cwd: string;
  /** As in the metadata. */
  readonly createdAt: string;
  readonly archived: boolean;
  /** In the order of files, oldest first, and lines. */
  readonly hits: readonly SearchHit[];
  readonly matches: number;
  /** Of the first user or assistant message with a match, else of the first hit (state-and-compression §5.6). */
  readonly snippet: string;
  /** Hits that are not told because they are of another thread that is. */
  readonly hiddenCopies: number;
}

export interface SearchReport {
  /** Newest first. */
  readonly threads: readonly ThreadHits[];
  readonly problems: readonly SearchProblem[];
  readonly files: number;
  /** On disk, of the files that were searched. */
  readonly bytes: number;
  /** The limit was met: there may be more. */
  readonly isCut: boolean;
  /** Threads that are not told because all that was found in them is of another thread that is. */
  readonly hiddenThreads: number;
}
