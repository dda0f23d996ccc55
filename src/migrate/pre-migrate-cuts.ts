/** What of a record is not in the line that is written for it (rollout-format §3.3.1, §4 last note): bytes, and what they are. */
import type { JsonObject, JsonValue } from "../format/json.ts";
import type { RolloutRecord } from "../format/record.ts";
import { isOtherItem } from "../format/response-item.ts";

export interface Cut {
  readonly bytes: number;
  readonly what: string;
}

/** More of an output, or of a result, is cut out in its middle. */
const OUTPUT_BYTES = 64 * 1024;

/** Undefined where nothing is. */
export function cutOf(record: RolloutRecord): Cut | undefined {
  switch (record.type) {
    case "session_meta":
      return textCut(record.payload.instructions, "instructions of an old release");
    case "compacted":
      return listCut(record.payload.replacement_history ?? []);
    case "event_msg":
      return eventCut(record.payload as unknown as JsonObject);
    default:
      return undefined;
  }
}

function eventCut(event: JsonObject): Cut | undefined {
  if (event["type"] === "exec_command_end") return outputCut(event);
  if (event["type"] === "mcp_tool_call_end") return resultCut(event["result"]);
  const item = event["item"] as JsonObject | undefined;
  if (event["type"] !== "item_completed" || item === undefined) return undefined;
  if (item["type"] === "CommandExecution") return outputCut(item);
  return item["type"] === "McpToolCall" ? resultCut(item["result"]) : undefined;
}

/** Only `aggregated_output` is written; the other members as a rule say the same. */
function outputCut({ aggregated_output, stdout, stderr }: JsonObject): Cut | undefined {
  const whole = bytesOf(aggregated_output);
  if (whole > OUTPUT_BYTES) return { bytes: whole - OUTPUT_BYTES, what: "output of a command beyond 64 KiB" };
  const parts = bytesOf(stdout) + bytesOf(stderr);
  return whole === 0 && parts > 0 ? { bytes: parts, what: "output of a command" } : undefined;
}

function resultCut(result: JsonValue | undefined): Cut | undefined {
  const bytes = result === undefined ? 0 : Buffer.byteLength(JSON.stringify(result));
  return bytes > OUTPUT_BYTES ? { bytes: bytes - OUTPUT_BYTES, what: "result of a tool beyond 64 KiB" } : undefined;
}

/** Entries that Codex has no place for stay as entries without content. */
function listCut(list: readonly { readonly type: string }[]): Cut | undefined {
  const cut = list.filter((item) => item.type === "ghost_snapshot" || isOtherItem(item as never));
  if (cut.length === 0) return undefined;
  const bytes = cut.reduce((sum, item) => sum + Buffer.byteLength(JSON.stringify(item)), 0);
  return { bytes, what: `items of a checkpoint: ${cut.length}` };
}

function textCut(value: JsonValue | undefined, what: string): Cut | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  return { bytes: Buffer.byteLength(JSON.stringify(value)), what };
}

function bytesOf(value: JsonValue | undefined): number {
  return typeof value === "string" ? Buffer.byteLength(value) : 0;
}
