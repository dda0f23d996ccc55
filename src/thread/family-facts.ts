/**
 * What one rollout file tells of its place among others: its name and its first metadata, cut down to what `family.ts` needs,
 * so that a home of ten thousand files fits into memory.
 */
import { isJsonObject, ownValue } from "../format/json.ts";
import { parseUuid, type RolloutName } from "../format/names.ts";
import type { SessionMeta } from "../format/record.ts";
import { isGuardian, sourceText, spawnFieldsOf } from "../format/session-source.ts";

/** `main`: begun by a client. `agent`: spawned. `helper`: any other sub-agent, such as one that compacts. */
export type ThreadKind = "main" | "agent" | "review" | "guardian" | "helper" | "internal";

/** Ids are lower case; what the metadata does not say is undefined. */
export interface FileFacts {
  /** Absolute; the plain path. */
  readonly path: string;
  readonly archived: boolean;
  readonly isCompressed: boolean;
  /** By which other files name this one. */
  readonly rolloutId: string | undefined;
  /** From the metadata; from the name where there is none. */
  readonly threadId: string;
  readonly hasMeta: boolean;
  /** Sorts the files of a thread by their age. */
  readonly newness: string;
  readonly createdAt: string | undefined;
  readonly kind: ThreadKind;
  /** Any sub-agent, spawned or built in. */
  readonly isAgent: boolean;
  /** As the index stores it. */
  readonly source: string | undefined;
  readonly threadSource: string | undefined;
  readonly originator: string | undefined;
  readonly cliVersion: string | undefined;
  readonly historyMode: string | undefined;
  readonly multiAgentVersion: string | undefined;
  readonly sessionId: string | undefined;
  readonly parentId: string | undefined;
  /** 1 for an agent of a root. */
  readonly spawnDepth: number | undefined;
  readonly agentPath: string | undefined;
  readonly agentNickname: string | undefined;
  readonly agentRole: string | undefined;
  readonly forkedFromId: string | undefined;
  readonly isAttached: boolean;
  /** The rollout that this file continues, and where it was cut: ordinal and plain byte, both exclusive. */
  readonly baseRolloutId: string | undefined;
  readonly baseEndOrdinal: number | undefined;
  readonly baseEndOffset: number | undefined;
}

export interface FilePlace {
  readonly path: string;
  readonly archived: boolean;
  readonly isCompressed: boolean;
  /** Undefined for a name outside the grammar. */
  readonly name: RolloutName | undefined;
}

/**
 * Undefined for a file of which neither metadata nor name say whose it is. Written out as one literal: with so many members,
 * spreading makes objects that take ten times as long to make, and far more room.
 */
export function factsOf(place: FilePlace, meta: SessionMeta | undefined): FileFacts | undefined {
  const { name, archived } = place;
  const threadId = meta === undefined ? name?.threadId : idOf(meta.id);
  if (threadId === undefined) return undefined;
  const spawn = spawnFieldsOf(meta?.source);
  // A legacy thread that names a base does not continue it: 0.169.0 does not look at that.
  const base = meta?.history_mode === "paginated" ? meta.history_base : undefined;
  return {
    path: place.path,
    archived,
    isCompressed: place.isCompressed,
    rolloutId: name?.rolloutId,
    threadId,
    hasMeta: meta !== undefined,
    newness: `${name?.stamp ?? ""} ${name?.rolloutId ?? ""} ${archived ? 0 : 1}`,
    createdAt: meta?.timestamp,
    kind: kindOf(meta?.source, spawn !== undefined),
    isAgent: isJsonObject(meta?.source) && Object.hasOwn(meta.source, "subagent"),
    source: meta && sourceText(meta.source),
    threadSource: told(meta?.thread_source),
    originator: meta?.originator,
    cliVersion: meta?.cli_version,
    historyMode: meta && historyModeText(meta),
    multiAgentVersion: told(meta?.multi_agent_version),
    sessionId: told(meta?.session_id, idOf),
    // Codex makes its edges of the source alone; of reviews only the other field tells (state-and-compression §2.11).
    parentId: spawn === undefined ? told(meta?.parent_thread_id, idOf) : idOf(spawn.parentThreadId),
    spawnDepth: spawn?.depth,
    agentPath: told(meta?.agent_path ?? spawn?.agentPath),
    agentNickname: told(meta?.agent_nickname ?? spawn?.agentNickname),
    agentRole: told(meta?.agent_role ?? meta?.agent_type ?? spawn?.agentRole),
    forkedFromId: told(meta?.forked_from_id, idOf),
    isAttached: meta?.attached_thread === true,
    baseRolloutId: told(base?.thread_id, idOf),
    baseEndOrdinal: base?.end_ordinal_exclusive,
    baseEndOffset: base?.end_byte_offset,
  };
}

/** What the index makes of a guardian is its own matter (`isGuardian`); here both that are called so are. */
function kindOf(source: unknown, isSpawned: boolean): ThreadKind {
  if (isGuardian(source)) return "guardian";
  if (isSpawned) return "agent";
  if (!isJsonObject(source)) return "main";
  const internal = ownValue(source, "internal");
  if (internal !== undefined) return internal === "guardian" ? "guardian" : "internal";
  const subagent = ownValue(source, "subagent");
  if (subagent === undefined) return "main";
  return subagent === "review" ? "review" : "helper";
}

function historyModeText({ history_mode: mode = "legacy" }: SessionMeta): string {
  return typeof mode === "string" ? mode : JSON.stringify(mode);
}

function told(value: string | null | undefined, form = (text: string) => text): string | undefined {
  return value === null || value === undefined || value === "" ? undefined : form(value);
}

function idOf(text: string): string {
  return parseUuid(text) ?? text.toLowerCase();
}
