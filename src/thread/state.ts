/**
 * What goes into a replay and what comes out of it: the types that `replay.ts` and its parts share with everyone who asks
 * for a thread's state (rollout-format §5.1).
 */
import type { ContextRelease } from "../format/contextual.ts";
import type { Entry, Position } from "../format/entry.ts";
import type { JsonObject } from "../format/json.ts";
import type { HistoryMode, SessionMeta, TurnContext } from "../format/record.ts";
import type { HistoryItem } from "./history.ts";
import type { Omission } from "./omission.ts";
import type { TurnSettings } from "./scan.ts";
import type { TruncationPolicy } from "./truncate.ts";
import type { WindowIdentity } from "./window.ts";

/**
 * The entries of a thread, oldest first, the canonical `session_meta` in front. A function may be called twice, and must
 * give the same entries each time; an array is read again as it is. Anything else is held in memory as it goes by.
 */
export type EntrySource = Iterable<Entry> | (() => Iterable<Entry>);

export interface ReplayOptions {
  /** Also list what is left out of the history, and why. Default false. */
  readonly explain?: boolean | undefined;
  /** Cut tool outputs as Codex does for a model with this policy (rollout-format §5.7). Default: leave them whole. */
  readonly truncation?: TruncationPolicy | undefined;
  /** Whose wrappers tell context from a user's own words (`format/contextual.ts`). Default 0.169.0. */
  readonly release?: ContextRelease | undefined;
  /**
   * What to take for the place of an entry. Default: its position. Who replays a chain of files can hand out positions
   * that name the file as well; they come back in the history and the omissions as they are.
   */
  readonly placeOf?: ((entry: Entry) => Position) | undefined;
}

/** What the records of a thread come to (rollout-format §5.1). */
export interface ThreadState {
  /** The canonical metadata; undefined when there is none, and Codex would refuse the thread. */
  readonly meta: SessionMeta | undefined;
  /** Undefined for a mode that Codex does not know; it is replayed as a legacy thread then. */
  readonly historyMode: HistoryMode | undefined;
  /** Before what happens to it on the way into a request, which `asRequest` does. */
  readonly history: readonly HistoryItem[];
  /** Of the last surviving real turn. */
  readonly previousTurnSettings: TurnSettings | undefined;
  /** What the model has last been told; undefined means that the next turn tells it everything again. */
  readonly referenceContext: TurnContext | undefined;
  /** Frozen. Codex makes use of it only when there is a `referenceContext` as well. */
  readonly worldStateBaseline: JsonObject | undefined;
  readonly window: WindowIdentity;
  readonly lastStartedTurnId: string | undefined;
  readonly counts: ReplayCounts;
  /** Empty unless asked for; in the order in which things fell out. */
  readonly omissions: readonly Omission[];
}

/** How many of what were among the entries. */
export interface ReplayCounts {
  readonly responseItems: number;
  readonly compactions: number;
  readonly rollbacks: number;
  readonly turnsStarted: number;
}
