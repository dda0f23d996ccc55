/**
 * Rollout lines for tests: small, valid, and readable where they stand. Each function gives a record without its
 * envelope; `rolloutText` adds time stamps, ordinals and line ends. Defaults are those of the reference cases
 * (state-and-compression §2.15).
 */
export interface LineRecord {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Creation time in `session_meta`, UTC. */
export const META_TIME = "2025-11-01T10:00:00.123Z";
export const META_MS = Date.parse(META_TIME);
/** Local time in file names. */
export const NAME_STAMP = "2025-11-01T12-00-00";
/** Modification time of files that a test says nothing about. */
export const FILE_MS = Date.parse("2025-11-05T00:00:00.456Z");
export const CWD = "/home/user/project";

/** Thread n: a version 7 id made n minutes and 23 ms before `META_TIME`. */
export function threadId(n: number): string {
  const madeMs = (META_MS - 23 - n * 60_000).toString(16).padStart(12, "0");
  return `${madeMs.slice(0, 8)}-${madeMs.slice(8)}-7000-8000-${String(n).padStart(12, "0")}`;
}

/** `rollout-<stamp>-<thread id>[_<rollout id>].jsonl` */
export function fileName(n: number, changes: { readonly stamp?: string; readonly segment?: number } = {}): string {
  const segment = changes.segment === undefined ? "" : `_${threadId(changes.segment)}`;
  return `rollout-${changes.stamp ?? NAME_STAMP}-${threadId(n)}${segment}.jsonl`;
}

/** Where Codex puts thread n, relative to the home. */
export function sessionPath(n: number, changes: { readonly stamp?: string; readonly segment?: number } = {}): string {
  const [year, month, day] = (changes.stamp ?? NAME_STAMP).slice(0, 10).split("-");
  return `sessions/${year}/${month}/${day}/${fileName(n, changes)}`;
}

export function archivedPath(n: number): string {
  return `archived_sessions/${fileName(n)}`;
}

export function meta(n: number, changes: Readonly<Record<string, unknown>> = {}): LineRecord {
  const payload = {
    id: threadId(n),
    timestamp: META_TIME,
    cwd: CWD,
    originator: "codex_cli_rs",
    cli_version: "0.169.0",
    source: "cli",
    model_provider: "openai",
    ...changes,
  };
  return { type: "session_meta", payload };
}

/** `session_meta` of a paginated thread. */
export function paginatedMeta(n: number, changes: Readonly<Record<string, unknown>> = {}): LineRecord {
  return meta(n, { history_mode: "paginated", ...changes });
}

/** `session_meta.history_base`: this file continues another one from that byte on. */
export function base(rolloutId: string, endByteOffset: number, ordinal = 100): Readonly<Record<string, unknown>> {
  return { thread_id: rolloutId, end_ordinal_exclusive: ordinal, end_byte_offset: endByteOffset };
}

export function turnContext(changes: Readonly<Record<string, unknown>> = {}): LineRecord {
  const payload = {
    cwd: CWD,
    approval_policy: "on-request",
    sandbox_policy: { type: "read-only" },
    model: "gpt-5.1-codex",
    effort: "medium",
    summary: "auto",
    ...changes,
  };
  return { type: "turn_context", payload };
}

export function settings(changes: Readonly<Record<string, unknown>> = {}): LineRecord {
  const model = typeof changes["model"] === "string" ? changes["model"] : "gpt-5.1-codex";
  return event("thread_settings_applied", {
    thread_id: threadId(1),
    thread_settings: {
      model,
      model_provider_id: "openai",
      approval_policy: "never",
      approvals_reviewer: "user",
      permission_profile: { type: "disabled" },
      cwd: CWD,
      collaboration_mode: {
        mode: "default",
        settings: { model, reasoning_effort: null, developer_instructions: null },
      },
      ...changes,
    },
  });
}

export function event(type: string, members: Readonly<Record<string, unknown>> = {}): LineRecord {
  return { type: "event_msg", payload: { type, ...members } };
}

export function userMessage(message: string, members: Readonly<Record<string, unknown>> = {}): LineRecord {
  return event("user_message", { message, images: [], ...members });
}

/** The same message as paginated rollouts tell it. */
export function userItem(text: string): LineRecord {
  return itemCompleted({ type: "UserMessage", id: "u1", content: [{ type: "text", text, text_elements: [] }] });
}

export function agentItem(text: string): LineRecord {
  return itemCompleted({ type: "AgentMessage", id: "a1", content: [{ type: "Text", text }], phase: "final_answer" });
}

export function itemCompleted(item: Readonly<Record<string, unknown>>): LineRecord {
  return event("item_completed", {
    thread_id: threadId(1),
    turn_id: "t1",
    item,
    started_at_ms: META_MS,
    completed_at_ms: META_MS,
  });
}

/** `undefined`: a count without figures. */
export function tokenCount(total: number | undefined): LineRecord {
  if (total === undefined) return event("token_count", { info: null, rate_limits: null });
  const usage = {
    input_tokens: total,
    cached_input_tokens: 0,
    output_tokens: 0,
    reasoning_output_tokens: 0,
    total_tokens: total,
  };
  return event("token_count", {
    info: { total_token_usage: usage, last_token_usage: usage, model_context_window: 258400 },
    rate_limits: null,
  });
}

export function taskStarted(): LineRecord {
  return event("task_started", { turn_id: "t1", started_at: Math.floor(META_MS / 1000), model_context_window: 258400 });
}

export function goal(objective: string): LineRecord {
  return event("thread_goal_updated", {
    threadId: threadId(1),
    goal: {
      threadId: threadId(1),
      objective,
      status: "active",
      tokensUsed: 0,
      timeUsedSeconds: 0,
      createdAt: Math.floor(META_MS / 1000),
      updatedAt: Math.floor(META_MS / 1000),
    },
  });
}

/** What the model saw; never names a thread. */
export function responseItem(text: string, role = "user"): LineRecord {
  const content = [{ type: role === "user" ? "input_text" : "output_text", text }];
  return { type: "response_item", payload: { type: "message", role, content } };
}

/** A record as a line, without its line end. The key order is that of all writers. */
export function lineText({ type, payload }: LineRecord, timestamp: string, ordinal?: number): string {
  return JSON.stringify({ timestamp, ...(ordinal === undefined ? {} : { ordinal }), type, payload });
}

export interface TextOptions {
  readonly paginated?: boolean;
  /** Time of the first line; each further one is a second later. */
  readonly startMs?: number;
  readonly firstOrdinal?: number;
}

/** Lines of a whole file. A string stands for itself: torn, garbage, whatever. */
export function rolloutText(lines: readonly (LineRecord | string)[], options: TextOptions = {}): string {
  const { startMs = META_MS, firstOrdinal = 0 } = options;
  return lines
    .map((line, index) => {
      if (typeof line === "string") return `${line}\n`;
      const ordinal = options.paginated === true ? firstOrdinal + index : undefined;
      return `${lineText(line, new Date(startMs + index * 1000).toISOString(), ordinal)}\n`;
    })
    .join("");
}
