/**
 * By what a resumed thread's requests are known to the provider (rollout-format §5.10). Pure text from the canonical
 * metadata and the current window.
 */
import { isJsonObject } from "../format/json.ts";
import type { SessionMeta } from "../format/record.ts";
import type { CodexRelease } from "../format/shape.ts";
import type { WindowIdentity } from "./window.ts";

export interface RequestIdentity {
  readonly threadId: string;
  /** Undefined for a sub-agent that was written without one: Codex makes up a new one at each resume. */
  readonly sessionId: string | undefined;
  /**
   * To 0.169.0 the session's id: all agents of a tree share their root's, a resume keeps it, a user's fork has a new one.
   * To 0.142.3 the thread's own, whatever the session is; it was seen so for every thread.
   */
  readonly promptCacheKey: string | undefined;
  /** `session-id`: the metadata names it. `own-id`: the thread's own. `made-up-at-resume`: see `sessionId`. */
  readonly rule: "session-id" | "own-id" | "made-up-at-resume";
  /** Value of the header `x-codex-window-id`. */
  readonly windowHeader: string;
}

export function requestIdentity(
  meta: SessionMeta,
  window: WindowIdentity,
  release: CodexRelease = "0.169.0",
): RequestIdentity {
  const { id: threadId, session_id: stated } = meta;
  const isAgent = isJsonObject(meta.source) && Object.hasOwn(meta.source, "subagent");
  const sessionId = stated ?? (isAgent ? undefined : threadId);
  const windowHeader = `${threadId}:${window.number}`;
  if (release === "0.142.3") return { threadId, sessionId, promptCacheKey: threadId, rule: "own-id", windowHeader };
  const rule = stated != null ? "session-id" : isAgent ? "made-up-at-resume" : "own-id";
  return { threadId, sessionId, promptCacheKey: sessionId, rule, windowHeader };
}
