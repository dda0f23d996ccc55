/**
 * Entries without the bulk that context windows do not depend on. The fold that finds the windows keeps a whole history, and every
 * checkpoint that began one; all that it asks of them is where the user's turns begin (rollout-format §5.4, §5.5).
 */
import type { LineageEntry } from "../readers/lineage.ts";
import type { ResponseItem, RolloutRecord } from "../format/record.ts";
import { isOtherItem, type MessageItem } from "../format/response-item.ts";

/** The same entry with small items; all other records as they are. */
export function slimEntry(entry: LineageEntry): LineageEntry {
  if (!entry.ok) return entry;
  const { record, position, segment } = entry;
  if (record.type === "response_item") {
    return { ok: true, position, segment, record: { ...record, payload: slimItem(record.payload) } };
  }
  if (record.type !== "compacted" || record.payload.replacement_history == null) return entry;
  const payload = {
    ...record.payload,
    replacement_history: record.payload.replacement_history.map(slimItem),
    guardian_history: null,
    retained_context: null,
  };
  return { ok: true, position, segment, record: { ...record, payload } };
}

function slimItem(item: ResponseItem): ResponseItem {
  if (isOtherItem(item)) return item;
  switch (item.type) {
    case "message":
      return { type: item.type, role: item.role, content: slimContent(item) };
    case "reasoning":
      return { type: item.type, summary: [] };
    case "function_call":
      return { type: item.type, name: "", arguments: "", call_id: "" };
    case "custom_tool_call":
      return { type: item.type, name: "", input: "", call_id: "" };
    case "function_call_output":
    case "custom_tool_call_output":
      return { type: item.type, call_id: "", output: "" };
    case "compaction":
      return { type: item.type, encrypted_content: "" };
    default:
      return item;
  }
}

/** An assistant's message matters only where it is a communication of older releases: JSON in its only part. */
function slimContent({ role, content }: MessageItem): MessageItem["content"] {
  if (role !== "assistant") return content.filter((part) => "text" in part);
  const [part] = content;
  return part !== undefined && "text" in part && /^[\t\n\r ]*\{/.test(part.text) ? content : [];
}

/**
 * The few entries that the windows of a thread are made of as long as no turn was rolled back: metadata, compactions, the first and the
 * last. With a rollback it takes all of them, since a compaction of a turn that was rolled back begins no history.
 */
export class WindowEntries {
  readonly #kept: LineageEntry[] = [];
  /** Undefined where it is kept. */
  #last: LineageEntry | undefined;
  #hasWindow = false;
  #hasRollbacks = false;

  add(entry: LineageEntry): void {
    const isNeeded = entry.ok && this.#isNeeded(entry.record);
    this.#last = isNeeded || this.#kept.length === 0 ? undefined : entry;
    if (this.#last === undefined) this.#kept.push(withoutHistory(entry));
  }

  #isNeeded(record: RolloutRecord): boolean {
    if (record.type === "event_msg" && record.payload.type === "thread_rolled_back") this.#hasRollbacks = true;
    if (record.type === "compacted") return true;
    if (record.type !== "session_meta" || this.#hasWindow) return false;
    this.#hasWindow = record.payload.context_window != null;
    return this.#hasWindow;
  }

  /** Undefined where these few are not enough. */
  finish(): readonly LineageEntry[] | undefined {
    if (this.#hasRollbacks) return undefined;
    return this.#last === undefined ? this.#kept : [...this.#kept, withoutHistory(this.#last)];
  }
}

function withoutHistory(entry: LineageEntry): LineageEntry {
  if (!entry.ok || entry.record.type !== "compacted") return slimEntry(entry);
  const { record, position, segment } = entry;
  const history = record.payload.replacement_history == null ? null : [];
  const payload = { ...record.payload, replacement_history: history, guardian_history: null, retained_context: null };
  return { ok: true, position, segment, record: { ...record, payload } };
}
