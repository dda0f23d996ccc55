/**
 * Which client or agent made a thread: `session_meta.source`, its text in the index, and what a spawned agent says of
 * its parent (rollout-format §3.1, state-and-compression §2.7 and §2.11).
 */
import { isJsonObject, type JsonObject, ownValue } from "./json.ts";

const CLIENTS = ["cli", "vscode", "exec", "mcp"];

/** The fields of a spawned agent, aliases resolved, nothing optional left open. */
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
  if (typeof source === "string") return CLIENTS.includes(source) ? source : "unknown";
  const spawn = spawnFieldsOf(source);
  return spawn === undefined ? JSON.stringify(source) : JSON.stringify(spawnSource(spawn));
}

/** The parent's thread id for a thread made by `thread_spawn`. */
export function spawnParentOf(source: unknown): string | undefined {
  return spawnFieldsOf(source)?.parentThreadId;
}

/** True for the reviewer that approves other threads' actions; its rows carry fixed titles (state-and-compression §2.5). */
export function isGuardian(source: unknown): boolean {
  if (!isJsonObject(source)) return false;
  const subagent = ownValue(source, "subagent");
  if (isJsonObject(subagent)) return ownValue(subagent, "other") === "guardian";
  return ownValue(source, "internal") === "guardian";
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
    parentThreadId,
    depth,
    agentPath: textOrNull(spawn, "agent_path"),
    agentNickname: textOrNull(spawn, "agent_nickname"),
    agentRole: textOrNull(spawn, "agent_role") ?? textOrNull(spawn, "agent_type"),
  };
}

function textOrNull(object: JsonObject, key: string): string | null {
  const value = ownValue(object, key);
  return typeof value === "string" ? value : null;
}

function spawnSource(spawn: SpawnFields): JsonObject {
  return {
    subagent: {
      thread_spawn: {
        parent_thread_id: spawn.parentThreadId,
        depth: spawn.depth,
        agent_path: spawn.agentPath,
        agent_nickname: spawn.agentNickname,
        agent_role: spawn.agentRole,
      },
    },
  };
}
