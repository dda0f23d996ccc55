/** The answer of `list`, which is printed as text or as JSON, and what it says of a thread in one word each. */
import { parseUuid } from "../format/names.ts";
import type { Listing } from "../indexer/listing.ts";
import { isHidden, type ListedThread, type SortKey, sourceWords } from "../indexer/thread-query.ts";
import type { Place } from "../readers/place.ts";
import type { ThreadSection } from "../readers/thread-index.ts";

/** One line of the answer. */
export interface ShownThread {
  readonly thread: ListedThread;
  readonly place: Place;
  readonly flags: readonly string[];
}

/** What is printed, in either form. */
export interface ListAnswer {
  readonly listing: Listing;
  readonly shown: readonly ShownThread[];
  readonly matched: number;
  readonly hidden: number;
  /** Rows at which Codex gives up on its whole list. */
  readonly breaking: number;
  readonly sort: SortKey;
}

/**
 * `archived`; `agent`: begun by an agent or by Codex itself; `attached`: a fork that hangs on another thread; `hidden`: Codex
 * lists it nowhere; `zst`: compressed on disk; `moved`, `missing`, `elsewhere`: see `Place`; `odd-folder`: Codex lists it from
 * the index alone; `breaks-codex`: see `breaksCodex`.
 */
export function flagsOf(thread: ListedThread, place: Place, sections: readonly ThreadSection[]): readonly string[] {
  const [kind] = sourceWords(thread.source);
  const flags: readonly (readonly [string, boolean])[] = [
    ["archived", thread.archived],
    ["agent", kind === "subagent" || kind === "internal"],
    ["attached", thread.attachedTo !== undefined],
    ["hidden", isHidden(thread)],
    ["zst", place.path?.endsWith(".zst") === true],
    ["moved", place.status === "moved"],
    ["missing", place.status === "missing"],
    ["elsewhere", place.status === "elsewhere"],
    ["odd-folder", place.isOddFolder],
    ["breaks-codex", breaksCodex(thread, sections)],
  ];
  return flags.filter(([, holds]) => holds).map(([flag]) => flag);
}

/** Rows at which 0.169.0 refuses every list that touches them (state-and-compression §2.16). */
export function breaksCodex({ id, historyMode, sectionId }: ListedThread, sections: readonly ThreadSection[]): boolean {
  const hasMode = historyMode === "legacy" || historyMode === "paginated";
  const hasSection = sectionId === undefined || sections.some((section) => section.id === sectionId);
  return parseUuid(id) === undefined || !hasMode || !hasSection;
}
