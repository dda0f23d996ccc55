/**
 * What a line of a rollout is called in an account of bytes: the labels of Codex's own persistence metrics
 * (state-and-compression §6), told from the first bytes of a line wherever that is possible, and names of this tool's for what
 * those do not know.
 */
import { decodeLine } from "../format/decode.ts";
import type { DefectKind, Entry, Position } from "../format/entry.ts";
import { type Kind, kindOf, peekKind } from "../format/peek.ts";
import type { RecordType, RolloutRecord, TurnItemType } from "../format/record.ts";
import { isKnownEvent, isRetiredEvent } from "../format/shapes-events.ts";

export type ByteLabel = string;

/** A line end, of whatever line has one. */
export const LINE_ENDS = "line ends";
/** Lines of nothing but their end. */
export const EMPTY_LINES = "empty lines";
/** Of a JSON document of early 2025: what stands between its items. */
export const DOCUMENT_FRAME = "document frame";

/** Lines that are no records, by what is wrong with them (`format/entry.ts`). */
const DEFECT_LABELS: Readonly<Record<DefectKind, ByteLabel>> = {
  torn: "defect.torn",
  blank: "white space",
  "not-json": "defect.not-json",
  "not-utf8": "defect.not-utf8",
  "wrong-shape": "defect.wrong-shape",
  "unknown-kind": "defect.unknown-kind",
  "too-long": "defect.too-long",
  "broken-stream": "defect.broken-stream",
  "state-marker": "state marker",
};

/** Codex's names of items; every other is `response.other` there. The last is of releases up to about 0.13x. */
const RESPONSES: ReadonlySet<string> = new Set([
  "message",
  "additional_tools",
  "agent_message",
  "reasoning",
  "local_shell_call",
  "function_call",
  "tool_search_call",
  "function_call_output",
  "custom_tool_call",
  "custom_tool_call_output",
  "tool_search_output",
  "web_search_call",
  "image_generation_call",
  "compaction",
  "configuration_update",
  "compaction_trigger",
  "context_compaction",
  "ghost_snapshot",
]);

/** Metrics have the names of the variants, rollouts those of the wire. */
const EVENT_NAMES: Readonly<Record<string, string>> = { task_started: "turn_started", task_complete: "turn_complete" };

const ITEM_LABELS = {
  UserMessage: "user_message",
  AgentMessage: "agent_message",
  Reasoning: "reasoning",
  Plan: "plan",
  HookPrompt: "hook_prompt",
  CommandExecution: "command_execution",
  FileChange: "file_change",
  McpToolCall: "mcp_tool_call",
  DynamicToolCall: "dynamic_tool_call",
  FunctionCallOutput: "function_call_output",
  WebSearch: "web_search",
  ImageView: "image_view",
  ImageGeneration: "image_generation",
  Extension: "extension",
  CollabAgentToolCall: "collab_agent_tool_call",
  SubAgentActivity: "sub_agent_activity",
  EnteredReviewMode: "entered_review_mode",
  ExitedReviewMode: "exited_review_mode",
  ContextCompaction: "context_compaction",
  Sleep: "sleep",
} satisfies Readonly<Record<TurnItemType, string>>;

const ITEM_COMPLETED = "event_msg/item_completed";
const REALTIME: RecordType = "realtime_item";

const labels = new Map<string, ByteLabel>();
/** Kinds that are remembered; a hostile file could make up any number of them. */
const MAX_KINDS = 2000;

/** The label of a kind as `peekKind` gives it. Of completed and of realtime items only the record itself tells more. */
export function labelOfKind(kind: string): ByteLabel {
  let label = labels.get(kind);
  if (label !== undefined) return label;
  label = makeLabel(kind);
  if (labels.size < MAX_KINDS) labels.set(kind, label);
  return label;
}

const WIRE_NAMES = new Map(Object.entries(EVENT_NAMES).map(([wire, name]) => [name, wire]));

/** What an event is called on the wire; undefined for the label of anything else. */
export function eventNameOf(label: ByteLabel): string | undefined {
  const [group, name = ""] = label.split(".", 2);
  return group === "event" ? (WIRE_NAMES.get(name) ?? name) : undefined;
}

function makeLabel(kind: string): ByteLabel {
  const slash = kind.indexOf("/");
  if (slash === -1) return kind;
  const name = kind.slice(slash + 1);
  if (kind.startsWith("response_item/")) return `response.${RESPONSES.has(name) ? name : "other"}`;
  if (!isKnownEvent(name) && !isRetiredEvent(name)) return DEFECT_LABELS["unknown-kind"];
  return `event.${EVENT_NAMES[name] ?? name}`;
}

/**
 * The label of a line. Most are told by their first bytes, and what follows is not looked at: a line that begins like a record
 * and is damaged behind counts as one, except the last of a file, where that is normal.
 */
export function labelOfLine(bytes: Buffer, position: Position, terminated: boolean): ByteLabel {
  const kind = terminated ? peekKind(bytes, 0, bytes.length) : undefined;
  return labelOfPeeked(kind, bytes, () => decodeLine(bytes, position, { terminated }));
}

/** The same for who has peeked the line's kind (undefined for a last line without an end), and may have its entry at hand. */
export function labelOfPeeked(kind: Kind | undefined, bytes: Buffer, decode: () => Entry): ByteLabel {
  if (kind === undefined || kind === REALTIME) return labelOfEntry(decode());
  if (kind !== ITEM_COMPLETED) return labelOfKind(kind);
  return peekItem(bytes) ?? labelOfEntry(decode());
}

/** Thread and turn stand before it, an id each. */
const ITEM_HEAD_BYTES = 400;
const ITEM_TYPE =
  /^\{"timestamp":"[^"\\]*",(?:"ordinal":\d+,)?"type":"event_msg","payload":\{"type":"item_completed","thread_id":"[^"\\]*","turn_id":"[^"\\]*","item":\{"type":"(\w+)"/;

/** Of a completed item, by the order in which all writers put its members. */
function peekItem(bytes: Buffer): ByteLabel | undefined {
  const name = ITEM_TYPE.exec(bytes.toString("latin1", 0, ITEM_HEAD_BYTES))?.[1];
  return name === undefined ? undefined : itemLabel(name);
}

function itemLabel(name: string): ByteLabel {
  const known: Readonly<Record<string, string>> = ITEM_LABELS;
  return `event.item_completed.${Object.hasOwn(known, name) ? (known[name] ?? "") : "other"}`;
}

export function labelOfEntry(entry: Entry): ByteLabel {
  return entry.ok ? labelOfRecord(entry.record) : DEFECT_LABELS[entry.defect.kind];
}

export function labelOfRecord(record: RolloutRecord): ByteLabel {
  const { type, payload } = record;
  if (type === "realtime_item") return `realtime.${payload.type.replace("realtime_session_", "session_")}`;
  if (type === "event_msg" && payload.type === "item_completed") return itemLabel(payload.item.type);
  return labelOfKind(kindOf(record));
}

export function labelOfDefect(kind: DefectKind): ByteLabel {
  return DEFECT_LABELS[kind];
}
