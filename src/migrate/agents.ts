/** Which rollouts are an agent's, as Codex's migration takes it (rollout-format §9.4; `thread_source` seen with 0.169.0). */
import type { SessionMeta } from "../format/record.ts";

/** Agents of all kinds but the one that consolidates memories; the older word for where a thread comes from counts as well. */
export function isAgent({ source, thread_source }: SessionMeta): boolean {
  const isBySource = typeof source === "object" && "subagent" in source;
  if (isBySource) return JSON.stringify(source.subagent) !== '"memory_consolidation"';
  return thread_source === "subagent";
}
