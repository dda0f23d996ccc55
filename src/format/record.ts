/**
 * What a rollout line is, once decoded: `RolloutRecord`, a union tagged by `type` (rollout-format §2.1 and §3).
 * Lines become records in `decode.ts` and records become lines in `encode.ts`; everything to the right of the readers
 * speaks in these types. Payloads are the JSON as on disk, names included.
 *
 * Where each family lives: events in `event.ts`, model items in `response-item.ts`, client items in `turn-item.ts`,
 * the leaves in `parts.ts`.
 */
import type { EventMsg } from "./event.ts";
import type { JsonArray, JsonObject, JsonValue } from "./json.ts";
import type {
  ApprovalPolicy,
  ApprovalsReviewer,
  CollaborationMode,
  CyberAccessProgram,
  MultiAgentVersion,
  PassthroughMetadata,
  PermissionProfile,
  SandboxPolicy,
  TokenUsage,
  TurnAttribution,
} from "./parts.ts";
import type { ResponseItem } from "./response-item.ts";

export type { EventMsg, EventOf } from "./event.ts";
export type { JsonArray, JsonObject, JsonValue } from "./json.ts";
export type { TokenUsage } from "./parts.ts";
export type { ResponseItem } from "./response-item.ts";
export type { TurnItem, TurnItemOf, TurnItemType } from "./turn-item.ts";

export interface GitInfo {
  readonly commit_hash?: string | null;
  readonly branch?: string | null;
  readonly repository_url?: string | null;
}

/** Where a copy-on-write fork hangs: in the rollout `thread_id`, before that ordinal, at that byte of the plain text. */
export interface HistoryBase {
  /** The rollout id of the parent file: a segment id after a revert, else the thread id. */
  readonly thread_id: string;
  readonly end_ordinal_exclusive: number;
  readonly end_byte_offset: number;
}

/** Fields of `thread_spawn` (rollout-format §3.1); `agent_type` is another name for `agent_role`. */
export interface ThreadSpawn {
  readonly parent_thread_id: string;
  readonly depth: number;
  readonly agent_path?: string | null;
  readonly agent_nickname?: string | null;
  readonly agent_role?: string | null;
  readonly agent_type?: string | null;
}

/** Which client or agent made a thread. Read it through `session-source.ts`. */
export type SessionSource =
  | string
  | { readonly custom: string }
  | { readonly internal: string }
  | { readonly subagent: string | { readonly thread_spawn: ThreadSpawn } | { readonly other: string } };

/** Identity and thread-wide settings (rollout-format §3.1). The first one of a file counts. */
export interface SessionMeta {
  readonly id: string;
  readonly timestamp: string;
  readonly cwd: string;
  readonly originator: string;
  readonly cli_version: string;
  readonly session_id?: string | null;
  readonly forked_from_id?: string | null;
  readonly forked_from_ordinal_exclusive?: number | null;
  readonly parent_thread_id?: string | null;
  readonly attached_thread?: boolean;
  readonly source?: SessionSource;
  readonly thread_source?: string | null;
  readonly agent_nickname?: string | null;
  readonly agent_role?: string | null;
  /** Another name for `agent_role`. */
  readonly agent_type?: string | null;
  readonly agent_path?: string | null;
  readonly model_provider?: string | null;
  readonly base_instructions?: { readonly text: string; readonly provenance?: JsonObject | null } | null;
  readonly dynamic_tools?: JsonArray | null;
  readonly memory_mode?: string | null;
  /** Ask `historyModeOf`: any value passes the decoder, so that the metadata of unknown modes stays readable. */
  readonly history_mode?: JsonValue;
  readonly history_base?: HistoryBase | null;
  readonly subagent_history_start_ordinal?: number | null;
  readonly multi_agent_version?: MultiAgentVersion | null;
  readonly selected_capability_roots?: JsonArray;
  readonly context_window?: { readonly window_id: string } | null;
  readonly account_scoped?: boolean;
  readonly creator_user_id?: string | null;
  readonly creator_account_id?: string | null;
  readonly runtime_workspace_roots?: readonly string[] | null;
  readonly git?: GitInfo | null;
  /** Written up to about 0.73; ignored. */
  readonly instructions?: JsonValue;
}

/** Settings in force for a turn (rollout-format §3.2). */
export interface TurnContext {
  readonly turn_id?: string | null;
  readonly root_turn_id?: string | null;
  readonly cwd: string;
  readonly approval_policy: ApprovalPolicy;
  readonly approvals_reviewer?: ApprovalsReviewer | null;
  readonly sandbox_policy?: SandboxPolicy | null;
  readonly permission_profile?: PermissionProfile | null;
  readonly active_permission_profile?: JsonObject | null;
  readonly file_system_sandbox_policy?: JsonObject | null;
  readonly model: string;
  readonly comp_hash?: string | null;
  readonly collaboration_mode?: CollaborationMode | null;
  readonly multi_agent_version?: MultiAgentVersion | null;
  readonly multi_agent_mode?: JsonValue;
  readonly realtime_active?: boolean | null;
  readonly cyber_access_program?: CyberAccessProgram | null;
  readonly effort?: string | null;
  readonly summary?: "auto" | "concise" | "detailed" | "none" | null;
  readonly disabled_plugin_ids?: readonly string[] | null;
  /** These were written by releases up to 0.142 and are dropped by 0.169.0. */
  readonly workspace_roots?: JsonValue;
  readonly current_date?: JsonValue;
  readonly timezone?: JsonValue;
  readonly network?: JsonValue;
  readonly personality?: JsonValue;
}

/** What a self-sufficient checkpoint remembers (rollout-format §3.4). */
export interface ResumeMetadata {
  readonly multi_agent_version?: MultiAgentVersion | null;
  readonly last_started_turn_id?: string | null;
  readonly turn_attribution?: TurnAttribution | null;
  readonly previous_turn_settings?: {
    readonly model: string;
    readonly comp_hash?: string | null;
    readonly realtime_active?: boolean | null;
    readonly cyber_access_program?: CyberAccessProgram | null;
  } | null;
  readonly dynamic_tools?: { readonly thread_id: string; readonly tools: JsonArray } | null;
  readonly rejected_audio_file_ids?: readonly string[] | null;
}

/** Compaction checkpoint (rollout-format §3.4). */
export interface Compacted {
  readonly message: string;
  readonly replacement_history?: readonly ResponseItem[] | null;
  /** As long as `replacement_history`. */
  readonly replacement_history_metadata?: readonly (JsonObject | null)[] | null;
  readonly window_number?: number | null;
  /** A string id, or the legacy unsigned number that stands for `window_number`. */
  readonly window_id?: string | number | null;
  readonly first_window_id?: string | null;
  readonly previous_window_id?: string | null;
  readonly guardian_history?: JsonArray | null;
  readonly retained_context?: JsonObject | null;
  readonly mcp_resource_origins?: JsonObject | null;
  readonly compaction_response_id?: string | null;
  readonly latest_token_usage_record?: TokenUsageRecord | null;
  readonly resume_metadata?: ResumeMetadata | null;
}

/** A full snapshot, or an RFC 7386 merge patch on the one before (rollout-format §3.5). */
export interface WorldState {
  readonly full: boolean;
  readonly state: JsonObject;
}

/** Message between agents, as 0.118–0.142 stored it (rollout-format §3.6). */
export interface InterAgentCommunication {
  readonly id?: string | null;
  readonly author: string;
  readonly recipient: string;
  readonly other_recipients?: readonly string[];
  readonly content: string;
  readonly encrypted_content?: string | null;
  readonly internal_chat_message_metadata_passthrough?: PassthroughMetadata | null;
  readonly trigger_turn: boolean;
}

export interface InterAgentCommunicationMetadata {
  readonly trigger_turn: boolean;
}

/** Usage of one model response, with the sums so far (rollout-format §3.7). */
export interface TokenUsageRecord {
  readonly thread_id: string;
  readonly turn_id: string;
  readonly session_id: string;
  readonly root_turn_id: string;
  readonly response_id: string;
  readonly usage: TokenUsage;
  readonly turn_token_usage: TokenUsage;
  readonly thread_token_usage: TokenUsage;
}

export interface SecurityRiskScore {
  readonly scores: { readonly [name: string]: number };
  readonly call_id?: string | null;
  readonly action?: JsonValue;
  readonly sampled_at?: string | null;
}

export type RealtimeItem = { readonly id: string; readonly realtime_session_id: string } & (
  | { readonly type: "realtime_session_started" }
  | { readonly type: "transcript_segment"; readonly role: "user" | "assistant"; readonly text: string }
  | {
      readonly type: "bem_item_promoted";
      readonly turn_id: string;
      readonly item_id: string;
      readonly presentation: JsonObject;
    }
  | { readonly type: "realtime_session_closed"; readonly outcome: "ended" | "failed" }
);

/** Facts kept over compactions (rollout-format §3.8). */
export type RetainedContext =
  | {
      readonly type: "accepted_file_audio";
      readonly evidence: {
        readonly turn_id: string;
        readonly model: string;
        readonly provider: string;
        readonly file_ids: readonly string[];
      };
    }
  | {
      readonly type: "verified_answer";
      readonly turn_id: string;
      readonly call_id: string;
      readonly questions: readonly { readonly question: string; readonly answer: string }[];
      readonly acceptance_order?: number | null;
    }
  | {
      readonly type: "delivered_assistant_message";
      readonly acceptance_order: number;
      readonly turn_id: string;
      readonly text: string;
      readonly complete: boolean;
      readonly message_id?: string | null;
    };

export interface DynamicToolsUpdated {
  readonly thread_id: string;
  readonly tools: JsonArray;
}

/** The table of record types: adding one makes every mapped table over it fail to compile until it is handled. */
export interface RecordPayloads {
  readonly session_meta: SessionMeta;
  readonly response_item: ResponseItem;
  readonly compacted: Compacted;
  readonly turn_context: TurnContext;
  readonly event_msg: EventMsg;
  readonly inter_agent_communication: InterAgentCommunication;
  readonly inter_agent_communication_metadata: InterAgentCommunicationMetadata;
  readonly world_state: WorldState;
  readonly security_risk_score: SecurityRiskScore;
  readonly realtime_item: RealtimeItem;
  readonly token_usage_record: TokenUsageRecord;
  readonly retained_context: RetainedContext;
  readonly dynamic_tools_updated: DynamicToolsUpdated;
}

export type RecordType = keyof RecordPayloads;

/** One line. `timestamp` is any string (RFC 3339 UTC as written); `ordinal` only in paginated files (rollout-format §2). */
export type RolloutRecord = {
  [T in RecordType]: {
    readonly type: T;
    readonly timestamp: string;
    readonly ordinal?: number;
    readonly payload: RecordPayloads[T];
    /** Harness metadata, on `response_item` only (rollout-format §3.3.4). */
    readonly metadata?: JsonObject;
  };
}[RecordType];

export type RecordOf<T extends RecordType> = Extract<RolloutRecord, { readonly type: T }>;

export type HistoryMode = "legacy" | "paginated";

/** The history mode of a thread; undefined when it names a mode that 0.169.0 does not know (fail closed then). */
export function historyModeOf(meta: SessionMeta): HistoryMode | undefined {
  const mode = meta.history_mode;
  if (mode === undefined) return "legacy";
  return mode === "legacy" || mode === "paginated" ? mode : undefined;
}
