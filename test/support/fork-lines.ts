/** Threads to fork, and what the files of forks hold, in a form that fits on a line of a test. */
import { readFileSync } from "node:fs";
import { event, type LineRecord, responseItem, threadId, turnContext } from "./lines.ts";

/** A turn of one question and one answer, as 0.169.0 writes them; `open`: its end was never written. */
export function turn(id: string, options: { readonly open?: boolean; readonly mode?: "legacy" | "paginated" } = {}) {
  const { open = false, mode = "legacy" } = options;
  const lines: readonly LineRecord[] = [
    event("task_started", { turn_id: id, started_at: 1, model_context_window: null }),
    turnContext({ turn_id: id }),
    responseItem(`ask ${id}`),
    ...(mode === "legacy" ? [event("user_message", { message: `ask ${id}`, images: [] })] : [asked(id)]),
    responseItem(`answer ${id}`, "assistant"),
  ];
  return open ? lines : [...lines, event("task_complete", { turn_id: id, last_agent_message: null })];
}

function asked(id: string): LineRecord {
  const content = [{ type: "text", text: `ask ${id}`, text_elements: [] }];
  const item = { type: "UserMessage", id: `item-${id}`, content };
  return event("item_completed", { thread_id: threadId(2), turn_id: id, item, completed_at_ms: 1 });
}

interface Line {
  readonly ordinal?: number;
  readonly timestamp: string;
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>> & { readonly content?: readonly { readonly text?: string }[] };
}

export function linesOf(path: string): readonly Line[] {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Line);
}

/** `ordinal kind detail`, `-` for a line without an ordinal. */
export function outline(path: string): readonly string[] {
  return linesOf(path).map(({ ordinal, type, payload }) => {
    const kind = typeof payload["type"] === "string" ? payload["type"] : type;
    const text = payload.content?.[0]?.text?.split("\n")[0];
    const detail = text ?? payload["turn_id"] ?? (type === "session_meta" ? payload["id"] : undefined);
    const shown = typeof detail === "string" ? ` ${detail}` : "";
    return `${ordinal ?? "-"} ${kind}${shown}`;
  });
}
