/**
 * By what a resumed thread's requests are known to the provider (rollout-format §5.10). Pure text from the canonical
 * metadata and the current window.
 */
import { isJsonObject } from "../format/json.ts";
import type { SessionMeta } from "../format/record.ts";
import type { WindowIdentity } from "./window.ts";

export interface RequestIdentity {
  readonly threadId: string;
  /** Undefined for a sub-agent that was written without one: Codex makes up a new one at each resume. */
  readonly sessionId: string | undefined;
  /** All agents of a tree share their root's; a resume keeps it, a user's fork has a new one. */
  readonly promptCacheKey: string | undefined;
  /** `session-id`: the metadata names it. `own-id`: it does not, and the thread is its own root. */
  readonly rule: "session-id" | "own-id" | "made-up-at-resume";
  /** Value of the header `x-codex-window-id`. */
  readonly windowHeader: string;
}

export function requestIdentity(meta: SessionMeta, window: WindowIdentity): RequestIdentity {
  const { id: threadId, session_id: stated } = meta;
  const isAgent = isJsonObject(meta.source) && Object.hasOwn(meta.source, "subagent");
  const sessionId = stated ?? (isAgent ? undefined : threadId);
  const rule = stated != null ? "session-id" : isAgent ? "made-up-at-resume" : "own-id";
  return { threadId, sessionId, promptCacheKey: sessionId, rule, windowHeader: `${threadId}:${window.number}` };
}
