/**
 * From a thread's history to the items of a request: every call gets an output, every output has its call
 * (rollout-format §5.8). The last step before the model; nothing of it is ever written to the rollout.
 */
import type { ResponseItem } from "../format/record.ts";
import { isOtherItem } from "../format/response-item.ts";
import type { HistoryItem } from "./history.ts";
import type { Omission, OmissionRule } from "./omission.ts";

/** An item of a request. `inserted`: an output that Codex makes up for a call without one; its place is the call's. */
export interface RequestItem extends Omit<HistoryItem, "origin"> {
  readonly origin: HistoryItem["origin"] | "inserted";
}

export interface RequestHistory {
  readonly items: readonly RequestItem[];
  readonly removed: readonly Omission[];
}

/** Ids of calls and of outputs, by the kind of tool: an output serves a call of its own kind only. */
type Ids = {
  readonly [K in "function" | "custom" | "search"]: { readonly calls: Set<string>; readonly outputs: Set<string> };
};

/** What a request would hold of a history. What the next turn adds, and what depends on the model, is not in it. */
export function asRequest(history: readonly HistoryItem[]): RequestHistory {
  const ids: Ids = { function: pair(), custom: pair(), search: pair() };
  for (const { item } of history) collect(item, ids);
  const items: RequestItem[] = [];
  const removed: Omission[] = [];
  for (const entry of history) {
    const { item, place, index } = entry;
    const rule = removalOf(item, ids);
    if (rule !== undefined) {
      removed.push({ place, index, what: item.type, rule });
      continue;
    }
    items.push(entry);
    const output = outputFor(item, ids);
    if (output !== undefined) items.push({ item: output, place, index, origin: "inserted" });
  }
  return { items, removed };
}

function pair() {
  return { calls: new Set<string>(), outputs: new Set<string>() };
}

function collect(item: ResponseItem, ids: Ids): void {
  if (isOtherItem(item)) return;
  switch (item.type) {
    case "function_call":
    case "local_shell_call":
      if (item.call_id != null) ids.function.calls.add(item.call_id);
      break;
    case "function_call_output":
      if (item.call_id != null) ids.function.outputs.add(item.call_id);
      break;
    case "custom_tool_call":
      ids.custom.calls.add(item.call_id);
      break;
    case "custom_tool_call_output":
      ids.custom.outputs.add(item.call_id);
      break;
    case "tool_search_call":
      if (item.call_id != null) ids.search.calls.add(item.call_id);
      break;
    case "tool_search_output":
      if (item.call_id != null) ids.search.outputs.add(item.call_id);
      break;
    default:
  }
}

function removalOf(item: ResponseItem, ids: Ids): OmissionRule | undefined {
  if (isOtherItem(item)) return undefined;
  switch (item.type) {
    case "function_call_output":
      return item.call_id == null || ids.function.calls.has(item.call_id) ? undefined : "orphan-output";
    case "custom_tool_call_output":
      return ids.custom.calls.has(item.call_id) ? undefined : "orphan-output";
    case "tool_search_output": {
      const isServers = item.execution === "server" || item.call_id == null;
      return isServers || ids.search.calls.has(item.call_id) ? undefined : "orphan-output";
    }
    case "configuration_update":
      return "configuration-update";
    default:
      return undefined;
  }
}

/** The output to be inserted right behind a call that has none. */
function outputFor(item: ResponseItem, ids: Ids): ResponseItem | undefined {
  if (isOtherItem(item)) return undefined;
  switch (item.type) {
    case "function_call":
    case "local_shell_call": {
      const { call_id } = item;
      if (call_id == null || ids.function.outputs.has(call_id)) return undefined;
      return { type: "function_call_output", call_id, output: "aborted" };
    }
    case "custom_tool_call": {
      const { call_id } = item;
      return ids.custom.outputs.has(call_id)
        ? undefined
        : { type: "custom_tool_call_output", call_id, output: "aborted" };
    }
    case "tool_search_call": {
      const { call_id } = item;
      if (call_id == null || ids.search.outputs.has(call_id)) return undefined;
      return { type: "tool_search_output", call_id, status: "completed", execution: "client", tools: [] };
    }
    default:
      return undefined;
  }
}
