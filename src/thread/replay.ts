/**
 * A thread as Codex has it after a resume: the model's history, and what the next turn hangs on (rollout-format §5). The
 * way from entries to a `ThreadState`: `pass.ts` walks over them, with `history.ts` for its list and `scan.ts` for the
 * way back over the turns.
 *
 * Codex scans backward for the checkpoint and then plays forward from it. Here one forward pass does both: the list
 * begins anew at each checkpoint, so that nothing older is held. Only when a rollback took the newest checkpoint's turn
 * away, or when something long past is asked for, the entries are read a second time.
 */
import type { Entry } from "../format/entry.ts";
import { Pass } from "./pass.ts";
import { type Payload, type Plan, SegmentScan } from "./scan.ts";
import type { EntrySource, ReplayOptions, ThreadState } from "./state.ts";
import type { WindowIdentity } from "./window.ts";

/**
 * Plays the records of a thread. Never throws on what they say; memory is that of the history, of the entries held for a
 * one-time iterable, and a few hundred bytes a turn.
 */
export function replay(source: EntrySource, options: ReplayOptions = {}): ThreadState {
  const entries = repeatable(source);
  const found = firstWalk(entries(), options);
  if ("history" in found) return found;
  const second = new Pass({ ...options, skip: found.plan.discarded, wanted: found.wanted });
  for (const entry of entries()) second.add(entry);
  return second.finish(found.plan, found.window);
}

/** What a second walk has to know; nothing that the first one held goes with it. */
interface Outlook {
  readonly plan: Plan;
  readonly wanted: ReadonlyMap<number, Payload<unknown>>;
  readonly window: WindowIdentity;
}

function firstWalk(entries: Iterable<Entry>, options: ReplayOptions): ThreadState | Outlook {
  const first = new Pass({ ...options, scan: new SegmentScan() });
  for (const entry of entries) first.add(entry);
  const plan = first.plan();
  const window = plan.window ?? first.windowByDefault();
  const wanted = missingPayloads(plan);
  const isWhole = plan.checkpoint?.seq === first.checkpointSeq && wanted.size === 0;
  return isWhole ? first.finish(plan, window) : { plan, wanted, window };
}

/** Whether `replay` looks at lines of this kind (`format/peek.ts`): the others need not be decoded for it. */
export function isReplayKind(kind: string): boolean {
  return kind.startsWith("response_item") || REPLAY_KINDS.has(kind);
}

const REPLAY_KINDS: ReadonlySet<string> = new Set([
  "session_meta",
  "compacted",
  "turn_context",
  "world_state",
  "inter_agent_communication",
  "event_msg/user_message",
  "event_msg/task_started",
  "event_msg/task_complete",
  "event_msg/turn_aborted",
  "event_msg/thread_rolled_back",
]);

/** A function that gives the entries each time; those of a one-time iterable are kept when they first go by. */
export function repeatable(source: EntrySource): () => Iterable<Entry> {
  if (typeof source === "function") return source;
  if (Array.isArray(source)) return () => source;
  const kept: Entry[] = [];
  let passes = 0;
  return () => (passes++ === 0 ? keeping(source, kept) : kept);
}

function* keeping(source: Iterable<Entry>, kept: Entry[]): Generator<Entry> {
  for (const entry of source) {
    kept.push(entry);
    yield entry;
  }
}

function missingPayloads({ reference, worlds }: Plan): Map<number, Payload<unknown>> {
  const payloads: Payload<unknown>[] = reference === undefined ? [...worlds] : [...worlds, reference];
  return new Map(payloads.filter(({ value }) => value === undefined).map((payload) => [payload.seq, payload]));
}
