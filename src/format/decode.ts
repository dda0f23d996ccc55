/**
 * Bytes of one line → `Entry`: a typed record, or a defect. Never throws on data (rollout-format §2.2, §10).
 */
import type { Entry, Position } from "./entry.ts";
import { isJsonObject } from "./json.ts";
import type { RecordType, RolloutRecord } from "./record.ts";

export interface DecodeOptions {
  readonly terminated?: boolean;
}
export type CodexRelease = "0.142.3" | "0.169.0";

const TYPES: { readonly [T in RecordType]: true } = {
  session_meta: true,
  response_item: true,
  compacted: true,
  turn_context: true,
  event_msg: true,
  inter_agent_communication: true,
  inter_agent_communication_metadata: true,
  world_state: true,
  security_risk_score: true,
  realtime_item: true,
  token_usage_record: true,
  retained_context: true,
  dynamic_tools_updated: true,
};

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function decodeLine(bytes: Uint8Array, position: Position, options: DecodeOptions = {}): Entry {
  const torn = options.terminated === false;
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return { ok: false, position, defect: { kind: torn ? "torn" : "not-utf8", message: "not valid UTF-8" } };
  }
  if (text.trim() === "") return { ok: false, position, defect: { kind: "blank", message: "blank line" } };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, position, defect: { kind: torn ? "torn" : "not-json", message: "not valid JSON" } };
  }
  if (!isJsonObject(value) || typeof value["timestamp"] !== "string" || typeof value["type"] !== "string" || !isJsonObject(value["payload"])) {
    return { ok: false, position, defect: { kind: "wrong-shape", message: "not a rollout record" } };
  }
  if (!Object.hasOwn(TYPES, value["type"])) return { ok: false, position, defect: { kind: "unknown-kind", message: "unknown record type" } };
  return { ok: true, position, record: value as unknown as RolloutRecord };
}

export function acceptedBy(record: RolloutRecord, release: CodexRelease): boolean {
  if (record.type !== "turn_context") return true;
  const { sandbox_policy, summary } = record.payload;
  if (sandbox_policy?.mode !== undefined) return false;
  return release === "0.169.0" || summary != null;
}

export function isRetired(record: RolloutRecord): boolean {
  if (record.type === "response_item") return record.payload.type === "ghost_snapshot";
  if (record.type !== "event_msg") return false;
  const { type } = record.payload;
  return type === "thread_name_updated" || type === "background_event" || type === "undo_completed";
}
