// Provisional, so that readers and indexer compile; the format room replaces it.
import type { RolloutRecord } from "./record.ts";
const ALIASES: Record<string, string> = { turn_started: "task_started", turn_complete: "task_complete", compaction_summary: "compaction" };
export function peekKind(bytes: Uint8Array, start = 0, end = bytes.length): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(end - start, 256)).toString("latin1");
  const m = /^\{"timestamp":"[^"\\]*",(?:"ordinal":\d+,)?"type":"(\w+)","payload":\{(?:"type":"(\w+)")?/.exec(head);
  if (m === null) return undefined;
  const t = m[1]!;
  if (t !== "event_msg" && t !== "response_item") return t;
  return m[2] === undefined ? undefined : `${t}/${ALIASES[m[2]] ?? m[2]}`;
}
export function kindOf(record: RolloutRecord): string {
  const t = record.type;
  if (t !== "event_msg" && t !== "response_item") return t;
  const p = (record.payload as { type: string }).type;
  return `${t}/${ALIASES[p] ?? p}`;
}
