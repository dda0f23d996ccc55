/**
 * Which client or agent made a thread: `session_meta.source`, its text in the index, and what a spawned agent says of
 * its parent (rollout-format §3.1, state-and-compression §2.7 and §2.11). Between decoded metadata and rows.
 */
import { isJsonObject, type JsonObject, type JsonValue, ownValue } from "./json.ts";
import { parseUuid } from "./names.ts";

const CLIENTS: readonly unknown[] = ["cli", "vscode", "exec", "mcp"];

/** The fields of a spawned agent: aliases resolved, the id in its usual spelling, nothing optional left open. */
export interface SpawnFields {
  readonly parentThreadId: string;
  readonly depth: number;
  readonly agentPath: string | null;
  readonly agentNickname: string | null;
  readonly agentRole: string | null;
}

/**
 * The text that is stored in the column `source`: a bare word for clients, compact JSON for everything else. Key order
 * matters, since Codex compares this text literally (state-and-compression §2.7).
 */
export function sourceText(source: unknown): string {
  if (source === undefined) return "vscode";
  if (typeof source === "string") return clientText(source);
  if (!isJsonObject(source)) return "unknown";
  const [name = "", content] = Object.entries(source)[0] ?? [];
  if (name === "custom") return JSON.stringify({ custom: content });
  if (name === "internal") return JSON.stringify({ internal: wordOf(content) });
  if (name === "subagent") return JSON.stringify({ subagent: subagentOf(source, content) });
  return clientText(name);
}

/** The parent's thread id for a thread made by `thread_spawn`: the origin of spawn edges (state-and-compression §2.11). */
export function spawnParentOf(source: unknown): string | undefined {
  return spawnFieldsOf(source)?.parentThreadId;
}

/**
 * True for the reviewer that approves other threads' actions: its rows carry fixed titles (state-and-compression §2.5).
 * Only the sub-agent of that name; 0.169.0 gives `{"internal":"guardian"}` no such row.
 */
export function isGuardian(source: unknown): boolean {
  const subagent = isJsonObject(source) ? ownValue(source, "subagent") : undefined;
  return isJsonObject(subagent) && ownValue(subagent, "other") === "guardian";
}

/** Reads `source.subagent.thread_spawn`; undefined for every other source. */
export function spawnFieldsOf(source: unknown): SpawnFields | undefined {
  if (!isJsonObject(source)) return undefined;
  const subagent = ownValue(source, "subagent");
  if (!isJsonObject(subagent)) return undefined;
  const spawn = ownValue(subagent, "thread_spawn");
  if (!isJsonObject(spawn)) return undefined;
  const parentThreadId = ownValue(spawn, "parent_thread_id");
  const depth = ownValue(spawn, "depth");
  if (typeof parentThreadId !== "string" || typeof depth !== "number") return undefined;
  return {
    parentThreadId: parseUuid(parentThreadId) ?? parentThreadId,
    depth,
    agentPath: textOrNull(spawn, "agent_path"),
    agentNickname: textOrNull(spawn, "agent_nickname"),
    agentRole: textOrNull(spawn, "agent_role") ?? textOrNull(spawn, "agent_type"),
  };
}

function clientText(name: string): string {
  return CLIENTS.includes(name) ? name : "unknown";
}

/** A word, also when it is written the long way, as `{word: null}`. */
function wordOf(content: JsonValue | undefined): JsonValue | undefined {
  return isJsonObject(content) ? Object.keys(content)[0] : content;
}

function subagentOf(source: JsonObject, content: JsonValue | undefined): JsonValue | undefined {
  const spawn = spawnFieldsOf(source);
  if (spawn !== undefined) return spawnSource(spawn);
  return isJsonObject(content) && typeof ownValue(content, "other") === "string" ? content : wordOf(content);
}

function textOrNull(object: JsonObject, key: string): string | null {
  const value = ownValue(object, key);
  return typeof value === "string" ? value : null;
}

function spawnSource(spawn: SpawnFields): JsonObject {
  return {
    thread_spawn: {
      parent_thread_id: spawn.parentThreadId,
      depth: spawn.depth,
      agent_path: spawn.agentPath,
      agent_nickname: spawn.agentNickname,
      agent_role: spawn.agentRole,
    },
  };
}
