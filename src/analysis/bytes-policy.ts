/**
 * What of a rollout today's Codex would write again: its persistence policy (rollout-format §4) by the labels of lines, so that few
 * lines have to be decoded for it. Releases of about 0.8x to 0.11x could write more (*extended*), which no later one looks at.
 */
import type { Entry } from "../format/entry.ts";
import type { HistoryMode } from "../format/record.ts";
import { isEventNameKept, isKept, isTypeKept } from "../thread/items-policy.ts";
import { type ByteLabel, eventNameOf } from "./bytes-labels.ts";

/** Items of the model's that are read, and not written again. */
const DROPPED_RESPONSES: ReadonlySet<ByteLabel> = new Set([
  "response.other",
  "response.compaction_trigger",
  "response.ghost_snapshot",
]);

/** By mode; labels are few (`labelOfKind`). */
const known: Readonly<Record<HistoryMode, Map<ByteLabel, boolean | undefined>>> = {
  legacy: new Map(),
  paginated: new Map(),
};

/** `decode` is called for the few labels that do not tell. What is no record is not written again. */
export function isLineKept(label: ByteLabel, mode: HistoryMode, decode: () => Entry): boolean {
  const answers = known[mode];
  let kept = answers.get(label);
  if (kept === undefined && !answers.has(label)) {
    kept = byLabel(label, mode);
    answers.set(label, kept);
  }
  if (kept !== undefined) return kept;
  const entry = decode();
  return entry.ok && isKept(entry.record, mode);
}

function byLabel(label: ByteLabel, mode: HistoryMode): boolean | undefined {
  if (label.startsWith("response.")) return !DROPPED_RESPONSES.has(label);
  if (label.startsWith("realtime.")) return isTypeKept("realtime_item", mode);
  const event = eventNameOf(label);
  return event === undefined ? isTypeKept(label, mode) : isEventNameKept(event, mode);
}
