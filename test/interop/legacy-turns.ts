/** Turns as clients get them, as far as a legacy thread can be shown as the paginated one was that it was made of. */
import type { SessionMeta } from "../../src/format/record.ts";
import type { Release } from "./codex.ts";

type Item = Readonly<Record<string, unknown>>;

export interface CommonTurn {
  readonly id: string;
  readonly status: string;
  readonly completedAt: number | null;
  readonly durationMs: number | null;
  readonly items: readonly Item[];
}

/** Turns that a thread got from another one are shown once it is legacy. */
export function inheritsTurns({ subagent_history_start_ordinal: start, attached_thread }: SessionMeta): boolean {
  return start != null || attached_thread === true;
}

/** No release shows these of a legacy thread, whatever stands in it. */
const HIDDEN: ReadonlySet<unknown> = new Set([
  "commandExecution",
  "dynamicToolCall",
  "collabAgentToolCall",
  "imageView",
]);

const NUMBERED: ReadonlySet<unknown> = new Set(["userMessage", "agentMessage", "contextCompaction"]);

/** Members that only one of the releases has, or only one of the modes. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "startedAtMs",
  "completedAtMs",
  "moderation",
  "delivery",
  "questions",
  "mcpAppUi",
  "readOnlyHint",
  "results",
  "model",
  "reasoningEffort",
]);

export function commonItemsOf(items: readonly Item[], release: Release): readonly Item[] {
  const common: Item[] = [];
  for (const item of items) {
    const { type } = item;
    if (HIDDEN.has(type) || (type === "subAgentActivity" && item["kind"] === "completed")) continue;
    const last = common.at(-1);
    if (type === "reasoning") {
      const summary = item["summary"] as readonly string[];
      if (summary.length === 0) continue;
      if (last?.["type"] === "reasoning") common.pop();
      const earlier = last?.["type"] === "reasoning" ? (last["summary"] as readonly string[]) : [];
      common.push({ type, summary: [...earlier, ...summary] });
    } else common.push(commonItem(item, release));
  }
  return common;
}

function commonItem(item: Item, release: Release): Item {
  const isReview = item["type"] === "enteredReviewMode" || item["type"] === "exitedReviewMode";
  const isNumbered = NUMBERED.has(item["type"]) || (isReview && release === "0.142.3");
  const members = Object.entries(item).filter(([name]) => !LEFT_OUT.has(name) && !(name === "id" && isNumbered));
  return Object.fromEntries(members);
}
