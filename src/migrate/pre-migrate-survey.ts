/** What has to be known of a legacy rollout before its lines can be judged one by one: its head, its rollbacks, its newest compaction. */
import type { Entry } from "../format/entry.ts";
import { parseUuid } from "../format/names.ts";
import { historyModeOf, type SessionMeta } from "../format/record.ts";
import type { KindFilter } from "../readers/rollout.ts";
import { windowOfCompaction } from "../thread/window.ts";
import { isAgent } from "./agents.ts";
import { isTaken } from "./pre-migrate-fates.ts";

/** Lines from this length on are not read, and none as long is written. */
export const LINE_LIMIT = 16 * 1024 * 1024;

export type Reading = (kinds?: KindFilter) => Iterable<Entry>;

export type Head =
  | { readonly kind: "legacy"; readonly meta: SessionMeta; readonly threadId: string; readonly offset: number }
  | { readonly kind: "paginated"; readonly threadId: string | undefined }
  | { readonly kind: "invalid"; readonly message: string };

/** The first metadata, before which no item may stand (rollout-format §10). */
export function headOf(reading: Reading): Head {
  let hasRecord = false;
  for (const entry of reading()) {
    if (!entry.ok) {
      if (isItemLike(entry)) break;
      continue;
    }
    const { record, position } = entry;
    if (record.type === "response_item" || record.type === "inter_agent_communication") {
      hasRecord = true;
      break;
    }
    if (record.type !== "session_meta") {
      hasRecord = true;
      continue;
    }
    const mode = historyModeOf(record.payload);
    const threadId = parseUuid(record.payload.id);
    if (mode === undefined) return { kind: "invalid", message: "its history mode is not known" };
    if (mode === "paginated") return { kind: "paginated", threadId };
    if (threadId === undefined) return { kind: "invalid", message: "its metadata names no thread" };
    return { kind: "legacy", meta: record.payload, threadId, offset: position.offset };
  }
  return {
    kind: "invalid",
    message: hasRecord ? "it does not start with session metadata" : "no line of it is a record",
  };
}

/** By its type alone, and whatever its length. */
function isItemLike({ defect }: Extract<Entry, { readonly ok: false }>): boolean {
  return defect.kind === "too-long" || defect.type === "response_item" || defect.type === "inter_agent_communication";
}

export interface Survey {
  readonly hasRollbacks: boolean;
  /** Compactions with a list of items. */
  readonly hasCheckpoints: boolean;
  /** Of an agent: where its newest compaction is, when Codex writes nothing from before that. */
  readonly cutOffset: number | undefined;
  /** The first rollback behind that place. */
  readonly rollbackAfterCut: Entry["position"] | undefined;
}

export function surveyOf(reading: Reading, meta: SessionMeta): Survey {
  const isHidden = isAgent(meta);
  let hasRollbacks = false;
  let hasCheckpoints = false;
  let cutOffset: number | undefined;
  let rollbackAfterCut: Entry["position"] | undefined;
  for (const entry of reading(SURVEYED)) {
    if (!entry.ok || !isTaken(entry.record)) continue;
    const { record, position } = entry;
    if (record.type === "compacted") {
      if (record.payload.replacement_history != null) hasCheckpoints = true;
      const isUsable = record.payload.replacement_history != null && windowOfCompaction(record.payload) !== undefined;
      cutOffset = isHidden && isUsable ? position.offset : undefined;
      rollbackAfterCut = undefined;
    } else if (record.type === "event_msg" && record.payload.type === "thread_rolled_back") {
      hasRollbacks = true;
      if (cutOffset !== undefined) rollbackAfterCut ??= position;
    }
  }
  return { hasRollbacks, hasCheckpoints, cutOffset, rollbackAfterCut };
}

const SURVEYED: ReadonlySet<string> = new Set(["compacted", "event_msg/thread_rolled_back"]);
