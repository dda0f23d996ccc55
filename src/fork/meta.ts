/** The first line of the new thread, and the ones that only it has: what §7.2, §7.3 and §7.5 of rollout-format say of them. */
import { parseUuid } from "../format/names.ts";
import type { EventOf, RecordOf, RolloutRecord, SessionMeta } from "../format/record.ts";
import { type NewThread, newUuidV7 } from "./identity.ts";
import type { AgentVersion } from "./inherit.ts";
import type { OpenTurn, SourceScan } from "./scan.ts";
import type { ForkSource } from "./source.ts";
import type { ForkBase } from "./types.ts";

/** What a record is made of before it has a time and an ordinal. */
export type Draft<Type extends RolloutRecord["type"] = RolloutRecord["type"]> = Type extends Type
  ? Pick<RecordOf<Type>, "type" | "payload">
  : never;

export interface MetaInput {
  readonly source: ForkSource;
  readonly scan: SourceScan;
  readonly thread: NewThread;
  /** What a reference continues. */
  readonly base: ForkBase | undefined;
  /** For an agent; `startOrdinal` only where there are ordinals. */
  readonly agent: { readonly version: AgentVersion; readonly startOrdinal: number | undefined } | undefined;
}

/** The settings of the thread as it is now, whatever the cut: so does 0.169.0. */
export function newMeta({ source, scan, thread, base, agent }: MetaInput): SessionMeta {
  const { meta } = source;
  const roots = scan.settings?.runtime_workspace_roots ?? meta.runtime_workspace_roots;
  const tools = scan.tools ?? meta.dynamic_tools;
  const version = agent?.version ?? meta.multi_agent_version ?? scan.context?.multi_agent_version;
  return {
    ...(meta.account_scoped === undefined ? {} : { account_scoped: meta.account_scoped }),
    session_id: agent === undefined ? thread.id : sessionOf(source),
    id: thread.id,
    forked_from_id: source.id,
    ...(base === undefined ? {} : { forked_from_ordinal_exclusive: base.endOrdinalExclusive }),
    ...(agent === undefined ? {} : { parent_thread_id: source.id }),
    timestamp: thread.timestamp,
    cwd: scan.settings?.cwd ?? meta.cwd,
    ...(roots == null ? {} : { runtime_workspace_roots: roots }),
    originator: meta.originator,
    cli_version: meta.cli_version,
    ...(agent === undefined ? { source: "cli" } : agentColumns(source, thread, agent.version)),
    ...optional("model_provider", scan.settings?.model_provider_id ?? meta.model_provider),
    ...optional("base_instructions", meta.base_instructions),
    ...optional("dynamic_tools", tools),
    ...optional("selected_capability_roots", meta.selected_capability_roots),
    history_mode: source.mode,
    ...(base === undefined ? {} : { history_base: historyBase(base) }),
    ...optional("subagent_history_start_ordinal", agent?.startOrdinal),
    ...optional("multi_agent_version", version),
    context_window: { window_id: newUuidV7(thread.nowMs) },
    ...optional("creator_user_id", meta.creator_user_id),
    ...optional("creator_account_id", meta.creator_account_id),
  };
}

function optional<Name extends keyof SessionMeta>(name: Name, value: SessionMeta[Name] | undefined) {
  return value == null ? {} : { [name]: value };
}

function historyBase(base: ForkBase) {
  return {
    thread_id: base.rolloutId,
    end_ordinal_exclusive: base.endOrdinalExclusive,
    end_byte_offset: base.endByteOffset,
  };
}

/** All agents of a tree share the root's session. */
function sessionOf({ meta, id }: ForkSource): string {
  return parseUuid(meta.session_id ?? "") ?? id;
}

/** Agents of version 2 are addressed by a path below the root's; a name of its own keeps this one apart from its siblings. */
function agentColumns(
  { meta, id }: ForkSource,
  thread: NewThread,
  version: AgentVersion,
): Pick<SessionMeta, "source" | "thread_source" | "agent_path"> {
  const path = version === "v1" ? null : `${meta.agent_path ?? "/root"}/fork_${thread.id.slice(-8)}`;
  const spawn = {
    parent_thread_id: id,
    depth: depthOf(meta) + 1,
    agent_path: path,
    agent_nickname: null,
    agent_role: null,
  };
  return {
    source: { subagent: { thread_spawn: spawn } },
    thread_source: "subagent",
    ...(path === null ? {} : { agent_path: path }),
  };
}

function depthOf({ source }: SessionMeta): number {
  if (typeof source !== "object" || !("subagent" in source)) return 0;
  const { subagent } = source;
  return typeof subagent === "object" && "thread_spawn" in subagent ? subagent.thread_spawn.depth : 0;
}

/** Version 1 unless the thread works with the other one. */
export function agentVersion({ meta }: ForkSource, { context }: SourceScan): AgentVersion {
  return (meta.multi_agent_version ?? context?.multi_agent_version) === "v2" ? "v2" : "v1";
}

/**
 * The newest settings of the source, said with the new thread's id. What a user chose for the manner of the conversation is
 * left behind, as 0.169.0 leaves it: plan mode, personality, service tier.
 */
export function settingsRecord({ settings }: SourceScan, thread: NewThread): Draft | undefined {
  if (settings === undefined) return undefined;
  const { personality: _personality, reasoning_summary: _summary, service_tier: _tier, ...kept } = settings;
  const manner = { model: kept.model, reasoning_effort: kept.reasoning_effort ?? null, developer_instructions: null };
  const payload = {
    type: "thread_settings_applied",
    thread_id: thread.id,
    thread_settings: { ...kept, collaboration_mode: { mode: "default", settings: manner } },
  } as const;
  return { type: "event_msg", payload };
}

/**
 * What 0.169.0 and 0.142.3 tell the model when they fork a thread in the middle of a turn. Data, to the letter: a resumed
 * thread is compared with one that Codex forked.
 */
const INTERRUPTED =
  "<turn_aborted>\nThe user interrupted the previous turn on purpose. Any running unified exec processes may still be " +
  "running in the background. If any tools/commands were aborted, they may have partially executed.\n</turn_aborted>";

/** Closes the turn that is open at the end of what was kept. */
export function closingRecords(open: OpenTurn, tellsModel: boolean, thread: NewThread): readonly Draft[] {
  const started = open.started;
  const event: EventOf<"turn_aborted"> = {
    type: "turn_aborted",
    ...(started?.root_turn_id == null ? {} : { root_turn_id: started.root_turn_id }),
    turn_id: started?.turn_id ?? null,
    reason: "interrupted",
    ...(started?.started_at == null ? {} : { started_at: started.started_at }),
  };
  const closing: Draft = { type: "event_msg", payload: event };
  if (!tellsModel) return [closing];
  const message: Draft = {
    type: "response_item",
    payload: {
      type: "message",
      id: `msg_${newUuidV7(thread.nowMs)}`,
      role: "user",
      content: [{ type: "input_text", text: INTERRUPTED }],
    },
  };
  return [message, closing];
}
