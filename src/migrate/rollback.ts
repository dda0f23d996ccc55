/**
 * A legacy rollout without its rollbacks: what they took away is named, what is left needs no marker. The model's side is asked of the
 * engine, which plays the rollbacks as Codex does on a resume, so that the history stays what it was; the clients' side is in
 * `rollback-client.ts` (rollout-format §9.3). The entries are read up to four times, and only where there is a rollback at all.
 */
import { acceptedBy, isRetired } from "../format/decode.ts";
import type { Entry } from "../format/entry.ts";
import type { ResponseItem, RolloutRecord } from "../format/record.ts";
import type { HistoryItem } from "../thread/history.ts";
import type { Omission } from "../thread/omission.ts";
import { replay } from "../thread/replay.ts";
import { ClientRollbacks } from "./rollback-client.ts";

export interface RollbackPlan {
  /** How many markers there are. */
  readonly rollbacks: number;
  /** Why the record of a line goes; undefined for one that stays. Line 0 is none. */
  whyGone(line: number): string | undefined;
  /** A compaction, by its line, that has to say itself what it left of the history, since a rollback reached into that. */
  readonly rewritten: { readonly line: number; readonly items: readonly ResponseItem[] } | undefined;
  /** A rollback went back to the middle of a turn: to a message that was sent while it ran. */
  readonly isTurnCut: boolean;
  /**
   * So many checkpoints that are gone have to be counted still, since the context windows of this thread have no numbers:
   * as many empty ones stand before everything else.
   */
  readonly anchors: number;
}

type Entries = () => Iterable<Entry>;

const ROLLED_BACK = "rolled back";

/** @throws whatever reading does */
export function planRollbacks(entries: Entries): RollbackPlan {
  const state = replay(entries, { explain: true });
  const fallen = reasonsByLine(state.omissions);
  const client = new ClientRollbacks();
  const gone = new Map<number, string>();
  let base = 0;
  for (const entry of entries()) {
    if (!entry.ok || isRetired(entry.record) || !acceptedBy(entry.record, "0.169.0")) continue;
    const { line } = entry.position;
    client.add(entry.record, line);
    const why = fallen[groupOf(entry.record)]?.get(line);
    if (why !== undefined) gone.set(line, why);
    else if (entry.record.type === "compacted" && entry.record.payload.replacement_history != null) base = line;
  }
  const { items, others } = client.gone();
  for (const line of others) gone.set(line, ROLLED_BACK);
  // What a checkpoint has replaced the engine says nothing of.
  for (const line of items) if (line < base) gone.set(line, ROLLED_BACK);
  const plan: RollbackPlan = {
    rollbacks: state.counts.rollbacks,
    whyGone: (line) => gone.get(line),
    rewritten: undefined,
    isTurnCut: client.isTurnCut,
    anchors: 0,
  };
  const left = replay(() => resolved(entries(), plan));
  const isCounted = state.window.id === undefined;
  return {
    ...plan,
    rewritten: isSame(left.history, state.history) ? undefined : rewriting(resolved(entries(), plan), state.history),
    anchors: isCounted ? Math.max(0, state.window.number - left.window.number) : 0,
  };
}

/**
 * What the engine says of items, and of checkpoints. A line can hold either; what is left of a compaction and rolled back then has the
 * line of the compaction, which stays.
 */
function reasonsByLine(omissions: readonly Omission[]) {
  const [items, checkpoints] = [new Map<number, string>(), new Map<number, string>()];
  for (const { place, index, rule } of omissions) {
    if (index !== undefined) continue;
    if (rule === "rolled-back") items.set(place.line, ROLLED_BACK);
    else if (rule === "trimmed-context") items.set(place.line, "context of what was rolled back");
    else if (rule === "unused-checkpoint") checkpoints.set(place.line, "a checkpoint that was rolled back");
  }
  return { items, checkpoints, none: undefined };
}

function groupOf({ type }: RolloutRecord): "items" | "checkpoints" | "none" {
  if (type === "compacted") return "checkpoints";
  return type === "response_item" || type === "inter_agent_communication" ? "items" : "none";
}

/** The entries that are left; records are as they were, but for a compaction that is rewritten. */
export function* resolved(entries: Iterable<Entry>, plan: RollbackPlan): Generator<Entry> {
  for (const entry of entries) {
    if (plan.whyGone(entry.position.line) !== undefined) continue;
    yield plan.rewritten?.line === entry.position.line ? rewrite(entry, plan.rewritten.items) : entry;
  }
}

export function rewrite(entry: Entry, items: readonly ResponseItem[]): Entry {
  if (!entry.ok || entry.record.type !== "compacted") return entry;
  const { replacement_history_metadata: _metadata, ...payload } = entry.record.payload;
  return { ...entry, record: { ...entry.record, payload: { ...payload, replacement_history: items } } };
}

/** The newest compaction, whose list a rollback has cut into, with what is left of it. */
function rewriting(entries: Iterable<Entry>, wanted: readonly HistoryItem[]): RollbackPlan["rewritten"] {
  let newest = 0;
  for (const entry of entries) if (entry.ok && entry.record.type === "compacted") newest = entry.position.line;
  const items = wanted.filter(({ place }) => place.line <= newest).map(({ item }) => item);
  return newest === 0 ? undefined : { line: newest, items };
}

function isSame(one: readonly HistoryItem[], other: readonly HistoryItem[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ item, place, origin }, at) => {
      const twin = other[at] as HistoryItem;
      return place.line === twin.place.line && origin === twin.origin && lengthOf(item) === lengthOf(twin.item);
    })
  );
}

/** Of a kept message that was shortened, the rest tells it from another one. */
function lengthOf(item: ResponseItem): number {
  return "content" in item && Array.isArray(item.content) ? JSON.stringify(item.content).length : 0;
}
